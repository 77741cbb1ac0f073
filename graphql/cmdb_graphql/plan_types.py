"""The types of planning: assessments, safe slots, waves."""

from __future__ import annotations

import strawberry

from cmdb_graphql.common import CiRef
from cmdb_graphql.directives import QUARTER, at_most
from cmdb_graphql.enums import Certainty, RecordState, RecordType
from cmdb_graphql.impact_types import ImpactedService, ImpactSeedInput, ImpactSummary
from cmdb_graphql.scalars import DateTime

_UNSET = strawberry.UNSET


@strawberry.type(description="A period of time, end excluded.", directives=QUARTER)
class Window:
    start: DateTime = strawberry.field(description="First instant.")
    end: DateTime = strawberry.field(description="First instant after it.")


@strawberry.input(description="A period of time, end excluded.")
class WindowInput:
    start: DateTime = strawberry.field(description="First instant.")
    end: DateTime = strawberry.field(description="First instant after it; later than `start`.")


@strawberry.type(description="A record named, not read.", directives=QUARTER)
class RecordRef:
    id: strawberry.ID = strawberry.field(description="Id of the record.")
    type: RecordType = strawberry.field(description="What kind of record.")
    number: str = strawberry.field(description="Number for people.")
    title: str = strawberry.field(description="Short text.")
    state: RecordState = strawberry.field(description="State now.")


@strawberry.input(description="Work that is not recorded yet.")
class DraftInput:
    seeds: list[ImpactSeedInput] = strawberry.field(description="CIs and what happens to them, 1 to 1,000.")
    window: WindowInput = strawberry.field(description="When.")


@strawberry.input(description="What to assess. Exactly one of `change` and `draft`.")
class AssessmentInput:
    change: strawberry.ID | None = strawberry.field(default=_UNSET, description="Id or number of a change record.")
    draft: DraftInput | None = strawberry.field(default=_UNSET, description="A change that is not recorded yet.")


@strawberry.type(description="Work that is harmless one by one and harmful together.")
class Collision:
    records: list[RecordRef] = strawberry.field(
        description="The smallest set of changes and incidents that does the harm; the assessed change is one of them.",
        directives=at_most(10),
    )
    overlap: Window = strawberry.field(description="When they overlap.")
    breaks: list[ImpactedService] = strawberry.field(
        description="What breaks only together, worst first.", directives=at_most(20)
    )
    extra_down: int = strawberry.field(description="CIs that break only together, in all.")
    certainty: Certainty = strawberry.field(description="SURE if some of it breaks without stale evidence.")


@strawberry.type(
    description="What a change does, alone and together with others. "
    "`impact` of the same seeds and sequence gives nodes and proof."
)
class Assessment:
    at: DateTime = strawberry.field(description="When it was made.")
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    policy_version: str = strawberry.field(description="Version of class catalogue and default requirements used.")
    alone: ImpactSummary = strawberry.field(description="What it does alone.")
    together: ImpactSummary = strawberry.field(
        description="What it does with all that is planned or open in the same time, when most is down."
    )
    collisions: list[Collision] = strawberry.field(
        description="What goes wrong only together, worst first.", directives=at_most(50)
    )
    collision_count: int = strawberry.field(description="Collisions in all.")
    notify: list[ImpactedService] = strawberry.field(
        description="Services whose owners must be told, surely or possibly affected (`certainty`); at most 200.",
        directives=at_most(200),
    )
    oldest_evidence_days: float = strawberry.field(
        description="Largest age in days of the evidence the answer hangs on."
    )
    changed: list[str] = strawberry.field(
        description="What the stored assessment before it said differently, in English; empty: nothing, or none before."
    )
    unknown_cis: int = strawberry.field(
        description="CIs of other work that are not there (any more) and so were not judged."
    )
    stored_by: str | None = strawberry.field(description="Who stored it. Null: not stored.")
    stale: bool = strawberry.field(description="True if the CIs or the window of the change are others by now.")


@strawberry.input(description="What to place, and where to look.")
class SafeWindowsInput:
    change: strawberry.ID | None = strawberry.field(
        default=_UNSET, description="Id or number of a change record. Exactly one of `change` and `seeds`."
    )
    seeds: list[ImpactSeedInput] | None = strawberry.field(
        default=_UNSET, description="CIs and what happens to them, 1 to 1,000."
    )
    duration_minutes: int | None = strawberry.field(
        default=_UNSET, description="Length of the work in minutes, 1 to 10,080. Not given: that of the change."
    )
    within: WindowInput = strawberry.field(description="Period to search, at most 92 days.")
    first: int = strawberry.field(default=5, description="Slots wanted, 1 to 50.")


@strawberry.type(description="A time that is not safe.")
class BlockedWindow:
    window: Window = strawberry.field(description="When.")
    records: list[RecordRef] = strawberry.field(description="Records in the way.", directives=at_most(10))
    text: str = strawberry.field(description="Why, in English.")


@strawberry.type(description="Safe slots and what blocks the rest.")
class SafeWindows:
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    windows: list[Window] = strawberry.field(
        description="Longest possible slots, earliest first; the work may start anywhere in one so long as it ends in "
        "it. Empty: none.",
        directives=at_most(50),
    )
    blocked: list[BlockedWindow] = strawberry.field(
        description="Why other times are not safe, earliest first.", directives=at_most(50)
    )


@strawberry.input(description="What to release. Exactly one of `release` and `cis`.")
class ReleaseWavesInput:
    release: strawberry.ID | None = strawberry.field(
        default=_UNSET, description="Id or number of a release record: its SUBJECT CIs."
    )
    cis: list[strawberry.ID] | None = strawberry.field(default=_UNSET, description="Ids of CIs, 1 to 5,000.")
    wave_size: int | None = strawberry.field(default=_UNSET, description="CIs in one wave at most. Null: no bound.")
    first: int = strawberry.field(default=200, description="Entries, 1 to 5,000.")


@strawberry.type(description="A CI and its wave.", directives=QUARTER)
class WaveItem:
    ci: CiRef = strawberry.field(description="The CI.")
    wave: int = strawberry.field(description="Number of the wave, from 1.")
    text: str | None = strawberry.field(description="Why it is not in an earlier wave. Null: it is in wave 1.")


@strawberry.type(description="Waves of a release.")
class ReleaseWaves:
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    waves: int = strawberry.field(description="Number of waves.")
    lower_bound: int = strawberry.field(description="No plan can have fewer waves than this.")
    truncated: bool = strawberry.field(description="True if `first` cut the list.")
    items: list[WaveItem] = strawberry.field(description="Which CI in which wave, by wave.")
