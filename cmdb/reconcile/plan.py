"""Turn reports into the change set that they make, given what is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cmdb.changes import (
    ChangeSet,
    Pending,
    digest,
)
from cmdb.model.registry import Model
from cmdb.observation import Report
from cmdb.reconcile.derive import ci_changes, link_changes
from cmdb.reconcile.draft import Draft, Problem
from cmdb.reconcile.questions import settle
from cmdb.reconcile.visit import NewId, Visit, tie_of
from cmdb.store.protocol import Candidates, KnownCI, TargetState


def report_hash(report: Report) -> bytes:
    """Content hash of a report: the same content at another time hashes the same."""
    return digest([report.observations, report.complete, report.tables], 16)


def is_unchanged(at: int, hash_: bytes, target: TargetState | None) -> bool:
    """Whether a report of this time and hash says again what its origin said last."""
    return target is not None and at >= target.last_seen and target.hash == hash_


def plan(
    reports: Iterable[tuple[Report, bytes]],
    candidates: Candidates,
    targets: Mapping[str, TargetState],
    at: int,
    new_id: NewId,
    model: Model,
) -> tuple[ChangeSet, Draft]:
    """Derive the change set of some reports, each given with the hash of what was received.

    `candidates` and `targets` (with manifests) must have been read at one sequence and cover what the reports name.
    `at` is the time of the commit in epoch ms. The draft tells which CI each observation was found to be, and why.
    """
    draft = Draft(candidates, targets)
    for report, hash_ in reports:
        if is_unchanged(report.at, hash_, draft.targets.get(report.origin)):
            draft.see_again(report.origin, report.at)
        else:
            Visit(report, hash_, draft, new_id, model).take()
    _connect_waiting(draft, model)
    changes = [*ci_changes(draft, model), *link_changes(draft, model), *settle(draft, model, at)]
    change_set = ChangeSet(
        at,
        changes,
        list(draft.set_targets.values()),
        draft.pending,
        draft.arrived,
        [(ci, facet) for ci, facet in draft.settled if _may_wait(draft.known.get(ci), facet)],
        seen={o: t for o, t in draft.seen.items() if o not in draft.set_targets},
    )
    return change_set, draft


def _may_wait(ci: KnownCI | None, facet: str) -> bool:
    """Whether a link that a facet says of a CI waits for its far end; hardly ever does one."""
    return ci is None or ci.is_partial or facet in ci.waiting


def _connect_waiting(draft: Draft, model: Model) -> None:
    """Tie what waited, in the store or in this write, to far ends that are there now."""
    still: list[Pending] = []
    void = set(draft.settled)
    for stored, wait in [(True, w) for ws in draft.waiting.values() for w in ws] + [(False, w) for w in draft.pending]:
        if stored and (wait.ci, wait.origin) in void:
            continue  # said anew in this write
        far = draft.find(f"{wait.key}|{wait.path}" if wait.path else wait.key, {})
        if far is None:
            if not stored:
                still.append(wait)
            continue
        if stored:
            draft.arrived.append(wait)
        if far != wait.ci and not _misfit(draft, model, wait, far):
            facets = draft.link_facets(tie_of(model, wait.ci, wait.type, far))
            facets.setdefault(wait.origin, wait.facet)
    draft.pending = still


def _misfit(draft: Draft, model: Model, wait: Pending, far: str) -> bool:
    """Whether the type of a waiting link does not fit what turned up; noted as a problem."""
    classes = draft.class_of(wait.ci), draft.class_of(far)
    problem = model.check_ends(wait.type, *classes) if all(classes) else None
    if problem:
        draft.problems.append(Problem(wait.origin, wait.ci, f"links[{wait.type} {wait.key}]", problem))
    return problem is not None
