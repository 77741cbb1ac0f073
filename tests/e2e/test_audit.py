"""Completeness and audits as their users start them: files, exit codes, several people."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.program import cmdb

pytestmark = pytest.mark.e2e
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


def rows(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_missing(tmp_path: Path) -> None:
    file, store = tmp_path / "site.yaml", ("--data-dir", tmp_path / "store")
    file.write_text(SITE)
    cmdb(tmp_path, "ingest", "push", file, *store)
    listed = cmdb(tmp_path, "completeness", *store, "-o", "ndjson")
    located = cmdb(tmp_path, "completeness", *store, "--missing", "location", "-o", "ndjson")
    totals = cmdb(tmp_path, "completeness", *store, "--class", "Printer", "--totals", "-o", "ndjson")
    explained = cmdb(tmp_path, "completeness", *store, "--class", "Computer", "--explain", "-o", "ndjson")
    wrong = cmdb(tmp_path, "completeness", *store, "--class", "Printr")

    assert [(r["name"], r["missing"]) for r in rows(listed)] == [
        ("lp-1", ["description", "relationships", "services", "version", "location"])
    ]
    assert "Service: 1 CIs, 100% complete; missing: nothing" in listed.stderr
    assert [r["name"] for r in rows(located)] == ["lp-1"]
    assert [(r["class"], r["cis"], r["version"], r["status"]) for r in rows(totals)] == [("Printer", 1, 1, 0)]
    assert {r["item"]: r["text"] for r in rows(explained)}["services"] == "Shop"
    assert wrong.returncode == 5
    assert "did you mean Printer" in wrong.stderr


def test_an_audit(tmp_path: Path) -> None:
    file, store = tmp_path / "site.yaml", ("--data-dir", tmp_path / "store")
    file.write_text(SITE)

    def run(who: str, *arguments: str | Path) -> CompletedProcess[str]:
        return cmdb(tmp_path, *arguments, *store, LOGNAME=who)

    run("otto", "ingest", "push", file)
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
    closed = run("boss", "audit", "close", "AUD-1", "--reason", "done")
    again = run("boss", "audit", "close", "AUD-1", "--reason", "done")
    verified = run("boss", "ledger", "verify", "--deep")

    assert (same.returncode, planned.returncode, planned.stdout) == (5, 0, "PLN-1\n")
    assert "auditor must be another person than the owner" in same.stderr
    assert (started.returncode, started.stdout) == (0, "AUD-1 running\n"), started.stderr
    assert "**Not final: the audit is running.**" in interim.stdout
    assert (finished.stdout, finished.returncode) == ("AUD-1 reported\n", 0)
    assert "0 right, 0 different, 0 missing, 1 unseen, 0 extra" in finished.stderr
    assert [(r["number"], r["overdue"]) for r in rows(due)] == [("PLN-1", False)]
    assert [(r["scope"], r["auditor"], r["overdue"]) for r in rows(plans)] == [("Computer", "ann", False)]
    assert [(r["number"], r["state"], r["unseen"]) for r in rows(listed)] == [("AUD-1", "reported", 1)]
    assert json.loads(report.stdout)["unseen"][0]["name"] == "web-1"
    assert json.loads(shown.stdout)["population"] == 1
    assert findings.stdout == ""
    assert (nothing.returncode, "there is no finding 'FND-1'" in nothing.stderr) == (3, True)
    assert (closed.stdout, again.returncode) == ("AUD-1 closed\n", 5)
    assert "AUD-1 is closed; that is where it ends" in again.stderr
    assert verified.returncode == 0
