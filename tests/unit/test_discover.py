"""The discovery loop: every target ends as a value, whatever happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import structlog.testing

from cmdb.observation import Observation, Report
from collectors.approaches import OverSnmp, Work
from collectors.discover import Approach, Bounds, State, Told, collect, discover, spread
from collectors.responders.agent import Faults
from collectors.responders.serve import serve
from collectors.scopes import TargetSpec
from collectors.targets import LiveTarget, Means, ReplayTarget
from collectors.transport.answers import Answers, Oid, Outcome, Varbind, Walk
from collectors.transport.client import Client
from collectors.transport.replay import find_recordings
from collectors.transport.session import SnmpSession, TransportFailure
from tests.unit.snmp_transport_agents import HASTY, IF_DESCR, IF_MTU, QUICK, agent, community

UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
BOOTS: Oid = (1, 3, 6, 1, 6, 3, 10, 2, 1, 2, 0)
NAMES = {IF_DESCR: "interfaces.descr", IF_MTU: "interfaces.mtu"}


async def read(session: SnmpSession) -> Answers:
    answers = Answers()
    for root in (IF_DESCR, IF_MTU):
        answers.tables[root] = await session.walk(root)
    return answers


def interpret(target: str, address: str, answers: Answers, at: int) -> tuple[Report, None]:
    rows = len(answers.column(IF_DESCR))
    device = Observation("NetworkDevice", f"target:{target}", {"name": target, "address": address, "rows": rows})
    return Report("snmp", target, at, (device,)), None


WORK = Work(read, interpret, lambda: 1_000, NAMES)


@dataclass(frozen=True)
class Scripted:
    """A target whose session answers from a script: up times and boots in turn, and one outcome for all walks."""

    name: str
    ticks: tuple[int | None, ...] = (100, 200)
    boots: tuple[int | None, ...] = (None, None)
    outcome: Outcome = Outcome.COMPLETE
    subnet: str = ""
    expected: bool = True
    opening: Callable[[], object] = field(default=lambda: None)
    address: str = "192.0.2.1"
    work: Work = WORK

    @property
    def approaches(self) -> Sequence[Approach]:
        return [OverSnmp(self.name, self.open, self.work)]

    @asynccontextmanager
    async def open(self, budget_s: float) -> AsyncIterator[SnmpSession]:
        opened = self.opening()
        if asyncio.isfuture(opened):
            await opened
        yield ScriptedSession(self)


class ScriptedSession:
    def __init__(self, script: Scripted) -> None:
        self.target, self.address = script.name, script.address
        self._turns = iter(zip(script.ticks, script.boots, strict=True))
        self._outcome = script.outcome

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Varbind]:
        ticks, boots = next(self._turns)
        if ticks is not None and ticks < 0:
            raise TransportFailure(self.target, "read", "TIMEOUT", "gone")
        found = {UP_TIME: Varbind(UP_TIME, 67, ticks), BOOTS: Varbind(BOOTS, 2, boots)}
        return {oid: varbind for oid, varbind in found.items() if varbind.value is not None}

    async def walk(self, root: Oid) -> Walk:
        return Walk(root, self._outcome, [Varbind((*root, 1), 2, 1)])

    def context(self, name: str) -> ScriptedSession:
        return self


def visit(target: Scripted, bounds: Bounds | None = None) -> tuple[State, str, str, str]:
    (result,) = asyncio.run(collect([target], bounds))
    return result.state, result.stage, result.reason, result.detail


def test_a_target_that_is_read_is_ok_with_its_report_tables_and_times() -> None:
    (result,) = asyncio.run(collect([Scripted("core-1")]))

    assert (result.state, result.address) == (State.OK, "192.0.2.1")
    (told,) = result.told
    assert (told.report.complete, told.report.at) == (True, 1_000)
    assert [(t.name, t.outcome, t.rows) for t in told.tables] == [
        ("interfaces.descr", Outcome.COMPLETE, 1),
        ("interfaces.mtu", Outcome.COMPLETE, 1),
    ]
    assert set(result.durations) == {"open", "read", "interpret", "total"}


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in ("COMPLETE", "EMPTY", "NO_SUCH_OBJECT")])
def test_a_table_that_is_not_read_makes_the_target_partial_and_is_named(outcome: Outcome) -> None:
    (result,) = asyncio.run(collect([Scripted("core-1", outcome=outcome)]))

    assert (result.state, result.reason) == (State.PARTIAL, outcome.value)
    assert f"interfaces.descr ({outcome})" in result.detail
    assert not result.told[0].report.complete


@pytest.mark.parametrize(
    ("ticks", "boots", "state"),
    [
        ((100, 200), (None, None), State.OK),
        ((100, 100), (3, 3), State.OK),
        ((None, None), (None, None), State.OK),
        ((2**32 - 10, 500), (None, None), State.OK),  # the counter begins again after 497 days
        ((9_000_000, 50), (None, None), State.PARTIAL),
        ((100, 200), (3, 4), State.PARTIAL),
        ((100, -1), (None, None), State.PARTIAL),
    ],
)
def test_a_restart_between_the_first_and_the_last_answer_is_noticed(
    ticks: tuple[int | None, int | None], boots: tuple[int | None, int | None], state: State
) -> None:
    (result,) = asyncio.run(collect([Scripted("core-1", ticks, boots)]))

    assert result.state is state
    assert result.told[0].report.complete is (state is State.OK)


def fail(error: Exception) -> Callable[[], object]:
    def raise_it() -> object:
        raise error

    return raise_it


def test_failures_of_a_device_are_values() -> None:
    refused = TransportFailure("core-1", "probe", "REFUSED", "nothing listens")

    assert visit(Scripted("core-1", opening=fail(refused))) == (State.FAILED, "probe", "REFUSED", "nothing listens")
    assert visit(Scripted("core-1", opening=fail(refused), expected=False))[0] is State.SILENT


def test_a_fault_of_the_program_is_internal_and_ends_nothing_else() -> None:
    def broken(target: str, address: str, answers: Answers, at: int) -> tuple[Report, None]:
        return interpret(target, address, answers, at) if target != "b" else [][at]  # type: ignore[return-value]  # raises

    with structlog.testing.capture_logs() as logged:
        results = asyncio.run(collect([Scripted(name, work=replace(WORK, interpret=broken)) for name in "abc"]))

    assert [(r.target, r.state, r.reason) for r in results] == [
        ("a", State.OK, ""),
        ("b", State.FAILED, "INTERNAL"),
        ("c", State.OK, ""),
    ]
    assert [line["target"] for line in logged] == ["b"]


def test_a_device_that_hangs_ends_with_its_budget() -> None:
    def forever() -> object:
        return asyncio.get_running_loop().create_future()

    found = visit(Scripted("core-1", opening=forever), bounds=Bounds(budget_s=0.01, grace_s=0.01))

    assert found[:3] == (State.FAILED, "read", "BUDGET")


def test_no_more_devices_at_once_than_the_bounds_allow() -> None:
    at_once: dict[str, int] = {"": 0}
    most: dict[str, int] = {}

    async def counting(session: SnmpSession) -> Answers:
        subnet = session.target[0]
        for key in ("", subnet):
            at_once[key] = at_once.get(key, 0) + 1
            most[key] = max(most.get(key, 0), at_once[key])
        for _ in range(5):
            await asyncio.sleep(0)  # let the others come as far
        for key in ("", subnet):
            at_once[key] -= 1
        return await read(session)

    work = replace(WORK, read=counting)
    targets = [Scripted(f"{subnet}{n}", subnet=subnet, work=work) for subnet in "xy" for n in range(30)]

    results = asyncio.run(collect(targets, Bounds(in_flight=7, in_flight_per_subnet=3)))

    assert len(results) == 60
    assert most == {"": 6, "x": 3, "y": 3}


def test_neighbours_in_the_order_lie_in_different_subnets_and_names_count_once() -> None:
    targets = [Scripted(f"x{n}", subnet="x") for n in range(3)] + [Scripted("y0", subnet="y"), Scripted("x0")]

    assert [target.name for target in spread(targets)] == ["x0", "y0", "x1", "x2"]


def test_results_come_as_they_are_ready_and_leaving_stops_the_rest() -> None:
    async def run() -> tuple[str, list[bool]]:
        never: list[asyncio.Future[None]] = []

        def forever() -> object:
            never.append(asyncio.get_running_loop().create_future())
            return never[-1]

        targets = [Scripted("slow", opening=forever), Scripted("quick"), Scripted("slow too", opening=forever)]
        async with aclosing(discover(targets)) as results:
            first = await anext(results)
        return first.target, [future.cancelled() for future in never]

    assert asyncio.run(run()) == ("quick", [True, True])


def test_live_and_recorded_agents_go_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "old.snmprec").write_text("1.3.6.1.2.1.2.2.1.2.1|4|x\n", "utf-8")
    (tmp_path / "rec" / "bad.snmprec").write_text("nothing\n", "utf-8")

    async def run() -> list[tuple[str, str, str]]:
        agents = {"good": agent(), "half": agent(Faults(under=IF_MTU, after=2, silent=True))}
        async with serve(agents) as running:
            means = Means(WORK, Client(limits=HASTY, probing=QUICK))
            live = [
                LiveTarget(TargetSpec(name, at.address, at.port, credentials=(community(tmp_path),)), means)
                for name, at in running.items()
            ]
            recorded = [ReplayTarget(WORK, target) for target in find_recordings([tmp_path / "rec"])]
            results = await collect([*live, *recorded])
        return [(r.target, r.state.value, r.reason) for r in results]

    assert asyncio.run(run()) == [
        ("bad", "FAILED", "UNDECODABLE"),
        ("good", "OK", ""),
        ("half", "PARTIAL", "PARTIAL"),
        ("old", "OK", ""),
    ]


@dataclass(frozen=True)
class Spoken:
    """A protocol that tells, or fails, from a script."""

    source: str
    failure: tuple[str, str] | None = None  # stage, reason
    reason: str = ""
    unless: str = ""  # not asked where this source has told
    suits: bool = True

    async def is_needed(self, told: Sequence[Told]) -> bool:
        return self.suits and all(t.report.source != self.unless for t in told)

    async def ask(self, told: Sequence[Told], budget_s: float) -> Told:
        if self.failure:
            raise TransportFailure("t", self.failure[0], self.failure[1], "why")  # type: ignore[arg-type] # a script's
        return Told(Report(self.source, "t", 1, ()), reason=self.reason, detail=self.reason.lower())


@dataclass(frozen=True)
class Polyglot:
    """A target with several protocols."""

    approaches: Sequence[Approach]
    expected: bool = True
    name: str = "t"
    address: str = "192.0.2.1"
    subnet: str = ""


NOBODY, WRONG = ("probe", "REFUSED"), ("auth", "WRONG_CREDENTIAL")


@pytest.mark.parametrize(
    ("approaches", "expected", "outcome"),
    [
        ([Spoken("snmp"), Spoken("ssh")], True, ("OK", "", "", ["snmp", "ssh"])),
        ([Spoken("snmp"), Spoken("ssh", NOBODY)], True, ("OK", "", "", ["snmp"])),
        ([Spoken("snmp", NOBODY), Spoken("ssh")], True, ("OK", "", "", ["ssh"])),
        ([Spoken("snmp"), Spoken("ssh", unless="snmp")], True, ("OK", "", "", ["snmp"])),
        ([Spoken("snmp"), Spoken("ssh", WRONG)], True, ("PARTIAL", "WRONG_CREDENTIAL", "ssh: why", ["snmp"])),
        ([Spoken("snmp", reason="CUT"), Spoken("ssh")], True, ("PARTIAL", "CUT", "snmp: cut", ["snmp", "ssh"])),
        ([Spoken("snmp", NOBODY), Spoken("ssh", WRONG)], False, ("FAILED", "WRONG_CREDENTIAL", "ssh: why", [])),
        ([Spoken("snmp", NOBODY), Spoken("ssh", NOBODY)], False, ("SILENT", "REFUSED", "snmp: why; ssh: why", [])),
        ([Spoken("snmp", NOBODY), Spoken("ssh", NOBODY)], True, ("FAILED", "REFUSED", "snmp: why; ssh: why", [])),
        ([], True, ("FAILED", "NO_PROTOCOL", "its scope names no protocol to ask it by", [])),
        (
            [Spoken("ssh", suits=False)],
            True,
            ("FAILED", "NO_PROTOCOL", "its scope names ssh only, which does not suit what greets there", []),
        ),
    ],
)
def test_a_target_ends_by_what_its_protocols_told(
    approaches: list[Spoken], expected: bool, outcome: tuple[str, str, str, list[str]]
) -> None:
    (result,) = asyncio.run(collect([Polyglot(approaches, expected)]))

    told = [t.report.source for t in result.told]
    assert (result.state.value, result.reason, result.detail, told) == outcome
