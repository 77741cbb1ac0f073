"""How complete what is known of a CI is, as GraphQL shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from cmdb_graphql.common import PageInfo
from cmdb_graphql.directives import FREE, QUARTER, at_most
from cmdb_graphql.enums import CompletenessItem, CompletenessState
from cmdb_graphql.scalars import DateTime

if TYPE_CHECKING:
    from cmdb_graphql.items import ConfigurationItem


@strawberry.type(description="One item that is asked of a CI, and what answers it.", directives=QUARTER)
class CompletenessAnswer:
    item: CompletenessItem = strawberry.field(description="Which item.")
    state: CompletenessState = strawberry.field(description="Whether something answers it.")
    text: str = strawberry.field(description="What answers it, or why nothing does.")
    source: str | None = strawberry.field(description="Source that says so. Null: it follows from several facts.")
    last_seen: DateTime | None = strawberry.field(
        description="When the source said so last. Null: it follows from several facts."
    )


@strawberry.type(description="The eight items that ISO/IEC 20000-1:2011, 9.1 asks of each CI.")
class Completeness:
    score: float = strawberry.field(description="Share of the items that apply that are answered, 0 to 1.")
    missing: list[CompletenessItem] = strawberry.field(description="Items that nothing answers.")
    answers: list[CompletenessAnswer] = strawberry.field(
        description="All eight, in the order of the standard.", directives=at_most(8)
    )


@strawberry.type(description="How many CIs lack an item.", directives=QUARTER)
class ItemCount:
    item: CompletenessItem = strawberry.field(description="Which item.")
    cis: int = strawberry.field(description="How many lack it.")


@strawberry.type(description="Page of CIs that lack something.", directives=FREE)
class IncompleteCiConnection:
    nodes: list[Annotated[ConfigurationItem, strawberry.lazy("cmdb_graphql.items")]] = strawberry.field(
        description="The CIs."
    )
    page_info: PageInfo = strawberry.field(
        description="Position of the page. A page may hold less than `first`, even nothing, though there is more: "
        "one request judges 1,000 CIs."
    )
