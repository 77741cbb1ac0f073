"""All statements that write, and the reading ones that never vary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from cmdb.changes import MAX_VISITS
from cmdb.errors import Invalid
from cmdb.model.registry import Model
from cmdb.store.rows import RELATIONSHIP_RESERVED, RESERVED

# ---- the ledger's head. Write first, then read, and compare in Python: the only order that locks on both engines.
# A comparison in the statement (`WHERE h.seq = …`) is tested before the lock is taken.
LOCK = "MATCH (h:Ledger {id: 'head'}) SET h.lock = $me RETURN h.seq, h.hash, h.at"
HEAD = "MATCH (h:Ledger {id: 'head'}) RETURN h.seq, h.hash, h.at"
POLICY = "MATCH (h:Ledger {id: 'head'}) RETURN coalesce(h.policy, '')"
NOTE_POLICY = "MATCH (h:Ledger {id: 'head'}) SET h.policy = $version"
COMMIT = (
    "MATCH (h:Ledger {id: 'head'}) SET h.seq = $seq, h.hash = $hash, h.at = $at"
    " CREATE (:Commit {seq: $seq, at: $at, actor: $actor, reason: $reason, prev_hash: $previous, hash: $hash,"
    " payload: $payload, texts: $texts, parts: $parts, size: $size})"
)
COMMIT_PART = "CREATE (:CommitPart {seq: $seq, n: $n, kind: $kind, data: $data})"
COMMIT_HASH = "MATCH (c:Commit {seq: $seq}) RETURN c.hash"
# A range predicate on seq scans on the embedded engine; exact look-ups don't.
COMMITS = (
    "UNWIND range($after + 1, $after + $limit) AS i MATCH (c:Commit {seq: i})"
    " RETURN c.seq, c.at, c.actor, c.reason, c.prev_hash, c.hash, c.payload, c.texts, c.parts ORDER BY c.seq"
)
COMMIT_PARTS = (
    "UNWIND $seqs AS i MATCH (p:CommitPart {seq: i}) RETURN p.seq, p.kind, p.data ORDER BY p.seq, p.kind, p.n"
)

# ---- identifiers
IDENTIFY_NEW = (
    "UNWIND $rows AS r MERGE (i:Identifier {key: r[0]}) WITH i, r MATCH (c:CI {id: r[1]})"
    " CREATE (i)-[:IDENTIFIES {strong: r[2]}]->(c) RETURN count(*)"
)
IDENTIFY = (
    "UNWIND $rows AS r MERGE (i:Identifier {key: r[0]}) WITH i, r MATCH (c:CI {id: r[1]})"
    " MERGE (i)-[o:IDENTIFIES]->(c) SET o.strong = r[2] RETURN count(*)"
)
FORGET = (
    "UNWIND $rows AS r MATCH (c:CI {id: r[1]})<-[o:IDENTIFIES]-(i:Identifier) WHERE i.key = r[0]"
    " DELETE o RETURN count(*)"
)
FORGET_UNUSED = "UNWIND $rows AS r MATCH (i:Identifier {key: r[0]}) WHERE NOT (i)-[:IDENTIFIES]->() DELETE i"
SHARED_STRONG = (
    "UNWIND $rows AS r MATCH (i:Identifier {key: r[0]})-[o:IDENTIFIES]->(:CI) WHERE o.strong"
    " WITH i, count(o) AS n WHERE n > 1 RETURN i.key LIMIT 5"
)
BY_KEY = "UNWIND $keys AS x MATCH (i:Identifier {key: x})-[o:IDENTIFIES]->(c:CI) RETURN i.key, c.id, o.strong"

# ---- CIs. The superseded version is copied in the server, so a change sends only what is new.
SET_CI = (
    "UNWIND $rows AS r MATCH (c:CI {id: r[0]}) CREATE (v:CIVersion) SET v = properties(c) SET v.to = $at"
    " SET c += r[1] SET c.revision = c.revision + 1, c.from = $at RETURN count(*)"
)
# A CI that another one has absorbed: its last version stays, its node goes, and its id leads on.
END_CI = (
    "UNWIND $rows AS r MATCH (c:CI {id: r[0]}) CREATE (v:CIVersion) SET v = properties(c) SET v.to = $at"
    " CREATE (:Absorbed {id: r[0], into: r[1], at: $at}) DETACH DELETE c RETURN count(*)"
)
# Only ties to parents have no facets; those of the dependents have moved before.
_KEEP_TIE = (
    "CREATE (w:RelVersion) SET w = properties(t) SET w.source_id = startNode(t).id, w.target_id = endNode(t).id,"
    " w.rel_type = type(t), w.to = $at DELETE t"
)
END_TIES = (
    "UNWIND $rows AS r MATCH (c:CI {id: r[0]})-[t]-(:CI) WHERE t.facets IS NULL " + _KEEP_TIE + " RETURN count(*)"
)
RETURN_CI = "UNWIND $rows AS r MATCH (a:Absorbed {id: r[0]}) DELETE a RETURN count(*)"
ABSORBED = "UNWIND $ids AS x MATCH (a:Absorbed {id: x}) RETURN a.id, a.into"
SET_REVISION = "UNWIND $rows AS r MATCH (c:CI {id: r[0]}) SET c.revision = r[1] RETURN count(*)"
IDENTIFIERS_OF = "[({ci})<-[k:IDENTIFIES]-(i:Identifier) | [i.key, k.strong]]"
BY_ID = f"UNWIND $ids AS x MATCH (c:CI {{id: x}}) RETURN properties(c), {IDENTIFIERS_OF.format(ci='c')}"
PROPERTIES = "UNWIND $ids AS x MATCH (c:CI {id: x}) RETURN properties(c)"
FACETS = "UNWIND $ids AS x MATCH (c:CI {id: x}) RETURN c.id, c.class, c.status, c.facets"
BY_PATH = "UNWIND $paths AS x MATCH (c:CI {key: x}) RETURN c.key, c.id"

# ---- what was said last, and what waits
SET_TARGET = (
    "UNWIND $rows AS r MERGE (t:Target {name: r[0]}) WITH t, r WHERE coalesce(t.last_seen, 0) = r[1]"
    " SET t.hash = r[2], t.last_seen = r[3], t.complete_at = r[4], t.tables = r[5], t.manifest = r[6],"
    " t.carried = r[7], t.visits = r[8], t.absent = r[9], t.swept = r[10], t.unsaid = r[11]"
    " RETURN count(*)"
)
DROP_TARGET = "UNWIND $rows AS r MATCH (t:Target {name: r[0]}) DETACH DELETE t"
SEEN = (
    "UNWIND $rows AS r MATCH (t:Target {name: r[0]}) WHERE t.last_seen < r[1]"
    # SET runs from left to right, so the first ones still see the old times
    f" SET t.visits = CASE WHEN t.complete_at = t.last_seen THEN (coalesce(t.visits, []) + r[1])[-{MAX_VISITS}..]"
    " ELSE coalesce(t.visits, []) END,"
    " t.complete_at = CASE WHEN t.complete_at = t.last_seen THEN r[1] ELSE t.complete_at END, t.last_seen = r[1]"
)
TARGETS = "UNWIND $names AS x MATCH (t:Target {name: x}) RETURN t.name, t.hash, t.last_seen, t.complete_at, t.tables"
TARGETS_IN_FULL = TARGETS + ", t.manifest, t.visits, t.absent, t.swept, t.unsaid"
# Three statements, since an OR would keep the first one from its index.
_DUE = " RETURN t.name, t.last_seen, t.swept, t.visits, t.absent, t.carried, t.unsaid"
TARGETS_SILENT = "MATCH (t:Target) WHERE t.last_seen < $before" + _DUE
TARGETS_LACKING = "MATCH (t:Target) WHERE t.absent IS NOT NULL" + _DUE
TARGETS_CARRYING = "MATCH (t:Target) WHERE t.carried IS NOT NULL OR t.unsaid IS NOT NULL" + _DUE
TARGETS_SEEN = "UNWIND $names AS x MATCH (t:Target {name: x}) RETURN t.name, t.last_seen, t.carried"
PEND = (
    "UNWIND $rows AS r MERGE (p:Pending {id: r[0]})"
    " SET p.key = r[1], p.path = r[2], p.ci = r[3], p.type = r[4], p.origin = r[5], p.facet = r[6]"
)
ARRIVE = "UNWIND $rows AS r MATCH (p:Pending {id: r[0]}) DELETE p"
SETTLE = "UNWIND $rows AS r MATCH (p:Pending {ci: r[0]}) WHERE p.origin = r[1] DELETE p"
DROP_PENDING = "MATCH (p:Pending) WHERE p.origin IN [r IN $rows | r[0]] DETACH DELETE p"
_PENDING = "RETURN p.key, p.path, p.ci, p.type, p.origin, p.facet"
PENDING = f"UNWIND $keys AS x MATCH (p:Pending {{key: x}}) {_PENDING}"
PENDING_BY_ID = f"UNWIND $ids AS x MATCH (p:Pending {{id: x}}) {_PENDING}"

# ---- tasks
PUT_TASK = (
    "UNWIND $rows AS r MERGE (t:Task {id: r[0]})"
    " SET t.kind = r[1], t.state = r[2], t.origin = r[3], t.observed = r[4], t.keys = r[5], t.cis = r[6], t.text = r[7]"
    " RETURN count(*)"
)
TASKS = (
    "MATCH (t:Task) WHERE ($states = [] OR t.state IN $states) AND ($kinds = [] OR t.kind IN $kinds)"
    " RETURN t.id, t.kind, t.state, t.origin, t.observed, t.keys, t.cis, t.text ORDER BY t.id"
)

# ---- records
PUT_RECORD = (
    "UNWIND $rows AS r MERGE (n:Record {id: r[0]})"
    " SET n.kind = r[1], n.state = r[2], n.title = r[3], n.about = r[4], n.body = r[5], n.texts = r[6],"
    " n.at = coalesce(n.at, $at), n.changed = $at, n.revision = coalesce(n.revision, 0) + 1"
    " RETURN count(*)"
)
_RECORD = "RETURN n.id, n.kind, n.state, n.title, n.about, n.body, n.texts, n.at, n.changed, n.revision"
RECORDS = (
    f"MATCH (n:Record) WHERE ($kinds = [] OR n.kind IN $kinds) AND ($states = [] OR n.state IN $states) {_RECORD}"
    " ORDER BY n.id"
)
RECORDS_BY_ID = f"UNWIND $ids AS x MATCH (n:Record {{id: x}}) {_RECORD}"

# Types whose target has few of them and whose source may have very many. Both engines look at every relationship of
# the end they start from, and the embedded one takes the end that is written first.
_FEW_AT_TARGET = frozenset({"CONTAINS", "HAS_ADDRESS", "HAS_REQUIREMENT", "INSTALLED_ON"})

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Statements:
    """The statements that name classes, attributes or relationship types, made from the model."""

    def __init__(self, model: Model) -> None:
        """Raises Invalid where the model uses a name that the store needs for itself."""
        self.model = model
        self.classes = {name: tuple(sorted(c.attributes.keys() - {"name"})) for name, c in model.classes.items()}
        self.attributes = {a: t for c in model.classes.values() for a, t in c.attributes.items()}
        self.types = {name: tuple(sorted(t.attributes)) for name, t in model.relationship_types.items()}
        self._names = {*self.classes, *self.attributes, *self.types, *(a for t in self.types.values() for a in t)}
        self.symmetric = frozenset(name for name, t in model.relationship_types.items() if t.symmetric)
        self.internal_types = frozenset(name for name, t in model.relationship_types.items() if t.internal)
        self.internal_classes = sorted(name for name, c in model.classes.items() if c.internal)
        self.to_parent = frozenset(  # ties that run from the dependent CI to its parent
            tie for name in model.classes if (tie := self._tie_to_parent(name))
        )
        for name, attributes in self.classes.items():
            _refuse_reserved(name, RESERVED.intersection(attributes))
        for name, attributes in self.types.items():
            _refuse_reserved(name, RELATIONSHIP_RESERVED.intersection(attributes))
        self.new_ci = cache(self._new_ci)
        self.new_relationship = cache(self._new_relationship)
        self.set_relationship = cache(self._set_relationship)
        self.end_relationship = cache(self._end_relationship)
        self.move_ci = cache(self._move_ci)

    def quote(self, name: str) -> str:
        """A class, attribute or relationship type for use in a statement; whatever is not in the model is refused."""
        if name not in self._names or not _NAME.fullmatch(name):
            raise Invalid(f"{name!r} is no class, attribute or relationship type of the model")
        return f"`{name}`"

    def pattern(self, types: Sequence[str]) -> str:
        """Relationship types as they stand in a pattern; all that are not internal where none is named."""
        return "|".join(map(self.quote, types or sorted(self.types.keys() - self.internal_types)))

    def _tie_to_parent(self, ci_class: str) -> str:
        if self.model.classes[ci_class].inside is None:
            return ""
        tie, direction = self.model.parent_tie(ci_class)
        return tie if direction == "to_parent" else ""

    def _new_ci(self, ci_class: str, dependent: bool) -> str:
        """Rows: id, name, name_lc, status, first_seen, revision, facets, gone, [parent, key,] attributes in order."""
        first = 10 if dependent else 8
        attributes = (f", {self.quote(a)}: r[{first + n}]" for n, a in enumerate(self.classes[ci_class]))
        class_ = self.quote(ci_class).strip("`")
        key = ", key: r[9]" if dependent else ""
        node = (
            f"(:CI {{id: r[0], class: '{class_}', name: r[1], name_lc: r[2], status: r[3], from: $at,"
            f" first_seen: r[4], revision: r[5], facets: r[6], gone: r[7]{key}{''.join(attributes)}}})"
        )
        if not dependent:
            return f"UNWIND $rows AS r CREATE {node} RETURN count(*)"
        tie, direction = self.model.parent_tie(ci_class)
        bond = f"-[:{self.quote(tie)} {{from: $at}}]-"
        arrow = f"{bond}>" if direction == "to_parent" else f"<{bond}"
        return f"UNWIND $rows AS r MATCH (p:CI {{id: r[8]}}) CREATE {node}{arrow}(p) RETURN count(*)"

    def _new_relationship(self, type_: str) -> str:
        """Rows: source, target, facets, attributes in order."""
        quoted = self.quote(type_)
        attributes = "".join(f", {self.quote(a)}: r[{3 + n}]" for n, a in enumerate(self.types[type_]))
        return (
            "UNWIND $rows AS r MATCH (a:CI {id: r[0]}) MATCH (b:CI {id: r[1]})"
            f" CREATE (a)-[:{quoted} {{from: $at, facets: r[2]{attributes}}}]->(b) RETURN count(*)"
        )

    def one_relationship(self, type_: str, source: str, target: str) -> str:
        """The MATCH clause for relationship `r` from `a` to `b`, started from the end that has few of them."""
        quoted = self.quote(type_)
        if type_ in _FEW_AT_TARGET:
            return f"MATCH (b:CI {{id: {target}}})<-[r:{quoted}]-(a) WHERE a.id = {source}"
        return f"MATCH (a:CI {{id: {source}}})-[r:{quoted}]->(b) WHERE b.id = {target}"

    def _keep_relationship(self, type_: str) -> str:
        return (
            f"UNWIND $rows AS x {self.one_relationship(type_, 'x[0]', 'x[1]')}"
            " CREATE (v:RelVersion) SET v = properties(r)"
            " SET v.source_id = x[0], v.target_id = x[1], v.rel_type = type(r), v.to = $at"
        )

    def _set_relationship(self, type_: str) -> str:
        """Rows as for a new one."""
        kept = self._keep_relationship(type_)
        attributes = "".join(f", r.{self.quote(a)} = x[{3 + n}]" for n, a in enumerate(self.types[type_]))
        return (
            f"{kept} SET r.first_seen = coalesce(r.first_seen, r.from)"
            f" SET r.from = $at, r.facets = x[2]{attributes} RETURN count(*)"
        )

    def _end_relationship(self, type_: str) -> str:
        """Rows: source, target."""
        return f"{self._keep_relationship(type_)} DELETE r RETURN count(*)"

    def _move_ci(self, ci_class: str, is_version: bool) -> str:
        """Rows: id, parent, key. Its tie changes ends; with `is_version` the CI as it was is kept."""
        tie, direction = self.model.parent_tie(ci_class)
        bond = f"-[:{self.quote(tie)} {{from: $at}}]-"
        arrow = f"{bond}>" if direction == "to_parent" else f"<{bond}"
        kept = " CREATE (v:CIVersion) SET v = properties(c) SET v.to = $at" if is_version else ""
        noted = ", c.revision = c.revision + 1, c.from = $at" if is_version else ""
        return (
            "UNWIND $rows AS r MATCH (p:CI {id: r[1]}) MATCH (c:CI {id: r[0]})-[t]-(o:CI)"
            f" WHERE t.facets IS NULL AND o.id = split(c.key, '|')[0] {_KEEP_TIE}{kept}"
            f" CREATE (c){arrow}(p) SET c.key = r[2]{noted} RETURN count(*)"
        )


def _refuse_reserved(name: str, taken: frozenset[str]) -> None:
    if taken:
        raise Invalid(
            f"{name} has an attribute named {sorted(taken)[0]!r}, which the store uses itself: choose another name"
        )
