// What a visit touches is small; the manifest of a large device is not, and the embedded engine writes a node as a whole.
CREATE CONSTRAINT manifest_name IF NOT EXISTS FOR (n:Manifest) REQUIRE n.name IS UNIQUE;
MATCH (t:Target) WHERE t.manifest IS NOT NULL WITH t LIMIT 500 MERGE (m:Manifest {name: t.name}) SET m.manifest = t.manifest REMOVE t.manifest RETURN count(*);
// Every visit would write it; a sweep looks through what is small now.
DROP INDEX target_seen IF EXISTS;
