"""The daily scan of the estate while a server runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from cmdb.impact.turns import Overtaken, Rest
from cmdb.service.scans import KINDS, Result, ScanKind, Scans, is_due, kept_scans, scan
from cmdb.topology import Topology

log = structlog.get_logger()
PAUSE_S = 0.0005  # long enough for whoever waits for the topology to get it
SCANS = "system:scans"  # who scans, for the ledger


class Scanner:
    """Scans once a day and keeps what it found; see `is_due` for when.

    It looks at the topology of the server; where a commit comes in meanwhile, at one of its own that `own` reads.
    """

    def __init__(self, scans: Scans, topology: Topology, own: Callable[[], Topology], limit_s: float) -> None:
        self._scans, self._topology, self._own, self._limit_s = scans, topology, own, limit_s
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End a scan that is under way; nothing of it is kept."""
        self._stopping.set()

    def run(self) -> None:
        """Scan now. Raises what the store raises."""
        now = self._scans.ingest.clock_ms()
        found: dict[ScanKind, Result] = {}
        own: Topology | None = None
        for kind in KINDS:
            try:
                found[kind] = scan(own or self._topology, kind, now, self._rest())
            except Overtaken:
                own = own or self._own()
                found[kind] = scan(own, kind, now, self._rest())
            if self._stopping.is_set():
                return
        for kept in self._scans.keep(found, SCANS, "the scan of the day", by_person=False):
            last = kept.runs[-1]
            log.info("scanned", kind=kept.kind, found=last.found, new=last.new, gone=last.gone, changed=last.changed)

    def _rest(self) -> Rest:
        end = time.monotonic() + self._limit_s

        def rest() -> bool:
            time.sleep(PAUSE_S)
            return time.monotonic() < end and not self._stopping.is_set()

        return rest


class Daily:
    """Scans when it is due, `minutes` after midnight (UTC); what failed is tried again the day after.

    A scan that was missed is made up for; where none was ever made, the next time is waited for.
    """

    def __init__(self, scanner: Scanner, scans: Scans, minutes: int) -> None:
        self._scanner, self._scans, self._minutes = scanner, scans, minutes
        self._last: int | None = None

    def once(self) -> None:
        """Scan if it is time for that."""
        now = self._scans.ingest.clock_ms()
        if self._last is not None and not is_due(self._last, now, self._minutes):
            return
        kept = (k.latest.at for k in kept_scans(self._scans.store))  # by another server as well
        self._last = max(*kept, self._last or 0, 0) or now
        if is_due(self._last, now, self._minutes):
            self._last = now
            if self._scans.store.head().sequence:
                self._scanner.run()
