"""Turn a change set into statements with rows, before any lock is held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from cmdb.changes import (
    FORM,
    Change,
    ChangeSet,
    EndCI,
    EndRelationship,
    MoveCI,
    NewCI,
    NewRelationship,
    PutRecord,
    PutTask,
    SetCI,
    SetRelationship,
    canonical,
)
from cmdb.errors import Invalid, LimitExceeded
from cmdb.observation import escape_key
from cmdb.sealing import Text, seal
from cmdb.store import cypher
from cmdb.store.cypher import Statements
from cmdb.store.rows import (
    MAX_PART_BYTES,
    as_json,
    by_class,
    by_name,
    check_indexed,
    check_values,
    chunks,
    compress,
    lower_name,
    pack_absent,
    pack_facets,
    pack_keys,
    pack_manifest,
    pack_times,
    pending_id,
    pending_row,
)

MAX_RECORD_BYTES = 2_000_000

Rows = list[list[Any]]


class Step(NamedTuple):
    """One statement with its rows. `counted`: it must hit as many rows as it is given."""

    statement: str
    rows: Rows
    counted: bool = True


class Prepared(NamedTuple):
    """A change set ready to be written. `payload` is canonical, `texts` its private values by mark."""

    at: int
    steps: list[Step]
    payload: bytes
    texts: dict[str, Text]
    has_changes: bool


def prepare(
    change_set: ChangeSet,
    statements: Statements,
    new_salt: Callable[[], bytes],
) -> Prepared:
    """Check a change set and make its rows. Raises Invalid or LimitExceeded for what the store can't keep."""
    try:
        sealed, texts = seal(change_set.changes, statements.model.private_attributes, new_salt())
        payload = canonical(sealed)
        steps = _of_changes(change_set.changes, statements)
        beside = _of_working_state(change_set)
    except (UnicodeEncodeError, OverflowError, msgspec.ValidationError) as error:
        raise Invalid(f"the change set holds something that can't be stored: {error}") from error
    return Prepared(change_set.at, _split([*steps, *beside]), payload, texts, bool(change_set.changes))


def _split(steps: Iterable[Step]) -> list[Step]:
    """The same steps in messages that the engines take."""
    return [Step(s.statement, part, s.counted) for s in steps for part in chunks(s.rows)]


def parts_of(data: bytes) -> list[bytes]:
    """Split bytes into pieces that one property may hold; at least one."""
    return [data[i : i + MAX_PART_BYTES] for i in range(0, len(data), MAX_PART_BYTES)] or [b""]


def pack_texts(texts: Mapping[str, Text], form: int = FORM) -> bytes:
    """Private values as they are kept beside the chain; nothing where there are none."""
    if not texts:
        return b""
    return compress(canonical(texts if form > 1 else {mark: text.value for mark, text in texts.items()}))


def _of_changes(changes: Iterable[Change], statements: Statements) -> list[Step]:
    """Steps in the order that lets everything find what it hangs on."""
    by_kind: dict[type[Any], list[Any]] = defaultdict(list)
    for change in changes:
        by_kind[type(change)].append(change)
    new: list[NewCI] = by_kind[NewCI]
    changed: list[SetCI] = by_kind[SetCI]
    forgotten: Rows = [[key, c.id] for c in changed for key in c.forget]
    named_new: Rows = [[check_indexed(i.key, "identifier"), c.id, i.strong] for c in new for i in c.identifiers]
    named: Rows = [[check_indexed(i.key, "identifier"), c.id, i.strong] for c in changed for i in c.identify]
    ended: Rows = [[c.id, c.into] for c in by_kind[EndCI]]
    first, later = _around(new, by_kind[MoveCI])
    return [
        *_births(first, statements),
        Step(cypher.RETURN_CI, [[c.id] for c in new if c.revision > 1], counted=False),  # or imported
        Step(cypher.SET_CI, [_set_row(c, statements) for c in changed]),
        *_moves(by_kind[MoveCI], {c.id for c in changed}, statements),  # the version kept by SET_CI has the old key
        *_births(later, statements),
        Step(cypher.SET_KEYS, [_keys_row(c) for c in changed if c.forget or c.identify]),
        *_by_type(by_kind[EndRelationship], statements.end_relationship, lambda c: [c.source, c.target]),
        Step(cypher.END_TIES, [row[:1] for row in ended], counted=False),
        Step(cypher.NOTE_FORMER_ALL, [row[:1] for row in ended], counted=False),
        Step(cypher.NOTE_FORMER, forgotten, counted=False),
        Step(cypher.END_CI, ended),
        Step(cypher.FORGET, forgotten),
        Step(cypher.FORGET_UNUSED, [row[:1] for row in forgotten], counted=False),
        Step(cypher.IDENTIFY_NEW, named_new),
        Step(cypher.IDENTIFY, named),
        Step(cypher.SHARED_STRONG, [row[:1] for row in (*named_new, *named) if row[2]], counted=False),
        *_by_type(by_kind[NewRelationship], statements.new_relationship, lambda c: _relationship_row(c, statements)),
        *_by_type(by_kind[SetRelationship], statements.set_relationship, lambda c: _relationship_row(c, statements)),
        Step(cypher.PUT_TASK, [task_row(c) for c in by_kind[PutTask]]),
        Step(cypher.PUT_RECORD, [record_row(c) for c in by_kind[PutRecord]]),
        Step(cypher.DROP_ABOUT, [[c.id] for c in by_kind[PutRecord]], counted=False),
        Step(cypher.PUT_ABOUT, [[c.id, ci] for c in by_kind[PutRecord] for ci in c.about], counted=False),
        Step(cypher.RETURN_ABOUT, [[c.id] for c in new if c.revision > 1], counted=False),
    ]


def _around(new: list[NewCI], moved: list[MoveCI]) -> tuple[list[NewCI], list[NewCI]]:
    """New CIs that must be there before some move, and those that may take the place of what has moved away."""
    if not moved:
        return new, []
    above = {c.id: c.parent for c in new}
    needed: set[str] = set()
    for move in moved:
        ci = move.parent
        while ci in above and ci not in needed:
            needed.add(ci)
            ci = above[ci]
    return [c for c in new if c.id in needed or not c.parent], [c for c in new if c.id not in needed and c.parent]


def _moves(moved: list[MoveCI], versioned: set[str], statements: Statements) -> list[Step]:
    """Dependent CIs on their way to other parents; of one that changes otherwise too, that change keeps the version."""
    groups: dict[tuple[str, bool], Rows] = defaultdict(list)
    for move in moved:
        key = check_indexed(f"{move.parent}|{move.ci_class}|{escape_key(move.local_key)}", "local key")
        groups[move.ci_class, move.id not in versioned].append([move.id, move.parent, key])
    return [Step(statements.move_ci(*group), rows) for group, rows in groups.items()]


def _births(new: list[NewCI], statements: Statements) -> list[Step]:
    """New CIs by depth, parents first, one statement for each class."""
    depths = _depths(new)
    groups: dict[tuple[int, str, bool], Rows] = defaultdict(list)
    makers: dict[str, Callable[[NewCI], list[Any]]] = {}
    for change in new:
        make = makers.get(change.ci_class)
        if make is None:
            make = makers[change.ci_class] = _row_maker(change.ci_class, statements)
        depth = depths[change.id] if change.parent else 0
        groups[depth, change.ci_class, bool(change.parent)].append(make(change))
    ordered = sorted(groups.items(), key=lambda group: group[0][0])
    return [Step(statements.new_ci(ci_class, dependent), rows) for (_, ci_class, dependent), rows in ordered]


def _depths(new: list[NewCI]) -> dict[str, int]:
    """How many of the CIs above each one are new too; parents may stand anywhere."""
    parents = {c.id: c.parent for c in new}
    depths: dict[str, int] = {}
    for start in parents:
        chain: list[str] = []
        ci = start
        while ci in parents and ci not in depths and len(chain) <= len(parents):
            chain.append(ci)
            ci = parents[ci]
        if len(chain) > len(parents):
            raise Invalid(f"the new CI {start} is its own ancestor: its parents form a circle")
        depth = depths.get(ci, -1)
        for step in reversed(chain):
            depth += 1
            depths[step] = depth
    return depths


def _row_maker(ci_class: str, statements: Statements) -> Callable[[NewCI], list[Any]]:
    """A function that makes the row of a new CI of one class (see `Statements.new_ci`)."""
    if ci_class not in statements.classes:
        raise Invalid(f"there is no class {ci_class!r} in the model")
    names = statements.classes[ci_class]
    allowed = {*names, "name"}

    def row(change: NewCI) -> list[Any]:
        attributes = change.attributes
        if not attributes.keys() <= allowed:
            _refuse_unknown(ci_class, attributes.keys() - allowed)
        check_values(attributes, ci_class)
        name = attributes.get("name", "")
        facets, gone = pack_facets(change.facets)
        keys = pack_keys(change.identifiers) if change.identifiers else None
        head = [
            change.id,
            name,
            lower_name(name),
            change.status,
            change.first_seen,
            change.revision,
            facets,
            gone,
            keys,
        ]
        if change.parent:
            key = f"{change.parent}|{ci_class}|{escape_key(change.local_key)}"
            return [*head, change.parent, check_indexed(key, "local key"), *map(attributes.get, names)]
        return [*head, *map(attributes.get, names)]

    return row


def _set_row(change: SetCI, statements: Statements) -> list[Any]:
    """Id, and the properties that differ; null takes a property away."""
    if change.ci_class not in statements.classes:
        raise Invalid(f"there is no class {change.ci_class!r} in the model")
    unknown = change.set.keys() - statements.classes[change.ci_class] - {"name"}
    if unknown or (unknown := set(change.unset) - statements.attributes.keys()):
        _refuse_unknown(change.ci_class, unknown)
    check_values(change.set, change.ci_class)
    name = change.attributes.get("name", "")
    facets, gone = pack_facets(change.facets)
    new = {**dict.fromkeys(change.unset), **change.set, "class": change.ci_class, "status": change.status}
    lower = lower_name(name)
    names = {"name": name, "name_lc": lower, "by_name": by_name(lower, change.id)}
    sorted_by = by_class(change.ci_class, lower, change.id)
    return [change.id, {**new, **names, "by_class": sorted_by, "facets": facets, "gone": gone}, sorted_by]


def _keys_row(change: SetCI) -> list[Any]:
    """Id, identifiers that go or change, and those that come, for the CI's own list of them."""
    gained = pack_keys(change.identify)
    return [change.id, [*change.forget, *(key[1:] for key in gained)], gained]


def _relationship_row(change: NewRelationship | SetRelationship, statements: Statements) -> list[Any]:
    names = statements.types[change.type]
    if change.attributes:
        if not change.attributes.keys() <= set(names):
            _refuse_unknown(change.type, change.attributes.keys() - set(names))
        check_values(change.attributes, change.type)
    return [change.source, change.target, as_json(change.facets), *map(change.attributes.get, names)]


def _by_type(changes: list[Any], statement: Callable[[str], str], row: Callable[[Any], list[Any]]) -> list[Step]:
    """One statement for each relationship type; the type is checked by making the statement."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for change in changes:
        groups[change.type].append(change)
    return [Step(statement(type_), [row(c) for c in group]) for type_, group in groups.items()]


def task_row(task: PutTask) -> list[Any]:
    """A task as `PUT_TASK` takes it."""
    about = [task.kind, task.state, task.origin, task.observed, list(task.keys), list(task.cis), task.text]
    return [task.id, *about, task.proposal, as_json(task.evidence), task.created_at]


def record_row(record: PutRecord) -> list[Any]:
    """A record as `PUT_RECORD` takes it; raises LimitExceeded for a body that is too large."""
    body = as_json(record.body)
    if len(body) > MAX_RECORD_BYTES:
        raise LimitExceeded(f"record {record.title!r} has {len(body)} bytes; a record holds at most {MAX_RECORD_BYTES}")
    texts = as_json(record.texts)
    return [record.id, record.kind, record.state, record.title, list(record.about), body, texts]


def _of_working_state(change_set: ChangeSet) -> list[Step]:
    """Steps for what is no part of the chain: what was said last, and what waits."""
    targets: Rows = []
    for t in change_set.targets:
        manifest, carried = pack_manifest(t.manifest)
        check_indexed(t.origin, "origin")
        head = [t.origin, t.was, t.hash, t.last_seen, t.complete_at, list(t.tables), carried]
        targets.append([*head, list(t.visits), pack_absent(t.absent), t.swept, pack_times(t.unsaid), manifest])
    return [
        Step(cypher.SET_TARGET, targets),
        Step(cypher.DROP_TARGET, [[origin] for origin in change_set.dropped], counted=False),
        Step(cypher.DROP_PENDING, [[origin] for origin in change_set.dropped], counted=False),
        Step(cypher.SEEN, seen_rows(change_set.seen), counted=False),
        Step(cypher.SETTLE, [list(s) for s in change_set.settled], counted=False),
        Step(cypher.ARRIVE, [[pending_id(p)] for p in change_set.arrived], counted=False),
        Step(cypher.PEND, [pending_row(p) for p in change_set.pending], counted=False),
    ]


def seen_rows(seen: Mapping[str, tuple[int, ...]]) -> Rows:
    """Rows for `SEEN`, of each origin the earlier times first."""
    return [[origin, at] for origin, times in seen.items() for at in sorted(times)]


def _refuse_unknown(where: str, names: Iterable[str]) -> None:
    raise Invalid(f"{where} has no attribute {sorted(names)[0]!r} in the model")
