"""Who is right: facets of several sources become one set of values. No clock, so that the order of arrival does not
matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cmdb.changes import Facet, LinkFacet
from cmdb.observation import Identifier, Value, split_origin

Precedence = Callable[[str, str, str], int]  # (source, class or relationship type, attribute) -> larger wins


def live_facets(facets: Mapping[str, Facet]) -> Mapping[str, Facet]:
    """The facets that count: those still said, or, where none is, all of them."""
    live = {o: f for o, f in facets.items() if f.gone is None}
    return live or facets


def merge_class(facets: Mapping[str, Facet], precedence: Precedence) -> str:
    """The class that the strongest facet gives; what calls the CI its own beats what merely told of it."""

    def rank(origin: str) -> tuple[bool, int, str]:
        return (
            facets[origin].role == "self",
            precedence(split_origin(origin)[0], facets[origin].ci_class, "class"),
            origin,
        )

    return facets[max(facets, key=rank)].ci_class


def merge_attributes(facets: Mapping[str, Facet], ci_class: str, precedence: Precedence) -> dict[str, Value]:
    """Value by value the strongest facet: role self, then precedence, then the name of the origin (a tie must be
    broken).
    """
    if len(facets) == 1:
        return dict(next(iter(facets.values())).attributes or {})
    best: dict[str, tuple[bool, int, str]] = {}
    merged: dict[str, Value] = {}
    for origin, facet in facets.items():
        source = split_origin(origin)[0]
        for name, value in (facet.attributes or {}).items():
            rank = (facet.role == "self", precedence(source, ci_class, name), origin)
            if name not in best or rank > best[name]:
                best[name], merged[name] = rank, value
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
