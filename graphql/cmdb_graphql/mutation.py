"""The writes: root fields of the schema. Each is one commit, or none."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from cmdb.baselines import Taken
from cmdb.edit import Saved
from cmdb.identity.decide import Decided, Request, decide
from cmdb.identity.undo import undo
from cmdb.ingest import Ingest
from cmdb_graphql.changes import baseline_row
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.edits import input_fields, save_ci, take
from cmdb_graphql.identity import decision_rows
from cmdb_graphql.needs import drop, rows_left, state, stated_row
from cmdb_graphql.planes import SavePlaneInput, SavePlanePayload, ground, plane_row
from cmdb_graphql.prefetch import fill, fill_refs, reference
from cmdb_graphql.record_inputs import (
    SaveRecordInput,
    SaveRecordPayload,
    TransitionInput,
    TransitionPayload,
)
from cmdb_graphql.record_types import Guard
from cmdb_graphql.record_writes import Written, save_record, step_record
from cmdb_graphql.records import record_rows
from cmdb_graphql.refusals import tried, user_error
from cmdb_graphql.requirement_inputs import (
    DeleteRequirementInput,
    DeleteRequirementPayload,
    SaveRequirementInput,
    SaveRequirementPayload,
)
from cmdb_graphql.selection import Selection, asked
from cmdb_graphql.write_types import (
    CreateBaselineInput,
    CreateBaselinePayload,
    DecideIdentityInput,
    DecideIdentityPayload,
    SaveCiInput,
    SaveCiPayload,
    UndoIdentityDecisionInput,
    UndoIdentityDecisionPayload,
)
from cmdb_graphql.written import changes_made, changes_planned


def _writing(info: Info[Any, Any]) -> tuple[Reading, Ingest, Selection]:
    reading: Reading = info.context
    return reading, reading.writer(), asked(info._raw_info)


def _sequence(done: Saved | None) -> int | None:
    """The sequence of the commit that wrote it; None where nothing was, or only the review that keeps it."""
    return done.sequence if done and done.committed and done.held is None else None


def _record(reading: Reading, done: Written | None, selection: Selection) -> Any:
    """The record after a write, or as it would be."""
    if done is None or done.record is None:
        return None
    reading.writer()  # what is read after the write is read anew
    return record_rows(reading, [done.record], selection.below("record"))[0]


def _cis(reading: Reading, ids: tuple[str, ...], selection: Selection) -> list[Any]:
    refs = [reference(item) for item in reading.cis(ids)]
    fill_refs(reading, [r.id for r in refs], selection)
    return refs


def _decided(reading: Reading, done: Decided | None, reason: str, dry_run: bool, selection: Selection) -> list[Any]:
    """What a decision changed or would change."""
    if done is None:
        return []
    if dry_run:
        return changes_planned(reading, done.changes, reading.estate.clock_ms(), reason, selection)
    return changes_made(reading, done.sequences, selection)


@strawberry.type(
    description="Writes. Each takes one `input` with `dryRun` and answers with `userErrors`; one commit per mutation, "
    "or none. Bulk writing is REST."
)
class Mutation:
    @strawberry.mutation(description="Merges, splits, keeps apart or reclassifies CIs; with `dryRun` it simulates.")
    def decide_identity(
        self, info: Info, input: Annotated[DecideIdentityInput, strawberry.argument(description="The decision.")]
    ) -> DecideIdentityPayload:
        reading, ingest, selection = _writing(info)
        request = Request(
            kind=str(input.kind),  # type: ignore[arg-type]  # the enum has these values
            cis=tuple(map(str, input.cis)),
            actor=reading.actor,
            reason=input.reason,
            identifiers=tuple(input.identifiers),
            targets=tuple(input.targets),
            ci_class=str(input.ci_class or ""),
            task=str(input.task or ""),
            despite=input.despite,
            expected_revision=input.expected_version if isinstance(input.expected_version, int) else None,
        )
        done: Decided | None
        done, errors = tried(lambda: decide(ingest, request, input.dry_run))
        decision = None
        if done is not None and not input.dry_run:
            records = reading.store.records(ids=[done.id])
            decision = decision_rows(reading, records, selection.below("decision"))[0]
        return make(  # type: ignore[no-any-return]  # make is untyped
            DecideIdentityPayload,
            user_errors=errors,
            sequence=done.sequence if done and not input.dry_run else None,
            decision=decision,
            cis=_cis(reading, done.cis, selection.below("cis")) if done else [],
            changes=_decided(reading, done, input.reason, input.dry_run, selection.below("changes")),
        )

    @strawberry.mutation(
        description="Takes back an identity decision (un-merge, un-split) by replaying the facets; "
        "with `dryRun` it simulates."
    )
    def undo_identity_decision(
        self, info: Info, input: Annotated[UndoIdentityDecisionInput, strawberry.argument(description="Which one.")]
    ) -> UndoIdentityDecisionPayload:
        reading, ingest, selection = _writing(info)
        done: Decided | None
        done, errors = tried(lambda: undo(ingest, str(input.decision), reading.actor, input.reason, input.dry_run))
        return make(  # type: ignore[no-any-return]  # make is untyped
            UndoIdentityDecisionPayload,
            user_errors=errors,
            sequence=done.sequence if done and not input.dry_run else None,
            cis=_cis(reading, done.cis, selection.below("cis")) if done else [],
            changes=_decided(reading, done, input.reason, input.dry_run, selection.below("changes")),
        )

    @strawberry.mutation(
        description="Creates or edits one CI and its relationships, as an observation of the source `manual` "
        "(or of the token's own source)."
    )
    def save_ci(
        self, info: Info, input: Annotated[SaveCiInput, strawberry.argument(description="The edit.")]
    ) -> SaveCiPayload:
        reading, ingest, selection = _writing(info)
        done: Saved | None
        done, errors = tried(lambda: save_ci(reading, ingest, input), input_fields(input))
        written = done is not None and done.committed and done.held is None
        cis = reading.cis([done.ci]) if done and done.ci else []
        fill(reading, cis, selection.below("ci"))
        below = selection.below("changes")
        if done is None or done.change_set is None:
            changes = []
        elif written:
            changes = changes_made(reading, [done.sequence], below)
        else:
            changes = changes_planned(reading, done.change_set.changes, done.change_set.at, input.reason or "", below)
        return make(  # type: ignore[no-any-return]  # make is untyped
            SaveCiPayload,
            user_errors=errors,
            sequence=done.sequence if done and written else None,
            ci=cis[0] if cis else None,
            changes=changes,
            review=done.held.record if done and done.held else None,
        )

    @strawberry.mutation(description="Creates or replaces a manual requirement.")
    def save_requirement(
        self, info: Info, input: Annotated[SaveRequirementInput, strawberry.argument(description="The requirement.")]
    ) -> SaveRequirementPayload:
        reading, ingest, selection = _writing(info)
        done: Saved | None
        done, errors = tried(lambda: state(reading, ingest, input))
        below = selection.below("requirement")
        return make(  # type: ignore[no-any-return]  # make is untyped
            SaveRequirementPayload,
            user_errors=errors,
            sequence=_sequence(done),
            requirement=stated_row(reading, done, input, below) if done and below.fields else None,
            review=done.held.record if done and done.held else None,
        )

    @strawberry.mutation(description="Removes a manual requirement; a default that it replaced comes back.")
    def delete_requirement(
        self, info: Info, input: Annotated[DeleteRequirementInput, strawberry.argument(description="Which one.")]
    ) -> DeleteRequirementPayload:
        reading, ingest, selection = _writing(info)
        done: Saved | None
        done, errors = tried(lambda: drop(reading, ingest, input))
        below = selection.below("requirements")
        return make(  # type: ignore[no-any-return]  # make is untyped
            DeleteRequirementPayload,
            user_errors=errors,
            sequence=_sequence(done),
            requirements=rows_left(reading, done, input.dry_run, below) if done and below.fields else [],
            review=done.held.record if done and done.held else None,
        )

    @strawberry.mutation(description="Creates a plane or replaces its roots.")
    def save_plane(
        self, info: Info, input: Annotated[SavePlaneInput, strawberry.argument(description="The plane.")]
    ) -> SavePlanePayload:
        reading, ingest, selection = _writing(info)
        done: Saved | None
        done, errors = tried(lambda: ground(reading, ingest, input))
        return make(  # type: ignore[no-any-return]  # make is untyped
            SavePlanePayload,
            user_errors=errors,
            sequence=_sequence(done),
            plane=plane_row(reading, done, input, selection.below("plane")) if done else None,
            review=done.held.record if done and done.held else None,
        )

    @strawberry.mutation(
        description="Creates or edits a service record and its links. Its state moves by `transition` only."
    )
    def save_record(
        self, info: Info, input: Annotated[SaveRecordInput, strawberry.argument(description="The edit.")]
    ) -> SaveRecordPayload:
        reading, ingest, selection = _writing(info)
        done: Written | None
        done, errors = tried(lambda: save_record(reading, ingest, input))
        return make(  # type: ignore[no-any-return]  # make is untyped
            SaveRecordPayload,
            user_errors=errors,
            sequence=done.sequence if done else None,
            record=_record(reading, done, selection),
        )

    @strawberry.mutation(
        description="Steps a record to another state. Its guards are evaluated on the graph and stored; "
        "stepping a change to ASSESS stores an assessment."
    )
    def transition(
        self, info: Info, input: Annotated[TransitionInput, strawberry.argument(description="The step.")]
    ) -> TransitionPayload:
        reading, ingest, selection = _writing(info)
        planned, errors = tried(lambda: step_record(reading, ingest, input))
        done: Written | None = None
        if planned is not None:
            done, errors = tried(planned[0])
        return make(  # type: ignore[no-any-return]  # make is untyped
            TransitionPayload,
            user_errors=errors,
            sequence=done.sequence if done else None,
            record=_record(reading, done, selection),
            guards=[
                make(Guard, name=g.name, holds=g.holds, waivable=False, text=g.text, sequence=g.sequence)
                for g in (planned[1] if planned else ())
            ],
        )

    @strawberry.mutation(description="Names a point in time and a scope. Costs nothing in storage.")
    def create_baseline(
        self,
        info: Info,
        input: Annotated[CreateBaselineInput, strawberry.argument(description="The name and scope.")],
    ) -> CreateBaselinePayload:
        reading, ingest, _ = _writing(info)
        done: Taken | None
        done, errors = tried(lambda: take(reading, ingest, input, info._raw_info))
        if done is not None:
            errors = [user_error(r.code, [r.field], r.message) for r in done.refusals]
        return make(  # type: ignore[no-any-return]  # make is untyped
            CreateBaselinePayload,
            user_errors=errors,
            sequence=done.sequence if done else None,
            baseline=baseline_row(done.baseline) if done and done.baseline and not input.dry_run else None,
        )
