"""The types of provenance: identifiers, origins, attributes with their claims."""

from __future__ import annotations

import strawberry

from cmdb_graphql.directives import QUARTER, at_most
from cmdb_graphql.enums import ClaimVerdict, OriginRole
from cmdb_graphql.scalars import AttributeValue, DateTime


@strawberry.type(description="A key that names a CI.", directives=QUARTER)
class Identifier:
    key: str = strawberry.field(description="The whole key, for example serial:cisco:FOC1234X0AB.")
    strong: bool = strawberry.field(description="True if one match is enough to identify.")
    source: str = strawberry.field(description="Source that said it last.")
    last_seen: DateTime = strawberry.field(description="When it was last said.")


@strawberry.type(description="A source and a target through which a CI was seen.", directives=QUARTER)
class Origin:
    source: str = strawberry.field(description="The source.")
    target: str | None = strawberry.field(description="The target's name. Null: pushed or entered by hand.")
    role: OriginRole = strawberry.field(
        description="Whether the CI belongs to the target, or the target merely told of it."
    )
    last_seen: DateTime = strawberry.field(description="When it was last seen so.")


@strawberry.type(description="What one source says about one attribute.", directives=QUARTER)
class Claim:
    source: str = strawberry.field(description="The source.")
    target: str | None = strawberry.field(description="The target that was asked. Null: pushed or entered by hand.")
    value: AttributeValue | None = strawberry.field(
        description="What it says, as it was said. Null: it says that there is none."
    )
    observed_at: DateTime = strawberry.field(description="When it was seen at the target.")
    precedence: int = strawberry.field(
        description="Precedence of the source for this class and attribute; the larger wins."
    )
    verdict: ClaimVerdict = strawberry.field(description="Why it won or lost.")


@strawberry.type(description="One attribute of a CI or relationship, with provenance.", directives=QUARTER)
class Attribute:
    name: str = strawberry.field(description="Name as in the export, for example serial_number.")
    value: AttributeValue | None = strawberry.field(description="The value that won. Null: every claim was refused.")
    source: str | None = strawberry.field(description="Source of the value that won. Null: every claim was refused.")
    claims: list[Claim] = strawberry.field(
        description="What every source says, the winner first.", directives=at_most(10)
    )
