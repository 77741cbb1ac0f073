"""Fact changes, differences and baselines, as GraphQL shows them."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from cmdb_graphql.common import CiRef, Node, PageInfo
from cmdb_graphql.directives import FREE, Cost, paged
from cmdb_graphql.enums import CiClass, FactChangeKind, RelationshipType
from cmdb_graphql.filters import CiFilter, DateTimeFilter
from cmdb_graphql.scalars import AttributeValue, DateTime

_UNSET = strawberry.UNSET
_COUNTED = "Number of all matches, counted only when asked for. Null: more than 100,000, or not counted for this list."
First = Annotated[int, strawberry.argument(description="Page size, 1 to 200.")]
FromStart = Annotated[
    str | None, strawberry.argument(description="`endCursor` of the page before. Null: from the start.")
]


@strawberry.input(description="Exactly one way to name a point in time.", one_of=True)
class PointInTime:
    as_of: DateTime | None = strawberry.field(default=_UNSET, description="What was current at this time.")
    sequence: int | None = strawberry.field(default=_UNSET, description="What was current after this commit.")
    baseline: strawberry.ID | None = strawberry.field(
        default=_UNSET, description="What was current at this baseline; its scope applies too."
    )


@strawberry.type(description="One fact that changed in one commit.", directives=[Cost(weight="0.5")])
class FactChange:
    sequence: int = strawberry.field(description="Commit that changed it.")
    at: DateTime = strawberry.field(description="When it was committed.")
    observed_at: DateTime | None = strawberry.field(
        description="Since when its source has it so, or since when the source is silent of it. "
        "Null: it was decided rather than observed, or that time was not kept."
    )
    actor: str = strawberry.field(description="Who: user, token or collector.")
    source: str = strawberry.field(description="Source whose statement changed it.")
    kind: FactChangeKind = strawberry.field(description="What happened.")
    ci: CiRef | None = strawberry.field(
        description="The CI concerned; for a relationship its source end. Null: about a record or a setting."
    )
    setting: str | None = strawberry.field(
        description="The setting concerned, for example source:snmp, plane:lan, user:alice or token:prod. "
        "Null: about a CI or a record."
    )
    attribute: str | None = strawberry.field(
        description="Attribute or field name; of a requirement behind its name and a dot. Null: not about one."
    )
    before: AttributeValue | None = strawberry.field(
        description="Value before. Null: there was none, not about an attribute, or erased after its retention."
    )
    after: AttributeValue | None = strawberry.field(
        description="Value after. Null: there is none, not about an attribute, or erased after its retention."
    )
    relationship_type: RelationshipType | None = strawberry.field(
        description="Type of the relationship. Null: not about a relationship."
    )
    other: CiRef | None = strawberry.field(
        description="Other end of the relationship, new parent, or CI that absorbed this one. Null: about one CI."
    )


@strawberry.type(description="Page of fact changes.", directives=FREE)
class FactChangeConnection:
    nodes: list[FactChange] = strawberry.field(description="The fact changes.")
    page_info: PageInfo = strawberry.field(
        description="Position of the page. A page may be short, or empty, with more behind it: "
        "a filter that finds little ends a page after some hundred commits."
    )
    total_count: int | None = strawberry.field(description=_COUNTED, directives=[Cost(weight="100")])


@strawberry.input(description="Conditions on fact changes. All that are given must hold.")
class HistoryFilter:
    cis: list[strawberry.ID] | None = strawberry.field(
        default=_UNSET, description="About these CIs, 1 to 200, and their parts."
    )
    within: strawberry.ID | None = strawberry.field(
        default=_UNSET, description="About CIs that are part of this one or located in it now."
    )
    classes: list[CiClass] | None = strawberry.field(default=_UNSET, description="About CIs of these classes.")
    kinds: list[FactChangeKind] | None = strawberry.field(default=_UNSET, description="Of these kinds.")
    attributes: list[str] | None = strawberry.field(default=_UNSET, description="About these attributes.")
    at: DateTimeFilter | None = strawberry.field(default=_UNSET, description="When committed.")
    actor: str | None = strawberry.field(default=_UNSET, description="By this user, token or collector.")
    source: str | None = strawberry.field(default=_UNSET, description="By this source.")


@strawberry.input(description="What to compare.")
class DiffInput:
    from_: PointInTime = strawberry.field(name="from", description="Earlier point.")
    to: PointInTime | None = strawberry.field(default=_UNSET, description="Later point. Not given: now.")
    filter: CiFilter | None = strawberry.field(
        default=_UNSET,
        description="Only CIs that match at either point. Not given: the baseline's scope, else everything.",
    )


@strawberry.type(description="Numbers of a diff.", directives=FREE)
class DiffCounts:
    created: int = strawberry.field(description="CIs that exist only later.")
    changed: int = strawberry.field(description="CIs that differ.")
    ended: int = strawberry.field(description="CIs that are retired or gone later.")


@strawberry.type(description="Net differences: what changed and changed back is not listed.")
class Diff:
    from_sequence: int = strawberry.field(description="Earlier sequence.")
    to_sequence: int = strawberry.field(description="Later sequence.")

    @strawberry.field(description="CIs that are new, changed and gone.")
    def counts(self, info: Info) -> DiffCounts:
        answer: Any = self
        found: DiffCounts = answer.count(info)
        return found

    @strawberry.field(description="The differences, by CI name.", directives=paged("first", "nodes"))
    def changes(self, info: Info, first: First = 50, after: FromStart = _UNSET) -> FactChangeConnection:
        answer: Any = self
        page: FactChangeConnection = answer.page(info, first, after or None)
        return page


@strawberry.type(description="A name for a point in time and a scope.")
class Baseline(Node):
    name: str = strawberry.field(description="Name, unique.")
    sequence: int = strawberry.field(description="Sequence it stands for.")
    as_of: DateTime = strawberry.field(description="Time it stands for.")
    scope: str | None = strawberry.field(
        description="Scope in words; the filter as it was given, in GraphQL literal syntax. Null: everything."
    )
    created_by: str = strawberry.field(description="Who took it.")
    reason: str | None = strawberry.field(description="Why. Null: not said.")


@strawberry.type(description="Page of baselines.", directives=FREE)
class BaselineConnection:
    nodes: list[Baseline] = strawberry.field(description="The baselines.")
    page_info: PageInfo = strawberry.field(description="Position of the page.")
    total_count: int | None = strawberry.field(
        description="Number of all matches, counted only when asked for. Null: more than 100,000.",
        directives=[Cost(weight="100")],
    )
