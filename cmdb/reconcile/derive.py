"""What the facets of a draft make of their CIs and relationships: the one place where values are decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cmdb.changes import LOST, STALE, Change, EndRelationship, Facet, NewCI, NewRelationship, SetCI, SetRelationship
from cmdb.model.registry import Model
from cmdb.observation import Identifier
from cmdb.reconcile.draft import Draft
from cmdb.reconcile.merge import live_facets, merge_attributes, merge_class, merge_identifiers, merge_link
from cmdb.reconcile.questions import class_task, rival_classes
from cmdb.reconcile.status import status_of
from cmdb.store.protocol import KnownCI


def ci_changes(draft: Draft, model: Model) -> Iterable[Change]:
    """What the touched facets make of their CIs, parents first (they are found first)."""
    changes: dict[str, Change] = {}
    freed: set[str] = set()
    for ci in draft.facets:
        change = _ci_change(draft, ci, model)
        if change is not None:
            changes[ci] = change
        if isinstance(change, SetCI) and change.forget:
            freed.update(change.forget)
            _let_go(draft, change)
    for heir in _heirs(draft, freed) if freed else ():
        draft.derive_again.add(heir)
        change = _ci_change(draft, heir, model)
        if change is not None:
            changes[heir] = change
            draft.hold(heir, change.identify if isinstance(change, SetCI) else change.identifiers)
    return changes.values()


def _ci_change(draft: Draft, ci: str, model: Model) -> NewCI | SetCI | None:
    """What its facets make of one CI; None where it stays as it is."""
    facets, born = draft.facets_of(ci), draft.born.get(ci)
    known = None if born else draft.known[ci]
    if known is not None and facets == known.facets and ci not in draft.derive_again:
        return None
    if known is not None and not facets:
        return _forgotten(known)
    if known is not None and known.is_partial and _only_stale(facets, known):
        kept = _lean(facets, known.attributes)
        return SetCI(ci, known.ci_class, known.status, {}, (), known.attributes, kept)
    live = live_facets(facets)
    if len(facets) > 1 and (rivals := rival_classes(facets, model.precedence)):
        task = class_task(ci, rivals)
        draft.tasks[task.id] = task
    ci_class = born.ci_class if born and len(live) == 1 else merge_class(live, model.precedence)
    attributes = merge_attributes(live, ci_class, model.precedence)
    if known is not None and not known.facets:  # nobody spoke of it any more; what was known of it stays
        attributes = {**known.attributes, **attributes}
    partial = known is not None and known.is_partial
    identifiers = {} if partial else _own_identifiers(draft, ci, live, known.identifiers if known else ())
    local_key = born.local_key if born else known.local_key if known else ""
    if not attributes.get("name"):
        before = known.attributes.get("name") if known is not None and partial else ""
        attributes["name"] = before or local_key or _name_from(identifiers) or ci_class
    status = status_of(facets, ci_class, model)
    kept = _lean(facets, attributes)
    if known is None:
        assert born is not None  # what is not known is born in this write
        told = tuple(identifiers.values())
        return NewCI(ci, ci_class, born.parent, local_key, status, attributes, told, kept, born.first_seen)
    old = {i.key: i for i in known.identifiers}
    change = SetCI(
        ci,
        ci_class,
        status,
        {n: v for n, v in attributes.items() if n not in known.attributes or known.attributes[n] != v},
        tuple(sorted(n for n in known.attributes if n not in attributes)),
        attributes,
        kept,
        tuple(i for k, i in identifiers.items() if old.get(k) != i),
        tuple(sorted(k for k in old if k not in identifiers)),
    )
    return change if facets != known.facets or _differs(change, known) else None


def _let_go(draft: Draft, change: SetCI) -> None:
    """Let identifiers that a CI forgets name it no longer."""
    for key in change.forget:
        if key in draft.holders:
            draft.holders[key][:] = [h for h in draft.holders[key] if h[0] != change.id]


def _heirs(draft: Draft, freed: set[str]) -> list[str]:
    """Independent CIs that have said all along what another CI held until now: what is contested is theirs then."""
    found = []
    for ci in sorted({*draft.born, *(c.id for c in draft.known.values() if not c.is_partial)}):
        said = {i.key for f in draft.facets_seen(ci).values() for i in f.identifiers}
        if not freed.isdisjoint(said) and not draft.parent_of(ci):
            found.append(ci)
    return found


def _only_stale(facets: Mapping[str, Facet], known: KnownCI) -> bool:
    """Whether the only word of a CI became stale, which changes none of its values."""
    if len(facets) != 1:
        return False
    (facet,) = facets.values()
    return STALE in facet.marks and LOST not in facet.marks and facet.hash == next(iter(known.facets.values())).hash


def _differs(change: SetCI, known: KnownCI) -> bool:
    """Whether a CI whose facets are as before became another."""
    head = (change.ci_class, change.status) != (known.ci_class, known.status)
    return head or bool(change.set or change.unset or change.identify or change.forget)


def _forgotten(known: KnownCI) -> SetCI:
    """A CI of which nobody says anything any more keeps what was known of it."""
    return SetCI(known.id, known.ci_class, "missing", {}, (), known.attributes, {})


def _own_identifiers(
    draft: Draft, ci: str, facets: Mapping[str, Facet], before: tuple[Identifier, ...]
) -> dict[str, Identifier]:
    """Identifiers that the facets say, without strong ones that name another CI; those it has had stay its own."""
    held = {i.key for i in before if (ci, i.key) not in draft.denied}
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
    return {origin: msgspec.structs.replace(facet, attributes=None)}


def link_changes(draft: Draft, model: Model) -> Iterable[Change]:
    """What the touched relationships become."""
    for (source, type_, target), facets in draft.links.items():
        before = draft.before.get((source, type_, target))
        if not facets:
            if before is not None:
                yield EndRelationship(source, type_, target)
        elif before is None:
            yield NewRelationship(source, type_, target, merge_link(facets, type_, model.precedence), facets)
        else:
            merged = merge_link(facets, type_, model.precedence)
            if facets != before[1] or merged != before[0]:
                yield SetRelationship(source, type_, target, merged, facets)
