"""The part of the query type that is about planning."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from cmdb_graphql.context import Reading
from cmdb_graphql.directives import Cost, paged
from cmdb_graphql.plan_types import (
    Assessment,
    AssessmentInput,
    ReleaseWaves,
    ReleaseWavesInput,
    SafeWindows,
    SafeWindowsInput,
)
from cmdb_graphql.plans import assessment, release_waves, safe_windows
from cmdb_graphql.selection import Selection, asked


def _reading(info: Info[Any, Any]) -> tuple[Reading, Selection]:
    reading: Reading = info.context
    return reading, asked(info._raw_info)


@strawberry.type
class PlanQuery:
    """The part of the query type that is about planning."""

    @strawberry.field(
        description="What a change or a draft of one breaks, weakens and collides with. Nothing is stored; "
        "`cmdb change assess` stores.",
        directives=[Cost(weight="2000")],
    )
    def assessment(
        self,
        info: Info,
        input: Annotated[AssessmentInput, strawberry.argument(description="The change, stored or drafted.")],
    ) -> Assessment:
        reading, selection = _reading(info)
        return assessment(reading, input, selection)

    @strawberry.field(
        description="Slots in which a piece of work harms nothing beyond what it harms alone.",
        directives=[Cost(weight="5000")],
    )
    def safe_windows(
        self,
        info: Info,
        input: Annotated[SafeWindowsInput, strawberry.argument(description="The work and the period to search.")],
    ) -> SafeWindows:
        return safe_windows(_reading(info)[0], input)

    @strawberry.field(
        description="Order of a release in waves, so that each wave harms no more than its members one by one.",
        directives=[Cost(weight="5000"), *paged("input.first", "items")],
    )
    def release_waves(
        self,
        info: Info,
        input: Annotated[ReleaseWavesInput, strawberry.argument(description="The CIs to treat.")],
    ) -> ReleaseWaves:
        reading, selection = _reading(info)
        return release_waves(reading, input, selection)
