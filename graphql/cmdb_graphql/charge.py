"""What an answer did cost: formula 1 with the entries that were returned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, InlineFragmentNode, OperationDefinitionNode

from cmdb_graphql.prices import Prices, filled


@dataclass
class Charge:
    """Price of one place of an answer: `base` once, `unit` and the children for each object there."""

    base: float = 0.0
    unit: float = 0.0
    fixed: float = 0.0  # leaves below that cost something
    children: dict[str, Charge] = field(default_factory=dict)

    def of(self, value: Any) -> float:
        """Cost of a value at this place."""
        if isinstance(value, list):
            if not self.children:
                return self.base + len(value) * (self.unit + self.fixed)
            return self.base + sum(self._object(v) for v in value)
        return self.base + (self._object(value) if value is not None else 0.0)

    def _object(self, value: Any) -> float:
        total = self.unit + self.fixed
        if isinstance(value, Mapping):
            for key, child in self.children.items():
                if key in value:
                    total += child.of(value[key])
        return total


def charge(
    prices: Prices,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    data: Mapping[str, Any] | None,
) -> float:
    """Cost of an answer. The document has passed the guard and validation, so it is small and makes sense."""
    if data is None:
        return 0.0
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}

    def expand(nodes: Iterable[Any], parent: str) -> Iterable[tuple[str, FieldNode]]:
        for node in nodes:
            if isinstance(node, FieldNode):
                yield parent, node
            elif isinstance(node, InlineFragmentNode):
                inner = node.type_condition.name.value if node.type_condition else parent
                yield from expand(node.selection_set.selections, inner)
            else:
                fragment = fragments[node.name.value]
                yield from expand(fragment.selection_set.selections, fragment.type_condition.name.value)

    def compile_(nodes: Iterable[Any], parent: str, into: Charge) -> Charge:
        for owner, node in expand(nodes, parent):
            price = prices.field(owner, node.name.value)
            if price is None:
                continue
            base = price.base + filled(price, node, variables)[1]
            key = node.alias.value if node.alias else node.name.value
            if node.selection_set is None:
                into.fixed += base
                continue
            below = into.children.get(key)
            if below is None:
                below = into.children[key] = Charge(base, price.unit)
            compile_(node.selection_set.selections, price.type_name, below)
        return into

    root = compile_(operation.selection_set.selections, prices.root(operation.operation.value), Charge())
    return root.of(data)
