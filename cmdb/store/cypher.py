"""All statements that write, and the reading ones that never vary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from cmdb.changes import MAX_VISITS
from cmdb.errors import Invalid
from cmdb.model.registry import Model
from cmdb.store.rows import RELATIONSHIP_RESERVED, RESERVED, SEPARATOR

# ---- the ledger's head. Write first, then read, and compare in Python: the only order that locks on both engines.
# A comparison in the statement (`WHERE h.seq = …`) is tested before the lock is taken.
LOCK = "MATCH (h:Ledger {id: 'head'}) SET h.lock = $me RETURN h.seq, h.hash, h.at"
HEAD = "MATCH (h:Ledger {id: 'head'}) RETURN h.seq, h.hash, h.at"
POLICY = "MATCH (h:Ledger {id: 'head'}) RETURN coalesce(h.policy, '')"
NOTE_POLICY = "MATCH (h:Ledger {id: 'head'}) SET h.policy = $version"
COMMIT = (
    "MATCH (h:Ledger {id: 'head'}) SET h.seq = $seq, h.hash = $hash, h.at = $at"
    " CREATE (:Commit {seq: $seq, at: $at, actor: $actor, reason: $reason, prev_hash: $previous, hash: $hash,"
    " payload: $payload, texts: $texts, parts: $parts, size: $size, form: $form, reason_mark: $reason_mark,"
    " reason_salt: $reason_salt})"
)
COMMIT_PART = "CREATE (:CommitPart {seq: $seq, n: $n, kind: $kind, data: $data})"
# ---- texts that go: what is beside a commit is written anew without them
DISPOSE_TEXTS = (
    "UNWIND $rows AS r MATCH (c:Commit {seq: r[0]}) SET c.texts = r[1], c.parts = r[2], c.reason = r[3],"
    " c.reason_salt = r[4] RETURN count(*)"
)
DISPOSE_PARTS = "UNWIND $rows AS r MATCH (p:CommitPart {seq: r[0]}) WHERE p.kind = 'texts' DELETE p"
ADD_PARTS = "UNWIND $rows AS r CREATE (:CommitPart {seq: r[0], n: r[1], kind: 'texts', data: r[2]})"
# A version is known by when it began. What is current is only met where its CI has retired.
DISPOSE_VERSIONS = "UNWIND $rows AS r MATCH (v:CIVersion {id: r[0]}) WHERE v.from IN r[1] SET v += r[2]"
DISPOSE_CIS = "UNWIND $rows AS r MATCH (c:CI {id: r[0]}) WHERE c.from IN r[1] AND c.status = 'retired' SET c += r[2]"
DISPOSE_RUN_REASONS = "UNWIND $rows AS r MATCH (n:Run) WHERE n.started <= r[0] SET n.reason = ''"

COMMIT_HASH = "MATCH (c:Commit {seq: $seq}) RETURN c.hash"
# A range predicate on seq scans on the embedded engine; exact look-ups don't.
_COMMIT = (
    " RETURN c.seq, c.at, c.actor, c.reason, c.prev_hash, c.hash, c.payload, c.texts, c.parts, c.size, c.form,"
    " c.reason_mark, c.reason_salt ORDER BY c.seq"
)
COMMITS = f"UNWIND range($after + 1, $after + $limit) AS i MATCH (c:Commit {{seq: i}}) {_COMMIT}"
COMMITS_AT = f"UNWIND $times AS x MATCH (c:Commit {{at: x}}) {_COMMIT}"
COMMIT_TIMES = "UNWIND $seqs AS i MATCH (c:Commit {seq: i}) RETURN c.seq, c.at"
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
# Who had an identifier once, so that it can still be asked who that was then.
NOTE_FORMER = (
    "UNWIND $rows AS r MATCH (c:CI {id: r[1]})<-[:IDENTIFIES]-(i:Identifier) WHERE i.key = r[0]"
    " CREATE (:FormerIdentifier {key: r[0], ci: r[1]})"
)
NOTE_FORMER_ALL = (
    "UNWIND $rows AS r MATCH (c:CI {id: r[0]})<-[:IDENTIFIES]-(i:Identifier)"
    " CREATE (:FormerIdentifier {key: i.key, ci: c.id})"
)
FORGET_UNUSED = "UNWIND $rows AS r MATCH (i:Identifier {key: r[0]}) WHERE NOT (i)-[:IDENTIFIES]->() DELETE i"
SHARED_STRONG = (
    "UNWIND $rows AS r MATCH (i:Identifier {key: r[0]})-[o:IDENTIFIES]->(:CI) WHERE o.strong"
    " WITH i, count(o) AS n WHERE n > 1 RETURN i.key LIMIT 5"
)
BY_KEY = "UNWIND $keys AS x MATCH (i:Identifier {key: x})-[o:IDENTIFIES]->(c:CI) RETURN i.key, c.id, o.strong"

# ---- CIs. The superseded version is copied in the server, so a change sends only what is new.
# A version has `past_class` and `past_name`, which are indexed, only where the name or the class ended with it: so the
# indexes hold each name of a CI once, however often it changed under that name. `named` is since when it has had it.
# They are not `by_class` and `by_name` copied and taken away again: the embedded engine's indexes keep traces of that.
_KEEP = "CREATE (v:CIVersion) SET v = properties(c) SET v.to = $at, v.by_class = null, v.by_name = null"
_ENDS_NAME = "v.past_class = c.by_class, v.past_name = c.by_name"
SET_CI = (
    f"UNWIND $rows AS r MATCH (c:CI {{id: r[0]}}) {_KEEP},"
    # SET runs from left to right: the last one still compares with the old name
    " v.past_class = CASE WHEN c.by_class = r[2] THEN null ELSE c.by_class END,"
    " v.past_name = CASE WHEN c.by_class = r[2] THEN null ELSE c.by_name END,"
    " c.named = CASE WHEN c.by_class = r[2] THEN c.named ELSE $at END"
    " SET c += r[1] SET c.revision = c.revision + 1, c.from = $at RETURN count(*)"
)
# After SET_CI, so that the version keeps what was before. Rows: id, keys that go or change, packed keys that come.
SET_KEYS = (
    "UNWIND $rows AS r MATCH (c:CI {id: r[0]})"
    " SET c.keys = [k IN coalesce(c.keys, []) WHERE NOT substring(k, 1) IN r[1]] + r[2] RETURN count(*)"
)
# A CI that another one has absorbed: its last version stays, its node goes, and its id leads on.
END_CI = (
    f"UNWIND $rows AS r MATCH (c:CI {{id: r[0]}}) {_KEEP}, {_ENDS_NAME}"
    " CREATE (:Absorbed {id: r[0], into: r[1], at: $at}) DETACH DELETE c RETURN count(*)"
)
# Only ties to parents have no facets; those of the dependents have moved before.
_KEEP_TIE = (
    "CREATE (w:RelVersion) SET w = properties(t) SET w.source_id = startNode(t).id, w.target_id = endNode(t).id,"
    " w.rel_type = type(t), w.to = $at DELETE t"
)
END_TIES = (
    # Only its own: the tie between two that go at the same time is that of the dependent one.
    "UNWIND $rows AS r MATCH (c:CI {id: r[0]})-[t]-(o:CI) WHERE t.facets IS NULL AND o.id = split(c.key, '|')[0] "
    + _KEEP_TIE
    + " RETURN count(*)"
)
RETURN_CI = (
    "UNWIND $rows AS r MATCH (a:Absorbed {id: r[0]})"
    " CREATE (v:FormerAbsorbed) SET v = properties(a) SET v.to = $at DELETE a RETURN count(*)"
)
ABSORBED = "UNWIND $ids AS x MATCH (a:Absorbed {id: x}) RETURN a.id, a.into"
# A CI keeps its identifiers as a property too: to follow its edges to them takes as long as all the rest of it.
BY_ID = "UNWIND $ids AS x MATCH (c:CI {id: x}) RETURN properties(c)"
# The state of CIs at a time: the node itself where it has not changed since, else the version that held then. Read in
# this order, a commit in between moves a state from where it was not read yet to where it is still to be read.
SINCE = "c.from <= $at"
THEN = "c.from <= $at AND c.to > $at"
THEN_R = "r.from <= $at AND r.to > $at"
BY_ID_SINCE = f"UNWIND $ids AS x MATCH (c:CI {{id: x}}) WHERE {SINCE}"
BY_ID_THEN = f"UNWIND $ids AS x MATCH (c:CIVersion {{id: x}}) WHERE {THEN}"
FACETS = "UNWIND $ids AS x MATCH (c:CI {id: x}) RETURN c.id, c.class, c.status, c.facets"
BY_PATH = "UNWIND $paths AS x MATCH (c:CI {key: x}) RETURN c.key, c.id"

# ---- what was said last, and what waits
SET_TARGET = (
    "UNWIND $rows AS r MERGE (t:Target {name: r[0]}) WITH t, r WHERE coalesce(t.last_seen, 0) = r[1]"
    " SET t.hash = r[2], t.last_seen = r[3], t.complete_at = r[4], t.tables = r[5],"
    " t.carried = r[6], t.visits = r[7], t.absent = r[8], t.swept = r[9], t.unsaid = r[10]"
    # apart from what each visit touches: the embedded engine writes the whole node again for every property
    " WITH r MERGE (m:Manifest {name: r[0]}) SET m.manifest = r[11] RETURN count(*)"
)
DROP_TARGET = "UNWIND $rows AS r MATCH (t:Target {name: r[0]}) MATCH (m:Manifest {name: r[0]}) DETACH DELETE t, m"
SEEN = (
    "UNWIND $rows AS r MATCH (t:Target {name: r[0]}) WHERE t.last_seen < r[1]"
    # SET runs from left to right, so the first ones still see the old times
    f" SET t.visits = CASE WHEN t.complete_at = t.last_seen THEN (coalesce(t.visits, []) + r[1])[-{MAX_VISITS}..]"
    " ELSE coalesce(t.visits, []) END,"
    " t.complete_at = CASE WHEN t.complete_at = t.last_seen THEN r[1] ELSE t.complete_at END, t.last_seen = r[1]"
)
_TARGET = "UNWIND $names AS x MATCH (t:Target {name: x})"
_LAST_SAID = " RETURN t.name, t.hash, t.last_seen, t.complete_at, t.tables"
TARGETS = _TARGET + _LAST_SAID
TARGETS_IN_FULL = (
    f"{_TARGET} MATCH (m:Manifest {{name: x}}){_LAST_SAID}, m.manifest, t.visits, t.absent, t.swept, t.unsaid"
)
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
PENDING = f"UNWIND $coming AS x MATCH (p:Pending {{key: x}}) {_PENDING}"
PENDING_OF = f"UNWIND $ids AS x MATCH (p:Pending {{ci: x}}) {_PENDING}"
PENDING_BY_ID = f"UNWIND $ids AS x MATCH (p:Pending {{id: x}}) {_PENDING}"

# ---- tasks
PUT_TASK = (
    "UNWIND $rows AS r MERGE (t:Task {id: r[0]})"
    " SET t.kind = r[1], t.state = r[2], t.origin = r[3], t.observed = r[4], t.keys = r[5], t.cis = r[6],"
    " t.text = r[7], t.proposal = r[8], t.evidence = r[9], t.created_at = r[10]"
    " RETURN count(*)"
)
_TASK = (
    "RETURN t.id, t.kind, t.state, t.origin, t.observed, t.keys, t.cis, t.text, t.proposal, t.evidence, t.created_at"
)
TASKS = (
    "MATCH (t:Task) WHERE ($states = [] OR t.state IN $states) AND ($kinds = [] OR t.kind IN $kinds)"
    " AND ($about = [] OR t.origin IN $about OR any(c IN t.cis WHERE c IN $about))"
    f" {_TASK}"
)
TASKS_BY_ID = f"UNWIND $ids AS x MATCH (t:Task {{id: x}}) {_TASK}"

# ---- records
PUT_RECORD = (
    "UNWIND $rows AS r MERGE (n:Record {id: r[0]})"
    " SET n.kind = r[1], n.state = r[2], n.title = r[3], n.about = r[4], n.body = r[5], n.texts = r[6],"
    " n.at = coalesce(n.at, $at), n.changed = $at, n.revision = coalesce(n.revision, 0) + 1"
    " RETURN count(*)"
)
DROP_ABOUT = "UNWIND $rows AS r MATCH (n:Record {id: r[0]})-[a:ABOUT]->(:CI) DELETE a"
# The list says what it is about also while another CI stands for one of them.
PUT_ABOUT = (
    "UNWIND $rows AS r MATCH (c:CI {id: r[1]}) MATCH (n:Record {id: r[0]}) MERGE (n)-[:ABOUT]->(c) RETURN count(*)"
)
RETURN_ABOUT = (
    "UNWIND $rows AS r MATCH (c:CI {id: r[0]}) MATCH (n:Record) WHERE r[0] IN n.about MERGE (n)-[:ABOUT]->(c)"
)
RECORD = "RETURN n.id, n.kind, n.state, n.title, n.about, n.body, n.texts, n.at, n.changed, n.revision"
RECORDS = (
    f"MATCH (n:Record) WHERE ($kinds = [] OR n.kind IN $kinds) AND ($states = [] OR n.state IN $states) {RECORD}"
    " ORDER BY n.id"
)
RECORDS_BY_ID = f"UNWIND $ids AS x MATCH (n:Record {{id: x}}) {RECORD}"

# Types whose target has few of them and whose source may have very many. Both engines look at every relationship of
# the end they start from, and the embedded one takes the end that is written first.
_FEW_AT_TARGET = frozenset({"CONTAINS", "HAS_ADDRESS", "HAS_REQUIREMENT", "INSTALLED_ON"})

_WRITTEN = re.compile(r"\.(\w+) = r\[(\d+)\]")


def written(statement: str, row: Sequence[Any]) -> dict[str, Any]:
    """The properties that a statement sets from a row, of which the first value is the id."""
    return {"id": row[0], **{name: row[int(n)] for name, n in _WRITTEN.findall(statement)}}


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
        """Rows: id, name, name_lc, status, first_seen, revision, facets, gone, keys, [parent, key,] attributes in
        order.
        """
        first = 11 if dependent else 9
        attributes = (f", {self.quote(a)}: r[{first + n}]" for n, a in enumerate(self.classes[ci_class]))
        class_ = self.quote(ci_class).strip("`")
        key = ", key: r[10]" if dependent else ""
        by_name = f"r[2] + '{SEPARATOR}' + r[0]"
        node = (
            f"(:CI {{id: r[0], class: '{class_}', name: r[1], name_lc: r[2], status: r[3], from: $at,"
            f" named: $at, by_name: {by_name}, by_class: '{class_}{SEPARATOR}' + {by_name},"
            f" first_seen: r[4], revision: r[5], facets: r[6], gone: r[7], keys: r[8]{key}{''.join(attributes)}}})"
        )
        if not dependent:
            return f"UNWIND $rows AS r CREATE {node} RETURN count(*)"
        tie, direction = self.model.parent_tie(ci_class)
        bond = f"-[:{self.quote(tie)} {{from: $at}}]-"
        arrow = f"{bond}>" if direction == "to_parent" else f"<{bond}"
        return f"UNWIND $rows AS r MATCH (p:CI {{id: r[9]}}) CREATE {node}{arrow}(p) RETURN count(*)"

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

    def near_end(self, type_: str) -> str:
        """The end of a relationship that has few of its type: `source` or `target`."""
        return "target" if type_ in _FEW_AT_TARGET else "source"

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
        kept = f" {_KEEP}" if is_version else ""
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
