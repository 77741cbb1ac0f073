"""Completeness, audits and reviews as their users start them: files, exit codes, several people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.contracts.commands import Commands

SITE = """
format: 1
name: site
cis:
  - class: Computer
    key: web
    name: web-1
    identifiers: ["serial:dell:WEB00001"]
    attributes: {os_version: "12", sys_location: room 4, model: R650}
  - class: Service
    name: Shop
    identifiers: ["service:shop"]
    attributes: {criticality: 4}
    links: [{type: DEPENDS_ON, to: web}]
  - {class: Printer, name: lp-1, identifiers: ["serial:hp:LP1"]}
"""


@pytest.fixture
def run(
    store: BoltStore,
    embedded_engine: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    """Commands on an estate that otto has written down."""
    made = Commands(embedded_engine.endpoint, tmp_path, monkeypatch, capsys)
    (tmp_path / "site.yaml").write_text(SITE)
    assert made("otto", "ingest", "push", "site.yaml").code == 0
    return made


def test_what_is_missing(run: Commands) -> None:
    listed = run("ann", "completeness", "-o", "ndjson")
    located = run("ann", "completeness", "--missing", "location", "-o", "ndjson")
    totals = run("ann", "completeness", "--class", "Printer", "--totals", "-o", "ndjson")
    explained = run("ann", "completeness", "--class", "Computer", "--explain", "-o", "ndjson")
    wrong = run("ann", "completeness", "--class", "Printr")

    assert [(r["name"], r["missing"]) for r in listed.rows()] == [
        ("lp-1", ["description", "relationships", "services", "version", "location"])
    ]
    assert "Service: 1 CI, 100% complete; missing: nothing" in listed.err
    assert [r["name"] for r in located.rows()] == ["lp-1"]
    assert [(r["class"], r["cis"], r["version"], r["status"]) for r in totals.rows()] == [("Printer", 1, 1, 0)]
    assert {r["item"]: r["text"] for r in explained.rows()}["services"] == "Shop"
    assert (wrong.code, "did you mean Printer" in wrong.err) == (5, True)


def test_an_audit(run: Commands) -> None:
    plan = (
        "audit",
        "plan",
        "hosts",
        "--owner",
        "otto",
        "--every-days",
        "90",
        "--class",
        "Computer",
        "--reason",
        "yearly",
    )
    same = run("boss", *plan, "--auditor", "otto")
    planned = run("boss", *plan, "--auditor", "ann")
    started = run("ann", "audit", "run", "hosts", "--reason", "it is time")
    interim = run("ann", "audit", "report", "AUD-1")
    finished = run("ann", "audit", "finish", "AUD-1", "--reason", "nobody looked")
    due = run("ann", "audit", "due", "-o", "ndjson")
    plans = run("ann", "audit", "list", "--plans", "-o", "ndjson")
    listed = run("ann", "audit", "list", "-o", "ndjson")
    report = run("ann", "audit", "report", "AUD-1", "-o", "json")
    shown = run("ann", "audit", "show", "aud-1", "-o", "json")
    findings = run("ann", "audit", "finding", "list", "--audit", "AUD-1", "-o", "ndjson")
    nothing = run("ann", "audit", "finding", "close", "FND-1", "--evidence", "x", "--reason", "y")
    late = run("ann", "audit", "finding", "assign", "FND-1", "--due", "soon", "--reason", "y")
    unknown = run("ann", "audit", "run", "hosts", "--expected", "gold", "--reason", "y")
    unseen = run("boss", "audit", "close", "AUD-1", "--reason", "done")
    closed = run("boss", "audit", "close", "AUD-1", "--reason", "done", "--unseen-accepted", "it is in the store room")
    again = run("boss", "audit", "close", "AUD-1", "--reason", "done")
    retired = run("boss", "audit", "retire", "hosts", "--reason", "done")

    assert (same.code, planned.code, planned.out) == (5, 0, "PLN-1\n")
    assert "auditor must be another person than the owner" in same.err
    assert (started.code, started.out) == (0, "AUD-1 running\n"), started.err
    assert "**Not final: the audit is running.**" in interim.out
    assert (finished.out, finished.code) == ("AUD-1 reported\n", 0)
    assert "0 right, 0 different, 0 missing, 1 unseen, 0 extra" in finished.err
    assert [(r["number"], r["overdue"]) for r in due.rows()] == [("PLN-1", False)]
    assert [(r["scope"], r["auditor"], r["overdue"]) for r in plans.rows()] == [("Computer", "ann", False)]
    assert [(r["number"], r["state"], r["unseen"]) for r in listed.rows()] == [("AUD-1", "reported", 1)]
    assert json.loads(report.out)["unseen"][0]["name"] == "web-1"
    assert json.loads(shown.out)["population"] == 1
    assert findings.out == ""
    assert (nothing.code, "there is no finding 'FND-1'" in nothing.err) == (3, True)
    assert (late.code, "'soon' is no time" in late.err) == (2, True)
    assert (unknown.code, "there is no baseline 'gold'" in unknown.err) == (3, True)
    assert (unseen.code, unseen.err) == (
        5,
        "AUD-1 judged nothing of 1 CI that no complete visit saw (web-1): audit them anew, or accept that with a reason"
        " (--unseen-accepted)",
    )
    assert (closed.out, again.code) == ("AUD-1 closed\n", 5)
    assert "AUD-1 is closed; that is where it ends" in again.err
    assert retired.out == "PLN-1 retired\n"


def test_a_review(run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "control.yaml"
    policy.write_text(
        "sources: [manual]\napprove: [change_manager]\ndefault: {edit: [operator, change_manager], reason: false,"
        " level: automatic}\nclasses: {Service: {reason: true, level: review}}\n"
    )
    monkeypatch.setenv("CMDB_CONTROL", str(policy))
    monkeypatch.setenv("CMDB_ROLES", "otto=operator,mona=change_manager")
    push = ("ingest", "push", "site.yaml")
    (tmp_path / "site.yaml").write_text(SITE.replace("criticality: 4", "criticality: 1"))
    denied = run("vera", *push, "--reason", "less")
    unsaid = run("otto", *push)
    asked = run("otto", *push, "--reason", "less", "-o", "ndjson")
    listed = run("mona", "review", "list", "-o", "ndjson")
    shown = run("mona", "review", "show", "REV-1", "-o", "json")
    own = run("otto", "review", "approve", "REV-1", "--reason", "fine")
    approved = run("mona", "review", "approve", "REV-1", "--reason", "fine")
    again = run("mona", "review", "reject", "REV-1", "--reason", "fine")
    got = run("mona", "ci", "get", "service:shop", "-o", "json")
    policy.write_text("classes: {Servise: {}}")
    broken = run("mona", "review", "list")

    assert (denied.code, "vera is viewer" in denied.err) == (4, True)
    assert (unsaid.code, "a reason must be given" in unsaid.err) == (5, True)
    assert asked.code == 6
    assert "waits as REV-1 until another person approves it" in asked.err
    assert {r["status"] for r in asked.rows()} == {"quarantined"}
    assert [(r["number"], r["author"].partition("@")[0], r["reason"]) for r in listed.rows()] == [
        ("REV-1", "otto", "less")
    ]
    assert json.loads(shown.out)["would_write"][0]["set"] == {"criticality": 1}
    assert (own.code, "otto wrote REV-1" in own.err) == (4, True)
    assert (approved.code, approved.out) == (0, "REV-1 approved\n")
    assert again.code == 5
    assert json.loads(got.out)["attributes"]["criticality"] == 1
    assert (broken.code, "did you mean Service" in broken.err) == (5, True)
