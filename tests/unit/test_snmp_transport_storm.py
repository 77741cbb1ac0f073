"""Agents that misbehave in ways drawn by lot: whatever they do, nothing is lost without a word and nothing is made up.

SNMP_SOAK_S lets it run for so many seconds, one round after the other (`make soak`: an hour).
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections import Counter
from pathlib import Path
from random import Random

from collectors.responders.agent import Agent, Faults, User
from collectors.responders.mib import Entry, Mib
from collectors.responders.pdu import Version
from collectors.responders.serve import Running, serve
from collectors.transport.answers import Oid, Outcome, Walk
from collectors.transport.client import Client, Probing
from collectors.transport.credentials import SnmpCredential
from collectors.transport.session import TransportFailure
from collectors.transport.snmp import Limits
from tests.unit.snmp_transport_agents import (
    ENGINE_ID,
    HASTY,
    SYS_DESCR,
    SYS_OBJECT_ID,
    SYS_UP_TIME,
    community,
    user,
)

SOAK_S = float(os.environ.get("SNMP_SOAK_S", "0"))
FIRST_SEED = int(os.environ.get("SNMP_SOAK_SEED", "1"))
AGENTS = 10  # of each round
TABLE: Oid = (1, 3, 6, 1, 4, 1, 4711, 1)
COLUMNS = [(*TABLE, column) for column in range(1, 6)]
MOST = 400
LIMITS = Limits(max_rows=MOST, walk_s=20.0, timing=HASTY.timing)
PROBING = Probing(waits=(2.0, 2.0))  # making engines for version 3 holds up the agents, which live in the same loop
READER = User("reader", "SHA-256", b"auth-secret-1", "AES-128", b"priv-secret-1")
HANGS_S = 120.0  # a round takes some seconds
MOST_GROWTH_MB = 100.0
WARM_ROUNDS = 5

SAFE = (Outcome.COMPLETE, Outcome.EMPTY, Outcome.NO_SUCH_OBJECT)


def any_mib(rng: Random) -> Mib:
    """Columns of all types, some of them short, wide or with gaps."""
    made = [
        Entry(SYS_DESCR, 4, b"switch"),
        Entry(SYS_OBJECT_ID, 6, "1.3.6.1.4.1.4711"),
        Entry(SYS_UP_TIME, 67, rng.choice([0, 4200, 2**32 - 500])),
    ]
    for column in COLUMNS:
        tag, wide = rng.choice([2, 4, 6, 64, 65, 66, 70]), rng.choice([3, 30, 300])
        values = {
            2: lambda: rng.randint(-(2**31), 2**31 - 1),
            4: lambda wide=wide: rng.randbytes(wide),
            6: lambda: f"1.3.6.1.{rng.randint(0, 2**32 - 1)}",
            64: lambda: f"10.0.{rng.randint(0, 255)}.{rng.randint(0, 255)}",
            65: lambda: rng.choice([0, 2**31, 2**32 - 1]),
            66: lambda: rng.randint(0, 2**32 - 1),
            70: lambda: rng.choice([1, 2**63, 2**64 - 1]),
        }
        rows = rng.sample(range(1, 2**20), rng.choice([0, 1, 5, 60, 200]))
        made += [Entry((*column, row), tag, values[tag]()) for row in rows]
    return Mib(made)


def any_faults(rng: Random) -> Faults:
    """One fault or several, below the third column only."""
    kinds: dict[str, object] = {
        "silent": True,
        "drop_every": rng.randint(2, 5),
        "loss": rng.uniform(0.05, 0.4),
        "lag": rng.randint(1, 12),
        "loop": True,
        "cycle": rng.randint(1, 9),
        "descending": True,
        "non_increasing": True,
        "endless": True,
        "truncate": True,
        "garbage": True,
        "wrong_request_id": True,
        "gen_err": True,
        "no_bulk": True,
        "bulk_too_big_over": rng.randint(0, 20),
        "no_varbinds": True,
        "unpadded_counters": True,
        "length": rng.choice([b"\x80", b"\x84\xff\xff\xff\xff", b"\xff", b"\x82\x7f\xff", b"\x01"]),
        "restart": True,
    }
    drawn = rng.sample(sorted(kinds), rng.choice([1, 1, 2, 3]))
    fixed = {"under": COLUMNS[2], "after": rng.choice([0, 0, 1, 2, 5]), "seed": rng.randint(0, 2**32)}
    if "descending" in drawn:  # in the middle of a table that would be its end, which nobody can tell from a true one
        fixed["after"] = 0
    return Faults(**fixed, **{name: kinds[name] for name in drawn})  # type: ignore[arg-type]  # a table of options


def any_agent(rng: Random) -> Agent:
    versions: tuple[Version, ...] = rng.choice([("v1", "v2c", "v3"), ("v1", "v2c", "v3"), ("v1",)])
    return Agent(
        any_mib(rng),
        ("watch-1",),
        (READER,) if "v3" in versions else (),
        ENGINE_ID,
        versions=versions,
        max_size=rng.choice([700, 1472, 8000]),  # in the least a wide row has room
        faults=any_faults(rng),
    )


async def walked(at: Running, credential: SnmpCredential, client: Client) -> list[Walk] | TransportFailure:
    """All columns of an agent."""
    try:
        async with client.open(str(at.port), at.address, at.port, [credential], 60.0) as session:
            found = [await session.walk(column) for column in COLUMNS]
            await session.get([SYS_DESCR, (*COLUMNS[2], 1), (*COLUMNS[4], 1)])
            return found
    except TransportFailure as failure:
        return failure


async def one_round(seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """How the walks of many agents ended, and what is wrong with that."""
    rng = Random(seed)
    agents = {f"{seed}-{n}": any_agent(rng) for n in range(AGENTS)}
    client, wrong, ended = Client(limits=LIMITS, probing=PROBING), list[str](), Counter[str]()
    known = {
        name: user(folder, "reader", "SHA-256", "AES-128")
        if "v3" in agent.versions and rng.random() < 0.3
        else community(folder)
        for name, agent in agents.items()
    }
    async with serve(agents) as running:
        names = list(running)
        found = await asyncio.gather(*(walked(running[name], known[name], client) for name in names))
    for name, result in zip(names, found, strict=True):
        if isinstance(result, TransportFailure):
            ended[result.reason] += 1
            wrong.append(f"{name}: {result}: {agents[name].faults}")
            continue
        ended.update(walk.outcome.value for walk in result)
        wrong += [f"{name}: {problem}: {agents[name].faults}" for problem in problems(agents[name], result)]
    return ended, wrong


def problems(agent: Agent, walks: list[Walk]) -> list[str]:
    """Rows that are missing where nothing is said to be, or that the agent does not have."""
    found = []
    assert agent.faults is not None
    has: dict[Oid, tuple[int, object]] = {e.oid: (e.tag, e.value) for e in agent.mib.entries}
    for walk in walks:
        size, got = len(walk.root), {v.oid: (v.tag, v.value) for v in walk.varbinds}
        expected = {oid: value for oid, value in has.items() if oid[:size] == walk.root}
        if agent.versions == ("v1",):  # which has no Counter64
            expected = {oid: value for oid, value in expected.items() if value[0] != 70}
        faulty = walk.root == agent.faults.under
        made_up = {oid for oid, value in got.items() if expected.get(oid) != value}
        if made_up and not (faulty and (agent.faults.endless or agent.faults.length == b"\x01")):
            found.append(f"{walk.root[-1]}: made up: {sorted(made_up)[:3]}")
        if walk.outcome in SAFE and got.keys() != expected.keys():
            found.append(f"{walk.root[-1]}: {walk.outcome} with {len(got)} rows of {len(expected)}")
        if not faulty and walk.outcome not in SAFE:
            found.append(f"{walk.root[-1]}: {walk.outcome}, which has no fault: {walk.detail}")
        if len(walk.varbinds) > MOST or len(got) < len(walk.varbinds):
            found.append(f"{walk.root[-1]}: {len(walk.varbinds)} rows, {len(got)} different ones")
    return found


def grown_mb() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_agents_that_misbehave_at_random_lose_and_invent_nothing(tmp_path: Path) -> None:
    ended: Counter[str] = Counter()
    end, seed, warm = time.monotonic() + SOAK_S, FIRST_SEED, 0.0
    while True:
        counted, wrong = asyncio.run(asyncio.wait_for(one_round(seed, tmp_path), HANGS_S))
        ended += counted
        seed += 1
        warm = grown_mb() if seed - FIRST_SEED <= WARM_ROUNDS else warm

        assert wrong == []
        if time.monotonic() >= end:
            break
    print(f"{seed - FIRST_SEED} rounds, {grown_mb():.0f} MB at most, {grown_mb() - warm:.0f} of it late: {dict(ended)}")

    assert ended.keys() > {Outcome.COMPLETE.value}
    assert grown_mb() - warm < MOST_GROWTH_MB
