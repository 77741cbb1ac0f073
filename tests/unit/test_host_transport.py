"""The parts of the way to a host that need no network: markers, host keys, tries of passwords, recordings."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Invalid, NotFound, UsageError
from collectors.hosts.read import SCRIPT
from collectors.transport.answers import Outcome
from collectors.transport.commands_recording import find_commands
from collectors.transport.host_answers import Command, HostAnswers, Script, Section
from collectors.transport.host_replay import (
    HostRecordingSession,
    open_host_replay,
    read_host_recording,
    save_host_recording,
)
from collectors.transport.host_script import compose, has_begun, is_finished, split
from collectors.transport.hostkeys import HostKey, HostKeys
from collectors.transport.lockout import Lockout
from collectors.transport.record import enter_target
from collectors.transport.replay import read_targets

MARKER = "cmdb-0f1e2d"
TWO: Script = (Command("one", "echo 1"), Command("two", "echo 2"))
KEY, OTHER = HostKey("ssh-ed25519", b"first key"), HostKey("ssh-ed25519", b"second key")


def stream(*pieces: bytes) -> bytes:
    """Sections as a shell prints them between their markers."""
    mark = MARKER.encode()
    out = b""
    for number, piece in enumerate(pieces):
        out += b"\n%s b %d\n%s\n%s e %d 0\n" % (mark, number, piece, mark, number)
    return out + b"\n%s end\n" % mark


@given(st.lists(st.binary(max_size=60), min_size=2, max_size=2), st.binary(max_size=30), st.binary(max_size=30))
def test_sections_come_apart_whatever_is_in_them(pieces: list[bytes], before: bytes, after: bytes) -> None:
    out = before + stream(*pieces) + after
    sections = split(TWO, MARKER, out, stream(b"", b"oops"))

    assert [s.stdout for s in sections.values()] == [piece.decode("utf-8", "replace") for piece in pieces]
    assert [s.stderr for s in sections.values()] == ["", "oops"]
    assert is_finished(out, stream(b"", b""), MARKER)


def test_a_stream_that_breaks_off_keeps_what_came() -> None:
    out = stream(b"1\n", b"half")
    cut = out[: out.index(b"half") + 2]
    sections = split(TWO, MARKER, cut, b"")

    assert [(s.stdout, s.exit_status, s.is_whole) for s in sections.values()] == [("1\n", 0, True), ("ha", None, False)]
    assert has_begun(cut, MARKER)
    assert not is_finished(cut, b"", MARKER)


def test_a_made_up_marker_of_a_host_opens_no_section() -> None:
    out = stream(b"\ncmdb-other b 1\nforged\ncmdb-other e 1 0\n", b"real")

    assert split(TWO, MARKER, out, b"")["two"].stdout == "real"


@pytest.mark.parametrize("shell", [["sh"], ["bash"], ["dash"], pytest.param(["busybox", "sh"], marks=pytest.mark.e2e)])
def test_shells_run_the_script(shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed (Debian packages dash, busybox-static)")
    odd = (
        *TWO,
        Command("quoted", """printf '%s\\n' "a'b" '$HOME' \\\\"""),
        Command("status", "exit 7"),
        Command("stdin", "cat"),
        Command("rights", "echo [$S]; echo late >&2"),
    )
    run = subprocess.run(shell, input=compose(odd, MARKER, sudo=True), capture_output=True, check=False)
    sections = split(odd, MARKER, run.stdout, run.stderr)

    assert is_finished(run.stdout, run.stderr, MARKER)
    assert [s.stdout for s in sections.values()][:3] == ["1\n", "2\n", "a'b\n$HOME\n\\\n"]
    assert [s.exit_status for s in sections.values()] == [0, 0, 0, 7, 0, 0]
    assert sections["stdin"].stdout == ""
    assert sections["rights"].stdout in ("[]\n", "[sudo -n]\n")  # root needs none
    assert sections["rights"].stderr == "late\n"


def test_the_whole_script_is_good_shell() -> None:
    run = subprocess.run(["sh", "-n"], input=compose(SCRIPT, MARKER), capture_output=True, check=False)

    assert (run.returncode, run.stderr) == (0, b"")


def test_host_keys_are_known_unknown_or_changed(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path / "below" / "known_hosts")
    before = keys.judge("10.0.0.1", 22, KEY)
    keys.accept("10.0.0.1", 22, KEY)
    read_again = HostKeys(keys.path)

    assert before == "unknown"
    assert read_again.judge("10.0.0.1", 22, KEY) == "known"
    assert read_again.judge("10.0.0.1", 22, OTHER) == "changed"
    assert read_again.judge("10.0.0.1", 2222, KEY) == "unknown"
    assert read_again.judge("10.0.0.2", 22, KEY) == "unknown"
    assert keys.path.stat().st_mode & 0o777 == 0o600


def line(hosts: str, key: HostKey = KEY, before: str = "") -> str:
    return f"{before}{hosts} {key.kind} {base64.b64encode(key.blob).decode()} comment"


def hashed(place: str) -> str:
    salt = b"twenty bytes of salt"
    digest = hmac.new(salt, place.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (line("10.0.0.1"), "known"), (line("other,10.0.0.1"), "known"), (line("10.0.0.*"), "known"),
        (line("10.0.0.*,!10.0.0.1"), "unknown"), (line(hashed("10.0.0.1")), "known"),
        (line(hashed("10.0.0.2")), "unknown"), (line("10.0.0.1", OTHER), "changed"),
        (f"{line('10.0.0.1', OTHER)}\n{line('10.0.0.1')}", "known"), (line("10.0.0.1", before="@revoked "), "revoked"),
        (line("*", before="@cert-authority "), "unknown"), ("# comment\n\n10.0.0.1 broken", "unknown"),
        ("10.0.0.1 ssh-ed25519 not*base64", "unknown"), (line("[10.0.0.1]:22"), "unknown"), ("|1|x|y z w", "unknown"),
    ],
)  # fmt: skip
def test_files_of_openssh_are_understood(text: str, verdict: str, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text(text + "\n", "utf-8")

    assert HostKeys(tmp_path / "known_hosts").judge("10.0.0.1", 22, KEY) == verdict


def test_accepting_keeps_every_other_line_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_bytes(b"# mine \xff\n" + line("10.0.0.9").encode())
    HostKeys(path).accept("10.0.0.1", 2222, KEY)

    assert path.read_bytes().splitlines()[:2] == [b"# mine \xff", line("10.0.0.9").encode()]
    assert HostKeys(path).judge("10.0.0.1", 2222, KEY) == "known"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["known_hosts"]


def test_a_file_of_host_keys_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        HostKeys(tmp_path)


def refuse(lockout: Lockout, device: str, credential: str = "c") -> str:
    against = lockout.begin(credential, "user", device, 0)
    if not against:
        lockout.end(credential, "user", device, False)
    return against


def test_three_refusals_in_a_row_open_the_circuit() -> None:
    lockout = Lockout()
    first = [refuse(lockout, str(n)) for n in range(3)]

    assert first == ["", "", ""]
    assert lockout.is_open("c")
    assert "in a row" in refuse(lockout, "4")
    assert refuse(lockout, "4", "another") == ""


def test_a_success_between_keeps_it_closed() -> None:
    lockout = Lockout()
    for device in "ab":
        refuse(lockout, device)
    lockout.begin("c", "user", "good", 0)
    lockout.end("c", "user", "good", True)
    for device in "de":
        refuse(lockout, device)

    assert not lockout.is_open("c")


def test_an_account_is_tried_once_at_a_device() -> None:
    lockout = Lockout()
    refuse(lockout, "a")

    assert "another password" in refuse(lockout, "a", "second credential of the account")
    assert lockout.begin("c", "other user", "a", 0) == ""


def test_no_more_tries_are_under_way_than_may_fail() -> None:
    lockout = Lockout()
    given = [lockout.begin("c", "user", str(n), 0) for n in range(4)]
    waiting = threading.Thread(target=lambda: given.append(lockout.begin("c", "user", "5", 30)))
    waiting.start()
    lockout.end("c", "user", "0", True)
    waiting.join(30)

    assert given == ["", "", "", "other devices still check this password", ""]


def test_a_host_that_gave_no_answer_does_not_count() -> None:
    lockout = Lockout()
    for device in "abcd":
        assert lockout.begin("c", "user", device, 0) == ""
        lockout.end("c", "user", device, None)

    assert not lockout.is_open("c")


class OneAnswer:
    """A session that always says the same."""

    target, address = "web/1", "10.0.0.1"

    def __init__(self, said: HostAnswers) -> None:
        self._said = said

    async def run(self, script: Script) -> HostAnswers:
        return self._said


def test_recordings_hold_no_secrets_and_replay(tmp_path: Path) -> None:
    told = Section("one", "echo 1", "x --password=hunter2 s3cret-of-session\nünï\n", "no s3cret-of-session", 3)
    recording = HostRecordingSession(OneAnswer(HostAnswers({"one": told})))
    asyncio.run(recording.run(TWO))
    folder = save_host_recording(tmp_path, recording, [b"s3cret-of-session", b"x"])
    (found,) = find_commands([tmp_path])
    again = asyncio.run(open_host_replay(found).run(TWO))

    assert folder.name == "web_1.ssh"
    assert (found.name, found.address) == ("web_1", "10.0.0.1")
    assert again.sections["one"].stdout == "x --password=<private> <private>\nünï\n"
    assert (again.sections["one"].stderr, again.sections["one"].exit_status) == ("no <private>", 3)
    assert list(again.sections) == ["one"]


def test_what_was_cut_is_cut_in_the_replay(tmp_path: Path) -> None:
    rows = [
        {"command": "echo 1", "stdout": "1\n", "exit_status": 0},
        {"command": "echo 2", "stdout": "", "exit_status": None},
    ]
    (tmp_path / "platform").write_text("host\n", "utf-8")
    (tmp_path / "commands.ndjson").write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")

    assert read_host_recording(tmp_path).outcome is Outcome.PARTIAL


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"stdout": "x"}', '{"command": "x", "stdout": 1}', '{"command": "x", "exit_status": "0"}']
)
def test_bad_lines_are_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "platform").write_text("host\n", "utf-8")
    (tmp_path / "commands.ndjson").write_text('{"command": "x", "stdout": "", "exit_status": 0}\n' + text, "utf-8")

    with pytest.raises(Invalid, match=r"commands\.ndjson:2: "):
        read_host_recording(tmp_path)


def test_recordings_say_what_answered(tmp_path: Path) -> None:
    for name, platform in (("a", "host\n"), ("b", "cisco_ios\n")):
        (tmp_path / f"{name}.ssh").mkdir()
        (tmp_path / f"{name}.ssh" / "platform").write_text(platform, "utf-8")
    found = find_commands([tmp_path])

    assert [(one.name, one.platform) for one in found] == [("a", "host"), ("b", "cisco_ios")]
    assert find_commands([tmp_path / "a.ssh"]) == found[:1]
    with pytest.raises(NotFound):
        open_host_replay(found[0])


def test_one_table_of_targets_serves_both_protocols(tmp_path: Path) -> None:
    table = tmp_path / "targets.tsv"
    for name, address, protocol in (("a", "10.0.0.1", "snmp"), ("a", "10.0.0.1", "ssh"), ("b", "10.0.0.2", "ssh")):
        enter_target(table, name, address, protocol)

    assert read_targets(table) == {"a": "10.0.0.1"}
    assert read_targets(table, "ssh") == {"a": "10.0.0.1", "b": "10.0.0.2"}
