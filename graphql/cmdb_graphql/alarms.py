"""Reads of alarms that came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from cmdb.service.alarm_records import FIRING, alarms_in, incidents_of
from cmdb.service.lifecycle import ALARM
from cmdb.store.protocol import StoredRecord
from cmdb_graphql.alarm_types import Alarm, AlarmConnection, AlarmFilter, AlarmFiring, AlarmLabel
from cmdb_graphql.common import PageInfo, make
from cmdb_graphql.context import Reading
from cmdb_graphql.directives import paged
from cmdb_graphql.errors import BadInput
from cmdb_graphql.prefetch import check_first, fill_refs, reference
from cmdb_graphql.records import position_of, record_rows
from cmdb_graphql.selection import Selection, asked

MOST_VALUES = 200


@strawberry.type
class AlarmQuery:
    """The part of the query type that is about alarms."""

    @strawberry.field(description="Alarms that came in, the latest firing first.", directives=paged("first", "nodes"))
    def alarms(
        self,
        info: Info,
        filter: Annotated[
            AlarmFilter | None, strawberry.argument(description="Conditions; null: all that fire.")
        ] = strawberry.UNSET,
        first: Annotated[int, strawberry.argument(description="Page size, 1 to 200.")] = 50,
        after: Annotated[
            str | None, strawberry.argument(description="`endCursor` of the page before. Null: from the latest.")
        ] = strawberry.UNSET,
    ) -> AlarmConnection:
        reading: Reading = info.context
        return alarms_page(reading, filter or None, check_first(first), after or None, asked(info._raw_info))


def alarms_page(
    reading: Reading, where: AlarmFilter | None, first: int, after: str | None, selection: Selection
) -> AlarmConnection:
    """A page of alarms; the cursor is the start and the id of the last one."""
    found = _matching(reading, where)
    if after is not None:
        behind = position_of(after)
        found_behind = [r for r in found if (r.body["started"], r.id) < behind]
    else:
        found_behind = found
    shown, more = found_behind[:first], len(found_behind) > first
    cursor = f"{shown[-1].body['started']}:{shown[-1].id}" if more else None
    page: AlarmConnection = make(
        AlarmConnection,
        nodes=alarm_rows(reading, shown, selection.below("nodes")),
        page_info=make(PageInfo, has_next_page=more, end_cursor=cursor),
        total_count=len(found),
    )
    return page


def _matching(reading: Reading, where: AlarmFilter | None) -> list[StoredRecord]:
    states, cis, sources = (_values(where, name) for name in ("states", "cis", "sources"))
    known = where.known if where is not None and isinstance(where.known, bool) else None
    about = None
    if cis is not None:  # what another CI has absorbed is still meant by its own id
        about = {*cis, *reading.store.absorbed(cis).values()}
    found = alarms_in(reading.store, states if states is not None else (FIRING,))
    stand = reading.store.absorbed({r.body["ci"] for r in found if r.body["ci"]}) if about else {}
    return [
        r
        for r in found
        if (about is None or stand.get(r.body["ci"], r.body["ci"]) in about)
        and (sources is None or r.body["source"] in sources)
        and (known is None or bool(r.body["ci"]) == known)
    ]


def _values(where: AlarmFilter | None, name: str) -> Sequence[str] | None:
    value = getattr(where, name, None) if where is not None else None
    if not isinstance(value, list):
        return None
    if not 1 <= len(value) <= MOST_VALUES:
        raise BadInput(f"filter.{name}", f"filter.{name}: 1 to {MOST_VALUES} of them, not {len(value):,}")
    return [str(v) for v in value]


def alarm_rows(reading: Reading, records: Iterable[StoredRecord], selection: Selection) -> list[Alarm]:
    """Alarms as rows, with the CIs and incidents that are asked for."""
    alarms = [r for r in records if r.kind == ALARM]
    named = {ci for r in alarms for ci in (r.body["ci"], *r.body["candidates"]) if ci}
    stand = reading.store.absorbed(named) if named else {}
    ids = sorted({stand.get(ci, ci) for ci in named})
    if "ci" in selection or "candidates" in selection:
        reading.cis(ids)
    refs = {ci: reference(item) for ci in named if (item := reading.items.get(stand.get(ci, ci))) is not None}
    rows = [_row(r, refs) for r in alarms]
    for name in ("ci", "candidates"):
        fill_refs(reading, ids, selection.below(name))
    if "incident" in selection:
        _fill_incidents(reading, rows, selection.below("incident"))
    return rows


def _fill_incidents(reading: Reading, rows: Sequence[Alarm], selection: Selection) -> None:
    incidents = incidents_of(reading.store)
    records = {i.id: i for row in rows if (i := incidents.get(row.id)) is not None}
    known = {row.id: row for row in record_rows(reading, records.values(), selection)}
    for row in rows:
        incident = incidents.get(row.id)
        row.incident = known[incident.id] if incident else None


def _row(record: StoredRecord, refs: dict[str, Any]) -> Alarm:
    body = record.body
    row: Alarm = make(
        Alarm,
        id=record.id,
        state=record.state,
        name=record.title,
        source=body["source"],
        fingerprint=body["fingerprint"],
        severity=body["severity"] or None,
        effect=body["effect"],
        ci=refs.get(body["ci"]),
        candidates=[refs[ci] for ci in body["candidates"] if ci in refs],
        sought=[word for words in body["sought"].values() for word in words],
        labels=[make(AlarmLabel, name=name, value=value) for name, value in sorted(body["labels"].items())],
        text=record.texts.get("text"),
        started_at=body["started"],
        ended_at=body["ended"],
        firings=[make(AlarmFiring, start=start, end=end) for start, end in body["firings"]],
        incident=None,
        updated_at=record.changed,
        revision=record.revision,
    )
    return row
