"""What a push does: items through the one way in, back as one result for each, in order; nothing is dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cmdb.entrypoints.alerts import KEY, heard_of
from cmdb.entrypoints.payloads import split_items
from cmdb.entrypoints.places import Places
from cmdb.entrypoints.quarantine import TAKEN, Quarantine
from cmdb.entrypoints.results import MAX_DIFF, Result, as_dict, diff, outcome, repeated, set_aside
from cmdb.entrypoints.services import Services
from cmdb.ingest import Automatic, Ingested
from cmdb.observation import Report
from cmdb.service.alarm_records import Alarms, Heard, Kept
from cmdb.service.alarms import few
from collectors.push.adapters import ADAPTERS, Adapter, Raw
from collectors.push.entities import Note
from collectors.push.item import Context, Item, placed


@dataclass(frozen=True)
class Sender:
    """Who pushes what: the adapter, the source that it counts as, who for the ledger, and the host it is about."""

    adapter: Adapter
    source: str
    actor: str
    host: str = ""
    dry_run: bool = False

    @classmethod
    def of(cls, adapter: str, source: str, actor: str, host: str = "", dry_run: bool = False) -> Sender:
        """A sender through the adapter of that name."""
        return cls(ADAPTERS[adapter], source or adapter, actor, host, dry_run)


class Push:
    """Takes pushes in."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.quarantine = Quarantine(services.store, services.ingest_limits, services.clock_ms)

    def split(self, body: bytes, media_type: str, sender: Sender) -> list[Raw]:
        """The items of a body. Raises Refusal."""
        return split_items(body, media_type, sender.adapter, self.services.ingest_limits)

    def take(self, raws: Sequence[Raw], sender: Sender, at: int | None = None) -> Result:
        """Ingest items and answer for each. Blocks. Raises Unreachable from the store.

        `at` is when they came (epoch ms), now where it is not given: it is the time of items that tell none.
        """
        now = self.services.clock_ms() if at is None else at
        context = Context(sender.source, now, self.services.ingest_limits.future_ms, self.services.model, sender.host)
        items = [
            Item(index, rejected=note) if note is not None else sender.adapter.read(index, raw, context)
            for index, (raw, note) in enumerate(raws)
        ]
        self._place([i for i in items if i.seek is not None and i.report is not None])
        self._set_aside_stale([i for i in items if i.report is not None])
        answer = self._ingest(items, sender)
        results: list[Result] = answer["items"]
        self._hear(items, answer, sender)
        self.quarantine.settle([raw for raw, _ in raws], items, results, sender)
        answer["totals"] = dict(sorted(Counter(r["status"] for r in results).items()))
        return answer

    def retry(self, id_: str, actor: str) -> Result:
        """Push one item of the quarantine again; it leaves if it is taken. Raises NotFound."""
        entry, raw = self.quarantine.read(id_)
        sender = Sender.of(entry.adapter, entry.source, actor, entry.host)
        answer = self.take([(raw, None)], sender)
        (found,) = answer["items"]
        if found["status"] in TAKEN:
            self.services.store.release([id_])
        return {**found, "quarantineId": id_, "released": found["status"] in TAKEN, "sequence": answer["sequence"]}

    def _hear(self, items: Sequence[Item], answer: Result, sender: Sender) -> None:
        """Keep what items say as alarms, whether or not anybody knows what they are about."""
        services = self.services
        heard = heard_of(items, sender.source, services.store, services.model, services.alarm_rules)
        if not heard:
            return
        said = [alarm for _, alarm in heard]
        kept, sequence = Alarms(services.ingest).hear(said, sender.actor, sender.dry_run)
        if sequence is not None:
            answer |= {"sequence": sequence, "committed": True}
        for (item, alarm), done in zip(heard, kept, strict=True):
            answer["items"][item.index] = _with_alarm(answer["items"][item.index], item, alarm, done)

    def _place(self, items: Sequence[Item]) -> None:
        """Find the devices that items are about, where only the store knows."""
        if not items:
            return
        places = Places(self.services.store, self.services.model, [i.seek for i in items if i.seek is not None])
        for item in items:
            if item.seek is not None:
                placed(item, places.of(item.seek))

    def _set_aside_stale(self, items: Sequence[Item]) -> None:
        """What is older than the word of the same origin that is stored is ignored."""
        states = self.services.store.targets({i.report.origin for i in items if i.report}) if items else {}
        for item in items:
            assert item.report is not None  # noqa: S101 - chosen so
            state = states.get(item.report.origin)
            if state is not None and item.report.at < state.last_seen:
                item.ignored = Note(
                    "STALE", "an item that is newer was taken in before; this one is older", "timestamp"
                )

    def _ingest(self, items: Sequence[Item], sender: Sender) -> Result:
        results: dict[int, Result] = {}
        sequence, committed, changes = self.services.store.head().sequence, False, list[Result]()
        wanted = [i for i in items if i.report is not None and i.ignored is None]
        again = _repetitions(wanted)
        for batch in _rounds([i for i in wanted if i.index not in again]):
            reports: list[Report] = [i.report for i in batch if i.report is not None]
            why = Automatic(f"push {sender.source}")
            done = self.services.ingest.run(reports, sender.actor, why, sender.dry_run, explain=True)
            sequence, committed = done.sequence, committed or done.committed
            changes += diff(done, MAX_DIFF - len(changes)) if sender.dry_run else []
            _warn(batch, done)
            for item in batch:
                results[item.index] = outcome(item, done)
        results |= {i.index: repeated(i, results[again[i.index].index]) for i in wanted if i.index in again}
        out = [results.get(i.index) or set_aside(i) for i in items]
        answer: Result = {"items": out, "totals": {}, "sequence": sequence, "committed": committed}
        if sender.dry_run:
            answer |= {"dryRun": True, "changes": changes}
        return answer


def _with_alarm(result: Result, item: Item, alarm: Heard, kept: Kept) -> Result:
    """The result of an item that is an alarm, or is one besides."""
    told: Result = {"id": kept.id, "status": kept.outcome, "ciId": kept.ci or None}
    if kept.ci and alarm.by == KEY:  # what it names itself is known: nobody has to look for a device
        item.held = item.rejected = None
    if item.report is None and item.held is None and item.rejected is None:
        result = {"index": item.index, "sourceRef": item.ref, "status": kept.outcome}
        if kept.ci:
            result["ciId"] = kept.ci
        if kept.outcome == "ignored":
            result["reason"] = as_dict(Note("STALE", "that firing began before the one that is known, or ended", ""))
        elif not kept.ci:
            item.warnings.append(_unplaced(item, alarm))
        if item.warnings:
            result["warnings"] = [as_dict(w) for w in item.warnings]
    return {**result, "alarm": told}


def _unplaced(item: Item, alarm: Heard) -> Note:
    named = item.alarm.key if item.alarm else ""
    if alarm.candidates:
        listed = few(alarm.candidates)
        return Note("AMBIGUOUS", f"{named!r} names {len(alarm.candidates)} CIs: {listed}; use an id", "ci")
    if alarm.retired:
        text = f"{alarm.retired} is retired: it can't fail; the alarm is kept, and tied to the CI if it comes back"
        return Note("RETIRED_CI", text, "ci")
    text = f"no CI is known by {named!r}; the alarm is kept, and tied to the CI once that appears"
    return Note("UNKNOWN_CI", text, "ci")


def _repetitions(items: Sequence[Item]) -> dict[int, Item]:
    """Items that say just what the one before them of the same origin says, which is given: many alerts of one host."""
    last: dict[str, Item] = {}
    again: dict[int, Item] = {}
    for item in items:
        assert item.report is not None  # noqa: S101 - chosen so
        before = last.setdefault(item.report.origin, item)
        if before is not item and before.report == item.report:
            again[item.index] = before
        else:
            last[item.report.origin] = item
    return again


def _rounds(items: Sequence[Item]) -> Iterable[list[Item]]:
    """Batches in which each origin stands once, so that two words of one origin are taken in one after the other."""
    waiting = items
    while waiting:
        batch: dict[str, Item] = {}
        later = []
        for item in waiting:
            assert item.report is not None  # noqa: S101 - chosen so
            if item.report.origin in batch:
                later.append(item)
            else:
                batch[item.report.origin] = item
        yield list(batch.values())
        waiting = later


def _warn(batch: Sequence[Item], done: Ingested) -> None:
    by_origin = {i.report.origin: i for i in batch if i.report is not None}
    for problem in done.problems:
        item = by_origin.get(problem.origin)
        if item is not None and problem.origin not in done.held:  # that is its result
            item.warnings.append(Note("NOT_TAKEN", problem.message, problem.field))
