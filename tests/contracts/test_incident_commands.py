"""Incidents as their users meet them on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.contracts.commands import Commands

SITE = """
format: 1
name: site
cis:
  - class: PowerDevice
    key: pdu
    name: pdu-1
    identifiers: ["serial:apc:PDU1"]
  - class: Computer
    key: one
    name: web-1
    identifiers: ["serial:dell:WEB00001"]
    links: [{type: POWERED_BY, to: pdu}]
  - class: Computer
    key: two
    name: web-2
    identifiers: ["serial:dell:WEB00002"]
    links: [{type: POWERED_BY, to: pdu}]
  - class: Service
    key: shop
    name: Shop
    identifiers: ["service:shop"]
    attributes: {criticality: 4, customers: [Lakeside Hospital]}
    links: [{type: DEPENDS_ON, to: one}]
"""


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
    (tmp_path / "site.yaml").write_text(SITE)
    assert made("otto", "ingest", "push", "site.yaml").code == 0
    return made


def test_causes_of_alarms(run: Commands) -> None:
    shown = run("ann", "incident", "causes", "web-1", "web-2", "--down", "Shop", "who", "-o", "json")
    table = run("ann", "incident", "causes", "web-1", "web-2", "--down", "Shop")
    answer = json.loads(shown.out)
    ranked = [[root["name"] for root in candidate["roots"]] for candidate in answer["candidates"]]

    assert shown.code == 0
    assert ["pdu-1"] in ranked
    assert answer["alarms"] == 3
    assert answer["unresolved"] == ["who"]
    assert "finding: UNKNOWN: no CI is named 'who'" in shown.err
    assert [c["explained"] for c, names in zip(answer["candidates"], ranked, strict=True) if names == ["pdu-1"]] == [3]
    assert "pdu-1" in table.out
    assert "check" in table.out


def test_causes_of_nothing(run: Commands) -> None:
    nobody = run("ann", "incident", "causes", "who")
    nothing = run("ann", "incident", "causes")
    share = run("ann", "incident", "causes", "web-1", "--missing", "0.7")

    assert (nobody.code, nothing.code, share.code) == (3, 2, 2)
    assert "none of the alarms names a CI that could fail" in nobody.err
    assert "no alarms: name a CI" in nothing.err
    assert "missing is 0.7; give a share of 0 to 0.5" in share.err


def opened(run: Commands, *more: str) -> str:
    done = run("ann", "incident", "open", "Shop is slow", "--reason", "called", "--reported", "web-1", *more)

    assert done.code == 0, done.err
    return done.out.strip()


def listed(run: Commands, *more: str) -> list[tuple[str, str, int | None, int]]:
    rows = run("ann", "incident", "list", "-o", "json", *more).out
    return [(r["number"], r["state"], r["priority"], r["affected"]) for r in json.loads(rows)]


def test_an_incident_from_its_beginning_to_its_end(run: Commands) -> None:
    number = opened(run, "--description", "nobody can pay", "--urgency", "2")
    silent = listed(run)
    run("ann", "incident", "affect", number, "--down", "pdu-1", "--reason", "seen")
    pressing = listed(run)
    shown = json.loads(run("ann", "incident", "show", number, "-o", "json").out)
    early = run("ann", "incident", "move", number, "resolved", "--reason", "r", "--tell", "t")
    run("ann", "incident", "move", number, "in_progress", "--reason", "r", "--assignee", "otto")
    still = run("ann", "incident", "move", number, "resolved", "--reason", "r", "--tell", "new fuse")
    run("ann", "incident", "affect", number, "--works", "pdu-1", "--reason", "it is back")
    untold = run("ann", "incident", "move", number, "resolved", "--reason", "r")
    run("ann", "incident", "move", number, "resolved", "--reason", "r", "--tell", "new fuse", "--cause", "pdu-1")
    late = run("ann", "incident", "affect", number, "--down", "pdu-1", "--reason", "again")
    run("ann", "incident", "move", number, "closed", "--reason", "confirmed")
    end = json.loads(run("ann", "incident", "show", number, "-o", "json").out)

    assert silent == [("INC-1", "new", None, 0)]
    assert pressing == [("INC-1", "new", 2, 1)]
    assert shown["description"] == "nobody can pay"
    assert (shown["computed"]["impact_level"], shown["computed"]["severity"]) == (1, 4.0)
    assert [(s["state"], s["criticality"]) for s in shown["computed"]["services"]] == [("down", 4)]
    assert shown["computed"]["customers"] == ["Lakeside Hospital"]
    assert "from there it may go to assigned or in_progress or cancelled" in early.err
    assert "still affects 1 CIs" in still.err
    assert "the resolution is missing; say it with --tell" in untold.err
    assert shown["affected"][0]["from"].endswith("Z")
    assert shown["steps"][0]["at"].endswith("Z")
    assert end["restored"] == end["affected"][0]["to"]
    assert "INC-1 is resolved; take it up again first" in late.err
    assert (early.code, still.code, untold.code, late.code) == (5, 5, 5, 5)
    assert (end["state"], end["resolution"], end["names"][end["cause"]]) == ("closed", "new fuse", "pdu-1")
    assert listed(run) == []
    assert listed(run, "--all") == [("INC-1", "closed", 2, 0)]


def test_what_contradicts_itself_is_refused(run: Commands) -> None:
    both = run("ann", "incident", "open", "odd", "--down", "web-1", "--degraded", "web-1", "--reason", "r")
    number = opened(run, "--down", "web-2")
    again = run("ann", "incident", "affect", number, "--works", "web-2", "--degraded", "web-2", "--reason", "r")
    nothing = run("ann", "incident", "affect", number, "--reason", "r")

    assert (both.code, again.code, nothing.code) == (2, 5, 2)
    assert "web-1 is given with --down and with --degraded" in both.err
    assert "is said to work again, and to be degraded" in again.err
    assert "give --down, --degraded or --works" in nothing.err
    assert listed(run) == [("INC-1", "new", 3, 1)]


def test_a_person_may_set_the_priority_beside_what_is_computed(run: Commands) -> None:
    number = opened(run, "--down", "web-1")
    run("ann", "incident", "rate", number, "--priority", "3", "--reason", "fair is over")
    set_ = listed(run)
    run("ann", "incident", "rate", number, "--priority", "0", "--urgency", "3", "--reason", "back to computed")

    assert set_ == [("INC-1", "new", 3, 1)]
    assert listed(run) == [("INC-1", "new", 3, 1)]
    assert run("ann", "incident", "rate", number, "--priority", "7", "--reason", "r").code == 5
    assert run("ann", "incident", "rate", number, "--reason", "r").code == 2


def test_alarms_come_in_become_an_incident_and_end(run: Commands, tmp_path: Path) -> None:
    alarms: list[dict[str, Any]] = [
        {"ci": "web-1", "name": "HostDown", "startsAt": "2026-11-24T15:00:00Z"},
        {"ci": "Shop", "name": "ServiceDown", "startsAt": "2026-11-24T15:01:00Z", "severity": "critical"},
        {"ci": "new-1", "name": "HostDown"},
    ]
    (tmp_path / "alarms.json").write_text(json.dumps({"alarms": alarms}))
    pushed = run("ann", "ingest", "push", "alarms.json", "--adapter", "alarm", "-o", "ndjson")
    again = run("ann", "ingest", "push", "alarms.json", "--adapter", "alarm", "-o", "ndjson")
    firing = run("ann", "alarm", "list", "-o", "ndjson")
    lost = run("ann", "alarm", "list", "--unknown", "-o", "ndjson")
    linked = run("ann", "alarm", "link")
    causes = json.loads(run("ann", "incident", "causes", "--firing", "-o", "json").out)
    number = run("ann", "incident", "open", "Shop is down", "--firing", "--reason", "alarms").out.strip()
    taken = run("ann", "incident", "open", "once more", "--firing", "--reason", "alarms")
    shown = json.loads(run("ann", "incident", "show", number, "-o", "json").out)
    (tmp_path / "alarms.json").write_text(json.dumps({**alarms[1], "status": "resolved"}))
    run("ann", "ingest", "push", "alarms.json", "--adapter", "alarm")
    after = run("ann", "alarm", "list", "--all", "-o", "ndjson").rows()

    assert pushed.code == 0
    assert [row["status"] for row in pushed.rows()] == ["created"] * 3
    assert [row["status"] for row in again.rows()] == ["unchanged"] * 3
    assert "no CI is known by 'new-1'; the alarm is kept" in pushed.err
    assert {(r["alarm"], r["effect"], r["name"]) for r in firing.rows()} == {
        ("HostDown", "unreachable", "web-1"),
        ("ServiceDown", "down", "Shop"),
        ("HostDown", "unreachable", "? new-1"),
    }
    assert [row["name"] for row in lost.rows()] == ["? new-1"]
    assert "0 alarms were tied" in linked.err
    assert (causes["alarms"], causes["unresolved"]) == (2, ["new-1"])
    assert "no alarm fires that is not in an open incident" in taken.err
    assert (shown["channel"], [shown["names"][e["ci"]] for e in shown["affected"]]) == ("alarm", ["Shop"])
    assert {r["alarm"]: (r["state"], r["incident"]) for r in after}["ServiceDown"] == ("ended", number)
    assert listed(run) == [(number, "new", 1, 1)]
    assert run("ann", "incident", "causes", "--firing", "--sequence", "1").code == 2
    assert run("ann", "incident", "open", "x", "--alarm", "alarm-0", "--reason", "r").code == 3


def test_impact_of_an_incident_and_on_top_of_what_is_open(run: Commands) -> None:
    number = opened(run, "--down", "web-1")
    of_it = json.loads(run("ann", "impact", "--incident", number, "-o", "json").out)
    alone = json.loads(run("ann", "impact", "pdu-1", "-o", "json").out)
    on_top = json.loads(run("ann", "impact", "pdu-1", "--include-open", "-o", "json").out)
    run("ann", "incident", "move", number, "cancelled", "--reason", "r", "--tell", "a drill")
    again = json.loads(run("ann", "impact", "pdu-1", "--include-open", "-o", "json").out)

    def down(answer: dict[str, Any]) -> set[str]:
        return {node["ci"]["name"] for node in answer["nodes"]}

    assert down(of_it) == {"web-1", "Shop"}
    assert down(alone) == {"pdu-1", "web-1", "web-2", "Shop"}
    assert down(on_top) == {"pdu-1", "web-2"}
    assert down(again) == down(alone)


def test_what_changed_lately_on_the_suspects(run: Commands) -> None:
    found = json.loads(run("ann", "incident", "changes", "Shop", "-o", "json").out)
    nothing = run("ann", "incident", "changes")
    number = opened(run, "--down", "web-2")
    of_it = json.loads(run("ann", "incident", "changes", "--incident", number, "-o", "json").out)

    assert found[0]["suspect"]
    assert {"pdu-1", "web-1", "Shop"} <= {row["name"] for row in found}
    assert "web-2" not in {row["name"] for row in found if row["kind"] == "CI_CREATED"}
    assert {row["name"] for row in of_it if row["suspect"]} >= {"web-2"}
    assert nothing.code == 2


def test_incidents_that_make_no_sense(run: Commands) -> None:
    first = ("incident", "open", "t", "--reason", "r")

    assert run("ann", *first, "--down", "who").code == 3
    assert run("ann", *first, "--urgency", "9").code == 5
    assert run("ann", *first, "--channel", "smoke").code == 5
    assert run("ann", "incident", "show", "INC-7").code == 3
    assert "no open effect on" in run("ann", "incident", "affect", opened(run), "--works", "pdu-1", "--reason", "r").err


def test_impact_without_anything_that_fails(run: Commands) -> None:
    assert "no seeds" in run("ann", "impact").err


def alert(host: str, name: str = "HostDown", **more: Any) -> dict[str, Any]:
    return {"status": "firing", "labels": {"alertname": name, "instance": f"{host}:9100"}, **more}


def test_causes_of_what_alertmanager_sends(run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = [
        alert("web-2", "ServiceDown"),
        alert("web-2", "Watchdog"),
        alert("nobody-1"),
        alert("pdu-1", status="resolved"),
        {"status": "firing", "labels": {"alertname": "HostDown"}},
        {"status": {"state": "suppressed"}, "labels": {"alertname": "HostDown", "ci": "web-1"}},
        "no alert at all",
    ]
    (tmp_path / "alerts.json").write_text(json.dumps({"version": "4", "alerts": alerts}))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "rules.yaml").write_text("rules: []\notherwise: none\n")
    done = run("ann", "incident", "causes", "Shop", "--alerts", "alerts.json", "-o", "json")
    broken = run("ann", "incident", "causes", "--alerts", "broken.json")
    absent = run("ann", "incident", "causes", "--alerts", "absent.json")
    answer = json.loads(done.out)
    monkeypatch.setenv("CMDB_ALARM_RULES", "rules.yaml")
    silenced = run("ann", "incident", "causes", "--alerts", "alerts.json")

    assert answer["alarms"] == 3  # what is silenced fires all the same
    assert {"pdu-1"} in [{root["name"] for root in c["roots"]} for c in answer["candidates"]]
    assert [(f["key"], f["kind"]) for f in answer["findings"]] == [
        ("nobody-1", "UNKNOWN"),
        ("alert 5", "UNKNOWN"),
        ("alert 7", "UNKNOWN"),
    ]
    assert (broken.code, absent.code, silenced.code) == (2, 2, 3)
    assert "no alarm fires" in run("ann", "incident", "causes", "--firing").err
    assert "none of the alarms names a CI that could fail" in silenced.err
