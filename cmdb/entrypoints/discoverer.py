"""Discovering by itself while a server runs, as the schedules of the scopes say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace

import structlog

from cmdb.entrypoints.discovery import Errand, Progress, discover_into
from cmdb.entrypoints.live import live
from cmdb.entrypoints.rounds import Rounds
from cmdb.entrypoints.schedule import awake, due
from cmdb.entrypoints.scoping import followed, scopes_of, with_followed
from cmdb.entrypoints.visits import known_visits, visits_in
from cmdb.entrypoints.wiring import Wired
from cmdb.errors import CmdbError
from cmdb.ingest import Ingest
from collectors.kinds import Kind, errands
from collectors.scopes import Scope, Scopes, TargetSpec

log = structlog.get_logger()
LOOK_S = 30  # so often it is looked what is due
DISCOVERS = "system:discovery"  # who discovers, for the ledger
_RETRY_MS = 60_000  # after a visit of a scope that could not be made; twice as long each time
_MOST_RETRIES = 10  # doublings


class Discoverer(Rounds):
    """Visits scopes when they are due, one after the other, in a thread of its own.

    Scopes are read anew before each round; where the file has become wrong, those from before hold.
    """

    def __init__(self, parts: Wired, ingest: Ingest, clock_ms: Callable[[], int], look_s: float = LOOK_S) -> None:
        """Raises UsageError where the scopes can't be understood."""
        self._parts, self._clock_ms = replace(parts, ingest=ingest), clock_ms
        self._scopes = scopes_of(parts.settings)
        self._complaint = ""
        self._failed: dict[str, tuple[int, int]] = {}  # scope: failures in a row, and when to try again
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None
        super().__init__("discoverer", self.look, look_s, "a scope could not be visited", rest=0)

    def stop(self) -> None:
        """Stop what is under way: what was read is kept, and the next run goes on."""
        self._stop.set()
        if (running := self._running) is not None:
            with suppress(RuntimeError):  # it came to its end just now
                running[0].call_soon_threadsafe(running[1].cancel)
        super().stop()

    def look(self) -> None:
        """Visit what is due."""
        self._reread()
        for scope in self._scopes.scopes:
            if self._stop.is_set():
                return
            failures, wait_until = self._failed.get(scope.name, (0, 0))
            if not scope.every_s or self._clock_ms() < wait_until:
                continue
            try:
                self._visit(scope)
                self._failed.pop(scope.name, None)
            except Exception as error:
                wait_ms = _RETRY_MS << min(failures, _MOST_RETRIES)
                self._failed[scope.name] = failures + 1, self._clock_ms() + wait_ms
                if isinstance(error, CmdbError):
                    log.warning("a scope could not be visited", scope=scope.name, error=str(error))
                else:  # a fault of this program at one scope must not end the rounds of all others
                    log.exception("a scope could not be visited", scope=scope.name)

    def _reread(self) -> None:
        complaint = ""
        try:
            self._scopes = scopes_of(self._parts.settings)
        except CmdbError as error:
            complaint = str(error)
        if complaint and complaint != self._complaint:
            log.warning("the scopes are wrong, those from before hold", error=complaint)
        self._complaint = complaint

    def _visit(self, scope: Scope) -> None:
        with visits_in(self._parts.settings.data_dir) as visits:
            wanted = due(scope, visits.started(), self._clock_ms())
        for kinds in errands(wanted):
            if not self._stop.is_set():
                self._go(scope, kinds)

    def _go(self, scope: Scope, kinds: frozenset[Kind]) -> None:
        settings = self._parts.settings
        specs = targets_of(self._scopes, scope, kinds, self._parts, self._clock_ms())
        progress = Progress(len(specs))
        reason = f"discovery of {scope.name}"
        errand = Errand(DISCOVERS, reason, kinds != {Kind.NEIGHBOURS}, kinds, (scope.name,))
        with live(specs, settings, kinds=kinds) as found:
            following = followed(self._scopes, specs, found) if scope.crawl and kinds != {Kind.NEIGHBOURS} else None
            self._until_done(lambda: discover_into(self._parts, found.targets, progress, errand, _silently, following))
        log.info("discovered", scope=scope.name, kinds=sorted(kinds), commits=progress.commits, **progress.states)

    def _until_done(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        async def run() -> None:
            task = asyncio.ensure_future(work())
            self._running = asyncio.get_running_loop(), task
            if self._stop.is_set():
                task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                log.info("discovery was stopped; the next run goes on")
            finally:
                self._running = None

        asyncio.run(run())


def _silently() -> None:
    """Nobody watches."""


def targets_of(scopes: Scopes, scope: Scope, kinds: frozenset[Kind], parts: Wired, now: int) -> list[TargetSpec]:
    """The targets of a scope that a visit of these kinds asks."""
    known = known_visits(parts.settings.data_dir)
    own = [spec for spec in scopes.targets() if spec.scope == scope.name]
    specs = with_followed(scopes, own, [scope.name], parts.settings)
    if kinds == {Kind.NEIGHBOURS}:  # of those that are known: who is new is read in full by the other kinds
        specs = [s for s in specs if s.name in known and known[s.name].read_at and known[s.name].snmp]
    chosen = awake((spec.name for spec in specs), known, now)
    return [spec for spec in specs if spec.name in chosen]
