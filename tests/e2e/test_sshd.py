"""A real OpenSSH server, with its own host key and accounts' keys, and servers that misbehave."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collectors.hosts.interpret import interpret
from collectors.hosts.read import SCRIPT, read_host
from collectors.hosts.sockets import EPHEMERAL
from collectors.transport.answers import Outcome
from collectors.transport.commands_recording import find_commands
from collectors.transport.credentials import Secret, SshLogin
from collectors.transport.host_answers import Command, HostAnswers
from collectors.transport.host_replay import (
    HostRecordingSession,
    open_host_replay,
    save_host_recording,
)
from collectors.transport.hostkeys import HostKeys
from collectors.transport.session import TransportFailure
from collectors.transport.ssh import SshClient
from collectors.transport.ssh_socket import SshLimits

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
ME = pwd.getpwuid(os.getuid()).pw_name
QUICK = SshLimits(connect_s=2, banner_s=1, handshake_s=5, login_s=5, channel_s=5)
HELLO = (Command("hello", "echo hello"),)

CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/{host_key}
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel VERBOSE
{more}
"""


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Host keys, a key that is allowed in and one that is not, and a file with a wrong password."""
    if SSHD is None:
        pytest.skip("sshd is not installed (Debian package openssh-server)")
    made = tmp_path_factory.mktemp("sshd")
    for name in ("host", "other_host", "allowed", "stranger"):
        make_key(made / name)
    shutil.copy(made / "allowed.pub", made / "authorized_keys")
    (made / "wrong").write_text("not-the-password\n", "utf-8")
    (made / "wrong").chmod(0o600)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # privilege separation insists on it
    return made


@contextmanager
def server(folder: Path, host_key: str = "host", more: str = "") -> Iterator[tuple[int, Path]]:
    """A running sshd: its port and its log."""
    assert SSHD is not None
    port = free_port()
    config, log = folder / f"config-{port}", folder / f"log-{port}"
    config.write_text(CONFIG.format(port=port, folder=folder, host_key=host_key, more=more), "utf-8")
    process = subprocess.Popen([SSHD, "-D", "-f", str(config), "-E", str(log)])
    try:
        wait_until_listening(port, process, log)
        yield port, log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            continue
        return
    pytest.fail(f"sshd did not start: {log.read_text() if log.exists() else 'no log'}")


@pytest.fixture(scope="module")
def sshd(folder: Path) -> Iterator[tuple[int, Path]]:
    """One server for all tests that need nothing special."""
    with server(folder) as running:
        yield running


@pytest.fixture
def client(tmp_path: Path) -> Iterator[SshClient]:
    """A client that takes down new host keys."""
    made = SshClient(HostKeys(tmp_path / "known_hosts", accept_new=True), QUICK)
    yield made
    made.close()


def with_key(folder: Path, name: str = "allowed", user: str = ME) -> SshLogin:
    return SshLogin(name, user, key_file=folder / name)


def with_password(folder: Path, name: str = "password") -> SshLogin:
    return SshLogin(name, ME, password=Secret("file:wrong", folder))


async def ask(
    client: SshClient, port: int, *logins: SshLogin, script: tuple[Command, ...] = HELLO, budget_s: float = 60
) -> HostAnswers:
    async with client.open("host-1", "127.0.0.1", port, logins, budget_s) as session:
        return await session.run(script)


async def failure(client: SshClient, port: int, *logins: SshLogin) -> TransportFailure:
    with pytest.raises(TransportFailure) as caught:
        await ask(client, port, *logins)
    return caught.value


async def test_reads_sections_with_both_streams_and_statuses(
    client: SshClient, sshd: tuple[int, Path], folder: Path
) -> None:
    script = (
        Command("good", "echo out; echo err >&2"),
        Command("bad", "printf 'no end of line'; exit 3"),
        Command("input", "cat; echo [$LC_ALL]"),
        Command("odd", "printf 'a\\377b\\n\\n'"),
    )
    answers = await ask(client, sshd[0], with_key(folder), script=script)

    assert answers.outcome is Outcome.COMPLETE
    assert [(s.stdout, s.stderr, s.exit_status) for s in answers.sections.values()] == [
        ("out\n", "err\n", 0),
        ("no end of line", "", 3),
        ("[C]\n", "", 0),
        ("a\ufffdb\n\n", "", 0),
    ]


async def test_remembers_the_credential_that_worked(client: SshClient, sshd: tuple[int, Path], folder: Path) -> None:
    await ask(client, sshd[0], with_key(folder, "stranger"), with_key(folder))
    before = sshd[1].read_text().count("Failed publickey")
    await ask(client, sshd[0], with_key(folder, "stranger"), with_key(folder))

    assert client.remembered == {"host-1": "allowed"}
    assert sshd[1].read_text().count("Failed publickey") == before


async def test_other_users_get_a_connection_of_their_own(
    client: SshClient, sshd: tuple[int, Path], folder: Path
) -> None:
    answers = await ask(client, sshd[0], with_key(folder, "stranger", "nobody"), with_key(folder))

    assert answers.text("hello") == "hello\n"


async def test_an_unknown_host_key_is_refused_with_the_line_that_accepts_it(
    sshd: tuple[int, Path], folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "known_hosts"
    client = SshClient(HostKeys(path), QUICK)
    told = await failure(client, sshd[0], with_key(folder))
    printed = output("ssh-keygen", "-l", "-f", str(folder / "host.pub"))
    path.write_text(told.detail.split(f"add to {path}: ")[1] + "\n", "utf-8")
    answers = await ask(SshClient(HostKeys(path), QUICK), sshd[0], with_key(folder))

    assert (told.stage, told.reason) == ("auth", "HOST_KEY_UNKNOWN")
    assert printed.split()[1] in told.detail
    assert answers.text("hello") == "hello\n"


async def test_a_new_host_key_is_taken_down_once_and_privately(
    client: SshClient, sshd: tuple[int, Path], folder: Path
) -> None:
    for _ in range(2):
        await ask(client, sshd[0], with_key(folder))
    path = client.host_keys.path
    found = output("ssh-keygen", "-F", f"[127.0.0.1]:{sshd[0]}", "-f", str(path))

    assert len(path.read_text().splitlines()) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert "ssh-ed25519" in found


async def test_a_changed_host_key_is_refused_even_where_new_ones_are_taken(client: SshClient, folder: Path) -> None:
    with server(folder, "other_host") as (port, _):
        kind, blob = (folder / "host.pub").read_text().split()[:2]
        client.host_keys.path.write_text(f"[127.0.0.1]:{port} {kind} {blob}\n", "utf-8")
        strict = SshClient(HostKeys(client.host_keys.path, accept_new=True), QUICK)
        told = await failure(strict, port, with_key(folder))

    assert told.reason == "HOST_KEY_CHANGED"


async def test_one_wrong_password_is_one_try_at_the_host(
    client: SshClient, sshd: tuple[int, Path], folder: Path
) -> None:
    before = sshd[1].read_text().count("Failed password")
    told = await failure(client, sshd[0], with_password(folder, "first"), with_password(folder, "second"))
    again = await failure(client, sshd[0], with_password(folder, "first"))

    assert (told.stage, told.reason) == ("auth", "WRONG_CREDENTIAL")
    assert again.reason == "CIRCUIT_OPEN"
    assert sshd[1].read_text().count("Failed password") - before == 1
    assert "not-the-password" not in f"{told} {again}"


async def test_three_hosts_that_refuse_a_password_spare_the_fourth(client: SshClient, folder: Path) -> None:
    tries = []
    told = []
    for _ in range(4):
        with server(folder) as (port, log):
            told.append((await failure(client, port, with_password(folder))).reason)
            tries.append(log.read_text().count("Failed password"))

    assert told == ["WRONG_CREDENTIAL"] * 3 + ["CIRCUIT_OPEN"]
    assert tries == [1, 1, 1, 0]


async def test_a_host_without_passwords_is_not_told_any(client: SshClient, folder: Path) -> None:
    with server(folder, more="AuthenticationMethods publickey") as (port, log):
        told = await failure(client, port, with_password(folder))
        tried = log.read_text().count("Failed password")

    assert (told.reason, tried) == ("DENIED", 0)


async def test_keys_that_others_can_read_are_not_used(
    client: SshClient, sshd: tuple[int, Path], folder: Path, tmp_path: Path
) -> None:
    open_key = tmp_path / "open"
    shutil.copy(folder / "allowed", open_key)
    open_key.chmod(0o644)
    told = await failure(client, sshd[0], SshLogin("open", ME, key_file=open_key))

    assert told.reason == "NO_CREDENTIAL"
    assert "chmod 600" in told.detail


async def test_noise_of_a_login_shell_does_no_harm(client: SshClient, folder: Path) -> None:
    noisy = 'ForceCommand echo Welcome; echo look out >&2; sh -c "$SSH_ORIGINAL_COMMAND"; echo Bye'
    with server(folder, more=noisy) as (port, _):
        answers = await ask(client, port, with_key(folder))

    assert (answers.outcome, answers.text("hello")) == (Outcome.COMPLETE, "hello\n")


async def test_a_login_without_a_shell_says_so(client: SshClient, folder: Path) -> None:
    with server(folder, more="ForceCommand echo This account is not available.") as (port, _):
        told = await failure(client, port, with_key(folder))

    assert (told.stage, told.reason) == ("read", "NO_SHELL")
    assert "not available" in told.detail


async def test_a_hanging_command_costs_its_own_section_only(
    client: SshClient, sshd: tuple[int, Path], folder: Path
) -> None:
    hanging = (Command("before", "echo 1"), Command("hanging", 'echo half; cat < "$F"'), Command("after", "echo 2"))
    os.mkfifo(fifo := folder / f"fifo-{time.monotonic_ns()}")
    script = tuple(Command(c.name, c.shell.replace("$F", str(fifo))) for c in hanging)
    answers = await ask(client, sshd[0], with_key(folder), script=script, budget_s=3)
    os.close(os.open(fifo, os.O_RDWR | os.O_NONBLOCK))  # lets go of the command on the host

    assert answers.outcome is Outcome.TIMEOUT
    assert answers.text("before") == "1\n"
    assert answers.sections["hanging"].exit_status is None
    assert "after" not in answers.sections


async def test_a_session_without_time_left_says_so(
    client: SshClient, sshd: tuple[int, Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client.open("host-1", "127.0.0.1", sshd[0], [with_key(folder)], 60) as session:
        monkeypatch.setattr("collectors.transport.ssh_wire.Wire._left", lambda wire: 0.0)
        with pytest.raises(TransportFailure) as caught:
            await session.run(HELLO)

    assert caught.value.reason == "BUDGET"


async def test_endless_output_is_cut(sshd: tuple[int, Path], folder: Path, tmp_path: Path) -> None:
    limits = SshLimits(output_bytes=1 << 20)
    client = SshClient(HostKeys(tmp_path / "known_hosts", accept_new=True), limits)
    script = (Command("before", "echo 1"), Command("endless", "while :; do echo yes; done"))
    answers = await ask(client, sshd[0], with_key(folder), script=script)
    client.close()

    assert answers.outcome is Outcome.CUT
    assert answers.text("before") == "1\n"
    assert len(answers.text("endless")) < 4 << 20


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on a free port that does with each connection what `talk` does."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    talk(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(timeout=10)


def flood(connection: socket.socket) -> None:
    connection.sendall(b"x" * (1 << 20))


def many_lines(connection: socket.socket) -> None:
    connection.sendall(b"go away\r\n" * (1 << 17))


def say_nothing(connection: socket.socket) -> None:
    connection.recv(1)


def not_ssh(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.net ESMTP\r\n")


def stop_after_version(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-Silent\r\n")
    while connection.recv(4096):
        pass


def garbage_after_version(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-Garbage\r\n" + bytes(range(256)) * 64)


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (flood, "UNDECODABLE"),
        (many_lines, "UNDECODABLE"),
        (say_nothing, "TIMEOUT"),
        (not_ssh, "UNDECODABLE"),
        (stop_after_version, "TIMEOUT"),
        (garbage_after_version, "UNDECODABLE"),
    ],
)
async def test_servers_that_misbehave_are_told_apart(
    talk: Callable[[socket.socket], None], reason: str, folder: Path, tmp_path: Path
) -> None:
    limits = SshLimits(banner_s=0.5, handshake_s=0.5)
    client = SshClient(HostKeys(tmp_path / "known_hosts"), limits)
    with raw_server(talk) as port:
        told = await failure(client, port, with_key(folder))
    client.close()

    assert (told.stage, told.reason) == ("probe", reason)


async def test_nobody_there(client: SshClient, folder: Path) -> None:
    told = await failure(client, free_port(), with_key(folder))

    assert (told.stage, told.reason) == ("probe", "REFUSED")


async def test_excluded_addresses_are_left_alone(client: SshClient, sshd: tuple[int, Path], folder: Path) -> None:
    before = sshd[1].read_text()
    with pytest.raises(TransportFailure) as caught:
        async with client.open("host-1", "localhost", sshd[0], [with_key(folder)], 10, exclude={"127.0.0.1", "::1"}):
            pass

    assert caught.value.reason == "EXCLUDED"
    assert sshd[1].read_text() == before


async def test_a_visit_that_is_given_up_ends_at_once(client: SshClient, folder: Path) -> None:
    heard, ended = threading.Event(), threading.Event()

    def note(connection: socket.socket) -> None:
        heard.set()
        if connection.recv(1) == b"":
            ended.set()

    with raw_server(note) as port:
        client.limits = SshLimits(banner_s=300)
        task = asyncio.ensure_future(ask(client, port, with_key(folder)))
        await asyncio.to_thread(heard.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        was_hung_up = await asyncio.to_thread(ended.wait, 10)

    assert was_hung_up


async def test_finds_what_this_machine_has(client: SshClient, sshd: tuple[int, Path], folder: Path) -> None:
    async with client.open("here", "127.0.0.1", sshd[0], [with_key(folder)], 120) as session:
        answers = await read_host(session)
        report, _ = interpret("here", session.address, answers, 1)
    listed = output("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n")
    expected = {line.split(" ", 1)[1] for line in listed.splitlines() if line.startswith("installed ")}
    packages = [o.attributes for o in report.observations if o.ci_class == "SoftwareProduct"]
    listening = {place for o in report.observations for place in o.attributes.get("listen", [])}

    assert {f"{a['name']} {a['version']}" for a in packages} == expected
    assert f"tcp/127.0.0.1:{sshd[0]}" in listening
    assert list(answers.sections) == [command.name for command in SCRIPT]
    assert report.complete


async def test_finds_the_listeners_that_ss_shows(client: SshClient, sshd: tuple[int, Path], folder: Path) -> None:
    def shown() -> set[str]:
        return {line.split()[3].rpartition(":")[2] for line in output("ss", "-Htln").splitlines()}

    before = shown()
    async with client.open("here", "127.0.0.1", sshd[0], [with_key(folder)], 120) as session:
        report, _ = interpret("here", session.address, await read_host(session), 1)
    stayed = before & shown()
    found = {
        place.rpartition(":")[2]
        for o in report.observations
        for place in o.attributes.get("listen", [])
        if place.startswith("tcp/")
    }

    # Ports that the kernel chose are left out: other programs of this machine open and close them at any time.
    assert {port for port in stayed if int(port) < EPHEMERAL} <= found
    assert {port for port in found if int(port) < EPHEMERAL} <= before | shown()


async def test_records_and_replays_the_same(
    client: SshClient, sshd: tuple[int, Path], folder: Path, tmp_path: Path
) -> None:
    async with client.open("here", "127.0.0.1", sshd[0], [with_key(folder)], 120) as session:
        recording = HostRecordingSession(session)
        live, _ = interpret("here", session.address, await read_host(recording), 1)
    save_host_recording(tmp_path / "kept", recording)
    (found,) = find_commands([tmp_path / "kept"])
    again, _ = interpret("here", found.address, await read_host(open_host_replay(found)), 1)

    assert found.address == "127.0.0.1"
    assert again == live
