"""Translation of a GraphQL filter into the store's, bounds checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cmdb.changes import STATUSES
from cmdb.model.registry import Model
from cmdb.store.protocol import Condition, Filter, Order
from cmdb_graphql.errors import BadInput
from cmdb_graphql.filters import (
    AttributeFilter,
    CiFilter,
    CiOrder,
    DateTimeFilter,
    NumberFilter,
    RelatedToFilter,
    StringFilter,
)

NOT_RETIRED = Condition("status", "in", [s for s in STATUSES if s != "retired"])
MAX_DEPTH, MAX_CONDITIONS, MAX_BRANCHES, MAX_VALUES, MAX_ATTRIBUTES, MAX_ORDERS = 3, 50, 10, 200, 5, 3


class _Count:
    """Conditions seen so far, and whether the status is among them."""

    def __init__(self) -> None:
        self.conditions, self.status = 0, False

    def add(self, conditions: Sequence[Condition]) -> None:
        self.conditions += len(conditions)
        self.status |= any(c.field == "status" for c in conditions)
        if self.conditions > MAX_CONDITIONS:
            raise BadInput("filter", f"filter: at most {MAX_CONDITIONS} conditions in all; split the question")


def where(given: CiFilter | None, model: Model) -> Filter:
    """The store's filter; without a condition on the status, what is retired is left out."""
    count = _Count()
    found = _filter(given, model, count, 0, "filter") if given else Filter()
    if count.status:
        return found
    return Filter((*found.conditions, NOT_RETIRED), found.all_of, found.any_of, found.none_of, found.related)


def orders(given: Sequence[CiOrder] | None) -> tuple[Order, ...]:
    """The store's sort keys; by name where none is given."""
    if given is not None and len(given) > MAX_ORDERS:
        raise BadInput("orderBy", f"orderBy: at most {MAX_ORDERS} sort keys")
    asked: list[tuple[Any, bool]] = [(str(o.by), o.descending) for o in given or ()]
    if len({by for by, _ in asked}) < len(asked):
        raise BadInput("orderBy", "orderBy: each sort key once")
    return tuple(Order(by, descending) for by, descending in asked) or (Order("name"),)


def _filter(given: CiFilter, model: Model, count: _Count, depth: int, path: str) -> Filter:
    if depth > MAX_DEPTH:
        raise BadInput(path, f"{path}: and, or and not nest at most {MAX_DEPTH} deep")
    conditions = [*_plain(given, path)]
    if given.attributes:
        if len(given.attributes) > MAX_ATTRIBUTES:
            raise BadInput(f"{path}.attributes", f"{path}.attributes: at most {MAX_ATTRIBUTES} attribute conditions")
        for n, attribute in enumerate(given.attributes):
            conditions += _attribute(attribute, model, f"{path}.attributes[{n}]")
    count.add(conditions)
    related = _related(given.related_to, path) if given.related_to else None
    if related:
        count.add([Condition("related", "eq", related[0])])
    return Filter(
        tuple(conditions),
        _branches(given.and_, model, count, depth, f"{path}.and"),
        _branches(given.or_, model, count, depth, f"{path}.or"),
        (_filter(given.not_, model, count, depth + 1, f"{path}.not"),) if given.not_ else (),
        related,
    )


def _branches(
    given: Sequence[CiFilter] | None, model: Model, count: _Count, depth: int, path: str
) -> tuple[Filter, ...]:
    if not given and not isinstance(given, list):
        return ()
    if not 1 <= len(given) <= MAX_BRANCHES:
        raise BadInput(path, f"{path}: 1 to {MAX_BRANCHES} entries")
    return tuple(_filter(f, model, count, depth + 1, f"{path}[{n}]") for n, f in enumerate(given))


def _plain(given: CiFilter, path: str) -> list[Condition]:
    found: list[Condition] = []
    if given.id:
        found.append(Condition("id", "in", _values(given.id.in_, f"{path}.id.in")))
    for name, chosen in (("class", given.ci_class), ("status", given.status)):
        if isinstance(chosen, list):
            found.append(Condition(name, "in", _values(chosen, f"{path}.{name}")))
    if given.name:
        found += _text("name", given.name, f"{path}.name")
    if given.identifier:
        found += _text("identifier", given.identifier, f"{path}.identifier")
    if given.first_seen:
        found += _range("first_seen", given.first_seen)
    for name, value in (("source", given.source), ("target", given.target)):
        if isinstance(value, str):
            found.append(Condition(name, "eq", value))
    return found


def _values(given: Sequence[str], path: str) -> list[str]:
    if not 1 <= len(given) <= MAX_VALUES:
        raise BadInput(path, f"{path}: 1 to {MAX_VALUES} values")
    return [str(v) for v in given]


def _text(field: str, given: StringFilter, path: str, is_attribute: bool = False) -> list[Condition]:
    found: list[Condition] = []
    for operator, value in (("eq", given.eq), ("starts_with", given.starts_with), ("contains", given.contains)):
        if isinstance(value, str):
            found.append(Condition(field, operator, value, is_attribute))
    if isinstance(given.in_, list):
        found.append(Condition(field, "in", _values(given.in_, f"{path}.in"), is_attribute))
    if not found:
        raise BadInput(path, f"{path}: give at least one of eq, in, startsWith and contains")
    return found


def _range(field: str, given: DateTimeFilter | NumberFilter, is_attribute: bool = False) -> list[Condition]:
    pairs = (("eq", getattr(given, "eq", None)), ("lt", given.lt), ("gte", given.gte))
    return [Condition(field, o, v, is_attribute) for o, v in pairs if isinstance(v, int)]


def _attribute(given: AttributeFilter, model: Model, path: str) -> list[Condition]:
    if not any(given.name in c.attributes for c in model.classes.values() if not c.internal):
        raise BadInput(f"{path}.name", f"{path}.name: no class has an attribute {given.name!r}; see `catalogue`")
    chosen = [k for k, v in (("string", given.string), ("number", given.number)) if v]
    chosen += ["known"] if isinstance(given.known, bool) else []
    if len(chosen) != 1:
        raise BadInput(path, f"{path}: give exactly one of string, number and known")
    if given.string:
        return _text(given.name, given.string, f"{path}.string", is_attribute=True)
    if given.number:
        found = _range(given.name, given.number, is_attribute=True)
        if not found:
            raise BadInput(f"{path}.number", f"{path}.number: give at least one of eq, lt and gte")
        return found
    return [Condition(given.name, "known", bool(given.known), is_attribute=True)]


def _related(given: RelatedToFilter, path: str) -> tuple[str, tuple[str, ...], Any]:
    if isinstance(given.types, list) and not given.types:
        raise BadInput(f"{path}.relatedTo.types", f"{path}.relatedTo.types: at least one type, or leave it out")
    return str(given.ci), tuple(str(t) for t in given.types or ()), str(given.direction)
