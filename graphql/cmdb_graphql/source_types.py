"""Sources and their precedence, as GraphQL shows them."""

from __future__ import annotations

import strawberry

from cmdb_graphql.common import Node
from cmdb_graphql.directives import QUARTER, at_most
from cmdb_graphql.enums import CiClass
from cmdb_graphql.scalars import DateTime


@strawberry.type(description="Another precedence for one class, attribute or both.", directives=QUARTER)
class PrecedenceRule:
    ci_class: CiClass | None = strawberry.field(name="class", description="Class. Null: all.")
    attribute: str | None = strawberry.field(description="Attribute. Null: all.")
    precedence: int = strawberry.field(description="Precedence.")


@strawberry.type(description="Who says things, and how much its word counts.")
class Source(Node):
    name: str = strawberry.field(description="Name, for example snmp, ssh, manual or alertmanager:prod.")
    precedence: int = strawberry.field(description="Precedence where no rule says otherwise; the larger wins.")
    rules: list[PrecedenceRule] = strawberry.field(
        description="Exceptions by class and attribute.", directives=at_most(100)
    )
    stale_after_hours: float | None = strawberry.field(
        description="Hours after which an unconfirmed statement is stale. Null: never."
    )
    may_create: bool = strawberry.field(description="True if it may create CIs; false: it only adds to known ones.")
    last_seen: DateTime | None = strawberry.field(description="When it last said something. Null: never.")
