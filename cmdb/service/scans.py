"""Keeps the results of scans, and tells what is new, gone or changed since the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Invalid
from cmdb.impact.legs import last_legs
from cmdb.impact.pairs import pairs
from cmdb.impact.singles import Toll, single_points
from cmdb.impact.start import cold_start
from cmdb.impact.turns import Rest, TimeIsUp, onward
from cmdb.ingest import Ingest
from cmdb.model.near import near
from cmdb.service.completeness import DAY_MS
from cmdb.service.lifecycle import SCAN
from cmdb.store.protocol import CIRef, GraphStore, Head, StoredRecord
from cmdb.topology import Topology

ScanKind = Literal["single_points", "pairs", "last_leg", "deadlocks"]
KINDS: tuple[ScanKind, ...] = ("single_points", "pairs", "last_leg", "deadlocks")
TITLES: Mapping[ScanKind, str] = {
    "single_points": "CIs that take services down alone",
    "pairs": "pairs that take services down together",
    "last_leg": "requirements on their last leg",
    "deadlocks": "CIs that can't start from dark",
}
MOST_ENTRIES = 1_000  # of one result; the worst are kept
KEEP_DAYS = 90


class Entry(msgspec.Struct, frozen=True):
    """One finding of a scan. `key` tells it from others; `down` are CIs that fall with it, services among them.

    `wear` is that of a requirement, `text` says in words what a number can't.
    """

    key: str
    cis: tuple[CIRef, ...]
    services: int
    criticality: int
    down: int
    wear: str = ""
    text: str = ""


class Result(msgspec.Struct, frozen=True):
    """What a scan found, as of a sequence. `at` is when it was made (epoch ms), `found` how many entries there are.

    `truncated`: only the worst are kept. `complete` is False if the time was up first.
    """

    at: int
    sequence: int
    policy_version: str
    complete: bool
    truncated: bool
    found: int
    entries: tuple[Entry, ...]


class Changed(msgspec.Struct, frozen=True):
    """An entry that is there in both results, and weighs otherwise."""

    before: Entry
    after: Entry


class Difference(msgspec.Struct, frozen=True):
    """What a result has that an earlier one has not, and the other way round.

    `whole` is False where either result is not all there is: then what may only have been left out is not listed.
    """

    since: int
    since_sequence: int
    whole: bool
    new: tuple[Entry, ...]
    gone: tuple[Entry, ...]
    changed: tuple[Changed, ...]


class Run(msgspec.Struct, frozen=True):
    """One result in numbers, kept longer than the result itself."""

    at: int
    sequence: int
    complete: bool
    found: int
    new: int
    gone: int
    changed: int


class Kept(msgspec.Struct, frozen=True):
    """The last result of a kind of scan, the one of an earlier day to compare it with, and the runs before."""

    kind: ScanKind
    latest: Result
    before: Result | None = None
    runs: tuple[Run, ...] = ()

    @property
    def difference(self) -> Difference | None:
        """What changed since the result before; None: there is none."""
        return difference(self.before, self.latest) if self.before is not None else None


def scan(topology: Topology, kind: ScanKind, now: int, rest: Rest = onward, most: int = MOST_ENTRIES) -> Result:
    """Scan the whole estate. Raises Overtaken where the graph changes meanwhile."""
    answer: Any
    entries: list[Entry]
    if kind == "single_points":
        answer = single_points(topology, most, rest=rest)
        entries, found = [_entry((p.ci,), p.toll) for p in answer.points], answer.critical
    elif kind == "pairs":
        answer = pairs(topology, most, rest=rest)
        entries, found = [_entry(p.cis, p.toll) for p in answer.pairs], answer.critical
    elif kind == "last_leg":
        answer = last_legs(topology, first=most, rest=rest)
        entries = [_entry((leg.ci,), leg.toll, leg.requirement, leg.wear, leg.text) for leg in answer.legs]
        found = answer.broken + answer.last_leg
    else:
        return _deadlocks(topology, now, rest, most)
    counts = (answer.complete, answer.truncated, found)
    return Result(now, answer.sequence, answer.policy_version, *counts, tuple(entries))


def _deadlocks(topology: Topology, now: int, rest: Rest, most: int) -> Result:
    try:
        answer = cold_start(topology, first=most, rest=rest)
    except TimeIsUp:  # a plan is whole, or none
        return Result(now, topology.sequence, topology.policy.version, False, True, 0, ())
    entries = tuple(Entry(d.ci.id, (d.ci,), 0, 0, 0, "", d.text) for d in answer.deadlocked)
    found = answer.deadlocked_count
    return Result(now, answer.sequence, answer.policy_version, True, found > len(entries), found, entries)


def _entry(cis: Sequence[CIRef], toll: Toll, more: str = "", wear: str = "", text: str = "") -> Entry:
    key = "|".join([*sorted(ci.id for ci in cis), *filter(None, [more])])
    named = text or ", ".join(service.name for service in toll.services)
    return Entry(key, tuple(cis), toll.service_count, toll.criticality, toll.down, wear, named)


def difference(before: Result, after: Result) -> Difference:
    """What is new, gone or changed. Of a result that is not whole, what it lacks may only have been left out."""
    had, has = ({e.key: e for e in result.entries} for result in (before, after))
    was_whole, is_whole = (r.complete and not r.truncated for r in (before, after))
    new = tuple(e for key, e in has.items() if key not in had) if was_whole else ()
    gone = tuple(e for key, e in had.items() if key not in has) if is_whole else ()
    both = ((had[key], e) for key, e in has.items() if key in had)
    changed = tuple(Changed(one, other) for one, other in both if _weight(one) != _weight(other))
    return Difference(before.at, before.sequence, was_whole and is_whole, new, gone, changed)


def _weight(entry: Entry) -> tuple[int, int, int, str]:
    return entry.services, entry.criticality, entry.down, entry.wear


class Scans:
    """Keeps one record for each kind of scan: the last result, the one of the day before, and the runs of a while."""

    def __init__(self, ingest: Ingest, keep_days: int = KEEP_DAYS) -> None:
        self.ingest, self.store, self._keep_days = ingest, ingest.store, keep_days

    def keep(self, results: Mapping[ScanKind, Result], actor: str, reason: str, by_person: bool = True) -> list[Kept]:
        """Keep results in one commit; a second result of one day (UTC) stands for the first. Raises Denied."""
        made: list[Kept] = []

        def make(head: Head) -> ChangeSet | None:
            known = {k.kind: k for k in kept_scans(self.store, tuple(results))}
            made[:] = [_after(known.get(kind), kind, result, self._keep_days) for kind, result in results.items()]
            return ChangeSet(self.ingest.clock_ms(), [_record(one, actor) for one in made]) if made else None

        self.ingest.decide(make, actor, reason, by_person=by_person)
        return made


def _after(known: Kept | None, kind: ScanKind, result: Result, keep_days: int) -> Kept:
    before, runs = None, tuple[Run, ...]()
    if known is not None:
        is_same_day = known.latest.at // DAY_MS == result.at // DAY_MS
        before = known.before if is_same_day else known.latest
        runs = known.runs[:-1] if is_same_day else known.runs
    found = difference(before, result) if before is not None else None
    counts = (len(found.new), len(found.gone), len(found.changed)) if found else (0, 0, 0)
    run = Run(result.at, result.sequence, result.complete, result.found, *counts)
    kept = [r for r in (*runs, run) if r.at > result.at - keep_days * DAY_MS]
    return Kept(kind, result, before, tuple(kept))


def _record(kept: Kept, actor: str) -> PutRecord:
    steps = [{"to": "kept", "by": actor, "at": kept.latest.at}]
    body = {**msgspec.to_builtins(kept), "steps": steps}
    return PutRecord(f"scan-{kept.kind}", SCAN, "kept", TITLES[kept.kind], (), body, {})


def kept_scans(store: GraphStore, kinds: Sequence[str] = ()) -> list[Kept]:
    """What is kept of these kinds of scan (none: all), in their order; none of one that never ran. Raises Invalid."""
    chosen = check_kinds(kinds)
    found = store.records(ids=[f"scan-{kind}" for kind in chosen])
    return [_kept(record) for record in found]


def check_kinds(kinds: Sequence[str]) -> list[ScanKind]:
    """The kinds of these names, each once; none: all. Raises Invalid."""
    for kind in kinds:
        if kind not in KINDS:
            raise Invalid(f"there is no scan {kind[:80]!r}; {near(kind, KINDS)}")
    return [kind for kind in KINDS if not kinds or kind in kinds]


def _kept(record: StoredRecord) -> Kept:
    return msgspec.convert({name: record.body.get(name) for name in ("kind", "latest", "before", "runs")}, Kept)


def is_due(last: int, now: int, minutes: int) -> bool:
    """Whether what is made daily, so many minutes after midnight (UTC), was last made before that; times are epoch ms.

    What was missed is made up for, once.
    """
    wanted = now - now % DAY_MS + minutes * 60_000
    if wanted > now:
        wanted -= DAY_MS
    return last < wanted
