"""A graph in a few dictionaries, for tests of planning alone: everything is a candidate."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable

import msgspec

from cmdb.changes import (
    ChangeSet,
    EndCI,
    EndRelationship,
    MoveCI,
    NewCI,
    NewRelationship,
    Pending,
    PutRecord,
    PutTask,
    SetCI,
    SetRelationship,
)
from cmdb.model.absence import Absence, AbsencePolicy
from cmdb.model.registry import Model, load_model
from cmdb.observation import Report, escape_key, split_origin
from cmdb.reconcile.ageing import Ageing, is_due
from cmdb.reconcile.derive import ci_changes, link_changes
from cmdb.reconcile.draft import Draft
from cmdb.reconcile.plan import plan, report_hash
from cmdb.reconcile.visit import with_visit
from cmdb.sources import forget
from cmdb.store.protocol import Candidates, KnownCI, TargetDue, TargetState


def at_once() -> Model:
    """The model with a policy by which the first complete run that misses a CI is enough."""
    return dataclasses.replace(load_model(), absence=AbsencePolicy(Absence(1, 0)))


class World:
    """Takes reports as the store would, one plan a call."""

    def __init__(self, model: Model | None = None) -> None:
        self.model = model or load_model()
        self.cis: dict[str, KnownCI] = {}
        self.targets: dict[str, TargetState] = {}
        self.pending: list[Pending] = []
        self.tasks: dict[str, PutTask] = {}
        self.records: dict[str, PutRecord] = {}
        self.absorbed: dict[str, str] = {}
        self.numbers = itertools.count(1)
        self.commits = 0

    def ingest(self, *reports: Report) -> Draft:
        """Plan and apply; counts a commit only where something changed."""
        change_set, draft = plan(
            [(r, report_hash(r)) for r in reports],
            self.candidates(),
            self.targets,
            max(r.at for r in reports),
            lambda: f"{next(self.numbers):04}",
            self.model,
        )
        self.apply(change_set)
        return draft

    def sweep(self, now: int) -> int:
        """Age everything as of a time; returns how many CIs and relationships changed."""
        due = [
            TargetDue(o, s.last_seen, s.swept, s.visits, s.absent, carried, s.unsaid)
            for o, s in sorted(self.targets.items())
            for carried in [{e.ci: e.at for e in s.manifest.values() if e.at}]
        ]
        draft = Draft(self.candidates(), self.targets)
        ageing = Ageing(draft, self.model, now)
        for one in due:
            if is_due(one, self.model.policy, now):
                ageing.age(one)
        change_set = ageing.change_set(now)
        self.apply(change_set)
        return len(change_set.changes)

    def drop(self, source: str) -> None:
        """Take back all that a source said."""
        draft = Draft(self.candidates(), {})
        forget(draft, source)
        self.apply(ChangeSet(0, [*ci_changes(draft, self.model), *link_changes(draft, self.model)]))
        self.targets = {o: s for o, s in self.targets.items() if split_origin(o)[0] != source}
        self.pending = [p for p in self.pending if split_origin(p.origin)[0] != source]

    def candidates(self) -> Candidates:
        by_key: dict[str, tuple[tuple[str, bool], ...]] = {}
        by_path: dict[str, str] = {}
        for ci in self.cis.values():
            for i in ci.identifiers:
                by_key[i.key] = (*by_key.get(i.key, ()), (ci.id, i.strong))
            if ci.parent:
                by_path[f"{ci.parent}|{ci.ci_class}|{escape_key(ci.local_key)}"] = ci.id
        waiting: dict[str, tuple[Pending, ...]] = {}
        for wait in self.pending:
            waiting[wait.key] = (*waiting.get(wait.key, ()), wait)
        cis = {
            id_: msgspec.structs.replace(ci, waiting=frozenset(p.origin for p in self.pending if p.ci == id_))
            for id_, ci in self.cis.items()
        }
        return Candidates(0, by_key, by_path, cis, waiting, tasks=dict(self.tasks))

    def apply(self, change_set: ChangeSet) -> None:
        changes = change_set.changes
        self.commits += bool(changes)
        for change in changes:
            if isinstance(change, NewCI):
                self.absorbed.pop(change.id, None)
                self._put(change.id, change, change.parent, change.local_key, change.identifiers)
            elif isinstance(change, SetCI):
                old = self.cis[change.id]
                held = {i.key: i for i in old.identifiers} | {i.key: i for i in change.identify}
                kept = tuple(i for k, i in held.items() if k not in change.forget)
                self._put(change.id, change, old.parent, old.local_key, kept)
            elif isinstance(change, NewRelationship | SetRelationship):
                for end in self._ends(change.source, change.type, change.target):
                    end.links[change.source, change.type, change.target] = (change.attributes, change.facets)
            elif isinstance(change, EndRelationship):
                for end in self._ends(change.source, change.type, change.target):
                    del end.links[change.source, change.type, change.target]
            elif isinstance(change, MoveCI):
                self.cis[change.id] = msgspec.structs.replace(
                    self.cis[change.id], parent=change.parent, local_key=change.local_key
                )
            elif isinstance(change, EndCI):
                assert not self.cis.pop(change.id).links
                self.absorbed[change.id] = change.into
            elif isinstance(change, PutRecord):
                self.records[change.id] = change
            else:
                self.tasks[change.id] = change
        for t in change_set.targets:
            assert t.was == (self.targets[t.origin].last_seen if t.origin in self.targets else 0)
            said_last = t.hash, t.last_seen, t.complete_at, t.tables, t.manifest
            self.targets[t.origin] = TargetState(*said_last, t.visits, t.absent, t.swept, t.unsaid)
        for origin, times in change_set.seen.items():
            for at in sorted(times):
                self._see(self.targets[origin], at)
        self.pending = [
            p for p in self.pending if (p.ci, p.origin) not in change_set.settled and p not in change_set.arrived
        ]
        self.pending += change_set.pending

    def _see(self, state: TargetState, at: int) -> None:
        if at > state.last_seen:
            if state.complete_at == state.last_seen:
                state.visits, state.complete_at = with_visit(state.visits, at), at
            state.last_seen = at

    def _ends(self, source: str, type_: str, target: str) -> Iterable[KnownCI]:
        """The CIs that list a relationship: its source and, for symmetric types, its target."""
        yield self.cis[source]
        if self.model.relationship_types[type_].symmetric:
            yield self.cis[target]

    def _put(self, ci: str, change: NewCI | SetCI, parent: str, local_key: str, identifiers: tuple) -> None:
        for facet in change.facets.values():
            if facet.attributes is None:
                facet.attributes = change.attributes
        links = self.cis[ci].links if ci in self.cis else {}
        self.cis[ci] = KnownCI(
            ci, change.ci_class, parent, local_key, change.status, change.attributes, identifiers, change.facets, links
        )

    def picture(self) -> object:
        """The graph apart from ids and times: CIs by name of all their keys, and relationships between these names."""
        name = {ci.id: self._name(ci.id) for ci in self.cis.values()}
        cis = sorted(
            (
                name[ci.id],
                ci.ci_class,
                ci.status,
                sorted((k, str(v)) for k, v in ci.attributes.items()),
                sorted(i.key for i in ci.identifiers),
                sorted((o, f.gone is None) for o, f in ci.facets.items()),
            )
            for ci in self.cis.values()
        )
        symmetric = {t.name for t in self.model.relationship_types.values() if t.symmetric}
        links = set()
        for ci in self.cis.values():
            for (source, type_, target), (attributes, facets) in ci.links.items():
                ends = name[source], name[target]
                links.add(
                    (
                        type_,
                        tuple(sorted(ends)) if type_ in symmetric else ends,
                        str(sorted(attributes.items())),
                        tuple(sorted(facets)),
                    )
                )
        waiting = sorted((name[p.ci], p.type, p.key, p.path, p.origin) for p in self.pending)
        return cis, sorted(links), waiting

    def _name(self, ci: str) -> str:
        known = self.cis[ci]
        if known.parent:
            return f"{self._name(known.parent)}|{known.ci_class}|{known.local_key}"
        return min((i.key for i in known.identifiers), default=f"{known.ci_class}:{known.attributes.get('name')}")

    def by_name(self, name: str) -> KnownCI:
        """The one CI of this name."""
        (found,) = [ci for ci in self.cis.values() if ci.attributes.get("name") == name]
        return found

    def by_path(self, name: str) -> KnownCI:
        """The one CI that is called so in the picture."""
        (found,) = [ci for ci in self.cis.values() if self._name(ci.id) == name]
        return found
