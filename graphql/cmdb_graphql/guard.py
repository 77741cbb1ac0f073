"""Measures a document before anything else looks at it, and refuses what is over a limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from cmdb_graphql.errors import BadInput, Refused
from cmdb_graphql.prices import FieldPrice, Prices, filled, plain

_CEILING = 1e15  # costs above say nothing more, and infinity would spoil sums
_LARGEST_PAGE = 10_000  # no list takes a larger page, whatever was asked
_INTROSPECTION_DEPTH = 20  # the usual introspection query is 15 deep and reads no data


@dataclass(frozen=True)
class Limits:
    """Limits of one request, as the API documents them. `introspection` off also keeps names out of error messages."""

    body_bytes: int = 256 * 1024
    tokens: int = 1_500
    depth: int = 12
    fields: int = 2_000
    aliases: int = 30
    root_fields: int = 10
    cost: int = 20_000
    timeout_s: float = 10.0
    introspection: bool = True


class Measured(NamedTuple):
    """What one selection set amounts to, fragments expanded."""

    cost: float = 0.0
    depth: int = 0
    fields: int = 0
    aliases: int = 0
    root_fields: int = 0


class _Pass:
    """One pass over a document; each fragment is measured once per inherited list size, so that chains cost nothing.

    `scale` shrinks the page sizes, to find out what would fit; `sizes` collects those of the outermost lists.
    """

    def __init__(self, prices: Prices, document: DocumentNode, variables: Mapping[str, Any], scale: float) -> None:
        self.prices, self.variables, self.scale = prices, variables, scale
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self.memo: dict[tuple[str, tuple[tuple[str, int], ...]], Measured | None] = {}
        self.sizes: dict[str, int] = {}

    def selection(self, node: SelectionSetNode, parent: str, sized: dict[str, int]) -> Measured:
        cost, depth, fields, aliases, top = 0.0, 0, 0, 0, 0
        for child in node.selections:
            if isinstance(child, FieldNode):
                m = self.field(child, parent, sized)
            elif isinstance(child, InlineFragmentNode):
                inner = child.type_condition.name.value if child.type_condition else parent
                m = self.selection(child.selection_set, inner, sized)
            else:
                assert isinstance(child, FragmentSpreadNode)  # noqa: S101 - the grammar has no fourth kind
                m = self.spread(child.name.value, sized)
            cost, depth = min(cost + m.cost, _CEILING), max(depth, m.depth)
            fields, aliases, top = fields + m.fields, aliases + m.aliases, top + m.root_fields
        return Measured(cost, depth, fields, aliases, top)

    def spread(self, name: str, sized: dict[str, int]) -> Measured:
        key = (name, tuple(sorted(sized.items())))
        if key in self.memo:
            known = self.memo[key]
            if known is None:
                raise BadInput("query", f"fragment {name} spreads itself")
            return known
        fragment = self.fragments.get(name)
        if fragment is None:
            return Measured()  # validation says which name is unknown
        self.memo[key] = None
        found = self.selection(fragment.selection_set, fragment.type_condition.name.value, sized)
        self.memo[key] = found
        return found

    def field(self, node: FieldNode, parent: str, sized: dict[str, int]) -> Measured:
        name, alias = node.name.value, int(node.alias is not None)
        if name.startswith("__"):
            below = self.selection(node.selection_set, "", {}) if node.selection_set else Measured()
            depth = 1 if below.depth < _INTROSPECTION_DEPTH else below.depth + 1
            return Measured(0.0, depth, below.fields + 1, below.aliases + alias, 1)
        price = self.prices.field(parent, name)
        if price is None or node.selection_set is None:
            base = price.base + self.given(price, node) if price else 0.0
            below = self.selection(node.selection_set, "", {}) if node.selection_set else Measured()
            return Measured(base + below.cost, below.depth + 1, below.fields + 1, below.aliases + alias, 1)
        arguments, given = filled(price, node, self.variables)
        bound = self.bound(price, arguments, name)
        count = sized.get(name, 1 if price.sized_fields else bound)
        below = self.selection(node.selection_set, price.type_name, dict.fromkeys(price.sized_fields, bound))
        cost = price.base + given + count * (price.unit + below.cost)
        return Measured(min(cost, _CEILING), below.depth + 1, below.fields + 1, below.aliases + alias, 1)

    def given(self, price: FieldPrice, node: FieldNode) -> float:
        return filled(price, node, self.variables)[1]

    def bound(self, price: FieldPrice, arguments: Mapping[str, Any], name: str) -> int:
        asked = price.bound(arguments)
        if self.scale == 1 or not price.slicing:
            return asked
        shrunk = max(1, math.floor(min(asked, _LARGEST_PAGE) * self.scale))
        self.sizes.setdefault(name, shrunk)
        return shrunk


class Guard:
    """Checks documents against the limits; made once, it keeps nothing between documents."""

    def __init__(self, prices: Prices, limits: Limits) -> None:
        self.prices, self.limits = prices, limits

    def check(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> Measured:
        """Measure an operation; raise Refused with what would fit if it is over a limit."""
        limits = self.limits
        try:
            measured = self.measure(document, operation, variables)
        except RecursionError:
            raise too_deep(limits) from None
        for name, label, found, most in (
            ("depth", "levels of fields", measured.depth, limits.depth),
            ("fields", "fields, fragments expanded,", measured.fields, limits.fields),
            ("aliases", "aliases, fragments expanded,", measured.aliases, limits.aliases),
            ("rootFields", "root fields", measured.root_fields, limits.root_fields),
        ):
            if found > most:
                shown = f"{found:,}" if found < 10**9 else "more than a billion"
                raise Refused(
                    f"{name}: at most {most:,} {label} fit, and the document has {shown}; split it",
                    limit=name,
                    maximum=most,
                    requested=min(found, 10**9),
                )
        if measured.cost > limits.cost:
            raise self._too_expensive(document, operation, variables, measured)
        return measured

    def measure(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        scale: float = 1,
        sizes: dict[str, int] | None = None,
    ) -> Measured:
        """Measure an operation; `variables` are those given, with the defaults of the operation filled in."""
        made = _Pass(self.prices, document, variables, scale)
        found = made.selection(operation.selection_set, self.prices.root(operation.operation.value), {})
        if sizes is not None:
            sizes.update(made.sizes)
        return found

    def _too_expensive(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        measured: Measured,
    ) -> Refused:
        """Say by which page sizes the document would fit, found by halving."""
        low, high = 0.0, 1.0
        for _ in range(10):
            middle = (low + high) / 2
            fits = self.measure(document, operation, variables, middle).cost <= self.limits.cost
            low, high = (middle, high) if fits else (low, middle)
        sizes: dict[str, int] = {}
        smallest = self.measure(document, operation, variables, low or 1e-9, sizes).cost
        if smallest <= self.limits.cost and sizes:
            advice = "would fit with " + ", ".join(f"first: {n:,} on {field}" for field, n in sorted(sizes.items()))
        else:
            advice = "would not fit with any page size: ask for fewer fields, or split it"
        return Refused(
            f"cost: at most {self.limits.cost:,} units fit, this one may cost {round(measured.cost):,}; it {advice}",
            limit="cost",
            maximum=self.limits.cost,
            requested=math.ceil(measured.cost),
            fits=[{"field": f, "first": n} for f, n in sorted(sizes.items())] if smallest <= self.limits.cost else [],
        )


def too_deep(limits: Limits) -> Refused:
    """The refusal of a document whose nesting was not even counted to its end."""
    text = f"depth: at most {limits.depth} levels of fields fit, and the document is nested far deeper"
    return Refused(text, limit="depth", maximum=limits.depth)


def with_defaults(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables given, and the defaults of the operation for those that are not."""
    out = dict(variables)
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        if name not in out and definition.default_value is not None:
            out[name] = plain(definition.default_value, {})
    return out


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation that is to be executed; raises BadInput where that is not clear."""
    found: Sequence[OperationDefinitionNode] = [
        d for d in document.definitions if isinstance(d, OperationDefinitionNode)
    ]
    if name is not None:
        found = [d for d in found if d.name is not None and d.name.value == name]
        if not found:
            raise BadInput("operationName", f"operationName: the document has no operation named {name!r}")
    if len(found) != 1:
        raise BadInput("operationName", f"operationName: the document has {len(found)} operations; name the one to run")
    return found[0]
