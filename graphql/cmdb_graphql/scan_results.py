"""Reads of the results of scans that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cmdb.service.scans import Difference, Entry, Kept, kept_scans
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.prefetch import fill_refs
from cmdb_graphql.scan_types import ScanChanged, ScanDifference, ScanEntry, ScanResult, ScanRun
from cmdb_graphql.selection import Selection

MOST_SHOWN = 200


def result_rows(reading: Reading, kinds: Sequence[str], selection: Selection) -> list[ScanResult]:
    """The last results of these kinds of scan (none: all); names are those of then."""
    kept = kept_scans(reading.store, kinds)
    found = {one.kind: one.difference for one in kept}
    lists = ("new", "gone")
    shown: list[tuple[Iterable[Entry], Selection]] = []
    for one in kept:
        shown.append((one.latest.entries, selection.below("entries", "cis")))
        if (what := found[one.kind]) is not None:
            below = selection.below("difference")
            shown += [(getattr(what, name), below.below(name, "cis")) for name in lists]
            shown += [((c.before, c.after), below.below("changed", end, "cis")) for c in what.changed for end in _ENDS]
    for entries, below in shown:
        fill_refs(reading, [ci.id for entry in entries for ci in entry.cis], below)
    return [_row(one, found[one.kind]) for one in kept]


_ENDS = ("before", "after")


def _row(kept: Kept, found: Difference | None) -> ScanResult:
    latest = kept.latest
    row: ScanResult = make(
        ScanResult,
        kind=kept.kind,
        at=latest.at,
        sequence=latest.sequence,
        policy_version=latest.policy_version,
        complete=latest.complete,
        truncated=latest.truncated,
        found=latest.found,
        entries=_entries(latest.entries),
        difference=_difference(found) if found is not None else None,
        runs=[
            make(
                ScanRun,
                at=run.at,
                sequence=run.sequence,
                complete=run.complete,
                found=run.found,
                new_count=run.new,
                gone_count=run.gone,
                changed_count=run.changed,
            )
            for run in reversed(kept.runs[-MOST_SHOWN:])
        ],
    )
    return row


def _difference(found: Difference) -> ScanDifference:
    changed = [make(ScanChanged, before=_entry(c.before), after=_entry(c.after)) for c in found.changed[:MOST_SHOWN]]
    row: ScanDifference = make(
        ScanDifference,
        since=found.since,
        since_sequence=found.since_sequence,
        whole=found.whole,
        new=_entries(found.new),
        new_count=len(found.new),
        gone=_entries(found.gone),
        gone_count=len(found.gone),
        changed=changed,
        changed_count=len(found.changed),
    )
    return row


def _entries(entries: Sequence[Entry]) -> list[Any]:
    return [_entry(entry) for entry in entries[:MOST_SHOWN]]


def _entry(entry: Entry) -> Any:
    return make(
        ScanEntry,
        cis=list(entry.cis),
        service_count=entry.services,
        criticality=entry.criticality or None,
        down=entry.down,
        wear=entry.wear or None,
        text=entry.text,
    )
