"""A real net-snmp agent, over all versions, digests and ciphers that it knows."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from collectors.transport.answers import Outcome
from collectors.transport.client import Client, Probing
from collectors.transport.credentials import Auth, Community, Priv, Secret, SnmpCredential, UsmUser
from collectors.transport.session import TransportFailure

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

SNMPD = shutil.which("snmpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
SYS_OR_DESCR = (1, 3, 6, 1, 2, 1, 1, 9, 1, 3)
IF_DESCR = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
EXTENSIONS = (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2, 2, 1, 2)  # nsExtendCommand: there, but nothing is configured
OF_NOBODY = (1, 3, 6, 1, 4, 1, 2021, 4711)

CONFIG = """
agentaddress udp:127.0.0.1:{port}
rocommunity {community} 127.0.0.1 .1
sysName agent-under-test
createUser observer SHA-256 "auth-secret-1" AES "priv-secret-1"
createUser checker SHA-512 "auth-secret-1"
rouser observer priv .1
rouser checker auth .1
rocommunity narrow-view 127.0.0.1 .1.3.6.1.2.1.1
"""
# What net-snmp calls them; it has no 3DES.
PRIVS: dict[Priv | None, str] = {None: "", "DES": "DES", "AES-128": "AES"} | {
    priv: priv for priv in get_args(Priv) if priv.startswith(("AES-192", "AES-256"))
}
PAIRS: list[tuple[Auth, Priv | None]] = [(auth, priv) for auth in get_args(Auth) for priv in PRIVS]


def users() -> str:
    """A user of each digest and cipher."""
    lines = []
    for auth, priv in PAIRS:
        theirs = {"MD5": "MD5", "SHA-1": "SHA"}.get(auth, auth)
        inner = f'{PRIVS[priv]} "priv-secret-1"' if priv else ""
        lines.append(f'createUser {auth}-{priv} {theirs} "auth-secret-1" {inner}')
        lines.append(f"rouser {auth}-{priv} {'priv' if priv else 'auth'} .1")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file for each secret."""
    folder = tmp_path_factory.mktemp("secrets")
    words = {"community": "watch-1", "auth": "auth-secret-1", "priv": "priv-secret-1", "wrong": "wrong-secret-1"}
    for name, word in words.items():
        (folder / name).write_text(word + "\n", "utf-8")
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A running snmpd on a free port of 127.0.0.1."""
    if SNMPD is None:
        pytest.skip("snmpd is not installed (Debian package snmpd)")
    folder = tmp_path_factory.mktemp("snmpd")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        free = int(probe.getsockname()[1])
    config = folder / "snmpd.conf"
    config.write_text(CONFIG.format(port=free, community="watch-1") + users(), "utf-8")
    environment = os.environ | {"SNMP_PERSISTENT_DIR": str(folder / "state"), "MIBS": ""}
    arguments = [SNMPD, "-f", "-C", "-c", str(config), "-Lf", str(folder / "log"), "-I", "-smux,ipFwTable"]
    process = subprocess.Popen(arguments, env=environment)
    try:
        _wait_until_bound(free, process, folder / "log")
        yield free
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def _wait_until_bound(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a refused datagram no longer comes back: the socket is there."""
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("127.0.0.1", port))
            probe.settimeout(0.1)
            try:
                probe.send(b"?")
                probe.recv(1)
            except TimeoutError:
                return
            except ConnectionRefusedError:
                continue
    pytest.fail(f"snmpd did not start: {log.read_text() if log.exists() else 'no log'}")


def user(secrets: Path, name: str, auth: Auth, priv: Priv | None = None, auth_file: str = "auth") -> UsmUser:
    return UsmUser(
        name,
        name,
        auth,
        Secret(f"file:{auth_file}", secrets),
        priv,
        Secret("file:priv", secrets) if priv else None,
    )


def credentials(secrets: Path) -> dict[str, SnmpCredential]:
    return {
        "v1": Community("v1", "v1", Secret("file:community", secrets)),
        "v2c": Community("v2c", "v2c", Secret("file:community", secrets)),
        "authPriv": user(secrets, "observer", "SHA-256", "AES-128"),
        "authNoPriv": user(secrets, "checker", "SHA-512"),
    }


@pytest.mark.parametrize("kind", ["v1", "v2c", "authPriv", "authNoPriv"])
async def test_reads_a_real_agent(kind: str, port: int, secrets: Path) -> None:
    credential = credentials(secrets)[kind]

    async with Client().open("agent", "127.0.0.1", port, [credential], 60) as session:
        names = await session.get([SYS_NAME])
        interfaces = await session.walk(IF_DESCR)
        resources = await session.walk(SYS_OR_DESCR)
        nothing = await session.walk(OF_NOBODY)
        empty = await session.walk(EXTENSIONS)

    assert names[SYS_NAME].value == b"agent-under-test"
    assert interfaces.outcome is Outcome.COMPLETE
    assert b"lo" in [varbind.value for varbind in interfaces.varbinds]
    assert len(resources.varbinds) >= 5
    assert empty.outcome is Outcome.EMPTY
    assert nothing.outcome is (Outcome.EMPTY if kind == "v1" else Outcome.NO_SUCH_OBJECT)


async def test_versions_read_the_same(port: int, secrets: Path) -> None:
    read = {}
    for kind, credential in credentials(secrets).items():
        async with Client().open("agent", "127.0.0.1", port, [credential], 60) as session:
            walk = await session.walk(SYS_OR_DESCR)
            read[kind] = [tuple(varbind) for varbind in walk.varbinds]

    assert read["v1"] == read["v2c"] == read["authPriv"] == read["authNoPriv"]


async def test_every_digest_and_cipher(port: int, secrets: Path) -> None:
    client, found = Client(), {}
    for auth, priv in PAIRS:
        credential = user(secrets, f"{auth}-{priv}", auth, priv)
        async with client.open(credential.name, "127.0.0.1", port, [credential], 60) as session:
            found[auth, priv] = (await session.get([SYS_NAME]))[SYS_NAME].value

    assert found == dict.fromkeys(PAIRS, b"agent-under-test")


async def test_the_key_of_another_cipher_is_told_at_once(port: int, secrets: Path) -> None:
    credential = user(secrets, "SHA-1-AES-256", "SHA-1", "AES-256-C")  # longer than the digest

    with pytest.raises(TransportFailure) as caught:
        async with Client().open("agent", "127.0.0.1", port, [credential], 60):
            pass

    assert (caught.value.stage, caught.value.reason) == ("auth", "WRONG_CREDENTIAL")


@pytest.mark.parametrize(
    ("name", "auth", "auth_file"),
    [("nobody", "SHA-256", "auth"), ("observer", "SHA-256", "wrong"), ("observer", "SHA-1", "auth")],
)
async def test_wrong_users_and_keys_are_told_at_once(
    name: str, auth: Auth, auth_file: str, port: int, secrets: Path
) -> None:
    credential = user(secrets, name, auth, "AES-128", auth_file)
    began = time.monotonic()

    with pytest.raises(TransportFailure) as caught:
        async with Client().open("agent", "127.0.0.1", port, [credential], 60):
            pass

    assert (caught.value.stage, caught.value.reason) == ("auth", "WRONG_CREDENTIAL")
    assert time.monotonic() - began < 1.5
    assert "secret" not in str(caught.value)


async def test_tries_credentials_in_order_and_remembers(port: int, secrets: Path) -> None:
    client = Client(probing=Probing(waits=(0.3, 0.3)))
    known = credentials(secrets)
    wrong = user(secrets, "nobody", "SHA-256")
    order = [wrong, Community("old", "v2c", Secret("file:wrong", secrets)), known["authPriv"], known["v2c"]]

    async with client.open("agent", "127.0.0.1", port, order, 60) as session:
        found = await session.get([SYS_NAME])

    assert found[SYS_NAME].value == b"agent-under-test"
    assert client.remembered == {"agent": "observer"}


async def test_a_view_hides_what_is_outside(port: int, tmp_path: Path) -> None:
    (tmp_path / "narrow").write_text("narrow-view", "utf-8")
    (tmp_path / "narrow").chmod(0o600)
    credential = Community("narrow", "v2c", Secret("file:narrow", tmp_path))

    async with Client().open("agent", "127.0.0.1", port, [credential], 60) as session:
        system, interfaces = await session.walk(SYSTEM), await session.walk(IF_DESCR)

    assert system.outcome is Outcome.COMPLETE
    assert (interfaces.outcome, interfaces.varbinds) == (Outcome.NO_SUCH_OBJECT, [])
