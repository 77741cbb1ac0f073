"""The graph that the change sets of the ledger give, with its history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from cmdb.changes import (
    Change,
    EndCI,
    EndRelationship,
    MoveCI,
    NewCI,
    NewRelationship,
    PutRecord,
    PutTask,
    SetCI,
    SetRelationship,
    digest,
)
from cmdb.ledger.nodes import Properties, ci_content, ci_envelope, ci_key, fingerprint, link_content
from cmdb.model.registry import Model
from cmdb.observation import Identifier
from cmdb.store.cypher import PUT_RECORD, PUT_TASK, written
from cmdb.store.prepare import record_row, task_row
from cmdb.store.protocol import Commit
from cmdb.store.rows import SEPARATOR, by_class, lower_name, pack_keys

Kind = Literal["ci", "relationship", "task", "record", "absorbed"]
Ends = tuple[str, str, str]  # source id, type, target id
Link = NewRelationship | SetRelationship


class CIState(msgspec.Struct):
    """A CI as it is after the commits so far. `content` is whatever is kept of it, `tie` the key of the relationship
    to its parent. `revision` is None where the ledger does not say it: imports of earlier versions left it out.
    """

    content: Any
    key: str | None
    revision: int | None
    since: int
    first_seen: int
    identifiers: dict[str, bool]
    sorted_by: str  # class, name and id in one text
    named: int  # since when it is sorted by it
    tie: bytes | None = None

    def envelope(self, to: int | None = None, ends_name: bool = False) -> tuple[Any, ...]:
        """In the order of CI_ENVELOPE; with `to` that of a version, which keeps its name if it was the last of it."""
        by = self.sorted_by, self.sorted_by.partition(SEPARATOR)[2]
        none = None, None
        now, past = (by, none) if to is None else (none, by if ends_name else none)
        keys = pack_keys(Identifier(key, strong) for key, strong in self.identifiers.items())
        return ci_envelope((self.key, self.revision, self.since, to, self.named, keys, *now, *past))


class LinkState(msgspec.Struct):
    """A relationship as it is after the commits so far."""

    content: Any
    since: int
    first_seen: int | None = None

    def envelope(self, ends: Ends | None = None, to: int | None = None) -> tuple[Any, ...]:
        """In the order of LINK_ENVELOPE; a version names its ends."""
        source, type_, target = ends or (None, None, None)
        return self.since, self.first_seen, to, source, target, type_


def link_key(ends: Ends) -> bytes:
    """A relationship in a few bytes: ids as text are most of what a replay would hold."""
    return digest(ends, 16)


class Replay:
    """Takes commits in, in order, and keeps digests: a CI takes about 400 bytes of memory, a relationship 200, and a
    superseded version nothing.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.cis: dict[str, CIState] = {}
        self.links: dict[bytes, LinkState] = {}
        self.tasks: dict[str, Any] = {}
        self.records: dict[str, tuple[Any, int, int, int]] = {}  # content, made, changed, revision
        self.absorbed: dict[str, tuple[str, int]] = {}
        self._ties = {model.parent_tie(c.name) for c in model.classes.values() if c.inside}
        self._at, self.sequence = 0, 0

    # ---- what a subclass may want otherwise, or know

    def kept(self, kind: Kind, key: Any, content: Properties) -> Any:
        """What is kept of a content."""
        return fingerprint(content)

    def superseded(self, ci: str, content: Any, envelope: tuple[Any, ...]) -> None:
        """A version of a CI was left behind."""

    def link_superseded(self, key: bytes, content: Any, envelope: tuple[Any, ...]) -> None:
        """A version of a relationship was left behind."""

    def wrote(self, kind: Kind, key: Any, ends: Ends | None = None) -> None:
        """The commit at hand made or changed this; `ends` tells a relationship."""

    # ---- taking commits in, in the order in which a store writes what they hold

    def apply(self, commit: Commit, changes: Iterable[Change]) -> None:
        """Take one commit in; `changes` are its own, private values put back."""
        kinds: dict[type[Any], list[Any]] = defaultdict(list)
        for change in changes:
            kinds[type(change)].append(change)
        self._at, self.sequence = commit.at, commit.sequence
        unsaid = commit.form == 1 and commit.reason == "import"
        for new in kinds[NewCI]:
            self._born(new, None if unsaid else new.revision)
        for changed in kinds[SetCI]:
            self._changed(changed)
        versioned = {c.id for c in kinds[SetCI]}
        for move in kinds[MoveCI]:
            self._moved(move, move.id not in versioned)
        for end in kinds[EndRelationship]:
            self._end_link((end.source, end.type, end.target))
        for ended in kinds[EndCI]:
            self._ended(ended)
        for link in (*kinds[NewRelationship], *kinds[SetRelationship]):
            self._put_link(link)
        for task in kinds[PutTask]:
            self.tasks[task.id] = self.kept("task", task.id, written(PUT_TASK, task_row(task)))
            self.wrote("task", task.id)
        for record in kinds[PutRecord]:
            self._put_record(record)

    def _born(self, new: NewCI, revision: int | None) -> None:
        held = {i.key: i.strong for i in new.identifiers}
        key = ci_key(new.parent, new.ci_class, new.local_key)
        state = CIState(None, key, revision, self._at, new.first_seen, held, _sorted_by(new), self._at)
        self.cis[new.id] = state
        state.content = self.kept("ci", new.id, ci_content(new, new.first_seen))
        if new.revision > 1:
            self.absorbed.pop(new.id, None)
        if new.parent:
            state.tie = self._tie(new.id, new.ci_class, new.parent)
        self.wrote("ci", new.id)

    def _tie(self, ci: str, ci_class: str, parent: str) -> bytes:
        type_, direction = self.model.parent_tie(ci_class)
        ends = (ci, type_, parent) if direction == "to_parent" else (parent, type_, ci)
        key = link_key(ends)
        self.links[key] = LinkState(self.kept("relationship", key, {}), self._at)
        self.wrote("relationship", key, ends)
        return key

    def _changed(self, change: SetCI) -> None:
        state, sorted_by = self.cis[change.id], _sorted_by(change)
        self._leave(change.id, state, sorted_by != state.sorted_by)
        if sorted_by != state.sorted_by:
            state.sorted_by, state.named = sorted_by, self._at
        state.content = self.kept("ci", change.id, ci_content(change, state.first_seen))
        for key in change.forget:
            state.identifiers.pop(key, None)
        state.identifiers.update((i.key, i.strong) for i in change.identify)
        self.wrote("ci", change.id)

    def _leave(self, ci: str, state: CIState, ends_name: bool = False) -> None:
        """Leave a version behind; the next one begins now."""
        self.superseded(ci, state.content, state.envelope(self._at, ends_name))
        state.revision = None if state.revision is None else state.revision + 1
        state.since = self._at

    def _moved(self, move: MoveCI, is_version: bool) -> None:
        state = self.cis[move.id]
        if is_version:
            self._leave(move.id, state)
        self._end_tie(move.id, state)
        state.tie = self._tie(move.id, move.ci_class, move.parent)
        state.key = ci_key(move.parent, move.ci_class, move.local_key)
        self.wrote("ci", move.id)

    def _ended(self, end: EndCI) -> None:
        state = self.cis.pop(end.id)
        self.superseded(end.id, state.content, state.envelope(self._at, ends_name=True))
        self.absorbed[end.id] = end.into, self._at
        self.wrote("ci", end.id)
        self.wrote("absorbed", end.id)
        self._end_tie(end.id, state)

    def _end_tie(self, ci: str, state: CIState) -> None:
        """End the tie of a CI that goes or moves, whatever class it had when the tie was made."""
        parent = (state.key or "").partition("|")[0]
        for type_, direction in self._ties if state.tie else ():
            ends = (ci, type_, parent) if direction == "to_parent" else (parent, type_, ci)
            if link_key(ends) == state.tie:
                self._end_link(ends)

    def _end_link(self, ends: Ends) -> None:
        key = link_key(ends)
        if (state := self.links.pop(key, None)) is not None:
            self.link_superseded(key, state.content, state.envelope(ends, self._at))
            self.wrote("relationship", key, ends)

    def _put_link(self, change: Link) -> None:
        ends = change.source, change.type, change.target
        key = link_key(ends)
        content, state = self.kept("relationship", key, link_content(change)), self.links.get(key)
        if isinstance(change, NewRelationship) or state is None:
            self.links[key] = LinkState(content, self._at)
        else:
            self.link_superseded(key, state.content, state.envelope(ends, self._at))
            first_seen = state.since if state.first_seen is None else state.first_seen
            self.links[key] = LinkState(content, self._at, first_seen)
        self.wrote("relationship", key, ends)

    def _put_record(self, record: PutRecord) -> None:
        _, made, _, revision = self.records.get(record.id, (None, self._at, 0, 0))
        content = self.kept("record", record.id, written(PUT_RECORD, record_row(record)))
        self.records[record.id] = content, made, self._at, revision + 1
        self.wrote("record", record.id)


def _sorted_by(change: NewCI | SetCI) -> str:
    return by_class(change.ci_class, lower_name(change.attributes.get("name", "")), change.id)
