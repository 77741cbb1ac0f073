"""History, differences and baselines over GraphQL."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.baselines import Wanted, take_baseline
from cmdb.observation import Identifier, Observation, Report
from cmdb.scope import Scope
from cmdb.store.protocol import Condition, Filter
from cmdb_graphql.execute import Executor
from tests.api.estate import NOW, Estate, data, error

FACT = "sequence at kind source actor ci { id name } attribute before after relationshipType other { name }"
CORE = "serial:cisco:FOC0000CORE1"


def rename(estate: Estate, name: str, minutes: int) -> None:
    said = Observation("NetworkDevice", CORE, {"name": name, "os_version": "15.2(8)E"}, (Identifier(CORE),))
    estate.ingest.run([Report("manual", "inventory", NOW + minutes * 60_000, (said,))], "kim", "correction")
    estate.catch_up()


def test_the_history_of_a_ci_in_pages_is_its_whole_history(executor: Executor, estate: Estate) -> None:
    rename(estate, "core-one", 1)
    rename(estate, "core-uno", 2)
    query = f"""query ($key: String!, $first: Int!, $after: String, $only: [String!]) {{ ci(key: $key) {{
        history(first: $first, after: $after, attributes: $only) {{
            nodes {{ {FACT} observedAt }} pageInfo {{ hasNextPage endCursor }} totalCount }} }} }}"""
    whole = data(executor, query, key=CORE, first=200)["ci"]["history"]
    pages, after = [], None
    while True:
        page = data(executor, query, key=CORE, first=2, after=after)["ci"]["history"]
        pages += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    names = data(executor, query, key=CORE, first=200, only=["name"])["ci"]["history"]["nodes"]

    assert pages == whole["nodes"]
    assert whole["totalCount"] == len(pages)
    assert pages[-1]["sequence"] == 1
    assert {n["kind"] for n in pages if n["sequence"] == 1} == {
        "CI_CREATED",
        "RELATIONSHIP_CREATED",
        "REQUIREMENT_CHANGED",
    }
    assert [(n["before"], n["after"], n["actor"], n["source"]) for n in names] == [
        ("core-one", "core-uno", "kim", "manual"),
        ("core-1", "core-one", "kim", "manual"),
    ]
    assert names[0]["observedAt"] == "2025-11-24T16:02:00.000Z"


def test_the_history_of_a_ci_of_the_past_ends_there(executor: Executor, estate: Estate) -> None:
    rename(estate, "core-one", 1)
    query = "query ($k: String!, $s: Int) { ci(key: $k, sequence: $s) { history { nodes { sequence } } } }"
    answers = {s: data(executor, query, k=CORE, s=s)["ci"]["history"]["nodes"] for s in (1, 2, 3, None)}
    found = {s: {n["sequence"] for n in nodes} for s, nodes in answers.items()}

    assert found == {1: {1}, 2: {1, 2}, 3: {1, 2, 3}, None: {1, 2, 3}}


def test_the_history_of_everything_is_filtered(executor: Executor, estate: Estate) -> None:
    rename(estate, "core-one", 1)
    query = (
        f"query ($filter: HistoryFilter) {{ history(filter: $filter, first: 200) {{ nodes {{ {FACT} }} totalCount }} }}"
    )

    def ask(**given: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = data(executor, query, filter=given)["history"]["nodes"]
        return found

    every = data(executor, query)["history"]
    core, room = estate.id_of(CORE), estate.id_of("location:dc-1")
    inside = {core, estate.id_of("serial:cisco:FOC0000CORE2"), room}

    assert every["totalCount"] == len(every["nodes"]) > 30
    assert ask(actor="kim") == [n for n in every["nodes"] if n["actor"] == "kim"] != []
    assert ask(source="ssh") == [n for n in every["nodes"] if n["source"] == "ssh"] != []
    assert ask(kinds=["ATTRIBUTE_CHANGED"]) == [n for n in every["nodes"] if n["kind"] == "ATTRIBUTE_CHANGED"] != []
    assert ask(attributes=["model"]) == [n for n in every["nodes"] if n["attribute"] == "model"] != []
    assert {n["ci"]["name"] for n in ask(classes=["Computer"])} == {"web-1", "web-2"}
    assert {n["sequence"] for n in ask(at={"gte": "2025-11-24T16:00:00.001Z"})} == {2, 3}
    parts = ask(cis=[core], kinds=["CI_CREATED"])
    assert {n["ci"]["name"] for n in parts} == {"core-one", "Te1", "Te2"}
    located = ask(within=room, kinds=["CI_CREATED"])
    assert inside < {n["ci"]["id"] for n in located}
    assert {n["ci"]["name"] for n in located} == {"dc-1", "core-one", "core-2", "Te1", "Te2"}
    assert ask(cis=["01K00000000000000000000ZZZ"]) == []


def test_a_commit_tells_all_that_it_wrote(executor: Executor, estate: Estate) -> None:
    query = f"""query ($after: String) {{ commit(sequence: 1) {{ size changes(first: 7, after: $after) {{
        nodes {{ {FACT} }} pageInfo {{ endCursor }} }} }} }}"""
    nodes, after = [], None
    while True:
        answer = data(executor, query, after=after)["commit"]
        nodes += answer["changes"]["nodes"]
        after = answer["changes"]["pageInfo"]["endCursor"]
        if after is None:
            break

    assert len(nodes) == answer["size"]
    assert {n["sequence"] for n in nodes} == {1}


def test_differences_come_by_name_in_pages_with_counts(executor: Executor, estate: Estate) -> None:
    rename(estate, "core-one", 1)
    query = f"""query ($input: DiffInput!, $first: Int!, $after: String) {{ diff(input: $input) {{
        fromSequence toSequence counts {{ created changed ended }}
        changes(first: $first, after: $after) {{ nodes {{ {FACT} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"""
    whole = data(executor, query, input={"from": {"sequence": 0}}, first=200)["diff"]
    nodes, after = [], None
    while True:
        page = data(executor, query, input={"from": {"sequence": 0}}, first=9, after=after)["diff"]["changes"]
        nodes += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if after is None:
            break
    lately = data(executor, query, input={"from": {"sequence": 2}, "to": {"asOf": "2025-11-24T17:00:00Z"}}, first=9)

    assert nodes == whole["changes"]["nodes"]
    names = [n["ci"]["name"].lower() for n in nodes]
    assert names == sorted(names)
    assert (whole["fromSequence"], whole["toSequence"]) == (0, 3)
    assert whole["counts"]["created"] == len({n["ci"]["id"] for n in nodes if n["kind"] == "CI_CREATED"}) > 10
    assert [(n["attribute"], n["before"], n["after"]) for n in lately["diff"]["changes"]["nodes"]] == [
        ("model", "C9500", "C9300"),
        ("name", "core-1", "core-one"),
    ]
    assert lately["diff"]["counts"] == {"created": 0, "changed": 1, "ended": 0}


def test_the_scope_of_a_baseline_applies(executor: Executor, estate: Estate) -> None:
    computers = Scope(Filter((Condition("class", "in", ["Computer"]),)), text="{class: [Computer]}")
    taken = take_baseline(estate.ingest, Wanted("hosts", "audit", estate.store.moment(sequence=0), computers), "kim")
    assert taken.baseline is not None
    query = "query ($id: ID!) { diff(input: {from: {baseline: $id}}) { changes { nodes { kind ci { name } } } } }"
    found = data(executor, query, id=taken.baseline.id)["diff"]["changes"]["nodes"]
    listed = data(executor, "{ baselines { nodes { id name scope createdBy reason sequence } totalCount } }")[
        "baselines"
    ]
    node = data(executor, "query ($id: ID!) { node(id: $id) { id ... on Baseline { name } } }", id=taken.baseline.id)

    assert {(n["kind"], n["ci"]["name"]) for n in found if n["kind"] == "CI_CREATED"} == {
        ("CI_CREATED", "web-1"),
        ("CI_CREATED", "web-2"),
    }
    assert listed["nodes"] == [
        {"id": taken.baseline.id, "name": "hosts", "scope": "{class: [Computer]}", "createdBy": "kim",
         "reason": "audit", "sequence": 0},
    ]  # fmt: skip
    assert node["node"] == {"id": taken.baseline.id, "name": "hosts"}


@pytest.mark.parametrize(
    ("query", "argument"),
    [
        ('{ diff(input: {from: {baseline: "nothing"}}) { fromSequence } }', "input.from.baseline"),
        ("{ diff(input: {from: {sequence: 2}, to: {sequence: 1}}) { fromSequence } }", "input.from"),
        ('{ ci(key: "core-1") { history(attributes: ["smell"]) { totalCount } } }', "attributes"),
        ('{ history(filter: {attributes: ["smell"]}) { totalCount } }', "attributes"),
        ("{ history(filter: {kinds: []}) { totalCount } }", "filter.kinds"),
        (
            '{ history(filter: {at: {gte: "2025-12-02T00:00:00Z", lt: "2025-12-01T00:00:00Z"}}) { totalCount } }',
            "filter.at",
        ),
        ("{ cis(first: 20) { nodes { history { totalCount } } } }", "first"),
    ],
)
def test_bad_input_names_its_argument(executor: Executor, query: str, argument: str) -> None:
    found = error(executor, query)

    assert found["extensions"] == {"code": "BAD_INPUT", "argument": argument}


@pytest.mark.parametrize(
    "query",
    [
        "{ diff(input: {from: {sequence: 99}}) { fromSequence } }",
        '{ diff(input: {from: {asOf: "9999-01-01T00:00:00Z"}}) { fromSequence } }',
        "{ diff(input: {from: {}}) { fromSequence } }",
        '{ history(after: "nonsense") { totalCount } }',
        '{ diff(input: {from: {sequence: 0}}) { changes(after: "x") { totalCount } } }',
    ],
)
def test_what_makes_no_sense_is_bad_input(executor: Executor, query: str) -> None:
    assert error(executor, query)["extensions"]["code"] == "BAD_INPUT"
