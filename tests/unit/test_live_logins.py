"""Live targets that have no agent: who is logged in to, and in which way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from textwrap import dedent

import pytest

from collectors.approaches import Work
from collectors.discover import State, TargetResult, collect
from collectors.scopes import TargetSpec
from collectors.scopes_file import Protocol
from collectors.targets import LiveTarget, Means
from collectors.transport.client import Client
from collectors.transport.credentials import Secret, SshLogin
from collectors.transport.hostkeys import HostKeys
from collectors.transport.lockout import Lockout
from collectors.transport.network_cli import CliClient
from collectors.transport.ssh import SshClient
from tests.unit.cli_answers import STACK
from tests.unit.network_device import PASSWORD, Device, running

CISCO = "SSH-2.0-Cisco-1.25"


async def _read(session: object) -> None:
    return None


def visit(device: Device, protocols: tuple[Protocol, ...], folder: Path, password: str = PASSWORD) -> TargetResult:
    (folder / "password").write_text(password)
    (folder / "password").chmod(0o600)
    login = SshLogin("ops", "cmdb", password=Secret("file:password", folder))
    keys, lockout = HostKeys(folder / "known_hosts", accept_new=True), Lockout()
    work = Work(_read, lambda *_: None, lambda: 1)  # type: ignore[arg-type,return-value] # no agent is asked here
    means = Means(work, Client(), SshClient(keys, lockout=lockout), CliClient(keys, lockout=lockout))
    try:
        with running(device):
            spec = TargetSpec("t", "127.0.0.1", ssh_port=device.port, protocols=protocols, credentials=(login,))
            (result,) = asyncio.run(collect([LiveTarget(spec, means)]))
    finally:
        means.close()
    return result


def switch(greets: str) -> Device:
    return Device(greets=greets, answers={c: dedent(text).strip("\n") for c, text in STACK.items()})


@pytest.mark.parametrize(
    ("greets", "protocols"), [(CISCO, ("ssh", "netmiko")), (CISCO, ("netmiko",)), ("SSH-2.0-OpenSSH_7.2", ("netmiko",))]
)
def test_a_network_device_is_read_on_its_command_line(
    greets: str, protocols: tuple[Protocol, ...], tmp_path: Path
) -> None:
    device = switch(greets)
    result = visit(device, protocols, tmp_path)

    assert (result.state, result.reason) == (State.OK, "")
    (told,) = result.told
    assert (told.report.source, told.report.observations[0].attributes["name"]) == ("netmiko", "access-1")
    assert {line for line in device.typed if line.startswith("show")} == set(STACK)


def test_a_network_device_is_not_logged_in_to_as_a_host(tmp_path: Path) -> None:
    device = switch(CISCO)
    result = visit(device, ("ssh",), tmp_path)

    assert (result.state, result.reason) == (State.FAILED, "NO_PROTOCOL")
    assert (device.tried, device.typed) == ([], [])


def test_what_greets_as_any_host_is_asked_as_a_host_only(tmp_path: Path) -> None:
    device = switch("SSH-2.0-OpenSSH_9.2p1 Debian-2")
    result = visit(device, ("ssh", "netmiko"), tmp_path, "not-the-password")

    assert (result.state, result.reason) == (State.FAILED, "WRONG_CREDENTIAL")
    assert len(device.tried) == 1
