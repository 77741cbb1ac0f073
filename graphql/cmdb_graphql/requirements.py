"""Requirements and planes as GraphQL shows them."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from cmdb_graphql.common import CiRef, Evidence, Node
from cmdb_graphql.directives import QUARTER, at_most, paged
from cmdb_graphql.enums import OnLoss, Pass, RequirementOrigin


@strawberry.type(description="One provider in a requirement.", directives=QUARTER)
class Provider:
    ci: CiRef = strawberry.field(description="The CI that provides.")
    weight: int = strawberry.field(description="How much it counts.")
    connected: str | None = strawberry.field(
        description="Plane in which it must have a path to a root. Null: it must be up."
    )


def rows(source: object, name: str, first: int, most: int) -> list[Any]:
    """The first entries of a list of a plain object; a bound that makes no sense is refused."""
    if not 1 <= first <= most:
        raise ValueError(f"first: from 1 to {most:,}, not {first:,}")
    return list(getattr(source, name)[:first])


@strawberry.type(
    description="Group of providers of which enough must work, or the owner fails. All requirements of a CI must hold."
)
class Requirement(Node):
    owner: CiRef = strawberry.field(description="The CI that needs.")
    needed: int = strawberry.field(description="Weight that must work.")
    total: int = strawberry.field(description="Weight of all providers.")
    on_loss: OnLoss = strawberry.field(
        description="What the owner becomes when a provider is lost and the requirement still holds."
    )
    pass_: Pass = strawberry.field(name="pass", description="Whether ill health of providers passes on.")
    origin: RequirementOrigin = strawberry.field(description="Where it comes from.")
    holds: bool = strawberry.field(
        description="False: it does not hold with everything up, so it is waived and reported as a finding."
    )
    evidence: list[Evidence] = strawberry.field(
        description="Why it is believed; empty for defaults.", directives=at_most(20)
    )

    @strawberry.field(description="The providers, heaviest first.", directives=paged())
    def providers(
        self,
        first: Annotated[
            int, strawberry.argument(description="At most this many, 1 to 1,000; a requirement has at most 1,000.")
        ] = 20,
    ) -> list[Provider]:
        return rows(self, "ranked_providers", first, 1000)


@strawberry.type(
    description="A kind of connectivity. Only switches, routers, firewalls, access points and load balancers forward.",
    directives=QUARTER,
)
class Plane:
    name: str = strawberry.field(description="Name, unique.")
    roots: list[CiRef] = strawberry.field(
        description="Where connectivity is grounded; empty: the plane is not evaluated.", directives=at_most(200)
    )
