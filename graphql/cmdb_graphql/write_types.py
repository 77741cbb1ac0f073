"""Inputs and answers of the writes."""

from __future__ import annotations

from typing import Any

import strawberry

from cmdb_graphql.common import CiRef
from cmdb_graphql.directives import FREE, at_most
from cmdb_graphql.enums import CiClass, CiStatus, IdentityDecisionKind, UserErrorCode
from cmdb_graphql.filters import CiFilter
from cmdb_graphql.history_types import Baseline, FactChange, PointInTime
from cmdb_graphql.identity_types import IdentityDecision
from cmdb_graphql.items import ConfigurationItem
from cmdb_graphql.scalars import AttributeValue

_UNSET: Any = strawberry.UNSET
_REASON = "Why; goes into the ledger."
_DRY_RUN = "True: answer what would happen, write nothing."
_CHANGES = "What changed or would change, at most 200."


@strawberry.type(
    description="One entry of a list of user errors: the input was understood and refused.", directives=FREE
)
class UserError:
    field_: list[str] = strawberry.field(
        name="field",
        description='Path to the input field, for example ["input", "attributes", "0", "value"]; '
        "empty: the input as a whole.",
    )
    code: UserErrorCode = strawberry.field(description="What kind of error.")
    message: str = strawberry.field(description="What was wrong and what to do, in English.")


@strawberry.interface(description="What every mutation answers.")
class MutationPayload:
    user_errors: list[UserError] = strawberry.field(
        description="Why nothing was written; empty: it was done, or with `dryRun` would be done.",
        directives=at_most(100),
    )
    sequence: int | None = strawberry.field(
        description="Sequence of the commit made. Null: nothing was written (errors, `dryRun`, or nothing to change)."
    )


@strawberry.input(description="A decision on identity.")
class DecideIdentityInput:
    kind: IdentityDecisionKind = strawberry.field(description="What.")
    cis: list[strawberry.ID] = strawberry.field(
        description="The CIs concerned: 2 to 10 to merge or keep apart (the first is kept), 1 to split or reclassify."
    )
    identifiers: list[str] = strawberry.field(
        default_factory=list,
        description="To split: identifiers that belong to the new CI, whole keys; facets follow them.",
    )
    targets: list[str] = strawberry.field(
        default_factory=list, description="To split: targets whose facets belong to the new CI."
    )
    ci_class: CiClass | None = strawberry.field(name="class", default=_UNSET, description="To reclassify: the class.")
    task: strawberry.ID | None = strawberry.field(default=_UNSET, description="Id of the task that this settles.")
    despite: bool = strawberry.field(
        default=False,
        description="True: merge although strong identifiers contradict each other or a decision keeps the CIs apart.",
    )
    reason: str = strawberry.field(description=_REASON)
    expected_version: int | None = strawberry.field(
        default=_UNSET, description="Fail with VERSION_CONFLICT if the first CI's `revision` is another."
    )
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.type(description="Result of `decideIdentity`.")
class DecideIdentityPayload(MutationPayload):
    decision: IdentityDecision | None = strawberry.field(description="The decision. Null: errors or `dryRun`.")
    cis: list[CiRef] = strawberry.field(
        description="The CIs after it; new ones have no id in a `dryRun` and are left out.", directives=at_most(10)
    )
    changes: list[FactChange] = strawberry.field(description=_CHANGES, directives=at_most(200))


@strawberry.input(description="A decision to take back.")
class UndoIdentityDecisionInput:
    decision: strawberry.ID = strawberry.field(description="Id of the decision.")
    reason: str = strawberry.field(description=_REASON)
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.type(description="Result of `undoIdentityDecision`.")
class UndoIdentityDecisionPayload(MutationPayload):
    cis: list[CiRef] = strawberry.field(description="The CIs after it.", directives=at_most(10))
    changes: list[FactChange] = strawberry.field(description=_CHANGES, directives=at_most(200))


@strawberry.input(description="One attribute to set.")
class AttributeInput:
    name: str = strawberry.field(description="Name as in the export.")
    value: AttributeValue | None = strawberry.field(
        default=_UNSET, description="The value. Null: withdraw what this source said; the next best claim wins."
    )


@strawberry.input(description="Edit of one CI. What is not given stays as it is.")
class SaveCiInput:
    id: strawberry.ID | None = strawberry.field(
        default=_UNSET, description="Id of the CI. Not given: identify by `identifiers`, else create."
    )
    ci_class: CiClass | None = strawberry.field(name="class", default=_UNSET, description="Class. Required to create.")
    name: str | None = strawberry.field(
        default=_UNSET, description="Name. Required to create. Null: withdraw what people said."
    )
    status: CiStatus | None = strawberry.field(
        default=_UNSET, description="Status. Null: withdraw what people said; it follows from what others see."
    )
    attributes: list[AttributeInput] = strawberry.field(default_factory=list, description="Attributes, at most 100.")
    identifiers: list[str] = strawberry.field(
        default_factory=list,
        description="Whole keys, at most 20: those of the new CI, or some that the CI to edit has already.",
    )
    lock: list[str] = strawberry.field(
        default_factory=list,
        description="Attributes whose value is to hold whatever other sources say, at most 100: "
        "the value given here, else the one that it has.",
    )
    unlock: list[str] = strawberry.field(
        default_factory=list,
        description="Attributes of which the lock and the value that it held are taken back, at most 100.",
    )
    reason: str | None = strawberry.field(default=_UNSET, description=_REASON)
    expected_version: int | None = strawberry.field(
        default=_UNSET, description="Fail with VERSION_CONFLICT if `revision` is another."
    )
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.type(description="Result of `saveCi`.")
class SaveCiPayload(MutationPayload):
    ci: ConfigurationItem | None = strawberry.field(
        description="The CI after the edit. Null: errors, or `dryRun` of a new CI, or a new CI that waits for review."
    )
    changes: list[FactChange] = strawberry.field(description=_CHANGES, directives=at_most(200))
    review: strawberry.ID | None = strawberry.field(
        description="Review in which the edit waits for another person, or with `dryRun` would wait: `changes` are "
        "what it would change, and `sequence` is null. Null: it waits for nobody."
    )


@strawberry.input(description="A baseline.")
class CreateBaselineInput:
    name: str = strawberry.field(description="Name, unique.")
    at: PointInTime | None = strawberry.field(default=_UNSET, description="Point in time. Not given: now.")
    filter: CiFilter | None = strawberry.field(default=_UNSET, description="Scope. Not given: everything.")
    record: strawberry.ID | None = strawberry.field(
        default=_UNSET, description="Id or number of the change or release it is taken for."
    )
    reason: str | None = strawberry.field(default=_UNSET, description=_REASON)
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.type(description="Result of `createBaseline`.")
class CreateBaselinePayload(MutationPayload):
    baseline: Baseline | None = strawberry.field(description="The baseline. Null: errors or `dryRun`.")
