"""Audits, findings, plans and reviews over GraphQL: whole, filtered, page by page."""

from __future__ import annotations

import pytest

from cmdb_graphql.context import Estate as ReadEstate
from cmdb_graphql.execute import Executor
from tests.api.estate import NOW, Counting, Estate, data, error

DAY = 86_400_000


@pytest.fixture
def estate(estate: Estate) -> Estate:
    """The estate with an audit, a finding and a review."""
    estate.audit()
    return estate


@pytest.fixture
def executor(estate: Estate) -> Executor:
    return Executor(
        ReadEstate(estate.store, estate.model, estate.topology, estate.catch_up, clock_ms=lambda: NOW + 31 * DAY)
    )


def test_an_audit_by_number_and_id(executor: Executor) -> None:
    asked = (
        "query($n: String, $id: ID) {record(number: $n, id: $id) {id number type state open assignee"
        " ... on Audit {plan seed population sample {name} results {different right accuracy lacking {item cis}}"
        " guards {name holds} transitions {state actor}}}}"
    )
    found = data(executor, asked, n="aud-1")["record"]

    assert data(executor, asked, id=found["id"])["record"] == found
    assert (found["type"], found["state"], found["open"], found["assignee"]) == ("AUDIT", "REPORTED", True, "ann")
    assert (found["plan"], found["seed"], found["population"], len(found["sample"])) == ("PLN-1", "7", 2, 1)
    assert found["results"]["different"] == 1
    assert {"item": "LOCATION", "cis": 1} in found["results"]["lacking"]
    assert found["guards"] == [{"name": "independent", "holds": True}]
    assert [t["state"] for t in found["transitions"]] == ["PLANNED", "RUNNING", "REPORTED"]
    assert data(executor, asked, n="AUD-9")["record"] is None
    assert error(executor, asked)["extensions"] == {"code": "BAD_INPUT", "argument": "id"}


def test_a_finding_and_its_ci(executor: Executor, estate: Estate) -> None:
    asked = (
        "{records(filter: {types: [FINDING]}) {totalCount nodes {id title assignee"
        " ... on Finding {verdict grade overdue audit ci {name item {class}} "
        "differences {what expected found} cause evidence}}}}"
    )
    page = data(executor, asked)["records"]
    (found,) = page["nodes"]

    assert page["totalCount"] == 1
    assert (found["verdict"], found["grade"], found["overdue"], found["assignee"]) == (
        "DIFFERENT",
        "MAJOR",
        True,
        "otto",
    )
    assert found["differences"] == [{"what": "model", "expected": "C9300", "found": "C9200"}]
    assert found["ci"]["item"] == {"class": "NetworkDevice"}
    assert found["title"] == f"{found['ci']['name']}: model not as recorded"
    assert (found["cause"], found["evidence"]) == (None, None)
    node = data(executor, "query($id: ID!) {node(id: $id) {... on Finding {audit}}}", id=found["id"])["node"]
    assert node == {"audit": "AUD-1"}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("", ["AUD-1", "FND-1"]),
        ("types: [AUDIT]", ["AUD-1"]),
        ("types: [CHANGE]", []),
        ("states: [CLOSED]", []),
        ("states: [REPORTED, OPEN]", ["AUD-1", "FND-1"]),
        ('assignee: "otto"', ["FND-1"]),
    ],
)
def test_filters(where: str, expected: list[str], executor: Executor) -> None:
    found = data(executor, f"{{records(filter: {{{where}}}) {{nodes {{number}}}}}}")

    assert sorted(n["number"] for n in found["records"]["nodes"]) == expected


def test_of_a_ci(executor: Executor, estate: Estate) -> None:
    (finding,) = estate.store.records(kinds=["finding"])
    asked = "query($ids: [ID!]) {records(filter: {cis: $ids}) {nodes {number}}}"

    assert len(data(executor, asked, ids=[finding.about[0]])["records"]["nodes"]) == 2
    assert data(executor, asked, ids=["nobody"])["records"]["nodes"] == []
    assert error(executor, asked, ids=[])["extensions"]["argument"] == "filter.cis"


def test_pages_join_to_the_whole(executor: Executor) -> None:
    asked = "query($a: String) {records(first: 1, after: $a) {nodes {number} pageInfo {hasNextPage endCursor}}}"
    first = data(executor, asked)["records"]
    second = data(executor, asked, a=first["pageInfo"]["endCursor"])["records"]

    assert {n["number"] for page in (first, second) for n in page["nodes"]} == {"AUD-1", "FND-1"}
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]) == (True, {"hasNextPage": False, "endCursor": None})
    for wrong in ("x", "1", "999999999999999999999:a"):
        assert error(executor, asked, a=wrong)["extensions"] == {"code": "BAD_INPUT", "argument": "after"}


def test_plans_and_reviews(executor: Executor) -> None:
    (plan,) = data(executor, "{auditPlans {number name classes namePrefix sampleSize overdue}}")["auditPlans"]
    (review,) = data(executor, "{reviews {number state author reason editCount edits {class attribute}}}")["reviews"]

    assert plan == {
        "number": "PLN-1",
        "name": "access switches",
        "classes": ["NetworkDevice"],
        "namePrefix": "access",
        "sampleSize": 1,
        "overdue": False,
    }
    assert (review["number"], review["state"], review["author"], review["reason"]) == (
        "REV-1",
        "WAITING",
        "otto",
        "a second sheet",
    )
    assert {e["attribute"] for e in review["edits"]} == {"", "name", "model", "os_version"}
    assert data(executor, "{reviews(states: [REJECTED]) {number}}")["reviews"] == []


def test_few_queries(estate: Estate) -> None:
    asked = "query($n: Int!) {records(first: $n) {nodes {number ... on Finding {ci {item {name}}}}}}"
    counting = Counting(estate.store)
    executor = Executor(ReadEstate(counting, estate.model, estate.topology, estate.catch_up))  # type: ignore[arg-type] # it passes all on
    data(executor, asked, n=1)
    few = len(counting.calls)
    counting.calls.clear()
    data(executor, asked, n=200)

    assert len(counting.calls) <= few + 1
