"""SDL in a stable order."""

from __future__ import annotations

from typing import Any

from graphql import DirectiveDefinitionNode, DocumentNode, Node, print_ast

_LISTS = ("fields", "arguments", "values", "directives", "interfaces", "locations")


def print_sorted(document: DocumentNode) -> str:
    """Print SDL with definitions and all that is in them in order of name, directives first."""
    definitions: list[Any] = sorted(
        document.definitions,
        key=lambda d: (not isinstance(d, DirectiveDefinitionNode), d.name.value),
    )
    return "\n\n".join(print_ast(_sorted(d)) for d in definitions) + "\n"


def _sorted(node: Any) -> Any:
    """A copy of a node with its parts in order; locations and interfaces are names themselves."""
    changed: dict[str, Any] = {}
    for key in node.keys:
        value = getattr(node, key, None)
        if key in _LISTS and value:
            parts = [_sorted(v) for v in value]
            changed[key] = tuple(sorted(parts, key=_name))
    if not changed:
        return node
    return type(node)(**{k: changed.get(k, getattr(node, k, None)) for k in node.keys if k != "loc"})


def _name(node: Node) -> str:
    name = getattr(node, "name", None)
    return str(name.value) if name is not None else str(getattr(node, "value", ""))
