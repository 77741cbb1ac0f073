"""A discovery run: what collectors find goes to ingest in batches, failures are kept, progress is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from cmdb.entrypoints.wiring import Wired, clock_ms, new_id
from cmdb.errors import NotFound, UsageError
from cmdb.observation import Report
from cmdb.reconcile.draft import Problem
from cmdb.store.protocol import RunRecord, TargetOutcome
from collectors.discover import Bounds, State, Target, TargetResult, Work
from collectors.live import discover_live
from collectors.scopes import TargetSpec
from collectors.snmp.interpret import interpret
from collectors.snmp.read import read_device
from collectors.snmp.reads import TABLES
from collectors.targets import LiveTarget, ReplayTarget
from collectors.transport.client import Client
from collectors.transport.replay import find_recordings

log = structlog.get_logger()
COLUMNS = {oid: f"{table.name}.{column}" for table in TABLES for column, oid in table.columns.items()}
FULL_SUCCESS, PARTIAL_SUCCESS, NOTHING_ANSWERED = 0, 6, 7


@dataclass
class Progress:
    """Where a run stands. `total` is the number of targets; silent addresses of ranges are `absent`, not failures."""

    total: int
    states: Counter[str] = field(default_factory=Counter)
    sequence: int = 0
    commits: int = 0
    changes: int = 0
    outcomes: list[TargetOutcome] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Targets that are finished."""
        return self.states.total()

    def exit_code(self) -> int:
        """0: all targets were read; 6: some were not; 7: none answered."""
        bad = self.states[State.PARTIAL] + self.states[State.FAILED]
        if not bad:
            return FULL_SUCCESS
        answered = self.states[State.OK] + self.states[State.PARTIAL]
        return PARTIAL_SUCCESS if answered else NOTHING_ANSWERED


def live(specs: Iterable[TargetSpec]) -> list[Target]:
    """Targets on the network, with one client for all."""
    client = Client()
    return [LiveTarget(spec, client) for spec in specs]


def recorded(paths: Sequence[Path], targets_file: Path | None = None) -> list[Target]:
    """Targets that recordings answer for. Raises NotFound where there is none."""
    found = find_recordings(paths, targets_file)
    if not found:
        raise NotFound(f"no recording (NAME.snmprec, NAME.snmprec.bz2) in {', '.join(map(str, paths))}")
    return [ReplayTarget(r) for r in found]


async def discover_into(
    parts: Wired, targets: Iterable[Target], progress: Progress, actor: str, reason: str, tell: Callable[[], None]
) -> None:
    """Discover targets and take in what they say; the run and how each target ended are kept in the store."""
    started = clock_ms()
    work = Work(read_device, interpret, clock_ms, COLUMNS)
    finished = False
    try:
        async with aclosing(discover_live(targets, work, Bounds(in_flight=parts.settings.in_flight))) as results:
            await run(parts, results, progress, actor, reason, tell)
        finished = True
    finally:
        complete = finished and progress.done == progress.total
        record = RunRecord(new_id(), reason, actor, started, clock_ms(), complete, tuple(progress.outcomes))
        parts.store.save_run(record)


async def run(
    parts: Wired,
    results: AsyncIterator[TargetResult],
    progress: Progress,
    actor: str,
    reason: str,
    tell: Callable[[], None],
) -> None:
    """Take results in as they come, in batches; cancelling it keeps what was committed and writes what is complete."""
    batch: list[Report] = []
    size = 0
    try:
        async for result in results:
            progress.states[result.state] += 1
            if result.state is not State.OK and result.state is not State.SILENT:
                progress.outcomes.append(outcome_of(result))
            if result.report is not None:
                batch.append(result.report)
                size += len(result.report.observations)
            if size >= parts.settings.batch_observations:
                await asyncio.to_thread(_write, parts, batch, progress, actor, reason)
                batch, size = [], 0
            tell()
    finally:
        if batch:
            await asyncio.shield(asyncio.to_thread(_write, parts, batch, progress, actor, reason))
            tell()


def _write(parts: Wired, batch: list[Report], progress: Progress, actor: str, reason: str) -> None:
    done = parts.ingest.run(batch, actor, reason)
    progress.sequence = done.sequence
    progress.commits += done.committed
    progress.changes += len(done.change_set.changes)
    progress.problems += done.problems
    for problem in done.problems:
        where = {"origin": problem.origin, "path": problem.path, "field": problem.field}
        log.warning("not taken", **where, message=problem.message)


def outcome_of(result: TargetResult) -> TargetOutcome:
    """What a person wants to know of a target that did not go well."""
    return TargetOutcome(result.target, result.state.value, result.stage, result.reason, result.detail)


def record_target(specs: Sequence[TargetSpec], folder: Path) -> list[Path]:
    """Read live targets and write their raw answers as recordings; returns the files. Raises TransportFailure.

    Raises UsageError where the folder can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} can't be the folder of recordings: {error.strerror}") from error
    return asyncio.run(_record(specs, folder))


async def _record(specs: Sequence[TargetSpec], folder: Path) -> list[Path]:
    from collectors.transport.record import record

    client = Client()
    return [file for spec in specs for file in await record(LiveTarget(spec, client), read_device, folder)]
