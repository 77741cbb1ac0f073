"""Make one CI of two: facets, identifiers, dependents and relationships of the one become those of the other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from cmdb.changes import LinkFacet
from cmdb.model.registry import Model
from cmdb.observation import LINKS, SESSIONS, facet_name, origin_name, origin_of, split_facet_name, split_origin
from cmdb.reconcile.draft import Draft, LinkKey
from cmdb.reconcile.visit import tie_of

Children = dict[tuple[str, str], str]  # (class, local key) -> id


class InboundLink(msgspec.Struct, array_like=True):
    """What a third party said of a relationship with an absorbed CI, and what stands for it since the merge.

    `is_shared`: it said so of the other one too.
    """

    source: str
    type: str
    target: str
    name: str
    is_shared: bool
    was: LinkFacet
    became: LinkFacet


class DroppedLink(msgspec.Struct, array_like=True):
    """A relationship between two CIs that became one."""

    source: str
    type: str
    target: str
    facets: dict[str, LinkFacet]


class Absorption(msgspec.Struct):
    """What became of what: (the CI that stays, the one absorbed), parents first; dependents that moved, with the
    parent that they had; what can't be told apart afterwards without a note. `own` are links that the CI that stays
    had before, said by an origin that speaks of the absorbed one.
    """

    pairs: list[tuple[str, str]]
    moved: list[tuple[str, str]] = []
    inbound: list[InboundLink] = []
    dropped: list[DroppedLink] = []
    own: list[tuple[str, str, str, str]] = []  # source, type, target, name of the facet

    @property
    def stands_for(self) -> dict[str, str]:
        """Absorbed CI -> the one that stands for it."""
        return {gone: kept for kept, gone in self.pairs}


def children_of(draft: Draft) -> dict[str, Children]:
    """The dependents of each known CI."""
    found: dict[str, Children] = {}
    for ci in draft.known.values():
        if ci.parent:
            found.setdefault(ci.parent, {})[ci.ci_class, ci.local_key] = ci.id
    return found


def absorb(draft: Draft, kept: str, gone: str, model: Model, is_marked: bool = True) -> Absorption:
    """Edit a draft of two households so that `gone` is absorbed by `kept`.

    Dependents of the same class and local key become one as well, the others move. With `is_marked` facets keep the id
    of the CI of which they were said, so that all of it can be undone; without, nothing tells them apart any more.
    """
    done = Absorption([(kept, gone)])
    children = children_of(draft)
    for stays, goes in done.pairs:  # grows on the way
        there = children.get(stays, {})
        for key, child in children.get(goes, {}).items():
            if key in there:
                done.pairs.append((there[key], child))
            else:
                done.moved.append((child, goes))
    for stays, goes in done.pairs:
        facets = draft.facets_of(stays)
        for name, facet in draft.known[goes].facets.items():
            facets[f"{goes}>{name}" if is_marked else name] = facet
        _hand_over(draft, goes, stays)
    _relink(draft, done, model, is_marked)
    return done


def with_parts(names: Iterable[str]) -> frozenset[str]:
    """Names of facets, and of what the same visits said of how things are tied."""
    found = ((*split_facet_name(name), part) for name in names for part in ("", LINKS, SESSIONS))
    return frozenset(facet_name(origin_name(*split_origin(origin), part), own) for own, origin, part in found)


def _hand_over(draft: Draft, goes: str, stays: str) -> None:
    """Let the identifiers of one CI name the other."""
    for held in draft.holders.values():
        strengths = [strong for ci, strong in held if ci in (goes, stays)]
        if any(ci == goes for ci, _ in held):
            held[:] = [h for h in held if h[0] not in (goes, stays)] + [(stays, any(strengths))]


def _relink(draft: Draft, done: Absorption, model: Model, is_marked: bool) -> None:
    """Tie to the CI that stays what was tied to the one that goes."""
    stand = done.stands_for
    targets = {ci: {split_origin(n)[1] for n in draft.known[ci].facets} for ci in stand}
    theirs = with_parts(origin_of(n) for n in draft.known[done.pairs[0][1]].facets)
    for stays in stand.values():
        for tie, (_, facets) in draft.known[stays].links.items():
            done.own += [(*tie, n) for n in facets if origin_of(n) in theirs and not stand.keys() & {*tie}]
    for tie, facets in _ties(draft, stand):
        draft.links[tie] = {}
        source, type_, target = tie
        new = tie_of(model, stand.get(source, source), type_, stand.get(target, target))
        if new[0] == new[2]:
            done.dropped.append(DroppedLink(*tie, facets))
            continue
        there = draft.link_facets(new)
        for name, facet in facets.items():
            if is_marked and _is_said_here(tie, name, targets, model):
                there[">".join([*(end for end in (source, target) if end in stand), name])] = facet
            else:
                had = draft.before[new][1] if new in draft.before else {}
                became = there.setdefault(name, facet)
                done.inbound.append(InboundLink(*tie, name, name in had, facet, became))


def _ties(draft: Draft, stand: dict[str, str]) -> Iterator[tuple[LinkKey, dict[str, LinkFacet]]]:
    """The relationships of all absorbed CIs, each once."""
    seen: set[LinkKey] = set()
    for ci in stand:
        for tie, (_, facets) in draft.known[ci].links.items():
            if tie not in seen:
                seen.add(tie)
                yield tie, facets


def _is_said_here(tie: LinkKey, name: str, targets: dict[str, set[str]], model: Model) -> bool:
    """Whether an absorbed end said it itself; else the other end did.

    A link starts at the thing that was observed; of a symmetric one the target that was visited has to tell.
    """
    source, type_, target = tie
    if not model.relationship_type(type_).symmetric:
        return source in targets
    visited = split_origin(origin_of(name))[1]
    return any(visited in targets.get(end, ()) for end in (source, target))
