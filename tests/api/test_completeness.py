"""Completeness over GraphQL: of one CI, of those that lack something, page by page, in few queries."""

from __future__ import annotations

import pytest

from cmdb_graphql.context import Estate as ReadEstate
from cmdb_graphql.execute import Executor
from tests.api.estate import NOW, Counting, Estate, data, error

PAGE = (
    "query($first: Int!, $after: String) {incompleteCis(first: $first, after: $after)"
    " {nodes {id completeness {missing}} pageInfo {hasNextPage endCursor}}}"
)


@pytest.fixture
def executor(estate: Estate) -> Executor:
    """One whose clock is that of the estate: a status grows old."""
    return Executor(ReadEstate(estate.store, estate.model, estate.topology, estate.catch_up, clock_ms=lambda: NOW))


def test_one_ci(executor: Executor) -> None:
    asked = '{ci(key: "web-1") {completeness {score missing answers {item state text source lastSeen}}}}'
    found = data(executor, asked)["ci"]["completeness"]
    answers = {a["item"]: a for a in found["answers"]}

    assert found["missing"] == ["VERSION", "LOCATION"]
    assert found["score"] == round(4 / 6, 4)
    assert answers["SERVICES"] | {"source": None, "lastSeen": None} == answers["SERVICES"]
    assert answers["SERVICES"]["text"] == "shop"
    assert (answers["STATUS"]["state"], answers["STATUS"]["source"]) == ("PRESENT", "ssh")
    assert answers["PROBLEMS"]["state"] == "NOT_APPLICABLE"


def test_those_that_lack_an_item(executor: Executor) -> None:
    asked = "{incompleteCis(missing: [VERSION], filter: {class: [Computer, NetworkDevice]}) {nodes {name}}}"
    services = "{incompleteCis(missing: [SERVICES], filter: {class: [Computer]}) {nodes {name}}}"

    assert [n["name"] for n in data(executor, asked)["incompleteCis"]["nodes"]] == ["web-1", "web-2"]
    assert data(executor, services)["incompleteCis"]["nodes"] == []


def test_pages_join_to_the_whole(executor: Executor) -> None:
    whole = data(executor, PAGE, first=200)["incompleteCis"]
    joined, after = list[object](), None
    while True:
        page = data(executor, PAGE, first=2, after=after)["incompleteCis"]
        joined += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert len(whole["nodes"]) > 4
    assert joined == whole["nodes"]
    assert whole["pageInfo"] == {"hasNextPage": False, "endCursor": None}


def test_few_queries(estate: Estate) -> None:
    counting = Counting(estate.store)
    executor = Executor(ReadEstate(counting, estate.model, estate.topology, estate.catch_up))  # type: ignore[arg-type] # it passes all on
    data(executor, PAGE, first=1)
    few = len(counting.calls)
    counting.calls.clear()
    data(executor, PAGE, first=200)

    assert len(counting.calls) == few


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [("missing: []", "missing"), ("first: 0", "first"), ("filter: {name: {}}", "filter.name")],
)
def test_what_makes_no_sense_names_its_argument(arguments: str, argument: str, executor: Executor) -> None:
    found = error(executor, f"{{incompleteCis({arguments}) {{nodes {{id}}}}}}")

    assert found["extensions"] == {"code": "BAD_INPUT", "argument": argument}
