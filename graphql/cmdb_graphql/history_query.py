"""Root fields about what changed."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry.types import Info

from cmdb_graphql.changes import baselines_page, diff_row, history_page
from cmdb_graphql.directives import Cost, paged
from cmdb_graphql.history_types import BaselineConnection, Diff, DiffInput, FactChangeConnection, First, HistoryFilter

_UNSET = strawberry.UNSET
FromNewest = Annotated[
    str | None, strawberry.argument(description="`endCursor` of the page before. Null: from the newest.")
]


@strawberry.type
class HistoryQuery:
    """The part of the query type that is about history."""

    @strawberry.field(
        description="Recorded changes of facts, newest first: who changed what, when, why.",
        directives=paged("first", "nodes"),
    )
    def history(
        self,
        info: Info,
        filter: Annotated[
            HistoryFilter | None, strawberry.argument(description="Conditions; null: everything.")
        ] = _UNSET,
        first: First = 50,
        after: FromNewest = _UNSET,
    ) -> FactChangeConnection:
        return history_page(info, filter or None, first, after or None)

    @strawberry.field(
        description="Net differences between two points in time within a scope.", directives=[Cost(weight="500")]
    )
    def diff(
        self, info: Info, input: Annotated[DiffInput, strawberry.argument(description="What to compare.")]
    ) -> Diff:
        return diff_row(info.context, input)

    @strawberry.field(description="Baselines, newest first.", directives=paged("first", "nodes"))
    def baselines(self, info: Info, first: First = 50, after: FromNewest = _UNSET) -> BaselineConnection:
        return baselines_page(info.context, first, after or None)
