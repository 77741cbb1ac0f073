"""Planning: changes assessed with what else is planned, slots that are safe, waves of a release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cmdb.impact.waves import MOST_CIS, plan_waves
from cmdb.impact.windows import MINUTE_MS, MOST_DAYS, MOST_MINUTES, MOST_SLOTS, find_windows
from cmdb.impact.work import Window as Period
from cmdb.impact.work import Work
from cmdb.service.calendar import read_calendar, window_of, work_of
from cmdb.service.lifecycle import CHANGE, RELEASE, number_of
from cmdb.service.releases import targets_of
from cmdb.service.statements import Statement, is_stale, statement
from cmdb.store.protocol import StoredRecord
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.errors import BadInput
from cmdb_graphql.judge import seeds_of
from cmdb_graphql.plan_types import (
    Assessment,
    AssessmentInput,
    BlockedWindow,
    Collision,
    DraftInput,
    RecordRef,
    ReleaseWaves,
    ReleaseWavesInput,
    SafeWindows,
    SafeWindowsInput,
    WaveItem,
    WindowInput,
)
from cmdb_graphql.prefetch import fill_refs
from cmdb_graphql.record_keys import asked_record
from cmdb_graphql.selection import Selection

MOST_RECORDS = 10  # of one collision or blocked time that are named
MINE = "(draft)"
_SERVICES = (("alone", "services"), ("together", "services"), ("collisions", "breaks"), ("notify",))


def assessment(reading: Reading, given: AssessmentInput, selection: Selection) -> Assessment:
    """What a change or a draft of one does, now; nothing is stored."""
    now = reading.estate.clock_ms()
    if isinstance(given.change, str) == isinstance(given.draft, DraftInput):
        raise BadInput("input", "input: give exactly one of change and draft")
    change = None
    if isinstance(given.change, str):
        change = asked_record(reading, given.change, CHANGE, "input.change")
        work = _work(reading, change, now)
    else:
        draft: Any = given.draft
        period = _period(draft.window, "input.draft.window")
        seeds = tuple(seeds_of(reading, draft.seeds, "input.draft.seeds"))
        work = Work(MINE, MINE, seeds, period.start, period.end)
    calendar = read_calendar(reading.store, now, [change.id] if change else [])
    topology = reading.topology
    reading.check_time()
    said = statement(reading.store, topology, work, calendar, now)
    reading.at(said.sequence)
    records = dict(calendar.records)
    if change is not None:
        records[change.id] = change
    return assessment_rows(reading, [(said, change)], records, selection)[0]


def assessment_rows(
    reading: Reading,
    said: Sequence[tuple[Statement, StoredRecord | None]],
    records: dict[str, StoredRecord],
    selection: Selection,
) -> list[Assessment]:
    """Statements as rows, each with the change that it is about; `records` has those that collide, by id."""
    rows = [
        make(
            Assessment,
            at=one.at,
            sequence=one.sequence,
            policy_version=one.policy_version,
            alone=one.alone,
            together=one.together,
            collisions=[
                make(
                    Collision,
                    records=_refs(([change.id] if change else []) + list(c.records), records),
                    overlap=c.overlap,
                    breaks=c.breaks,
                    extra_down=c.extra_down,
                    certainty=c.certainty,
                )
                for c in one.collisions
            ],
            collision_count=one.collision_count,
            notify=one.notify,
            oldest_evidence_days=one.oldest_evidence_days,
            changed=list(one.changed),
            unknown_cis=len(one.unknown),
            stored_by=one.by or None,
            stale=change is not None and is_stale(change, one),
        )
        for one, change in said
    ]
    for path in _SERVICES:
        below = selection.below(*path, "ci")
        if "item" in below:
            fill_refs(reading, [service.ci.id for service in _at(rows, path)], below)
    return rows


def _at(rows: Iterable[Any], path: Sequence[str]) -> list[Any]:
    found = list(rows)
    for name in path:
        values = [getattr(row, name) for row in found]
        found = [v for value in values for v in (value if isinstance(value, list | tuple) else [value])]
    return found


def safe_windows(reading: Reading, given: SafeWindowsInput) -> SafeWindows:
    """Slots for a change, or for work that is not recorded, next to all that is planned or open."""
    now = reading.estate.clock_ms()
    if isinstance(given.change, str) == isinstance(given.seeds, list):
        raise BadInput("input", "input: give exactly one of change and seeds")
    within = _period(given.within, "input.within")
    if within.end - within.start > MOST_DAYS * 24 * 60 * MINUTE_MS:
        raise BadInput("input.within", f"input.within: at most {MOST_DAYS} days; search part after part")
    if not 1 <= given.first <= MOST_SLOTS:
        raise BadInput("input.first", f"input.first: from 1 to {MOST_SLOTS}, not {given.first:,}")
    minutes = given.duration_minutes if isinstance(given.duration_minutes, int) else None
    change = None
    if isinstance(given.change, str):
        change = asked_record(reading, given.change, CHANGE, "input.change")
        work = _work(reading, change, now)
        own = window_of(change)
        if minutes is None and own is not None:
            minutes = -(-(own.end - own.start) // MINUTE_MS)
    else:
        work = Work(MINE, MINE, tuple(seeds_of(reading, given.seeds or [], "input.seeds")), within.start, within.end)
    if minutes is None or not 1 <= minutes <= MOST_MINUTES:
        text = "how long is the work?" if minutes is None else f"not {minutes:,}"
        raise BadInput("input.durationMinutes", f"input.durationMinutes: from 1 to {MOST_MINUTES:,} minutes; {text}")
    calendar = read_calendar(reading.store, now, [change.id] if change else [])
    topology = reading.topology
    reading.check_time()
    found = find_windows(topology, work, minutes, within, calendar.works, given.first)
    reading.at(found.sequence)
    answer: SafeWindows = make(
        SafeWindows,
        sequence=found.sequence,
        windows=found.windows,
        blocked=[
            make(BlockedWindow, window=b.window, records=_refs(b.keys, calendar.records), text=b.text)
            for b in found.blocked
        ],
    )
    return answer


def release_waves(reading: Reading, given: ReleaseWavesInput, selection: Selection) -> ReleaseWaves:
    """Waves for the CIs of a release, or for some CIs."""
    if isinstance(given.release, str) == isinstance(given.cis, list):
        raise BadInput("input", "input: give exactly one of release and cis")
    if not 1 <= given.first <= MOST_CIS:
        raise BadInput("input.first", f"input.first: from 1 to {MOST_CIS:,}, not {given.first:,}")
    size = given.wave_size if isinstance(given.wave_size, int) else None
    if size is not None and size < 1:
        raise BadInput("input.waveSize", f"input.waveSize: 1 or more, not {size}")
    if isinstance(given.release, str):
        ids = targets_of(reading.store, asked_record(reading, given.release, RELEASE, "input.release"))
    else:
        ids = [str(ci) for ci in given.cis or ()]
        if not 1 <= len(ids) <= MOST_CIS:
            raise BadInput("input.cis", f"input.cis: 1 to {MOST_CIS:,} ids, not {len(ids):,}")
    topology = reading.topology
    reading.check_time()
    found = plan_waves(topology, ids, size)
    reading.at(found.sequence)
    items = [make(WaveItem, ci=i.ci, wave=i.wave, text=i.text or None) for i in found.items[: given.first]]
    fill_refs(reading, [i.ci.id for i in items], selection.below("items", "ci"))
    answer: ReleaseWaves = make(
        ReleaseWaves,
        sequence=found.sequence,
        waves=found.waves,
        lower_bound=found.lower_bound,
        truncated=len(found.items) > given.first,
        items=items,
    )
    return answer


def _work(reading: Reading, change: StoredRecord, now: int) -> Work:
    work = work_of(reading.store, change, now)
    if not work.seeds:
        raise BadInput("input.change", f"input.change: nothing happens to the CIs of {number_of(change)}")
    return work


def _period(given: WindowInput, argument: str) -> Period:
    start, end = int(given.start), int(given.end)
    if end <= start:
        raise BadInput(f"{argument}.end", f"{argument}.end: the period ends before it starts, or just then")
    return Period(start, end)


def record_ref(record: StoredRecord) -> RecordRef:
    """A record named."""
    row: RecordRef = make(
        RecordRef,
        id=record.id,
        type=record.kind,
        number=number_of(record),
        title=record.title,
        state=record.state,
    )
    return row


def _refs(ids: Iterable[str], records: dict[str, StoredRecord]) -> list[RecordRef]:
    return [record_ref(records[i]) for i in ids if i in records][:MOST_RECORDS]


def all_records(reading: Reading, said: Iterable[Statement]) -> dict[str, StoredRecord]:
    """The records that collide in these statements, by id, in one query."""
    ids = list(dict.fromkeys(i for one in said for c in one.collisions for i in c.records))
    return {r.id: r for r in reading.store.records(ids=ids)} if ids else {}
