"""Read the relationships of many CIs, a page each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cmdb.errors import LimitExceeded
from cmdb.store.connection import Connection
from cmdb.store.cursors import make_cursor, read_cursor
from cmdb.store.cypher import Statements
from cmdb.store.protocol import Direction, Neighbour, NeighbourPage
from cmdb.store.read import Reader
from cmdb.store.rows import lower_name

MAX_CIS = 10_000
MAX_PAGE = 1_000
MAX_NEIGHBOURS = 200_000  # in one answer

SortKey = tuple[str, str, str, str]  # type, name and id of the other end, source

_SIGNATURE = "neighbours"
# The source comes last: two CIs may be tied both ways by one type.
_BY = "type(r), o.name_lc, o.id, startNode(r).id"
_BEHIND = (
    "(type(r) > $t OR (type(r) = $t AND (o.name_lc > $n OR (o.name_lc = $n"
    " AND (o.id > $i OR (o.id = $i AND startNode(r).id > $s))))))"
)


def cursor_behind(neighbour: Neighbour) -> str:
    """The mark behind which the next page of a CI begins."""
    return make_cursor(_sort_key(neighbour), _SIGNATURE)


class Neighbourhood:
    """Reads pages of relationships: three or four queries, whatever the number of CIs."""

    def __init__(self, connection: Connection, statements: Statements, reader: Reader) -> None:
        self._connection, self._statements, self._reader = connection, statements, reader

    def pages(
        self, ids: Sequence[str], types: Sequence[str], direction: Direction, first: int, after: str | None
    ) -> dict[str, NeighbourPage]:
        """A page of relationships for each CI that exists; see `GraphStore.neighbours`."""
        check_page(ids, first)
        ways = self._ways(types, direction)
        wanted = list(dict.fromkeys(ids))
        totals = self._totals(wanted, ways)
        found = [row for way in ways for row in self._rows(wanted, way, first, after)]
        seen: dict[str, tuple[int, dict[str, int]]] = {}
        relationships = list(self._reader.relationships([row[1:8] for row in found], seen))
        others = self._reader.records([row[8] for row in found], seen)
        pages: dict[str, list[Neighbour]] = {ci: [] for ci in totals}
        for row, relationship, other in zip(found, relationships, others, strict=True):
            pages[row[0]].append(Neighbour(row[0], relationship, other))
        return {ci: page_of(neighbours, first, totals[ci]) for ci, neighbours in pages.items()}

    def _ways(self, types: Sequence[str], direction: Direction) -> list[tuple[str, str, str]]:
        """Left arrow, types and right arrow of the patterns that together give what is asked for, each once."""
        names = list(types) or sorted(self._statements.types.keys() - self._statements.internal_types)
        pattern = self._statements.pattern(names)
        if direction == "both":
            return [("-", pattern, "-")]
        symmetric = [t for t in names if t in self._statements.symmetric]
        forth, back = ("-", "->"), ("<-", "-")
        (left, right), other = (forth, back) if direction == "out" else (back, forth)
        ways = [(left, pattern, right)]
        return [*ways, (other[0], self._statements.pattern(symmetric), other[1])] if symmetric else ways

    def _totals(self, ids: list[str], ways: Iterable[tuple[str, str, str]]) -> dict[str, int]:
        counts = " + ".join(f"COUNT {{ (c){left}[:{types}]{right}() }}" for left, types, right in ways)
        return dict(self._connection.rows(f"UNWIND $ids AS x MATCH (c:CI {{id: x}}) RETURN c.id, {counts}", ids=ids))

    def _rows(self, ids: list[str], way: tuple[str, str, str], first: int, after: str | None) -> list[list[Any]]:
        left, types, right = way
        parameters: dict[str, Any] = {"ids": ids, "first": first + 1}
        behind = ""
        if (start := read_behind(after)) is not None:
            parameters |= dict(zip("tnis", start, strict=True))
            behind = f" WHERE {_BEHIND}"
        # The limit is inside the subquery, so a hub sends one page and not all it has.
        return self._connection.rows(
            "UNWIND $ids AS x CALL { WITH x"
            f" MATCH (c:CI {{id: x}}){left}[r:{types}]{right}(o:CI){behind}"
            f" RETURN c, r, o ORDER BY {_BY} LIMIT $first }}"
            " WITH c, r, o, startNode(r) AS a, endNode(r) AS b"
            f" RETURN c.id, a.id, type(r), b.id, properties(r), {self._reader.ends()},"
            f" properties(o)",
            **parameters,
        )


def check_page(ids: Sequence[str], first: int) -> None:
    """Refuse more than one answer may hold."""
    if not 1 <= first <= MAX_PAGE or len(ids) > MAX_CIS or len(ids) * first > MAX_NEIGHBOURS:
        raise LimitExceeded(
            f"{first} relationships of {len(ids)} CIs were asked for; at most {MAX_PAGE} each of {MAX_CIS} CIs,"
            f" {MAX_NEIGHBOURS} in all"
        )


def read_behind(after: str | None) -> SortKey | None:
    """Type, name, id and source that a cursor stands for."""
    if after is None:
        return None
    type_, name, ci, source = read_cursor(after, _SIGNATURE, 4)
    return type_, name, ci, source


def page_of(neighbours: Iterable[Neighbour], first: int, total: int) -> NeighbourPage:
    """A page from those that stand behind the one before it; one more than the page says that there are more."""
    ordered = sorted(neighbours, key=_sort_key)
    more = len(ordered) > first
    return NeighbourPage(tuple(ordered[:first]), more, total, cursor_behind(ordered[first - 1]) if more else None)


def _sort_key(neighbour: Neighbour) -> SortKey:
    relationship, other = neighbour.relationship, neighbour.other
    return relationship.type, lower_name(other.name), other.id, relationship.source
