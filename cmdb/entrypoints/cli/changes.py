"""Fact changes as rows, and the scope of a comparison from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import check_words

if TYPE_CHECKING:
    from cmdb.entrypoints.wiring import Wired
    from cmdb.history import FactChange
    from cmdb.scope import Scope
    from cmdb.store.protocol import Condition, GraphStore
    from cmdb.store.states import Label

BATCH = 500
FACT = ("kind", "class", "name", "attribute", "before", "after", "relationship_type", "other", "source")
COLUMNS = ("at", "sequence", *FACT, "observed_at", "actor", "ci", "other_id", "record", "setting", "whole")
SHORT = ("at", "sequence", "kind", "name", "attribute", "before", "after", "relationship_type", "other", "source")

ScopeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        help="Only CIs that match at either moment: class=, name=, status=, source=, target=, within= or ATTRIBUTE=;"
        " may be repeated, all must hold, a comma separates alternatives.",
    ),
]


def row(fact: FactChange, labels: Mapping[str, Label]) -> dict[str, Any]:
    """A fact change as one flat row."""
    from cmdb.exchange.lines import iso

    ci, other = labels.get(fact.ci), labels.get(fact.other)
    found: dict[str, Any] = {
        "at": iso(fact.at),
        "sequence": fact.sequence,
        "kind": fact.kind,
        "class": ci.ci_class if ci else None,
        "name": ci.name if ci else fact.setting or fact.record or None,
        "attribute": fact.attribute or None,
        "before": fact.before,
        "after": fact.after,
        "relationship_type": fact.relationship_type or None,
        "other": other.name if other else None,
        "source": fact.source,
        "observed_at": iso(fact.observed_at) if fact.observed_at is not None else None,
        "actor": fact.actor,
        "ci": fact.ci or None,
        "other_id": fact.other or None,
        "record": fact.record or None,
        "setting": fact.setting or None,
        "whole": whole(fact),
    }
    return found


def whole(fact: FactChange) -> dict[str, Any] | None:
    """What holds of a CI or relationship that appears, what held of one that ends; None for other changes."""
    from cmdb.store.states import State

    if fact.whole is None:
        return None
    if not isinstance(fact.whole, State):
        return {"attributes": fact.whole.attributes}
    state = fact.whole
    parent = {"parent": state.parent, "local_key": state.local_key} if state.parent else {}
    return {
        "class": state.ci_class,
        "status": state.status,
        "attributes": state.attributes,
        "identifiers": sorted(state.identifiers),
        **parent,
    }


def rows(store: GraphStore, facts: Iterator[FactChange]) -> Iterator[dict[str, Any]]:
    """Fact changes as rows, the CIs in them named many at a time."""
    import itertools

    from cmdb.diff import labels_of

    while part := list(itertools.islice(facts, BATCH)):
        labels = labels_of(store, part)
        yield from (row(fact, labels) for fact in part)


def counted(found: Iterable[dict[str, Any]], tell: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    """The same rows; at their end `tell` is told how many there were."""
    n = 0
    for one in found:
        n += 1
        yield one
    tell(n)


def read_scope(parts: Wired, given: list[str] | None) -> Scope:
    """The scope that `--scope` options name. Raises UsageError for one that can't be understood."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.errors import UsageError
    from cmdb.scope import Scope
    from cmdb.store.protocol import Filter

    conditions: list[Condition] = []
    within = ""
    for text in given or ():
        name, separator, value = text.partition("=")
        name = name.strip()
        values = [v.strip() for v in value.split(",") if v.strip()]
        if not separator or not values:
            raise UsageError(f"--scope {text!r}: write NAME=VALUE, for example class=NetworkDevice or within=dc-1")
        if name == "within":
            if within:
                raise UsageError("--scope within= was given twice: a scope is inside one CI")
            within = find_one(parts.store, value.strip()).id
        else:
            conditions.append(_condition(parts, name, values))
    where = Filter(tuple(conditions)) if conditions else None
    return Scope(where, within, " ".join(given or ()))


def _condition(parts: Wired, name: str, values: list[str]) -> Condition:
    from cmdb.changes import STATUSES
    from cmdb.errors import UsageError
    from cmdb.store.protocol import Condition

    if name == "class":
        for ci_class in values:
            parts.model.ci_class(ci_class)
        return Condition("class", "in", values)
    if name == "status":
        check_words(values, STATUSES, "status")
        return Condition("status", "in", values)
    if name == "name":
        if len(values) > 1:
            raise UsageError("--scope name= takes one beginning of names")
        return Condition("name", "starts_with", values[0])
    if name in ("source", "target"):
        return Condition(name, "in", values)
    found = [c.attributes[name] for c in parts.model.classes.values() if name in c.attributes]
    if not found:
        raise UsageError(
            f"--scope {name}=: there is no such condition; use class, name, status, source, target, within"
            " or an attribute of the model"
        )
    return Condition(name, "in", [_typed(found[0].type, v, name) for v in values], is_attribute=True)


def _typed(kind: str, value: str, name: str) -> Any:
    from cmdb.errors import UsageError

    if kind == "boolean":
        if value.lower() not in ("true", "false"):
            raise UsageError(f"--scope {name}={value}: true or false")
        return value.lower() == "true"
    if kind in ("integer", "integer_list", "number"):
        try:
            return float(value) if kind == "number" else int(value)
        except ValueError:
            raise UsageError(f"--scope {name}={value}: this attribute is a number") from None
    return value
