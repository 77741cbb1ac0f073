"""The types of an impact answer: flat lists that cite each other by number."""

from __future__ import annotations

from typing import Annotated

import strawberry

from cmdb_graphql.common import CiRef
from cmdb_graphql.directives import QUARTER, Cost, at_most, paged
from cmdb_graphql.enums import Certainty, CiClass, ImpactFindingKind, ImpactState, ProofKind, SeedKind
from cmdb_graphql.requirements import rows
from cmdb_graphql.scalars import DateTime

First200 = Annotated[int, strawberry.argument(description="At most this many, 1 to 200.")]
First1000 = Annotated[int, strawberry.argument(description="At most this many, 1 to 1,000.")]


@strawberry.input(description="One CI and what happens to it. Exactly one of `ci` and `key`.")
class ImpactSeedInput:
    ci: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Id.")
    key: str | None = strawberry.field(default=strawberry.UNSET, description="Id, identifier or unique name.")
    kind: SeedKind | None = strawberry.field(default=SeedKind.DOWN, description="What happens to it. Null: DOWN.")


@strawberry.input(description="What fails. Exactly one of `seeds`, `incident`, `change` and `release`.")
class ImpactInput:
    seeds: list[ImpactSeedInput] | None = strawberry.field(
        default=strawberry.UNSET, description="CIs and what happens to them, 1 to 1,000."
    )
    incident: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Id or number of an incident: its CIs that have an effect."
    )
    change: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Id or number of a change: its CIs that have an effect."
    )
    release: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Id or number of a release: its CIs with an effect, and maintenance of those that are released.",
    )
    as_of: DateTime | None = strawberry.field(
        default=strawberry.UNSET,
        description="Judge the estate as it was at this time. Null: now. Not together with `sequence`.",
        directives=[Cost(weight="2000")],
    )
    sequence: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Judge the estate as it was after this commit. Null: now. Pin it to page through one answer; "
        "what is still in memory is charged less than quoted.",
        directives=[Cost(weight="2000")],
    )
    include_open: bool | None = strawberry.field(
        default=False,
        description="True: what is down already counts as the baseline, and only what comes on top is answered. "
        "False or null: the seeds alone.",
    )
    first: int | None = strawberry.field(
        default=200,
        description="Entries in each list, 1 to 10,000; the worst come first. "
        "`summary` always counts everything. Null: 200.",
    )
    skip: int | None = strawberry.field(
        default=0,
        description="Entries to pass over in each list; an answer for a pinned sequence never changes, "
        "so this is exact. Null: 0.",
    )
    only: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only what concerns these CIs, 1 to 100: their nodes, and exactly the proof steps they rest on. "
        "Null: everything.",
    )


@strawberry.type(description="A service and its state.", directives=QUARTER)
class ImpactedService:
    ci: CiRef = strawberry.field(description="The service.")
    state: ImpactState = strawberry.field(description="Its state.")
    criticality: int = strawberry.field(description="Its criticality, 1 to 4.")
    certainty: Certainty = strawberry.field(description="SURE: its owner must act; POSSIBLE: its owner must be told.")


@strawberry.type(description="Counts over the whole answer.")
class ImpactSummary:
    down: int = strawberry.field(description="CIs in state DOWN.")
    down_planned: int = strawberry.field(description="CIs in state DOWN_PLANNED.")
    maintenance: int = strawberry.field(description="CIs in state MAINTENANCE.")
    isolated: int = strawberry.field(description="CIs in state ISOLATED.")
    degraded: int = strawberry.field(description="CIs in state DEGRADED.")
    at_risk: int = strawberry.field(description="CIs in state AT_RISK.")
    to_retest: int = strawberry.field(description="CIs that must be tested again, whatever their state.")
    service_count: int = strawberry.field(description="Impacted services in all.")
    hidden: int = strawberry.field(
        description="Impacted CIs whose names are hidden from the reader; they are counted above all the same."
    )
    possible: int = strawberry.field(
        description="Impacted CIs whose state is POSSIBLE; they are counted above all the same, by their worst state."
    )
    severity: float = strawberry.field(description="Largest severity of all nodes, 0 to 4; 0: nothing is impacted.")

    @strawberry.field(description="Impacted services, worst first.", directives=paged())
    def services(self, first: First200 = 20) -> list[ImpactedService]:
        return rows(self, "services", first, 200)


@strawberry.type(description="One impacted CI.", directives=QUARTER)
class ImpactNode:
    ci: CiRef = strawberry.field(description="The CI.")
    state: ImpactState = strawberry.field(description="The worst state it may be in.")
    to_retest: bool = strawberry.field(description="True if it must be tested again; may hold besides any state.")
    certainty: Certainty = strawberry.field(
        description="SURE: that state or worse, however the doubt is settled. POSSIBLE: it hangs on stale evidence."
    )
    order: int = strawberry.field(description="Number of the proof step that concludes it.")
    severity: float = strawberry.field(description="Criticality times the factor of its state, 0 to 4.")
    n_more: int | None = strawberry.field(
        description="Further failures that break it: 1, 2, or 3 for three or more. Null: state is not AT_RISK."
    )
    is_service: bool = strawberry.field(description="True if it is a service.")


@strawberry.type(description="A provider in a proof.", directives=QUARTER)
class ProofProvider:
    id: strawberry.ID = strawberry.field(description="Id of the CI.")
    ci_class: CiClass = strawberry.field(name="class", description="Class of the CI.")
    name: str = strawberry.field(description="Name of the CI.")
    weight: int = strawberry.field(description="How much it counts.")
    plane: str | None = strawberry.field(
        description="Plane in which it lost or has a path. Null: it counts by being up."
    )


@strawberry.type(description="A requirement in a proof.", directives=QUARTER)
class ProofGroup:
    id: strawberry.ID = strawberry.field(description="Id of the requirement.")
    needed: int = strawberry.field(description="Weight needed.")
    total: int = strawberry.field(description="Weight of all providers.")
    lost_weight: int = strawberry.field(description="Weight lost.")

    @strawberry.field(description="Providers lost, heaviest first.", directives=paged())
    def lost(self, first: First1000 = 10) -> list[ProofProvider]:
        return rows(self, "lost", first, 1000)


@strawberry.type(description="One step of the proof.", directives=QUARTER)
class ProofStep:
    number: int = strawberry.field(description="Number, from 1, in order of the whole proof.")
    kind: ProofKind = strawberry.field(description="Kind of reason.")
    ci: CiRef = strawberry.field(description="The CI concluded about.")
    state: ImpactState = strawberry.field(description="State concluded.")
    certainty: Certainty = strawberry.field(description="SURE if it holds without stale evidence.")
    group: ProofGroup | None = strawberry.field(
        description="The requirement. Null: kind is not GROUP_BROKEN or GROUP_WEAKENED."
    )
    plane: str | None = strawberry.field(
        description="Plane in which connectivity was lost. Null: not about connectivity."
    )
    island: int | None = strawberry.field(
        description="Island: steps with the same number were cut off together, and their border is what they cite. "
        "Null: kind is not ISOLATED."
    )
    cites: list[int] = strawberry.field(
        description="Numbers of the earlier steps it rests on, at most 1,000; empty for SEED."
    )
    text: str = strawberry.field(description="The step in English.")


@strawberry.type(description="A requirement that was touched and still holds.", directives=QUARTER)
class Spared:
    ci: CiRef = strawberry.field(description="The CI that is spared, or at risk at most.")
    group: ProofGroup = strawberry.field(description="The requirement.")
    margin: int = strawberry.field(
        description="Weight that can still be lost: weight up minus needed. Bound of this requirement alone."
    )
    live_path: list[CiRef] = strawberry.field(
        description="Path of the first carrier to a root; empty if it counts by being up. "
        "Longer paths than 64 are given as first 32 and last 32.",
        directives=at_most(64),
    )

    @strawberry.field(description="Providers that still carry it, heaviest first.", directives=paged())
    def carriers(self, first: First1000 = 10) -> list[ProofProvider]:
        return rows(self, "carriers", first, 1000)


@strawberry.type(description="A defect of the data met while judging.", directives=QUARTER)
class ImpactFinding:
    ci: CiRef = strawberry.field(description="The CI.")
    kind: ImpactFindingKind = strawberry.field(description="What kind.")
    text: str = strawberry.field(description="The defect in English.")


@strawberry.type(
    description="Exact consequence of the seeds. All lists are flat; `proof` cites `order` and `number`, not objects."
)
class Impact:
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    as_of: DateTime = strawberry.field(description="Time of that sequence.")
    policy_version: str = strawberry.field(description="Version of class catalogue and default requirements used.")
    truncated: bool = strawberry.field(
        description="True if a list was cut by `first` or `skip`; the counts in `summary` are complete all the same."
    )
    summary: ImpactSummary = strawberry.field(description="Counts and services.")
    nodes: list[ImpactNode] = strawberry.field(
        description="Impacted CIs: services first, then by state, severity and name."
    )
    proof: list[ProofStep] = strawberry.field(
        description="Numbered steps; each cites only earlier ones. A prefix is a valid proof of what it reaches."
    )
    spared: list[Spared] = strawberry.field(description="CIs next to a loss that hold, and who carries them.")
    findings: list[ImpactFinding] = strawberry.field(
        description="Defects of the data met on the way, such as waived requirements."
    )
