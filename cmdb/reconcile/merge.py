"""Who is right: facets of several sources become one set of values. No clock, so that the order of arrival does not
matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from cmdb.changes import LOST, STALE, Facet, LinkFacet
from cmdb.observation import EDIT, Identifier, Value, is_aside, split_origin

Precedence = Callable[[str, str, str], int]  # (source, class or relationship type, attribute) -> larger wins
STATUS = "status"  # an attribute that is claimed, and never one of the CI itself


class Rank(NamedTuple):
    """Why one word beats another: the first field in which they differ decides, and the larger wins.

    The time since when something is said is none of them: it depends on the order in which late reports come.
    """

    live: bool  # still said, and by an origin that is not lost
    locked: bool  # a person wants it to hold
    own: bool  # said of the thing that was asked itself
    fresh: bool  # confirmed in time
    precedence: int
    direct: bool  # said by a person of this very CI, not in a file of many
    origin: str  # a tie must be broken


def rank(origin: str, facet: Facet, ci_class: str, attribute: str, precedence: Precedence) -> Rank:
    """How much the word of a facet about an attribute counts; the one ranking, for values and for their explanation."""
    return Rank(
        facet.gone is None and LOST not in facet.marks,
        attribute in facet.locks,
        facet.role == "self",
        STALE not in facet.marks,
        precedence(split_origin(origin)[0], ci_class, attribute),
        split_origin(origin)[1].startswith(EDIT),
        origin,
    )


def live_facets(facets: Mapping[str, Facet]) -> Mapping[str, Facet]:
    """The facets that count: those still said, or, where none describes the thing any more, all of them."""
    live = {o: f for o, f in facets.items() if f.gone is None and LOST not in f.marks}
    return facets if all(map(is_aside, live)) else live


def merge_class(facets: Mapping[str, Facet], precedence: Precedence) -> str:
    """The class that the strongest facet gives; what calls the CI its own beats what merely told of it."""
    named = [o for o in facets if not is_aside(o)] or list(facets)  # an edit keeps nothing in its class
    best = max(named, key=lambda o: rank(o, facets[o], facets[o].ci_class, "class", precedence))
    return facets[best].ci_class


def merge_attributes(facets: Mapping[str, Facet], ci_class: str, precedence: Precedence) -> dict[str, Value]:
    """Value by value the facet of the highest rank; a status that is claimed is none of them."""
    if len(facets) == 1:
        merged = dict(next(iter(facets.values())).attributes or {})
        merged.pop(STATUS, None)
        return merged
    best: dict[str, Rank] = {}
    merged = {}
    for origin, facet in facets.items():
        for name, value in (facet.attributes or {}).items():
            if name == STATUS:
                continue
            found = rank(origin, facet, ci_class, name, precedence)
            if name not in best or found > best[name]:
                best[name], merged[name] = found, value
    return merged


def merge_identifiers(facets: Mapping[str, Facet]) -> dict[str, Identifier]:
    """All identifiers that any facet says; strong as soon as one of them says so."""
    merged: dict[str, Identifier] = {}
    for facet in facets.values():
        for identifier in facet.identifiers:
            if identifier.key not in merged or identifier.strong:
                merged[identifier.key] = identifier
    return merged


def merge_link(facets: Mapping[str, LinkFacet], type_: str, precedence: Precedence) -> dict[str, Value]:
    """Attributes of a relationship: lists are joined, of single values the strongest source's wins."""
    if len(facets) == 1:
        return next(iter(facets.values())).attributes
    ranked = sorted(facets, key=lambda o: (precedence(split_origin(o)[0], type_, ""), o))
    merged: dict[str, Value] = {}
    for origin in ranked:
        for name, value in facets[origin].attributes.items():
            before = merged.get(name)
            merged[name] = sorted({*before, *value}) if isinstance(before, list) and isinstance(value, list) else value
    return merged
