"""Turn a filter into Cypher. Names come from the model only, values travel as parameters only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cmdb.errors import Invalid, LimitExceeded
from cmdb.store.cypher import Statements
from cmdb.store.protocol import Condition, Direction, Filter, Order
from cmdb.store.rows import BEHIND, LAST, SEPARATOR, as_json, lower_name

MAX_DEPTH = 3
MAX_CONDITIONS = 100
MAX_RANGES = 8  # parts of an index that are walked for one page; where there would be more, all of it is

_FIELDS = {"name": "c.name_lc", "class": "c.class", "status": "c.status", "id": "c.id", "first_seen": "c.first_seen"}
ORDERS = {"name": "c.name_lc", "class": "c.class", "first_seen": "c.first_seen"}
_COMPARISONS = {"eq": "=", "in": "IN", "starts_with": "STARTS WITH", "contains": "CONTAINS", "lt": "<", "gte": ">="}
_TEXT_ONLY = ("starts_with", "contains")
_LISTS = ("string_list", "integer_list", "mac_list")
_NUMBERS = ("integer", "number", "timestamp", "integer_list")


@dataclass(frozen=True)
class Known:
    """What was looked up before: CIs by the identifiers that conditions name, origins by their targets.

    `related` gives the CIs that were related to one at the time that is read; None: the present is read.
    """

    holders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    origins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    related: Callable[[str, Sequence[str], Direction], list[str]] | None = None


class Search:
    """One filter as Cypher: `match`, `condition` and `parameters`."""

    def __init__(self, statements: Statements, where: Filter, known: Known) -> None:
        self._statements, self._known = statements, known
        self.parameters: dict[str, Any] = {}
        self.match = "MATCH (c:CI)"
        self.classes = self._classes_of(where)
        self.names = _names_of(where)
        self.ids = self._ids_of(where)
        self.is_plain = set(_fields_of(where)) <= {"class"}
        self.of_classes = f"NOT c.class IN {self._put(statements.internal_classes)}"
        if self.classes is not None:
            self.of_classes += f" AND c.class IN {self._put(self.classes)}"
        if where.related is not None and known.related is None:  # from the one that is named, not from every CI
            self.match = f"MATCH {self._pattern(*where.related)} WITH DISTINCT c"
            where = Filter(where.conditions, where.all_of, where.any_of, where.none_of)
        parts = [*self._parts(where), f"NOT c.class IN {self._put(statements.internal_classes)}"]
        if self.names is not None and known.related is None:
            parts.insert(0, self._any(map(self._between, self.names)))
        self.condition = " AND ".join(parts)

    def ordered(self, order: Sequence[Order], values: Sequence[Any] | None) -> tuple[str, list[str], str]:
        """The condition for what stands behind a cursor's values, the sort keys, and what follows ORDER BY."""
        keys = [*((ORDERS[o.field], o.descending) for o in order), ("c.id", False)]
        condition = self.condition
        if values is not None:
            condition = f"({condition}) AND ({self._behind(keys, values)})"
        by = ", ".join(f"{key} DESC" if descending else key for key, descending in keys)
        return condition, [key for key, _ in keys], by

    def _classes_of(self, where: Filter) -> list[str] | None:
        """The classes that alone can match; None for any."""
        for condition in where.conditions:
            if condition.field == "class" and not condition.is_attribute and condition.operator in ("eq", "in"):
                return sorted({c for name in exact_texts(condition) for c in self._concrete(name)})
        return None

    def _between(self, bounds: tuple[str, str]) -> str:
        """A range of names as an index has them; versions lack the property where the name went on."""
        low, high = map(self._put, bounds)
        return f"(c.by_name > {low} AND c.by_name < {high})"

    def _ids_of(self, where: Filter) -> list[str] | None:
        """The CIs that alone can match; None for any."""
        if where.related is not None:
            return self._known.related(*where.related) if self._known.related else []
        for condition in where.conditions:
            if condition.is_attribute or condition.operator not in ("eq", "in"):
                continue
            if condition.field == "id":
                return exact_texts(condition)
            if condition.field == "identifier":
                return self._holding(condition)
        return None

    def _holding(self, condition: Condition) -> list[str]:
        return [ci for key in exact_texts(condition) for ci in self._known.holders.get(key, ())]

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
        if where.related is not None and self._known.related is not None:
            yield f"c.id IN {self._put(self._known.related(*where.related))}"
        elif where.related is not None:
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
            return self._any(self._said_by_source(s) for s in exact_texts(condition))
        if condition.field == "target":
            ends = [as_json(o)[1:] + ":[" for t in exact_texts(condition) for o in self._known.origins.get(t, ())]
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
        if operator == "eq":
            # As a list: for the embedded engine an equality is a reason to leave the index that is walked and to scan.
            return f"{property_} IN {self._put([value])}"
        return f"{property_} {_COMPARISONS[operator]} {self._put(value)}"

    def _compare_class(self, condition: Condition) -> str:
        """Classes by name; an abstract one stands for all that extend it."""
        if condition.operator not in ("eq", "in"):
            raise Invalid("classes are compared with eq or in")
        wanted = [c for name in exact_texts(condition) for c in self._concrete(name)]
        return f"c.class IN {self._put(wanted)}"

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
        is_exact = condition.operator in ("eq", "in")
        if self._known.related is not None:  # the nodes of identifiers know the present only
            key = "substring(k, 1)"
            keys = f"{key} IN {self._put(exact_texts(condition))}"
            meets = keys if is_exact else self._compare(key, condition.operator, condition.value)
            held = f"size([k IN coalesce(c.keys, []) WHERE {meets}]) > 0"
            return f"(c.id IN {self._put(self._holding(condition))} AND {held})" if is_exact else held
        if is_exact:
            return f"c.id IN {self._put(self._holding(condition))}"
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

    def _behind(self, keys: Sequence[tuple[str, bool]], values: Sequence[Any]) -> str:
        """The condition for what stands behind these values in the order."""
        out, equal = [], ""
        for (key, descending), value in zip(keys, values, strict=True):
            parameter = self._put(value)
            out.append(f"({equal}{key} {'<' if descending else '>'} {parameter})")
            equal += f"{key} = {parameter} AND "
        return " OR ".join(out)


def _names_of(where: Filter) -> list[tuple[str, str]] | None:
    """Between which texts the names lie that alone can match, as they are ordered; None for any, or a great many."""
    for condition in where.conditions:
        if condition.field != "name" or condition.is_attribute:
            continue
        if condition.operator == "starts_with" and isinstance(condition.value, str):
            start = lower_name(condition.value)
            return [(start, start + LAST)]
        if condition.operator in ("eq", "in"):
            starts = sorted({lower_name(text) for text in exact_texts(condition)})
            return [(s + SEPARATOR, s + BEHIND) for s in starts] if len(starts) <= MAX_RANGES else None
    return None


def _fields_of(where: Filter) -> Iterator[str]:
    """What a filter asks about."""
    if where.related is not None:
        yield "related"
    for condition in where.conditions:
        yield f".{condition.field}" if condition.is_attribute else condition.field
    if where.all_of or where.any_of or where.none_of:
        yield "nested"


def all_conditions(where: Filter, depth: int) -> Iterator[Condition]:
    """All conditions of a filter, wherever they stand."""
    if depth > MAX_DEPTH:
        raise LimitExceeded(f"a filter is nested deeper than {MAX_DEPTH}")
    yield from where.conditions
    for part in (*where.all_of, *where.any_of, *where.none_of):
        yield from all_conditions(part, depth + 1)


def exact_texts(condition: Condition) -> list[str]:
    """The texts of an eq or in condition; none for other comparisons on identifiers."""
    value = condition.value
    if condition.operator == "eq" and isinstance(value, str):
        return [value]
    if condition.operator == "in" and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return value
    if condition.field == "identifier" and condition.operator not in ("eq", "in"):
        return []
    raise Invalid(f"{condition.field} is compared with eq and a text, or with in and a list of texts")
