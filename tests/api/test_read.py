"""Finding CIs: by key, by filter, page by page; what makes no sense names its argument."""

from __future__ import annotations

import pytest

from cmdb_graphql.execute import Executor
from tests.api.estate import Estate, data, error

CORE = "serial:cisco:FOC0000CORE1"


def names(executor: Executor, where: str, rest: str = "") -> list[str]:
    found = data(executor, f"{{cis(filter: {{{where}}}{rest}) {{nodes {{name}}}}}}")
    return [n["name"] for n in found["cis"]["nodes"]]


def test_a_ci_by_id_identifier_and_name(executor: Executor, estate: Estate) -> None:
    asked = "id name class ... on Device {serialNumber roles rootOf}"
    text = f"query($id: ID, $key: String) {{ci(id: $id, key: $key) {{{asked}}}}}"
    by_key = data(executor, text, key=CORE)["ci"]

    assert by_key == {
        "id": estate.id_of(CORE),
        "name": "core-1",
        "class": "NetworkDevice",
        "serialNumber": "FOC0000CORE1",
        "roles": ["switch"],
        "rootOf": ["lan"],
    }
    assert data(executor, text, id=by_key["id"])["ci"] == by_key
    assert data(executor, text, key="CORE-1")["ci"] == by_key
    assert data(executor, text, key="no such thing")["ci"] is None
    assert data(executor, text, id="no-such-id")["ci"] is None


def test_exactly_one_of_id_and_key(executor: Executor) -> None:
    for arguments in ("", '(id: "a", key: "b")'):
        found = error(executor, f"{{ci{arguments} {{id}}}}")

        assert found["extensions"] == {"code": "BAD_INPUT", "argument": "key"}


def test_an_ambiguous_key_lists_its_candidates(executor: Executor) -> None:
    found = error(executor, '{ci(key: "nginx") {id}}')

    assert found["extensions"]["code"] == "AMBIGUOUS_KEY"
    assert [(c["class"], c["name"]) for c in found["extensions"]["candidates"]] == [("SoftwareInstance", "nginx")] * 2


def test_seeds_that_nobody_knows_or_too_many_are_called_so(executor: Executor) -> None:
    ambiguous = error(executor, '{impact(input: {seeds: [{key: "core-1"}, {key: "nginx"}]}) {sequence}}')
    unknown = error(executor, '{impact(input: {seeds: [{key: "core-1"}, {key: "nobody"}]}) {sequence}}')
    no_id = error(executor, '{impact(input: {seeds: [{ci: "01JD0000000000000000000000"}]}) {sequence}}')

    assert ambiguous["extensions"]["code"] == "AMBIGUOUS_KEY"
    assert len(ambiguous["extensions"]["candidates"]) == 2
    assert unknown["extensions"] == {"code": "BAD_INPUT", "argument": "input.seeds[1].key"}
    assert no_id["extensions"] == {"code": "BAD_INPUT", "argument": "input.seeds[0].ci"}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("class: [NetworkDevice]", ["access-1", "access-2", "core-1", "core-2"]),
        ('class: [NetworkDevice], name: {startsWith: "CORE"}', ["core-1", "core-2"]),
        ('name: {contains: "ore-"}', ["core-1", "core-2"]),
        ('name: {in: ["core-1", "shop", "nobody"]}', ["core-1", "shop"]),
        ('identifier: {eq: "service:shop"}', ["shop"]),
        ('class: [NetworkDevice], attributes: [{name: "os_version", string: {eq: "15.2(8)e"}}]', ["core-1"]),
        ('attributes: [{name: "speed_bps", number: {gte: 10000000000}}]', ["Te1", "Te1", "Te2", "Te2"]),
        ('class: [NetworkDevice], attributes: [{name: "root_of", known: true}]', ["core-1", "core-2"]),
        ('class: [NetworkDevice], not: {name: {startsWith: "core"}}', ["access-1", "access-2"]),
        ('or: [{name: {eq: "shop"}}, {and: [{name: {eq: "dc-1"}}, {class: [Location]}]}]', ["dc-1", "shop"]),
        ("status: [RETIRED]", []),
        ('class: [NetworkDevice], source: "manual"', ["core-1"]),
        ('class: [NetworkDevice], target: "access-1"', ["access-1"]),
        ('firstSeen: {lt: "2001-01-01T00:00:00Z"}', []),
    ],
)
def test_filters(executor: Executor, where: str, expected: list[str]) -> None:
    assert names(executor, where) == expected


def test_related_to(executor: Executor, estate: Estate) -> None:
    related = f'relatedTo: {{ci: "{estate.id_of(CORE)}", types: [CONTAINS], direction: OUT}}'

    assert names(executor, related) == ["Te1", "Te2"]


def test_internal_classes_are_no_cis(executor: Executor) -> None:
    everything = names(executor, "", ", first: 200")

    assert "power" not in everything
    assert "shop" in everything


@pytest.mark.parametrize(
    ("where", "argument"),
    [
        ("class: []", "filter.class"),
        ("or: []", "filter.or"),
        ("name: {}", "filter.name"),
        ('attributes: [{name: "smell", known: true}]', "filter.attributes[0].name"),
        ('attributes: [{name: "model"}]', "filter.attributes[0]"),
        ('attributes: [{name: "model", known: true, string: {eq: "a"}}]', "filter.attributes[0]"),
        ("not: {not: {not: {not: {class: [Service]}}}}", "filter.not.not.not.not"),
        ("id: {in: []}", "filter.id.in"),
        ('relatedTo: {ci: "x", types: []}', "filter.relatedTo.types"),
    ],
)
def test_filters_that_make_no_sense_name_the_argument(executor: Executor, where: str, argument: str) -> None:
    found = error(executor, f"{{cis(filter: {{{where}}}) {{nodes {{id}}}}}}")

    assert found["extensions"] == {"code": "BAD_INPUT", "argument": argument}


@pytest.mark.parametrize(
    "rest", ["first: 0", "first: 201", "first: -5", 'after: "garbage"', "orderBy: [{by: NAME}, {by: NAME}]"]
)
def test_pages_that_make_no_sense_are_bad_input(executor: Executor, rest: str) -> None:
    assert error(executor, f"{{cis({rest}) {{nodes {{id}}}}}}")["extensions"]["code"] == "BAD_INPUT"


@pytest.mark.parametrize(
    "order", ["[]", "[{by: NAME, descending: true}]", "[{by: CLASS}, {by: NAME}]", "[{by: FIRST_SEEN}]"]
)
def test_pages_add_up_to_the_whole(executor: Executor, order: str) -> None:
    arguments = f"orderBy: {order}, first: $first, after: $after"
    asked = "nodes {id} pageInfo {hasNextPage endCursor} totalCount"
    text = f"query($after: String, $first: Int!) {{cis({arguments}) {{{asked}}}}}"
    whole = data(executor, text, first=200)["cis"]
    got: list[str] = []
    cursor, more = None, True
    while more:
        page = data(executor, text, first=4, after=cursor)["cis"]
        got += [n["id"] for n in page["nodes"]]
        cursor, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    assert got == [n["id"] for n in whole["nodes"]]
    assert len(got) == len(set(got)) == whole["totalCount"] > 8
