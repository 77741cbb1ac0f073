"""Schema directives that publish what a field costs, so that clients can compute the price of a query."""

from __future__ import annotations

import strawberry
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    locations=[
        Location.FIELD_DEFINITION,
        Location.ARGUMENT_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.OBJECT,
        Location.INTERFACE,
    ],
    description="Static cost of a field, argument, input field or type. "
    "Cost formula 1 is in the description of `Limits.costFormula`.",
)
class Cost:
    weight: str


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="Upper bound of a list, so that the cost of a query is known before it runs.",
)
class ListSize:
    assumed_size: int | None = strawberry.UNSET
    slicing_arguments: list[str] | None = strawberry.UNSET
    sized_fields: list[str] | None = strawberry.UNSET


QUARTER = [Cost(weight="0.25")]
FREE = [Cost(weight="0")]


def at_most(entries: int) -> list[object]:
    """A hard bound on a list."""
    return [ListSize(assumed_size=entries)]


def paged(argument: str = "first", *fields: str) -> list[object]:
    """A list that an argument bounds; with `fields`, the lists of the returned object that it bounds."""
    if fields:
        return [ListSize(slicing_arguments=[argument], sized_fields=list(fields))]
    return [ListSize(slicing_arguments=[argument])]
