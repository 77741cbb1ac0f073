"""What commands say to what makes no sense, each with the exit code of its kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cmdb.entrypoints.exits import PARTIAL
from cmdb.entrypoints.wiring import clock_ms
from cmdb.errors import Invalid, NotFound, UsageError
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.contracts.commands import Commands
from tests.unit.push_payloads import FACTS, NMAP, alert, notification

USAGE, NOT_FOUND, INVALID = UsageError.exit_code, NotFound.exit_code, Invalid.exit_code
CORE = {"type": "NetworkDevice", "id": {"sysname": "core-1", "serial": "FOC1234X0AB", "vendor": "cisco"}}
WHY = ("--reason", "because")
DAY_S = 86_400


@pytest.fixture
def run(
    store: BoltStore,
    embedded_engine: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    """Commands on an estate of one switch."""
    made = Commands(embedded_engine.endpoint, tmp_path, monkeypatch, capsys)
    (tmp_path / "core.json").write_text(json.dumps(CORE))
    (tmp_path / "scopes.toml").write_text('[[scope]]\nname = "plant"\nranges = ["127.0.0.1"]\n')
    assert made("otto", "ingest", "push", "core.json", "--adapter", "native").code == 0
    return made


@pytest.mark.parametrize(
    "command",
    [
        "ci get X",
        "ci history X",
        "ci explain X",
        "ci set X vendor=a --reason y",
        "ci lock X vendor --reason y",
        "ci unlock X vendor --reason y",
        "impact X",
        "identity show X",
        "identity merge core-1 X --reason y",
        "identity split X --target a --reason y",
        "identity apart core-1 X --reason y",
        "identity reclassify X Computer --reason y",
        "identity ignore X --reason y",
        "identity undo X --reason y",
        "baseline show X",
        "baseline drop X",
        "baseline compare X",
        "baseline verify X",
        "baseline take b --at X --reason y",
        "diff X now",
        "diff 1 now --scope within=X",
        "audit run X --reason y",
        "audit finish X --reason y",
        "audit close X --reason y",
        "audit cancel X --reason y",
        "audit show X",
        "audit report X",
        "audit retire X --reason y",
        "audit finding list --audit X",
        "audit finding assign X --owner ann --reason y",
        "audit finding cause X why --reason y",
        "audit finding close X --evidence z --reason y",
        "review show X",
        "review approve X --reason y",
        "review reject X --reason y",
        "source drop X --reason y",
        "quarantine show X",
        "quarantine retry X",
        "quarantine discard X",
        "discover confirm X",
        "discover run --scope X --scopes scopes.toml",
        "ledger hold add h --ci X --reason y",
        "ledger hold release X --reason y",
        "ingest push X",
        "ingest push X --adapter native",
    ],
)
def test_what_is_not_there_is_not_found(run: Commands, store: BoltStore, command: str) -> None:
    before = store.head()
    done = run("ann", *command.split())

    assert (done.code, "X" in done.err, store.head()) == (NOT_FOUND, True, before), done.err


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
@pytest.mark.parametrize(
    "command",
    [
        "source rederive",
        "source drop native",
        "baseline take b",
        "ci set core-1 model=x",
        "ci lock core-1 vendor",
        "ci unlock core-1 vendor",
        "identity merge core-1 core-2",
        "identity split core-1 --target a",
        "identity apart core-1 core-2",
        "identity reclassify core-1 Computer",
        "identity ignore task",
        "identity undo decision",
        "audit plan p --auditor a --owner b --every-days 1",
        "audit run p",
        "audit close AUD-1",
        "audit finding cause FND-1 x",
        "review approve REV-1",
        "review reject REV-1",
        "ledger dispose",
        "ledger hold add h --everything",
        "ledger hold release h",
    ],
)
def test_a_reason_that_says_nothing_is_refused(run: Commands, store: BoltStore, command: str, blank: str) -> None:
    before = store.head()
    done = run("ann", *command.split(), "--reason", blank)

    assert (done.code, done.err) == (USAGE, "--reason: say why; it is kept in the ledger")
    assert store.head() == before


@pytest.mark.parametrize("command", ["baseline drop b", "ingest push core.json"])
def test_a_reason_that_may_be_left_out_is_none_of_blanks(run: Commands, command: str) -> None:
    assert run("ann", *command.split(), "--reason", " ").code == USAGE


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("ci set core-1 model=a model=b --reason y", USAGE, "model was given more than once: give each attribute one"),
        ("ci set core-1 model=a model= --reason y", USAGE, "model was given more than once"),
        ("ci set core-1 modle=a --reason y", INVALID, "did you mean model"),
        ("ci explain core-1 modle", INVALID, "NetworkDevice has no attribute 'modle'"),
        ("ci history core-1 --attribute modle", INVALID, "no class has an attribute 'modle'"),
        ("ci list --class Printr", INVALID, "did you mean Printer"),
        (
            "ci history core-1 --since 2026-02-01T00:00:00Z --until 2026-01-01T00:00:00Z",
            USAGE,
            "--since 2026-02-01T00:00:00Z is not before --until 2026-01-01T00:00:00Z: there is no time between them",
        ),
        ("ci history core-1 --since 2026-02-01T00:00:00Z --until 2026-02-01T01:00:00+01:00", USAGE, "no time between"),
        ("ci list --sequence 99", INVALID, "there is no sequence 99 yet"),
        ("audit finding list --state shut", USAGE, "shut"),
        ("review list --state shut", USAGE, "shut"),
        ("identity list --state shut", USAGE, "shut"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_is_wrong(run: Commands, command: str, code: int, says: str) -> None:
    done = run("ann", *command.split())

    assert (done.code, says in done.err) == (code, True), done.err


def test_what_was_left_out_of_an_item_is_a_warning(run: Commands, tmp_path: Path) -> None:
    described = {**CORE, "description": {"colour": "red", "model": "C9500"}}
    items = [described, {**CORE, "description": {f"unknown_{n}": 1 for n in range(60)}}]
    (tmp_path / "one.json").write_text(json.dumps(described))
    (tmp_path / "many.json").write_text(json.dumps(items))
    one = run("ann", "ingest", "push", "one.json", "--adapter", "native")
    many = run("ann", "ingest", "push", "many.json", "--adapter", "native")

    assert (one.code, many.code) == (0, 0)
    said = "warning: item 1: description.colour: a NetworkDevice has no attribute 'colour'; it was left out"
    assert one.err.splitlines() == [said, "1 item; the ledger is at sequence 2"]
    shown = [line for line in many.err.splitlines() if line.startswith("warning: ")]
    assert (len(shown), shown[-1]) == (51, "warning: 11 more warnings not shown")


def _native(at: int) -> str:
    return json.dumps({**CORE, "timestamp": at * 1000})


def _ansible(at: int) -> str:
    return json.dumps({"hosts": {"web-1": {"ansible_facts": {**FACTS, "ansible_date_time": {"epoch": str(at)}}}}})


def _nmap(at: int) -> str:
    return NMAP.decode().replace('endtime="1763999010"', f'endtime="{at}"')


@pytest.mark.parametrize(
    ("adapter", "write", "where"),
    [
        ("native", _native, "timestamp"),
        ("ansible", _ansible, "date_time.epoch"),
        ("nmap", _nmap, "endtime"),
    ],
)
def test_who_sends_from_the_future_is_told(
    run: Commands, store: BoltStore, tmp_path: Path, adapter: str, write: Callable[[int], str], where: str
) -> None:
    (tmp_path / "payload").write_text(write(clock_ms() // 1000 + DAY_S))
    done = run("ann", "ingest", "push", "payload", "--adapter", adapter)

    assert (done.code, f"item 1: {where}: it lies in the future; taken as now" in done.err) == (0, True), done.err
    assert max(state.last_seen for _, state in store.scan_targets()) <= clock_ms()


def test_an_alert_counts_when_it_came(run: Commands, store: BoltStore, tmp_path: Path) -> None:
    """Nothing of its payload is read as a time, so a clock that is ahead does no harm."""
    ahead = {**alert("core-1"), "startsAt": "2999-01-01T00:00:00Z"}
    (tmp_path / "alerts.json").write_text(json.dumps(notification(ahead, alert("who-1"))))
    done = run("ann", "ingest", "push", "alerts.json", "--adapter", "alertmanager")

    assert (done.code, "future" in done.err) == (PARTIAL, False), done.err
    assert max(state.last_seen for _, state in store.scan_targets()) <= clock_ms()


def test_what_is_older_than_what_is_known_says_so(run: Commands, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(_native(1_600_000_000))
    done = run("ann", "ingest", "push", "old.json", "--adapter", "native")

    assert (done.code, "warning: item 1: timestamp: an item that is newer was taken in before" in done.err) == (0, True)


def test_policies_of_ones_own_hold_and_are_checked_at_the_start(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ranks.yaml").write_text("sources: {native: {precedence: 77, description: Ours.}}")
    (tmp_path / "times.yaml").write_text("rules: [{classes: [Swich], runs: 2, description: x}]")
    before = run("ann", "source", "list", "-o", "ndjson")
    monkeypatch.setenv("CMDB_PRECEDENCE", "ranks.yaml")
    after = run("ann", "source", "list", "-o", "ndjson")
    derived = run("ann", "source", "rederive", *WHY)
    again = run("ann", "source", "list", "-o", "ndjson")
    monkeypatch.setenv("CMDB_ABSENCE", "times.yaml")
    refused = run("ann", "ci", "list")

    assert [row["precedence"] for done in (before, after) for row in done.rows()] == [20, 77]
    assert ("the model is another one" in after.err, derived.code, again.err) == (True, 0, "")
    assert (refused.code, refused.out) == (INVALID, "")
    assert "times.yaml: rules[0].classes: there is no class 'Swich'; there are " in refused.err
