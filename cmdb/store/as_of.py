"""The reads of a store with their time bound, for code that reads the present and the past alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cmdb.store.protocol import (
    CIRecord,
    CIRef,
    Direction,
    Filter,
    GraphStore,
    NeighbourPage,
    Order,
    Page,
    RelationshipRecord,
)


class AsOf:
    """What `GraphStore` reads of CIs and relationships, at one time (epoch ms), or now where that is None."""

    def __init__(self, store: GraphStore, at: int | None) -> None:
        self._store, self._at = store, at

    def resolve(self, key: str) -> list[CIRef]:
        """CIs named by an id, an identifier, or a name."""
        return self._store.resolve(key, self._at)

    def by_key(self, keys: Iterable[str]) -> dict[str, tuple[tuple[str, bool], ...]]:
        """Identifier keys -> (CI id, strong), for those that named something."""
        return self._store.by_key(keys, self._at)

    def cis(self, ids: Sequence[str]) -> list[CIRecord]:
        """CIs by id, in the order asked."""
        return self._store.cis(ids, self._at)

    def find(self, where: Filter, order: Sequence[Order] = (), first: int = 50, after: str | None = None) -> Page:
        """A page of CIs that match."""
        return self._store.find(where, order, first, after, self._at)

    def count(self, where: Filter) -> int | None:
        """How many match; None when there are too many to count."""
        return self._store.count(where, at=self._at)

    def neighbours(
        self, ids: Sequence[str], types: Sequence[str], direction: Direction, first: int, after: str | None = None
    ) -> dict[str, NeighbourPage]:
        """A page of relationships for each CI."""
        return self._store.neighbours(ids, types, direction, first, after, self._at)

    def relationship(self, source: str, type_: str, target: str) -> RelationshipRecord | None:
        """One relationship."""
        return self._store.relationship(source, type_, target, self._at)
