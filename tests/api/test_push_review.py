"""What is pushed over REST and must be reviewed waits as a record, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from cmdb.entrypoints.rest import create_app
from cmdb.ingest import Ingest
from cmdb.service.control import Control, role_of
from cmdb.service.policy import ControlPolicy
from tests.api.estate import NOW, REVIEW_ALL, Estate

ITEM = {"type": "Service", "id": {"service": "mail"}, "description": {"name": "mail", "criticality": 2}}


def app_of(estate: Estate, level: str, edit: list[str]) -> TestClient:
    policy = ControlPolicy(
        estate.model,
        frozenset(("manual",)),
        frozenset(("administrator",)),
        {**REVIEW_ALL, "level": level, "edit": edit},
        {},
    )
    control = Control(estate.store, policy, role_of({"ann": "administrator"}), lambda: NOW)
    estate.ingest = Ingest(estate.store, estate.model, lambda: NOW, estate.ingest.new_id, control=control)
    return TestClient(create_app(estate.services()), base_url="http://127.0.0.1:8000")


@pytest.fixture
def reviewed(estate: Estate) -> Iterator[TestClient]:
    with app_of(estate, "review", ["feeder"]) as made:
        yield made


def test_a_pushed_item_waits_once(reviewed: TestClient, estate: Estate) -> None:
    first = reviewed.post("/api/v1/ingest/native?source=manual", json=[ITEM]).json()
    again = reviewed.post("/api/v1/ingest/native?source=manual", json=[ITEM]).json()
    (result,) = first["items"]
    (record,) = estate.store.records(kinds=["review"])

    assert (result["status"], result["reason"]["code"], result["reviewId"]) == ("quarantined", "REVIEW", record.id)
    assert result["reason"]["message"] == "waits as REV-1 until another person approves it"
    assert again["items"][0]["reviewId"] == record.id
    assert (first["committed"], again["committed"]) == (True, False)
    assert estate.store.quarantine_total() == 0
    assert estate.store.resolve("service:mail") == []


def test_other_sources_go_through(reviewed: TestClient, estate: Estate) -> None:
    done = reviewed.post("/api/v1/ingest/native?source=inventory", json=[ITEM]).json()

    assert done["items"][0]["status"] == "created"
    assert estate.store.records(kinds=["review"]) == []


def test_what_the_role_does_not_allow_is_rejected(estate: Estate) -> None:
    with app_of(estate, "automatic", ["administrator"]) as client:
        done = client.post("/api/v1/ingest/native?source=manual", json=[ITEM]).json()
    (result,) = done["items"]

    assert (result["status"], result["reason"]["code"]) == ("rejected", "NOT_ALLOWED")
    assert "push:manual is feeder" in result["reason"]["message"]
    assert estate.store.resolve("service:mail") == []
