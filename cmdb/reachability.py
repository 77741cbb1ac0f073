"""Whether known targets answered a run: an attribute beside the status, and what missing devices are counted by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Literal

import msgspec

from cmdb.candidates import gather
from cmdb.changes import ChangeSet, ManifestEntry, PutRecord, digest
from cmdb.errors import Invalid, NotFound
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.observation import RUN, Observation, Report, facet_name, origin_name
from cmdb.reconcile.plan import is_unchanged, plan, report_hash
from cmdb.store.protocol import Conflict, GraphStore, Head, StoredRecord, TargetState
from cmdb.wording import amount

Reach = Literal["reachable", "unreachable", "access_lost"]
VISITED = ("snmp", "ssh", "netmiko")  # sources that a discovery run asks
SHRINK = "shrink"  # kind of the record by which a run asks
BATCH = 200  # targets in one commit
FEWEST = 2  # silent targets; one alone is no scope that shrank


class Noted(msgspec.Struct, frozen=True):
    """What came of a run's words: the sequence after them, commits, and the record that asks (\"\": nothing to ask)."""

    sequence: int
    commits: int
    asked: str = ""


def known_targets(store: GraphStore, names: Iterable[str]) -> set[str]:
    """Those targets that told something in an earlier visit."""
    wanted = {origin_name(source, name): name for name in names for source in VISITED}
    return {wanted[origin] for origin in store.targets(wanted)}


def note_reached(
    ingest: Ingest,
    found: Mapping[str, Reach],
    run: str,
    actor: str,
    reason: str,
    shrink_percent: int = 20,
) -> Noted:
    """Take in which targets answered a complete run, by target name; targets nobody knows are left out.

    Where more than `shrink_percent` of those that answered before are silent now, silence is not believed: the silent
    ones stay as they were, and a record of the kind `shrink` asks, until `confirm` or the next usual run.
    """
    store = ingest.store
    known = known_targets(store, found)
    silent_before = _silent(store, known)
    silent = sorted(t for t in known if found[t] == "unreachable")
    answered_before = known - silent_before
    fresh = [t for t in silent if t not in silent_before]
    shrunk = len(fresh) >= FEWEST and len(fresh) * 100 > shrink_percent * len(answered_before)
    taken = {t: found[t] for t in sorted(known) if not (shrunk and found[t] == "unreachable")}
    at = ingest.clock_ms()
    sequence, commits = _take(ingest, taken, at, actor, reason)
    record = _question(run, reason, fresh, len(answered_before), at) if shrunk else None
    sequence, asked = ingest.decide(lambda head: _ask(store, reason, record, at), actor, reason, by_person=False)
    return Noted(sequence, commits + (asked is not None), record.id if record else "")


def confirm(ingest: Ingest, run: str, actor: str) -> Noted:
    """Believe the silence of the targets that a run asked about. Raises NotFound, Invalid where it is settled."""
    asked = [r for r in ingest.store.records(kinds=[SHRINK]) if r.body.get("run") == run or r.id == run]
    if not asked:
        raise NotFound(f"no run {run!r} asked whether its scope shrank; `cmdb discover status` lists runs that did")
    (record,) = asked[:1]
    if record.state != "open":
        raise Invalid(f"this was settled: {record.state}")
    why = f"confirmed: {record.title}"
    found: dict[str, Reach] = dict.fromkeys(record.body["targets"], "unreachable")
    sequence, commits = _take(ingest, found, record.body["at"], actor, why)
    done = _as(record, "confirmed")
    sequence, _ = ingest.decide(lambda head: ChangeSet(ingest.clock_ms(), [done]), actor, why)
    return Noted(sequence, commits + 1, record.id)


def _silent(store: GraphStore, names: Iterable[str]) -> set[str]:
    """Targets that did not answer the run before."""
    told = {origin_name(RUN, name): name for name in names}
    states = store.targets(told)
    unreachable = {origin: report_hash(_report(name, "unreachable", 0)) for origin, name in told.items()}
    return {told[o] for o, state in states.items() if state.hash == unreachable[o]}


def _report(target: str, reach: Reach, at: int) -> Report:
    """What a run says of one target; the same words give the same hash, so that repeating them costs one write.

    It is told of the target, not by it.
    """
    said = Observation("NetworkDevice", f"target:{target}", {"reachability": reach}, role="reported")
    return Report(RUN, target, at, (said,))


def _take(ingest: Ingest, found: Mapping[str, Reach], at: int, actor: str, reason: str) -> tuple[int, int]:
    """Write the words of a run; returns the sequence and the number of commits."""
    sequence = start = ingest.store.head().sequence
    commits = 0
    items = iter(found.items())
    while part := list(islice(items, BATCH)):
        reports = [_report(target, reach, at) for target, reach in part]
        sequence, made = ingest.decide(_Words(ingest, reports).make, actor, reason, by_person=False)
        commits += made is not None and bool(made.changes)  # others may commit meanwhile
    return max(sequence, start), commits


class _Words:
    """What a run says of some targets, on its way in."""

    def __init__(self, ingest: Ingest, reports: Sequence[Report]) -> None:
        self.ingest, self.store, self.model, self.reports = ingest, ingest.store, ingest.model, reports

    def make(self, head: Head) -> ChangeSet | None:
        """Plan what is new; what is said again costs one write."""
        light = self.store.targets([r.origin for r in self.reports])
        hashed = [(r, report_hash(r)) for r in self.reports]
        seen: dict[str, tuple[int, ...]] = {
            r.origin: (r.at,) for r, h in hashed if is_unchanged(r.at, h, light.get(r.origin))
        }
        fresh = [(r, h) for r, h in hashed if r.origin not in seen]
        if not fresh:
            return ChangeSet(self.ingest.clock_ms(), seen=seen)
        states = self.store.targets([r.origin for r, _ in fresh], manifests=True)
        meant = _devices(self.store, self.model, [r.target for r, _ in fresh])
        fresh = [(r, h) for r, h in fresh if r.target in meant]
        for report, _ in fresh:
            state = states.get(report.origin) or TargetState(b"", 0, 0)
            key = report.observations[0].key
            entry = state.manifest.get(key)
            ci, own = meant[report.target]
            if entry is None or (entry.ci, entry.own) != (ci, own):
                entry = ManifestEntry(b"", ci, 0, own)
            states[report.origin] = msgspec.structs.replace(state, manifest={key: entry})
        candidates = gather(self.store, [r for r, _ in fresh], states, head.sequence, self.model)
        if self.store.head().sequence != head.sequence:
            raise Conflict("the graph changed while candidates were read")
        change_set, _ = plan(fresh, candidates, states, self.ingest.clock_ms(), self.ingest.new_id, self.model)
        change_set.seen |= seen
        return change_set


def _devices(store: GraphStore, model: Model, targets: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Targets -> the device that each is, with the one that it was before that absorbed it ("": none did)."""
    origins = {origin_name(source, target): target for target in targets for source in VISITED}
    states = store.targets(origins, manifests=True)
    roots = {o: {(e.ci, e.own) for name, e in s.manifest.items() if "|" not in name} for o, s in states.items()}
    wanted = {ci for lines in roots.values() for ci, _ in lines}
    known = store.known(sorted(wanted)) if wanted else {}
    found: dict[str, tuple[str, str]] = {}
    for origin in sorted(roots):
        for ci, own in sorted(line for line in roots[origin] if line[0] in known):
            facet = known[ci].facets.get(facet_name(origin, own))
            fits = "reachability" in model.classes[known[ci].ci_class].attributes
            if facet is not None and facet.role == "self" and facet.gone is None and fits:
                found.setdefault(origins[origin], (ci, own))
    return found


def _question(run: str, scope: str, silent: Sequence[str], known: int, at: int) -> PutRecord:
    title = f"{len(silent)} of {amount(known, 'target')} did not answer"
    body = {"run": run, "scope": scope, "targets": list(silent), "known": known, "at": at}
    return PutRecord(digest([SHRINK, run], 16).hex(), SHRINK, "open", title, (), body)


def _ask(store: GraphStore, scope: str, record: PutRecord | None, at: int) -> ChangeSet | None:
    """Ask what a run asks, and settle what earlier runs of the scope asked: this one knows better."""
    open_ = [r for r in store.records(kinds=[SHRINK], states=["open"]) if r.body.get("scope") == scope]
    changes = [_as(r, "settled") for r in open_ if record is None or r.id != record.id]
    if record is not None and all(r.id != record.id for r in open_):
        changes.append(record)
    return ChangeSet(at, list(changes)) if changes else None


def _as(record: StoredRecord, state: str) -> PutRecord:
    return PutRecord(record.id, record.kind, state, record.title, record.about, record.body, record.texts)
