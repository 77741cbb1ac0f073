"""What a commit changed, fact by fact: pure, from its change set and the state before it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from cmdb.changes import (
    Change,
    EndCI,
    EndRelationship,
    Facet,
    LinkFacet,
    MoveCI,
    NewCI,
    NewRelationship,
    PutRecord,
    PutTask,
    SetCI,
    SetRelationship,
)
from cmdb.model.registry import Model
from cmdb.observation import Value, split_origin
from cmdb.reconcile.merge import live_facets
from cmdb.store.states import CommitHead, Label, LinkKey, LinkState, State

Tie = NewRelationship | SetRelationship | EndRelationship

DECIDED = "manual"  # the source of what a person decided rather than a source observed
SETTINGS = frozenset(("baseline", "plane", "source", "user", "token"))  # kinds of records that are settings


class Before(msgspec.Struct, frozen=True):
    """What was so before a commit, of what it changes, and the names of all CIs concerned."""

    cis: Mapping[str, State] = {}
    links: Mapping[LinkKey, LinkState] = {}
    labels: Mapping[str, Label] = {}


class FactChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fact that changed: recorded at `at` in commit `sequence`, so since `observed_at` as its source has it.

    `ci` is the CI concerned, of a relationship its source end, of a requirement its owner (`subject` is the requirement
    then). `whole` is what holds of a CI or relationship that appears, and what held of one that ends. Values are None
    where there is none. Times in epoch ms.
    """

    kind: str
    sequence: int
    at: int
    actor: str
    source: str
    ci: str = ""
    attribute: str = ""
    before: Value = None
    after: Value = None
    relationship_type: str = ""
    other: str = ""
    record: str = ""
    setting: str = ""
    observed_at: int | None = None
    whole: State | LinkState | None = None
    reason: str = ""
    subject: str = ""


def concerned(change: Change) -> tuple[str, ...]:
    """The CIs that a change is about, the main one first."""
    match change:
        case NewRelationship() | SetRelationship() | EndRelationship():
            return change.source, change.target
        case EndCI():
            return change.id, change.into
        case PutTask():
            return change.cis
        case PutRecord():
            return change.about
    return (change.id,)


def link_key(change: Tie) -> LinkKey:
    """What names the relationship that a change is about."""
    return change.source, change.type, change.target


def fact_changes(
    head: CommitHead, changes: Iterable[Change], before: Before, model: Model, about: Container[str] | None = None
) -> Iterator[FactChange]:
    """The facts that the change set of one commit changed, in its order; with `about` those of these CIs only."""
    facts = _Facts(head, before, model)
    for change in changes:
        if about is None or any(ci in about for ci in concerned(change)):
            yield from facts.of(change)


class _Place(NamedTuple):
    """Where a change of a CI shows: at itself, or, for a requirement, at its owner under the requirement's name."""

    ci: str
    subject: str
    requirement: str

    def attribute(self, name: str) -> str:
        """An attribute as it is shown there."""
        return ".".join(filter(None, (self.requirement, name)))

    def kind(self, kind: str) -> str:
        """The kind of a change there."""
        return "REQUIREMENT_CHANGED" if self.requirement else kind


class _Facts:
    """One commit on its way into fact changes."""

    def __init__(self, head: CommitHead, before: Before, model: Model) -> None:
        self.head, self.before, self.model = head, before, model

    def of(self, change: Change) -> Iterator[FactChange]:
        """What one change changed."""
        match change:
            case NewCI():
                yield self._born(change)
            case SetCI():
                yield from self._set(change)
            case MoveCI():
                yield from self._moved(change)
            case EndCI():
                place, was = _Place(change.id, change.id, ""), self.before.cis.get(change.id)
                yield self._fact(
                    "IDENTITY_CHANGED", place, "absorbed_by", None, change.into, other=change.into, whole=was
                )
            case NewRelationship() | SetRelationship():
                yield from self._tied(change)
            case EndRelationship():
                was_tied = self.before.links.get(link_key(change))
                yield self._link("RELATIONSHIP_ENDED", change, was_tied.facets if was_tied else {}, whole=was_tied)
            case PutTask():
                ci = change.cis[0] if change.cis else ""
                source, after = split_origin(change.origin)[0], f"{change.kind} {change.state}"
                yield self._fact("IDENTITY_CHANGED", _Place(ci, ci, ""), "task", None, after, source, record=change.id)
            case PutRecord():
                yield self._record(change)

    # ---- CIs

    def _born(self, change: NewCI) -> FactChange:
        whole = State(
            change.id,
            change.ci_class,
            change.parent,
            change.local_key,
            change.status,
            change.attributes,
            {i.key: i.strong for i in change.identifiers},
            change.facets,
            self.head.at,
            change.revision,
        )
        origin = _latest(change.facets)
        place = self._place(change.id, change.ci_class, change.parent, change.attributes.get("name", ""))
        kind, name = ("CI_CREATED", "") if change.revision == 1 else ("IDENTITY_CHANGED", "returned")
        seen = change.facets[origin].since if origin else None
        return self._fact(place.kind(kind), place, name, None, None, _source(origin), observed_at=seen, whole=whole)

    def _set(self, change: SetCI) -> Iterator[FactChange]:
        was = self.before.cis.get(change.id)
        place = self._place(change.id, change.ci_class, was.parent if was else "", change.attributes.get("name", ""))
        latest = _latest(change.facets)
        fields = [("class", was.ci_class, change.ci_class), ("status", was.status, change.status)] if was else []
        for name, old, new in fields:
            if old != new:
                yield self._said("CI_CHANGED", place, name, old, new, change, latest)
        for name in sorted({*change.set, *change.unset}):
            before, after = (was.attributes if was else {}).get(name), change.set.get(name)
            if differs(before, after):
                origin = _winner(change, name, self.model)
                yield self._said("ATTRIBUTE_CHANGED", place, name, before, after, change, origin)
        for identifier in change.identify:
            key, held = identifier.key, was.identifiers if was else {}
            origin = next((o for o, f in change.facets.items() if identifier in f.identifiers), latest)
            yield self._said("IDENTIFIER_CHANGED", place, "", key if key in held else None, key, change, origin)
        for key in change.forget:
            yield self._said("IDENTIFIER_CHANGED", place, "", key, None, change, latest)

    def _said(
        self, kind: str, place: _Place, name: str, before: Value, after: Value, change: SetCI, origin: str
    ) -> FactChange:
        seen = _time(change.facets, origin)
        return self._fact(place.kind(kind), place, name, before, after, _source(origin), observed_at=seen)

    def _moved(self, change: MoveCI) -> Iterator[FactChange]:
        was = self.before.cis.get(change.id)
        place = self._place(change.id, change.ci_class, change.parent, str(was.attributes["name"]) if was else "")
        old = (was.parent, was.local_key) if was else ("", "")
        if old[0] != change.parent:
            yield self._fact(place.kind("CI_CHANGED"), place, "parent", old[0], change.parent, other=change.parent)
        if old[1] != change.local_key:
            yield self._fact(place.kind("CI_CHANGED"), place, "local_key", old[1], change.local_key)

    # ---- relationships

    def _tied(self, change: NewRelationship | SetRelationship) -> Iterator[FactChange]:
        if isinstance(change, NewRelationship):
            whole = LinkState(change.attributes, change.facets, self.head.at)
            yield self._link("RELATIONSHIP_CREATED", change, change.facets, whole=whole)
            return
        was = self.before.links.get(link_key(change))
        old = was.attributes if was else {}
        for name in sorted({*old, *change.attributes}):
            before, after = old.get(name), change.attributes.get(name)
            if differs(before, after):
                yield self._link("RELATIONSHIP_CHANGED", change, change.facets, name, before, after)

    def _link(
        self,
        kind: str,
        change: Tie,
        facets: Mapping[str, LinkFacet],
        name: str = "",
        before: Value = None,
        after: Value = None,
        whole: LinkState | None = None,
    ) -> FactChange:
        origin = max(facets, key=lambda o: (facets[o].since, o), default="")
        ended = isinstance(change, EndRelationship)  # when it was last said is kept, not when it was found to be gone
        type_ = self.model.relationship_types.get(change.type)
        place = _Place(change.source, change.source, "")
        if type_ is not None and type_.internal:
            label = self.before.labels.get(change.source) or Label(change.source, "", "")
            place = _Place(label.parent or change.source, change.source, label.name or "requirement")
            name = ".".join(filter(None, ("provider", name)))
            before, after = before if name else None, after if name else None
        return self._fact(
            place.kind(kind),
            place,
            name,
            before,
            after,
            _source(origin),
            relationship_type=change.type,
            other=change.target,
            observed_at=facets[origin].since if origin and not ended else None,
            whole=whole,
        )

    # ---- the rest

    def _place(self, ci: str, ci_class: str, parent: str, name: Value) -> _Place:
        definition = self.model.classes.get(ci_class)
        if definition is None or not definition.internal:
            return _Place(ci, ci, "")
        return _Place(parent or ci, ci, str(name) or "requirement")

    def _record(self, change: PutRecord) -> FactChange:
        if change.kind in SETTINGS:
            setting = f"{change.kind}:{change.title}"
            return self._fact("SETTING_CHANGED", _Place("", "", ""), "state", None, change.state, setting=setting)
        ci = change.about[0] if change.about else ""
        return self._fact("RECORD_CHANGED", _Place(ci, ci, ""), "state", None, change.state, record=change.id)

    def _fact(
        self, kind: str, place: _Place, name: str, before: Value, after: Value, source: str = DECIDED, **more: Any
    ) -> FactChange:
        h = self.head
        fact = FactChange(kind, h.sequence, h.at, h.actor, source, place.ci, place.attribute(name), before, after)
        return msgspec.structs.replace(fact, subject=place.subject, reason=h.reason, **more)


def differs(one: Value, other: Value) -> bool:
    """Whether two values are not the same; 1, 1.0 and true are three."""
    return one != other or type(one) is not type(other)


def _source(origin: str) -> str:
    return split_origin(origin)[0] if origin else DECIDED


def _time(facets: Mapping[str, Facet], origin: str) -> int | None:
    """Since when an origin says what it says, or since when it is silent."""
    facet = facets.get(origin)
    return None if facet is None else facet.gone if facet.gone is not None else facet.since


def _latest(facets: Mapping[str, Facet]) -> str:
    """The origin whose word is the newest: what came of it changed the whole."""
    return max(facets, key=lambda o: (_time(facets, o) or 0, o), default="")


def _winner(change: SetCI, name: str, model: Model) -> str:
    """The origin that an attribute has its value from; the newest one where nobody says this value."""
    value = change.attributes.get(name)
    facets = live_facets(change.facets)
    said = [
        o for o, f in facets.items() if value is not None and (f.attributes or change.attributes).get(name) == value
    ]
    if not said:
        return _latest(change.facets)
    return max(
        said,
        key=lambda o: (facets[o].role == "self", model.precedence(split_origin(o)[0], change.ci_class, name), o),
    )
