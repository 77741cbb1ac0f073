"""Turn reports into the change set that they make, given what is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cmdb.changes import (
    Change,
    ChangeSet,
    EndRelationship,
    Facet,
    NewCI,
    NewRelationship,
    Pending,
    SetCI,
    SetRelationship,
    digest,
)
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Report
from cmdb.reconcile.draft import Draft, Problem
from cmdb.reconcile.merge import live_facets, merge_attributes, merge_class, merge_identifiers, merge_link
from cmdb.reconcile.questions import class_task, rival_classes, settle
from cmdb.reconcile.visit import NewId, Visit, tie_of
from cmdb.store.protocol import Candidates, TargetState


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
            draft.seen[report.origin] = report.at
        else:
            Visit(report, hash_, draft, new_id, model).take()
    _connect_waiting(draft, model)
    changes = [*_ci_changes(draft, model), *_link_changes(draft, model), *settle(draft, model, at)]
    change_set = ChangeSet(
        at,
        changes,
        list(draft.set_targets.values()),
        draft.pending,
        draft.arrived,
        draft.settled,
        {o: t for o, t in draft.seen.items() if o not in draft.set_targets},
    )
    return change_set, draft


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


def _ci_changes(draft: Draft, model: Model) -> Iterable[Change]:
    """What the touched facets make of their CIs, parents first (they are found first)."""
    for ci, facets in draft.facets.items():
        born = draft.born.get(ci)
        known = None if born else draft.known[ci]
        if known is not None and facets == known.facets:
            continue
        live = live_facets(facets)
        if len(facets) > 1 and (rivals := rival_classes(facets, model.precedence)):
            task = class_task(ci, rivals)
            draft.tasks[task.id] = task
        ci_class = born.ci_class if born and len(live) == 1 else merge_class(live, model.precedence)
        attributes = merge_attributes(live, ci_class, model.precedence)
        identifiers = _own_identifiers(draft, ci, live, known.identifiers if known else ())
        local_key = born.local_key if born else known.local_key if known else ""
        if not attributes.get("name"):
            attributes["name"] = local_key or _name_from(identifiers) or ci_class
        status = "in_service" if any(f.gone is None for f in facets.values()) else "missing"
        if born:
            kept = _lean(facets, attributes)
            yield NewCI(
                ci,
                ci_class,
                born.parent,
                local_key,
                status,
                attributes,
                tuple(identifiers.values()),
                kept,
                born.first_seen,
            )
        elif known is not None:
            old = {i.key: i for i in known.identifiers}
            yield SetCI(
                ci,
                ci_class,
                status,
                {n: v for n, v in attributes.items() if n not in known.attributes or known.attributes[n] != v},
                tuple(sorted(n for n in known.attributes if n not in attributes)),
                attributes,
                _lean(facets, attributes),
                tuple(i for k, i in identifiers.items() if old.get(k) != i),
                tuple(sorted(k for k in old if k not in identifiers)),
            )


def _own_identifiers(
    draft: Draft, ci: str, facets: Mapping[str, Facet], before: tuple[Identifier, ...]
) -> dict[str, Identifier]:
    """Identifiers that the facets say, without strong ones that name another CI; those it has had stay its own."""
    held = {i.key for i in before}
    merged = merge_identifiers(facets)
    return {
        k: i
        for k, i in merged.items()
        if not i.strong or k in held or not any(s and c != ci for c, s in draft.holders.get(k, ()))
    }


def _name_from(identifiers: Mapping[str, Identifier]) -> str:
    """A name for what nobody named: the value of its first identifier, by name."""
    return min(identifiers).partition(":")[2] if identifiers else ""


def _lean(facets: dict[str, Facet], attributes: dict[str, Any]) -> dict[str, Facet]:
    """Facets as they are written: a sole facet that equals the CI does not repeat its attributes."""
    if len(facets) > 1:
        return facets
    origin, facet = next(iter(facets.items()))
    if facet.attributes != attributes:
        return facets
    return {
        origin: Facet(
            facet.since, facet.hash, facet.role, facet.ci_class, None, facet.identifiers, facet.gone, facet.seen
        )
    }


def _link_changes(draft: Draft, model: Model) -> Iterable[Change]:
    """What the touched relationships become."""
    for (source, type_, target), facets in draft.links.items():
        before = draft.before.get((source, type_, target))
        if not facets:
            if before is not None:
                yield EndRelationship(source, type_, target)
        elif before is None:
            yield NewRelationship(source, type_, target, merge_link(facets, type_, model.precedence), facets)
        elif facets != before[1]:
            yield SetRelationship(source, type_, target, merge_link(facets, type_, model.precedence), facets)
