"""Answers that are plain attributes all the way down, written out at once instead of field by field.

An impact answer with a proof has some ten thousand fields, none of which computes anything; graphql-core takes 6 µs
for each, a function made for the selection takes a tenth of that. Whatever it does not fit, and whatever goes wrong,
is left to graphql-core, which also says where.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
    Undefined,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import Executor as CoreExecutor

Complete = Callable[[Any], Any]
MAX_INT = 2**31 - 1  # of GraphQL's Int

_IS_ALREADY: dict[GraphQLScalarType, type] = {
    GraphQLString: str,
    GraphQLID: str,
    GraphQLBoolean: bool,
    GraphQLFloat: float,
}


class Unfit(Exception):
    """A value that must be looked at field by field."""


class PlainExecutor(CoreExecutor[Any]):
    """graphql-core's executor with a short cut."""

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a value; see `Executor.complete_value`."""
        complete = self._completer(return_type, field_details_list)
        if complete is not None:
            try:
                return complete(result)
            except Exception:  # noqa: S110 - the long way finds it again, and says in which field
                pass
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    def _completer(self, type_: GraphQLOutputType, fields: FieldDetailsList) -> Complete | None:
        """The function for a selection, made once in a request; None where something in it is no plain attribute."""
        known: dict[tuple[int, int], tuple[Any, Complete | None]] = self.__dict__.setdefault("_completers", {})
        key = id(type_), id(fields)
        if key not in known:
            known[key] = (type_, fields), self._made(type_, fields)  # what is kept can't give its id to another one
        return known[key][1]

    def _made(self, type_: GraphQLOutputType, fields: FieldDetailsList) -> Complete | None:
        if isinstance(type_, GraphQLNonNull):
            return self._inner(type_.of_type, fields)
        inner = self._inner(type_, fields)
        return None if inner is None else lambda value: None if value is None else inner(value)

    def _inner(self, type_: GraphQLOutputType, fields: FieldDetailsList) -> Complete | None:
        """For values that are not null."""
        if isinstance(type_, GraphQLList):
            return _list_of(self._made(type_.of_type, fields))
        if isinstance(type_, GraphQLObjectType) and type_.is_type_of is None:
            return self._object(type_, fields)
        return _leaf(type_) if isinstance(type_, GraphQLScalarType | GraphQLEnumType) else None

    def _object(self, type_: GraphQLObjectType, fields: FieldDetailsList) -> Complete | None:
        collected = self.collect_subfields(type_, fields)
        if collected.new_defer_usages:
            return None
        parts: list[tuple[str, Complete, Complete]] = []
        for name, selected in collected.grouped_field_set.items():
            field = type_.fields.get(selected[0].node.name.value)
            if field is None or field.args or not getattr(field.resolve, "_is_default", False):
                return None
            complete = self._made(field.type, selected)
            if complete is None:
                return None
            parts.append((name, attrgetter(field.extensions["strawberry-definition"].python_name), complete))
        return lambda source: {name: complete(get(source)) for name, get, complete in parts}


def _list_of(complete: Complete | None) -> Complete | None:
    if complete is None:
        return None

    def all_of(values: Any) -> list[Any]:
        if not isinstance(values, list | tuple):
            raise Unfit  # what can be walked once only
        return [complete(value) for value in values]

    return all_of


def _leaf(type_: GraphQLScalarType | GraphQLEnumType) -> Complete:
    coerce = type_.coerce_output_value
    already = _IS_ALREADY.get(type_) if isinstance(type_, GraphQLScalarType) else None

    def checked(value: Any) -> Any:
        if value is None:
            raise Unfit
        found = coerce(value)
        if found is None or found is Undefined:
            raise Unfit
        return found

    if type_ is GraphQLInt:
        return lambda value: value if type(value) is int and -MAX_INT <= value <= MAX_INT else checked(value)
    if already is None:
        return checked
    return lambda value: value if type(value) is already else checked(value)
