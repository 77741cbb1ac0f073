"""Inputs and answers of the writes of service records."""

from __future__ import annotations

from typing import Any

import strawberry

from cmdb_graphql.directives import at_most
from cmdb_graphql.enums import ChangeCategory, CiClass, RecordCiRole, RecordState, SeedKind
from cmdb_graphql.plan_types import WindowInput
from cmdb_graphql.record_types import Guard, Record
from cmdb_graphql.scalars import DateTime
from cmdb_graphql.write_types import MutationPayload

_UNSET: Any = strawberry.UNSET
_REASON = "Why; goes into the ledger."


@strawberry.input(description="One CI of a record.")
class RecordCiInput:
    ci: strawberry.ID = strawberry.field(description="The CI.")
    role: RecordCiRole = strawberry.field(default=RecordCiRole("SUBJECT"), description="What it is to the record.")
    effect: SeedKind | None = strawberry.field(
        default=_UNSET,
        description="What happens to it. Not given: as a SUBJECT, DOWN in an incident, MAINTENANCE in a change, "
        "RELEASE in a release; else nothing.",
    )


@strawberry.input(description="Fields of an incident.")
class IncidentInput:
    priority: int | None = strawberry.field(
        default=_UNSET, description="1 (highest) to 4. Null: the computed one holds."
    )
    major: bool | None = strawberry.field(default=_UNSET, description="True if handled as a major incident.")
    started_at: DateTime | None = strawberry.field(
        default=_UNSET, description="When the disturbance began. Not given on creation: now."
    )
    urgency: int | None = strawberry.field(
        default=_UNSET, description="On creation: 1 to 3. Not given: 1, now and no workaround."
    )


@strawberry.input(description="Fields of a known error.")
class KnownErrorInput:
    workaround: str | None = strawberry.field(default=_UNSET, description="What to do meanwhile.")
    symptom: str | None = strawberry.field(default=_UNSET, description="What one sees.")
    fix: str | None = strawberry.field(default=_UNSET, description="Where the fix is.")
    match_class: CiClass | None = strawberry.field(
        default=_UNSET, description="Class of the CIs that have it; with vendor, model or versions."
    )
    vendor: str | None = strawberry.field(default=_UNSET, description="Maker of the model that has it.")
    model: str | None = strawberry.field(default=_UNSET, description="Model that has it.")
    versions: list[str] | None = strawberry.field(default=_UNSET, description="Versions that have it.")


@strawberry.input(description="Fields of a change.")
class ChangeInput:
    category: ChangeCategory | None = strawberry.field(
        default=_UNSET, description="How it is decided. Not given on creation: NORMAL."
    )
    window: WindowInput | None = strawberry.field(default=_UNSET, description="When.")
    backout: str | None = strawberry.field(default=_UNSET, description="How to go back.")
    risk: str | None = strawberry.field(default=_UNSET, description="What could go wrong.")


@strawberry.input(description="A version: of an attribute, or of a product that is installed.")
class VersionFactInput:
    what: str = strawberry.field(description="An attribute, such as os_version, or product:NAME.")
    version: str = strawberry.field(description="The version.")


@strawberry.input(description="Fields of a release.")
class ReleaseInput:
    window: WindowInput | None = strawberry.field(default=_UNSET, description="When.")
    version_name: str | None = strawberry.field(default=_UNSET, description="Version name.")
    baseline: strawberry.ID | None = strawberry.field(default=_UNSET, description="Id of the baseline taken before it.")
    contents: list[VersionFactInput] | None = strawberry.field(
        default=_UNSET, description="The versions that it brings, at most 20."
    )
    tested: list[VersionFactInput] | None = strawberry.field(
        default=_UNSET, description="The versions with which it was tested, at most 20."
    )


@strawberry.input(description="Exactly one: the type of the record and its own fields.", one_of=True)
class RecordDetailsInput:
    incident: IncidentInput | None = strawberry.field(default=_UNSET, description="An incident.")
    known_error: KnownErrorInput | None = strawberry.field(default=_UNSET, description="A known error.")
    change: ChangeInput | None = strawberry.field(default=_UNSET, description="A change.")
    release: ReleaseInput | None = strawberry.field(default=_UNSET, description="A release.")


@strawberry.input(description="Edit of a record. What is not given stays as it is; a null clears.")
class SaveRecordInput:
    id: strawberry.ID | None = strawberry.field(
        default=_UNSET, description="Id or number of the record. Not given: create."
    )
    title: str | None = strawberry.field(default=_UNSET, description="Short text. Required to create.")
    description: str | None = strawberry.field(default=_UNSET, description="Long text.")
    assignee: str | None = strawberry.field(default=_UNSET, description="User login or group.")
    add_cis: list[RecordCiInput] = strawberry.field(
        default_factory=list, description="CIs to add, or to give another role, at most 1,000."
    )
    remove_cis: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of CIs to remove, at most 1,000."
    )
    details: RecordDetailsInput | None = strawberry.field(
        default=_UNSET,
        description="What only this type of record has. Its member also says the type: required to create.",
    )
    reason: str | None = strawberry.field(default=_UNSET, description=_REASON)
    expected_version: int | None = strawberry.field(
        default=_UNSET, description="Fail with VERSION_CONFLICT if `revision` is another."
    )
    dry_run: bool = strawberry.field(default=False, description="True: answer what would happen, write nothing.")


@strawberry.type(description="Result of `saveRecord`.")
class SaveRecordPayload(MutationPayload):
    record: Record | None = strawberry.field(
        description="The record after the edit. Null: errors, or `dryRun` of a new record."
    )


@strawberry.input(description="A guard to waive.")
class WaiverInput:
    guard: str = strawberry.field(description="Name of the guard.")
    reason: str = strawberry.field(description=_REASON)


@strawberry.input(description="A step of a record.")
class TransitionInput:
    record: strawberry.ID = strawberry.field(description="Id or number of the record.")
    to: RecordState = strawberry.field(description="State after.")
    expected_version: int = strawberry.field(description="Fail with VERSION_CONFLICT if `revision` is another.")
    reason: str | None = strawberry.field(default=_UNSET, description=_REASON)
    waive: list[WaiverInput] = strawberry.field(default_factory=list, description="Guards to waive, at most 20.")
    dry_run: bool = strawberry.field(default=False, description="True: answer what is missing, write nothing.")


@strawberry.type(description="Result of `transition`.")
class TransitionPayload(MutationPayload):
    record: Record | None = strawberry.field(description="The record after it. Null: errors.")
    guards: list[Guard] = strawberry.field(
        description="All guards of the step, those that do not hold first; also with errors and `dryRun`.",
        directives=at_most(20),
    )
