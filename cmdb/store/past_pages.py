"""Pages and counts of CIs as they were at a time, exact whatever has changed, appeared or gone since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cmdb.store.cypher import SINCE, THEN
from cmdb.store.pages import Walk, Walker, Wanted, walk_of
from cmdb.store.past import Past, State
from cmdb.store.protocol import Order
from cmdb.store.search import ORDERS, Search

# Names last longer than states. Those of the time are a walk along the names of today that are old enough, and one
# along those that ended since; only what these give is then looked up as it was, and held against the filter.
_NAMED = "c.named <= $at"
_NAMED_THEN = "c.past_class IS NOT NULL AND c.named <= $at AND c.to > $at"
_TRIES = (5, 16, 128)  # quarters of a page looked at before a filter that few CIs pass is put to all of them


class PastPages:
    """One search at a recorded time (epoch ms)."""

    def __init__(self, past: Past, walker: Walker, search: Search, order: Sequence[Order], at: int) -> None:
        self._past, self._walker, self._search, self._order, self._at = past, walker, search, order, at

    def page(self, first: int, after: Sequence[Any] | None) -> tuple[list[State], list[Any] | None]:
        """The states of a page, and the sort values to continue behind; None where nothing comes after it."""
        search = self._search
        if search.ids is not None:
            states = list(self._past.states(search.ids, self._at, search.condition, **search.parameters).values())
            found = self._in_order([s for s in states if after is None or self._is_behind(s, after)], first)
        else:
            walk = walk_of(self._order, search, after)
            walked = self._walk(walk, first + 1) if walk else None
            found = walked if walked is not None else self._sort_all(first + 1, after)
        more = len(found) > first
        return found[:first], self._values(found[first - 1]) if more else None

    def _walk(self, walk: Walk, wanted: int) -> list[State] | None:
        """What a walk gives; None where too few of those that it passes match."""
        search = self._search
        found: list[State] = []
        for quarters in (4,) if search.is_plain else _TRIES:
            names, is_end = self._named(walk, wanted * quarters // 4)
            states = self._past.states([ci for _, ci in names], self._at, search.condition, **search.parameters)
            found += [states[ci] for _, ci in names if ci in states]
            if is_end or len(found) >= wanted:
                return found[:wanted]
            walk = walk_of(self._order, search, names[-1][0]) or walk
        return None

    def _named(self, walk: Walk, limit: int) -> tuple[list[tuple[tuple[str, ...], str]], bool]:
        """Sort key and id of the next CIs by their names at the time, and whether nothing comes after them."""
        classes = self._search.of_classes
        what = [
            Wanted("CI", walk.field, f"{_NAMED} AND {classes}", "c.id"),
            Wanted("CIVersion", walk.field.replace("by_", "past_"), f"{_NAMED_THEN} AND {classes}", "c.id"),
        ]
        found = self._walker.next(walk, what, limit, {**self._search.parameters, "at": self._at})
        names = sorted({(walk.key(text), ci) for rows in found for text, ci in rows})
        return names[:limit], len(names) <= limit and all(len(rows) < limit for rows in found)

    def _sort_all(self, limit: int, after: Sequence[Any] | None) -> list[State]:
        """All states of the time held against the filter and sorted in the store."""
        condition, _, by = self._search.ordered(self._order, after)
        both = [
            f"MATCH (c:{label}) WHERE {then} AND ({condition}) WITH c ORDER BY {by} LIMIT $limit RETURN properties(c)"
            for label, then in (("CI", SINCE), ("CIVersion", THEN))
        ]
        rows = self._past.rows_of(both, at=self._at, limit=limit, **self._search.parameters)
        found: dict[str, State] = {state["id"]: state for (state,) in rows}
        return self._in_order(list(found.values()), limit - 1)

    def _in_order(self, states: list[State], first: int) -> list[State]:
        """The first states and one more, sorted by the order and then by id."""
        states.sort(key=lambda s: str(s["id"]))
        for order in reversed(self._order):
            states.sort(key=lambda s: s[_PROPERTIES[order.field]], reverse=order.descending)
        return states[: first + 1]

    def _values(self, state: State) -> list[Any]:
        return [*(state[_PROPERTIES[o.field]] for o in self._order), state["id"]]

    def _is_behind(self, state: State, after: Sequence[Any]) -> bool:
        descending = [*(o.descending for o in self._order), False]
        for value, mark, is_down in zip(self._values(state), after, descending, strict=True):
            if value != mark:
                return bool(value < mark if is_down else value > mark)
        return False

    def count(self, limit: int) -> int:
        """How many there were, counted up to a limit."""
        search = self._search
        if search.ids is not None:
            return len(self._past.states(search.ids, self._at, search.condition, **search.parameters))
        kinds = (("CI", _NAMED, SINCE), ("CIVersion", _NAMED_THEN, THEN))
        both = [
            f"MATCH (c:{label}) WHERE {by_name if search.is_plain else by_state} AND ({search.condition})"
            " WITH c LIMIT $limit RETURN count(c)"
            for label, by_name, by_state in kinds
        ]
        rows = self._past.rows_of(both, at=self._at, limit=limit, **search.parameters)
        return sum(count for (count,) in rows)


_PROPERTIES = {field: text.removeprefix("c.") for field, text in ORDERS.items()}
