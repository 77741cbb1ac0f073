"""Devices of fakenos, an independent player of network devices: from the login to the report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from io import StringIO
from pathlib import Path

import paramiko
import pytest
import pytest_asyncio

from collectors.cli.interpret import interpret
from collectors.cli.platform import platform_named, platform_of_text
from collectors.transport.commands import Outcome
from collectors.transport.commands_recording import read_commands, write_commands
from collectors.transport.credentials import Secret, SshLogin
from collectors.transport.hostkeys import HostKeys
from collectors.transport.network_cli import GENERIC, CliClient
from collectors.transport.network_replay import ReplaySession, recording_of
from tests.network import PASSWORD, USER, command_line
from tests.unit.cli_answers import AT, EOS, STACK, VRP

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

SITES = {"cisco_ios": STACK, "arista_eos": EOS, "huawei_vrp": VRP}


@pytest.fixture(params=list(SITES))
def device(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """Platform and port of a device that answers with our texts."""
    platform: str = request.param
    with command_line(platform, SITES[platform]) as port:
        yield platform, port


@pytest.fixture
def login(tmp_path: Path) -> SshLogin:
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    return SshLogin("ops", USER, password=Secret("file:password", tmp_path))


@pytest_asyncio.fixture
async def client(device: tuple[str, int], tmp_path: Path) -> AsyncIterator[CliClient]:
    from fakenos.plugins.servers.ssh_server_paramiko import DEFAULT_SSH_KEY

    key = paramiko.RSAKey(file_obj=StringIO(DEFAULT_SSH_KEY))
    (tmp_path / "known").write_text(f"[127.0.0.1]:{device[1]} {key.get_name()} {key.get_base64()}\n")
    found = CliClient(HostKeys(tmp_path / "known"))
    yield found
    found.close()


async def test_a_device_is_read_and_replayed(
    device: tuple[str, int], client: CliClient, login: SshLogin, tmp_path: Path
) -> None:
    name, port = device
    platform = platform_named(name)
    assert platform is not None

    async with client.open("sw-1", "127.0.0.1", port, [login], name, 60) as session:
        answers = await session.run(platform.commands)
    report, facts = interpret("sw-1", "127.0.0.1", answers, AT)

    assert {c for c, a in answers.commands.items() if a.outcome is Outcome.READ} == set(SITES[name])
    assert all(a.outcome is Outcome.REFUSED for c, a in answers.commands.items() if c not in SITES[name])
    assert report.complete

    write_commands(tmp_path / "sw-1.ssh", recording_of(answers))
    again = await ReplaySession("sw-1", read_commands(tmp_path / "sw-1.ssh")).run(platform.commands)

    assert interpret("sw-1", "127.0.0.1", again, AT) == (report, facts)


async def test_the_platform_is_found_without_snmp(device: tuple[str, int], client: CliClient, login: SshLogin) -> None:
    name, port = device
    commands = ["show version", "display version"]

    async with client.open("sw-1", "127.0.0.1", port, [login], GENERIC, 60) as session:
        answers = await session.run(commands)
        found = platform_of_text(session.banner, *(answers.text(c) or "" for c in commands))

    assert found == {"cisco_ios": "cisco_xe"}.get(name, name)
