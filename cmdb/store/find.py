"""Turn a filter into Cypher. Names come from the model only, values travel as parameters only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from cmdb.errors import Invalid, LimitExceeded
from cmdb.observation import split_origin
from cmdb.store import cypher
from cmdb.store.connection import Connection
from cmdb.store.cypher import Statements
from cmdb.store.protocol import Condition, Direction, Filter, Order, Page
from cmdb.store.read import Reader
from cmdb.store.rows import as_json, lower_name

MAX_DEPTH = 3
MAX_CONDITIONS = 100
MAX_PAGE = 1_000
MAX_HOLDERS = 10_000  # CIs that share the weak identifiers of a condition

_FIELDS = {"name": "c.name_lc", "class": "c.class", "status": "c.status", "id": "c.id", "first_seen": "c.first_seen"}
_ORDERS = {"name": "c.name_lc", "class": "c.class", "first_seen": "c.first_seen"}
_COMPARISONS = {"eq": "=", "in": "IN", "starts_with": "STARTS WITH", "contains": "CONTAINS", "lt": "<", "gte": ">="}
_TEXT_ONLY = ("starts_with", "contains")
_LISTS = ("string_list", "integer_list", "mac_list")
_NUMBERS = ("integer", "number", "timestamp", "integer_list")


class Finder:
    """Searches of a store."""

    def __init__(self, connection: Connection, statements: Statements, reader: Reader) -> None:
        self._connection, self._statements, self._reader = connection, statements, reader

    def find(self, where: Filter, order: Sequence[Order], first: int, after: str | None) -> Page:
        """A page of CIs that match; see `GraphStore.find`."""
        if not 1 <= first <= MAX_PAGE:
            raise LimitExceeded(f"a page of {first} was asked for; a page holds 1 to {MAX_PAGE} CIs")
        search = self._search(where)
        signature = ",".join(f"{'-' if o.descending else ''}{o.field}" for o in order)
        keys = [(_ORDERS[o.field], o.descending) for o in order] + [("c.id", False)]
        condition = search.condition
        if after is not None:
            condition = f"({condition}) AND ({search.behind(keys, read_cursor(after, signature, len(keys)))})"
        by = ", ".join(f"{key} DESC" if descending else key for key, descending in keys)
        found = self._connection.rows(
            f"{search.match} WHERE {condition} WITH c ORDER BY {by} LIMIT $first RETURN properties(c),"
            f" {cypher.IDENTIFIERS_OF.format(ci='c')}, [{', '.join(k for k, _ in keys)}] ORDER BY {by}",
            first=first + 1,
            **search.parameters,
        )
        more = len(found) > first
        cursor = make_cursor(found[first - 1][2], signature) if more else None
        return Page(tuple(self._reader.records(found[:first])), more, cursor)

    def count(self, where: Filter, limit: int) -> int | None:
        """How many match; None when there are more than `limit`."""
        search = self._search(where)
        found = self._connection.rows(
            f"{search.match} WHERE {search.condition} WITH c LIMIT $limit RETURN count(c)",
            limit=limit + 1,
            **search.parameters,
        )
        return found[0][0] if found[0][0] <= limit else None

    def _search(self, where: Filter) -> _Search:
        conditions = list(_conditions(where, 0))
        if len(conditions) > MAX_CONDITIONS:
            raise LimitExceeded(f"a filter holds {len(conditions)} conditions; at most {MAX_CONDITIONS} are taken")
        return _Search(self._statements, where, self._holders(conditions), self._origins(conditions))

    def _holders(self, conditions: Iterable[Condition]) -> dict[str, list[str]]:
        """Identifier keys that conditions name -> CI ids: an exact look-up, where EXISTS would be asked of every CI."""
        keys = {k for c in conditions if c.field == "identifier" and not c.is_attribute for k in _exact_texts(c)}
        found = {key: [ci for ci, _ in cis] for key, cis in self._reader.by_key(keys).items()} if keys else {}
        if sum(map(len, found.values())) > MAX_HOLDERS:
            raise LimitExceeded(f"these identifiers name more than {MAX_HOLDERS} CIs: use a strong identifier")
        return found

    def _origins(self, conditions: Iterable[Condition]) -> dict[str, list[str]]:
        """Targets that conditions name -> origins. Facets are text, so only whole origins can be looked for exactly."""
        targets = {t for c in conditions if c.field == "target" and not c.is_attribute for t in _exact_texts(c)}
        if not targets:
            return {}
        found: dict[str, list[str]] = {}
        ends = " OR ".join(f"t.name ENDS WITH $e{n}" for n in range(len(targets)))
        suffixes = {f"e{n}": f"/{target}" for n, target in enumerate(sorted(targets))}
        for (origin,) in self._connection.rows(f"MATCH (t:Target) WHERE {ends} RETURN t.name", **suffixes):
            found.setdefault(split_origin(origin)[1], []).append(origin)
        return found


class _Search:
    """One filter as Cypher: `match`, `condition` and `parameters`."""

    def __init__(
        self, statements: Statements, where: Filter, holders: dict[str, list[str]], origins: dict[str, list[str]]
    ) -> None:
        self._statements, self._holders, self._origins = statements, holders, origins
        self.parameters: dict[str, Any] = {}
        self.match = "MATCH (c:CI)"
        if where.related is not None:  # from the one that is named, not from every CI
            self.match = f"MATCH {self._pattern(*where.related)} WITH DISTINCT c"
            where = Filter(where.conditions, where.all_of, where.any_of, where.none_of)
        internal = self._put(statements.internal_classes)
        self.condition = " AND ".join([*self._parts(where), f"NOT c.class IN {internal}"])

    def _put(self, value: Any) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def _parts(self, where: Filter) -> Iterator[str]:
        for condition in where.conditions:
            yield self._one(condition)
        for part in where.all_of:
            yield self._all(part)
        if where.any_of:
            yield f"({' OR '.join(map(self._all, where.any_of))})"
        for part in where.none_of:
            yield f"NOT coalesce({self._all(part)}, false)"  # a CI without the attribute is not one of those
        if where.related is not None:
            yield f"EXISTS {{ MATCH {self._pattern(*where.related)} }}"

    def _all(self, where: Filter) -> str:
        return f"({' AND '.join(self._parts(where)) or 'true'})"

    def _pattern(self, ci: str, types: tuple[str, ...], direction: Direction) -> str:
        """The pattern from the CI named to those that match; which way is as seen from the one named."""
        pattern = self._statements.pattern(types)
        both = direction == "both" or any(t in self._statements.symmetric for t in types)
        left, right = ("", "") if both else ("", ">") if direction == "out" else ("<", "")
        return f"(:CI {{id: {self._put(ci)}}}){left}-[:{pattern}]-{right}(c:CI)"

    def _one(self, condition: Condition) -> str:
        if condition.operator not in (*_COMPARISONS, "known"):
            raise Invalid(f"there is no comparison {condition.operator!r}: use {', '.join(_COMPARISONS)} or known")
        if condition.is_attribute:
            return self._attribute(condition)
        if condition.field == "identifier":
            return self._identifier(condition)
        if condition.field == "source":
            return self._any(self._said_by_source(s) for s in _exact_texts(condition))
        if condition.field == "target":
            ends = [as_json(o)[1:] + ":[" for t in _exact_texts(condition) for o in self._origins.get(t, ())]
            names = [before + end for end in ends for before in ('"', ">")]  # of a CI itself, and of one it absorbed
            return self._any(f"c.facets CONTAINS {self._put(name)}" for name in names)
        if condition.field not in _FIELDS:
            raise Invalid(
                f"CIs can't be searched by {condition.field!r}: use {', '.join(_FIELDS)}, identifier, source or target"
            )
        value = condition.value
        if condition.field == "name":
            value = [lower_name(v) for v in value] if isinstance(value, list) else lower_name(value)
        if condition.field == "class":
            return self._compare_class(condition)
        return self._compare(_FIELDS[condition.field], condition.operator, value)

    def _compare(self, property_: str, operator: str, value: Any) -> str:
        if operator == "known":
            return f"{property_} IS {'NOT ' if value else ''}NULL"
        if (operator == "in") != isinstance(value, list):
            raise Invalid(f"{operator!r} was given {value!r}: `in` takes a list, the others one value")
        if operator in _TEXT_ONLY and not isinstance(value, str):
            raise Invalid(f"{operator!r} was given {value!r}: it takes text")
        return f"{property_} {_COMPARISONS[operator]} {self._put(value)}"

    def _compare_class(self, condition: Condition) -> str:
        """Classes by name; an abstract one stands for all that extend it."""
        if condition.operator not in ("eq", "in"):
            raise Invalid("classes are compared with eq or in")
        wanted = [c for name in _exact_texts(condition) for c in self._concrete(name)]
        return f"c.class IN {self._put(wanted)}" if len(wanted) != 1 else f"c.class = {self._put(wanted[0])}"

    def _concrete(self, name: str) -> list[str]:
        classes = self._statements.model.classes
        if name not in classes:
            raise Invalid(f"there is no class {name!r} in the model")
        if not classes[name].abstract:
            return [name]
        return sorted(n for n, c in classes.items() if c.extends == name and not c.abstract)

    def _attribute(self, condition: Condition) -> str:
        attribute = self._statements.attributes.get(condition.field)
        if attribute is None:
            raise Invalid(f"there is no attribute {condition.field!r} in the model")
        property_ = f"c.{self._statements.quote(condition.field)}"
        operator, value = condition.operator, condition.value
        if operator == "known":
            return self._compare(property_, operator, value)
        text = attribute.type not in (*_NUMBERS, "boolean")
        if text:
            value = [str(v).lower() for v in value] if isinstance(value, list) else str(value).lower()
        if attribute.type in _LISTS:
            element = "toLower(x)" if text else "x"
            # Not any(…): the embedded engine takes one inside a function of a WHERE for the whole condition.
            return f"size([x IN coalesce({property_}, []) WHERE {self._compare(element, operator, value)}]) > 0"
        return self._compare(f"toLower({property_})" if text else property_, operator, value)

    def _identifier(self, condition: Condition) -> str:
        if condition.operator in ("eq", "in"):
            return f"c.id IN {self._put([ci for k in _exact_texts(condition) for ci in self._holders.get(k, ())])}"
        comparison = self._compare("i.key", condition.operator, condition.value)
        return f"EXISTS {{ MATCH (i:Identifier)-[:IDENTIFIES]->(c) WHERE {comparison} }}"

    def _said_by_source(self, source: str) -> str:
        """Whether a source has a facet: origins are the outermost keys of the text, and the only keys with a slash."""
        start = as_json(source)[:-1] + "/"
        absorbed = f"c.facets CONTAINS {self._put('>' + start[1:])}"
        own = f"c.facets STARTS WITH {self._put('{' + start)} OR c.facets CONTAINS {self._put('],' + start)}"
        return f"({own} OR {absorbed})"

    @staticmethod
    def _any(parts: Iterable[str]) -> str:
        return f"({' OR '.join(parts) or 'false'})"

    def behind(self, keys: Sequence[tuple[str, bool]], values: Sequence[Any]) -> str:
        """The condition for what stands behind these values in the order."""
        out, equal = [], ""
        for (key, descending), value in zip(keys, values, strict=True):
            parameter = self._put(value)
            out.append(f"({equal}{key} {'<' if descending else '>'} {parameter})")
            equal += f"{key} = {parameter} AND "
        return " OR ".join(out)


def _conditions(where: Filter, depth: int) -> Iterator[Condition]:
    """All conditions of a filter, wherever they stand."""
    if depth > MAX_DEPTH:
        raise LimitExceeded(f"a filter is nested deeper than {MAX_DEPTH}")
    yield from where.conditions
    for part in (*where.all_of, *where.any_of, *where.none_of):
        yield from _conditions(part, depth + 1)


def _exact_texts(condition: Condition) -> list[str]:
    """The texts of an eq or in condition; none for other comparisons on identifiers."""
    value = condition.value
    if condition.operator == "eq" and isinstance(value, str):
        return [value]
    if condition.operator == "in" and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return value
    if condition.field == "identifier" and condition.operator not in ("eq", "in"):
        return []
    raise Invalid(f"{condition.field} is compared with eq and a text, or with in and a list of texts")


def make_cursor(values: Sequence[Any], signature: str) -> str:
    """An opaque mark behind these sort values."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode([signature, list(values)])).decode().rstrip("=")


def read_cursor(cursor: str, signature: str, length: int) -> list[Any]:
    """The sort values of a cursor. Raises Invalid for one that was not made for this order."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        made_for, values = msgspec.msgpack.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=tuple[str, list[str | int]]
        )
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise Invalid(f"{cursor[:40]!r} is no cursor: use the one that the page before gave, unchanged") from error
    if made_for != signature or len(values) != length:
        raise Invalid("this cursor belongs to another order: start from the first page")
    return list(values)
