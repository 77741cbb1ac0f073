"""The ledger, identity tasks and the asking side, as GraphQL shows them."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from cmdb_graphql.common import CiRef, Node, PageInfo
from cmdb_graphql.directives import FREE, Cost, at_most, paged
from cmdb_graphql.enums import ErrorCode, IdentityDecisionKind, Role, TaskKind, TaskState
from cmdb_graphql.history_types import FactChangeConnection, First, FromStart
from cmdb_graphql.identity_types import IdentityDecision, IdentityEvidence
from cmdb_graphql.scalars import DateTime

FORMULA = """\
Cost formula, in words, with its number. It changes only with a new number and a note in the change log.
Formula 1: cost(field) = base + given + n x (unit + sum of cost(children)).
base: @cost of the field, else 0. \
given: @cost of every argument and input field the request gives, defaults not counted.
n: 1, or the bound of a list (first argument of @listSize that has a value, else assumedSize). \
unit: @cost of the type, else 1; 0 for scalars and enums.
Fragments on different types are added. The cost of a request is the sum over its root fields, rounded up.
`requested` in `extensions.cost` is this bound; \
`actual` puts the entries that were returned for n, and is what is charged."""
_COUNTED = "Number of all matches, counted only when asked for. Null: more than 100,000."


@strawberry.type(description="One atomic write.")
class Commit:
    sequence: int = strawberry.field(description="Number, from 1, without gaps.")
    at: DateTime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Who: user, token or collector.")
    reason: str | None = strawberry.field(description="Why. Null: not said.")
    size: int = strawberry.field(description="Facts changed.")
    previous_hash: str = strawberry.field(
        description="Hash of the commit before, SHA-256 in hex; of the first: 64 zeros."
    )
    hash: str = strawberry.field(description="Hash over this commit and `previousHash`, SHA-256 in hex.")

    @strawberry.field(description="The facts.", directives=paged("first", "nodes"))
    def changes(self, info: Info, first: First = 50, after: FromStart = strawberry.UNSET) -> FactChangeConnection:
        row: Any = self
        page: FactChangeConnection = row.changes_page(info, first, after or None)
        return page


@strawberry.input(description="Conditions on commits. All that are given must hold.")
class CommitFilter:
    after_sequence: int | None = strawberry.field(
        default=strawberry.UNSET, description="With a larger sequence than this."
    )


@strawberry.type(description="Page of commits.", directives=FREE)
class CommitConnection:
    nodes: list[Commit] = strawberry.field(description="The commits.")
    page_info: PageInfo = strawberry.field(description="Position of the page.")
    total_count: int | None = strawberry.field(description=_COUNTED, directives=[Cost(weight="100")])


@strawberry.type(description="Result of checking the chain.")
class LedgerCheck:
    first: int = strawberry.field(name="from", description="First sequence checked.")
    last: int = strawberry.field(name="to", description="Last sequence checked.")
    at: DateTime = strawberry.field(description="When.")
    intact: bool = strawberry.field(description="True if every hash fits.")
    replayed: bool = strawberry.field(
        description="True if replaying also gave the graph; false: replay was not part of the check, or differed."
    )
    first_bad: int | None = strawberry.field(description="First sequence that does not fit. Null: intact.")
    hash: str = strawberry.field(description="Hash of `to`, to compare with one kept elsewhere.")


@strawberry.type(description="The chain of all commits.")
class Ledger:
    head: Commit = strawberry.field(description="Newest commit.")
    last_verification: LedgerCheck | None = strawberry.field(
        description="Latest full verification with replay. Null: never made."
    )


@strawberry.type(description="A question of identity that needs a person.")
class IdentityTask(Node):
    kind: TaskKind = strawberry.field(description="What kind.")
    state: TaskState = strawberry.field(description="State.")
    cis: list[CiRef] = strawberry.field(description="The CIs concerned.", directives=at_most(10))
    text: str = strawberry.field(description="The question, in English.")
    evidence: list[IdentityEvidence] = strawberry.field(
        description="What speaks for and against, strongest first.", directives=at_most(50)
    )
    proposal: IdentityDecisionKind | None = strawberry.field(
        description="What the rules would do if they were surer. Null: nothing."
    )
    created_at: DateTime = strawberry.field(description="When it arose.")
    decision: IdentityDecision | None = strawberry.field(
        description="The decision that settled it. Null: open, or settled by later observations."
    )


@strawberry.type(description="Page of identity tasks.", directives=FREE)
class IdentityTaskConnection:
    nodes: list[IdentityTask] = strawberry.field(description="The identity tasks.")
    page_info: PageInfo = strawberry.field(description="Position of the page.")
    total_count: int | None = strawberry.field(description=_COUNTED, directives=[Cost(weight="100")])


@strawberry.type(description="Who is asking.")
class Viewer:
    role: Role = strawberry.field(description="Role that holds for this request.")
    source: str = strawberry.field(description="Source its writes are recorded under.")


@strawberry.type(description="Limits of one request and of the asking token.", directives=FREE)
class Limits:
    cost_formula: str = strawberry.field(description=FORMULA)
    cost: int = strawberry.field(description="Largest cost of a request.")
    body_bytes: int = strawberry.field(description="Largest body in bytes.")
    document_tokens: int = strawberry.field(description="Most tokens in a document.")
    depth: int = strawberry.field(description="Deepest nesting of fields.")
    fields: int = strawberry.field(description="Most fields in a document, fragments expanded.")
    aliases: int = strawberry.field(description="Most aliases in a document, fragments expanded.")
    root_fields: int = strawberry.field(description="Most root fields.")
    timeout_seconds: float = strawberry.field(description="Longest execution in seconds.")
    error_codes: list[ErrorCode] = strawberry.field(description="All codes of top-level errors.")
