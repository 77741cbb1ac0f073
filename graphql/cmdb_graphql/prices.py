"""What each field costs, read from the published schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    ValueNode,
    get_named_type,
    is_leaf_type,
)
from graphql.utilities import value_from_ast_untyped


@dataclass(frozen=True)
class InputPrice:
    """Weights and defaults of the fields of one input type, or of the arguments of one field."""

    weights: Mapping[str, float]
    defaults: Mapping[str, Any]
    types: Mapping[str, str]


@dataclass(frozen=True)
class FieldPrice:
    """Price of one field: formula 1 in `Limits.costFormula`."""

    type_name: str
    base: float
    unit: float
    arguments: InputPrice
    inputs: Mapping[str, InputPrice]
    assumed: int = 1
    slicing: tuple[tuple[str, ...], ...] = ()
    sized_fields: tuple[str, ...] = ()

    def bound(self, arguments: Mapping[str, Any]) -> int:
        """Most entries of the list: the first slicing argument that has a value, else the assumed size."""
        for path in self.slicing:
            value: Any = arguments
            for step in path:
                value = value.get(step) if isinstance(value, Mapping) else None
            if isinstance(value, list):
                return max(1, len(value))
            if isinstance(value, int) and not isinstance(value, bool):
                return min(max(1, value), 10**9)  # a page size below 1 earns nothing
        return self.assumed


@dataclass
class Prices:
    """Prices of all fields, by type and name."""

    schema: GraphQLSchema
    fields: dict[tuple[str, str], FieldPrice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        inputs = {
            n: _input_price(t.fields) for n, t in self.schema.type_map.items() if isinstance(t, GraphQLInputObjectType)
        }
        for name, type_ in self.schema.type_map.items():
            if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__"):
                for field_name, definition in type_.fields.items():
                    self.fields[name, field_name] = _field_price(definition, inputs)

    def field(self, type_name: str, name: str) -> FieldPrice | None:
        """Price of a field; None where the schema has no such field, which validation will say."""
        return self.fields.get((type_name, name))

    def root(self, operation: str) -> str:
        """Name of the root type of an operation."""
        return {"query": "Query", "mutation": "Mutation"}.get(operation, "Subscription")


def _directive(node: Any, name: str) -> dict[str, Any]:
    for directive in (node.directives if node else None) or ():
        if directive.name.value == name:
            return {a.name.value: value_from_ast_untyped(a.value) for a in directive.arguments or ()}
    return {}


def _weight(node: Any, default: float) -> float:
    return float(_directive(node, "cost").get("weight", default))


def _input_price(fields: Mapping[str, Any]) -> InputPrice:
    literals = {n: f.ast_node.default_value for n, f in fields.items()}
    return InputPrice(
        {n: _weight(f.ast_node, 0) for n, f in fields.items()},
        {n: value_from_ast_untyped(v) for n, v in literals.items() if v is not None},
        {n: get_named_type(f.type).name for n, f in fields.items()},
    )


def _field_price(definition: Any, inputs: Mapping[str, InputPrice]) -> FieldPrice:
    named = get_named_type(definition.type)
    bound = _directive(definition.ast_node, "listSize")
    return FieldPrice(
        named.name,
        _weight(definition.ast_node, 0),
        0.0 if is_leaf_type(named) else _weight(named.ast_node, 1),
        _input_price(definition.args),
        inputs,
        int(bound.get("assumedSize", 1)),
        tuple(tuple(path.split(".")) for path in bound.get("slicingArguments", [])),
        tuple(bound.get("sizedFields", [])),
    )


def plain(value: ValueNode, variables: Mapping[str, Any]) -> Any:
    """A literal as a plain value, whatever type it should have; variables come from the request."""
    return value_from_ast_untyped(value, dict(variables))


def filled(price: FieldPrice, node: FieldNode, variables: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
    """The arguments of a use of a field with defaults filled in, and the weights of those that were given."""
    asked = {a.name.value: plain(a.value, variables) for a in node.arguments or ()}
    arguments = {**price.arguments.defaults, **{n: v for n, v in asked.items() if v is not None}}
    for name, value in list(arguments.items()):
        inner = price.inputs.get(price.arguments.types.get(name, ""))
        if inner is not None and isinstance(value, Mapping):
            arguments[name] = {**inner.defaults, **{n: v for n, v in value.items() if v is not None}}
    return arguments, _given(asked, price.arguments, price.inputs)


def _given(values: Any, price: InputPrice, inputs: Mapping[str, InputPrice]) -> float:
    if isinstance(values, list):
        return sum(_given(v, price, inputs) for v in values)
    if not isinstance(values, Mapping):
        return 0.0
    total = 0.0
    for name, value in values.items():
        if value is not None and name in price.weights:
            total += price.weights[name]
            inner = inputs.get(price.types[name])
            if inner is not None:
                total += _given(value, inner, inputs)
    return total
