"""Reads and impact as of a time or a sequence, over GraphQL."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.observation import Identifier, Link, Observation, Report
from cmdb.store.protocol import Moment
from cmdb.topology.past import PastTopologies
from cmdb_graphql.context import Estate as ReadEstate
from cmdb_graphql.execute import Executor
from tests.api.estate import HOUR, NOW, UUID, Counting, Estate, data, error

CORE = "serial:cisco:FOC0000CORE1"
SHOP = """query($s: Int) {ci(key: "service:shop", sequence: $s) {
  name status relationships(types: [DEPENDS_ON]) {nodes {other {name}}}}}"""


def rename(estate: Estate) -> None:
    """A third commit: the shop has another name and stands on one host only."""
    need = (Link("DEPENDS_ON", f"uuid:{UUID}1", {"group_key": "web"}, "file"),)
    shop = Observation(
        "Service",
        "service:shop",
        {"name": "store", "criticality": 4, "user_facing": True},
        (Identifier("service:shop"),),
        links=need,
    )
    estate.ingest.run([Report("manual", "site", NOW + HOUR, (shop,))], "tests", "one host less")
    estate.catch_up()


def others(found: Any) -> set[str]:
    return {n["other"]["name"] for n in found["ci"]["relationships"]["nodes"]}


def test_a_ci_and_what_hangs_on_it_are_read_at_one_moment(executor: Executor, estate: Estate) -> None:
    rename(estate)
    now, then = data(executor, SHOP, s=None), data(executor, SHOP, s=1)

    assert (now["ci"]["name"], others(now)) == ("store", {"web-1"})
    assert (then["ci"]["name"], others(then)) == ("shop", {"web-1", "web-2"})
    assert data(executor, SHOP, s=0) == {"ci": None}


def test_one_answer_may_show_several_moments(executor: Executor, estate: Estate) -> None:
    rename(estate)
    text = """{now: cis(filter: {class: [Service]}) {nodes {name}}
      then: cis(filter: {class: [Service]}, sequence: 1) {nodes {name requirements {providers {ci {name}}}} totalCount}
      before: cis(asOf: "2001-01-01T00:00:00Z") {nodes {name} totalCount}
      named: ci(key: "shop", sequence: 1) {name} renamed: ci(key: "shop") {name}}"""
    found = data(executor, text)

    assert [n["name"] for n in found["now"]["nodes"]] == ["store"]
    assert [n["name"] for n in found["then"]["nodes"]] == ["shop"]
    providers = {p["ci"]["name"] for r in found["then"]["nodes"][0]["requirements"] for p in r["providers"]}
    assert {"web-1", "web-2"} <= providers
    assert found["before"] == {"nodes": [], "totalCount": 0}
    assert (found["named"], found["renamed"]) == ({"name": "shop"}, None)


def test_a_value_of_the_past_has_the_source_of_then(executor: Executor) -> None:
    text = 'query($k: String!, $s: Int) {ci(key: $k, sequence: $s) {attributes(names: ["model"]) {value source}}}'

    assert data(executor, text, k=CORE, s=1)["ci"]["attributes"] == [{"value": "C9300", "source": "snmp"}]
    assert data(executor, text, k=CORE, s=2)["ci"]["attributes"] == [{"value": "C9500", "source": "manual"}]


def test_impact_is_judged_on_the_topology_of_then(executor: Executor, estate: Estate) -> None:
    rename(estate)
    text = "query($i: ImpactInput!) {impact(input: $i) {sequence asOf nodes {ci {name} state}}}"
    seeds = {"seeds": [{"key": f"uuid:{UUID}1"}]}
    now, then = (data(executor, text, i={**seeds, **more})["impact"] for more in ({}, {"sequence": 1}))
    at = data(executor, text, i={**seeds, "asOf": then["asOf"]})["impact"]

    assert (now["sequence"], then["sequence"]) == (3, 1)
    assert {n["ci"]["name"]: n["state"] for n in now["nodes"]}["store"] == "DOWN"
    assert {n["ci"]["name"]: n["state"] for n in then["nodes"]}.get("shop") != "DOWN"
    assert at == then


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ('{ci(key: "x", sequence: 9) {id}}', "sequence"),
        ('{ci(key: "x", sequence: -1) {id}}', "sequence"),
        ('{cis(asOf: "2999-01-01T00:00:00Z") {nodes {id}}}', "asOf"),
        ('{cis(asOf: "2025-01-01T00:00:00Z", sequence: 1) {nodes {id}}}', "sequence"),
        ('{impact(input: {seeds: [{key: "core-1"}], sequence: 9}) {sequence}}', "input.sequence"),
        ('{impact(input: {seeds: [{key: "core-1"}], sequence: -1}) {sequence}}', "input.sequence"),
        ('{impact(input: {seeds: [{key: "core-1"}], asOf: "1999-01-01T00:00:00Z"}) {sequence}}', "input.seeds[0].key"),
        (
            '{impact(input: {seeds: [{key: "core-1"}], sequence: 1, asOf: "2025-01-01T00:00:00Z"}) {sequence}}',
            "input.seq",
        ),
    ],
)
def test_moments_that_make_no_sense_are_refused(executor: Executor, text: str, argument: str) -> None:
    found = error(executor, text)

    assert found["extensions"]["code"] == "BAD_INPUT"
    assert found["message"].startswith(argument)


def test_a_past_topology_is_read_once_while_it_is_kept(estate: Estate) -> None:
    rename(estate)
    counting: Any = Counting(estate.store)
    past = PastTopologies(counting, estate.model)
    one, two, three = (estate.store.moment(sequence=n) for n in (1, 2, 3))
    first = past.at(one)
    past.at(two)

    assert past.at(one) is first
    assert counting.calls.count("scan_cis") == 2
    past.at(three)
    past.at(two)
    assert counting.calls.count("scan_cis") == 4, "two are kept, the one asked for longest ago goes"
    assert (first.sequence, first.at) == (one.sequence, one.at)


def test_a_topology_of_the_past_is_that_of_the_feed(estate: Estate) -> None:
    rename(estate)
    past = PastTopologies(estate.store, estate.model).at(Moment(3, estate.store.moment(sequence=3).at))

    assert past.requirements() == estate.topology.requirements()
    assert past.planes() == estate.topology.planes()


def test_a_page_of_the_past_takes_as_many_queries_whatever_its_rows(estate: Estate) -> None:
    rename(estate)
    counting: Any = Counting(estate.store)
    executor = Executor(ReadEstate(counting, estate.model, estate.topology, estate.catch_up))
    text = """query($n: Int!) {cis(filter: {class: [Interface]}, first: $n, sequence: 2) {
      nodes {name parent {name} relationships {nodes {other {name}}}}}}"""
    calls = []
    for first in (1, 20):
        counting.calls.clear()
        assert data(executor, text, n=first)["cis"]["nodes"]
        calls.append(sorted(counting.calls))

    assert calls[0] == calls[1]
