"""Incidents: what is disturbed since when, what that hits, how pressing it is, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Invalid, LimitExceeded, NotFound
from cmdb.impact import Seed
from cmdb.impact.answer import SeedKind
from cmdb.ingest import Ingest
from cmdb.service import lifecycle
from cmdb.service.lifecycle import INCIDENT, edited, find_record, next_number, number_of, rewrite, stepped
from cmdb.service.urgency import assessed, priority_of
from cmdb.store.protocol import GraphStore, Head, StoredRecord
from cmdb.topology import Topology

Effect = Literal["down", "degraded"]
KIND: Mapping[str, SeedKind] = {"down": "DOWN", "degraded": "DEGRADED"}
CHANNELS = ("alarm", "phone", "mail", "portal", "external")
# What an incident may be moved to -> the text that must be told.
TELLS = {"resolved": "resolution", "pending": "pause_reason", "cancelled": "cancel_reason"}
REVISED = ("assignee", "priority", "major", "cause")
MOST_CIS = 1_000


@dataclass(frozen=True)
class Told:
    """What a person or an alarm tells of an incident. CIs are ids; `started` is epoch ms, None: now.

    `affected` says which CIs do not work and how; `reported` are those that are only said to be unreachable: evidence,
    never a seed. `alarms` are the ids of the alarms that it was opened from.
    """

    title: str
    affected: Mapping[str, Effect]
    reported: Sequence[str] = ()
    urgency: int = 1
    channel: str = "phone"
    description: str = ""
    assignee: str = ""
    started: int | None = None
    alarms: Sequence[str] = ()


@dataclass(frozen=True)
class Revision:
    """What changes of an incident; what is empty or None stays. `works` are CIs that work again.

    A `priority` of 0 stands for the computed one; `cause` is the CI that a person holds for the cause.
    """

    title: str = ""
    description: str = ""
    assignee: str | None = None
    priority: int | None = None
    major: bool | None = None
    cause: str | None = None
    affected: Mapping[str, Effect] = field(default_factory=dict)
    works: Sequence[str] = ()


class Incidents:
    """Writes incidents as records; every step is a commit with actor and reason."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest, self.store = ingest, ingest.store

    def open(self, told: Told, topology: Topology, actor: str, reason: str) -> StoredRecord:
        """Record an incident, with what it hits computed. Raises Invalid, NotFound, LimitExceeded."""
        reason = lifecycle.text(reason, "the reason")
        title = lifecycle.text(told.title, "the title", lifecycle.MAX_NAME)
        _check(told, topology)
        now = self.ingest.clock_ms()
        started = now if told.started is None else told.started
        if started > now:
            raise Invalid("an incident begins now or earlier; give the time at which it began")
        id_ = self.ingest.new_id()
        affected = [_interval(ci, effect, started, actor) for ci, effect in told.affected.items()]
        state = "assigned" if told.assignee else "new"
        body: dict[str, Any] = {
            "type": "incident",
            "channel": told.channel,
            "started": started,
            "urgency": told.urgency,
            "major": False,
            "affected": affected,
            "reported": list(dict.fromkeys(told.reported)),
            "computed": assessed(self.store, topology, seeds_of(affected), told.urgency),
        }
        if told.alarms:
            body["alarms"] = list(told.alarms)
        if told.assignee:
            body["assignee"] = lifecycle.text(told.assignee, "the assignee", lifecycle.MAX_NAME)
        texts = {"description": lifecycle.text(told.description, "the description")} if told.description else {}

        def make(head: Head) -> ChangeSet | None:
            number = next_number(self.store.records(kinds=(INCIDENT,)), INCIDENT)
            steps = [{"to": state, "by": actor, "at": now}]
            whole = {"number": number, **body, "steps": steps}
            return ChangeSet(now, [PutRecord(id_, INCIDENT, state, title, _about(whole), whole, texts)])

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[id_])[0]

    def affect(
        self,
        key: str,
        topology: Topology,
        actor: str,
        reason: str,
        affected: Mapping[str, Effect],
        works: Iterable[str] = (),
    ) -> StoredRecord:
        """Note that further CIs are affected, or otherwise, and that others work again; compute anew what that hits."""
        reason = lifecycle.text(reason, "the reason")
        _check(Told("-", affected), topology)
        again = set(works)

        def change(latest: StoredRecord, now: int) -> PutRecord | None:
            _check_going_on(latest)
            body = self._effects(latest, topology, affected, again, (actor, now))
            return _with_about(edited(latest, actor, now, **body)) if body else None

        return self._write(key, actor, reason, change)

    def _effects(
        self,
        latest: StoredRecord,
        topology: Topology,
        affected: Mapping[str, Effect],
        again: Set[str],
        who: tuple[str, int],
    ) -> dict[str, Any]:
        """What changes of an incident with further effects, and CIs that work again; `who` is an actor and a time."""
        actor, now = who
        if both := sorted(again & affected.keys()):
            raise Invalid(f"{both[0]} is said to work again, and to be {affected[both[0]]}; say one of them")
        if affected and latest.state == "resolved":
            raise Invalid(f"{number_of(latest)} is resolved; take it up again first, or open another one")
        intervals = [dict(entry) for entry in latest.body["affected"]]
        standing = {entry["ci"]: entry for entry in intervals if entry["to"] is None}
        if unknown := again - standing.keys():
            raise NotFound(f"{number_of(latest)} has no open effect on {', '.join(sorted(unknown)[:10])}")
        for ci, entry in standing.items():
            if ci in again or (ci in affected and affected[ci] != entry["effect"]):
                entry["to"] = now
        for ci, effect in affected.items():
            if ci not in standing or standing[ci]["effect"] != effect:
                intervals.append(_interval(ci, effect, now, actor))
        if intervals == latest.body["affected"]:
            return {}
        if len(intervals) > MOST_CIS:
            raise LimitExceeded(f"an incident keeps at most {MOST_CIS:,} effects; open another one")
        computed = assessed(self.store, topology, seeds_of(intervals), latest.body["urgency"])
        return {"affected": intervals, "computed": computed or latest.body["computed"]}

    def revise(self, key: str, revision: Revision, topology: Topology, actor: str, reason: str) -> StoredRecord:
        """Change several things of an incident in one commit. Raises NotFound, Invalid, LimitExceeded."""
        reason = lifecycle.text(reason, "the reason")
        _check(Told("-", revision.affected), topology)
        title = lifecycle.text(revision.title, "the title", lifecycle.MAX_NAME) if revision.title else ""
        texts = {}
        if revision.description:
            texts["description"] = lifecycle.text(revision.description, "the description")
        said = {name: value for name in REVISED if (value := getattr(revision, name)) is not None}
        if not 0 <= said.get("priority", 0) <= 4:
            raise Invalid(f"the priority is 1 to 4, or 0 for the computed one, not {said['priority']}")
        if "priority" in said:
            said["priority"] = said["priority"] or None
        if "assignee" in said:
            said["assignee"] = lifecycle.text(said["assignee"], "the assignee", lifecycle.MAX_NAME)

        def change(latest: StoredRecord, now: int) -> PutRecord | None:
            _check_going_on(latest)
            again = set(revision.works)
            body = said | self._effects(latest, topology, revision.affected, again, (actor, now))
            put = _with_about(edited(latest, actor, now, texts, **body))
            put.title = title or put.title
            same = put.title == latest.title and put.texts == latest.texts
            return None if same and all(latest.body.get(name) == value for name, value in body.items()) else put

        return self._write(key, actor, reason, change)

    def move(
        self,
        key: str,
        to: str,
        actor: str,
        reason: str,
        tell: str = "",
        cause: str | None = None,
        assignee: str = "",
    ) -> StoredRecord:
        """Step an incident on. Resolving needs a resolution, and that everything affected works again.

        `tell` is the resolution, or why it waits or is dropped; `cause` the CI that a person holds for the cause.
        Raises NotFound, Invalid.
        """
        reason = lifecycle.text(reason, "the reason")
        name = TELLS.get(to)
        texts = {name: lifecycle.text(tell, f"the {name.replace('_', ' ')}")} if name else {}

        def change(latest: StoredRecord, now: int) -> PutRecord:
            lifecycle.check_step(latest, to)
            body: dict[str, Any] = {}
            if to == "assigned" or assignee:
                body["assignee"] = lifecycle.text(assignee, "the assignee", lifecycle.MAX_NAME)
            if cause is not None:
                body["cause"] = cause
            if to in ("resolved", "closed"):
                standing = [entry["ci"] for entry in latest.body["affected"] if entry["to"] is None]
                if standing:
                    raise Invalid(
                        f"{number_of(latest)} still affects {len(standing)} CIs ({', '.join(standing[:5])}); "
                        "say first that they work again"
                    )
            if to == "resolved":
                body["restored"] = max((e["to"] for e in latest.body["affected"]), default=now)
            elif to == "in_progress":
                body["restored"] = None
            return _with_about(stepped(latest, to, actor, now, texts, **body))

        return self._write(key, actor, reason, change)

    def rate(
        self, key: str, actor: str, reason: str, priority: int | None = None, urgency: int | None = None
    ) -> StoredRecord:
        """Set the priority (1 to 4; 0: as computed) or the urgency (1 to 3); what was computed stays beside it."""
        reason = lifecycle.text(reason, "the reason")
        if priority is not None and not 0 <= priority <= 4:
            raise Invalid(f"the priority is 1 to 4, or 0 for the computed one, not {priority}")

        def change(latest: StoredRecord, now: int) -> PutRecord | None:
            _check_going_on(latest)
            body: dict[str, Any] = {}
            if priority is not None:
                body["priority"] = priority or None
            if urgency is not None:
                computed = latest.body["computed"]
                level = computed["impact_level"] if computed else 4
                fresh = priority_of(level, urgency)
                body |= {"urgency": urgency, "computed": computed and {**computed, "priority": fresh}}
            same = all(latest.body.get(name) == value for name, value in body.items())
            return None if same else edited(latest, actor, now, **body)

        return self._write(key, actor, reason, change)

    def _write(
        self, key: str, actor: str, reason: str, change: Callable[[StoredRecord, int], PutRecord | None]
    ) -> StoredRecord:
        return rewrite(self.ingest, find_record(self.store, INCIDENT, key), actor, reason, change)


def priority(incident: PutRecord) -> int | None:
    """The priority that holds: what a person set, else what was computed. None: neither."""
    computed = incident.body.get("computed")
    value = incident.body.get("priority") or (computed and computed["priority"])
    return int(value) if value else None


def seeds_of(affected: Iterable[Mapping[str, Any]], at: int | None = None, ended: bool = False) -> list[Seed]:
    """Seeds of effects that last at a time (epoch ms; None: now), with `ended` of all that there were."""
    return [
        Seed(entry["ci"], KIND[entry["effect"]])
        for entry in affected
        if ended or (entry["to"] is None if at is None else entry["from"] <= at < (entry["to"] or at + 1))
    ]


def open_seeds(store: GraphStore, at: int | None = None, but: str = "") -> list[Seed]:
    """What incidents say is down or degraded at a time (epoch ms; None: now), one of them left out by id."""
    incidents = store.records(kinds=(INCIDENT,))
    counted = (r for r in incidents if r.id != but and r.state != "cancelled")
    return list(dict.fromkeys(seed for r in counted for seed in seeds_of(r.body["affected"], at)))


def _check(told: Told, topology: Topology) -> None:
    if told.channel not in CHANNELS:
        raise Invalid(f"the channel is {', '.join(CHANNELS)}, not {told.channel!r}")
    if len(told.affected) + len(told.reported) > MOST_CIS:
        count = len(told.affected) + len(told.reported)
        raise LimitExceeded(
            f"an incident of {count:,} CIs; at most {MOST_CIS:,} fit one, and the rest follows from them"
        )
    if both := sorted(set(told.reported) & told.affected.keys()):
        raise Invalid(f"{both[0]} is said to be {told.affected[both[0]]}, and only reported; say one of them")
    priority_of(1, told.urgency)
    with topology.lock:
        for ci in (*told.affected, *told.reported):
            number = topology.find(ci)
            if number is None:
                raise NotFound(f"no CI has the id {ci!r}; it may be newer than commit {topology.sequence}")
            if ci in told.affected and not topology.facts.nodes[number].is_there:
                raise Invalid(f"{topology.facts.nodes[number].name} ({ci}) is retired: it can't be affected")


def _check_going_on(incident: StoredRecord) -> None:
    if not lifecycle.is_open(incident):
        raise Invalid(f"{number_of(incident)} is {incident.state}; take it up again first, or open another one")


def _interval(ci: str, effect: Effect, since: int, source: str) -> dict[str, Any]:
    return {"ci": ci, "effect": effect, "from": since, "to": None, "source": source}


def _about(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The CIs of an incident: the cause first, then what is affected and what was reported."""
    cause = [body["cause"]] if body.get("cause") else []
    return tuple(dict.fromkeys([*cause, *(entry["ci"] for entry in body["affected"]), *body["reported"]]))


def _with_about(put: PutRecord) -> PutRecord:
    return PutRecord(put.id, put.kind, put.state, put.title, _about(put.body), put.body, put.texts)
