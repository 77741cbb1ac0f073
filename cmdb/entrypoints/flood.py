"""Holding back a source that sends more than the store can be expected to take."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cmdb.entrypoints.problems import Refusal

MINUTE_MS = 60_000


class Flood:
    """Counts items of each source by the minute, and refuses those beyond the limit."""

    def __init__(self, limit: int, clock_ms: Callable[[], int]) -> None:
        self._limit, self._clock_ms = limit, clock_ms
        self._minute = 0
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def admit(self, source: str, items: int) -> None:
        """Count items in. Raises Refusal (429) that names the limit; nothing of them is taken then.

        A push of more than the limit is let in by itself, at the beginning of a minute: it could never come otherwise.
        """
        minute = self._clock_ms() // MINUTE_MS
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            before = self._counts.get(source, 0)
            if before and before + items > self._limit:
                text = (
                    f"The source {source[:80]!r} sent {before:,} items in this minute; with these {items:,} it would "
                    f"be more than the limit of {self._limit:,} (setting push_per_minute)."
                )
                raise Refusal(429, "Too many items", text)
            self._counts[source] = before + items
