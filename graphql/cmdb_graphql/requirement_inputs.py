"""Inputs and answers of the writes of requirements."""

from __future__ import annotations

from typing import Any

import strawberry

from cmdb_graphql.directives import at_most
from cmdb_graphql.enums import OnLoss, Pass
from cmdb_graphql.requirements import Requirement
from cmdb_graphql.write_types import MutationPayload

_UNSET: Any = strawberry.UNSET
_REASON = "Why; goes into the ledger."
_DRY_RUN = "True: answer what would happen, write nothing."
_EXPECTED = "Fail with VERSION_CONFLICT if the owner's `revision` is another."
_REVIEW = (
    "Review in which the statement waits for another person, or with `dryRun` would wait; `sequence` is null. "
    "Null: it waits for nobody."
)


@strawberry.input(description="One provider to state.")
class ProviderInput:
    ci: strawberry.ID = strawberry.field(description="The CI that provides.")
    weight: int = strawberry.field(default=1, description="How much it counts, 1 to 1,000,000.")
    connected: str | None = strawberry.field(
        default=_UNSET, description="Plane in which it must have a path to a root. Not given: it must be up."
    )


@strawberry.input(description="A manual requirement. All fields are replaced.")
class SaveRequirementInput:
    id: strawberry.ID | None = strawberry.field(default=_UNSET, description="Id of the requirement. Not given: create.")
    owner: strawberry.ID = strawberry.field(description="The CI that needs.")
    needed: int = strawberry.field(description="Weight that must work, 0 to the weight of all providers.")
    providers: list[ProviderInput] = strawberry.field(description="1 to 1,000 providers.")
    on_loss: OnLoss = strawberry.field(
        default=OnLoss("AT_RISK"),
        description="What the owner becomes when a provider is lost and the requirement still holds.",
    )
    pass_: Pass = strawberry.field(
        name="pass", default=Pass("NEEDED"), description="Whether ill health of providers passes on."
    )
    reason: str | None = strawberry.field(default=_UNSET, description=_REASON)
    expected_version: int | None = strawberry.field(default=_UNSET, description=_EXPECTED)
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.type(description="Result of `saveRequirement`.")
class SaveRequirementPayload(MutationPayload):
    requirement: Requirement | None = strawberry.field(description="The requirement. Null: errors.")
    review: strawberry.ID | None = strawberry.field(description=_REVIEW)


@strawberry.input(description="Which requirement to remove.")
class DeleteRequirementInput:
    id: strawberry.ID = strawberry.field(description="Id of a requirement of origin MANUAL.")
    reason: str | None = strawberry.field(default=_UNSET, description=_REASON)
    expected_version: int | None = strawberry.field(default=_UNSET, description=_EXPECTED)
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.type(description="Result of `deleteRequirement`.")
class DeleteRequirementPayload(MutationPayload):
    requirements: list[Requirement] = strawberry.field(
        description="What holds for the owner now, at most 20.", directives=at_most(20)
    )
    review: strawberry.ID | None = strawberry.field(description=_REVIEW)
