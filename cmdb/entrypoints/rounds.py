"""Work that a server does by itself every so often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from cmdb.errors import CmdbError

log = structlog.get_logger()
REST = 10  # it rests that many times as long as it took, so that long work leaves the server its time


class Rounds:
    """Does some work every so many seconds (0: never), in a thread of its own.

    `failure` is what the log says where the work could not be done; `rest` is how many times as long as it took it
    rests at least.
    """

    def __init__(
        self, name: str, work: Callable[[], None], every_s: float, failure: str = "", rest: float = REST
    ) -> None:
        self._work, self._every_s, self._rest = work, every_s, rest
        self._failure = failure or f"{name}: it could not be done"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        if self._every_s > 0:
            self._thread.start()

    def stop(self) -> None:
        """Stop; returns when what is under way has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        took = 0.0
        while not self._stop.wait(max(self._every_s, self._rest * took)):
            began = time.monotonic()
            self.once()
            took = time.monotonic() - began

    def once(self) -> None:
        """Do it once; what goes wrong is logged, and the next round takes it up."""
        try:
            self._work()
        except CmdbError as error:
            log.warning(self._failure, error=str(error))
