"""What is planned and what is out of order, as pieces of work that impact can judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cmdb.impact.answer import Seed, SeedKind
from cmdb.impact.work import FOREVER, Window, Work
from cmdb.service.incidents import seeds_of
from cmdb.service.lifecycle import CHANGE, INCIDENT, RELEASE, number_of
from cmdb.service.releases import targets_of
from cmdb.store.protocol import GraphStore, StoredRecord

PLANNED = ("assess", "approved", "scheduled", "implementing")  # what counts in collisions; a draft does not yet
OPEN = ("new", "assigned", "in_progress", "pending")
RELEASED: tuple[SeedKind, ...] = ("MAINTENANCE", "RELEASE")
SEED_KINDS = {"MAINTENANCE": "MAINTENANCE", "DEGRADED": "DEGRADED", "RELEASE": "RELEASE", "DOWN": "DOWN"}


class Calendar(NamedTuple):
    """All work that counts, and the records that it comes from, by id."""

    works: list[Work]
    records: dict[str, StoredRecord]


def read_calendar(store: GraphStore, now: int, without: Sequence[str] = ()) -> Calendar:
    """Planned changes and open incidents at `now` (epoch ms), but for those with the ids `without`.

    A change that was not begun in its window has lapsed and counts no more; one that is still being done counts until
    it is reported done. Three queries, however many records there are.
    """
    records = [*store.records(kinds=(CHANGE,), states=PLANNED), *store.records(kinds=(INCIDENT,), states=OPEN)]
    records = [r for r in records if r.id not in without]
    stands_for = store.absorbed({ci for r in records for ci in _named(r)})
    works = [work for r in records if (work := _work(r, now, stands_for)) is not None]
    return Calendar(works, {r.id: r for r in records})


def work_of(store: GraphStore, change: StoredRecord, now: int) -> Work:
    """A change as a piece of work; one without a window might be any time from `now` on (epoch ms)."""
    stands_for = store.absorbed(_named(change))
    window = window_of(change) or Window(now, FOREVER)
    end = None if window.end == FOREVER else window.end
    return Work(change.id, number_of(change), _seeds(change, stands_for), window.start, end)


def seeds_of_record(store: GraphStore, record: StoredRecord) -> list[Seed]:
    """What an incident, a change or a release does to its CIs; of an incident all that it ever did.

    What is released is out of service while it gets its version, and what uses it is to be tested again.
    """
    if record.kind == INCIDENT:
        return list(dict.fromkeys(seeds_of(record.body["affected"], ended=True)))
    if record.kind == RELEASE:
        targets = targets_of(store, record)
        return [Seed(ci, kind) for kind in RELEASED for ci in targets]
    return list(_seeds(record, store.absorbed(_named(record))))


def window_of(record: StoredRecord) -> Window | None:
    """When a change or a release is planned for."""
    window = record.body.get("window")
    return Window(window["from"], window["to"]) if window else None


def is_lapsed(change: StoredRecord, now: int) -> bool:
    """Whether the window of a change passed before anybody began."""
    window = window_of(change)
    return window is not None and change.state in ("assess", "approved", "scheduled") and window.end <= now


def _work(record: StoredRecord, now: int, stands_for: dict[str, str]) -> Work | None:
    seeds = _seeds(record, stands_for)
    if record.kind == INCIDENT:
        begins = [item["from"] for item in record.body.get("affected", ()) if item.get("to") is None]
        return Work(record.id, number_of(record), seeds, min(begins, default=record.at)) if seeds else None
    window = window_of(record)
    if not seeds or window is None or is_lapsed(record, now):
        return None
    start, end = window.start, window.end
    if record.state == "implementing":
        start = min(start, record.body.get("actual", {}).get("from", start))
        return Work(record.id, number_of(record), seeds, start, end if end > now else None)
    return Work(record.id, number_of(record), seeds, start, end)


def _named(record: StoredRecord) -> Iterable[str]:
    return (item["ci"] for item in record.body.get("affected" if record.kind == INCIDENT else "items", ()))


def _seeds(record: StoredRecord, stands_for: dict[str, str]) -> tuple[Seed, ...]:
    """What happens to the CIs; one that another has absorbed is that one now. An interval that ended is over."""
    if record.kind == INCIDENT:
        still = [item for item in record.body.get("affected", ()) if item.get("to") is None]
    else:
        still = record.body.get("items", ())
    found = {}
    for item in still:
        kind = SEED_KINDS.get(item["effect"].upper())
        if kind is not None:
            ci = stands_for.get(item["ci"], item["ci"])
            found[ci, kind] = Seed(ci, kind)  # type: ignore[arg-type]  # the words are kinds of seeds
    return tuple(found.values())
