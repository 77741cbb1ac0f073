"""From alarms to an incident, its cause, and a release that mends it: one server over HTTP, killed in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.program import Running, cmdb, post
from tests.unit.push_payloads import alert, notification

pytestmark = pytest.mark.e2e
WEB = [{"type": "Computer", "id": {"serial": f"WEB0000{n}", "vendor": "Dell"}} for n in (1, 2)]
LATE = {"type": "Computer", "id": {"serial": "WEB00009", "vendor": "Dell"}, "description": {"name": "web-9"}}
STEP = """mutation($i: TransitionInput!) {transition(input: $i) {
  userErrors {message} guards {name holds} record {state}}}"""
WHY = {"reason": "part of the story"}


class Server:
    """A server that is asked over HTTP."""

    def __init__(self, home: Path) -> None:
        self.program = Running(home, "serve", "--port", "0", "--data-dir", str(home / "store"))
        self.address = self.program.address()

    def push(self, adapter: str, body: object) -> list[dict[str, Any]]:
        """Push a document; the result of each item."""
        status, answer = post(f"{self.address}/api/v1/ingest/{adapter}", json.dumps(body).encode(), "application/json")

        assert status == 200, answer
        found: list[dict[str, Any]] = json.loads(answer)["items"]
        return found

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a question."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        _, answer = post(f"{self.address}/graphql", body, "application/json")
        found: dict[str, Any] = json.loads(answer)

        assert "errors" not in found, found
        data: dict[str, Any] = found["data"]
        return data

    def step(self, record: str, to: str) -> dict[str, Any]:
        """Take a record a step on."""
        known = self.ask("query($r: ID!) {record(id: $r) {revision}}", r=record)["record"]["revision"]
        asked = {"record": record, "to": to, "expectedVersion": known, **WHY}
        answer: dict[str, Any] = self.ask(STEP, i=asked)["transition"]
        return answer


def site(server: Server, version: str) -> dict[str, str]:
    """Two hosts with a version, and a shop that needs both; ids by name."""
    hosts = [{**web, "description": {"name": f"web-{n}", "os_version": version}} for n, web in enumerate(WEB, 1)]
    needs = [{"type": "DEPENDS_ON", "entity": web} for web in WEB]
    shop = {"type": "Service", "id": {"name": "shop"}, "description": {"name": "shop", "criticality": 4}}
    results = server.push("native", [*hosts, {**shop, "relationships": needs}])
    return dict(zip(("web-1", "web-2", "shop"), (r["ciId"] for r in results), strict=True))


SAVE = "mutation($i: SaveRecordInput!) {saveRecord(input: $i) {userErrors {message} record {id number}}}"
ALARMS = "{alarms(filter: {states: [FIRING, ENDED]}) {nodes {name state ci {name} incident {number}}}}"
CAUSES = """{rootCause(input: {alarms: [], firing: true}) {alarms unresolved
  candidates {roots {name} explained knownErrors {knownError {number workaround}}}}}"""


def test_alarms_become_an_incident_and_a_release_mends_it(tmp_path: Path) -> None:
    (tmp_path / "cmdb.toml").write_text("recheck_every_s = 1\n")
    server = Server(tmp_path)
    ids = site(server, "12.4")
    known = {"title": "12.4 panics", "details": {"knownError": {"versions": ["12.4"], "workaround": "reboot"}}, **WHY}
    error = server.ask(SAVE, i=known)["saveRecord"]["record"]["id"]
    server.step(error, "ACTIVE")
    alerts = notification(alert("web-1", "HostDown"), alert("web-9", "HostDown"))
    server.push("alertmanager", alerts)
    server.push("alarm", {"ci": "shop", "name": "ShopDown", "effect": "down"})
    causes = server.ask(CAUSES)["rootCause"]
    opened = server.ask(
        SAVE, i={"title": "shop is down", "addCis": [{"ci": ids["web-1"]}], "details": {"incident": {}}, **WHY}
    )["saveRecord"]
    server.program.kill()

    assert (causes["alarms"], causes["unresolved"]) == (2, ["web-9"])
    (best,) = [c for c in causes["candidates"] if c["roots"] == [{"name": "web-1"}]]
    assert (best["explained"], best["knownErrors"]) == (
        2,
        [{"knownError": {"number": "KE-1", "workaround": "reboot"}}],
    )
    assert opened == {"userErrors": [], "record": {"id": opened["record"]["id"], "number": "INC-1"}}

    server = Server(tmp_path)
    server.push("native", [LATE])
    server.program.wait_for(lambda line: "alarms were tied to CIs that appeared" in line)
    server.push("alertmanager", notification(alert("web-1", "HostDown", status="resolved")))
    kept = {(a["name"], a["ci"]["name"]): a["state"] for a in server.ask(ALARMS)["alarms"]["nodes"]}
    still = server.ask("{records(filter: {types: [INCIDENT]}) {nodes {number state}}}")["records"]["nodes"]

    assert kept == {("HostDown", "web-1"): "ENDED", ("HostDown", "web-9"): "FIRING", ("ShopDown", "shop"): "FIRING"}
    assert still == [{"number": "INC-1", "state": "NEW"}]

    contents = {
        "contents": [{"what": "os_version", "version": "12.6"}],
        "tested": [{"what": "os_version", "version": "12.5"}],
    }
    hosts = [{"ci": ids[name]} for name in ("web-1", "web-2")]
    asked = {"title": "12.6", "addCis": hosts, "details": {"release": contents}, **WHY}
    release = server.ask(SAVE, i=asked)["saveRecord"]["record"]["id"]
    meets = server.ask("query($r: ID!) {releaseCompatibility(release: $r) {targets untested}}", r=release)
    impact = server.ask(
        "query($r: ID!) {impact(input: {release: $r}) {summary {services {ci {name} state}}}}", r=release
    )
    server.step(release, "ACCEPTED")
    server.step(release, "APPROVED")
    refused = server.step(release, "DEPLOYING")
    take = 'mutation($r: ID!) {createBaseline(input: {name: "before 12.6", record: $r, reason: "go"}) {baseline {id}}}'
    baseline = server.ask(take, r=release)["createBaseline"]["baseline"]["id"]
    server.ask(SAVE, i={"id": release, "details": {"release": {"baseline": baseline}}, **WHY})
    deployed = server.step(release, "DEPLOYING")
    site(server, "12.6")
    outcome = server.ask(
        "query($r: ID!) {releaseOutcome(release: $r) {counts {verdict count} extraCount incidents {number}}}", r=release
    )["releaseOutcome"]
    server.program.interrupt()
    verified = cmdb(tmp_path, "ledger", "verify", "--data-dir", tmp_path / "store")

    assert meets["releaseCompatibility"] == {"targets": 2, "untested": 2}
    assert impact["impact"]["summary"]["services"] == [{"ci": {"name": "shop"}, "state": "DOWN_PLANNED"}]
    assert (refused["record"], refused["guards"]) == (None, [{"name": "baseline_taken", "holds": False}])
    assert deployed["record"] == {"state": "DEPLOYING"}
    assert outcome == {"counts": [{"verdict": "DONE", "count": 2}], "extraCount": 0, "incidents": []}
    assert verified.returncode == 0, verified.stdout + verified.stderr
