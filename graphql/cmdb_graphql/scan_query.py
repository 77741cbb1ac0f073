"""Root fields that scan the estate."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry.types import Info

from cmdb_graphql.directives import Cost, at_most, paged
from cmdb_graphql.enums import ScanKind
from cmdb_graphql.scan_results import result_rows
from cmdb_graphql.scan_types import ColdStart, ColdStartInput, CutSets, CutSetsInput, ScanResult
from cmdb_graphql.scans import cold_start_answer, cut_sets_answer
from cmdb_graphql.selection import asked


@strawberry.type
class ScanQuery:
    """The part of the query type that scans."""

    @strawberry.field(
        description="Minimal sets of CIs whose joint failure takes a service down; "
        "sets of one are single points of failure.",
        directives=[Cost(weight="5000"), *paged("input.first", "cuts")],
    )
    def cut_sets(
        self,
        info: Info,
        input: Annotated[CutSetsInput, strawberry.argument(description="The services and the largest set.")],
    ) -> CutSets:
        return cut_sets_answer(info.context, input, asked(info._raw_info))

    @strawberry.field(
        description="Start-up plan from dark, and the CIs that block each other in it.",
        directives=[Cost(weight="5000"), *paged("input.first", "steps", "deadlocked")],
    )
    def cold_start(
        self, info: Info, input: Annotated[ColdStartInput, strawberry.argument(description="The scope.")]
    ) -> ColdStart:
        return cold_start_answer(info.context, input, asked(info._raw_info))

    @strawberry.field(
        description="The last results of the daily scans, and what is new, gone or changed since the day before.",
        directives=at_most(4),
    )
    def scan_results(
        self,
        info: Info,
        kinds: Annotated[
            list[ScanKind] | None, strawberry.argument(description="Only these scans. Null: all that are kept.")
        ] = strawberry.UNSET,
    ) -> list[ScanResult]:
        chosen = [str(kind) for kind in kinds] if isinstance(kinds, list) else []
        return result_rows(info.context, chosen, asked(info._raw_info))
