"""The one way in: reports → candidates → plan → commit."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal

import msgspec
from msgspec.structs import replace

from cmdb.candidates import gather, meant
from cmdb.changes import (
    Change,
    ChangeSet,
    EndRelationship,
    ManifestEntry,
    NewCI,
    NewRelationship,
    PutTask,
    SetCI,
    SetRelationship,
)
from cmdb.errors import Denied
from cmdb.model.registry import Model
from cmdb.observation import Report, path_of
from cmdb.reconcile.check import check_report
from cmdb.reconcile.draft import Draft, Problem
from cmdb.reconcile.plan import is_unchanged, plan, report_hash
from cmdb.reconcile.visit import NewId
from cmdb.store.protocol import Conflict, GraphStore, Head, TargetState

MAX_ATTEMPTS = 50  # somebody else committed in between that many times: something is wrong

FEW_REPORTS = 4  # of so few, the manifests are read at once: that is quicker than to ask again for those that changed

ONLY_READS = ("viewer", "feeder")
_GAVE_UP = f"gave up after {MAX_ATTEMPTS} attempts: other writers committed each time; write less at once"

Status = Literal["created", "updated", "unchanged", "conflict", "quarantined", "rejected"]


class Automatic(str):
    """A reason that the program gave because nobody did; where a person must say why, it does not count."""

    __slots__ = ()


class Held(msgspec.Struct, frozen=True):
    """Why a report did not go through: it waits for a person (`record` is what keeps it), or it is not allowed.

    `changes` keep it; they are part of the commit.
    """

    status: Literal["quarantined", "rejected"]
    code: str
    text: str
    record: str = ""
    changes: tuple[Change, ...] = ()


# (reports, states of their origins with manifests, actor, reason) -> what does not go through, by origin
Control = Callable[[Sequence[Report], Mapping[str, TargetState], str, str], dict[str, Held]]


class ItemOutcome(msgspec.Struct, frozen=True):
    """What became of one observation: its path, its CI (empty: set aside), what decided, how many facts changed.

    `held` says why its report did not go through.
    """

    path: str
    status: Status
    ci: str
    matched_by: str
    changes: int
    held: Held | None = None


class Ingested(msgspec.Struct, frozen=True):
    """The result of one write. `sequence` is the head after it; `committed` says whether it moved."""

    sequence: int
    committed: bool
    change_set: ChangeSet
    outcomes: dict[str, list[ItemOutcome]]
    problems: list[Problem]
    held: dict[str, Held] = {}  # by origin


class Ingest:
    """Takes reports in, one batch a commit. Safe to use from several threads and processes: the store's head decides.

    `clock_ms` gives epoch milliseconds, `new_id` ids for new CIs. `listener` is called after each commit with its
    sequence. `control` says before planning which reports wait for a person; None: none does. A report from further in
    the future than `future_ms` counts as now, and a problem says so: its word would otherwise stand until that time has
    come. `role` tells which role an actor has, for decisions; None: everybody may decide.
    """

    def __init__(
        self,
        store: GraphStore,
        model: Model,
        clock_ms: Callable[[], int],
        new_id: NewId,
        listener: Callable[[int], None] = lambda sequence: None,
        control: Control | None = None,
        future_ms: int | None = None,
        role: Callable[[str], str] | None = None,
    ) -> None:
        self.store, self.model, self.clock_ms, self.new_id, self.listener = store, model, clock_ms, new_id, listener
        self.control, self._future_ms, self.role = control, future_ms, role
        self._gate = threading.Lock()  # a second writer here would only plan in vain

    def hold(self) -> AbstractContextManager[object]:
        """Keep writers of this process waiting, so that a reader sees one sequence."""
        return self._gate

    def run(
        self,
        reports: Sequence[Report],
        actor: str,
        reason: str,
        dry_run: bool = False,
        explain: bool = False,
        reviewed: bool = False,
    ) -> Ingested:
        """Write what the reports say, or with `dry_run` only tell; with `explain` tell of each observation.

        `reviewed` reports were approved by a person: control has had its say.

        Raises Unreachable when the store does not answer, Conflict when other writers win every time.
        """
        with self._gate:
            for _ in range(MAX_ATTEMPTS):
                try:
                    with self.store.together():
                        planned = self._planned(reports, actor, reason, explain, None if reviewed else self.control)
                        if dry_run:
                            self._check_head(planned.sequence)
                            return planned
                    sequence = self._commit(planned.change_set, planned.sequence, actor, str(reason))
                    return replace(planned, sequence=sequence, committed=sequence != planned.sequence)
                except Conflict:
                    continue
        raise Conflict(_GAVE_UP)

    def decide(
        self,
        make: Callable[[Head], ChangeSet | None],
        actor: str,
        reason: str,
        dry_run: bool = False,
        by_person: bool = True,
    ) -> tuple[int, ChangeSet | None]:
        """Write what was decided rather than seen: `make` reads what it needs and plans the change set.

        Like reports it is one commit, planned again where somebody else committed meanwhile. Returns the sequence after
        it and the change set; None where `make` found nothing to do. What `make` raises goes on to the caller.
        Raises Denied where a person's role lets them only read; `by_person` is False for what the program does itself.
        """
        if by_person and self.role is not None and self.role(actor) in ONLY_READS:
            raise Denied(f"{actor} is {self.role(actor)} and may only read: the setting `roles` says who may do what")
        with self._gate:
            for _ in range(MAX_ATTEMPTS):
                try:
                    with self.store.together():
                        head = self.store.head()
                        change_set = make(head)
                        if change_set is None or dry_run:
                            return head.sequence, change_set
                        self._check_head(head.sequence)
                    return self._commit(change_set, head.sequence, actor, reason), change_set
                except Conflict:
                    continue
        raise Conflict(_GAVE_UP)

    def _planned(
        self, reports: Sequence[Report], actor: str, reason: str, explain: bool, control: Control | None
    ) -> Ingested:
        """What would be written, at the sequence at which that holds."""
        problems: list[Problem] = []
        reports = self._not_from_the_future(reports, problems)
        is_small = len(reports) <= FEW_REPORTS
        head, states = self.store.head_and_targets({r.origin for r in reports}, manifests=is_small)
        hashed = [(r, report_hash(r)) for r in reports]
        new = {r.origin for r, h in hashed if not is_unchanged(r.at, h, states.get(r.origin))}
        fresh = [(r, h) for r, h in hashed if r.origin in new]
        seen: dict[str, tuple[int, ...]] = {}
        for r, _ in hashed:
            if r.origin not in new:
                seen[r.origin] = (*seen.get(r.origin, ()), r.at)
        if not fresh and not explain:
            return Ingested(head.sequence, False, ChangeSet(head.at, seen=_newer(seen, states)), {}, problems)
        wanted = {r.origin for r in reports} if explain else {r.origin for r, _ in fresh}
        if not is_small:
            states |= self.store.targets(wanted & states.keys(), manifests=True)
        states = meant(self.store, (r for r, _ in fresh), states)
        checked = [(check_report(r, self.model, problems, _said(states, r)), h) for r, h in fresh]
        held = control([r for r, _ in checked], states, actor, reason) if control and checked else {}
        checked = [(r, h) for r, h in checked if r.origin not in held]
        candidates = gather(self.store, [r for r, _ in checked], states, head.sequence, self.model)
        try:
            change_set, draft = plan(checked, candidates, states, self.clock_ms(), self.new_id, self.model)
        except (
            Exception
        ):  # what was read while somebody else committed may not fit together; the commit would refuse it
            self._check_head(head.sequence)
            raise
        change_set.changes = self._without_answered(change_set.changes)
        change_set.changes += [change for one in held.values() for change in one.changes]
        change_set.seen |= _newer(seen, states)
        outcomes = explain_outcomes(reports, draft, states, change_set) if explain else {}
        outcomes |= {r.origin: _held_outcomes(r, held[r.origin]) for r in reports if explain and r.origin in held}
        problems += [*draft.problems, *(Problem(o, o, one.code, one.text) for o, one in held.items())]
        return Ingested(head.sequence, False, change_set, outcomes, problems, held)

    def _not_from_the_future(self, reports: Sequence[Report], problems: list[Problem]) -> Sequence[Report]:
        if self._future_ms is None:
            return reports
        now = self.clock_ms()
        out = []
        for report in reports:
            if report.at > now + self._future_ms:
                text = f"it lies {(report.at - now) // 1000:,} s in the future; taken as now"
                problems.append(Problem(report.origin, "", "at", text))
                report = replace(report, at=now)
            out.append(report)
        return out

    def _check_head(self, expected: int) -> None:
        """Raise Conflict where somebody else has committed since a sequence."""
        if self.store.head().sequence != expected:
            raise Conflict("the graph changed while candidates were read")

    def _commit(self, change_set: ChangeSet, expected: int, actor: str, reason: str) -> int:
        sequence = expected
        if change_set.changes or change_set.targets or change_set.dropped:
            sequence = self.store.commit(change_set, expected, actor, reason)  # notes what was seen as well
        elif change_set.seen:
            self.store.mark_seen(change_set.seen)
        if sequence != expected:
            self.listener(sequence)
        return sequence

    def _without_answered(self, changes: list[Change]) -> list[Change]:
        """Leave out questions that a person has answered before: CIs that are kept apart are different."""
        asked = [c for c in changes if isinstance(c, PutTask) and c.state == "open"]
        if not asked:
            return changes
        apart = self.store.apart({ci for t in asked for ci in t.cis})
        void = {t.id for t in asked if _are_apart(t.cis, apart)}
        return [c for c in changes if not isinstance(c, PutTask) or c.id not in void]


def _said(states: Mapping[str, TargetState], report: Report) -> Mapping[str, ManifestEntry] | None:
    state = states.get(report.origin)
    return state.manifest if state else None


def _are_apart(cis: Sequence[str], apart: Mapping[str, frozenset[str]]) -> bool:
    return len(cis) > 1 and all(b in apart.get(a, ()) for place, a in enumerate(cis) for b in cis[place + 1 :])


def _newer(seen: dict[str, tuple[int, ...]], states: dict[str, TargetState]) -> dict[str, tuple[int, ...]]:
    newer = {o: tuple(at for at in times if at > states[o].last_seen) for o, times in seen.items()}
    return {o: times for o, times in newer.items() if times}


def _held_outcomes(report: Report, held: Held) -> list[ItemOutcome]:
    return [ItemOutcome(path_of(o), held.status, "", "", 0, held) for o in report.observations]


def explain_outcomes(
    reports: Iterable[Report], draft: Draft, states: dict[str, TargetState], change_set: ChangeSet
) -> dict[str, list[ItemOutcome]]:
    """Tell of each observation what became of it."""
    created = {c.id for c in change_set.changes if isinstance(c, NewCI)}
    changes = Counter[str]()
    for change in change_set.changes:
        if isinstance(change, SetCI):
            changes[change.id] += max(1, len(change.set) + len(change.unset))
        elif isinstance(change, NewRelationship | SetRelationship | EndRelationship):
            changes[change.source] += 1
            changes[change.target] += 1
    outcomes: dict[str, list[ItemOutcome]] = {}
    for report in reports:
        manifest = states[report.origin].manifest if report.origin in states else {}
        local = draft.resolved.get(report.origin) or {n: e.ci for n, e in manifest.items()}
        listed = outcomes.setdefault(report.origin, [])
        for observation in report.observations:
            name = path_of(observation)
            ci = local.get(name, "")
            status: Status = "conflict"
            if ci:
                status = "created" if ci in created else "updated" if changes[ci] else "unchanged"
            listed.append(
                ItemOutcome(name, status, ci, draft.rules.get((report.origin, name), ""), changes[ci] if ci else 0)
            )
    return outcomes
