"""Relationships as GraphQL shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from cmdb_graphql.common import CiRef, Evidence, Node, PageInfo
from cmdb_graphql.directives import FREE, Cost, at_most
from cmdb_graphql.enums import Certainty, RelationshipType
from cmdb_graphql.provenance_types import Attribute
from cmdb_graphql.scalars import DateTime

if TYPE_CHECKING:
    from cmdb_graphql.items import ConfigurationItem


@strawberry.type(description="A fact that ties two CIs, read source → target.")
class Relationship(Node):
    type: RelationshipType = strawberry.field(description="What the tie means.")
    source_end: CiRef = strawberry.field(
        name="from", description="Source end; for symmetric types the end with the smaller id."
    )
    target_end: CiRef = strawberry.field(name="to", description="Target end.")
    other: Annotated[ConfigurationItem, strawberry.lazy("cmdb_graphql.items")] | None = strawberry.field(
        description="The end that is not the CI it was asked on. Null: read by `node`."
    )
    attributes: list[Attribute] = strawberry.field(
        description="Attributes of the relationship, such as protocols, tagged, vlan_id, port, internal.",
        directives=at_most(10),
    )
    confidence: float = strawberry.field(description="Belief that it is real, 0 to 1.")
    certainty: Certainty = strawberry.field(description="SURE, or POSSIBLE if it was not confirmed within its time.")
    evidence: list[Evidence] = strawberry.field(description="Who saw it and how, latest first.", directives=at_most(20))
    first_seen: DateTime = strawberry.field(description="When it was first seen.")
    last_seen: DateTime = strawberry.field(description="When it was last seen.")


@strawberry.type(description="Page of relationships.", directives=FREE)
class RelationshipConnection:
    nodes: list[Relationship] = strawberry.field(description="The relationships.")
    page_info: PageInfo = strawberry.field(description="Position of the page.")
    total_count: int | None = strawberry.field(
        description="Number of all matches, counted only when asked for. Null: more than 100,000.",
        directives=[Cost(weight="100")],
    )
