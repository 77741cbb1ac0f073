"""The states of records, and the one function that steps a record from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Invalid, NotFound
from cmdb.ingest import Ingest
from cmdb.store.protocol import GraphStore, Head, StoredRecord

PLAN, AUDIT, FINDING, REVIEW = "audit_plan", "audit", "finding", "review"
CHANGE, RELEASE, INCIDENT, ALARM, SCAN = "change", "release", "incident", "alarm", "scan"
KNOWN_ERROR = "known_error"
# State -> states that it may step to; a state that leads nowhere is final.
STEPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    PLAN: {"active": ("retired",), "retired": ("active",)},
    AUDIT: {
        "planned": ("running", "cancelled"),
        "running": ("reported", "cancelled"),
        "reported": ("closed",),
        "closed": (),
        "cancelled": (),
    },
    FINDING: {"open": ("cause_known",), "cause_known": ("closed",), "closed": ()},
    REVIEW: {
        "waiting": ("approved", "rejected", "superseded"),
        "approved": ("waiting",),  # the same may be asked again once something else was written over it
        "rejected": ("waiting",),
        "superseded": ("waiting",),
    },
    CHANGE: {
        "draft": ("assess", "approved", "implementing", "cancelled"),  # the second: standard; the third: emergency
        "assess": ("approved", "draft", "rejected", "cancelled"),
        "approved": ("scheduled", "assess", "draft", "rejected", "cancelled"),
        "scheduled": ("implementing", "assess", "draft", "rejected", "cancelled"),
        "implementing": ("review",),
        "review": ("closed",),
        "closed": (),
        "rejected": (),
        "cancelled": (),
    },
    RELEASE: {
        "draft": ("accepted", "cancelled"),
        "accepted": ("approved", "cancelled"),
        "approved": ("deploying", "cancelled"),
        "deploying": ("watch", "rolled_back"),
        "watch": ("closed",),
        "closed": (),
        "rolled_back": (),
        "cancelled": (),
    },
    INCIDENT: {
        "new": ("assigned", "in_progress", "cancelled"),
        "assigned": ("in_progress", "cancelled"),
        "in_progress": ("pending", "resolved", "cancelled"),
        "pending": ("in_progress", "cancelled"),
        "resolved": ("closed", "in_progress"),
        "closed": ("in_progress",),  # it came back
        "cancelled": (),
    },
    ALARM: {"firing": ("ended",), "ended": ("firing",)},
    SCAN: {"kept": ()},
    KNOWN_ERROR: {"draft": ("active", "withdrawn"), "active": ("withdrawn",), "withdrawn": ()},
}
UNSEEN_ACCEPTED = "unseen_accepted"  # text of an audit that was closed although not all was judged
PREFIXES = {
    PLAN: "PLN",
    AUDIT: "AUD",
    FINDING: "FND",
    REVIEW: "REV",
    CHANGE: "CHG",
    RELEASE: "REL",
    INCIDENT: "INC",
    KNOWN_ERROR: "KE",
}
WORDS = {kind: kind.replace("_", " ") for kind in STEPS}
MAX_TEXT = 10_000  # characters of what a person writes
MAX_NAME = 200


def number_of(record: PutRecord) -> str:
    """The number of a record for people."""
    return str(record.body.get("number", record.id))


def is_open(record: PutRecord) -> bool:
    """Whether a record is to go on; one that is closed may be taken up again, but nobody waits for it."""
    return record.state not in ("closed", "ended") and bool(STEPS[record.kind][record.state])


def check_step(record: StoredRecord, to: str) -> None:
    """Raise Invalid that says what is allowed, where a record may not step to a state."""
    allowed = STEPS[record.kind].get(record.state, ())
    if to not in allowed:
        onward = f"from there it may go to {' or '.join(allowed)}" if allowed else "that is where it ends"
        raise Invalid(f"{number_of(record)} is {record.state}; {onward}, not to {to}")


def stepped(
    record: StoredRecord, to: str, actor: str, at: int, texts: Mapping[str, str] | None = None, **body: Any
) -> PutRecord:
    """The record in its next state, with the step noted. Raises Invalid where the step is not allowed."""
    check_step(record, to)
    return edited(record, actor, at, texts, to, **body)


def edited(
    record: StoredRecord,
    actor: str,
    at: int,
    texts: Mapping[str, str] | None = None,
    to: str | None = None,
    **body: Any,
) -> PutRecord:
    """The record with other content; a change of its state is noted among its steps (time in epoch ms)."""
    steps = list(record.body.get("steps", ()))
    if to is not None:
        steps.append({"to": to, "by": actor, "at": at})
    return PutRecord(
        record.id,
        record.kind,
        to or record.state,
        record.title,
        record.about,
        {**record.body, **body, "steps": steps},
        {**record.texts, **(texts or {})},
    )


def next_number(records: Iterable[PutRecord], kind: str, ahead: int = 0) -> str:
    """The number behind the largest one given out, and `ahead` more."""
    prefix = PREFIXES[kind]
    taken = [int(n) for r in records if (n := number_of(r).removeprefix(f"{prefix}-")).isdigit()]
    return f"{prefix}-{max(taken, default=0) + 1 + ahead}"


def rewrite(
    ingest: Ingest,
    record: StoredRecord,
    actor: str,
    reason: str,
    change: Callable[[StoredRecord, int], PutRecord | None],
) -> StoredRecord:
    """Write what `change` makes of the latest state of a record and the time (epoch ms); None: nothing is written.

    Returns the record as it is afterwards.
    """

    def make(head: Head) -> ChangeSet | None:
        (latest,) = ingest.store.records(ids=[record.id])
        now = ingest.clock_ms()
        put = change(latest, now)
        return ChangeSet(now, [put]) if put is not None else None

    ingest.decide(make, actor, reason)
    return ingest.store.records(ids=[record.id])[0]


def record_named(store: GraphStore, key: str, kinds: Iterable[str]) -> StoredRecord | None:
    """The record of some kinds with this id, or else this number (case ignored); None where there is none."""
    wanted = tuple(kinds)
    if found := [r for r in store.records(ids=[key]) if r.kind in wanted]:
        return found[0]
    return next((r for r in store.records(kinds=wanted) if number_of(r).lower() == key.lower()), None)


def find_record(store: GraphStore, kind: str, key: str) -> StoredRecord:
    """The record of a kind by id, number or title (case ignored). Raises NotFound, Invalid where a title is shared."""
    records = store.records(kinds=(kind,))
    for found in records:
        if found.id == key or number_of(found).lower() == key.lower():
            return found
    named = [r for r in records if r.title.lower() == key.lower()]
    if len(named) > 1:
        raise Invalid(f"{key!r} names {', '.join(map(number_of, named))}; use the number of the one you mean")
    if not named:
        raise NotFound(f"there is no {WORDS[kind]} {key[:MAX_NAME]!r}")
    return named[0]


def text(value: str, what: str, most: int = MAX_TEXT) -> str:
    """What a person wrote, without blanks around it. Raises Invalid where it is empty or too long."""
    value = value.strip()
    if not value:
        raise Invalid(f"{what} is missing; write it")
    if len(value) > most:
        raise Invalid(f"{what} has {len(value):,} characters; at most {most:,} are kept")
    return value


def as_stored(record: PutRecord, at: int) -> StoredRecord:
    """A record that is about to be written, as it will be read."""
    return StoredRecord(**msgspec.structs.asdict(record), at=at, changed=at)
