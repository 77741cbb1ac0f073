"""Our own decoder and pysnmp, which reads version 3, get the same out of what real agents answered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from collectors.responders.agent import Agent, User
from collectors.responders.serve import Running, serve
from collectors.transport.answers import Oid, Varbind, Walk
from collectors.transport.client import Client
from collectors.transport.credentials import SnmpCredential
from collectors.transport.snmp import Limits
from tests.unit.recordings_at_hand import BESIDE, OWN, SIMULATOR, beginning, carried, recordings, served
from tests.unit.snmp_transport_agents import ENGINE_ID, community, user

# So many bytes of each recording's text are compared in full; of the short ones otherwise one varbind of each shape.
IN_FULL = int(os.environ.get("RECORDING_BYTES", "0"))
SHORT = 5_000  # bytes of a file, mostly packed
MOST = 100_000
LONGEST = 1 << 40 if IN_FULL else SHORT
AT_ONCE = 4
SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)  # which runs
LIMITS = Limits(walk_s=3600.0)

Shape = tuple[object, ...]


def shape(varbind: Varbind) -> Shape:
    """What a decoder may stumble over: type, lengths, sign, and the largest arc."""
    oid, tag, value = varbind
    size: object = None
    if isinstance(value, int):
        size = value < 0, value.bit_length()
    elif isinstance(value, bytes):
        size = len(value) if len(value) < 4 else len(value).bit_length(), value[:1] >= b"\x80"
    elif isinstance(value, str):
        size = len(value.split(".")), max(len(arc) for arc in value.split("."))
    return tag, size, len(oid) // 4, max(oid).bit_length() // 7


def chosen(files: Iterable[Path]) -> Iterator[tuple[str, list[Varbind]]]:
    """What agents are to answer, with the recording that it is of, or the last of those that share an agent."""
    if IN_FULL:
        yield from ((str(file), carried(beginning(file, IN_FULL))) for file in files)
        return
    seen: set[Shape] = set()
    together: dict[Oid, Varbind] = {}
    name = ""
    for file in files:
        fresh = {shape(varbind): varbind for varbind in carried(beginning(file, MOST)) if shape(varbind) not in seen}
        seen |= fresh.keys()
        if any(varbind.oid in together for varbind in fresh.values()):
            yield name, sorted(together.values())
            together = {}
        together |= {varbind.oid: varbind for varbind in fresh.values()}
        name = str(file)
    yield name, sorted(together.values())


async def walked(at: Running, credential: SnmpCredential, client: Client) -> Walk:
    async with client.open(str(at.port), at.address, at.port, [credential], 3600.0) as session:
        return await session.walk((1,))


async def differences(files: Iterable[Path], folder: Path) -> tuple[int, list[str]]:
    """How many varbinds were compared, and those that are not the same three times: recorded, read by us, by pysnmp."""
    client, left = Client(limits=LIMITS), chosen(files)
    known: list[SnmpCredential] = [community(folder), user(folder, "reader")]
    counted, wrong = 0, list[str]()

    async def worker() -> None:
        nonlocal counted
        for name, recorded in left:
            agent = Agent(served(recorded), ("watch-1",), (User("reader"),), ENGINE_ID)
            async with serve({"a": agent}) as running:
                ours, theirs = [await walked(running["a"], credential, client) for credential in known]
            counted += len(recorded)
            read = [
                {v for v in varbinds if v.oid != SYS_UP_TIME} for varbinds in (recorded, ours.varbinds, theirs.varbinds)
            ]
            if not read[0] == read[1] == read[2] or len(ours.varbinds) != len(theirs.varbinds):
                odd = sorted((read[0] ^ read[1]) | (read[1] ^ read[2]), key=lambda v: v.oid)[:3]
                wrong.append(f"{name}: {ours.outcome} {ours.detail}, {theirs.outcome} {theirs.detail}: {odd}")

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return counted, wrong


def test_both_read_the_same_from_recordings_of_real_agents(tmp_path: Path) -> None:
    counted, wrong = asyncio.run(differences([*recordings(OWN), *recordings(SIMULATOR, LONGEST)], tmp_path))

    print(f"{counted} varbinds compared")

    assert wrong == []
    assert counted > 500


@pytest.mark.shared
@pytest.mark.skipif(not BESIDE.is_dir(), reason="the recordings are not beside the project")
def test_both_read_the_same_from_the_recordings_beside_the_project(tmp_path: Path) -> None:
    counted, wrong = asyncio.run(differences(recordings(BESIDE, LONGEST), tmp_path))

    print(f"{counted} varbinds compared")

    assert wrong == []
    assert counted > 100  # one of each shape, of short recordings
