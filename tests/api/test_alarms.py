"""Alarms that come in over HTTP: kept once, ended, tied to their CIs."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from cmdb.edit import Edit, save
from cmdb.entrypoints.alerts import link_alarms
from cmdb.errors import NotFound
from cmdb.observation import Identifier, Observation, Report
from cmdb.service.alarm_records import Alarms, as_asked, evidence_of, firing_alarms
from cmdb.service.incidents import Incidents, Told
from cmdb.store.protocol import StoredRecord
from tests.api.estate import NOW, Estate
from tests.unit.push_payloads import alert, notification

ALARM = {"ci": "shop", "name": "ShopDown", "effect": "down", "startsAt": "2025-11-24T15:00:00Z"}


def push(client: TestClient, adapter: str, body: Any, **parameters: str) -> list[dict[str, Any]]:
    response = client.post(f"/api/v1/ingest/{adapter}", json=body, params=parameters)

    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


def kept(estate: Estate) -> list[StoredRecord]:
    return estate.store.records(kinds=("alarm",))


def test_an_alert_is_kept_once_and_ends(client: TestClient, estate: Estate) -> None:
    one, other = alert("core-1", "ProcessDown", severity="critical"), alert("10.9.9.9", "HostDown")
    (first, unknown) = push(client, "alertmanager", notification(one, other), source="alertmanager:prod")
    head = estate.store.head().sequence
    (again, _) = push(client, "alertmanager", notification(one, other), source="alertmanager:prod")
    repeated = estate.store.head().sequence
    gone = {**one, "status": "resolved", "endsAt": "2025-11-24T15:30:00Z"}
    (ended,) = push(client, "alertmanager", notification(gone), source="alertmanager:prod")
    (late,) = push(client, "alertmanager", notification(one), source="alertmanager:prod")
    (alarm,) = (r for r in kept(estate) if r.id == first["alarm"]["id"])

    assert [first["alarm"]["status"], again["alarm"]["status"], ended["alarm"]["status"]] == [
        "created",
        "unchanged",
        "updated",
    ]
    assert repeated == head
    assert (unknown["status"], unknown["alarm"]["status"], unknown["alarm"]["ciId"]) == ("quarantined", "created", None)
    assert late["alarm"]["status"] == "ignored"
    assert (alarm.state, alarm.title, alarm.about) == ("ended", "ProcessDown", (estate.id_of("core-1"),))
    assert (alarm.body["effect"], alarm.body["severity"], alarm.body["source"]) == (
        "DEGRADED",  # a process of it is down, and nobody knows which
        "critical",
        "alertmanager:prod",
    )
    assert alarm.body["ended"] - alarm.body["started"] == 30 * 60_000
    assert alarm.texts == {"text": "it is gone"}


def test_what_fires_anew_remembers_the_firing_before(client: TestClient, estate: Estate) -> None:
    push(client, "alarm", ALARM)
    push(client, "alarm", {**ALARM, "status": "resolved", "endsAt": "2025-11-24T15:10:00Z"})
    (anew,) = push(client, "alarm", {**ALARM, "startsAt": "2025-11-24T15:20:00Z", "text": "again"})
    (older,) = push(client, "alarm", ALARM)
    (alarm,) = kept(estate)

    assert (anew["status"], older["status"], older["reason"]["code"]) == ("updated", "ignored", "STALE")
    assert (alarm.state, alarm.body["ended"], alarm.texts) == ("firing", None, {"text": "again"})
    assert [end - start for start, end in alarm.body["firings"]] == [600_000]


def test_an_alarm_without_times_fires_now_until_it_is_resolved(client: TestClient, estate: Estate) -> None:
    plain = {"ci": "service:shop", "name": "ShopDown", "fingerprint": "f1"}
    statuses = [push(client, "alarm", {**plain, **more})[0]["status"] for more in ({}, {}, {"status": "resolved"}, {})]
    (alarm,) = kept(estate)

    assert statuses == ["created", "unchanged", "updated", "updated"]
    assert (alarm.body["started"], alarm.body["firings"]) == (NOW, [[NOW, NOW]])
    assert alarm.body["effect"] == "NONE"  # no rule knows the name


def test_an_alarm_of_an_unknown_ci_is_tied_to_it_once_that_appears(client: TestClient, estate: Estate) -> None:
    (lost, several) = push(client, "alarm", {"alarms": [{**ALARM, "ci": "new-1"}, {**ALARM, "ci": "nginx"}]})
    push(client, "alertmanager", notification(alert("new-1", "HostDown"), alert("x", ci="service:shop")))
    alarms = Alarms(estate.ingest)
    nobody = link_alarms(alarms, estate.store, estate.model)
    device = Observation("Computer", "serial:dell:NEW0001", {"name": "new-1"}, (Identifier("serial:dell:NEW0001"),))
    estate.ingest.run([Report("ssh", "new-1", NOW, (device,))], "tests", "it was discovered")
    found = link_alarms(alarms, estate.store, estate.model)
    by_name = {(r.body["source"], r.title, r.body["ci"]): r for r in kept(estate)}
    new, shop = estate.id_of("new-1"), estate.id_of("service:shop")

    assert (lost["status"], lost["warnings"][0]["code"], several["warnings"][0]["code"]) == (
        "created",
        "UNKNOWN_CI",
        "AMBIGUOUS",
    )
    assert (nobody, found) == (0, 2)
    assert set(by_name) == {
        ("alarm", "ShopDown", new),
        ("alarm", "ShopDown", ""),
        ("alertmanager", "HostDown", new),
        ("alertmanager", "InstanceDown", shop),
    }
    assert len(by_name["alarm", "ShopDown", ""].body["candidates"]) == 2
    assert {a.key for a in as_asked(estate.store, firing_alarms(estate.store))} == {new, shop, "nginx"}


def test_a_dry_run_keeps_nothing(client: TestClient, estate: Estate) -> None:
    head = estate.store.head().sequence
    (told,) = push(client, "alarm", ALARM, dryRun="true")

    assert told["status"] == "created"
    assert (kept(estate), estate.store.head().sequence) == ([], head)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({**ALARM, "ci": ""}, "REQUIRED"),
        ({**ALARM, "ci": "x" * 301}, "TOO_LONG"),
        ({**ALARM, "name": 7}, "REQUIRED"),
        ({**ALARM, "status": "maybe"}, "BAD_STATUS"),
        ({**ALARM, "effect": "broken"}, "BAD_EFFECT"),
        ({**ALARM, "labels": []}, "BAD_LABELS"),
        ({**ALARM, "startsAt": "yesterday"}, "BAD_TIME"),
        ({**ALARM, "endsAt": "2025-11-24T14:00:00Z"}, "BAD_TIME"),
        ({**ALARM, "colour": "red"}, "UNKNOWN_FIELD"),
        ("text", "NOT_AN_OBJECT"),
    ],
)
def test_one_bad_alarm_never_stops_the_others(client: TestClient, estate: Estate, bad: Any, code: str) -> None:
    good, refused = push(client, "alarm", [ALARM, bad])

    assert (good["status"], refused["status"], refused["reason"]["code"]) == ("created", "rejected", code)
    assert [r.title for r in kept(estate)] == ["ShopDown"]


def test_a_time_in_the_future_counts_as_now(client: TestClient, estate: Estate) -> None:
    ahead = {**ALARM, "startsAt": "2031-01-01T00:00:00Z"}
    (first, second) = (push(client, "alarm", ahead)[0] for _ in range(2))
    (alarm,) = kept(estate)

    assert (first["status"], second["status"]) == ("created", "unchanged")
    assert first["warnings"][0]["code"] == "CLAMPED"
    assert alarm.body["started"] == NOW


# ---- over GraphQL
LIST = """query($f: AlarmFilter, $n: Int! = 50, $a: String) {alarms(filter: $f, first: $n, after: $a) {totalCount
  pageInfo {hasNextPage endCursor} nodes {id name state effect severity source sought text startedAt endedAt revision
  ci {name item {class}} candidates {name} labels {name value} firings {start end}
  incident {number affected {ci {name}}}}}}"""


def listed(client: TestClient, **variables: Any) -> dict[str, Any]:
    answer = client.post("/graphql", json={"query": LIST, "variables": variables}).json()

    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["alarms"]
    return found


def test_alarms_are_read_in_pages_and_by_what_is_asked(client: TestClient, estate: Estate) -> None:
    later = {**ALARM, "ci": "nginx", "startsAt": "2025-11-24T15:05:00Z", "labels": {"b": "2", "a": "1"}}
    push(client, "alarm", [ALARM, later, {**ALARM, "name": "Old", "status": "resolved"}], source="alarm:desk")
    first = listed(client, n=1)
    second = listed(client, n=1, a=first["pageInfo"]["endCursor"])
    shop = estate.id_of("service:shop")

    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (
        2,
        True,
        False,
    )
    assert first["nodes"][0]["ci"] is None
    assert [c["name"] for c in first["nodes"][0]["candidates"]] == ["nginx", "nginx"]
    assert first["nodes"][0]["labels"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]
    assert second["nodes"][0]["ci"] == {"name": "shop", "item": {"class": "Service"}}
    assert [n["name"] for n in listed(client, f={"states": ["ENDED"]})["nodes"]] == ["Old"]
    assert [n["name"] for n in listed(client, f={"known": True, "cis": [shop]})["nodes"]] == ["ShopDown"]
    assert listed(client, f={"sources": ["alarm"]})["nodes"] == []
    assert client.post("/graphql", json={"query": LIST, "variables": {"f": {"cis": []}}}).json()["errors"]
    assert client.post("/graphql", json={"query": LIST, "variables": {"a": "x"}}).json()["errors"]


def test_what_fires_is_asked_for_its_cause(client: TestClient, estate: Estate) -> None:
    names = ("core-1", "core-2", "shop", "nobody")
    push(client, "alarm", [{**ALARM, "ci": name} for name in names])
    query = (
        """query($i: RootCauseInput!) {rootCause(input: $i) {alarms unresolved candidates {roots {name} explained}}}"""
    )
    asked = {"query": query, "variables": {"i": {"alarms": [{"key": "web-1"}], "firing": True}}}
    found = client.post("/graphql", json=asked).json()["data"]["rootCause"]
    alone = client.post("/graphql", json={"query": query, "variables": {"i": {"alarms": [], "firing": True}}}).json()
    past = client.post(
        "/graphql", json={"query": query, "variables": {"i": {"alarms": [], "firing": True, "sequence": 1}}}
    ).json()

    assert (found["alarms"], found["unresolved"]) == (4, ["nobody"])
    assert alone["data"]["rootCause"]["alarms"] == 3
    assert past["errors"][0]["extensions"] == {"code": "BAD_INPUT", "argument": "input.firing"}


def test_an_incident_of_alarms_stays_open_when_they_end(client: TestClient, estate: Estate) -> None:
    push(client, "alarm", [ALARM, {**ALARM, "ci": "core-1", "effect": "unreachable"}, {**ALARM, "ci": "nobody"}])
    said = evidence_of(estate.store)
    told = Told("shop is down", said.affected, said.reported, channel="alarm", alarms=said.alarms)
    incident = Incidents(estate.ingest).open(told, estate.topology, "ann", "alarms")
    nodes = {node["ci"]["name"]: node for node in listed(client)["nodes"] if node["ci"]}
    push(client, "alarm", {**ALARM, "status": "resolved"})
    (after,) = estate.store.records(ids=[incident.id])

    assert said.affected == {estate.id_of("service:shop"): "down"}
    assert said.reported == [estate.id_of("core-1")]
    assert [r.title for r in said.lost] == ["ShopDown"]
    assert nodes["shop"]["incident"] == {"number": "INC-1", "affected": [{"ci": {"name": "shop"}}]}
    assert evidence_of(estate.store).alarms == []
    assert (after.state, after.revision) == (incident.state, incident.revision)
    with pytest.raises(NotFound, match="there is no alarm 'alarm-0'"):
        evidence_of(estate.store, ["alarm-0"])


# ---- what an alert is about
def said(estate: Estate, *alerts: dict[str, Any], client: TestClient) -> list[tuple[str, str, str]]:
    """For each alert what became of it, the name of its CI, and what it says of that."""
    results = push(client, "alertmanager", notification(*alerts))
    known = {r.id: r for r in kept(estate)}
    found = []
    for result in results:
        body = known[result["alarm"]["id"]].body
        ci = estate.store.cis([body["ci"]])[0].name if body["ci"] else ""
        found.append((result["status"], ci, body["effect"]))
    return found


def test_an_alarm_about_a_part_is_one_of_that_part_or_degrades_the_device(client: TestClient, estate: Estate) -> None:
    alerts = (
        alert("core-1", "LinkDown", ifName="Te1"),
        alert("core-2", "LinkDown", ifName="Te9"),
        alert("access-1", "InterfaceDown", ifAlias="to web"),
        alert("core-2", "PsuFailed", psu="1"),
        alert("web-1", "SystemdUnitFailed", unit="nginx.service"),
        alert("web-2", "TemperatureHigh"),
    )

    assert [found[1:] for found in said(estate, *alerts, client=client)] == [
        ("Te1", "DOWN"),
        ("core-2", "DEGRADED"),
        ("Gi1", "DOWN"),
        ("core-2", "DEGRADED"),
        ("nginx", "DOWN"),
        ("web-2", "DEGRADED"),
    ]


def test_an_alarm_of_a_service_by_key_is_no_alarm_of_a_part(client: TestClient, estate: Estate) -> None:
    alerts = (alert("nowhere", "ServiceDown", ci="service:shop"), alert("elsewhere", "ServiceDown", ci="core-1"))

    assert [found[1:] for found in said(estate, *alerts, client=client)] == [("shop", "DOWN"), ("core-1", "DEGRADED")]


def test_an_alert_that_names_its_ci_itself_is_put_aside_by_nobody(client: TestClient, estate: Estate) -> None:
    local = {**alert("x", ci="service:shop"), "labels": {"alertname": "ShopSlow", "ci": "service:shop"}}
    found = said(estate, alert("nowhere", ci="service:shop"), local, alert("elsewhere", ci="nothing"), client=client)

    assert [status for status, _, _ in found] == ["created", "created", "quarantined"]
    assert estate.store.quarantine_total() == 1


def test_a_retired_ci_is_told_from_one_that_nobody_knows(client: TestClient, estate: Estate) -> None:
    gone = Observation("Computer", "serial:dell:OLD0001", {"name": "old-1"}, (Identifier("serial:dell:OLD0001"),))
    estate.ingest.run([Report("ssh", "old-1", NOW, (gone,))], "tests", "it was there")
    old = estate.id_of("old-1")
    save(estate.ingest, old, Edit(set={"status": "retired"}), "tests", "scrapped")
    keys = ("old-1", "serial:dell:OLD0001", old, "never-1")
    results = push(client, "alarm", [{**ALARM, "ci": key} for key in keys])

    assert [r["warnings"][0]["code"] for r in results] == ["RETIRED_CI"] * 3 + ["UNKNOWN_CI"]
    assert "old-1" in results[1]["warnings"][0]["message"]
