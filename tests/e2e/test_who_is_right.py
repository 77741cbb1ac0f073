"""Setting, locking, explaining, dropping and sweeping on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.program import cmdb, kept_open

pytestmark = pytest.mark.e2e
FILE = """
format: 1
name: spares
cis:
  - {class: Computer, name: web-1, status: planned, identifiers: ["serial:dell:WEB00001"], attributes: {vendor: Dell}}
"""


def test_what_people_say_is_explained_and_taken_back(tmp_path: Path) -> None:
    file, where = tmp_path / "spares.yaml", ("--data-dir", tmp_path / "store")
    file.write_text(FILE)
    with kept_open(tmp_path / "store"):
        pushed = cmdb(tmp_path, "ingest", "push", file, *where)
        set_ = cmdb(
            tmp_path, "ci", "set", "web-1", "roles=server,hypervisor", "status=in_stock", "--reason", "arrived", *where
        )
        locked = cmdb(tmp_path, "ci", "lock", "web-1", "vendor", "--value", "HP", "--reason", "sticker", *where)
        told = cmdb(tmp_path, "ci", "explain", "web-1", *where, "-o", "json")
        hidden = cmdb(tmp_path, "ci", "disagreements", "--locked", *where, "-o", "ndjson")
        wrong = cmdb(tmp_path, "ci", "unlock", "web-1", "roles", "--reason", "x", *where)
        swept = cmdb(tmp_path, "sweep", *where, "-o", "ndjson")
        dropped = cmdb(tmp_path, "source", "drop", "manual", "--reason", "a trial", "--dry-run", *where, "-o", "ndjson")
        unknown = cmdb(tmp_path, "source", "drop", "manuel", "--reason", "a trial", *where)

    for done in (pushed, set_, locked, told, hidden, swept, dropped):
        assert done.returncode == 0, done.stderr
    answer = json.loads(told.stdout)
    verdicts = [(c["attribute"], c["verdict"], c["value"]) for c in answer["claims"] if c["attribute"] == "vendor"]
    assert answer["status"]["value"] == "in_stock"
    assert verdicts == [("vendor", "WON", "HP"), ("vendor", "LOCKED", "Dell")]
    assert [(d["attribute"], d["hidden"], d["why"]) for d in map(json.loads, hidden.stdout.splitlines())] == [
        ("vendor", "Dell", "LOCKED")
    ]
    assert json.loads(swept.stdout)["commits"] == 0
    assert [r["after"] for r in map(json.loads, dropped.stdout.splitlines())] == ["missing"]
    assert (wrong.returncode, unknown.returncode) == (5, 3)
    assert "roles of web-1 is not locked; vendor is" in wrong.stderr
    assert "did you mean manual?" in unknown.stderr


def test_an_edit_that_another_person_must_look_at_waits(tmp_path: Path) -> None:
    file, where = tmp_path / "spares.yaml", ("--data-dir", tmp_path / "store")
    file.write_text(FILE)
    policy = tmp_path / "control.yaml"
    policy.write_text(
        "{sources: [manual], approve: [administrator], classes: {Computer: {attributes: {model: {level: review}}}},"
        " default: {edit: [administrator], reason: false, level: automatic}}"
    )
    assert cmdb(tmp_path, "ingest", "push", file, *where).returncode == 0
    edit = ("ci", "set", "web-1", "model=R650", "--reason", "label")
    dry = cmdb(tmp_path, *edit, "--dry-run", *where, CMDB_CONTROL=str(policy))
    held = cmdb(tmp_path, *edit, *where, CMDB_CONTROL=str(policy))
    waiting = cmdb(tmp_path, "review", "list", *where, "-o", "ndjson", CMDB_CONTROL=str(policy))

    assert (dry.returncode, held.returncode) == (0, 6), held.stderr
    assert "of web-1 would wait as REV-1 until another person approves it" in dry.stdout + dry.stderr
    assert "of web-1 waits as REV-1 until another person approves it" in held.stdout + held.stderr
    assert json.loads(waiting.stdout)["number"] == "REV-1"
