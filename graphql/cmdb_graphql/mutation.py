"""The writes: root fields of the schema. Each is one commit, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from cmdb.errors import CmdbError, Invalid, LimitExceeded, NotFound, Refused
from cmdb.identity.decide import Decided, Request, decide
from cmdb.identity.undo import undo
from cmdb.ingest import Ingest
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.identity import decision_rows
from cmdb_graphql.items import camel
from cmdb_graphql.prefetch import fill_refs, reference
from cmdb_graphql.selection import Selection, asked
from cmdb_graphql.write_types import (
    DecideIdentityInput,
    DecideIdentityPayload,
    UndoIdentityDecisionInput,
    UndoIdentityDecisionPayload,
    UserError,
)


def _writing(info: Info[Any, Any]) -> tuple[Reading, Ingest, Selection]:
    reading: Reading = info.context
    return reading, reading.writer(), asked(info._raw_info)


def tried(write: Callable[[], Any]) -> tuple[Any, list[UserError]]:
    """What a write gives, or why it was refused; what is not the user's to mend goes on as an error of the request."""
    try:
        return write(), []
    except Refused as error:
        return None, [_user_error(error.code, ["input", camel(error.field)], error)]
    except LimitExceeded as error:
        return None, [_user_error("TOO_MANY", [], error)]
    except NotFound as error:
        return None, [_user_error("NOT_FOUND", [], error)]
    except Invalid as error:
        return None, [_user_error("INVALID", [], error)]


def _user_error(code: str, field: list[str], error: CmdbError) -> UserError:
    made: UserError = make(UserError, field_=field, code=code, message=str(error))
    return made


def _cis(reading: Reading, ids: tuple[str, ...], selection: Selection) -> list[Any]:
    refs = [reference(item) for item in reading.cis(ids)]
    fill_refs(reading, [r.id for r in refs], selection)
    return refs


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
        )
