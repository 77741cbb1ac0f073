"""Inputs that select and order CIs."""

from __future__ import annotations

import strawberry

from cmdb_graphql.directives import Cost
from cmdb_graphql.enums import CiClass, CiOrderField, CiStatus, Direction, RelationshipType
from cmdb_graphql.scalars import BigInt, DateTime

_UNSET = strawberry.UNSET


@strawberry.input(description="Condition on an id.")
class IdFilter:
    in_: list[strawberry.ID] = strawberry.field(name="in", description="One of these, 1 to 200.")


@strawberry.input(description="Condition on text, case ignored. All that are given must hold.")
class StringFilter:
    eq: str | None = strawberry.field(default=_UNSET, description="Equals.")
    in_: list[str] | None = strawberry.field(default=_UNSET, name="in", description="Equals one of these, 1 to 200.")
    starts_with: str | None = strawberry.field(default=_UNSET, description="Starts with; uses the index.")
    contains: str | None = strawberry.field(
        default=_UNSET,
        description="Contains; reads every candidate. Prefer `text`.",
        directives=[Cost(weight="500")],
    )


@strawberry.input(description="Condition on a number. All that are given must hold.")
class NumberFilter:
    eq: BigInt | None = strawberry.field(default=_UNSET, description="Equals.")
    lt: BigInt | None = strawberry.field(default=_UNSET, description="Less than.")
    gte: BigInt | None = strawberry.field(default=_UNSET, description="Greater than or equal.")


@strawberry.input(description="Condition on a time. All that are given must hold.")
class DateTimeFilter:
    lt: DateTime | None = strawberry.field(default=_UNSET, description="Before.")
    gte: DateTime | None = strawberry.field(default=_UNSET, description="At or after.")


@strawberry.input(
    description="Condition on an attribute of the class catalogue. Exactly one of `string`, `number` and `known`."
)
class AttributeFilter:
    name: str = strawberry.field(
        description="Name as in the export, for example os_version; an unknown one is the error BAD_INPUT."
    )
    string: StringFilter | None = strawberry.field(
        default=_UNSET, description="For text; for a list: any of its entries."
    )
    number: NumberFilter | None = strawberry.field(default=_UNSET, description="For numbers.")
    known: bool | None = strawberry.field(default=_UNSET, description="True: has a value; false: has none.")


@strawberry.input(description="A direct relationship to one CI.")
class RelatedToFilter:
    ci: strawberry.ID = strawberry.field(description="The other CI.")
    types: list[RelationshipType] | None = strawberry.field(
        default=_UNSET, description="Of these types. Not given: any."
    )
    direction: Direction = strawberry.field(
        default=Direction.BOTH,
        description="Seen from the CI in `ci`: OUT finds its targets; ignored for symmetric types.",
    )


@strawberry.input(
    description="Conditions on CIs. All that are given must hold. "
    "`and`, `or` and `not` nest at most 3 deep, 50 conditions in all."
)
class CiFilter:
    and_: list[CiFilter] | None = strawberry.field(
        default=_UNSET, name="and", description="All of these hold; 1 to 10."
    )
    or_: list[CiFilter] | None = strawberry.field(
        default=_UNSET, name="or", description="At least one of these holds; 1 to 10."
    )
    not_: CiFilter | None = strawberry.field(default=_UNSET, name="not", description="This does not hold.")
    id: IdFilter | None = strawberry.field(default=_UNSET, description="Id; 1 to 200 values.")
    ci_class: list[CiClass] | None = strawberry.field(default=_UNSET, name="class", description="Concrete class.")
    status: list[CiStatus] | None = strawberry.field(default=_UNSET, description="Status. Not given: all but RETIRED.")
    name: StringFilter | None = strawberry.field(default=_UNSET, description="Name, case ignored.")
    identifier: StringFilter | None = strawberry.field(default=_UNSET, description="Identifier, the whole key.")
    attributes: list[AttributeFilter] | None = strawberry.field(
        default=_UNSET, description="Attribute conditions, at most 5; all hold.", directives=[Cost(weight="50")]
    )
    first_seen: DateTimeFilter | None = strawberry.field(default=_UNSET, description="When it was first seen.")
    source: str | None = strawberry.field(default=_UNSET, description="Seen by this source.")
    target: str | None = strawberry.field(default=_UNSET, description="Seen through this target, or part of it.")
    related_to: RelatedToFilter | None = strawberry.field(default=_UNSET, description="Directly related to a CI.")


@strawberry.input(description="Sort key.")
class CiOrder:
    by: CiOrderField = strawberry.field(description="By what.")
    descending: bool = strawberry.field(default=False, description="True: largest or latest first.")
