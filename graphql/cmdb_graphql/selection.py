"""What a query asks below one place, fragments flattened, so that reads can be done before the answer is built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.execution.values import get_argument_values, get_directive_values


class Selection:
    """The fields asked below some nodes, whatever type their fragments are on: reading too much is harmless."""

    def __init__(self, info: GraphQLResolveInfo[Any], sets: Iterable[SelectionSetNode | None]) -> None:
        self.info = info
        self.fields: dict[str, list[FieldNode]] = {}
        for selection_set in sets:
            if selection_set is not None:
                for node in self._flatten(selection_set):
                    self.fields.setdefault(node.name.value, []).append(node)

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def below(self, *path: str) -> Selection:
        """The selection some fields further down; empty where one of them was not asked."""
        here = self
        for name in path:
            here = Selection(self.info, [n.selection_set for n in here.fields.get(name, ())])
        return here

    def uses(self, name: str, definition: GraphQLField) -> Iterator[tuple[dict[str, Any], Selection]]:
        """Each use of a field with its arguments (defaults filled in) and what is asked below it."""
        for node in self.fields.get(name, ()):
            arguments = get_argument_values(definition, node, self.info.variable_values)
            yield arguments, Selection(self.info, [node.selection_set])

    def _flatten(self, selection_set: SelectionSetNode) -> Iterator[FieldNode]:
        for node in selection_set.selections:
            if not self._wanted(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._flatten(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self._flatten(self.info.fragments[node.name.value].selection_set)

    def _wanted(self, node: SelectionNode) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.info.variable_values)
        include = get_directive_values(GraphQLIncludeDirective, node, self.info.variable_values)
        return not (skip and skip["if"]) and not (include and not include["if"])


def asked(info: GraphQLResolveInfo[Any]) -> Selection:
    """What is asked below the field that is being resolved."""
    return Selection(info, [n.selection_set for n in info.field_nodes])
