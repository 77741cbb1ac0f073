"""Sweeping by itself while a server runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from cmdb.errors import CmdbError
from cmdb.sweep import Swept

log = structlog.get_logger()


class Sweeper:
    """Sweeps every so many seconds in a thread of its own; 0 seconds: never."""

    def __init__(self, sweep: Callable[[], Swept], every_s: float) -> None:
        self._sweep, self._every_s = sweep, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin to sweep in the background."""
        if self._every_s > 0:
            self._thread.start()

    def stop(self) -> None:
        """Stop sweeping; returns when a sweep under way has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self.once()

    def once(self) -> None:
        """Sweep once; what goes wrong is logged, and the next sweep takes it up."""
        try:
            done = self._sweep()
        except CmdbError as error:
            log.warning("the sweep was cut short", error=str(error))
        else:
            if done.commits:
                log.info("swept", stale=done.stale, missing=done.missing, retired=done.retired, ended=done.ended)
