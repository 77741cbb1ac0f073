"""Pushes of other tools over HTTP meet what is known, and what nobody can place waits for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from cmdb.entrypoints.rest import create_app
from cmdb.entrypoints.services import IngestLimits
from cmdb.observation import Identifier, Observation, Report
from cmdb.store.protocol import CIRecord
from tests.api.estate import NOW, UUID, Estate
from tests.unit.push_payloads import FACTS, LLDP0, NMAP, alert, notification

CORE = "serial:cisco:FOC0000CORE1"
XML = {"content-type": "application/xml"}


def push(client: TestClient, adapter: str, payload: Any, **parameters: Any) -> dict[str, Any]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    media_type = "application/xml" if body.startswith(b"<") else "application/json"
    response = client.post(
        f"/api/v1/ingest/{adapter}", content=body, params=parameters, headers={"content-type": media_type}
    )

    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def results(answer: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(i["status"], i.get("reason", {}).get("code")) for i in answer["items"]]


def ci(estate: Estate, key: str) -> CIRecord:
    (found,) = estate.store.cis([estate.id_of(key)])
    return found


def test_facts_meet_the_host_that_discovery_knows(client: TestClient, estate: Estate) -> None:
    facts = {**FACTS, "ansible_product_uuid": f"{UUID}1".upper(), "ansible_product_serial": "NA"}
    first, second = (push(client, "ansible", {"web-1": facts}) for _ in range(2))
    found = ci(estate, f"uuid:{UUID}1")

    assert results(first) == [("updated", None)]
    assert first["items"][0]["ciId"] == found.id
    assert first["items"][0]["matchedBy"] == f"strong identifier uuid:{UUID}1"
    assert (found.attributes["os_name"], found.attributes["model"]) == ("Debian", "PowerEdge R640")
    assert results(second) == [("unchanged", None)]
    assert (second["committed"], second["sequence"]) == (False, first["sequence"])


def test_a_scan_meets_a_device_by_its_address(client: TestClient, estate: Estate) -> None:
    body = NMAP.replace(b"10.1.0.2", b"10.0.0.1").replace(b"00:1D:E5:84:98:C0", b"").replace(b"sw-2.example.net", b"")
    answer = push(client, "nmap", body)
    software = estate.store.neighbours([estate.id_of(CORE)], ["RUNS_ON"])[estate.id_of(CORE)].neighbours

    assert results(answer) == [("updated", None), ("ignored", "NOT_UP"), ("created", None)]
    assert answer["items"][0]["ciId"] == estate.id_of(CORE)
    assert sorted(n.other.name for n in software) == ["Cisco SSH", "https"]
    assert ci(estate, CORE).attributes["os_version"] == "15.2(8)E", "what is known better stays"


def test_a_port_that_is_closed_now_goes(client: TestClient, estate: Estate) -> None:
    push(client, "nmap", NMAP)
    later = NMAP.replace(b'endtime="1763999010"', b'endtime="1763999020"').replace(
        b'portid="443"><state state="open"', b'portid="443"><state state="closed"'
    )
    push(client, "nmap", later)
    device = estate.id_of("target:10.1.0.2")
    found = estate.store.neighbours([device], ["RUNS_ON"])[device].neighbours

    said = {n.other.name: any(f.gone is None for f in n.other.facets.values()) for n in found}
    assert (said["Cisco SSH"], said["https"]) == (True, False)


def test_neighbours_tie_a_host_to_the_port_that_is_known(client: TestClient, estate: Estate) -> None:
    chassis = Identifier("chassis-id:mac:00:1d:e5:84:98:c0")
    device = Observation("NetworkDevice", CORE, {"name": "core-1"}, (Identifier(CORE), chassis))
    estate.ingest.run([Report("ssh", "core-1", NOW, (device,))], "tests", "its chassis id")
    payload = json.loads(json.dumps(LLDP0).replace("Gi1/0/7", "Te1"))
    answer = push(client, "lldpctl", {**payload, "host": "web-1"})
    (cable,) = (
        n
        for n in estate.store.neighbours(
            [estate.store.by_path([f"{estate.id_of(CORE)}|Interface|Te1"])[f"{estate.id_of(CORE)}|Interface|Te1"]],
            ["CONNECTED_TO"],
        )
        .popitem()[1]
        .neighbours
        if n.other.name == "eth0"
    )

    assert answer["items"][0]["status"] in ("created", "updated")
    assert cable.relationship.attributes["protocols"] == ["lldp"]


def test_an_alert_is_seen_on_the_device_it_names(client: TestClient, estate: Estate) -> None:
    alerts = [alert("10.0.0.1:9100"), alert("WEB-2.example.net:9100", "HostDown"), alert("core-2", "FanFailed")]
    answer = push(client, "alertmanager", notification(*alerts), source="alertmanager:prod")
    again = push(client, "alertmanager", notification(*alerts), source="alertmanager:prod")
    resolved = push(
        client, "alertmanager", notification(alert("10.0.0.1:9100", status="resolved")), source="alertmanager:prod"
    )

    assert [i["ciId"] for i in answer["items"]] == [
        estate.id_of(k) for k in (CORE, f"uuid:{UUID}2", "serial:cisco:FOC0000CORE2")
    ]
    assert ci(estate, f"uuid:{UUID}2").attributes["reachability"] == "unreachable"
    assert "reachability" not in ci(estate, "serial:cisco:FOC0000CORE2").attributes
    assert again["committed"] is False
    assert results(resolved) == [("updated", None)]
    assert ci(estate, CORE).attributes["reachability"] == "reachable"
    assert any(o.startswith("alertmanager:prod/") for o in ci(estate, CORE).facets)


def test_many_alerts_of_one_device_are_one_commit(client: TestClient, estate: Estate) -> None:
    head = estate.store.head().sequence
    answer = push(client, "alertmanager", notification(*(alert("core-1", f"Alert{n}") for n in range(300))))
    same = push(client, "native", [{"type": "Service", "id": {"name": "twice"}}] * 3)

    assert answer["totals"] == {"unchanged": 299, "updated": 1}
    assert {i["ciId"] for i in answer["items"]} == {estate.id_of(CORE)}
    assert answer["sequence"] == head + 2  # one for what was seen, one for the alarms
    assert [s for s, _ in results(same)] == ["created", "unchanged", "unchanged"]
    assert len({i["ciId"] for i in same["items"]}) == 1


def test_another_alert_leaves_open_what_the_first_said(client: TestClient, estate: Estate) -> None:
    push(client, "alertmanager", notification(alert("core-1")))
    push(client, "alertmanager", notification(alert("core-1", "FanFailed")))

    assert ci(estate, CORE).attributes["reachability"] == "unreachable"


def test_unknown_instances_wait_for_a_person(client: TestClient, estate: Estate) -> None:
    head = estate.store.head().sequence
    answer = push(client, "alertmanager", notification(alert("10.9.9.9:9100")), source="alertmanager:prod")
    push(client, "alertmanager", notification(alert("10.9.9.9:9100")), source="alertmanager:prod")
    (entry,) = client.get("/api/v1/quarantine").json()["entries"]
    shown = client.get(f"/api/v1/quarantine/{entry['id']}").json()
    stays = client.post(f"/api/v1/quarantine/{entry['id']}/retry").json()

    assert results(answer) == [("quarantined", "UNKNOWN_INSTANCE")]
    assert answer["items"][0]["quarantineId"] == entry["id"]
    assert estate.store.head().sequence == head + 1  # the alarm is kept all the same, once
    assert (entry["adapter"], entry["source"], entry["times"]) == ("alertmanager", "alertmanager:prod", 2)
    assert shown["item"]["labels"]["instance"] == "10.9.9.9:9100"
    assert (stays["status"], stays["released"]) == ("quarantined", False)

    device = Observation("NetworkDevice", "serial:cisco:NEW123", {"name": "new", "management_address": "10.9.9.9"})
    device = Observation(device.ci_class, device.key, device.attributes, (Identifier(device.key),))
    estate.ingest.run([Report("snmp", "new", NOW, (device,))], "tests", "it was discovered")
    taken = client.post(f"/api/v1/quarantine/{entry['id']}/retry").json()

    assert (taken["status"], taken["released"], taken["ciId"]) == ("updated", True, estate.id_of("new"))
    assert client.get("/api/v1/quarantine").json() == {"entries": [], "total": 0, "next": None}
    assert client.get(f"/api/v1/quarantine/{entry['id']}").status_code == 404
    assert client.post(f"/api/v1/quarantine/{entry['id']}/retry").status_code == 404


def test_an_item_that_is_taken_later_leaves_by_itself(client: TestClient, estate: Estate) -> None:
    push(client, "nmap", NMAP.replace(b"10.1.0.2", b"127.0.0.1"))

    assert client.get("/api/v1/quarantine").json()["total"] == 1

    push(client, "alertmanager", notification(alert("new-1")))
    device = Observation("Computer", "target:new-1", {"name": "new-1"}, (Identifier("target:new-1", False),))
    estate.ingest.run([Report("ssh", "new-1", NOW, (device,))], "tests", "it was discovered")
    push(client, "alertmanager", notification(alert("new-1")))

    assert [e["adapter"] for e in client.get("/api/v1/quarantine").json()["entries"]] == ["nmap"]


def test_metrics_tell_how_many_wait(client: TestClient) -> None:
    push(client, "alertmanager", notification(alert("who-1"), alert("who-2")))
    found = client.get("/metrics").text

    assert "cmdb_quarantine_items 2.0" in found
    assert "cmdb_ingest_jobs_waiting 0.0" in found
    assert 'cmdb_ingest_items_total{adapter="alertmanager",status="quarantined"} 2.0' in found


def test_entries_can_be_discarded(client: TestClient) -> None:
    entry = push(client, "alertmanager", notification(alert("who-1"), alert("who-2")))["items"][0]["quarantineId"]
    first = client.get("/api/v1/quarantine", params={"first": 1}).json()
    rest = client.get("/api/v1/quarantine", params={"first": 1, "after": first["next"]}).json()

    assert (first["total"], len(first["entries"]), len(rest["entries"])) == (2, 1, 1)
    assert first["entries"] != rest["entries"]
    assert client.delete(f"/api/v1/quarantine/{entry}").status_code == 204
    assert client.delete(f"/api/v1/quarantine/{entry}").status_code == 404
    assert client.get("/api/v1/quarantine").json()["total"] == 1
    assert client.get("/api/v1/quarantine", params={"first": 0}).status_code == 400
    assert client.get("/api/v1/quarantine", params={"after": "'"}).status_code == 400


def test_a_data_problem_is_never_an_error_of_the_request(client: TestClient) -> None:
    """Alertmanager repeats what is answered with 5xx, and drops what is answered with 4xx."""
    odd = [{"labels": 7}, "text", alert("127.0.0.1:1"), {"status": "?", "labels": {"host": "a"}}, alert("core-1")]
    answer = push(client, "alertmanager", notification(*odd))
    lost = push(client, "ansible", {"hosts": {"web-9": {"unreachable": True, "msg": "no route"}}})

    assert [s for s, _ in results(answer)] == ["quarantined", "quarantined", "quarantined", "quarantined", "updated"]
    assert results(lost) == [("quarantined", "NO_FACTS")]
    assert client.get("/api/v1/quarantine").json()["total"] == 5


def test_a_conflict_is_kept_as_well(client: TestClient) -> None:
    twins = [{"type": "host", "id": {"uuid": f"{UUID[:-1]}a{n}", "name": "twin"}} for n in (1, 2)]
    push(client, "native", twins)
    answer = push(client, "native", [{"type": "host", "id": {"name": "twin"}}, {"type": "Spaceship"}])

    assert results(answer) == [("conflict", "IDENTITY"), ("rejected", "UNKNOWN_TYPE")]
    assert [e["id"] for e in client.get("/api/v1/quarantine").json()["entries"]] == [answer["items"][0]["quarantineId"]]


def test_secrets_of_hosts_are_not_put_aside(client: TestClient) -> None:
    lost = push(client, "ansible", {"hosts": {"web-9": {"msg": "no route", "ansible_env": "t0p-secret"}}})
    shown = [
        client.get(f"/api/v1/quarantine/{e['id']}").text for e in client.get("/api/v1/quarantine").json()["entries"]
    ]

    assert results(lost) == [("quarantined", "NO_FACTS")]
    assert shown
    assert not [text for text in shown if "t0p-secret" in text]


def test_a_dry_run_puts_nothing_aside(client: TestClient) -> None:
    answer = push(client, "alertmanager", notification(alert("who")), dryRun="true")

    assert results(answer) == [("quarantined", "UNKNOWN_INSTANCE")]
    assert "quarantineId" not in answer["items"][0]
    assert client.get("/api/v1/quarantine").json()["total"] == 0


@pytest.fixture
def small(estate: Estate) -> Iterator[TestClient]:
    services = estate.services(ingest_limits=IngestLimits(quarantine=2, quarantined_bytes=1_000))
    with TestClient(create_app(services), base_url="http://localhost") as made:
        yield made


def test_a_full_quarantine_says_so(small: TestClient) -> None:
    answer = push(small, "alertmanager", notification(*(alert(f"who-{n}") for n in range(3))))
    large = push(small, "alertmanager", notification(alert("who-0", note="x" * 2_000)))

    assert sorted(results(answer)) == [
        ("quarantined", "UNKNOWN_INSTANCE"),
        ("quarantined", "UNKNOWN_INSTANCE"),
        ("rejected", "QUARANTINE_FULL"),
    ]
    assert "2 items" in next(i for i in answer["items"] if i["status"] == "rejected")["reason"]["message"]
    assert results(large) == [("rejected", "QUARANTINE_FULL")]
    assert "1,000 bytes" in large["items"][0]["reason"]["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nessus", 404),
        ("jobs", 404),
        ("alertmanager?source=manual", 400),
        ("alertmanager?source=alertmanagers", 400),
        ("lldpctl?host=a%20b", 400),
        ("nmap?dryRun=perhaps", 400),
    ],
)
def test_bad_addresses(client: TestClient, path: str, status: int) -> None:
    assert client.post(f"/api/v1/ingest/{path}", json=[]).status_code == status


@pytest.mark.parametrize(
    ("adapter", "media_type", "body", "status"),
    [
        ("alertmanager", "application/xml", b"<a/>", 415),
        ("alertmanager", "text/plain", b"x", 415),
        ("nmap", "application/xml", b"<html/>", 400),
        ("nmap", "text/xml", b"", 400),
        ("nmap", "application/xml", b'<!DOCTYPE x [<!ENTITY a "b">]><nmaprun>&a;</nmaprun>', 400),
        ("ansible", "text/plain", b"nothing", 400),
        ("ansible", "text/plain", b"web-1 | SUCCESS => " + b"[" * 100_000, 200),
        ("ansible", "application/json", b"[" * 100_000, 400),
        ("lldpctl", "application/json", b"3", 400),
        ("nmap", "application/xml", b"<nmaprun>" + b"<host/>" * 10_001 + b"</nmaprun>", 413),
        ("alertmanager", "application/json", b'{"alerts":[' + b"{}," * 10_000 + b"{}]}", 413),
    ],
)
def test_bodies(client: TestClient, adapter: str, media_type: str, body: bytes, status: int) -> None:
    response = client.post(f"/api/v1/ingest/{adapter}", content=body, headers={"content-type": media_type})

    assert response.status_code == status, response.text
    assert "Traceback" not in response.text


def test_billion_laughs_are_not_told(client: TestClient) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    body = f'<!DOCTYPE lolz [<!ENTITY l0 "lol">{laughs}]><nmaprun><host>&l9;</host></nmaprun>'
    response = client.post("/api/v1/ingest/nmap", content=body.encode(), headers=XML)

    assert response.status_code == 400
    assert "Entities" in response.json()["detail"]


def test_deep_items_are_put_aside_alone(client: TestClient) -> None:
    deep: Any = 1
    for _ in range(80):
        deep = {"x": deep}
    answer = push(client, "alertmanager", notification(alert("core-1"), {**alert("core-1"), "deep": deep}))

    assert results(answer) == [("updated", None), ("rejected", "TOO_DEEP")]
