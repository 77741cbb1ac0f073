"""The types of scans: minimal cut sets, start from dark, results that are kept."""

from __future__ import annotations

import strawberry

from cmdb_graphql.common import CiRef
from cmdb_graphql.directives import QUARTER, at_most
from cmdb_graphql.enums import ScanKind
from cmdb_graphql.scalars import DateTime


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


@strawberry.type(description="One finding of a scan.", directives=QUARTER)
class ScanEntry:
    cis: list[CiRef] = strawberry.field(description="The CIs that fail: one, or a pair.", directives=at_most(2))
    service_count: int = strawberry.field(description="Services that fall with it.")
    criticality: int | None = strawberry.field(
        description="Of the most critical of these services, 1 to 4. Null: none falls."
    )
    down: int = strawberry.field(description="CIs that fall with it, services among them.")
    wear: str | None = strawberry.field(description="LAST_LEG or BROKEN, for a requirement. Null: it is none.")
    text: str = strawberry.field(description="The most critical services, or the reason, in English.")


@strawberry.type(description="An entry that weighs otherwise than before.", directives=QUARTER)
class ScanChanged:
    before: ScanEntry = strawberry.field(description="As it was.")
    after: ScanEntry = strawberry.field(description="As it is.")


@strawberry.type(description="What a result has that the one of an earlier day has not, and the other way round.")
class ScanDifference:
    since: DateTime = strawberry.field(description="When the result of the earlier day was made.")
    since_sequence: int = strawberry.field(description="Sequence it was computed at.")
    whole: bool = strawberry.field(
        description="False if either result is not all there is: what may only have been left out is not listed."
    )
    new: list[ScanEntry] = strawberry.field(description="What was not there before.", directives=at_most(200))
    new_count: int = strawberry.field(description="How many there are.")
    gone: list[ScanEntry] = strawberry.field(description="What is not there any more.", directives=at_most(200))
    gone_count: int = strawberry.field(description="How many there are.")
    changed: list[ScanChanged] = strawberry.field(description="What weighs otherwise.", directives=at_most(200))
    changed_count: int = strawberry.field(description="How many there are.")


@strawberry.type(description="One result in numbers.", directives=QUARTER)
class ScanRun:
    at: DateTime = strawberry.field(description="When it was made.")
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    complete: bool = strawberry.field(description="False if the time was up first.")
    found: int = strawberry.field(description="Entries found.")
    new_count: int = strawberry.field(description="New ones.")
    gone_count: int = strawberry.field(description="Ones that are gone.")
    changed_count: int = strawberry.field(description="Ones that weigh otherwise.")


@strawberry.type(description="The last result of a scan that is kept, one a day.")
class ScanResult:
    kind: ScanKind = strawberry.field(description="Which scan.")
    at: DateTime = strawberry.field(description="When it was made.")
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    policy_version: str = strawberry.field(description="Version of class catalogue and default requirements used.")
    complete: bool = strawberry.field(description="False if the time was up first.")
    truncated: bool = strawberry.field(description="True if only the worst are kept.")
    found: int = strawberry.field(description="Entries found.")
    entries: list[ScanEntry] = strawberry.field(
        description="The first 200 of them, the worst first.", directives=at_most(200)
    )
    difference: ScanDifference | None = strawberry.field(
        description="What changed since the result of the day before. Null: there is none."
    )
    runs: list[ScanRun] = strawberry.field(
        description="The results of the last 200 days in numbers, the latest first.", directives=at_most(200)
    )
