"""The transport of network command lines, against SSH servers on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import paramiko
import pytest

from cmdb.errors import UsageError
from collectors.transport import show_commands
from collectors.transport.commands import CliAnswers, Outcome
from collectors.transport.credentials import Secret, SshLogin
from collectors.transport.hostkeys import HostKey, HostKeys
from collectors.transport.lockout import Lockout
from collectors.transport.network_cli import GENERIC, CliClient
from collectors.transport.network_dialogue import CommandLimits
from collectors.transport.network_replay import ReplaySession, recording_of
from collectors.transport.session import TransportFailure
from collectors.transport.ssh import SshClient
from tests.unit.network_device import PASSWORD, Device, running

VERSION = "Cisco IOS Software, C2960X Software\nswitch-1 uptime is 3 weeks"


@pytest.fixture
def right(tmp_path: Path) -> SshLogin:
    return SshLogin("ops", "cmdb", password=secret(tmp_path, "right", PASSWORD))


@pytest.fixture
def wrong(tmp_path: Path) -> SshLogin:
    return SshLogin("old", "cmdb", password=secret(tmp_path, "wrong", "not-the-password"))


def secret(folder: Path, name: str, value: str) -> Secret:
    file = folder / name
    file.write_text(value)
    file.chmod(0o600)
    return Secret(f"file:{name}", folder)


def trust(device: Device, folder: Path) -> HostKeys:
    file = folder / "known_hosts"
    file.write_text(f"[127.0.0.1]:{device.port} {device.key.get_name()} {device.key.get_base64()}\n")
    return HostKeys(file)


@pytest.fixture
def device() -> Iterator[Device]:
    with running(Device(answers={"show version": VERSION})) as served:
        yield served


def visit(
    device: Device,
    keys: HostKeys,
    credentials: Sequence[SshLogin],
    commands: Sequence[str] = ("show version",),
    platform: str = "cisco_ios",
    limits: CommandLimits | None = None,
    client: CliClient | None = None,
) -> CliAnswers:
    async def go() -> CliAnswers:
        used = client or CliClient(keys, limits or CommandLimits())
        try:
            async with used.open("switch-1", "127.0.0.1", device.port, credentials, platform, 60) as session:
                assert (session.target, session.address, session.platform) == ("switch-1", "127.0.0.1", platform)
                return await session.run(commands)
        finally:
            used.close()

    return asyncio.run(go())


def test_commands_are_answered_without_echo_and_prompt(device: Device, tmp_path: Path, right: SshLogin) -> None:
    device.answers["show inventory"] = 'NAME: "1", DESCR: "x"'

    found = visit(device, trust(device, tmp_path), [right], ["show version", "show inventory", "show interfaces"])

    assert [a.outcome for a in found.commands.values()] == [Outcome.READ, Outcome.READ, Outcome.REFUSED]
    assert found.text("show version") == VERSION
    assert found.text("show inventory") == 'NAME: "1", DESCR: "x"'
    assert found.commands["show interfaces"].detail == "% Invalid input detected"


@pytest.mark.parametrize(
    ("platform", "prompt"),
    [
        ("cisco_ios", "switch-1#"),
        ("cisco_xe", "switch-1>"),
        ("cisco_nxos", "leaf-1# "),
        ("hp_comware", "<core-1>"),
        ("huawei_vrp", "<core-1>"),
        ("arista_eos", "spine-1#"),
        ("juniper_junos", "cmdb@mx-1> "),
        (GENERIC, "box> "),
    ],
)
def test_nothing_but_the_preparation_of_the_terminal_is_typed(
    platform: str, prompt: str, tmp_path: Path, right: SshLogin
) -> None:
    answers: dict[str, str | None] = {
        "show version": VERSION,
        "terminal width 511": "Width set to 511 columns.",
        "terminal length 0": "Pagination disabled.",
        "set cli screen-width 511": "Screen width set to 511",
        "set cli complete-on-space off": "Disabling complete-on-space",
        "set cli screen-length 0": "Screen length set to 0",
    }
    with running(Device(prompt=prompt, answers=answers)) as served:
        found = visit(served, trust(served, tmp_path), [right], platform=platform)

    assert found.text("show version") == VERSION
    assert set(served.typed) - set(answers) - {""} <= {"screen-length disable", "screen-length 0 temporary"}


def test_a_question_at_login_is_answered_with_no(tmp_path: Path, right: SshLogin) -> None:
    question = "Warning: There are security risks in the configuration file. Continue?[Y/N]"
    served = Device(prompt="<core-1>", question=question, answers={"display version": "VRP (R) software"})
    with running(served):
        found = visit(served, trust(served, tmp_path), [right], ["display version"], "huawei_vrp")

    assert found.text("display version") == "VRP (R) software"
    assert served.typed[0] == "N"
    assert not any(line.upper().startswith("Y") for line in served.typed)


def test_a_wrong_password_is_sent_once_in_a_run(
    device: Device, tmp_path: Path, wrong: SshLogin, right: SshLogin
) -> None:
    client = CliClient(trust(device, tmp_path))

    for reason in ("WRONG_CREDENTIAL", "CIRCUIT_OPEN"):
        with pytest.raises(TransportFailure) as failure:
            visit(device, client.host_keys, [wrong, right], client=client)

        assert failure.value.reason == reason
        assert PASSWORD not in str(failure.value)
        assert "not-the-password" not in str(failure.value)

    assert device.tried == [("cmdb", "not-the-password")]


def test_the_dialogue_of_keyboard_interactive_gets_the_password_once(tmp_path: Path, right: SshLogin) -> None:
    with running(Device(methods="keyboard-interactive", answers={"show version": VERSION})) as served:
        found = visit(served, trust(served, tmp_path), [right])

    assert found.text("show version") == VERSION
    assert served.tried == [("interactive", PASSWORD)]


def test_a_key_logs_in_before_any_password(device: Device, tmp_path: Path, wrong: SshLogin) -> None:
    file = tmp_path / "id"
    paramiko.ECDSAKey.generate(bits=256).write_private_key_file(str(file))
    device.methods = "publickey,password"

    with pytest.raises(TransportFailure) as failure:
        visit(device, trust(device, tmp_path), [wrong, SshLogin("key", "cmdb", key_file=file)])

    assert failure.value.detail == "key: the key is refused; old: the password is refused"


def test_an_unknown_host_key_gets_no_password(device: Device, tmp_path: Path, right: SshLogin) -> None:
    with pytest.raises(TransportFailure) as failure:
        visit(device, HostKeys(tmp_path / "none"), [right])

    assert failure.value.reason == "HOST_KEY_UNKNOWN"
    assert HostKey(device.key.get_name(), device.key.asbytes()).fingerprint in failure.value.detail
    assert device.tried == []


def test_a_changed_host_key_gets_no_password(device: Device, tmp_path: Path, right: SshLogin) -> None:
    check = trust(device, tmp_path)
    device.key = paramiko.ECDSAKey.generate(bits=256)

    with pytest.raises(TransportFailure) as failure:
        visit(device, check, [right])

    assert failure.value.reason == "HOST_KEY_CHANGED"
    assert device.tried == []


def test_a_new_host_key_is_taken_down_where_that_is_wanted(device: Device, tmp_path: Path, right: SshLogin) -> None:
    path = tmp_path / "none"
    visit(device, HostKeys(path, accept_new=True), [right])
    found = visit(device, HostKeys(path), [right])

    assert found.text("show version") == VERSION
    assert len(path.read_text().splitlines()) == 1


def test_hosts_and_network_devices_share_their_tries_of_a_password(
    device: Device, tmp_path: Path, wrong: SshLogin
) -> None:
    keys, lockout = trust(device, tmp_path), Lockout()
    host = SshClient(keys, lockout=lockout)

    async def as_host() -> None:
        async with host.open("switch-1", "127.0.0.1", device.port, [wrong], 60):
            pass

    with pytest.raises(TransportFailure, match="the password is refused"):
        asyncio.run(as_host())
    host.close()
    with pytest.raises(TransportFailure, match="CIRCUIT_OPEN"):
        visit(device, keys, [wrong], client=CliClient(keys, lockout=lockout))

    assert device.tried == [("cmdb", "not-the-password")]


def test_a_device_with_several_keys_is_asked_for_the_one_that_is_known(tmp_path: Path, right: SshLogin) -> None:
    served = Device(answers={"show version": VERSION}, more_keys=[paramiko.RSAKey.generate(2048)])
    with running(served):
        key = served.more_keys[0]
        (tmp_path / "known").write_text(f"[127.0.0.1]:{served.port} {key.get_name()} {key.get_base64()}\n")
        found = visit(served, HostKeys(tmp_path / "known"), [right])

    assert found.text("show version") == VERSION


def test_before_a_command_that_is_not_on_the_list_nothing_is_sent(
    device: Device, tmp_path: Path, right: SshLogin
) -> None:
    with pytest.raises(UsageError, match="not on the list"):
        visit(device, trust(device, tmp_path), [right], ["show version", "reload"])

    assert "show version" not in device.typed


@pytest.mark.parametrize(
    "command",
    [
        "configure terminal",
        "show running-config",
        "show version | redirect x",
        "show version\nreload",
        "show version ",
        "",
    ],
)
def test_the_list_is_meant_to_the_letter(command: str) -> None:
    with pytest.raises(UsageError, match="not on the list"):
        show_commands.check(command)


def test_who_gives_up_waiting_hangs_up(device: Device, tmp_path: Path, right: SshLogin) -> None:
    device.answers["show inventory"] = None

    async def go() -> None:
        client = CliClient(trust(device, tmp_path))
        async with client.open("switch-1", "127.0.0.1", device.port, [right], "cisco_ios", 60) as session:
            waiting = asyncio.create_task(session.run(["show inventory"]))
            await asyncio.to_thread(device.hangs.wait, 30)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        client.close()

    asyncio.run(go())
    for thread in threading.enumerate():
        if thread.name.startswith("network-cli"):
            thread.join(10)

            assert not thread.is_alive()


def test_a_command_that_hangs_costs_only_itself(device: Device, tmp_path: Path, right: SshLogin) -> None:
    device.answers["show inventory"] = None

    found = visit(
        device,
        trust(device, tmp_path),
        [right],
        ["show inventory", "show version"],
        limits=CommandLimits(timeout_s=0.5),
    )

    assert found.commands["show inventory"].outcome is Outcome.TIMEOUT
    assert found.text("show inventory") is None
    assert found.text("show version") == VERSION


def test_a_prompt_inside_an_answer_does_not_end_it(device: Device, tmp_path: Path, right: SshLogin) -> None:
    text = "transcript:\nswitch-1#\nswitch-1#show clock\nswitch-1#\nthe end"
    device.answers["show inventory"] = text

    found = visit(device, trust(device, tmp_path), [right], ["show inventory", "show version"])

    assert found.text("show inventory") == text
    assert found.text("show version") == VERSION


def test_a_pager_that_can_not_be_switched_off_is_turned(tmp_path: Path, right: SshLogin) -> None:
    text = "\n".join(f" {number} line" for number in range(25))
    with running(Device(pager=10, answers={"show inventory": text, "show version": VERSION})) as served:
        found = visit(served, trust(served, tmp_path), [right], ["show inventory", "show version"])

    assert found.text("show inventory") == text
    assert found.text("show version") == VERSION


def test_an_answer_without_end_is_cut(device: Device, tmp_path: Path, right: SshLogin) -> None:
    device.answers["show inventory"] = "x" * 79 + "\n" + ("y" * 79 + "\n") * 4000

    found = visit(
        device, trust(device, tmp_path), [right], ["show inventory", "show version"], limits=CommandLimits(bytes=50_000)
    )

    assert found.commands["show inventory"].outcome is Outcome.CUT
    assert found.commands["show inventory"].detail == "more than 50000 bytes"
    assert found.text("show version") == VERSION


def test_a_greeting_of_a_megabyte_is_read_over(tmp_path: Path, right: SshLogin) -> None:
    greeting = ("*" * 78 + "\r\n") * 13_000
    with running(Device(greeting=greeting, answers={"show version": VERSION})) as served:
        found = visit(served, trust(served, tmp_path), [right])

    assert found.text("show version") == VERSION


def test_a_banner_of_a_megabyte_before_the_login_is_a_failure(tmp_path: Path, right: SshLogin) -> None:
    with running(Device(auth_banner="b" * (1 << 20))) as served, pytest.raises(TransportFailure) as failure:
        visit(served, trust(served, tmp_path), [right])

    assert failure.value.reason == "UNDECODABLE"
    assert "more than 524288 bytes" in failure.value.detail


def test_what_listens_nowhere_is_a_failure(device: Device, tmp_path: Path, right: SshLogin) -> None:
    with running(Device()) as gone:
        check = trust(gone, tmp_path)

    with pytest.raises(TransportFailure) as failure:
        visit(gone, check, [right])

    assert (failure.value.stage, failure.value.reason) == ("probe", "REFUSED")


def test_without_credentials_nothing_is_tried(device: Device, tmp_path: Path) -> None:
    with pytest.raises(TransportFailure, match="NO_CREDENTIAL"):
        visit(device, trust(device, tmp_path), [])


def test_what_was_read_can_be_replayed(device: Device, tmp_path: Path, right: SshLogin) -> None:
    found = visit(device, trust(device, tmp_path), [right], ["show version", "show interfaces"])
    again = asyncio.run(ReplaySession("switch-1", recording_of(found)).run(["show version", "show interfaces"]))

    assert {c: (a.text, a.outcome) for c, a in again.commands.items()} == {
        c: (a.text, a.outcome) for c, a in found.commands.items()
    }


def test_no_thread_is_left(device: Device, tmp_path: Path, right: SshLogin) -> None:
    visit(device, trust(device, tmp_path), [right])

    for thread in threading.enumerate():
        if thread.name.startswith("network-cli"):
            thread.join(10)

            assert not thread.is_alive()
