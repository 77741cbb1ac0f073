"""Search CIs, now or at a time: a page of them, or how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from cmdb.errors import LimitExceeded
from cmdb.observation import split_origin
from cmdb.store.connection import Connection
from cmdb.store.cursors import make_cursor, read_cursor
from cmdb.store.cypher import Statements
from cmdb.store.pages import Walk, Walker, Wanted, walk_of
from cmdb.store.past import Past
from cmdb.store.past_edges import PastEdges
from cmdb.store.past_pages import PastPages
from cmdb.store.protocol import Condition, Direction, Filter, Order, Page
from cmdb.store.read import Reader
from cmdb.store.search import MAX_CONDITIONS, Known, Search, all_conditions, exact_texts

MAX_PAGE = 1_000
MAX_HOLDERS = 10_000  # CIs that share the weak identifiers of a condition


class Finder:
    """Searches of a store, now or at a time."""

    def __init__(
        self,
        connection: Connection,
        statements: Statements,
        reader: Reader,
        past: Past,
        edges: PastEdges,
        walker: Walker,
    ) -> None:
        self._connection, self._statements, self._reader, self._walker = connection, statements, reader, walker
        self._past, self._past_edges = past, edges

    def find(self, where: Filter, order: Sequence[Order], first: int, after: str | None, at: int | None) -> Page:
        """A page of CIs that match; see `GraphStore.find`."""
        if not 1 <= first <= MAX_PAGE:
            raise LimitExceeded(f"a page of {first} was asked for; a page holds 1 to {MAX_PAGE} CIs")
        search = self._search(where, at)
        signature = ",".join(f"{'-' if o.descending else ''}{o.field}" for o in order)
        values = read_cursor(after, signature, len(order) + 1) if after is not None else None
        if at is not None:
            past = PastPages(self._past, self._walker, search, order, at)
            states, last = past.page(first, values)
            cursor = make_cursor(last, signature) if last else None
            return Page(tuple(self._past.records(states, at)), last is not None, cursor)
        walk = walk_of(order, search, values) if search.ids is None else None
        found = self._walked(search, walk, first) if walk else self._sorted(search, order, first, values)
        more = len(found) > first
        cursor = make_cursor(found[first - 1][1], signature) if more else None
        return Page(tuple(self._reader.records([row[0] for row in found[:first]])), more, cursor)

    def _walked(self, search: Search, walk: Walk, first: int) -> list[list[Any]]:
        wanted = Wanted("CI", walk.field, search.condition, "properties(c)")
        (found,) = self._walker.next(walk, [wanted], first + 1, search.parameters)
        return [[properties, walk.key(key)] for key, properties in found]

    def _sorted(
        self, search: Search, order: Sequence[Order], first: int, values: Sequence[Any] | None
    ) -> list[list[Any]]:
        condition, keys, by = search.ordered(order, values)
        return self._connection.rows(
            f"{search.match} WHERE {condition} WITH c ORDER BY {by} LIMIT $first RETURN properties(c),"
            f" [{', '.join(keys)}] ORDER BY {by}",
            first=first + 1,
            **search.parameters,
        )

    def count(self, where: Filter, limit: int, at: int | None) -> int | None:
        """How many match; None when there are more than `limit`."""
        search = self._search(where, at)
        if at is not None:
            total = PastPages(self._past, self._walker, search, (), at).count(limit + 1)
            return total if total <= limit else None
        found = self._connection.rows(
            f"{search.match} WHERE {search.condition} WITH c LIMIT $limit RETURN count(c)",
            limit=limit + 1,
            **search.parameters,
        )
        return found[0][0] if found[0][0] <= limit else None

    def _search(self, where: Filter, at: int | None) -> Search:
        conditions = list(all_conditions(where, 0))
        if len(conditions) > MAX_CONDITIONS:
            raise LimitExceeded(f"a filter holds {len(conditions)} conditions; at most {MAX_CONDITIONS} are taken")

        @cache  # a filter is asked twice
        def related(ci: str, types: tuple[str, ...], direction: Direction) -> list[str]:
            found = self._past_edges.edges([ci], types, direction, at or 0).get(ci, {})
            return sorted({far for far, _ in found.values()})

        known = Known(self._holders(conditions, at), self._origins(conditions), None if at is None else related)
        return Search(self._statements, where, known)

    def _holders(self, conditions: Iterable[Condition], at: int | None) -> dict[str, list[str]]:
        """Identifier keys that conditions name -> CI ids: an exact look-up, where EXISTS would be asked of every CI."""
        keys = {k for c in conditions if c.field == "identifier" and not c.is_attribute for k in exact_texts(c)}
        if not keys:
            return {}
        if at is not None:
            found = self._past.holders(keys)
        else:
            found = {key: [ci for ci, _ in cis] for key, cis in self._reader.by_key(keys).items()}
        if sum(map(len, found.values())) > MAX_HOLDERS:
            raise LimitExceeded(f"these identifiers name more than {MAX_HOLDERS} CIs: use a strong identifier")
        return found

    def _origins(self, conditions: Iterable[Condition]) -> dict[str, list[str]]:
        """Targets that conditions name -> origins. Facets are text, so only whole origins can be looked for exactly."""
        targets = {t for c in conditions if c.field == "target" and not c.is_attribute for t in exact_texts(c)}
        if not targets:
            return {}
        found: dict[str, list[str]] = {}
        ends = " OR ".join(f"t.name ENDS WITH $e{n}" for n in range(len(targets)))
        suffixes = {f"e{n}": f"/{target}" for n, target in enumerate(sorted(targets))}
        for (origin,) in self._connection.rows(f"MATCH (t:Target) WHERE {ends} RETURN t.name", **suffixes):
            found.setdefault(split_origin(origin)[1], []).append(origin)
        return found
