"""The queue of pushed items that a person works through: what goes in, what it shows, how items leave."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from cmdb.entrypoints.payloads import as_json
from cmdb.entrypoints.results import Result, as_dict
from cmdb.entrypoints.services import IngestLimits
from cmdb.errors import NotFound
from cmdb.store.protocol import GraphStore, Quarantined
from collectors.push.entities import Note
from collectors.push.item import Item

if TYPE_CHECKING:
    from cmdb.entrypoints.push import Sender

log = structlog.get_logger(__name__)
TAKEN = frozenset(("created", "updated", "unchanged", "ignored"))
MAX_TEXT = 1_000
Rows = list[dict[str, Any]]


class Quarantine:
    """Puts items aside that nobody could place, and gives them back."""

    def __init__(self, store: GraphStore, limits: IngestLimits, clock_ms: Callable[[], int]) -> None:
        self.store, self.limits, self.clock_ms = store, limits, clock_ms

    def settle(self, raws: Sequence[Any], items: Sequence[Item], results: Sequence[Result], sender: Sender) -> None:
        """Keep what could not be taken, and let go of what now could; each result says so.

        Senders of native items read the answer: what makes no sense is theirs to correct. Those of other payloads
        mostly don't: what can be parsed is kept.
        """
        entries: dict[str, tuple[Quarantined, Result]] = {}
        for raw, item, result in zip(raws, items, results, strict=True):
            # what waits for review is kept as a record
            if raw is None or "reviewId" in result or not _is_held(item, result, sender.adapter.is_open):
                continue
            entry = self._entry(raw, item, result, sender)
            entries[entry.id] = (entry, result)
            if result["status"] == "rejected":
                result["status"] = "quarantined"
            if len(entry.item) > self.limits.quarantined_bytes:
                del entries[entry.id]
                _refuse(result, f"quarantinedBytes: at most {self.limits.quarantined_bytes:,} bytes an item")
            elif not sender.dry_run:
                result["quarantineId"] = entry.id
        if sender.dry_run:
            return
        kept = self.store.quarantine([e for e, _ in entries.values()], self.limits.quarantine)
        if len(kept) < len(entries):
            log.error("the quarantine is full", limit=self.limits.quarantine, refused=len(entries) - len(kept))
        for result in results:
            if "quarantineId" in result and result["quarantineId"] not in kept:
                _refuse(result, f"quarantine: it holds its {self.limits.quarantine:,} items; work through them first")
        self._release(raws, items, results, sender)

    def _release(self, raws: Sequence[Any], items: Sequence[Item], results: Sequence[Result], sender: Sender) -> None:
        """Items that were put aside before and are taken now need nobody any more."""
        taken = [
            _id(raw, item, sender)
            for raw, item, result in zip(raws, items, results, strict=True)
            if raw is not None and result["status"] in TAKEN and result["status"] != "ignored"
        ]
        if taken and not sender.adapter.is_open and self.store.quarantine_total():
            self.store.release(taken)

    def _entry(self, raw: Any, item: Item, result: Result, sender: Sender) -> Quarantined:
        reason, now = result.get("reason") or as_dict(Note("IDENTITY", "nobody knows what it is", "")), self.clock_ms()
        return Quarantined(
            _id(raw, item, sender),
            sender.adapter.name,
            sender.source,
            sender.host,
            item.ref[:MAX_TEXT] or item.path[:MAX_TEXT],
            as_json(sender.adapter.to_keep(raw)),
            reason["code"],
            reason["message"][:MAX_TEXT],
            reason["path"][:MAX_TEXT],
            now,
            now,
        )

    def page(self, first: int, after: str | None) -> tuple[Rows, int]:
        """A page of the queue, oldest first, without the items themselves, and how many there are in all."""
        return [summary(e) for e in self.store.quarantined(first, after)], self.store.quarantine_total()

    def read(self, id_: str) -> tuple[Quarantined, Any]:
        """One entry and its item. Raises NotFound."""
        found = self.store.quarantined(ids=[id_])
        if not found:
            raise NotFound(f"nothing is in quarantine under {id_!r}; `cmdb quarantine list` lists what is")
        return found[0], orjson.loads(found[0].item)

    def show(self, id_: str) -> dict[str, Any]:
        """One entry with its item. Raises NotFound."""
        entry, item = self.read(id_)
        return {**summary(entry), "item": item}

    def discard(self, id_: str) -> None:
        """Throw one entry away. Raises NotFound."""
        if not self.store.release([id_]):
            raise NotFound(f"nothing is in quarantine under {id_!r}; `cmdb quarantine list` lists what is")


def summary(entry: Quarantined) -> dict[str, Any]:
    """An entry without its item."""
    return {
        "id": entry.id,
        "adapter": entry.adapter,
        "source": entry.source,
        "sourceRef": entry.ref,
        "reason": {"code": entry.code, "message": entry.message, "path": entry.path},
        "first": entry.first,
        "last": entry.last,
        "times": entry.times,
    }


def _is_held(item: Item, result: Result, is_open: bool) -> bool:
    status = result["status"]
    return (
        status == "quarantined"
        or (status == "conflict" and not result.get("ciId"))
        or (status == "rejected" and not is_open)
    )


def _refuse(result: Result, message: str) -> None:
    """An item that could not even be put aside: the sender must know."""
    result.pop("quarantineId", None)
    before = result.get("reason", {}).get("message", "")
    result["status"] = "rejected"
    result["reason"] = as_dict(Note("QUARANTINE_FULL", f"{message} ({before})" if before else message, ""))


def _id(raw: Any, item: Item, sender: Sender) -> str:
    """The same item from the same source again is one entry."""
    what = item.ref.encode() if item.ref else as_json(raw)
    named = repr((sender.adapter.name, sender.source, sender.host)).encode()
    return hashlib.sha256(named + b"\n" + what).hexdigest()[:24]
