"""Assessing changes again by itself while a server runs."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from cmdb.entrypoints.rounds import Rounds
from cmdb.service.lifecycle import number_of
from cmdb.service.statements import POLICY, Statements

log = structlog.get_logger()


class Rechecker(Rounds):
    """Assesses waiting changes again every so many seconds (0: never), in a thread of its own.

    Time matters as well as the ledger: a window passes, and what lapsed counts no more.
    """

    def __init__(self, statements: Statements, catch_up: Callable[[], None], every_s: float) -> None:
        self._statements, self._catch_up = statements, catch_up
        super().__init__("rechecker", self._recheck, every_s, "changes could not be assessed again")

    def _recheck(self) -> None:
        self._catch_up()
        for change, said in self._statements.recheck(POLICY):
            log.info("a change does something else by now", change=number_of(change), changed=list(said.changed))
