"""Keeps alarms as records: what fires, what ended, whose it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import NotFound
from cmdb.ingest import Ingest
from cmdb.service.alarms import AskedAlarm, Effect
from cmdb.service.lifecycle import ALARM, INCIDENT, MAX_NAME, as_stored, edited, is_open
from cmdb.store.protocol import GraphStore, Head, StoredRecord

FIRING, ENDED = "firing", "ended"
MOST_FIRINGS = 20  # earlier firings that a record lists; all of them are in the ledger
CANDIDATES = 5
Outcome = Literal["created", "updated", "unchanged", "ignored"]


@dataclass(frozen=True)
class Heard:
    """An alarm as it came in. Times are epoch ms, None: not told.

    `ci` is the CI that it is about, "" where nobody knows one; then `candidates` are those that it might be about, and
    `sought` says by which key, names and addresses it is looked for. `by` says what named the CI; `retired` names the
    one that its key means, where that is retired.
    """

    source: str
    fingerprint: str
    name: str
    effect: Effect
    is_firing: bool
    labels: Mapping[str, str]
    severity: str = ""
    started: int | None = None
    ended: int | None = None
    ci: str = ""
    by: str = ""
    candidates: tuple[str, ...] = ()
    sought: Mapping[str, Sequence[str]] | None = None
    text: str = ""
    retired: str = ""


class Kept(NamedTuple):
    """What became of an alarm that came in: the id of its record, and of the CI, "" where nobody knows one."""

    id: str
    outcome: Outcome
    ci: str


class Alarms:
    """Writes alarms as records: one for each fingerprint of a source, whatever the number of its deliveries."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest, self.store = ingest, ingest.store

    def hear(self, heard: Sequence[Heard], actor: str, dry_run: bool = False) -> tuple[list[Kept], int | None]:
        """Take alarms in; what became of each, and the sequence of the commit. None: nothing was written.

        What repeats what is known makes no commit. A firing from before the one that is known comes late, and is
        ignored, and so is one that is known to have ended. Neither opens or closes an incident.
        """
        kept: list[Kept] = []

        def make(head: Head) -> ChangeSet | None:
            kept.clear()
            now = self.ingest.clock_ms()
            ids = list(dict.fromkeys(record_id(h.source, h.fingerprint) for h in heard))
            before = {r.id: r for r in self.store.records(ids=ids)} if ids else {}
            after: dict[str, PutRecord] = {}
            for said in heard:
                id_ = record_id(said.source, said.fingerprint)
                known = as_stored(after[id_], now) if id_ in after else before.get(id_)
                put, outcome = _after(known, id_, said, actor, now)
                if put is not None:
                    after[id_] = put
                holder = put or known
                kept.append(Kept(id_, outcome, str(holder.body["ci"]) if holder is not None else ""))
            return ChangeSet(now, list(after.values())) if after else None

        sources = ", ".join(sorted({h.source for h in heard}))
        sequence, written = self.ingest.decide(make, actor, f"alarms of {sources}", dry_run, by_person=False)
        return kept, sequence if written is not None and not dry_run else None

    def link(self, found: Mapping[str, str], actor: str) -> int:
        """Tie alarms (ids) that nobody could place to the CIs that appeared since; how many were tied."""
        done = 0

        def make(head: Head) -> ChangeSet | None:
            nonlocal done
            now = self.ingest.clock_ms()
            known = self.store.records(ids=list(found)) if found else []
            lost = [r for r in known if not r.body["ci"]]
            done = len(lost)
            tied = (_about(edited(r, actor, now, ci=found[r.id], candidates=[])) for r in lost)
            return ChangeSet(now, list(tied)) if lost else None

        self.ingest.decide(make, actor, "alarms whose CIs appeared", by_person=False)
        return done


def record_id(source: str, fingerprint: str) -> str:
    """The id of the record of an alarm follows from who sends it and what it is called there."""
    named = "\x00".join((source, fingerprint)).encode()
    return f"alarm-{hashlib.blake2b(named, digest_size=12).hexdigest()}"


def _after(known: StoredRecord | None, id_: str, said: Heard, actor: str, now: int) -> tuple[PutRecord | None, Outcome]:
    """The record after an alarm came in; None where that says nothing new."""
    if known is None:
        return _first(id_, said, actor, now), "created"
    if (late := _late(known, said)) is not None:
        return None, late
    before, body = known.body, {**_said(said, known.body), "ended": _end(said, now)}
    fires_anew = said.started not in (None, before["started"]) or (known.state == ENDED and said.is_firing)
    if fires_anew:
        begins = now if said.started is None else said.started
        earlier = [*before["firings"], [before["started"], before["ended"] or begins]]
        body |= {"started": begins, "firings": earlier[-MOST_FIRINGS:]}
    to = FIRING if said.is_firing else ENDED
    if to == known.state and all(before.get(name) == value for name, value in body.items()):
        return None, "unchanged"
    texts = {"text": said.text} if fires_anew and said.text else {}
    put = edited(known, actor, now, texts, to if to != known.state else None, **body)
    put.body["steps"] = put.body["steps"][-MOST_FIRINGS:]
    put.title = said.name[:MAX_NAME]
    return _about(put), "updated"


def _first(id_: str, said: Heard, actor: str, now: int) -> PutRecord:
    ended, state = _end(said, now), FIRING if said.is_firing else ENDED
    started = said.started if said.started is not None else now if ended is None else ended
    body = {**_said(said, {}), "started": started, "ended": ended, "firings": []}
    steps = [{"to": state, "by": actor, "at": now}]
    texts = {"text": said.text} if said.text else {}
    return _about(PutRecord(id_, ALARM, state, said.name[:MAX_NAME], (), {**body, "steps": steps}, texts))


def _late(known: StoredRecord, said: Heard) -> Outcome | None:
    """What becomes of word from before what is known; None: it is no such word."""
    started: int = known.body["started"]
    if said.started is not None and said.started < started:
        return "ignored"
    if known.state == ENDED and (said.started == started or (said.started is None and not said.is_firing)):
        return "ignored" if said.is_firing else "unchanged"
    return None


def _said(said: Heard, before: Mapping[str, Any]) -> dict[str, Any]:
    """What an alarm says, in the form in which it is kept. A CI that was found stays, where now none is."""
    ci = said.ci or before.get("ci", "")
    return {
        "source": said.source,
        "fingerprint": said.fingerprint,
        "severity": said.severity,
        "labels": dict(said.labels),
        "effect": said.effect,
        "ci": ci,
        "by": said.by if said.ci else before.get("by", ""),
        "candidates": [] if ci else list(said.candidates[:CANDIDATES]),
        "sought": {name: list(words) for name, words in (said.sought or {}).items() if words},
    }


def _end(said: Heard, now: int) -> int | None:
    """When it ended: not in the future, nor before it began. None: it fires."""
    if said.is_firing:
        return None
    return max(min(said.ended if said.ended is not None else now, now), said.started or 0)


def _about(put: PutRecord) -> PutRecord:
    ci = put.body["ci"]
    return PutRecord(put.id, put.kind, put.state, put.title, (ci,) if ci else (), put.body, put.texts)


def firing_alarms(store: GraphStore) -> list[StoredRecord]:
    """The alarms that fire now, the latest first."""
    return alarms_in(store, (FIRING,))


def alarms_in(store: GraphStore, states: Sequence[str] = ()) -> list[StoredRecord]:
    """The alarms in these states (none: any), the latest firing first."""
    found = store.records(kinds=(ALARM,), states=states)
    return sorted(found, key=lambda r: (r.body["started"], r.id), reverse=True)


def as_asked(store: GraphStore, alarms: Iterable[StoredRecord]) -> list[AskedAlarm]:
    """Alarms as a question for their causes; a CI that another one has absorbed is that one now."""
    listed = list(alarms)
    stands_for = store.absorbed({r.body["ci"] for r in listed if r.body["ci"]})
    return [AskedAlarm(_key(r, stands_for), r.body["effect"]) for r in listed]


def _key(alarm: StoredRecord, stands_for: Mapping[str, str]) -> str:
    """The CI of an alarm, else the words by which it was looked for."""
    if ci := alarm.body["ci"]:
        return stands_for.get(ci, str(ci))
    return ", ".join(word for words in alarm.body["sought"].values() for word in words) or alarm.title


class Evidence(NamedTuple):
    """What alarms (ids) say of CIs (ids), as an incident takes it: effects, and which CIs don't answer.

    `lost` are alarms of which nobody knows the CI.
    """

    affected: dict[str, Literal["down", "degraded"]]
    reported: list[str]
    alarms: list[str]
    lost: list[StoredRecord]


def evidence_of(store: GraphStore, ids: Sequence[str] = ()) -> Evidence:
    """What the alarms with these ids say; without ids, those that fire and are in no open incident.

    Raises NotFound for an id that no alarm has.
    """
    if ids:
        found = [r for r in store.records(ids=list(dict.fromkeys(ids))) if r.kind == ALARM]
        if unknown := set(ids) - {r.id for r in found}:
            raise NotFound(f"there is no alarm {min(unknown)[:MAX_NAME]!r}; `cmdb alarm list` lists them")
    else:
        taken = incidents_of(store)
        found = [r for r in firing_alarms(store) if r.id not in taken]
    stands_for = store.absorbed({r.body["ci"] for r in found if r.body["ci"]})
    affected: dict[str, Literal["down", "degraded"]] = {}
    reported: dict[str, None] = {}
    for alarm in found:
        ci, effect = stands_for.get(alarm.body["ci"], alarm.body["ci"]), alarm.body["effect"]
        if ci and effect == "DOWN":
            affected[ci] = "down"
        elif ci and effect == "DEGRADED":
            affected.setdefault(ci, "degraded")
        elif ci and effect == "UNREACHABLE":
            reported[ci] = None
    alone = [ci for ci in reported if ci not in affected]
    return Evidence(affected, alone, [r.id for r in found], [r for r in found if not r.body["ci"]])


def incidents_of(store: GraphStore) -> dict[str, StoredRecord]:
    """Alarm ids -> the open incident that was opened from them."""
    found = {}
    for incident in store.records(kinds=(INCIDENT,)):
        if is_open(incident):
            found.update(dict.fromkeys(incident.body.get("alarms", ()), incident))
    return found
