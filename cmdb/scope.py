"""Which CIs a comparison or a baseline is about, at whatever moment it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from cmdb.store.protocol import Condition, Filter, GraphStore, Moment

BATCH = 500


class Scope(msgspec.Struct, frozen=True):
    """CIs that match a filter and, where `within` is an id, are part of that CI or located in it.

    `text` is the filter as it was given, for people. The empty scope is everything.
    """

    where: Filter | None = None
    within: str = ""
    text: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self.where is None and not self.within


def in_scope_at(store: GraphStore, scope: Scope, moments: Iterable[Moment]) -> Callable[[set[str]], set[str]]:
    """A function that tells which of some CIs are in a scope at any of these moments."""
    times = [m.at for m in moments]
    if scope.is_everything:
        return lambda ids: ids

    def in_scope(ids: set[str]) -> set[str]:
        found: set[str] = set()
        for at in times:
            ordered = sorted(ids - found)
            for start in range(0, len(ordered), BATCH):
                found |= _matching(store, scope, ordered[start : start + BATCH], at)
        return found

    return in_scope


def _matching(store: GraphStore, scope: Scope, ids: list[str], at: int) -> set[str]:
    inside = store.inside(ids, scope.within, at) if scope.within else set(ids)
    if scope.where is None or not inside:
        return inside
    where = scope.where
    named = Filter(
        (Condition("id", "in", sorted(inside)), *where.conditions),
        where.all_of,
        where.any_of,
        where.none_of,
        where.related,
    )
    return {ci.id for ci in store.find(named, first=BATCH, at=at).cis}
