"""The discovery loop: many targets at once, each of which ends as a value."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import structlog

from cmdb.observation import Report
from collectors.facts import Facts
from collectors.said_once import said_once
from collectors.transport.answers import Outcome
from collectors.transport.session import TransportFailure

log = structlog.get_logger()


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
class Told:
    """What a target told by one protocol. Where something of it is missing, `reason` and `detail` say what.

    `identity` and `around` are digests of what the device says it is, and of the neighbours it names. With `is_same`
    it was only asked whether it is still the device that it was, and it is: the report is empty then.
    """

    report: Report
    facts: Facts | None = None
    address: str = ""
    tables: tuple[TableRead, ...] = ()
    durations: Mapping[str, float] = field(default_factory=dict)  # seconds
    reason: str = ""
    detail: str = ""
    identity: str = ""
    around: str = ""
    is_same: bool = False


@dataclass(frozen=True)
class TargetResult:
    """What came of one target. `stage`, `reason` and `detail` say what went wrong; durations are in seconds."""

    target: str
    address: str
    state: State
    stage: str = ""
    reason: str = ""
    detail: str = ""
    told: tuple[Told, ...] = ()
    durations: Mapping[str, float] = field(default_factory=dict)


class Approach(Protocol):
    """One protocol by which a target can be asked."""

    @property
    def source(self) -> str:
        """The source that its reports have."""

    async def is_needed(self, told: Sequence[Told]) -> bool:
        """Whether to ask after what other protocols told: a printer needs no login."""

    async def ask(self, told: Sequence[Told], budget_s: float) -> Told:
        """Ask and interpret. Raises TransportFailure."""


class Target(Protocol):
    """Something that can be visited: a live device or its recordings."""

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

    @property
    def approaches(self) -> Sequence[Approach]:
        """The protocols, in the order in which they are tried."""


@dataclass(frozen=True)
class Bounds:
    """Limits of a run: devices at the same time in all and in one subnet, and the time for one device in seconds."""

    in_flight: int = 200
    in_flight_per_subnet: int = 64
    budget_s: float = 600.0
    grace_s: float = 30.0  # for what a device still has under way when its time is up


async def discover(targets: Iterable[Target], bounds: Bounds | None = None) -> AsyncGenerator[TargetResult, None]:
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
                    result = await visit(target, bounds)
            else:
                result = await visit(target, bounds)
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


@dataclass(frozen=True)
class Failed:
    """Why a target told nothing by one protocol."""

    source: str
    stage: str
    reason: str
    detail: str

    @property
    def is_silence(self) -> bool:
        """Whether nobody listens there, which by itself is no fault."""
        return self.stage == "probe" and self.reason in ("TIMEOUT", "REFUSED")


async def visit(target: Target, bounds: Bounds) -> TargetResult:
    """Ask a target by each protocol that is needed."""
    started = time.perf_counter()
    told: list[Told] = []
    failures: list[Failed] = []
    for approach in target.approaches:
        answer = await _ask(target, approach, told, bounds)
        if isinstance(answer, Told):
            told.append(answer)
        elif answer is not None:
            failures.append(answer)
    told = [replace(one, report=said_once(one.report, [other.report for other in told])) for one in told]
    return _result(target, told, failures, time.perf_counter() - started)


async def _ask(target: Target, approach: Approach, told: Sequence[Told], bounds: Bounds) -> Told | Failed | None:
    """The one place where any failure of a device becomes a value; None where there is no need to ask."""
    try:
        async with asyncio.timeout(bounds.budget_s + bounds.grace_s):
            return await approach.ask(told, bounds.budget_s) if await approach.is_needed(told) else None
    except TransportFailure as failure:
        return Failed(approach.source, failure.stage, failure.reason, failure.detail)
    except TimeoutError:
        return Failed(approach.source, "read", "BUDGET", f"more than {bounds.budget_s:g} s; nothing of it is used")
    except Exception as error:
        # A fault of this program at one device must not end the run of all others.
        log.exception("visit failed", target=target.name, source=approach.source)
        return Failed(approach.source, "interpret", "INTERNAL", f"{type(error).__name__}: {error}")


def _result(target: Target, told: Sequence[Told], failures: Sequence[Failed], total_s: float) -> TargetResult:
    """Sum up: a protocol at which nobody listens counts only where no other one told anything."""
    address = next((t.address for t in told if t.address), target.address)
    durations: dict[str, float] = {"total": total_s}
    if not told:
        failures = failures or [Failed("", "probe", "NO_PROTOCOL", _unasked(target))]
        loud = [f for f in failures if not f.is_silence]
        state = State.FAILED if loud or target.expected else State.SILENT
        why = (loud or failures)[0]
        detail = "; ".join(_said(f, len(failures) > 1) for f in loud or failures)
        return TargetResult(target.name, address, state, why.stage, why.reason, detail, durations=durations)
    for one in told:
        for step, seconds in one.durations.items():
            durations[step] = durations.get(step, 0.0) + seconds
    several = len(told) + len(failures) > 1
    wrong = [f for f in failures if not f.is_silence]
    lacking = [(t.reason, f"{t.report.source}: {t.detail}" if several else t.detail) for t in told if t.reason]
    reasons = [*lacking, *((f.reason, _said(f, several)) for f in wrong)]
    if not reasons:
        return TargetResult(target.name, address, State.OK, told=tuple(told), durations=durations)
    detail = "; ".join(text for _, text in reasons)
    stage = "read" if lacking else wrong[0].stage
    return TargetResult(
        target.name, address, State.PARTIAL, stage, reasons[0][0], detail, tuple(told), durations
    )  # fmt: skip


def _unasked(target: Target) -> str:
    """Why nobody asked a target."""
    if not target.approaches:
        return "its scope names no protocol to ask it by"
    named = " and ".join(approach.source for approach in target.approaches)
    return f"its scope names {named} only, which does not suit what greets there"


def _said(failure: Failed, by_source: bool) -> str:
    return f"{failure.source}: {failure.detail}" if by_source else failure.detail


async def collect(targets: Iterable[Target], bounds: Bounds | None = None) -> list[TargetResult]:
    """All results at once, in the order of names; for callers that need no progress."""
    async with aclosing(discover(targets, bounds)) as results:
        return sorted([result async for result in results], key=lambda result: result.target)
