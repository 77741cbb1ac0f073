"""Alarms as GraphQL shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from cmdb_graphql.common import CiRef, Node, PageInfo
from cmdb_graphql.directives import FREE, QUARTER, Cost, at_most
from cmdb_graphql.enums import AlarmEffect, AlarmState
from cmdb_graphql.scalars import DateTime

if TYPE_CHECKING:
    from cmdb_graphql.record_types import Incident


@strawberry.type(description="One label of an alarm.", directives=QUARTER)
class AlarmLabel:
    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value, at most 300 characters.")


@strawberry.type(description="A time in which an alarm fired.", directives=QUARTER)
class AlarmFiring:
    start: DateTime = strawberry.field(description="From when.")
    end: DateTime = strawberry.field(description="Until when.")


@strawberry.type(description="What a monitoring tool says of a CI. One for each fingerprint of a source.")
class Alarm(Node):
    state: AlarmState = strawberry.field(description="Whether it fires.")
    name: str = strawberry.field(description="Its name, for example HostDown.")
    source: str = strawberry.field(description="Who sends it, for example alertmanager:prod.")
    fingerprint: str = strawberry.field(description="How its sender knows it again.")
    severity: str | None = strawberry.field(description="Severity, as its sender says. Null: not told.")
    effect: AlarmEffect = strawberry.field(description="What it says of its CI, by the mapping rules or by its sender.")
    ci: CiRef | None = strawberry.field(
        description="The CI. Null: nobody knows which yet; it is tied to it once it appears."
    )
    candidates: list[CiRef] = strawberry.field(
        description="CIs that it might be about, where several fit.", directives=at_most(5)
    )
    sought: list[str] = strawberry.field(description="Keys, names and addresses by which its CI is looked for.")
    labels: list[AlarmLabel] = strawberry.field(description="Its labels, by name.", directives=at_most(200))
    text: str | None = strawberry.field(description="What its sender says at length. Null: nothing, or disposed of.")
    started_at: DateTime = strawberry.field(description="Since when it fires, or fired last.")
    ended_at: DateTime | None = strawberry.field(description="When that ended. Null: it fires.")
    firings: list[AlarmFiring] = strawberry.field(
        description="The last 20 times in which it fired before, the oldest first.", directives=at_most(20)
    )
    incident: Annotated[Incident, strawberry.lazy("cmdb_graphql.record_types")] | None = strawberry.field(
        description="The open incident that was opened from it. Null: none."
    )
    updated_at: DateTime = strawberry.field(description="When what is known of it changed last.")
    revision: int = strawberry.field(description="Counts the changes.")


@strawberry.input(description="Conditions on alarms. All that are given must hold.")
class AlarmFilter:
    states: list[AlarmState] | None = strawberry.field(
        default=strawberry.UNSET, description="In these states. Not given: those that fire."
    )
    cis: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="About one of these CIs, 1 to 200."
    )
    sources: list[str] | None = strawberry.field(default=strawberry.UNSET, description="Sent by one of these sources.")
    known: bool | None = strawberry.field(
        default=strawberry.UNSET, description="True: only those whose CI is known; false: only the others."
    )


@strawberry.type(description="Page of alarms.", directives=FREE)
class AlarmConnection:
    nodes: list[Alarm] = strawberry.field(description="The alarms.")
    page_info: PageInfo = strawberry.field(description="Position of the page.")
    total_count: int = strawberry.field(description="Number of all matches.", directives=[Cost(weight="100")])
