"""Hosts of our own over SSH: what they say, to whom, and with which keys."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from cmdb.errors import UsageError
from collectors.hosts.read import SCRIPT, read_host
from collectors.responders.keys import Key, kept_key, new_key, public_line, write_key
from collectors.responders.ssh import Host, answer, serve_hosts
from collectors.transport.credentials import SshLogin
from collectors.transport.host_answers import HostAnswers
from collectors.transport.host_script import compose, split
from collectors.transport.hostkeys import HostKeys
from collectors.transport.session import TransportFailure
from collectors.transport.ssh import SshClient

SECTIONS = {0: ("ID=debian", 0), 2: ("Linux\n6.1.0", 3)}


def visit(folder: Path, known: Key, login: Key, user: str = "observer") -> HostAnswers:
    """Log in to a host that lets `observer` in with the key `known`, and run the collector's script."""

    async def run() -> HostAnswers:
        write_key(folder / "login", login)
        async with serve_hosts({"web-1": Host(SECTIONS, "observer", known)}) as running:
            host = running["web-1"]
            line = f"[{host.address}]:{host.port} {public_line(host.host_key)}\n"
            (folder / "known_hosts").write_text(line)
            client = SshClient(HostKeys(folder / "known_hosts"))
            credential = SshLogin("key", user, folder / "login", None, False)
            try:
                async with client.open("web-1", host.address, host.port, [credential], 30.0) as session:
                    return await read_host(session)
            finally:
                client.close()

    return asyncio.run(run())


def test_a_host_says_what_it_was_given(tmp_path: Path) -> None:
    key = new_key()
    answers = visit(tmp_path, key, key)

    assert [s.exit_status for s in answers.sections.values()] == [0, 127, 3, *[127] * (len(SCRIPT) - 3)]
    assert answers.text(SCRIPT[0].name) == "ID=debian"
    assert answers.text(SCRIPT[2].name) == "Linux\n6.1.0"


@pytest.mark.parametrize("user", ["observer", "root"])
def test_a_host_lets_nobody_else_in(tmp_path: Path, user: str) -> None:
    key = new_key()

    with pytest.raises(TransportFailure) as refused:
        visit(tmp_path, key, new_key() if user == "observer" else key, user)

    assert refused.value.reason == "WRONG_CREDENTIAL"


def test_a_script_of_somebody_else_is_not_run() -> None:
    assert answer("rm -rf /\n", SECTIONS) == ("", "sh: this host answers the host collector only\n")


def test_sections_stand_between_the_markers_of_the_script() -> None:
    out, errors = answer(compose(SCRIPT, "mark").decode(), SECTIONS)
    sections = split(SCRIPT, "mark", out.encode(), errors.encode())

    assert list(sections) == [command.name for command in SCRIPT]
    assert sections[SCRIPT[0].name].stdout == "ID=debian"
    assert out.endswith("\nmark end\n")
    assert errors.endswith("\nmark end\n")


def test_hosts_listen_on_loopback_only() -> None:
    async def start() -> None:
        async with serve_hosts({}, "192.0.2.1"):
            pass

    with pytest.raises(UsageError, match="loopback only"):
        asyncio.run(start())


@pytest.mark.parametrize(
    "before", [None, "", "-----BEGIN EC PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END EC PRIVATE KEY-----\n"]
)
def test_a_key_is_kept_and_made_anew_where_there_is_none(tmp_path: Path, before: str | None) -> None:
    file = tmp_path / "keys" / "host"
    if before is not None:
        file.parent.mkdir()
        file.write_text(before)
        os.chmod(file, 0o644)

    assert kept_key(file).asbytes() == kept_key(file).asbytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
