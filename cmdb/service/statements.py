"""Impact statements of changes: made, kept as evidence, and made again when something changes the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import CmdbError, Invalid
from cmdb.exchange.lines import last_seen
from cmdb.impact.answer import Certainty, ImpactedService, ImpactSummary
from cmdb.impact.together import Assessment, assess
from cmdb.impact.work import UnknownCI, Window, Work
from cmdb.ingest import Ingest
from cmdb.service import lifecycle
from cmdb.service.calendar import Calendar, is_lapsed, read_calendar, work_of
from cmdb.service.completeness import DAY_MS
from cmdb.service.lifecycle import CHANGE, edited, find_record, number_of
from cmdb.store.protocol import GraphStore, Head, StoredRecord
from cmdb.topology import Topology

KEPT = 20  # statements of one change, the latest ones; all are in the ledger
KEPT_SERVICES = 50  # services that a kept statement names; its counts are complete
MOST_TOLD = 200
MOST_COLLISIONS = 50
MOST_BEARERS = 5_000
POLICY = "system:policy"  # who assesses again where nobody asked for it
COUNTS = ("down", "down_planned", "isolated", "degraded", "at_risk", "to_retest", "service_count")


class StatedCollision(msgspec.Struct, frozen=True):
    """A collision: the records (ids, numbers) that are needed for it, the assessed one aside, and what breaks."""

    records: tuple[str, ...]
    numbers: tuple[str, ...]
    overlap: Window
    breaks: tuple[ImpactedService, ...]
    extra_down: int
    certainty: Certainty = "SURE"


class Statement(msgspec.Struct, frozen=True):
    """What a change does, as it was found at a time (epoch ms) and a sequence.

    `severity_class` is minor, significant or major. `digest` is that of the content: two statements with one digest
    say the same, whenever they were made. `changed` says what was different before. `by` is "" for one not kept.
    `subject` is the digest of the CIs, effects and window that were judged; "" where that was not noted.
    """

    at: int
    sequence: int
    policy_version: str
    severity_class: str
    alone: ImpactSummary
    together: ImpactSummary
    collisions: tuple[StatedCollision, ...]
    collision_count: int
    notify: tuple[ImpactedService, ...]
    oldest_evidence_days: float
    unknown: tuple[UnknownCI, ...]
    digest: str
    by: str = ""
    changed: tuple[str, ...] = ()
    subject: str = ""


def statement(store: GraphStore, topology: Topology, work: Work, calendar: Calendar, now: int) -> Statement:
    """What work does, alone and with all that the calendar has; nothing is written.

    Raises what `assess` raises.
    """
    found = assess(topology, work, calendar.works)
    shown = found.collisions[:MOST_COLLISIONS]
    names = {w.key: w.name for w in calendar.works}
    collisions = tuple(
        StatedCollision(c.keys, tuple(names[key] for key in c.keys), c.overlap, c.services, c.extra_down, c.certainty)
        for c in shown
    )
    told = {s.ci.id: s for s in (*found.alone.services, *(s for c in shown for s in c.services))}
    made = Statement(
        now,
        found.sequence,
        found.policy_version,
        severity_class(found.alone),
        found.alone,
        found.together,
        collisions,
        len(found.collisions),
        tuple(told.values())[:MOST_TOLD],
        _oldest_days(store, found, now),
        found.unknown,
        "",
    )
    return msgspec.structs.replace(made, digest=_digest(made))


def severity_class(alone: ImpactSummary) -> str:
    """major: a service goes down; significant: something degrades or loses redundancy; minor: neither."""
    if any(s.state in ("DOWN", "DOWN_PLANNED", "MAINTENANCE") for s in alone.services):
        return "major"
    return "significant" if alone.degraded or alone.at_risk or alone.service_count else "minor"


def statements_of(change: PutRecord) -> list[Statement]:
    """The statements that a change keeps, the newest first."""
    kept: Sequence[Any] = change.body.get("assessments", ())
    return [msgspec.convert(s, Statement) for s in reversed(kept)]


def subject_of(change: PutRecord) -> str:
    """The digest of what a change does, and when: SHA-256 in hex."""
    items = sorted((item["ci"], item["effect"]) for item in change.body.get("items", ()))
    window = change.body.get("window") or {}
    return hashlib.sha256(msgspec.json.encode([items, window.get("from"), window.get("to")])).hexdigest()


def is_stale(change: PutRecord, said: Statement) -> bool:
    """Whether the CIs or the window of a change are others by now than those that a statement is about."""
    return bool(said.subject) and said.subject != subject_of(change)


def differences(before: Statement, after: Statement) -> tuple[str, ...]:
    """What another statement says differently, for people; empty where both say the same.

    A service that is only possibly hit by now is a difference: its owner need no longer act.
    """
    if before.digest == after.digest:
        return ()
    told = []
    for name in ("alone", "together"):
        old, new = getattr(before, name), getattr(after, name)
        for count in COUNTS:
            was, now = getattr(old, count), getattr(new, count)
            if was != now:
                told.append(f"{name}, {count.replace('_', ' ')}: {was} → {now}")
        was_in = {s.ci.id: s for s in old.services}
        is_in = {s.ci.id: s for s in new.services}
        for id_ in sorted(was_in.keys() | is_in.keys()):
            one, other = was_in.get(id_), is_in.get(id_)
            if _fate(one) != _fate(other):
                service = one or other
                said = f"{_fate(one)} → {_fate(other)}"
                told.append(f"{name}, {service.ci.name if service else id_}: {said}")
    had, has = _colliding(before), _colliding(after)
    told += [f"no collision with {', '.join(numbers)} any more" for numbers in sorted(had - has)]
    told += [f"collides with {', '.join(numbers)}" for numbers in sorted(has - had)]
    return tuple(told) or ("what breaks in its collisions",)


def _fate(service: ImpactedService | None) -> str:
    """What becomes of a service."""
    if service is None:
        return "not impacted"
    return service.state if service.certainty == "SURE" else f"{service.state} (possible)"


def _colliding(said: Statement) -> set[tuple[str, ...]]:
    return {tuple(sorted(c.numbers)) for c in said.collisions}


def _digest(said: Statement) -> str:
    """Of what is said, apart from when: SHA-256 in hex."""

    def summary(of: ImpactSummary) -> list[Any]:
        services = sorted((s.ci.id, _fate(s), s.criticality) for s in of.services[:KEPT_SERVICES])
        return [*(getattr(of, count) for count in COUNTS), of.severity, services]

    collisions = sorted(
        (sorted(c.records), c.extra_down, sorted((s.ci.id, _fate(s)) for s in c.breaks)) for c in said.collisions
    )
    content = [summary(said.alone), summary(said.together), collisions, said.collision_count]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def _oldest_days(store: GraphStore, found: Assessment, now: int) -> float:
    """Age of the evidence that is oldest, of the first CIs that the answer hangs on: its own come first."""
    records = store.cis(found.hangs_on[:MOST_BEARERS])
    return round(max((now - last_seen(ci) for ci in records), default=0) / DAY_MS, 2)


class Statements:
    """Keeps statements in the records of changes."""

    def __init__(self, ingest: Ingest, topology: Topology) -> None:
        self.ingest, self.store, self.topology = ingest, ingest.store, topology

    def make(self, change: StoredRecord, now: int, calendar: Calendar | None = None) -> Statement:
        """What a change does now, with all that is planned or open in its window; nothing is written."""
        calendar = calendar or read_calendar(self.store, now)
        calendar = Calendar([w for w in calendar.works if w.key != change.id], calendar.records)
        work = work_of(self.store, change, now)
        if not work.seeds:
            raise Invalid(f"nothing happens to the CIs of {number_of(change)}: there is nothing to assess")
        return statement(self.store, self.topology, work, calendar, now)

    def assess(self, key: str, actor: str, reason: str) -> StoredRecord:
        """Assess a draft, or one that was assessed before, and keep the statement. Raises NotFound, Invalid."""
        reason = lifecycle.text(reason, "the reason")
        change = find_record(self.store, CHANGE, key)
        if change.state not in ("draft", "assess", "approved", "scheduled"):
            lifecycle.check_step(change, "assess")
        made = self.make(change, self.ingest.clock_ms())
        return self._keep(change, made, actor, reason, by_person=True)

    def recheck(self, actor: str) -> list[tuple[StoredRecord, Statement]]:
        """Assess again all changes that wait for their window; keep, and give, what says something else by now.

        One that can't be judged any more is left as it is: whoever takes it further will hear why.
        """
        now = self.ingest.clock_ms()
        calendar = read_calendar(self.store, now)
        found = []
        for change in self.store.records(kinds=(CHANGE,), states=("assess", "approved", "scheduled")):
            kept = statements_of(change)
            if not kept or is_lapsed(change, now):
                continue
            try:
                made = self.make(change, now, calendar)
            except CmdbError:
                continue
            changed = differences(kept[0], made)
            if changed:
                made = msgspec.structs.replace(made, changed=changed)
                self._keep(change, made, actor, f"{number_of(change)} does something else by now", by_person=False)
                found.append((change, made))
        return found

    def _keep(self, change: StoredRecord, made: Statement, actor: str, reason: str, by_person: bool) -> StoredRecord:
        kept = statements_of(change)
        changed = made.changed or (differences(kept[0], made) if kept else ())
        said = msgspec.structs.replace(made, by=actor, changed=changed, subject=subject_of(change))
        body = msgspec.to_builtins(_short(said))

        def make(head: Head) -> ChangeSet:
            (latest,) = self.store.records(ids=[change.id])
            now = self.ingest.clock_ms()
            if latest.revision != change.revision:
                raise Invalid(f"{number_of(change)} was edited meanwhile; assess it again")
            all_ = [*latest.body.get("assessments", ()), body][-KEPT:]
            to = "assess" if latest.state == "draft" else None
            put = edited(latest, actor, now, None, to, assessments=all_)
            return ChangeSet(now, [put])

        self.ingest.decide(make, actor, reason, by_person=by_person)
        return self.store.records(ids=[change.id])[0]


def _short(said: Statement) -> Statement:
    def cut(of: ImpactSummary) -> ImpactSummary:
        return msgspec.structs.replace(of, services=of.services[:KEPT_SERVICES])

    return msgspec.structs.replace(
        said, alone=cut(said.alone), together=cut(said.together), notify=said.notify[:KEPT_SERVICES]
    )
