"""Agents that lie about lengths, ends, clocks and themselves: typed outcomes, and never a value of another question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cmdb.observation import Report
from collectors.approaches import OverSnmp, Work
from collectors.discover import Told
from collectors.responders.agent import Agent, Faults, User
from collectors.responders.serve import serve
from collectors.transport.answers import Answers, Outcome, Walk
from collectors.transport.client import Client
from collectors.transport.credentials import SnmpCredential
from collectors.transport.session import SnmpSession, TransportFailure
from collectors.transport.snmp import Limits
from tests.unit.snmp_transport_agents import (
    HASTY,
    IF_DESCR,
    IF_IN_OCTETS,
    IF_MTU,
    QUICK,
    ROWS,
    SYS_DESCR,
    agent,
    community,
    session_with,
    user,
)

MOST = 500  # rows of a walk
READER = User("reader", "SHA-256", b"auth-secret-1", "AES-128", b"priv-secret-1")

LENGTHS: Mapping[str, tuple[Faults, Outcome, int]] = {
    "a negative length": (Faults(length=b"\x84\x80\x00\x00\x01"), Outcome.UNDECODABLE, 0),
    "a length without end": (Faults(length=b"\x80"), Outcome.UNDECODABLE, 0),
    "a length of 127 octets": (Faults(length=b"\xff"), Outcome.UNDECODABLE, 0),
    "a length beyond the message": (Faults(length=b"\x82\x7f\xff"), Outcome.UNDECODABLE, 0),
}
LIES: Mapping[str, tuple[Faults, Outcome, int]] = {
    "a string of 4 GB": (Faults(length=b"\x84\xff\xff\xff\xff"), Outcome.UNDECODABLE, 0),
    "a cycle of seven": (Faults(cycle=7), Outcome.BROKEN, 7),
    "a table read backwards": (Faults(descending=True), Outcome.BROKEN, ROWS),
    "a table without end": (Faults(endless=True), Outcome.CUT, MOST),
    "answers to other questions": (Faults(wrong_request_id=True), Outcome.TIMEOUT, 0),
    "answers that come too late": (Faults(lag=12), Outcome.TIMEOUT, 0),
    "answers without varbinds": (Faults(no_varbinds=True), Outcome.BROKEN, 0),
}


def credential(kind: str, folder: Path) -> SnmpCredential:
    return community(folder) if kind == "v2c" else user(folder, "reader", "SHA-256", "AES-128")


@pytest.mark.parametrize("kind", ["v2c", "v3"])
def test_a_lie_costs_its_own_table_only(kind: str, tmp_path: Path) -> None:
    limits = replace(HASTY, max_rows=MOST, timing=replace(HASTY.timing, patience_s=1.5))
    lies = {**LIES, **LENGTHS} if kind == "v2c" else dict(LIES)  # lengths are read by pysnmp in version 3: one will do
    agents = {name: agent(replace(lie, under=IF_IN_OCTETS), [READER]) for name, (lie, _, _) in lies.items()}

    async def run() -> dict[str, list[Walk]]:
        client = Client(limits=limits, probing=QUICK)

        async def walks(name: str, port: int) -> list[Walk]:
            async with client.open(name, "127.0.0.1", port, [credential(kind, tmp_path)], 30.0) as session:
                return [await session.walk(root) for root in (IF_DESCR, IF_IN_OCTETS, IF_MTU)]

        async with serve(agents) as running:
            # One after the other: they share a thread, and reading one must not look like the silence of another.
            return {name: await walks(name, at.port) for name, at in running.items()}

    found = asyncio.run(run())

    told = {name: (walks[1].outcome, len(walks[1].varbinds)) for name, walks in found.items()}
    expected = {name: (outcome, rows) for name, (_, outcome, rows) in lies.items()}
    if kind == "v3":  # to pysnmp these are no responses at all
        expected |= dict.fromkeys(("answers to other questions", "answers without varbinds"), (Outcome.UNDECODABLE, 0))
    assert told == expected
    good = {(walk.outcome, len(walk.varbinds)) for walks in found.values() for walk in (walks[0], walks[2])}
    assert good == {(Outcome.COMPLETE, ROWS)}
    assert all(varbind.oid[:10] == IF_IN_OCTETS for walks in found.values() for varbind in walks[1].varbinds)


def test_late_answers_are_told_from_silence(tmp_path: Path) -> None:
    async def run() -> list[Walk]:
        served = agent(Faults(lag=5, under=IF_IN_OCTETS))
        async with session_with(served, [community(tmp_path)]) as session:
            return [await session.walk(root) for root in (IF_DESCR, IF_IN_OCTETS, IF_IN_OCTETS)]

    good, *found = asyncio.run(run())

    assert good.outcome is Outcome.COMPLETE
    assert {walk.outcome for walk in found} == {Outcome.TIMEOUT}
    assert "had another request id" in found[-1].detail


def test_tables_without_end_are_cut_for_the_whole_device(tmp_path: Path) -> None:
    async def run() -> list[Walk]:
        limits = replace(HASTY, max_rows=MOST, max_rows_in_all=2 * MOST + 100)
        served = agent(Faults(endless=True, under=IF_DESCR[:-1]))
        async with session_with(served, [community(tmp_path)], limits) as session:
            return [await session.walk((*IF_DESCR[:-1], column)) for column in range(1, 5)]

    found = asyncio.run(run())

    assert [(walk.outcome, len(walk.varbinds)) for walk in found[:3]] == [(Outcome.CUT, n) for n in (MOST, MOST, 100)]
    assert (found[3].outcome, found[3].varbinds) == (Outcome.CUT, [])
    assert found[3].detail == f"more than {2 * MOST + 100} rows of one device"


def opened(served: Agent, known: SnmpCredential, limits: Limits = HASTY) -> str:
    """What came of opening a session and reading sysDescr: its value, or the reason of the failure."""

    async def run() -> str:
        try:
            async with session_with(served, [known], limits) as session:
                return str((await session.get([SYS_DESCR]))[SYS_DESCR].value)
        except TransportFailure as failure:
            return f"{failure.stage}: {failure.reason}"

    return asyncio.run(run())


@pytest.mark.parametrize("kind", ["v2c", "v3"])
def test_answers_from_another_address_are_nobodys(kind: str, tmp_path: Path) -> None:
    assert opened(agent(Faults(elsewhere=True), [READER]), credential(kind, tmp_path)) == "probe: TIMEOUT"


@pytest.mark.parametrize(
    ("boots", "seconds", "told"),
    [
        (2**31 - 2, 0, "b'switch'"),
        (7, 2**31 - 100_000, "b'switch'"),
        (2**31 - 1, 0, "auth: DENIED"),  # RFC 3414 §2.2.2: this engine has to be set up anew
        (7, 2**31, "probe: UNDECODABLE"),
    ],
)
def test_clocks_in_the_future(boots: int, seconds: int, told: str, tmp_path: Path) -> None:
    served = agent(users=[READER], boots=boots, engine_time_s=seconds)

    assert opened(served, credential("v3", tmp_path)) == told


@pytest.mark.parametrize("kind", ["v2c", "v3"])
def test_a_restart_in_the_middle_of_a_walk_makes_the_report_incomplete(kind: str, tmp_path: Path) -> None:
    """Numbers of interfaces may be others afterwards: what was read before and after does not belong together."""

    async def read(session: SnmpSession) -> Answers:
        return Answers({root: await session.walk(root) for root in (IF_DESCR, IF_IN_OCTETS)})

    def interpret(target: str, address: str, answers: Answers, at: int) -> tuple[Report, None]:
        assert {walk.outcome for walk in answers.tables.values()} == {Outcome.COMPLETE}
        return Report("snmp", target, at, ()), None

    async def run() -> Told:
        served = agent(Faults(restart=True, under=IF_IN_OCTETS, after=1), [READER])
        async with serve({"a": served}) as running:
            client, port = Client(limits=HASTY), running["a"].port
            opened = partial(client.open, "a", "127.0.0.1", port, [credential(kind, tmp_path)])
            return await OverSnmp("a", opened, Work(read, interpret, lambda: 1)).ask((), 30.0)

    told = asyncio.run(run())

    assert (told.reason, told.report.complete) == ("RESTARTED", False)


def test_silence_behind_the_digest_means_a_wrong_privacy_key(tmp_path: Path) -> None:
    """As net-snmp does: it drops what it can't decipher without a word, but has told its clock before."""
    served = agent(Faults(silent=True), [READER, User("signed", "SHA-256", b"auth-secret-1")])

    assert opened(served, credential("v3", tmp_path)) == "auth: WRONG_CREDENTIAL"
    assert opened(served, user(tmp_path, "signed", "SHA-256")) == "probe: TIMEOUT"


def test_an_engine_that_loses_its_boots_is_read_on(tmp_path: Path) -> None:
    """Cheap devices begin with the same engineBoots each time: their clock then goes back."""
    known = [credential("v3", tmp_path)]

    async def run() -> list[Outcome]:
        client = Client(limits=HASTY, probing=QUICK)
        async with AsyncExitStack() as stack:
            async with serve({"a": agent(users=[READER], engine_time_s=9_000)}) as running:
                port = running["a"].port
                session = await stack.enter_async_context(client.open("a", "127.0.0.1", port, known, 30.0))
                found = [(await session.walk(IF_DESCR)).outcome]
            async with serve({"a": agent(users=[READER])}, ports={"a": port}):
                found.append((await session.walk(IF_DESCR)).outcome)
                await stack.aclose()  # an agent has one conversation at a time
                async with client.open("a", "127.0.0.1", port, known, 30.0) as another:
                    return [*found, (await another.walk(IF_DESCR)).outcome]

    assert asyncio.run(run()) == [Outcome.COMPLETE] * 3
