"""What is due, and what is overdue: always a function of the records and the time, never stored."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cmdb.service.completeness import DAY_MS
from cmdb.service.lifecycle import number_of
from cmdb.store.protocol import StoredRecord


class Due(msgspec.Struct, frozen=True):
    """One thing that somebody must do until a time (epoch ms)."""

    number: str
    kind: str
    title: str
    who: str
    due: int
    overdue: bool


def next_audit(plan: StoredRecord, audits: Iterable[StoredRecord]) -> int:
    """When the next audit of a plan must be reported (epoch ms): one period after the last one, or after planning."""
    reported = [a.body["reported"] for a in audits if a.body["plan"] == plan.id and "reported" in a.body]
    since = max(reported, default=plan.at)
    return int(since + plan.body["period_days"] * DAY_MS)


def is_overdue(finding: StoredRecord, now: int) -> bool:
    """Whether a finding should be settled by now."""
    return finding.state != "closed" and now > finding.body["due"]


def due_list(
    plans: Iterable[StoredRecord], audits: Iterable[StoredRecord], findings: Iterable[StoredRecord], now: int
) -> list[Due]:
    """Audits of active plans and findings that are not closed, the most urgent first."""
    known = list(audits)
    rows = []
    for plan in plans:
        if plan.state == "active":
            due = next_audit(plan, known)
            rows.append(Due(number_of(plan), plan.kind, plan.title, plan.body["auditor"], due, now > due))
    for finding in findings:
        if finding.state != "closed":
            due, late = finding.body["due"], is_overdue(finding, now)
            rows.append(Due(number_of(finding), finding.kind, finding.title, finding.body["owner"], due, late))
    return sorted(rows, key=lambda r: (r.due, r.number))
