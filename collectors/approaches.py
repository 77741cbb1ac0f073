"""The protocols by which a target is asked, each from its first packet to a report."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from cmdb.errors import CmdbError
from cmdb.observation import Report
from collectors.discover import TableRead, Told
from collectors.facts import Facts
from collectors.hosts.interpret import interpret as interpret_host
from collectors.hosts.read import read_host
from collectors.transport.answers import Answers, Oid, Outcome, Varbind, dotted
from collectors.transport.host_answers import HostSession
from collectors.transport.session import SnmpSession

SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
ENGINE_BOOTS: Oid = (1, 3, 6, 1, 6, 3, 10, 2, 1, 2, 0)
READ_TO_ITS_END = frozenset((Outcome.COMPLETE, Outcome.EMPTY, Outcome.NO_SUCH_OBJECT))

HAVE_A_SHELL = frozenset(("Computer", "VirtualMachine", "StorageDevice"))

_TICKS = 1 << 32  # sysUpTime begins again after 497 days
_MOST_NAMED = 10  # tables named in a detail

Read = Callable[[SnmpSession], Awaitable[Answers]]
Interpret = Callable[[str, str, Answers, int], tuple[Report, Facts | None]]
Clock = Callable[[], int]


@dataclass(frozen=True)
class Work:
    """How SNMP agents are read. `clock` gives epoch milliseconds, `names` the names of tables and columns.

    `beside` are the columns from which nothing in the report follows: where one of them is not read to its end, the
    report is complete all the same.
    """

    read: Read
    interpret: Interpret
    clock: Clock
    names: Mapping[Oid, str] = field(default_factory=dict)
    beside: frozenset[Oid] = frozenset()


@dataclass(frozen=True)
class OverSnmp:
    """Asking an agent; `open` gives a session that ends its walks after the seconds given."""

    target: str
    open: Callable[[float], AbstractAsyncContextManager[SnmpSession]]
    work: Work

    source = "snmp"

    def is_needed(self, told: Sequence[Told]) -> bool:
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
            answers = await work.read(session)
            trouble = await _trouble(session, before)
            address = session.address
            times["read"] = time.perf_counter()
        report, facts = work.interpret(self.target, address, answers, at)
        times["interpret"] = time.perf_counter()
        tables = tuple(_tables(answers, work.names))
        bad = [table for table in tables if table.outcome not in READ_TO_ITS_END]
        durations = {name: times[name] - times[last] for last, name in pairwise(times)}
        if not bad and not trouble:
            return Told(report, facts, address, tables, durations)
        if trouble or any(w.outcome not in READ_TO_ITS_END for r, w in answers.tables.items() if r not in work.beside):
            report = msgspec.structs.replace(report, complete=False)
        detail = "; ".join(filter(None, (trouble, _named(bad))))
        return Told(report, facts, address, tables, durations, bad[0].outcome.value if bad else "RESTARTED", detail)


@dataclass(frozen=True)
class OverSsh:
    """Asking a host; `open` gives a session that ends after the seconds given."""

    target: str
    open: Callable[[float], AbstractAsyncContextManager[HostSession]]
    clock: Clock

    source = "ssh"

    def is_needed(self, told: Sequence[Told]) -> bool:
        """Where nothing is known yet, or what is known has a shell: no printer, UPS or switch is logged in to."""
        classes = {t.report.observations[0].ci_class for t in told if t.report.observations}
        return not classes or bool(classes & HAVE_A_SHELL)

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
