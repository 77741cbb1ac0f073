"""Known errors: written, made active, and shown with causes and incidents of the same CIs and models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.contracts.commands import Commands
from tests.contracts.test_incident_commands import SITE


@pytest.fixture
def run(
    store: BoltStore,
    embedded_engine: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    """Commands on a small site."""
    made = Commands(embedded_engine.endpoint, tmp_path, monkeypatch, capsys)
    models = SITE.replace(
        '["serial:dell:WEB00001"]', '["serial:dell:WEB00001"]\n    attributes: {model: R650, os_version: "12.4"}'
    )
    (tmp_path / "site.yaml").write_text(models)
    assert made("otto", "ingest", "push", "site.yaml").code == 0
    return made


WHY = ("--reason", "the maker says so")


def test_they_are_shown_with_the_causes_of_alarms(run: Commands) -> None:
    fuse = run("ann", "known-error", "create", "fuse trips", "--ci", "pdu-1", "--workaround", "reset it", *WHY)
    draft = run("ann", "incident", "causes", "web-1", "web-2", "--down", "Shop")
    run("ann", "known-error", "move", "KE-1", "active", *WHY)
    table = run("ann", "incident", "causes", "web-1", "web-2", "--down", "Shop")
    shown = json.loads(run("ann", "incident", "causes", "web-1", "web-2", "--down", "Shop", "-o", "json").out)
    named = {r["name"]: c["knownErrors"] for c in shown["candidates"] for r in c["roots"] if len(c["roots"]) == 1}

    assert fuse.out == "KE-1 draft\n"
    assert "known error" not in draft.err
    assert "known error: KE-1 on pdu-1: fuse trips; reset it" in table.err
    assert [(e["number"], e["by"], e["workaround"]) for e in named["pdu-1"]] == [("KE-1", "ci", "reset it")]


def test_a_model_or_a_version_is_enough(run: Commands) -> None:
    run("ann", "known-error", "create", "R650 hangs", "--class", "Device", "--model", "r650", *WHY)
    run("ann", "known-error", "create", "12.4 leaks", "--version", "12.3", "--version", "12.4", "--fix", "DSA-1", *WHY)
    run("ann", "known-error", "create", "wrong class", "--class", "Printer", "--model", "R650", *WHY)
    for number in ("KE-1", "KE-2", "KE-3"):
        run("ann", "known-error", "move", number, "active", *WHY)
    found = run("ann", "known-error", "on", "web-1", "web-2", "-o", "ndjson")
    opened = run("ann", "incident", "open", "web-1 hangs", "--down", "web-1", "--reason", "called")
    of_incident = run("ann", "known-error", "on", "--incident", opened.out.strip(), "-o", "ndjson")
    run("ann", "known-error", "edit", "KE-1", "--workaround", "cold boot", *WHY)
    run("ann", "known-error", "move", "KE-2", "withdrawn", *WHY)
    listed = run("ann", "known-error", "list", "-o", "ndjson").rows()
    shown = json.loads(run("ann", "known-error", "show", "KE-2", "-o", "json").out)
    late = run("ann", "known-error", "edit", "KE-2", "--fix", "x", *WHY)

    assert [(r["number"], r["ci"], r["by"]) for r in found.rows()] == [
        ("KE-1", "web-1", "model"),
        ("KE-2", "web-1", "model"),
    ]
    assert [r["number"] for r in of_incident.rows()] == ["KE-1", "KE-2"]
    assert [(r["number"], r["workaround"]) for r in listed] == [("KE-1", "cold boot"), ("KE-3", None)]
    assert (shown["state"], shown["fix"], shown["match"]) == ("withdrawn", "DSA-1", {"versions": ["12.3", "12.4"]})
    assert "KE-2 is withdrawn" in late.err


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("create", "nothing", *WHY), 5, "name one"),
        (("create", "class alone", "--class", "Computer", *WHY), 5, "a class alone tells no model"),
        (("create", "no class", "--class", "Computr", "--model", "x", *WHY), 5, "Computr"),
        (("create", "nobody", "--ci", "nobody", *WHY), 3, "nobody"),
        (("create", "  ", "--model", "x", *WHY), 5, "the title is missing"),
        (("move", "KE-1", "active", *WHY), 3, "there is no known error 'KE-1'"),
        (("on",), 2, "name a CI"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Commands, arguments: tuple[str, ...], code: int, text: str) -> None:
    done = run("ann", "known-error", *arguments)

    assert (done.code, text in done.err) == (code, True), done.err
