"""Walk an index from one place to the next page, on engines that order by it and on those that sort all of a range."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neo4j import Transaction

from cmdb.store.connection import Connection
from cmdb.store.dialect import Dialect
from cmdb.store.protocol import Order
from cmdb.store.rows import BEHIND, SEPARATOR
from cmdb.store.search import MAX_RANGES, Search

Rows = list[list[Any]]


@dataclass(frozen=True)
class Walk:
    """An order that one index has: a property, and the ranges of it that hold what is asked for, bounds excluded.

    No upper bound: to the end. `names` says how many parts of a sort key the property ends with.
    """

    field: str
    ranges: tuple[tuple[str, str | None], ...]
    names: int

    def key(self, text: str) -> tuple[str, ...]:
        """The sort values in a value of the property, which are those of a cursor."""
        return tuple(text.split(SEPARATOR)[-self.names :])


def walk_of(order: Sequence[Order], search: Search, after: Sequence[Any] | None) -> Walk | None:
    """The walk that gives what a search is for in this order behind a cursor's values; None where no index has the
    order.
    """
    behind = SEPARATOR.join(map(str, after or ()))
    if not order and search.names is None:
        return Walk("id", ((behind, None),), 1)
    if tuple(order) != (Order("name"),):
        return None
    bounds: Sequence[tuple[str, str | None]] = search.names or [("", None)]
    names = [(max(behind, low), high) for low, high in bounds]
    classes = search.classes
    if classes is None or len(classes) * len(names) > MAX_RANGES:
        return Walk("by_name", tuple(names), 2)
    ranges = [
        (f"{c}{SEPARATOR}{low}", f"{c}{SEPARATOR}{high}" if high else f"{c}{BEHIND}")
        for c in classes
        for low, high in names
    ]
    return Walk("by_class", tuple(ranges), 2)


class Walker:
    """Reads what comes next in an index."""

    def __init__(self, connection: Connection, dialect: Callable[[], Dialect]) -> None:
        self._connection, self._dialect = connection, dialect

    def next(self, walk: Walk, what: Sequence[Wanted], limit: int, parameters: Mapping[str, Any]) -> list[Rows]:
        """The first nodes of a walk, in order, for each kind that is wanted: their place in it, then `returns`."""
        one = _first if self._dialect().orders_by_index else _first_of_unordered
        given = {**parameters, "limit": limit}
        found = self._connection.read(
            lambda tx: [[r for bounds in walk.ranges for r in one(tx, w, given, *bounds)] for w in what]
        )
        return [sorted(rows, key=lambda row: walk.key(row[0]))[:limit] for rows in found]


@dataclass(frozen=True)
class Wanted:
    """Nodes `c` of a label that meet a condition, the property to walk along, and what to return of them."""

    label: str
    field: str
    condition: str
    returns: str


def _first(
    tx: Transaction,
    wanted: Wanted,
    given: Mapping[str, Any],
    low: str,
    high: str | None,
    high_is_in: bool = False,
) -> Rows:
    by = f"c.{wanted.field}"
    bounds = f"{by} > $low" + (f" AND {by} {'<=' if high_is_in else '<'} $high" if high is not None else "")
    statement = (
        f"MATCH (c:{wanted.label}) WHERE {bounds} AND {wanted.condition} WITH c ORDER BY {by} LIMIT $limit"
        f" RETURN {by} AS place, {wanted.returns} ORDER BY place"
    )
    return tx.run(statement, {**given, "low": low, "high": high}).values()


def _first_of_unordered(tx: Transaction, wanted: Wanted, given: Mapping[str, Any], low: str, high: str | None) -> Rows:
    """The same for an engine that sorts all of a range: first, unordered, how far the range has to go.

    What is read without an order comes along the index and ends at the limit. Should the engine go another way one day,
    then that bound is less tight than it could be, and what is read within it is right all the same.
    """
    by = f"c.{wanted.field}"
    bounds = f"{by} > $low" + (f" AND {by} < $high" if high is not None else "")
    within = tx.run(
        f"MATCH (c:{wanted.label}) WHERE {bounds} AND {wanted.condition} WITH c LIMIT $limit RETURN {by}",
        {**given, "low": low, "high": high},
    ).values()
    return _first(tx, wanted, given, low, max(row[0] for row in within), True) if within else []
