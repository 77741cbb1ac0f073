"""Roots of a plane, set over GraphQL: one commit, and what can't be is said."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb_graphql.execute import Executor
from tests.api.estate import Estate
from tests.api.test_requirements import CORES, done

SAVE = """mutation($input: SavePlaneInput!) { savePlane(input: $input) {
  sequence review userErrors { field code message } plane { name roots { name item { class } } } } }"""


def names(answer: dict[str, Any]) -> list[str]:
    return [root["name"] for root in answer["plane"]["roots"]]


def test_roots_of_a_new_plane_are_set_moved_and_taken_back(executor: Executor, estate: Estate) -> None:
    head = estate.store.head().sequence
    one, other = map(estate.id_of, CORES)
    drawn = done(executor, SAVE, name="san", roots=[one], dryRun=True)
    both = done(executor, SAVE, name="san", roots=[one, other])
    again = done(executor, SAVE, name="san", roots=[other, one])
    moved = done(executor, SAVE, name="san", roots=[other])
    after = {ci.name: ci.attributes["root_of"] for ci in estate.store.cis([one, other])}
    none = done(executor, SAVE, name="san", roots=[])

    assert (names(drawn), drawn["sequence"], drawn["userErrors"]) == (["core-1"], None, [])
    assert (names(both), both["sequence"]) == (["core-1", "core-2"], head + 1)
    assert both["plane"]["roots"][0]["item"] == {"class": "NetworkDevice"}
    assert (again["sequence"], names(again)) == (None, ["core-1", "core-2"])
    assert (names(moved), moved["sequence"]) == (["core-2"], head + 2)
    assert after == {"core-1": ["lan"], "core-2": ["lan", "san"]}
    assert (none["userErrors"], none["plane"]["roots"]) == ([], [])


def test_what_another_source_says_is_not_taken_back(executor: Executor, estate: Estate) -> None:
    refused = done(executor, SAVE, name="lan", roots=[estate.id_of(CORES[0])])

    assert [(e["field"], e["code"]) for e in refused["userErrors"]] == [(["input", "roots"], "NOT_ALLOWED")]
    assert "core-2 is a root of lan because snmp/core-2 says so" in refused["userErrors"][0]["message"]
    assert refused["plane"] is None


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"name": "2nd", "roots": []}, ["input", "name"], "INVALID"),
        ({"name": "san", "roots": ["01NOSUCH"]}, ["input", "roots", "0"], "NOT_FOUND"),
        ({"name": "san", "roots": [str(n) for n in range(201)]}, ["input", "roots"], "TOO_MANY"),
        ({"name": "san", "roots": [], "reason": " "}, ["input", "reason"], "REQUIRED"),
    ],
)
def test_what_can_not_be_is_refused(
    executor: Executor, estate: Estate, given: dict[str, Any], field: list[str], code: str
) -> None:
    head = estate.store.head().sequence
    refused = done(executor, SAVE, **given)

    assert [(e["field"], e["code"]) for e in refused["userErrors"]] == [(field, code)]
    assert estate.store.head().sequence == head


def test_a_service_is_no_root(executor: Executor, estate: Estate) -> None:
    refused = done(executor, SAVE, name="san", roots=[estate.id_of("service:shop")])

    assert "shop is a Service: only devices and interfaces can be roots" in refused["userErrors"][0]["message"]
