"""Baselines taken and sources listed over GraphQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmdb.model.registry import Model, load_model
from cmdb_graphql.context import Estate as ReadEstate
from cmdb_graphql.execute import Executor, Question
from tests.api.estate import Estate, data

TAKE = """mutation($input: CreateBaselineInput!) { createBaseline(input: $input) {
  sequence userErrors { field code message } baseline { id name sequence scope createdBy reason } } }"""


def take(executor: Executor, **given: Any) -> dict[str, Any]:
    answer = executor.answer(Question(TAKE, {"input": given}))
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["createBaseline"]
    return done


def test_a_baseline_is_taken_once_and_named_by_its_id(executor: Executor, estate: Estate) -> None:
    head = estate.store.head().sequence
    dry = take(executor, name="before CHG-1", dryRun=True)
    done = take(executor, name="before CHG-1", reason="new release", filter={"class": ["Service"]})
    again = take(executor, name="Before chg-1")
    earlier = take(executor, name="the first load", at={"sequence": 1})
    same = take(executor, name="the same", at={"baseline": done["baseline"]["id"]})
    found = data(executor, "{ baselines { nodes { name } } }")["baselines"]["nodes"]

    assert (dry["userErrors"], dry["baseline"], dry["sequence"]) == ([], None, None)
    assert (done["sequence"], done["baseline"]["sequence"]) == (head + 1, head)
    assert (done["baseline"]["createdBy"], done["baseline"]["reason"]) == ("graphql", "new release")
    assert [(e["field"], e["code"]) for e in again["userErrors"]] == [(["input", "name"], "TAKEN")]
    assert (again["baseline"], again["sequence"]) == (None, None)
    assert earlier["baseline"]["sequence"] == 1
    assert (same["baseline"]["sequence"], same["baseline"]["scope"]) == (head, done["baseline"]["scope"])
    assert {n["name"] for n in found} == {"before CHG-1", "the first load", "the same"}


def test_the_scope_is_told_as_it_was_given_and_holds_in_a_comparison(executor: Executor, estate: Estate) -> None:
    scope = {"class": ["Service"], "name": {"startsWith": "sh"}, "firstSeen": {"gte": "2001-01-01T00:00:00Z"}}
    variable = take(executor, name="one", filter=scope)["baseline"]
    text = """mutation { createBaseline(input: {name: "two", filter: {class: [Service], name: {startsWith: "sh"},
      firstSeen: {gte: "2001-01-01T00:00:00Z"}}}) { baseline { id scope } } }"""
    literal = data(executor, text)["createBaseline"]["baseline"]
    for ci in ("service:shop", "serial:cisco:FOC0000CORE1"):
        save = 'mutation($id: ID!) { saveCi(input: {id: $id, name: "new", reason: "x"}) { sequence } }'
        data(executor, save, id=estate.id_of(ci))
    diff = "query($i: DiffInput!) { diff(input: $i) { changes { nodes { ci { class } attribute } } } }"
    found = data(executor, diff, i={"from": {"baseline": variable["id"]}})["diff"]["changes"]["nodes"]

    assert variable["scope"] == literal["scope"]
    assert "class: [Service]" in literal["scope"]
    assert 'firstSeen: { gte: "2001-01-01T00:00:00.000Z" }' in literal["scope"].replace("{gte", "{ gte").replace(
        'Z"}', 'Z" }'
    )
    assert [(n["ci"]["class"], n["attribute"]) for n in found] == [("Service", "name")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": ""}, (["input", "name"], "REQUIRED")),
        ({"name": "now"}, (["input", "name"], "INVALID")),
        ({"name": "x", "at": {"sequence": 99}}, (["input", "at"], "INVALID")),
        ({"name": "x", "at": {"baseline": "nobody"}}, (["input", "at", "baseline"], "INVALID")),
        ({"name": "x", "reason": "y" * 10_001}, (["input", "reason"], "TOO_MANY")),
        ({"name": "x", "filter": {"name": {}}}, (["input", "filter", "name"], "INVALID")),
    ],
)
def test_what_makes_no_baseline_is_a_user_error(
    executor: Executor, estate: Estate, given: dict[str, Any], expected: tuple[list[str], str]
) -> None:
    head = estate.store.head().sequence
    done = take(executor, **given)

    assert [(e["field"], e["code"]) for e in done["userErrors"]] == [expected]
    assert (done["baseline"], done["sequence"], estate.store.head().sequence) == (None, None, head)


def test_sources_tell_who_wins_and_who_is_silent(executor: Executor, model: Model) -> None:
    text = "{ sources { id name precedence staleAfterHours mayCreate lastSeen rules { class attribute precedence } } }"
    found = {s["name"]: s for s in data(executor, text)["sources"]}
    order = [s["precedence"] for s in data(executor, text)["sources"]]
    rules = {(r["class"], r["attribute"]): r["precedence"] for r in found["manual"]["rules"]}

    assert found.keys() >= model.sources.keys()
    assert order == sorted(order, reverse=True)
    assert (found["snmp"]["precedence"], found["snmp"]["staleAfterHours"]) == (55, 72.0)
    assert found["snmp"]["lastSeen"].startswith("2025-11-24T")
    assert (found["nmap"]["lastSeen"], found["manual"]["staleAfterHours"]) == (None, None)
    assert rules[None, "oper_status"] == 10
    assert [s["name"] for s in found.values() if not s["mayCreate"]] == ["discovery"]


def test_a_precedence_of_ones_own_is_what_sources_and_claims_tell(estate: Estate, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("sources: {snmp: {precedence: 99, stale_after_h: 5, description: Ours.}}")
    model = load_model(precedence=tmp_path / "own.yaml")
    executor = Executor(ReadEstate(estate.store, model, estate.topology, estate.catch_up))
    text = """{ catalogue { version } sources { name precedence staleAfterHours }
      cis(first: 50) { nodes { attributes(names: ["vendor"]) { claims { source precedence } } } } }"""
    found = data(executor, text)
    claims = [c for n in found["cis"]["nodes"] for a in n["attributes"] for c in a["claims"]]

    assert found["catalogue"]["version"] == model.version
    assert {"name": "snmp", "precedence": 99, "staleAfterHours": 5.0} in found["sources"]
    assert {c["precedence"] for c in claims if c["source"] == "snmp"} == {99}
