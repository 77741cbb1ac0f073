"""Decisions about identity, as GraphQL shows them."""

from __future__ import annotations

import strawberry

from cmdb_graphql.common import CiRef, Node
from cmdb_graphql.directives import QUARTER, at_most
from cmdb_graphql.enums import EvidenceWeight, IdentityDecisionKind
from cmdb_graphql.scalars import DateTime


@strawberry.type(description="One identifier or attribute that speaks for or against.", directives=QUARTER)
class IdentityEvidence:
    key: str = strawberry.field(description="Identifier or attribute, for example serial:cisco:FOC1234X0AB.")
    cis: list[CiRef] = strawberry.field(description="CIs that have it.", directives=at_most(10))
    weight: EvidenceWeight = strawberry.field(description="SUPPORTS, CONTRADICTS or is silent.")
    strong: bool = strawberry.field(description="True if it would decide alone.")
    source: str = strawberry.field(description="Source that says so.")


@strawberry.type(description="Why observations are one CI, or are not.")
class IdentityDecision(Node):
    kind: IdentityDecisionKind = strawberry.field(description="What was decided.")
    sequence: int = strawberry.field(description="Commit.")
    at: DateTime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Who: user, or the rule.")
    explanation: str = strawberry.field(description="Why, in English.")
    cis: list[CiRef] = strawberry.field(
        description="The CIs concerned, the one that is kept first.", directives=at_most(10)
    )
    evidence: list[IdentityEvidence] = strawberry.field(
        description="The evidence as it was then, the losing part included.", directives=at_most(50)
    )
    undone_at: int | None = strawberry.field(description="Sequence of the commit that took it back. Null: it stands.")
