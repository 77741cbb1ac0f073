"""A session can be recorded, without its secrets, and played back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from collectors.approaches import Work
from collectors.responders.agent import Faults
from collectors.responders.mib import Entry, Mib
from collectors.responders.serve import serve
from collectors.scopes import TargetSpec
from collectors.targets import LiveTarget, Means
from collectors.transport.answers import Varbind
from collectors.transport.client import Client
from collectors.transport.record import PRIVATE, RecordingSession, save_recording, scrub
from collectors.transport.record import record as record_target
from collectors.transport.replay import find_recordings, open_replay
from collectors.transport.session import SnmpSession
from tests.unit.snmp_transport_agents import IF_DESCR, IF_MTU, ROWS, SYS_DESCR, agent, community, mib, session_with

COMMUNITY_MIB = (1, 3, 6, 1, 6, 3, 18, 1, 1, 1, 2)


def record(folder: Path, faults: Faults | None = None) -> RecordingSession:
    """Record an agent that tells its community in three places."""

    async def run() -> RecordingSession:
        leaks = [
            Entry((1, 3, 6, 1, 2, 1, 1, 6, 0), 4, b"ask with watch-1 only"),
            Entry((*COMMUNITY_MIB, 1), 4, b"other-community"),
            Entry((1, 3, 6, 1, 4, 1, 9, 5, *b"watch-1"), 2, 1),
        ]
        served = agent(faults, mib=Mib([*mib().entries, *leaks]), contexts={"10": mib(2)})
        async with session_with(served, [community(folder)]) as session:
            recording = RecordingSession(session)
            await recording.get([SYS_DESCR])
            for root in (IF_DESCR, IF_MTU, (1, 3, 6, 1, 2, 1, 1), COMMUNITY_MIB, (1, 3, 6, 1, 4, 1, 9)):
                await recording.walk(root)
            await recording.context("vlan-10").walk(IF_DESCR)
            return recording

    return asyncio.run(run())


def test_a_recorded_session_answers_as_the_agent_did(tmp_path: Path) -> None:
    written = save_recording(tmp_path / "out", record(tmp_path), [b"watch-1"])
    (target,) = find_recordings([tmp_path / "out"])
    session = open_replay(target)

    async def replay() -> tuple[int, int, object]:
        walk = await session.walk(IF_DESCR)
        inner = await session.context("vlan-10").walk(IF_DESCR)
        return len(walk.varbinds), len(inner.varbinds), (await session.get([SYS_DESCR]))[SYS_DESCR].value

    assert [path.name for path in written] == ["agent.snmprec", "agent@vlan-10.snmprec"]
    assert (target.name, target.address) == ("agent", "127.0.0.1")
    assert asyncio.run(replay()) == (ROWS, 2, b"switch")


def test_no_secret_is_written(tmp_path: Path) -> None:
    written = save_recording(tmp_path / "out", record(tmp_path), [b"watch-1"])
    content = b"".join(path.read_bytes() for path in written)

    for secret in (b"watch-1", b"other-community", ".".join(map(str, b"watch-1")).encode()):
        assert secret not in content
        assert secret.hex().encode() not in content
    assert b"ask with <private> only" in content


def test_passwords_in_command_lines_are_no_part_of_a_recording() -> None:
    arguments = (1, 3, 6, 1, 2, 1, 25, 4, 2, 1, 5, 700)

    found = scrub([Varbind(arguments, 4, b"-h db --password=hunter22 \xff")])

    assert [v.value for v in found] == [b"-h db --password=<private> \xff"]


def test_scrub_finds_secrets_in_any_bytes() -> None:
    value = b"\x00key=abcd1234\xff"

    found = scrub([Varbind((1, 3, 6), 4, value), Varbind((1, 3, 7), 2, 5)], [b"abcd1234", b"x"])

    assert found == [Varbind((1, 3, 6), 4, b"\x00key=" + PRIVATE + b"\xff"), Varbind((1, 3, 7), 2, 5)]


def test_what_was_not_read_to_its_end_is_told(tmp_path: Path) -> None:
    recording = record(tmp_path, Faults(under=IF_MTU, gen_err=True))

    assert [walk.root for walk in recording.incomplete] == [IF_MTU]


def test_names_become_safe_file_names(tmp_path: Path) -> None:
    async def run() -> RecordingSession:
        async with session_with(agent(), [community(tmp_path)]) as session:
            session._agent.target = "../[::1]:161@x"
            recording = RecordingSession(session)
            await recording.get([SYS_DESCR])
            return recording

    (path,) = save_recording(tmp_path / "out", asyncio.run(run()))

    assert path.parent == tmp_path / "out"
    assert path.name == "____1__161_x.snmprec"


def test_a_target_is_recorded_with_one_call(tmp_path: Path) -> None:
    async def read(session: SnmpSession) -> None:
        await session.get([SYS_DESCR])
        await session.walk((1, 3, 6, 1, 2, 1, 1))

    async def run() -> list[Path]:
        leak = Entry((1, 3, 6, 1, 2, 1, 1, 6, 0), 4, b"watch-1")
        async with serve({"agent": agent(mib=Mib([*mib().entries, leak]))}) as running:
            spec = TargetSpec("core-1", "127.0.0.1", running["agent"].port, credentials=(community(tmp_path),))
            return await record_target(
                LiveTarget(spec, Means(Work(read, lambda *_: None, lambda: 1), Client())), read, tmp_path / "out"
            )

    (path,) = asyncio.run(run())

    assert path == tmp_path / "out" / "core-1.snmprec"
    assert b"|switch" in path.read_bytes()
    assert b"watch-1" not in path.read_bytes()
