"""Sweeping ranges: who is there is found, and silence is cheap."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cmdb.observation import Report
from collectors.approaches import Work
from collectors.discover import State, TargetResult
from collectors.live import discover_live
from collectors.responders.agent import Agent, Faults, User
from collectors.responders.serve import serve
from collectors.scopes import Scopes
from collectors.targets import LiveTarget, Means
from collectors.transport.answers import Answers
from collectors.transport.client import Client
from collectors.transport.pace import Turns
from collectors.transport.session import SnmpSession
from collectors.transport.sweep import Spot, Sweeping, sweep
from tests.unit.snmp_transport_agents import HASTY, QUICK, agent, community, user

SWEEPING = Sweeping(packets_per_s=20_000, rounds=2, wait_s=0.1)


async def read(session: SnmpSession) -> Answers:
    return Answers()


def interpret(target: str, address: str, answers: Answers, at: int) -> tuple[Report, None]:
    return Report("snmp", target, at, ()), None


@pytest.mark.parametrize(
    ("served", "credential", "found"),
    [
        (agent(), "community", True),
        (agent(versions=("v1",)), "community", True),
        (agent(), "wrong", False),
        (agent(users=[User("someone")]), "user", True),
    ],
    ids=["v2c", "v1", "wrong community", "v3"],
)
def test_an_agent_is_heard_if_it_speaks_to_one_of_the_credentials(
    served: Agent, credential: str, found: bool, tmp_path: Path
) -> None:
    known = user(tmp_path, "nobody", "SHA-256") if credential == "user" else community(tmp_path, credential)

    async def run() -> tuple[set[Spot], int]:
        async with serve({"agent": served}) as running:
            port = running["agent"].port
            spots = [Spot("127.0.0.1", port), Spot("127.0.0.2", port), Spot("::1", port)]
            return await sweep([(spot, [known]) for spot in spots], SWEEPING), port

    heard, port = asyncio.run(run())

    assert heard == ({Spot("127.0.0.1", port)} if found else set())


def test_answers_from_another_address_are_told(tmp_path: Path) -> None:
    async def run() -> set[Spot]:
        async with serve({"agent": agent(Faults(elsewhere=True))}) as running:
            return await sweep([(Spot("127.0.0.1", running["agent"].port), [community(tmp_path)])], SWEEPING)

    with capture_logs() as logs:
        heard = asyncio.run(run())

    assert heard == set()
    assert [(entry["event"], entry["first"]) for entry in logs] == [
        ("answers from addresses that were not asked", "127.0.0.9")
    ]


def test_a_range_costs_what_is_in_it(tmp_path: Path) -> None:
    """Thousands of addresses at which nobody is, and one agent."""
    credentials = (community(tmp_path), user(tmp_path, "nobody", "SHA-256"))

    async def run() -> tuple[list[TargetResult], float]:
        async with serve({"agent": agent()}, "127.77.3.4") as running:
            specs = Scopes(credentials=credentials).resolve(f"127.77.0.0/20:{running['agent'].port}")
            began = time.monotonic()
            means = Means(Work(read, interpret, lambda: 1), Client(limits=HASTY, probing=QUICK))
            targets = [LiveTarget(spec, means) for spec in specs]
            async with aclosing(discover_live(targets, sweeping=SWEEPING)) as results:
                return [result async for result in results], time.monotonic() - began

    results, took = asyncio.run(run())

    assert len(results) == 4094
    assert [(r.address, r.state) for r in results if r.state is not State.SILENT] == [("127.77.3.4", State.OK)]
    assert took < 15


def test_packets_have_turns_in_all_and_in_each_subnet() -> None:
    turns = Turns(per_s=10, per_subnet_s=2)
    one = [turns.due("10.0.0.0/24", 100.0) for _ in range(4)]
    other = [turns.due("10.0.1.0/24", 100.0) for _ in range(2)]
    loopback = [turns.due("", 100.0) for _ in range(3)]

    assert [round(later - one[0], 6) for later in one] == [0, 0.5, 1, 1.5]
    # Who waits for his own subnet holds up nobody else: the fifth packet goes when four of ten a second have gone.
    assert [round(later - one[0], 6) for later in other] == [0.4, 0.9]
    assert [round(later - one[0], 6) for later in loopback] == [0.6, 0.7, 0.8]


def test_what_was_missed_is_not_made_up_for_by_a_flood() -> None:
    turns = Turns(per_s=100, per_subnet_s=100)
    turns.due("", 100.0)
    later = [turns.due("", 160.0) for _ in range(20)]

    assert sum(at <= 160.0 for at in later) <= 6
    assert later == sorted(later)
