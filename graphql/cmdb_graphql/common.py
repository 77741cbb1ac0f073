"""Types that every part of the schema uses: nodes, pages, references, evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types import Info

from cmdb_graphql.directives import FREE, QUARTER
from cmdb_graphql.enums import CiClass
from cmdb_graphql.scalars import DateTime

if TYPE_CHECKING:
    from cmdb_graphql.items import ConfigurationItem


def make(kind: type, /, **fields: Any) -> Any:
    """An instance of a strawberry type from plain attributes, without its slow `__init__`."""
    made: Any = object.__new__(kind)
    made.__dict__.update(fields)
    return made


@strawberry.interface(description="An object with an id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, unique among all objects, never changes, never reused.")


@strawberry.type(description="Position of a page in its list.", directives=FREE)
class PageInfo:
    has_next_page: bool = strawberry.field(description="True if there is more behind this page.")
    end_cursor: str | None = strawberry.field(
        description="Pass as `after` to read on. Null: there is nothing behind this page."
    )


@strawberry.type(
    description="A CI named, not read. One that the reader may not see keeps its place, with the name (hidden).",
    directives=QUARTER,
)
class CiRef:
    id: strawberry.ID = strawberry.field(description="Id of the CI.")
    ci_class: CiClass = strawberry.field(name="class", description="Class at the point in time of the answer.")
    name: str = strawberry.field(description="Name at the point in time of the answer.")

    @strawberry.field(
        description="The whole CI, read at the same sequence. "
        "Null: it did not exist then, exists no more, or the reader may not see it."
    )
    def item(self, info: Info) -> Annotated[ConfigurationItem, strawberry.lazy("cmdb_graphql.items")] | None:
        found: ConfigurationItem | None = info.context.items.get(self.id)
        return found


@strawberry.type(description="Why a fact is believed.", directives=QUARTER)
class Evidence:
    source: str = strawberry.field(description="Source that says so.")
    target: str | None = strawberry.field(description="Target that was asked. Null: pushed or entered by hand.")
    method: str = strawberry.field(description="How it was seen: lldp, cdp, fdb, arp, process, manual, …")
    last_seen: DateTime = strawberry.field(description="When it was last seen.")
