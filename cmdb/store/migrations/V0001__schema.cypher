// The shape of the graph. Constraints first: they are what keeps a race from doubling things.
CREATE CONSTRAINT ci_id IF NOT EXISTS FOR (n:CI) REQUIRE n.id IS UNIQUE;
// Dependent CIs only: `<parent id>|<class>|<local key>`. Absent on the others, which uniqueness allows.
CREATE CONSTRAINT ci_key IF NOT EXISTS FOR (n:CI) REQUIRE n.key IS UNIQUE;
CREATE INDEX ci_class_name IF NOT EXISTS FOR (n:CI) ON (n.class, n.name_lc);
CREATE INDEX ci_name IF NOT EXISTS FOR (n:CI) ON (n.name_lc);
CREATE CONSTRAINT identifier_key IF NOT EXISTS FOR (n:Identifier) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT target_name IF NOT EXISTS FOR (n:Target) REQUIRE n.name IS UNIQUE;
CREATE INDEX target_seen IF NOT EXISTS FOR (n:Target) ON (n.last_seen);
CREATE CONSTRAINT pending_id IF NOT EXISTS FOR (n:Pending) REQUIRE n.id IS UNIQUE;
CREATE INDEX pending_key IF NOT EXISTS FOR (n:Pending) ON (n.key);
CREATE INDEX pending_ci IF NOT EXISTS FOR (n:Pending) ON (n.ci);
CREATE CONSTRAINT task_id IF NOT EXISTS FOR (n:Task) REQUIRE n.id IS UNIQUE;
// A second line of defence behind the head's lock: two commits can never have the same number.
CREATE CONSTRAINT commit_seq IF NOT EXISTS FOR (n:Commit) REQUIRE n.seq IS UNIQUE;
CREATE INDEX commit_part_seq IF NOT EXISTS FOR (n:CommitPart) ON (n.seq);
// Superseded versions. Single properties: the embedded engine ignores a composite index for `{id: x}` with x from UNWIND.
CREATE INDEX ci_version_id IF NOT EXISTS FOR (n:CIVersion) ON (n.id);
CREATE INDEX relationship_version_source IF NOT EXISTS FOR (n:RelVersion) ON (n.source_id);
CREATE INDEX relationship_version_target IF NOT EXISTS FOR (n:RelVersion) ON (n.target_id);
MERGE (h:Ledger {id: 'head'}) ON CREATE SET h.seq = 0, h.hash = '', h.at = 0, h.lock = '';
CREATE CONSTRAINT run_id IF NOT EXISTS FOR (n:Run) REQUIRE n.id IS UNIQUE;
