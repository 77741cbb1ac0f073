"""The protocols by which a target is asked, each from its first packet to a report."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import msgspec

from cmdb.errors import CmdbError, Invalid
from cmdb.observation import Report
from collectors.cli.interpret import interpret as interpret_cli
from collectors.cli.interpret import not_understood
from collectors.cli.platform import platform_named, platform_of_text
from collectors.discover import TableRead, Told
from collectors.facts import Facts
from collectors.hosts.interpret import interpret as interpret_host
from collectors.hosts.read import read_host
from collectors.transport.answers import Answers, Oid, Outcome, Varbind, dotted
from collectors.transport.commands import CliAnswers
from collectors.transport.commands import Outcome as Ended
from collectors.transport.host_answers import HostSession
from collectors.transport.network_cli import GENERIC, NetworkSession
from collectors.transport.session import SnmpSession, TransportFailure
from collectors.way_in import Way, known_platform

SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
ENGINE_BOOTS: Oid = (1, 3, 6, 1, 6, 3, 10, 2, 1, 2, 0)
READ_TO_ITS_END = frozenset((Outcome.COMPLETE, Outcome.EMPTY, Outcome.NO_SUCH_OBJECT))

_TICKS = 1 << 32  # sysUpTime begins again after 497 days
_MOST_NAMED = 10  # tables named in a detail
_SHOWN = 80  # characters of what a device says of itself
TELL_VERSIONS = ("show version", "display version")

# A command that a device does not know is an answer, as an object is that an agent does not have.
_AS_TABLE = {
    Ended.READ: Outcome.COMPLETE,
    Ended.REFUSED: Outcome.NO_SUCH_OBJECT,
    Ended.TIMEOUT: Outcome.TIMEOUT,
    Ended.CUT: Outcome.CUT,
}

Read = Callable[[SnmpSession], Awaitable[Answers]]
Interpret = Callable[[str, str, Answers, int], tuple[Report, Facts | None]]
Clock = Callable[[], int]


@dataclass(frozen=True)
class Work:
    """How SNMP agents are read. `clock` gives epoch milliseconds, `names` the names of tables and columns.

    `beside` are the columns from which nothing in the report follows: where one of them is not read to its end, the
    report is complete all the same. `identity` are the instances that say which device it is; who has still the
    identity (a digest of them) that `known` gives for its target is asked nothing else.
    """

    read: Read
    interpret: Interpret
    clock: Clock
    names: Mapping[Oid, str] = field(default_factory=dict)
    beside: frozenset[Oid] = frozenset()
    identity: tuple[Oid, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OverSnmp:
    """Asking an agent; `open` gives a session that ends its walks after the seconds given."""

    target: str
    open: Callable[[float], AbstractAsyncContextManager[SnmpSession]]
    work: Work

    source = "snmp"

    async def is_needed(self, told: Sequence[Told]) -> bool:
        """Always: it comes first, and tells what else is worth asking."""
        return True

    async def ask(self, told: Sequence[Told], budget_s: float) -> Told:
        """Read the tables and interpret them. Raises TransportFailure."""
        work = self.work
        times = {"started": time.perf_counter()}
        async with self.open(budget_s) as session:
            times["open"] = time.perf_counter()
            before = await session.get((SYS_UP_TIME, ENGINE_BOOTS))
            at = work.clock()
            known = work.known.get(self.target)
            if known and known == _identity(work.identity, await session.get(work.identity)):
                report = Report(self.source, self.target, at, (), complete=False)
                return Told(report, address=session.address, identity=known, is_same=True)
            answers = await work.read(session)
            trouble = await _trouble(session, before)
            address = session.address
            times["read"] = time.perf_counter()
        report, facts = work.interpret(self.target, address, answers, at)
        times["interpret"] = time.perf_counter()
        tables = tuple(_tables(answers, work.names))
        bad = [table for table in tables if table.outcome not in READ_TO_ITS_END]
        durations = {name: times[name] - times[last] for last, name in pairwise(times)}
        digests = _identity(work.identity, answers.scalars), _around(facts)
        if not bad and not trouble:
            return Told(report, facts, address, tables, durations, "", "", *digests)
        if trouble or any(w.outcome not in READ_TO_ITS_END for r, w in answers.tables.items() if r not in work.beside):
            report = msgspec.structs.replace(report, complete=False)
        detail = "; ".join(filter(None, (trouble, _named(bad))))
        reason = bad[0].outcome.value if bad else "RESTARTED"
        return Told(report, facts, address, tables, durations, reason, detail, *digests)


class LoginDoor(Protocol):
    """Knows in which way a target is logged in to."""

    async def way(self, told: Sequence[Told]) -> Way:
        """The way, after what SNMP told."""


@dataclass(frozen=True)
class OverSsh:
    """Asking a host; `open` gives a session that ends after the seconds given."""

    target: str
    open: Callable[[float], AbstractAsyncContextManager[HostSession]]
    clock: Clock
    door: LoginDoor

    source = "ssh"

    async def is_needed(self, told: Sequence[Told]) -> bool:
        """Where there is a shell: no printer, UPS or switch is told to run one."""
        return not _is_settled(told) and await self.door.way(told) == "shell"

    async def ask(self, told: Sequence[Told], budget_s: float) -> Told:
        """Run the script and interpret what it says. Raises TransportFailure."""
        times = {"started": time.perf_counter()}
        async with self.open(budget_s) as session:
            times["open"] = time.perf_counter()
            at = self.clock()
            answers = await read_host(session)
            address = session.address
            times["read"] = time.perf_counter()
        report, facts = interpret_host(self.target, address, answers, at)
        times["interpret"] = time.perf_counter()
        durations = {name: times[name] - times[last] for last, name in pairwise(times)}
        if answers.outcome is Outcome.COMPLETE:
            return Told(report, facts, address, durations=durations)
        return Told(report, facts, address, (), durations, answers.outcome.value, answers.detail)


@dataclass(frozen=True)
class OverCli:
    """Asking a network device on its command line; `open` gives a session of a platform for the seconds given.

    `beside_snmp` says that its agent is asked too, whether it answers this time or not.
    """

    target: str
    open: Callable[[str, float], AbstractAsyncContextManager[NetworkSession]]
    clock: Clock
    door: LoginDoor
    beside_snmp: bool = False

    source = "netmiko"

    async def is_needed(self, told: Sequence[Told]) -> bool:
        """Where the device has a command line that is understood, or may have one."""
        return not _is_settled(told) and await self.door.way(told) == "command line"

    async def ask(self, told: Sequence[Told], budget_s: float) -> Told:
        """Run show commands and interpret what they print. Raises TransportFailure."""
        times = {"started": time.perf_counter()}
        at = self.clock()
        address, answers = await self.read(told, budget_s)
        times["read"] = time.perf_counter()
        try:
            # A text that is made to be slow must not hold up all other devices.
            given = (self.target, address, answers, at, self.beside_snmp)
            report, facts = await asyncio.to_thread(interpret_cli, *given)
            lacking = () if report.complete else await asyncio.to_thread(not_understood, answers)
        except Invalid as error:
            raise TransportFailure(self.target, "interpret", "UNKNOWN_PLATFORM", str(error)) from error
        times["interpret"] = time.perf_counter()
        durations = {name: times[name] - times[last] for last, name in pairwise(times)}
        tables = tuple(
            TableRead(a.command, _AS_TABLE[a.outcome], a.text.count("\n") + 1 if a.text else 0, a.detail)
            for a in answers.commands.values()
        )
        bad = [table for table in tables if table.outcome not in READ_TO_ITS_END]
        if bad:
            return Told(report, facts, address, tables, durations, bad[0].outcome.value, _named(bad))
        if lacking:
            detail = f"not understood: {', '.join(lacking)}"
            return Told(report, facts, address, tables, durations, Outcome.UNDECODABLE.value, detail)
        return Told(report, facts, address, tables, durations)

    async def read(self, told: Sequence[Told], budget_s: float) -> tuple[str, CliAnswers]:
        """The address that answered, and what it answered. Raises TransportFailure."""
        end = time.monotonic() + budget_s
        async with self.open(known_platform(told) or GENERIC, budget_s) as session:
            if session.platform != GENERIC:
                return session.address, await self._run(session)
            platform = await self._recognise(session)
        # The terminal of a known platform is made ready first: without a pager, with wide lines.
        async with self.open(platform, max(0.0, end - time.monotonic())) as session:
            return session.address, await self._run(session)

    async def _run(self, session: NetworkSession) -> CliAnswers:
        platform = platform_named(session.platform)
        if platform is None:
            detail = f"no platform file has the device type {session.platform!r}"
            raise TransportFailure(self.target, "read", "UNKNOWN_PLATFORM", detail)
        answers = await session.run(platform.commands)
        if not answers.commands:
            raise TransportFailure(self.target, "read", "UNDECODABLE", "no command of its platform was answered")
        return answers

    async def _recognise(self, session: NetworkSession) -> str:
        answers = await session.run(TELL_VERSIONS)
        found = platform_of_text(session.banner, *(answers.text(command) or "" for command in TELL_VERSIONS))
        if found is None:
            said = " ".join(" ".join(a.text for a in answers.commands.values()).split())[:_SHOWN]
            detail = f"logged in, and its answer to {' and '.join(TELL_VERSIONS)} fits no platform known here: {said!r}"
            raise TransportFailure(self.target, "read", "UNKNOWN_PLATFORM", detail)
        return found


def _is_settled(told: Sequence[Told]) -> bool:
    """Whether the device is known to be what it was, which was the question."""
    return any(one.is_same for one in told)


def _identity(wanted: Sequence[Oid], found: Mapping[Oid, Varbind]) -> str:
    """A digest of what a device says it is; "" where it says nothing."""
    values = [found[oid].value if oid in found else None for oid in wanted]
    return _digest(values) if any(value is not None for value in values) else ""


def _around(facts: Facts | None) -> str:
    """A digest of the neighbours that a device names, in whatever order; "" where they were not asked for."""
    return "" if facts is None else _digest(sorted(map(repr, facts.neighbours)))


def _digest(said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


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
