// Pushed items that nobody could place, until a person has looked at them.
CREATE CONSTRAINT quarantined_id IF NOT EXISTS FOR (n:Quarantined) REQUIRE n.id IS UNIQUE;
CREATE INDEX quarantined_first IF NOT EXISTS FOR (n:Quarantined) ON (n.first);
