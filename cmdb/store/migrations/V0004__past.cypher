// Names as they are ordered, in one text each: both engines walk such an index, the embedded one only forwards and without
// ORDER BY. Versions carry these texts only where a name ended (past_…), so that history does not fill the indexes.
CREATE INDEX ci_by_class IF NOT EXISTS FOR (n:CI) ON (n.by_class);
CREATE INDEX ci_by_name IF NOT EXISTS FOR (n:CI) ON (n.by_name);
CREATE INDEX ci_version_past_class IF NOT EXISTS FOR (n:CIVersion) ON (n.past_class);
CREATE INDEX ci_version_past_name IF NOT EXISTS FOR (n:CIVersion) ON (n.past_name);
CREATE INDEX former_identifier_key IF NOT EXISTS FOR (n:FormerIdentifier) ON (n.key);
CREATE INDEX former_absorbed_id IF NOT EXISTS FOR (n:FormerAbsorbed) ON (n.id);
DROP INDEX ci_class_name IF EXISTS;
DROP INDEX ci_name IF EXISTS;
// What an older program wrote, a part at a time. The sign between the parts, in the quotes below, is U+0001.
MATCH (c:CI) WHERE c.named IS NULL WITH c LIMIT 10000 SET c.by_name = c.name_lc + '' + c.id, c.by_class = c.class + '' + c.name_lc + '' + c.id, c.named = c.from RETURN count(*);
MATCH (c:CIVersion) WHERE c.named IS NULL WITH c LIMIT 10000 SET c.past_name = c.name_lc + '' + c.id, c.past_class = c.class + '' + c.name_lc + '' + c.id, c.named = c.from RETURN count(*);
MATCH (i:Identifier)-[:IDENTIFIES]->(c:CI) WHERE c.keys IS NULL WITH DISTINCT c LIMIT 10000 SET c.keys = [(c)<-[k:IDENTIFIES]-(i:Identifier) | CASE WHEN k.strong THEN '+' ELSE '-' END + i.key] RETURN count(*);
// Which identifiers a version had was not kept: it gets those of today.
MATCH (v:CIVersion) WHERE v.keys IS NULL MATCH (c:CI {id: v.id}) WHERE c.keys IS NOT NULL WITH v, c LIMIT 10000 SET v.keys = c.keys RETURN count(*);
