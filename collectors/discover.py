"""The discovery loop: many targets at once, each of which ends as a value."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

import msgspec
import structlog

from cmdb.errors import CmdbError
from cmdb.observation import Report
from collectors.transport.answers import Answers, Oid, Outcome, Varbind, dotted
from collectors.transport.session import SnmpSession, TransportFailure

SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
ENGINE_BOOTS: Oid = (1, 3, 6, 1, 6, 3, 10, 2, 1, 2, 0)
READ_TO_ITS_END = frozenset((Outcome.COMPLETE, Outcome.EMPTY, Outcome.NO_SUCH_OBJECT))

_TICKS = 1 << 32  # sysUpTime begins again after 497 days
_MOST_NAMED = 10  # tables named in a detail

log = structlog.get_logger()

Read = Callable[[SnmpSession], Awaitable[Answers]]
Interpret = Callable[[str, str, Answers, int], Report]
Clock = Callable[[], int]


class State(StrEnum):
    """How the visit of a target ended."""

    OK = "OK"
    PARTIAL = "PARTIAL"  # some tables could not be read
    FAILED = "FAILED"
    SILENT = "SILENT"  # an address of a range at which nobody answered; no fault


@dataclass(frozen=True)
class TableRead:
    """How the reading of one table or column ended."""

    name: str
    outcome: Outcome
    rows: int
    detail: str = ""
    context: str = ""


@dataclass(frozen=True)
class TargetResult:
    """What came of one target. `stage`, `reason` and `detail` say what went wrong; durations are in seconds."""

    target: str
    address: str
    state: State
    stage: str = ""
    reason: str = ""
    detail: str = ""
    report: Report | None = None
    tables: tuple[TableRead, ...] = ()
    durations: Mapping[str, float] = field(default_factory=dict)


class Target(Protocol):
    """Something that can be visited: a live agent or a recording."""

    @property
    def name(self) -> str:
        """The target's name."""

    @property
    def address(self) -> str:
        """Address or host name; "" where it is not known."""

    @property
    def subnet(self) -> str:
        """Targets of one subnet are limited together; "" for no limit."""

    @property
    def expected(self) -> bool:
        """False where nobody need be there."""

    def open(self, budget_s: float) -> AbstractAsyncContextManager[SnmpSession]:
        """A session; walks in it end after `budget_s` seconds. Raises TransportFailure."""


@dataclass(frozen=True)
class Bounds:
    """Limits of a run: devices at the same time in all and in one subnet, and the time for one device in seconds."""

    in_flight: int = 200
    in_flight_per_subnet: int = 64
    budget_s: float = 600.0
    grace_s: float = 30.0  # for what a device still has under way when its time is up


@dataclass(frozen=True)
class Work:
    """What to do with each target. `clock` gives epoch milliseconds, `names` the names of tables and columns."""

    read: Read
    interpret: Interpret
    clock: Clock
    names: Mapping[Oid, str] = field(default_factory=dict)


async def discover(
    targets: Iterable[Target], work: Work, bounds: Bounds | None = None
) -> AsyncGenerator[TargetResult, None]:
    """Visit the targets, many at once, and give each result as it comes.

    Closing the iterator, or cancelling the task that iterates, stops all visits before it returns. Whatever happens at
    one target is a result; nothing is raised for it.
    """
    bounds = bounds or Bounds()
    queue: asyncio.Queue[TargetResult | None] = asyncio.Queue(maxsize=bounds.in_flight)
    spaced = spread(targets)
    waiting = iter(spaced)
    subnets: dict[str, asyncio.Semaphore] = {}

    async def worker() -> None:
        for target in waiting:
            if target.subnet:
                gate = subnets.setdefault(target.subnet, asyncio.Semaphore(bounds.in_flight_per_subnet))
                async with gate:
                    result = await visit(target, work, bounds)
            else:
                result = await visit(target, work, bounds)
            await queue.put(result)
        await queue.put(None)

    workers = [asyncio.ensure_future(worker()) for _ in range(min(bounds.in_flight, len(spaced)))]
    try:
        finished = 0
        while finished < len(workers):
            result = await queue.get()
            if result is None:
                finished += 1
            else:
                yield result
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def spread(targets: Iterable[Target]) -> list[Target]:
    """Order targets so that neighbours in the list lie in different subnets where possible, each device once.

    The first of several targets with one name counts.
    """
    subnets: dict[str, list[Target]] = {}
    seen: set[str] = set()
    for target in targets:
        if target.name not in seen:
            seen.add(target.name)
            subnets.setdefault(target.subnet, []).append(target)
    places = sorted((place, name) for name, members in subnets.items() for place in range(len(members)))
    return [subnets[name][place] for place, name in places]


async def visit(target: Target, work: Work, bounds: Bounds) -> TargetResult:
    """Read and interpret one target. The one place where any failure of a device becomes a value."""
    started = time.perf_counter()

    def failed(stage: str, reason: str, detail: str) -> TargetResult:
        silent = reason in ("TIMEOUT", "REFUSED") and stage == "probe" and not target.expected
        state = State.SILENT if silent else State.FAILED
        durations = {"total": time.perf_counter() - started}
        return TargetResult(target.name, target.address, state, stage, reason, detail, durations=durations)

    try:
        async with asyncio.timeout(bounds.budget_s + bounds.grace_s):
            return await _visit(target, work, bounds)
    except TransportFailure as failure:
        return failed(failure.stage, failure.reason, failure.detail)
    except TimeoutError:
        return failed("read", "BUDGET", f"more than {bounds.budget_s:g} s; nothing of it is used")
    except Exception as error:
        # A fault of this program at one device must not end the run of all others.
        log.exception("visit failed", target=target.name)
        return failed("interpret", "INTERNAL", f"{type(error).__name__}: {error}")


async def _visit(target: Target, work: Work, bounds: Bounds) -> TargetResult:
    times = {"started": time.perf_counter()}
    async with target.open(bounds.budget_s) as session:
        address = session.address or target.address
        times["open"] = time.perf_counter()
        before = await session.get((SYS_UP_TIME, ENGINE_BOOTS))
        at = work.clock()
        answers = await work.read(session)
        trouble = await _trouble(session, before)
        times["read"] = time.perf_counter()
    report = work.interpret(target.name, session.address, answers, at)
    times["interpret"] = time.perf_counter()
    tables = tuple(_tables(answers, work.names))
    bad = [table for table in tables if table.outcome not in READ_TO_ITS_END]
    durations = _durations(times)
    if not bad and not trouble:
        return TargetResult(
            target.name, address, State.OK, report=report, tables=tables, durations=durations
        )  # fmt: skip
    report = msgspec.structs.replace(report, complete=False)
    detail = "; ".join(filter(None, (trouble, _named(bad))))
    reason = bad[0].outcome.value if bad else "RESTARTED"
    return TargetResult(
        target.name, address, State.PARTIAL, "read", reason, detail, report, tables, durations
    )  # fmt: skip


async def _trouble(session: SnmpSession, before: Mapping[Oid, Varbind]) -> str:
    """Why what was read may not belong together; "" if it does. A device that restarted was not read completely."""
    try:
        after = await session.get((SYS_UP_TIME, ENGINE_BOOTS))
    except CmdbError as error:
        return f"it did not answer at the end: {error}"
    boots = [_number(answer, ENGINE_BOOTS) for answer in (before, after)]
    if boots[0] is not None and boots[1] is not None and boots[0] != boots[1]:
        return "the device restarted while it was read"
    ticks = [_number(answer, SYS_UP_TIME) for answer in (before, after)]
    if ticks[0] is None or ticks[1] is None or ticks[1] >= ticks[0]:
        return ""
    wrapped = ticks[1] + _TICKS - ticks[0] < 100 * 3600  # less than an hour went by
    return "" if wrapped else "the device restarted while it was read"


def _number(answer: Mapping[Oid, Varbind], oid: Oid) -> int | None:
    varbind = answer.get(oid)
    return varbind.value if varbind and isinstance(varbind.value, int) else None


def _tables(answers: Answers, names: Mapping[Oid, str], context: str = "") -> list[TableRead]:
    found = [
        TableRead(names.get(root, dotted(root)), walk.outcome, len(walk.varbinds), walk.detail, context)
        for root, walk in answers.tables.items()
    ]
    for name, inner in answers.contexts.items():
        found += _tables(inner, names, name)
    return found


def _named(bad: list[TableRead]) -> str:
    if not bad:
        return ""
    shown = (f"{t.name}{'@' + t.context if t.context else ''} ({t.outcome})" for t in bad[:_MOST_NAMED])
    more = f" and {len(bad) - _MOST_NAMED} more" if len(bad) > _MOST_NAMED else ""
    return f"not read to the end: {', '.join(shown)}{more}"


def _durations(times: Mapping[str, float]) -> dict[str, float]:
    steps = {name: times[name] - times[last] for last, name in pairwise(times)}
    return steps | {"total": sum(steps.values())}


async def collect(targets: Iterable[Target], work: Work, bounds: Bounds | None = None) -> list[TargetResult]:
    """All results at once, in the order of names; for callers that need no progress."""
    async with aclosing(discover(targets, work, bounds)) as results:
        return sorted([result async for result in results], key=lambda result: result.target)
