"""The signed export of the ledger, verified by its script as somebody without this program would."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cmdb.errors import Invalid, UsageError
from cmdb.exchange.bundle import FILES, new_key, read_key, write_bundle
from cmdb.store.bolt import BoltStore
from tests.contracts.build import AT, changed, commit, device
from tests.contracts.old_form import alter, rewrite_as_form_1
from tests.program import cmdb

PEM, FINGERPRINT = new_key()
KEY = read_key(PEM.decode())


def told(store: BoltStore) -> None:
    born = device("d1", sys_contact="Zoë Ω", vendor="cisco")
    commit(store, born)
    commit(store, changed(born, sys_contact='the "new" one\n'), at=AT + 1)
    commit(store, device("d2"), at=AT + 2)


def verified(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the script says, run with nothing but the standard library."""
    line = [sys.executable, "-I", "-S", str(folder / "verify_ledger.py"), str(folder)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, env={}, cwd="/")


def test_a_bundle_is_verified_offline(any_store: BoltStore, tmp_path: Path) -> None:
    told(any_store)

    done = write_bundle(any_store, tmp_path / "out", KEY, AT)
    said = verified(tmp_path / "out")

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == f"3 commits, head {any_store.head().hash}, signed by {FINGERPRINT}\n"
    assert (done.commits, done.head, done.fingerprint) == (3, any_store.head().hash, FINGERPRINT)
    assert {p.name for p in (tmp_path / "out").iterdir()} == set(FILES)
    assert {p.name for p in tmp_path.iterdir()} == {"out"}


def test_the_verifier_is_one_page_and_needs_nothing(store: BoltStore, tmp_path: Path) -> None:
    write_bundle(store, tmp_path / "out", KEY, AT)
    script = (tmp_path / "out" / "verify_ledger.py").read_text()
    imported = [line for line in script.splitlines() if line.startswith(("import", "from"))]

    assert len(script.splitlines()) <= 50
    assert all(n.strip(",") in sys.stdlib_module_names for n in imported[0].partition("#")[0].split()[1:])
    assert len(imported) == 1
    assert verified(tmp_path / "out").stdout.startswith("0 commits, head , signed by ")


def test_texts_may_stay_at_home(store: BoltStore, tmp_path: Path) -> None:
    told(store)

    write_bundle(store, tmp_path / "out", KEY, AT, texts=False)

    assert verified(tmp_path / "out").returncode == 0
    content = (tmp_path / "out" / "commits.ndjson").read_text()
    assert [json.loads(line)["texts"] for line in content.splitlines()] == [{}] * 3
    assert "by hand" not in content


def test_a_tar_holds_the_same(store: BoltStore, tmp_path: Path) -> None:
    told(store)

    write_bundle(store, tmp_path / "ledger.tar", KEY, AT)
    with tarfile.open(tmp_path / "ledger.tar") as tar:
        tar.extractall(tmp_path / "open", filter="data")

    assert verified(tmp_path / "open").returncode == 0
    assert {p.name for p in tmp_path.iterdir()} == {"open", "ledger.tar", "verify_ledger.py"}


def edited(change: Callable[[dict[str, Any]], object], number: int = 2) -> Callable[[Path], None]:
    """A damage: the line of one commit with something changed in it."""

    def damage(folder: Path) -> None:
        lines = (folder / "commits.ndjson").read_bytes().splitlines(keepends=True)
        line = json.loads(lines[number - 1])
        change(line)
        lines[number - 1] = json.dumps(line, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        (folder / "commits.ndjson").write_bytes(b"".join(lines))

    return damage


def flipped(name: str, place: int) -> Callable[[Path], None]:
    """A damage: one bit of one byte of a file."""

    def damage(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[place] ^= 1
        (folder / name).write_bytes(bytes(content))

    return damage


def without_line(number: int) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        lines = (folder / "commits.ndjson").read_bytes().splitlines(keepends=True)
        (folder / "commits.ndjson").write_bytes(b"".join(lines[: number - 1] + lines[number:]))

    return damage


def other_payload(line: dict[str, Any]) -> None:
    content = bytearray(base64.b64decode(line["payload"]))
    content[len(content) // 2] ^= 1
    line["payload"] = base64.b64encode(content).decode()


def other_text(line: dict[str, Any]) -> None:
    mark = next(iter(line["texts"]))
    line["texts"][mark][1] = '"another"'


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "payload": (edited(other_payload), "sequence 2: its content does not give its hash"),
    "time": (edited(lambda c: c.update(at=c["at"] + 1)), "sequence 2: its content does not give its hash"),
    "actor": (edited(lambda c: c.update(actor="mallory")), "sequence 2: its content does not give its hash"),
    "reason": (edited(lambda c: c.update(reason="0" * 40)), "sequence 2: its content does not give its hash"),
    "hash": (edited(lambda c: c.update(hash="0" * 64)), "sequence 2: its content does not give its hash"),
    "previous": (edited(lambda c: c.update(previous="0" * 64)), "sequence 2: it does not continue"),
    "sequence": (edited(lambda c: c.update(sequence=9)), "sequence 2: it does not continue"),
    "form": (edited(lambda c: c.update(form=1)), "sequence 2: 'head'"),
    "text": (edited(other_text), "is not the one that was written"),
    "text gone": (edited(lambda c: c.update(texts={})), "sequence 2: it is not what was signed"),
    "more": (edited(lambda c: c.update(more=1)), "sequence 2: it is not what was signed"),
    "field gone": (edited(lambda c: c.pop("actor")), "sequence 2: 'actor'"),
    "first": (edited(other_payload, 1), "sequence 1: its content"),
    "last": (edited(other_payload, 3), "sequence 3: its content"),
    "line gone": (without_line(2), "sequence 2: it does not continue"),
    "last line gone": (without_line(3), "3 commits were signed, 2 are here"),
    "signature": (flipped("manifest.sig", 7), "BAD manifest.json with manifest.sig: "),
    "signature, second half": (flipped("manifest.sig", 40), "BAD manifest.json with manifest.sig: "),
    "no file": (lambda folder: (folder / "manifest.sig").unlink(), "manifest.sig: [Errno 2]"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_was_altered_is_found_and_named(store: BoltStore, tmp_path: Path, kind: str) -> None:
    told(store)
    write_bundle(store, tmp_path / "out", KEY, AT)
    damage, message = DAMAGES[kind]
    damage(tmp_path / "out")

    said = verified(tmp_path / "out")

    assert said.returncode == 1
    assert said.stdout == ""
    assert message in said.stderr
    assert "Traceback" not in said.stderr


def test_every_flipped_byte_is_found(store: BoltStore, tmp_path: Path) -> None:
    told(store)
    folder = tmp_path / "out"
    write_bundle(store, folder, KEY, AT)
    content = (folder / "commits.ndjson").read_bytes()
    ends = [i for i, b in enumerate(content) if b == ord("\n")]

    for place in range(5, len(content), len(content) // 40):
        flipped("commits.ndjson", place)(folder)
        number = 1 + sum(end < place for end in ends)
        assert f"sequence {number}" in verified(folder).stderr, place
        flipped("commits.ndjson", place)(folder)
    size = (folder / "manifest.json").stat().st_size
    for place in range(0, size, size // 20):
        flipped("manifest.json", place)(folder)
        assert "BAD manifest.json" in verified(folder).stderr, place
        flipped("manifest.json", place)(folder)

    assert verified(folder).returncode == 0


def test_commits_of_an_earlier_version_are_verified_too(store: BoltStore, tmp_path: Path) -> None:
    told(store)
    rewrite_as_form_1(store, "because\tΩ")
    commit(store, device("d3"), at=AT + 9)
    folder = tmp_path / "out"
    write_bundle(store, folder, KEY, AT)
    assert verified(folder).returncode == 0

    for change in ({"at": AT + 5}, {"actor": "mallory"}, {"reason": "other"}, {"head": "00"}):
        kept = (folder / "commits.ndjson").read_bytes()
        edited(lambda c, change=change: c.update(change))(folder)  # type: ignore[misc]
        assert "sequence 2: its content does not give its hash" in verified(folder).stderr
        (folder / "commits.ndjson").write_bytes(kept)


def test_what_does_not_verify_is_not_signed(store: BoltStore, tmp_path: Path) -> None:
    told(store)
    alter(store, "MATCH (c:Commit {seq: 2}) SET c.actor = 'mallory'")

    with pytest.raises(Invalid, match="commit 2 was altered"):
        write_bundle(store, tmp_path / "out", KEY, AT)

    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(store: BoltStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    with pytest.raises(Invalid, match="is not empty"):
        write_bundle(store, tmp_path, KEY, AT)
    with pytest.raises(Invalid, match="is there already"):
        write_bundle(store, tmp_path / "file", KEY, AT)
    with pytest.raises(Invalid, match="can't be written"):
        write_bundle(store, tmp_path / "file" / "below", KEY, AT)

    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused_without_showing_it(pem: str) -> None:
    with pytest.raises(UsageError, match="signing key") as caught:
        read_key(pem)

    assert "nonsense" not in str(caught.value)


def test_the_command_line_makes_a_key_and_signs_with_it(tmp_path: Path) -> None:
    store = ("--data-dir", "store")
    made = cmdb(tmp_path, "ledger", "keygen", "-o", "key.pem")
    again = cmdb(tmp_path, "ledger", "keygen", "-o", "key.pem")
    done = cmdb(tmp_path, "ledger", "export", "-o", "out", "--sign", "key.pem", *store)
    (tmp_path / "key.pem").chmod(0o644)
    open_key = cmdb(tmp_path, "ledger", "export", "-o", "out2", "--sign", "file:key.pem", *store)

    assert made.returncode == done.returncode == 0, done.stderr
    assert done.stdout == made.stdout
    assert len(made.stdout.strip()) == 64
    assert verified(tmp_path / "out").stdout.endswith(f"signed by {made.stdout}")
    assert again.returncode == 5
    assert "never written over" in again.stderr
    assert open_key.returncode == 2
    assert "can be read by others" in open_key.stderr
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o644
    assert not (tmp_path / "out2").exists()
