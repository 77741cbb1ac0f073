"""The types of scans: minimal cut sets, start from dark."""

from __future__ import annotations

import strawberry

from cmdb_graphql.common import CiRef
from cmdb_graphql.directives import QUARTER, at_most


@strawberry.input(description="Which services, and how deep.")
class CutSetsInput:
    services: list[strawberry.ID] = strawberry.field(description="Ids of 1 to 20 services or other CIs.")
    max_size: int = strawberry.field(default=1, description="Largest set, 1 to 3.")
    first: int = strawberry.field(default=200, description="Sets wanted, 1 to 1,000.")


@strawberry.type(
    description="CIs whose joint failure takes a service down; no part of the set does.", directives=QUARTER
)
class CutSet:
    service: CiRef = strawberry.field(description="The service.")
    members: list[CiRef] = strawberry.field(description="The CIs, 1 to 3.", directives=at_most(3))


@strawberry.type(description="Minimal cut sets.")
class CutSets:
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    complete: bool = strawberry.field(
        description="True if all sets up to `maxSize` are given; false if `first` or the time limit cut the list."
    )
    cuts: list[CutSet] = strawberry.field(description="The sets, smallest first.")


@strawberry.input(description="What to start.")
class ColdStartInput:
    within: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only what is part of this CI or located in it. Null: everything."
    )
    first: int = strawberry.field(default=200, description="Entries in each list, 1 to 10,000.")


@strawberry.type(description="A CI and when it can start.", directives=QUARTER)
class StartStep:
    ci: CiRef = strawberry.field(description="The CI.")
    stage: int = strawberry.field(description="Stage, from 1; CIs of one stage may start together.")


@strawberry.type(description="Start from dark.")
class ColdStart:
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    truncated: bool = strawberry.field(description="True if `first` cut a list.")
    steps: list[StartStep] = strawberry.field(description="CIs in the order in which they can start.")
    deadlocked: list[CiRef] = strawberry.field(
        description="CIs that can never start, because they wait for each other."
    )
