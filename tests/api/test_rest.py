"""HTTP: what is refused, how health is told, and that nothing but problems comes out of bad input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from cmdb.entrypoints.rest import create_app
from cmdb.errors import Unreachable
from cmdb_graphql.guard import Limits
from cmdb_graphql.schema import sdl
from tests.api.estate import Counting, Estate

JSON = {"content-type": "application/json"}


def ask(client: TestClient, query: str, **variables: Any) -> Any:
    return client.post("/graphql", json={"query": query, "variables": variables}).json()


def test_a_question_is_answered(client: TestClient) -> None:
    response = client.post("/graphql", json={"query": '{ci(key: "core-1") {name}}'})

    assert response.status_code == 200
    assert response.json() == {
        "data": {"ci": {"name": "core-1"}},
        "extensions": {"cost": {"requested": 1, "actual": 1, "limit": 20_000}},
    }
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"1", b"null", b"[]", b'"x"', b"{", b"NaN", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000),
        *(b"{}", b'{"query": 1}', b'{"query": ""}', b'[{"query": "{limits{cost}}"}]'),
        b'{"query": "{limits{cost}}", "variables": [1]}',
        b'{"query": "{limits{cost}}", "operationName": 7}',
    ],
)
def test_bodies_that_are_no_question_are_400(client: TestClient, body: bytes) -> None:
    response = client.post("/graphql", content=body, headers=JSON)

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in response.text


def test_a_body_of_300_kib_is_413(client: TestClient) -> None:
    response = client.post("/graphql", json={"query": "{limits{cost}}" + " " * 300 * 1024})

    assert response.status_code == 413
    assert response.json()["limit"] == "bodyBytes"


def test_a_large_body_that_hides_its_length_is_413(client: TestClient) -> None:
    response = client.post("/graphql", content=(b" " * 10_000 for _ in range(40)), headers=JSON)

    assert response.status_code == 413


@pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", ""])
def test_other_media_types_are_415(client: TestClient, media_type: str) -> None:
    response = client.post("/graphql", content=b'{"query":"{limits{cost}}"}', headers={"content-type": media_type})

    assert response.status_code == 415


def test_the_newer_media_type_tells_errors_by_status(client: TestClient) -> None:
    headers = {"accept": "application/graphql-response+json"}
    bad = client.post("/graphql", json={"query": "{foo}"}, headers=headers)
    good = client.post("/graphql", json={"query": "{limits{cost}}"}, headers=headers)

    assert (bad.status_code, good.status_code) == (400, 200)
    assert bad.headers["content-type"] == "application/graphql-response+json"
    assert client.post("/graphql", json={"query": "{foo}"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""])
def test_unknown_hosts_are_421(client: TestClient, host: str) -> None:
    for path in ("/livez", "/graphql", "/api/v1/ingest/native"):
        assert client.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_our_hosts_are_served(client: TestClient, host: str) -> None:
    assert client.get("/livez", headers={"host": host}).status_code == 200


def test_other_sites_are_403(client: TestClient) -> None:
    body = {"query": "{limits{cost}}"}

    assert client.post("/graphql", json=body, headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post("/graphql", json=body, headers={"origin": "null"}).status_code == 403
    assert client.post("/graphql", json=body, headers={"origin": "http://127.0.0.1:8000"}).status_code == 200


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    assert (client.get("/nothing").status_code, client.get("/nothing").json()["status"]) == (404, 404)
    assert client.get("/graphql").status_code == 405
    assert client.get("/graphql").headers["allow"] == "POST"
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


def test_the_schema_is_published(client: TestClient) -> None:
    assert client.get("/schema.graphql").text == sdl()


def test_health(client: TestClient) -> None:
    assert client.get("/livez").text == "ok\n"
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (200, "ready\n")
    assert client.get("/readyz?verbose").text == "ok  store\nok  migrations\nok  topology\nready\n"


def test_not_ready_says_why(estate: Estate) -> None:
    def away(name: str) -> None:
        raise Unreachable("the store does not answer; start it")

    store: Any = Counting(estate.store, away)
    services = estate.services()
    for broken, reason in (
        ({"store": store}, "not store: the store does not answer"),
        ({"migrated": lambda: False}, "not migrations"),
    ):
        with TestClient(
            create_app(type(services)(**{**vars(services), **broken})), base_url="http://localhost"
        ) as client:
            response = client.get("/readyz?verbose")

            assert response.status_code == 503
            assert reason in response.text
            assert client.get("/livez").status_code == 200


def test_a_store_that_is_away_is_unavailable(estate: Estate) -> None:
    def away(name: str) -> None:
        raise Unreachable("the store does not answer; start it")

    store: Any = Counting(estate.store, away)
    services = estate.services()
    app = create_app(type(services)(**{**vars(services), "store": store}))
    with TestClient(app, base_url="http://localhost") as client:
        answer = ask(client, "{cis {nodes {id}}}")
        push = client.post("/api/v1/ingest/native", json={"type": "host", "id": {"name": "x"}})

        assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert answer["errors"][0]["message"] == "the store does not answer; start it"
        assert (push.status_code, push.headers["retry-after"]) == (503, "5")


def test_metrics(client: TestClient) -> None:
    ask(client, "{cis {nodes {id}}}")
    ask(client, "{foo}")
    client.get("/nothing")
    text = client.get("/metrics").text

    assert 'cmdb_http_requests_total{route="/graphql",status="200"} 2.0' in text
    assert 'cmdb_graphql_errors_total{code="BAD_INPUT"} 1.0' in text
    assert "cmdb_ledger_sequence 2.0" in text
    assert "cmdb_topology_sequence 2.0" in text
    assert "cmdb_store_up 1.0" in text


def test_limits_are_settings(estate: Estate) -> None:
    with TestClient(
        create_app(estate.services(limits=Limits(cost=10, aliases=1))), base_url="http://localhost"
    ) as client:
        answer = ask(client, "{cis(first: 11) {nodes {id}}}")

        assert answer["errors"][0]["extensions"]["maximum"] == 10
        assert ask(client, "{limits {cost aliases}}")["data"]["limits"] == {"cost": 10, "aliases": 1}


def test_a_surrogate_in_an_answer_or_question_is_no_defect(client: TestClient) -> None:
    response = client.post(
        "/graphql", content=json.dumps({"query": '{ci(key: "\\ud800") {id}}'}).encode(), headers=JSON
    )

    assert response.status_code in (200, 400)
    assert "INTERNAL" not in response.text
