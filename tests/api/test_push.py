"""Pushes over HTTP: results item by item, limits, repeated and stale words."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from starlette.testclient import TestClient

from cmdb.entrypoints.rest import create_app
from cmdb.entrypoints.services import IngestLimits
from tests.api.estate import HOUR, NOW, Estate

PATH = "/api/v1/ingest/native"
LINES = {"content-type": "application/x-ndjson"}
SWITCH = {
    "type": "NetworkDevice",
    "id": {"serial": "FOC0000NEW1", "vendor": "Cisco Systems"},
    "description": {"name": "new-1"},
}
PORT = {
    "type": "Interface",
    "id": {"name": "Te1"},
    "parent": {k: SWITCH[k] for k in ("type", "id")},
    "description": {"speed_bps": 10**10},
}
HOST = {"type": "host", "id": {"uuid": "4c4c4544-0042-3510-8052-b4c04f4d3539"}, "description": {"name": "web-9"}}


def push(client: TestClient, *items: object, **parameters: Any) -> dict[str, Any]:
    body = b"\n".join(json.dumps(i).encode() for i in items)
    response = client.post(PATH, content=body, headers=LINES, params=parameters)

    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def statuses(answer: dict[str, Any]) -> list[str]:
    return [i["status"] for i in answer["items"]]


def test_items_become_cis_and_twice_changes_nothing(client: TestClient, estate: Estate) -> None:
    link = {"type": "DEPENDS_ON", "entity": {"type": "NetworkDevice", "id": SWITCH["id"]}}
    items = (SWITCH, PORT, {**HOST, "relationships": [link]})
    first, second = push(client, *items, source="inventory"), push(client, *items, source="inventory")
    ids = [i["ciId"] for i in first["items"]]
    query = (
        "query($ids: [ID!]!) {nodes(ids: $ids) {... on ConfigurationItem {name class parent {name} origins {source}}}}"
    )
    found = client.post("/graphql", json={"query": query, "variables": {"ids": ids}}).json()["data"]["nodes"]

    assert statuses(first) == ["created"] * 3
    assert [i["index"] for i in first["items"]] == [0, 1, 2]
    assert first["totals"] == {"created": 3}
    assert (first["sequence"], first["committed"]) == (3, True)
    assert [(n["name"], n["class"], (n["parent"] or {}).get("name")) for n in found] == [
        ("new-1", "NetworkDevice", None),
        ("Te1", "Interface", "new-1"),
        ("web-9", "Computer", None),
    ]
    assert statuses(second) == ["unchanged"] * 3
    assert [i["ciId"] for i in second["items"]] == ids
    assert (second["sequence"], second["committed"]) == (3, False)


def test_a_changed_item_is_updated(client: TestClient) -> None:
    push(client, SWITCH)
    answer = push(client, {**SWITCH, "description": {"name": "new-1", "model": "C9500"}})

    assert statuses(answer) == ["updated"]
    assert answer["items"][0]["changes"] == 1


def test_one_bad_item_never_stops_the_others(client: TestClient) -> None:
    body = b"\n".join(
        [json.dumps(SWITCH).encode(), b"{broken", b'"text"', b'{"type": "Spaceship"}', json.dumps(HOST).encode()]
    )
    answer = client.post(PATH, content=body, headers=LINES).json()
    reasons = [i.get("reason", {}).get("code") for i in answer["items"]]

    assert statuses(answer) == ["created", "rejected", "rejected", "rejected", "created"]
    assert reasons == [None, "NOT_JSON", "NOT_AN_OBJECT", "UNKNOWN_TYPE", None]
    assert answer["items"][3]["reason"]["path"] == "type"


def test_values_that_do_not_fit_are_warnings(client: TestClient) -> None:
    item = {**PORT, "description": {"speed_bps": "fast", "mtu": 9000, "colour": "red"}}
    found = push(client, SWITCH, item)["items"][1]

    assert found["status"] == "created"
    assert {(w["code"], w["path"]) for w in found["warnings"]} == {
        ("UNKNOWN_ATTRIBUTE", "description.colour"),
        ("NOT_TAKEN", "attributes.speed_bps"),
    }


def test_a_dry_run_tells_and_writes_nothing(client: TestClient, estate: Estate) -> None:
    answer = push(client, SWITCH, dryRun="true")

    assert statuses(answer) == ["created"]
    assert answer["dryRun"] is True
    assert [(c["kind"], c["class"]) for c in answer["changes"]] == [("CI_CREATED", "NetworkDevice")]
    assert estate.store.head().sequence == 2
    assert estate.store.resolve("new-1") == []


def test_older_words_are_ignored(client: TestClient) -> None:
    push(client, {**SWITCH, "timestamp": NOW})
    answer = push(client, {**SWITCH, "timestamp": NOW - HOUR, "description": {"name": "old"}})

    assert statuses(answer) == ["ignored"]
    assert answer["items"][0]["reason"]["code"] == "STALE"


def test_the_future_is_now(client: TestClient) -> None:
    found = push(client, {**SWITCH, "timestamp": NOW + 24 * HOUR})["items"][0]

    assert found["status"] == "created"
    assert [w["code"] for w in found["warnings"]] == ["CLAMPED"]


def test_two_words_about_one_thing_are_taken_in_order(client: TestClient) -> None:
    answer = push(client, SWITCH, {**SWITCH, "description": {"name": "new-1", "model": "C9500"}}, SWITCH)

    assert statuses(answer) == ["created", "updated", "updated"]


def test_a_thing_that_fits_several_is_a_conflict(client: TestClient) -> None:
    twins = [
        {"type": "host", "id": {"uuid": f"4c4c4544-0042-3510-8052-b4c04f4d350{n}", "name": "twin"}} for n in (1, 2)
    ]
    push(client, *twins)
    answer = push(client, {"type": "host", "id": {"name": "twin"}}, HOST)
    tasks = client.post("/graphql", json={"query": "{identityTasks {nodes {kind state cis {name}}}}"}).json()["data"]

    assert statuses(answer) == ["conflict", "created"]
    assert answer["items"][0]["reason"]["code"] == "IDENTITY"
    assert tasks["identityTasks"]["nodes"] == [{"kind": "AMBIGUOUS", "state": "OPEN", "cis": [{"name": "twin"}] * 2}]


def test_an_item_without_a_name_leaves_the_name_alone(client: TestClient) -> None:
    item = {
        "type": "NetworkDevice",
        "id": {"serial": "FOC0000CORE1", "vendor": "cisco"},
        "description": {"mac_addresses": []},
    }
    answer = push(client, item, source="manual")
    found = client.post("/graphql", json={"query": '{ci(key: "serial:cisco:FOC0000CORE1") {id name}}'}).json()["data"][
        "ci"
    ]

    assert found == {"id": answer["items"][0]["ciId"], "name": "core-1"}


@pytest.mark.parametrize("shape", ["list", "items", "one"])
def test_json_bodies(client: TestClient, shape: str) -> None:
    body: Any = {"list": [SWITCH], "items": {"items": [SWITCH]}, "one": SWITCH}[shape]
    answer = client.post(PATH, json=body).json()

    assert statuses(answer) == ["created"]


def test_packed_bodies(client: TestClient) -> None:
    body = json.dumps([SWITCH]).encode()
    packed = client.post(
        PATH, content=gzip.compress(body), headers={"content-type": "application/json", "content-encoding": "gzip"}
    )
    agent = client.post(PATH, content=zlib.compress(body), headers={"content-type": "application/x-compress-zlib"})

    assert statuses(packed.json()) == ["created"]
    assert statuses(agent.json()) == ["unchanged"]


@pytest.mark.parametrize(
    ("body", "media_type", "encoding", "status"),
    [
        (b"", "application/json", "", 400),
        (b"{", "application/json", "", 400),
        (b"1", "application/json", "", 400),
        (b"[1, 2]", "application/json", "", 400),
        (b"", "application/x-ndjson", "", 400),
        (b"{\n[", "application/x-ndjson", "", 400),
        (b"[" * 5_000, "application/json", "", 400),
        (b"{}", "text/plain", "", 415),
        (b"{}", "application/xml", "", 415),
        (b"{}", "", "", 415),
        (b"{}", "application/json", "br", 415),
        (b"{}", "application/json", "gzip", 400),
        (gzip.compress(bytes(50 * 2**20)), "application/json", "gzip", 413),
        (b"[" + b"{}," * 10_000 + b"{}]", "application/json", "", 413),
        (b"{}\n" * 10_001, "application/x-ndjson", "", 413),
    ],
)
def test_bodies_that_are_refused(client: TestClient, body: bytes, media_type: str, encoding: str, status: int) -> None:
    headers = {"content-type": media_type, **({"content-encoding": encoding} if encoding else {})}
    response = client.post(PATH, content=body, headers=headers)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in response.text


def test_an_empty_list_is_no_mistake(client: TestClient) -> None:
    assert client.post(PATH, json=[]).json()["items"] == []


def test_items_too_large_or_too_deep_are_rejected_alone(client: TestClient) -> None:
    deep: Any = "x"
    for _ in range(70):
        deep = [deep]
    large = {**HOST, "description": {"name": "x" * 2**20}}
    for answer in (
        push(client, SWITCH, large, {**HOST, "x": deep}),
        client.post(PATH, json=[SWITCH, large, {**HOST, "x": deep}]).json(),
    ):
        codes = [i.get("reason", {}).get("code") for i in answer["items"]]

        assert codes == [None, "ITEM_TOO_LARGE", "TOO_DEEP"]


def test_limits_are_settings(estate: Estate) -> None:
    services = estate.services(ingest_limits=IngestLimits(compressed_bytes=50, decompressed_bytes=500, items=2))
    with TestClient(create_app(services), base_url="http://localhost") as client:
        many = client.post(PATH, json=[{}] * 3)
        large = client.post(PATH, json=[{"a": "x" * 500}])
        packed = client.post(
            PATH,
            content=gzip.compress(bytes(range(256))),
            headers={"content-type": "application/json", "content-encoding": "gzip"},
        )

        assert (many.status_code, many.json()["limit"]) == (413, "items")
        assert large.status_code == packed.status_code == 413


def test_idempotency_keys(client: TestClient, estate: Estate) -> None:
    headers = {"idempotency-key": "k-1"}
    first = client.post(PATH, json=[SWITCH], headers=headers)
    again = client.post(PATH, json=[SWITCH], headers=headers)
    other = client.post(PATH, json=[HOST], headers=headers)

    assert statuses(first.json()) == statuses(again.json()) == ["created"]
    assert other.status_code == 422
    assert client.post(PATH, json=[SWITCH], headers={"idempotency-key": "x" * 300}).status_code == 400
    assert estate.store.head().sequence == 3


@pytest.mark.parametrize("query", ["source=UPPER", "source=", "source=a/b", "dryRun=maybe"])
def test_bad_parameters_are_400(client: TestClient, query: str) -> None:
    assert client.post(f"{PATH}?{query}", json=[SWITCH]).status_code == 400
