"""The reads: root fields of the schema."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from graphql import GraphQLResolveInfo
from strawberry.types import Info

from cmdb.errors import AmbiguousKey
from cmdb.store.protocol import CIRef as StoredRef
from cmdb_graphql.alarms import AlarmQuery
from cmdb_graphql.catalogue import Catalogue, catalogue
from cmdb_graphql.causes import CauseQuery
from cmdb_graphql.common import Node, PageInfo, make
from cmdb_graphql.completeness import incomplete_page
from cmdb_graphql.completeness_types import IncompleteCiConnection
from cmdb_graphql.context import Reading
from cmdb_graphql.directives import Cost, at_most, paged
from cmdb_graphql.enums import CompletenessItem, ErrorCode, ReviewState, TaskKind, TaskState
from cmdb_graphql.errors import BadInput
from cmdb_graphql.filters import CiFilter, CiOrder
from cmdb_graphql.history_query import HistoryQuery
from cmdb_graphql.impact_types import Impact, ImpactInput
from cmdb_graphql.items import CLASSES, CiConnection, ConfigurationItem
from cmdb_graphql.judge import judge
from cmdb_graphql.ledger import checked_range, commit_row, commits_page, head_row, last_check
from cmdb_graphql.ledger_types import (
    FORMULA,
    Commit,
    CommitConnection,
    CommitFilter,
    IdentityTaskConnection,
    Ledger,
    LedgerCheck,
    Limits,
    Viewer,
)
from cmdb_graphql.nodes import find_nodes
from cmdb_graphql.plan_query import PlanQuery
from cmdb_graphql.prefetch import check_first, fill, fill_refs
from cmdb_graphql.record_types import AuditPlan, Record, RecordConnection, RecordFilter, Review
from cmdb_graphql.records import one_record, plan_rows, records_page, review_rows
from cmdb_graphql.releases import ReleaseQuery
from cmdb_graphql.requirements import Plane
from cmdb_graphql.scalars import DateTime
from cmdb_graphql.scan_query import ScanQuery
from cmdb_graphql.selection import asked
from cmdb_graphql.source_types import Source
from cmdb_graphql.sources import source_rows
from cmdb_graphql.tasks import tasks_page
from cmdb_graphql.where import orders, where

_UNSET = strawberry.UNSET
First = Annotated[int, strawberry.argument(description="Page size, 1 to 200.")]
FromStart = Annotated[
    str | None, strawberry.argument(description="`endCursor` of the page before. Null: from the start.")
]
FromNewest = Annotated[
    str | None, strawberry.argument(description="`endCursor` of the page before. Null: from the newest.")
]
FromOldest = Annotated[
    str | None, strawberry.argument(description="`endCursor` of the page before. Null: from the oldest.")
]
MAX_IDS = 200


_AT_TIME = "Read as it was at this time. Null: now. Not together with `sequence`."
_AT_SEQUENCE = "Read as it was after this commit. Null: now."
CiAsOf = Annotated[DateTime | None, strawberry.argument(description=_AT_TIME, directives=[Cost(weight="10")])]
CiSequence = Annotated[int | None, strawberry.argument(description=_AT_SEQUENCE, directives=[Cost(weight="10")])]
CisAsOf = Annotated[DateTime | None, strawberry.argument(description=_AT_TIME, directives=[Cost(weight="50")])]
CisSequence = Annotated[int | None, strawberry.argument(description=_AT_SEQUENCE, directives=[Cost(weight="50")])]


def _reading(info: Info[Any, Any]) -> tuple[Reading, GraphQLResolveInfo[Any]]:
    reading: Reading = info.context
    return reading, info._raw_info


def _past(reading: Reading, as_of: Any, sequence: Any) -> Reading:
    """The reads at the moment that an argument names, or now."""
    return reading.as_of(as_of if isinstance(as_of, int) else None, sequence if isinstance(sequence, int) else None)


def one_by_key(reading: Reading, key: str) -> StoredRef | None:
    """The CI that an id, an identifier or a unique name means; raises AmbiguousKey."""
    found = [r for r in reading.graph.resolve(key) if r.ci_class in CLASSES]
    if len(found) > 1:
        raise AmbiguousKey(key, [(r.id, r.ci_class, r.name) for r in found])
    return found[0] if found else None


@strawberry.type(
    description="Reads. A read that cannot be answered fails as a whole with a top-level error code; see `ErrorCode`."
)
class Query(HistoryQuery, ScanQuery, PlanQuery, CauseQuery, AlarmQuery, ReleaseQuery):
    @strawberry.field(description="Any object by its id. Null: no such object now.")
    def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Opaque id.")]
    ) -> Node | None:
        reading, raw = _reading(info)
        found = find_nodes(reading, [id], asked(raw))
        return found[0] if found else None

    @strawberry.field(
        description="Objects by id, in the order asked. An id that names nothing is left out.",
        directives=paged("ids"),
    )
    def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="1 to 200 opaque ids.")]
    ) -> list[Node]:
        if not 1 <= len(ids) <= MAX_IDS:
            raise BadInput("ids", f"ids: 1 to {MAX_IDS} of them, not {len(ids):,}")
        reading, raw = _reading(info)
        return find_nodes(reading, list(ids), asked(raw))

    @strawberry.field(
        description="One configuration item, by exactly one of `id` and `key`. Null: none at that time. "
        "A key that names several CIs is the error AMBIGUOUS_KEY with the candidates."
    )
    def ci(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Opaque id.")] = _UNSET,
        key: Annotated[
            str | None,
            strawberry.argument(description="Id, identifier such as serial:cisco:FOC1234X0AB, or unique name."),
        ] = _UNSET,
        as_of: CiAsOf = _UNSET,
        sequence: CiSequence = _UNSET,
    ) -> ConfigurationItem | None:
        reading, raw = _reading(info)
        if isinstance(id, str) == isinstance(key, str):
            raise BadInput("key", "ci: give exactly one of id and key")
        reading = _past(reading, as_of, sequence)
        ref = one_by_key(reading, str(key)) if isinstance(key, str) else None
        wanted = ref.id if ref else str(id) if isinstance(id, str) else None
        found = reading.cis([wanted]) if wanted else []
        if wanted and not found:  # the id of a CI that another one has absorbed leads to that one
            found = reading.cis(filter(None, [reading.stands_for(wanted)]))
        fill(reading, found, asked(raw))
        return found[0] if found else None

    @strawberry.field(
        description="Configuration items that match a filter, in a stable order.", directives=paged("first", "nodes")
    )
    def cis(
        self,
        info: Info,
        filter: Annotated[
            CiFilter | None, strawberry.argument(description="Conditions; null: all CIs that are not retired.")
        ] = _UNSET,
        order_by: Annotated[
            list[CiOrder] | None,
            strawberry.argument(description="Sort keys, at most 3; the id is always the last key. Null: by name."),
        ] = _UNSET,
        first: First = 50,
        after: FromStart = _UNSET,
        as_of: CisAsOf = _UNSET,
        sequence: CisSequence = _UNSET,
    ) -> CiConnection:
        reading, raw = _reading(info)
        reading = _past(reading, as_of, sequence)
        check_first(first)
        selection = asked(raw)
        wanted = where(filter or None, reading.estate.model)
        page = reading.graph.find(wanted, orders(order_by or None), first, after or None)
        found = reading.take(page.cis)
        fill(reading, found, selection.below("nodes"))
        total = reading.graph.count(wanted) if "totalCount" in selection else None
        position = make(PageInfo, has_next_page=page.more, end_cursor=page.cursor)
        return make(CiConnection, nodes=found, page_info=position, total_count=total)  # type: ignore[no-any-return]  # make is untyped

    @strawberry.field(
        description="Configuration items that lack what ISO/IEC 20000-1:2011, 9.1 asks of them, by id.",
        directives=[Cost(weight="1000"), *paged("first", "nodes")],
    )
    def incomplete_cis(
        self,
        info: Info,
        missing: Annotated[
            list[CompletenessItem] | None,
            strawberry.argument(description="Only those that lack one of these items. Null: any of the eight."),
        ] = _UNSET,
        filter: Annotated[
            CiFilter | None, strawberry.argument(description="Conditions; null: all CIs that are not retired.")
        ] = _UNSET,
        first: First = 50,
        after: FromStart = _UNSET,
    ) -> IncompleteCiConnection:
        reading, raw = _reading(info)
        wanted = where(filter or None, reading.estate.model)
        items = [str(m) for m in missing] if isinstance(missing, list) else None
        return incomplete_page(reading, wanted, items, check_first(first), after or None, asked(raw))

    @strawberry.field(description="The class catalogue: classes, attributes and relationship types as data.")
    def catalogue(self, info: Info) -> Catalogue:
        return catalogue(_reading(info)[0].model.version)

    @strawberry.field(description="Planes of connectivity (LAN, SAN, WAN, …) and their roots.", directives=at_most(50))
    def planes(self, info: Info) -> list[Plane]:
        reading, raw = _reading(info)
        found: list[Any] = list(reading.topology.planes())
        fill_refs(reading, [r.id for p in found for r in p.roots], asked(raw).below("roots"))
        return found

    @strawberry.field(
        description="Exact consequence of failed, maintained, degraded or released CIs, with proof.",
        directives=[Cost(weight="50"), *paged("input.first", "nodes", "proof", "spared", "findings")],
    )
    def impact(
        self,
        info: Info,
        input: Annotated[ImpactInput, strawberry.argument(description="What fails, and when.")],
    ) -> Impact:
        reading, raw = _reading(info)
        return judge(reading, input, asked(raw))

    @strawberry.field(
        description="Questions of identity that need a person: duplicates, conflicts, ambiguous matches. Oldest first.",
        directives=paged("first", "nodes"),
    )
    def identity_tasks(
        self,
        info: Info,
        states: Annotated[
            list[TaskState] | None, strawberry.argument(description="Only tasks in these states. Null: open ones.")
        ] = _UNSET,
        kinds: Annotated[
            list[TaskKind] | None, strawberry.argument(description="Only these kinds. Null: all.")
        ] = _UNSET,
        first: First = 50,
        after: FromOldest = _UNSET,
    ) -> IdentityTaskConnection:
        reading, raw = _reading(info)
        chosen = [str(s) for s in states or ("open",)]
        return tasks_page(reading, chosen, [str(k) for k in kinds or ()], check_first(first), after or None, asked(raw))

    @strawberry.field(description="Sources and their precedence, strongest first.", directives=at_most(100))
    def sources(self, info: Info) -> list[Source]:
        return source_rows(_reading(info)[0])

    @strawberry.field(description="One service record, by exactly one of `id` and `number`. Null: none.")
    def record(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Opaque id, or the number.")] = _UNSET,
        number: Annotated[
            str | None, strawberry.argument(description="Number for people, for example CHG-1042.")
        ] = _UNSET,
    ) -> Record | None:
        reading, raw = _reading(info)
        found: Record | None = one_record(reading, id or None, number or None, asked(raw))
        return found

    @strawberry.field(
        description="Service records: incidents, problems, changes, releases, contracts and the rest.",
        directives=paged("first", "nodes"),
    )
    def records(
        self,
        info: Info,
        filter: Annotated[
            RecordFilter | None, strawberry.argument(description="Conditions; null: all open records.")
        ] = _UNSET,
        first: First = 50,
        after: Annotated[
            str | None,
            strawberry.argument(description="`endCursor` of the page before. Null: from the most recently updated."),
        ] = _UNSET,
    ) -> RecordConnection:
        reading, raw = _reading(info)
        return records_page(reading, filter or None, check_first(first), after or None, asked(raw))

    @strawberry.field(description="Plans of audits, the oldest first.", directives=at_most(200))
    def audit_plans(self, info: Info) -> list[AuditPlan]:
        return plan_rows(_reading(info)[0])

    @strawberry.field(
        description="What people wrote and others must approve, the oldest first.", directives=at_most(200)
    )
    def reviews(
        self,
        info: Info,
        states: Annotated[
            list[ReviewState] | None,
            strawberry.argument(description="Only reviews in these states. Null: those that wait."),
        ] = _UNSET,
    ) -> list[Review]:
        chosen = [str(s) for s in states] if isinstance(states, list) and states else ["waiting"]
        return review_rows(_reading(info)[0], chosen)

    @strawberry.field(description="State of the ledger: its head and its last full verification.")
    def ledger(self, info: Info) -> Ledger:
        reading, raw = _reading(info)
        check = last_check(reading) if "lastVerification" in asked(raw) else None
        return Ledger(head=head_row(reading), last_verification=check)

    @strawberry.field(description="One commit. Null: no such sequence yet.")
    def commit(
        self, info: Info, sequence: Annotated[int, strawberry.argument(description="Sequence number, from 1.")]
    ) -> Commit | None:
        return commit_row(_reading(info)[0], sequence)

    @strawberry.field(description="Commits, newest first.", directives=paged("first", "nodes"))
    def commits(
        self,
        info: Info,
        filter: Annotated[CommitFilter | None, strawberry.argument(description="Conditions; null: all.")] = _UNSET,
        first: First = 50,
        after: FromNewest = _UNSET,
    ) -> CommitConnection:
        reading, _ = _reading(info)
        return commits_page(reading, filter or None, check_first(first), after or None)

    @strawberry.field(
        description="Recomputes the hash chain of at most 1,000 commits. "
        "The whole chain, with replay: `cmdb ledger verify`.",
        directives=[Cost(weight="2000")],
    )
    def verify_ledger(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(name="from", description="First sequence to check.")],
        last: Annotated[
            int, strawberry.argument(name="to", description="Last sequence to check, at most `from` + 999.")
        ],
    ) -> LedgerCheck:
        return checked_range(_reading(info)[0], first, last)

    @strawberry.field(description="Who is asking.")
    def viewer(self) -> Viewer:
        return Viewer(role="ADMINISTRATOR", source="manual")

    @strawberry.field(
        description="The limits that hold for the asking token. "
        "What a request did cost is in `extensions.cost` of its answer."
    )
    def limits(self, info: Info) -> Limits:
        given = _reading(info)[0].limits
        return Limits(
            cost_formula=FORMULA,
            cost=given.cost,
            body_bytes=given.body_bytes,
            document_tokens=given.tokens,
            depth=given.depth,
            fields=given.fields,
            aliases=given.aliases,
            root_fields=given.root_fields,
            timeout_seconds=given.timeout_s,
            error_codes=list(ErrorCode),  # type: ignore[call-overload]  # an enum at run time
        )
