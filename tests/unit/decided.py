"""Decisions about identity on a graph in a few dictionaries, for properties that need thousands of cases."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec

from cmdb.changes import ChangeSet, Pending, PutTask
from cmdb.ingest import Ingest
from cmdb.store.protocol import CIRecord, Head, KnownCI, StoredRecord, TargetState
from tests.unit.world import World

AT = 1_000


class Shelf:
    """What decisions read and write of a store."""

    def __init__(self, world: World) -> None:
        self.world, self.sequence = world, 0

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def head(self) -> Head:
        return Head(self.sequence, "", AT + self.sequence)

    def household(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        cis, found = self.world.cis, list(dict.fromkeys(ci for ci in ids if ci in self.world.cis))
        for above in found:  # grows on the way
            found += sorted(c.id for c in cis.values() if c.parent == above)
        ties = {tie: said for c in cis.values() for tie, said in c.links.items()}
        near = {ci: {t: said for t, said in ties.items() if ci in (t[0], t[2])} for ci in found}
        return {ci: msgspec.structs.replace(cis[ci], links=near[ci]) for ci in found}

    def by_key(self, keys: Iterable[str]) -> dict[str, tuple[tuple[str, bool], ...]]:
        held = self.world.candidates().by_key
        return {key: held[key] for key in keys if key in held}

    def targets(self, origins: Iterable[str], manifests: bool = False) -> dict[str, TargetState]:
        return {o: self.world.targets[o] for o in origins if o in self.world.targets}

    def pending_of(self, ids: Iterable[str]) -> list[Pending]:
        wanted = set(ids)
        return [p for p in self.world.pending if p.ci in wanted]

    def cis(self, ids: Iterable[str]) -> list[CIRecord]:
        known = [self.world.cis[ci] for ci in ids if ci in self.world.cis]
        return [
            CIRecord(
                *(c.id, c.ci_class, str(c.attributes["name"]), c.status, 1, 1, c.parent, c.local_key),
                *(c.attributes, c.identifiers, c.facets, {}),
            )
            for c in known
        ]

    def tasks(self, states: Sequence[str] = (), kinds: Sequence[str] = (), about: Sequence[str] = ()) -> list[PutTask]:
        return [t for t in self.world.tasks.values() if {*about} & {t.origin, *t.cis}]

    def records(self, ids: Sequence[str]) -> list[StoredRecord]:
        found = (self.world.records[i] for i in ids if i in self.world.records)
        return [StoredRecord(*msgspec.structs.astuple(r), at=AT) for r in found]

    def records_about(self, ids: Sequence[str], kinds: Sequence[str] = ()) -> list[StoredRecord]:
        return self.records([r.id for r in self.world.records.values() if {*ids} & {*r.about}])

    def absorbed(self, ids: Iterable[str]) -> dict[str, str]:
        return {ci: self.world.absorbed[ci] for ci in ids if ci in self.world.absorbed}

    def apart(self, ids: Iterable[str]) -> dict[str, frozenset[str]]:
        return {}

    def commit(self, change_set: ChangeSet, expected: int, actor: str, reason: str) -> int:
        assert expected == self.sequence
        self.world.apply(change_set)
        self.sequence += 1
        return self.sequence


def decider(world: World) -> Ingest:
    """What takes decisions on a world."""
    made = itertools.count(1)
    return Ingest(Shelf(world), world.model, lambda: AT, lambda: f"made-{next(made):04}")  # type: ignore[arg-type]


def picture(world: World) -> dict[str, Any]:
    """All that a merge may touch, to be compared later."""
    ties = {tie: said for ci in world.cis.values() for tie, said in ci.links.items()}
    cis = {ci.id: msgspec.structs.replace(ci, links={}) for ci in world.cis.values()}
    said = {o: (t.last_seen, t.complete_at, t.manifest, t.absent, t.unsaid) for o, t in world.targets.items()}
    waiting = sorted((p.key, p.path, p.ci, p.type, p.origin, str(p.facet)) for p in world.pending)
    held = {ci.id: {i.key: i for i in ci.identifiers} for ci in world.cis.values()}
    plain = {ci: msgspec.structs.replace(known, identifiers=()) for ci, known in cis.items()}
    return copy.deepcopy({"cis": plain, "held": held, "links": ties, "targets": said, "pending": waiting})
