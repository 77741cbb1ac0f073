"""Random requests, good and bad: never a 5xx, never an answer that the published description does not allow.

FUZZ_EXAMPLES sets how many requests each door gets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from cmdb.entrypoints.openapi import document
from cmdb.entrypoints.rest import create_app
from tests.api.estate import Estate
from tests.unit.push_payloads import alert, notification

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
fuzzing = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    database=None,
)


@pytest.fixture
def app(estate: Estate) -> Iterator[FastAPI]:
    made = create_app(estate.services(hosts=frozenset(("testserver",))))
    with TestClient(made) as client:
        client.post("/api/v1/ingest/alertmanager", json=notification(alert("nobody")))
        yield made


OPERATIONS = sorted((path, method) for path, methods in document()["paths"].items() for method in methods)


def test_every_route_is_described(app: FastAPI) -> None:
    served = {(m, r.path) for r in app.routes for m in r.methods - {"HEAD"}}  # type: ignore[attr-defined]

    assert served == {(method.upper(), path) for path, method in OPERATIONS}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_rest(app: FastAPI, path: str, method: str) -> None:
    operation = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)[path][method]
    cases = operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    sent = 0

    @fuzzing
    @given(case=cases)
    def send(case: Any) -> None:
        nonlocal sent
        sent += 1
        case.call_and_validate(checks=CHECKS)

    send()

    assert sent > 0


def test_graphql(app: FastAPI) -> None:
    schema = schemathesis.graphql.from_asgi("/graphql", app)
    sent = 0

    @fuzzing
    @given(case=schema.as_strategy())
    def send(case: Any) -> None:
        nonlocal sent
        sent += 1
        answer = case.call()
        codes = [e["extensions"]["code"] for e in answer.json().get("errors", ())]

        assert answer.status_code < 500
        assert not {"INTERNAL", "UNAVAILABLE"} & set(codes), answer.text

    send()

    assert sent > 0
