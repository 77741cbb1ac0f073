"""Every fault that agents have been seen with ends as the right outcome, and only in the table that has it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.responders.agent import Faults, User
from collectors.responders.mib import Entry, Mib
from collectors.transport.answers import Outcome, Walk
from collectors.transport.session import TransportFailure
from collectors.transport.snmp import Limits
from tests.unit.snmp_transport_agents import (
    HASTY,
    IF_DESCR,
    IF_IN_OCTETS,
    IF_MTU,
    PATIENT,
    ROWS,
    SYS_DESCR,
    agent,
    community,
    mib,
    session_with,
    user,
)

UNKNOWN = (1, 3, 6, 1, 4, 1, 4711)


async def walks(
    folder: Path, faults: Faults | None, limits: Limits = HASTY, budget_s: float = 30.0, **more: object
) -> list[Walk]:
    """The faulty column between two that are not."""
    async with session_with(agent(faults, **more), [community(folder)], limits, budget_s) as session:  # type: ignore[arg-type]  # a table of options
        return [await session.walk(root) for root in (IF_DESCR, IF_IN_OCTETS, IF_MTU)]


@pytest.mark.parametrize(
    ("fault", "outcome", "rows"),
    [
        (Faults(gen_err=True), Outcome.BROKEN, 0),
        (Faults(gen_err=True, after=2), Outcome.PARTIAL, None),
        (Faults(no_varbinds=True), Outcome.BROKEN, 0),
        (Faults(loop=True), Outcome.BROKEN, ROWS),
        (Faults(non_increasing=True), Outcome.BROKEN, 1),
        (Faults(truncate=True), Outcome.UNDECODABLE, 0),
        (Faults(garbage=True), Outcome.UNDECODABLE, 0),
        (Faults(silent=True), Outcome.TIMEOUT, 0),
        (Faults(silent=True, after=2), Outcome.PARTIAL, None),
        (Faults(garbage=True, after=2), Outcome.PARTIAL, None),
        (Faults(wrong_request_id=True), Outcome.TIMEOUT, 0),
    ],
    ids=str,
)
def test_a_fault_breaks_its_own_table_only(fault: Faults, outcome: Outcome, rows: int | None, tmp_path: Path) -> None:
    before, broken, after = asyncio.run(walks(tmp_path, replace(fault, under=IF_IN_OCTETS)))

    assert (before.outcome, len(before.varbinds)) == (Outcome.COMPLETE, ROWS)
    assert (broken.outcome, broken.detail != "" or outcome is Outcome.TIMEOUT) == (outcome, True)
    assert len(broken.varbinds) == rows if rows is not None else 0 < len(broken.varbinds) < ROWS
    assert (after.outcome, len(after.varbinds)) == (Outcome.COMPLETE, ROWS)


@pytest.mark.parametrize(
    "fault",
    [
        None,
        Faults(bulk_too_big_over=10),
        Faults(bulk_too_big_over=0),
        Faults(no_bulk=True),
        Faults(drop_every=3),
        Faults(unpadded_counters=True),
    ],
    ids=str,
)
def test_what_can_be_tolerated_is(fault: Faults | None, tmp_path: Path) -> None:
    found = asyncio.run(walks(tmp_path, fault, PATIENT))

    assert [(walk.outcome, len(walk.varbinds)) for walk in found] == [(Outcome.COMPLETE, ROWS)] * 3
    assert {varbind.value for varbind in found[1].varbinds} == {0xFFFFFFFF}


@pytest.mark.parametrize("seed", [1, 2])
def test_thirty_per_cent_loss_loses_no_row(seed: int, tmp_path: Path) -> None:
    # The probe has two attempts only, so loss begins behind it.
    found = asyncio.run(walks(tmp_path, Faults(loss=0.3, seed=seed, after=1), PATIENT))

    assert [(walk.outcome, len(walk.varbinds)) for walk in found] == [(Outcome.COMPLETE, ROWS)] * 3


def test_version_1_is_walked_by_getnext(tmp_path: Path) -> None:
    async def run() -> list[Walk]:
        async with session_with(agent(versions=("v1",)), [community(tmp_path)], PATIENT) as session:
            return [await session.walk(root) for root in (IF_DESCR, UNKNOWN)]

    known, unknown = asyncio.run(run())

    assert (known.outcome, len(known.varbinds)) == (Outcome.COMPLETE, ROWS)
    assert unknown.outcome is Outcome.EMPTY


def test_four_kinds_of_nothing(tmp_path: Path) -> None:
    async def run() -> list[Outcome]:
        limited = User("reader", "SHA-256", b"auth-secret-1", "AES-128", b"priv-secret-1")
        async with session_with(agent(users=[limited]), [user(tmp_path, "reader", "SHA-256", "AES-128")]) as session:
            unknown = await session.walk(UNKNOWN)
            empty = await session.walk((*IF_DESCR, ROWS))  # an instance, nothing lies below it
            denied = await session.context("no-such-context").walk(IF_DESCR)
        async with session_with(agent(Faults(silent=True, under=IF_DESCR)), [community(tmp_path)]) as session:
            silent = await session.walk(IF_DESCR)
        return [unknown.outcome, empty.outcome, denied.outcome, silent.outcome]

    found = asyncio.run(run())

    assert found == [Outcome.NO_SUCH_OBJECT, Outcome.EMPTY, Outcome.DENIED, Outcome.TIMEOUT]


def test_an_agent_that_dies_is_not_asked_for_every_table(tmp_path: Path) -> None:
    async def run() -> tuple[list[Walk], TransportFailure, float]:
        async with session_with(agent(Faults(silent=True, after=2)), [community(tmp_path)]) as session:
            found = [await session.walk(IF_DESCR)]
            began = asyncio.get_running_loop().time()
            found += [await session.walk((*UNKNOWN, column)) for column in range(100)]
            with pytest.raises(TransportFailure) as caught:
                await session.get([SYS_DESCR])
            return found, caught.value, asyncio.get_running_loop().time() - began

    found, failure, took = asyncio.run(run())

    assert found[0].outcome is Outcome.PARTIAL
    assert {walk.outcome for walk in found[1:]} == {Outcome.TIMEOUT}
    assert (failure.stage, failure.reason) == ("read", "TIMEOUT")
    assert took < 5  # one at a time they would take a minute


def test_a_table_of_100_000_rows_is_cut_at_the_cap_or_read_whole(tmp_path: Path) -> None:
    rows = 100_000

    async def run() -> list[Walk]:
        long = Mib([*mib(0).entries, *(Entry((*IF_DESCR, row), 2, row) for row in range(1, rows + 1))])
        served, credentials = agent(mib=long, max_size=8000), [community(tmp_path)]
        async with session_with(served, credentials, replace(PATIENT, max_rows=1000)) as session:
            cut = await session.walk(IF_DESCR)
        async with session_with(served, credentials, replace(PATIENT, repetitions=200), 120.0) as session:
            return [cut, await session.walk(IF_DESCR)]

    cut, whole = asyncio.run(run())

    assert (cut.outcome, len(cut.varbinds), cut.detail) == (Outcome.CUT, 1000, "more than 1000 rows")
    assert (whole.outcome, len(whole.varbinds)) == (Outcome.COMPLETE, rows)


def test_the_time_for_a_device_ends_walks_and_gets(tmp_path: Path) -> None:
    async def run() -> tuple[Walk, TransportFailure]:
        async with session_with(agent(), [community(tmp_path)], budget_s=0.0) as session:
            walk = await session.walk(IF_DESCR)
            with pytest.raises(TransportFailure) as caught:
                await session.get([SYS_DESCR])
            return walk, caught.value

    walk, failure = asyncio.run(run())

    assert walk.outcome is Outcome.CUT
    assert failure.reason == "BUDGET"


@pytest.mark.parametrize("version", ["v1", "v2c"])
@pytest.mark.parametrize("fault", [None, Faults(gen_err=True, under=UNKNOWN), Faults(silent=True, under=UNKNOWN)])
def test_a_get_leaves_out_what_is_not_there(version: str, fault: Faults | None, tmp_path: Path) -> None:
    async def run() -> dict[tuple[int, ...], object]:
        served = agent(fault, versions=(version,))
        async with session_with(served, [community(tmp_path, version=version)]) as session:  # type: ignore[arg-type]  # a parameter
            return {o: v.value for o, v in (await session.get([(*UNKNOWN, 0), SYS_DESCR, (*UNKNOWN, 1)])).items()}

    assert asyncio.run(run()) == {SYS_DESCR: b"switch"}


def test_contexts_are_asked_by_community_and_by_name(tmp_path: Path) -> None:
    async def run() -> list[int]:
        served = agent(contexts={"10": agent(rows=2).mib, "vlan-10": agent(rows=3).mib}, users=[User("reader")])
        found = []
        for credential in (community(tmp_path), user(tmp_path, "reader")):
            async with session_with(served, [credential]) as session:
                found.append(len((await session.context("vlan-10").walk(IF_DESCR)).varbinds))
                found.append(len((await session.walk(IF_DESCR)).varbinds))
        return found

    assert asyncio.run(run()) == [2, ROWS, 3, ROWS]
