"""Reads of service records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cmdb.baselines import read_baselines
from cmdb.service.calendar import is_lapsed, window_of
from cmdb.service.due import is_overdue, next_audit
from cmdb.service.findings import differences_of
from cmdb.service.known_errors import known_errors_on, pattern_of
from cmdb.service.lifecycle import (
    AUDIT,
    CHANGE,
    FINDING,
    INCIDENT,
    KNOWN_ERROR,
    PLAN,
    RELEASE,
    REVIEW,
    is_open,
    number_of,
    record_named,
)
from cmdb.service.releases import contents_of, tested_of
from cmdb.service.report import CRITERION
from cmdb.service.rules import ITEMS
from cmdb.service.statements import statements_of
from cmdb.store.protocol import StoredRecord
from cmdb_graphql.changes import baseline_row
from cmdb_graphql.common import PageInfo, make
from cmdb_graphql.completeness_types import ItemCount
from cmdb_graphql.context import Reading
from cmdb_graphql.errors import BadInput
from cmdb_graphql.incidents import common_fields, fill_incident, incident_row
from cmdb_graphql.plan_types import WindowInput
from cmdb_graphql.plans import all_records, assessment_rows
from cmdb_graphql.prefetch import fill_refs, reference
from cmdb_graphql.record_types import (
    Audit,
    AuditPlan,
    AuditResults,
    Change,
    Finding,
    FindingDifference,
    Guard,
    Incident,
    KnownError,
    KnownErrorFit,
    PlannedCi,
    RecordConnection,
    RecordFilter,
    Release,
    Review,
    ReviewedEdit,
    VersionFact,
)
from cmdb_graphql.selection import Selection

PUBLIC = (AUDIT, FINDING, INCIDENT, CHANGE, RELEASE, KNOWN_ERROR)  # kinds that are Records of the schema
MOST_SHOWN, MOST_DIFFERENCES, MOST_KNOWN = 200, 100, 20
_NAMED = frozenset(
    ("ci", "sample", "planned", "affected", "reported", "services", "cause", "named", "knownErrors")
)  # fields of CIs


def record_rows(reading: Reading, records: Iterable[StoredRecord], selection: Selection) -> list[Any]:
    """Records as rows, with the CIs that are asked for; kinds that the schema has no type for are left out."""
    rows = [_rows[r.kind](reading, r) for r in records if r.kind in PUBLIC]
    wanted = [ci for row in rows for ci in row.__dict__["wanted"]]
    if not _NAMED.isdisjoint(selection.fields):
        reading.cis(dict.fromkeys(wanted))
    for row in rows:
        refs = [reference(reading.items[ci]) for ci in row.__dict__["wanted"] if ci in reading.items]
        row.__dict__["sample"] = row.__dict__["named"] = refs
        row.__dict__["ci"] = refs[0] if refs else None
        effects = row.__dict__.get("effects", {})
        row.__dict__["planned"] = [make(PlannedCi, ci=ref, effect=effects.get(ref.id)) for ref in refs]
        if isinstance(row, Incident):
            fill_incident(reading, row)
    for name in ("ci", "sample", "reported", "cause", "named"):
        if name in selection:
            fill_refs(reading, wanted, selection.below(name))
    for name in ("affected", "services", "planned"):
        fill_refs(reading, wanted, selection.below(name, "ci"))
    if "knownErrors" in selection:
        _fill_known_errors(reading, [row for row in rows if row.type == INCIDENT], selection.below("knownErrors"))
    if "baseline" in selection:
        _fill_baselines(reading, [row for row in rows if row.type == RELEASE])
    if "assessments" in selection:
        _fill_assessments(reading, [row for row in rows if row.type == CHANGE], selection.below("assessments"))
    return rows


def _fill_known_errors(reading: Reading, rows: list[Any], selection: Selection) -> None:
    """The known errors of the CIs of incidents, read together."""
    about = {row.id: [*dict.fromkeys(row.__dict__["wanted"])] for row in rows}
    fits = known_error_fits(reading, [ci for cis in about.values() for ci in cis], selection)
    for row in rows:
        found = [fit for ci in about[row.id] for fit in fits.get(ci, ())]
        row.__dict__["known_errors"] = sorted(found, key=lambda fit: str(fit.by) != "ci")[:MOST_KNOWN]


def known_error_fits(reading: Reading, cis: Iterable[str], selection: Selection) -> dict[str, list[Any]]:
    """CI ids -> the active known errors that fit, as rows."""
    known = known_errors_on(reading.store, reading.model, cis)
    records = {one.record.id: one.record for fitting in known.values() for one in fitting}
    rows = {row.id: row for row in record_rows(reading, records.values(), selection.below("knownError"))}
    reading.cis(known)
    fill_refs(reading, known, selection.below("ci"))
    return {
        ci: [
            make(KnownErrorFit, ci=reference(reading.items[ci]), by=one.by, known_error=rows[one.record.id])
            for one in fitting
            if ci in reading.items
        ]
        for ci, fitting in known.items()
    }


def _fill_baselines(reading: Reading, rows: list[Any]) -> None:
    """The baselines of releases, read together; one that was dropped is none."""
    ids = [row.__dict__["baseline"] for row in rows if row.__dict__["baseline"]]
    known = {b.id: baseline_row(b) for b in read_baselines(reading.store, ids)}
    for row in rows:
        row.__dict__["baseline"] = known.get(row.__dict__["baseline"])


def _fill_assessments(reading: Reading, rows: list[Any], selection: Selection) -> None:
    """The stored assessments of changes; the records that collide are read together."""
    said = {row.id: statements_of(row.__dict__["record"]) for row in rows}
    records = all_records(reading, [one for kept in said.values() for one in kept])
    for row in rows:
        change = row.__dict__["record"]
        known = {**records, change.id: change}
        pairs = [(one, change) for one in said[row.id]]
        row.__dict__["assessments"] = assessment_rows(reading, pairs, known, selection)


def _audit(reading: Reading, record: StoredRecord) -> Audit:
    body = record.body
    expected = body.get("expected", {})
    row: Audit = make(
        Audit,
        **common_fields(record),
        assignee=body.get("auditor"),
        criterion=CRITERION,
        plan=body["plan_number"],
        auditor=body.get("auditor"),
        started_at=body.get("started"),
        expected_sequence=expected.get("sequence"),
        expected_hash=expected.get("hash"),
        seed=body.get("seed"),
        population=body.get("population"),
        results=_results(body) if "results" in body else None,
        guards=[make(Guard, waivable=False, **guard) for guard in body.get("guards", ())],
        wanted=(body.get("sample") or ())[:MOST_SHOWN],
    )
    return row


def _results(body: dict[str, Any]) -> AuditResults:
    missing = body["completeness"]["missing"]
    found = {name: body["results"][name] for name in ("right", "different", "missing", "unseen", "extra", "accuracy")}
    row: AuditResults = make(
        AuditResults,
        **found,
        **body["judged"],
        completeness=body["completeness"]["score"],
        lacking=[make(ItemCount, item=item, cis=missing[item]) for item in ITEMS if item in missing],
    )
    return row


def _finding(reading: Reading, record: StoredRecord) -> Finding:
    body = record.body
    row: Finding = make(
        Finding,
        **common_fields(record),
        assignee=body["owner"],
        due_at=body["due"],
        overdue=is_overdue(record, reading.estate.clock_ms()),
        verdict=body["type"],
        grade=body["grade"],
        audit=body["audit_number"],
        differences=[
            make(FindingDifference, what=what, expected=_text(expected), found=_text(found))
            for what, expected, found in differences_of(record)[:MOST_DIFFERENCES]
        ],
        cause=record.texts.get("cause"),
        evidence=record.texts.get("evidence"),
        wanted=record.about[:1],
    )
    return row


def _change(reading: Reading, record: StoredRecord) -> Change:
    effects = {i["ci"]: i["effect"] for i in record.body.get("items", ()) if i["effect"] != "NONE"}
    row: Change = make(
        Change,
        **common_fields(record),
        assignee=record.body.get("implementer") or record.body.get("requester"),
        category=record.body["type"],
        window=window_of(record),
        lapsed=is_lapsed(record, reading.estate.clock_ms()),
        **{name: record.texts.get(name) for name in ("description", "backout", "risk")},
        wanted=record.about[:MOST_SHOWN],
        effects=effects,
        record=record,
    )
    return row


def _release(reading: Reading, record: StoredRecord) -> Release:
    row: Release = make(
        Release,
        **common_fields(record),
        assignee=record.body.get("requester"),
        window=window_of(record),
        version_name=record.body.get("version_name"),
        baseline=record.body.get("baseline"),
        contents=[make(VersionFact, what=f.what, version=f.version) for f in contents_of(record)],
        tested=[make(VersionFact, what=f.what, version=f.version) for f in tested_of(record)],
        guards=[make(Guard, waivable=False, **guard) for guard in record.body.get("guards", ())],
        description=record.texts.get("description"),
        wanted=record.about[:MOST_SHOWN],
        effects=dict.fromkeys(record.about, "RELEASE"),
    )
    return row


def _known_error(reading: Reading, record: StoredRecord) -> KnownError:
    pattern = pattern_of(record)
    row: KnownError = make(
        KnownError,
        **common_fields(record),
        assignee=record.body.get("owner"),
        workaround=record.texts.get("workaround"),
        symptom=record.texts.get("symptom"),
        fix=record.body.get("fix"),
        match_class=pattern.ci_class or None,
        vendor=pattern.vendor or None,
        model=pattern.model or None,
        versions=list(pattern.versions),
        wanted=record.about[:MOST_SHOWN],
    )
    return row


_rows: dict[str, Any] = {
    AUDIT: _audit,
    FINDING: _finding,
    INCIDENT: incident_row,
    CHANGE: _change,
    RELEASE: _release,
    KNOWN_ERROR: _known_error,
}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def one_record(reading: Reading, id_: str | None, number: str | None, selection: Selection) -> Any:
    """The record of an id or a number; None where there is none."""
    if (id_ is None) == (number is None):
        raise BadInput("id", "record: give exactly one of id and number")
    found = record_named(reading.store, str(id_ if id_ is not None else number), PUBLIC)
    return record_rows(reading, [found], selection)[0] if found is not None else None


def records_page(
    reading: Reading, where: RecordFilter | None, first: int, after: str | None, selection: Selection
) -> RecordConnection:
    """A page of records, the most recently updated first; the cursor is the time and the id of the last one."""
    found = _matching(reading, where)
    found.sort(key=lambda r: (r.changed, r.id), reverse=True)
    begin = 0
    if after is not None:
        behind = position_of(after)
        begin = sum((r.changed, r.id) >= behind for r in found)
    shown = found[begin : begin + first]
    more = begin + first < len(found)
    cursor = f"{shown[-1].changed}:{shown[-1].id}" if more else None
    page: RecordConnection = make(
        RecordConnection,
        nodes=record_rows(reading, shown, selection.below("nodes")),
        page_info=make(PageInfo, has_next_page=more, end_cursor=cursor),
        total_count=len(found),
    )
    return page


def position_of(after: str) -> tuple[int, str]:
    """The time and the id that a cursor stands for. Raises BadInput."""
    changed, _, id_ = after.partition(":")
    if not changed.isascii() or not changed.isdigit() or len(changed) > 18 or not id_:
        raise BadInput("after", "after: not an `endCursor` of this list")
    return int(changed), id_


def _matching(reading: Reading, where: RecordFilter | None) -> list[StoredRecord]:
    types = _listed(where, "types") or PUBLIC
    states, cis = _listed(where, "states"), _listed(where, "cis")
    if cis is not None and not 1 <= len(cis) <= MOST_SHOWN:
        raise BadInput("filter.cis", f"filter.cis: 1 to {MOST_SHOWN} of them, not {len(cis):,}")
    assignee = where.assignee if where and isinstance(where.assignee, str) else None
    kinds = [t for t in types if t in PUBLIC]
    found = reading.store.records(kinds=kinds, states=states or ()) if kinds else []
    return [
        r
        for r in found
        if (states is not None or is_open(r))
        and (cis is None or not set(cis).isdisjoint(r.about or r.body.get("sample") or ()))
        and (assignee is None or _assignee(r) == assignee)
        and _overlaps(r, where)
    ]


def _assignee(record: StoredRecord) -> str | None:
    names = ("implementer", "requester", "auditor", "assignee", "owner")
    return next((str(record.body[name]) for name in names if record.body.get(name)), None)


def _overlaps(record: StoredRecord, where: RecordFilter | None) -> bool:
    """Whether its window, or else the moment of its recording, lies in the period asked for."""
    period = where.overlaps if where and isinstance(where.overlaps, WindowInput) else None
    if period is None:
        return True
    if period.end <= period.start:
        raise BadInput("filter.overlaps.end", "filter.overlaps.end: the period ends before it starts, or just then")
    window = window_of(record) if record.kind in (CHANGE, RELEASE) else None
    if window is None:
        return bool(period.start <= record.at < period.end)
    return window.start < period.end and period.start < window.end


def _listed(where: RecordFilter | None, name: str) -> Sequence[str] | None:
    value = getattr(where, name, None) if where is not None else None
    return [str(v) for v in value] if isinstance(value, list) else None


def plan_rows(reading: Reading) -> list[AuditPlan]:
    """The first plans of audits, with when each is due."""
    plans = reading.store.records(kinds=(PLAN,))[:MOST_SHOWN]
    audits = reading.store.records(kinds=(AUDIT,))
    now = reading.estate.clock_ms()
    rows = []
    for plan in plans:
        active, due = plan.state == "active", next_audit(plan, audits)
        body = plan.body
        scope = {"classes": body["scope"]["classes"], "name_prefix": body["scope"]["name"]}
        named = {"number": number_of(plan), "name": plan.title, "active": active, "sample_size": body["size"]}
        people = {"auditor": body["auditor"], "owner": body["owner"], "period_days": body["period_days"]}
        times = {"next_due_at": due if active else None, "overdue": active and now > due}
        rows.append(make(AuditPlan, id=plan.id, **scope, **named, **people, **times))
    return rows


def review_rows(reading: Reading, states: Sequence[str]) -> list[Review]:
    """The first reviews in these states, the oldest first."""
    found = reading.store.records(kinds=(REVIEW,), states=states)[:MOST_SHOWN]
    return [
        make(
            Review,
            id=r.id,
            number=number_of(r),
            state=r.state,
            origin=r.body["origin"],
            author=r.body["author"],
            reason=r.texts.get("reason"),
            asked_at=r.at,
            edits=[
                make(ReviewedEdit, path=e["path"], ci_class=e["class"], attribute=e["attribute"])
                for e in r.body["edits"]
            ],
            edit_count=r.body["edits_in_all"],
        )
        for r in found
    ]
