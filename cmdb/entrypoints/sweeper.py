"""Sweeping by itself while a server runs."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from cmdb.entrypoints.rounds import Rounds
from cmdb.sweep import Swept

log = structlog.get_logger()


class Sweeper(Rounds):
    """Sweeps every so many seconds in a thread of its own; 0 seconds: never."""

    def __init__(self, sweep: Callable[[], Swept], every_s: float) -> None:
        self._sweep = sweep
        super().__init__("sweeper", self._sweep_once, every_s, "the sweep was cut short", rest=0)

    def _sweep_once(self) -> None:
        done = self._sweep()
        if done.commits:
            log.info("swept", stale=done.stale, missing=done.missing, retired=done.retired, ended=done.ended)
