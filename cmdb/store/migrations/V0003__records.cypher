// Records about CIs, and where the ids of CIs lead that others have absorbed.
CREATE CONSTRAINT record_id IF NOT EXISTS FOR (n:Record) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT absorbed_id IF NOT EXISTS FOR (n:Absorbed) REQUIRE n.id IS UNIQUE;
