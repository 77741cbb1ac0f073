"""Assessing changes again by itself while a server runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from cmdb.errors import CmdbError
from cmdb.service.lifecycle import number_of
from cmdb.service.statements import POLICY, Statements

log = structlog.get_logger()
REST = 10  # it rests that many times as long as it took, so that many changes leave the server its time


class Rechecker:
    """Assesses waiting changes again every so many seconds (0: never), in a thread of its own.

    Time matters as well as the ledger: a window passes, and what lapsed counts no more.
    """

    def __init__(self, statements: Statements, catch_up: Callable[[], None], every_s: float) -> None:
        self._statements, self._catch_up, self._every_s = statements, catch_up, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rechecker", daemon=True)

    def start(self) -> None:
        """Begin to assess in the background."""
        if self._every_s > 0:
            self._thread.start()

    def stop(self) -> None:
        """Stop; returns when what is under way has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        took = 0.0
        while not self._stop.wait(max(self._every_s, REST * took)):
            began = time.monotonic()
            self.once()
            took = time.monotonic() - began

    def once(self) -> None:
        """Assess once; what goes wrong is logged, and the next round takes it up."""
        try:
            self._catch_up()
            found = self._statements.recheck(POLICY)
        except CmdbError as error:
            log.warning("changes could not be assessed again", error=str(error))
        else:
            for change, said in found:
                log.info("a change does something else by now", change=number_of(change), changed=list(said.changed))
