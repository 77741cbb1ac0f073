"""Hundreds of walks at the same time lose nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.transport.answers import Outcome, Walk
from collectors.transport.client import Client
from tests.unit.snmp_transport_agents import IF_DESCR, community

AGENTS, ROWS = 500, 200

# Agents in a process of their own, as in real life: in one loop they would never answer faster than they are read.
SERVE = """
import asyncio, json, sys
from collectors.responders.agent import Agent
from collectors.responders.mib import Entry, Mib
from collectors.responders.serve import serve

async def main(count, rows):
    entries = [Entry((1, 3, 6, 1, 2, 1, 1, 2, 0), 6, "1.3.6.1.4.1.9.1.1")]
    entries += [Entry((1, 3, 6, 1, 2, 1, 2, 2, 1, 2, row), 4, b"x" * 40) for row in range(1, rows + 1)]
    mib = Mib(entries)
    async with serve({str(n): Agent(mib, ("watch-1",)) for n in range(count)}) as running:
        print(json.dumps([at.port for at in running.values()]), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.fixture
def ports() -> Iterator[list[int]]:
    """Ports of agents that run until the test is over."""
    arguments = [sys.executable, "-c", SERVE, str(AGENTS), str(ROWS)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()


def test_five_hundred_walks_in_flight_lose_no_varbind(ports: list[int], tmp_path: Path) -> None:
    client, credential = Client(), community(tmp_path)
    all_open = asyncio.Barrier(AGENTS)

    async def walk(port: int) -> Walk:
        async with client.open(str(port), "127.0.0.1", port, [credential], 120.0) as session:
            await all_open.wait()
            return await session.walk(IF_DESCR)

    async def run() -> list[Walk]:
        return await asyncio.gather(*map(walk, ports))

    found = asyncio.run(run())

    assert len(found) == AGENTS
    assert {(one.outcome, len(one.varbinds)) for one in found} == {(Outcome.COMPLETE, ROWS)}
