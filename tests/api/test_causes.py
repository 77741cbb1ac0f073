"""The question for causes over GraphQL."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.impact.engine import fail
from cmdb.service.known_errors import KnownErrorRequest, KnownErrors, Pattern
from cmdb_graphql.execute import Executor
from tests.api.estate import Counting, Estate, data, error

TEXT = """query($i: RootCauseInput!) {rootCause(input: $i) {
  sequence alarms complete unresolved findings {key kind text} checks {ci {name} failsIn}
  candidates {roots {id name item {class}} score explained unexplained {name} unexplainedCount silent {name} silentCount
    contained {name}}}}"""
OUTAGE = [
    {"key": "core-1", "effect": "DOWN"},
    {"key": "core-2", "effect": "DOWN"},
    {"key": "access-1"},
    {"key": "access-2"},
    {"key": "web-1", "effect": "DOWN"},
    {"key": "web-2", "effect": "DOWN"},
    {"key": "service:shop", "effect": "DOWN"},
]


def names(candidate: dict[str, Any]) -> set[str]:
    return {root["name"] for root in candidate["roots"]}


def test_the_roots_are_named_and_follow_to_the_alarms(executor: Executor, estate: Estate) -> None:
    found = data(executor, TEXT, i={"alarms": OUTAGE})["rootCause"]
    room, cores = (
        [c for c in found["candidates"] if names(c) == wanted] for wanted in ({"dc-1"}, {"core-1", "core-2"})
    )
    numbers = [estate.topology.facts.numbers[root["id"]] for root in cores[0]["roots"]]

    assert found["alarms"] == 7
    assert found["complete"]
    assert found["candidates"][0] == cores[0]  # a silent room is less likely than both of them
    assert [c["name"] for c in room[0]["silent"]] == ["dc-1"]
    assert cores[0]["roots"][0]["item"] == {"class": "NetworkDevice"}
    assert (cores[0]["explained"], cores[0]["unexplainedCount"], cores[0]["silentCount"]) == (7, 0, 0)
    assert found["checks"][0]["ci"] == {"name": "dc-1"}
    assert estate.topology.facts.numbers[estate.id_of("service:shop")] in fail(estate.topology.live, numbers).cause


def test_software_is_silent_only_where_other_software_is_not(executor: Executor, estate: Estate) -> None:
    nodes = estate.topology.facts.nodes
    nginx = [node.id for node in nodes if node.name == "nginx"]
    heard = data(executor, TEXT, i={"alarms": [*OUTAGE, {"ci": nginx[0], "effect": "DOWN"}]})["rootCause"]
    (room,) = [c for c in heard["candidates"] if names(c) == {"dc-1"}]

    assert len(nginx) == 2
    assert [c["name"] for c in room["silent"]] == ["dc-1", "nginx"]


def test_alarms_of_nobody_are_findings_and_no_error(executor: Executor, estate: Estate) -> None:
    more = [{"key": "nobody"}, {"key": "nginx"}, {"ci": "01NOSUCH"}, {"key": "core-2", "effect": "NONE"}]
    found = data(executor, TEXT, i={"alarms": [*OUTAGE, *more]})["rootCause"]
    alone = data(executor, TEXT, i={"alarms": more})["rootCause"]

    assert found["candidates"] == data(executor, TEXT, i={"alarms": OUTAGE})["rootCause"]["candidates"]
    assert [(f["key"], f["kind"]) for f in found["findings"]] == [
        ("nobody", "UNKNOWN"),
        ("nginx", "AMBIGUOUS"),
        ("01NOSUCH", "UNKNOWN"),
    ]
    assert "nginx" in found["findings"][1]["text"]
    assert found["unresolved"] == ["nobody", "nginx", "01NOSUCH"]
    assert (alone["candidates"], alone["alarms"], len(alone["findings"])) == ([], 0, 3)


def test_many_alarms_take_no_more_queries_than_few(executor: Executor, estate: Estate) -> None:
    store = Counting(estate.store)
    executor.estate.__dict__["store"] = store
    data(executor, TEXT, i={"alarms": OUTAGE})
    few = len(store.calls)
    store.calls.clear()
    data(executor, TEXT, i={"alarms": [*OUTAGE, *({"key": f"nobody-{n}"} for n in range(500))]})

    assert len(store.calls) == few


def test_causes_as_of_an_earlier_commit(executor: Executor) -> None:
    found = data(executor, TEXT, i={"alarms": OUTAGE, "sequence": 1})["rootCause"]

    assert found["sequence"] == 1
    assert {"core-1", "core-2"} in [names(c) for c in found["candidates"]]


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"alarms": []}, "input.alarms"),
        ({"alarms": [{"key": "a"}] * 2_001}, "input.alarms"),
        ({"alarms": [{}]}, "input.alarms[0]"),
        ({"alarms": [{"key": "a", "ci": "b"}]}, "input.alarms[0]"),
        ({"alarms": OUTAGE, "first": 0}, "input.first"),
        ({"alarms": OUTAGE, "missing": 0.51}, "input.missing"),
        ({"alarms": OUTAGE, "false": -0.1}, "input.false"),
        ({"alarms": OUTAGE, "sequence": 99}, "input.sequence"),
    ],
)
def test_questions_that_make_no_sense(executor: Executor, given: dict[str, Any], argument: str) -> None:
    found = error(executor, "query($i: RootCauseInput!) {rootCause(input: $i) {sequence}}", i=given)

    assert found["extensions"] == {"code": "BAD_INPUT", "argument": argument}


# ---- incidents
IMPACT = "query($i: ImpactInput!) {impact(input: $i) {summary {down} nodes {ci {name} state}}}"


def test_known_errors_come_with_the_roots_and_with_an_incident(executor: Executor, estate: Estate) -> None:
    errors, cores = KnownErrors(estate.ingest), [estate.id_of(core) for core in ("core-1", "core-2")]
    errors.create(KnownErrorRequest("fan stops", tuple(cores[:1]), workaround="open the door"), "ann", "seen")
    errors.create(KnownErrorRequest("leaks memory", pattern=Pattern(vendor="cisco", model="C9300")), "ann", "told")
    errors.create(KnownErrorRequest("draft", pattern=Pattern(vendor="cisco")), "ann", "told")
    for number in ("KE-1", "KE-2"):
        errors.step(number, "active", "ann", "sure")
    estate.catch_up()
    fits = "knownErrors {by ci {name} knownError {number title workaround state type}}"
    asked = f"query($i: RootCauseInput!) {{rootCause(input: $i) {{candidates {{roots {{name}} {fits}}}}}}}"
    ranked = data(executor, asked, i={"alarms": OUTAGE})["rootCause"]["candidates"]
    (both,) = [c["knownErrors"] for c in ranked if names(c) == {"core-1", "core-2"}]
    incident = data(
        executor, f"query($id: ID!) {{record(id: $id) {{... on Incident {{{fits}}}}}}}", id=estate.disturb()
    )

    assert {(k["ci"]["name"], k["by"], k["knownError"]["number"]) for k in both} == {
        ("core-1", "CI", "KE-1"),
        ("core-2", "MODEL", "KE-2"),
    }
    assert [(k["ci"]["name"], k["knownError"]["title"]) for k in incident["record"]["knownErrors"]] == [
        ("core-2", "leaks memory")
    ]
    assert data(executor, "{records(filter: {types: [KNOWN_ERROR]}) {nodes {number title}}}")["records"]["nodes"]


def test_an_incident_is_read_with_what_it_hits(executor: Executor, estate: Estate) -> None:
    id_ = estate.disturb()
    text = """query($id: ID!) {record(id: $id) {number type state open ... on Incident {
      computedPriority priority startedAt affected {ci {name item {class}} effect until} reported {name}
      services {ci {name} state} transitions {state actor}}}}"""
    found = data(executor, text, id=id_)["record"]

    assert (found["number"], found["type"], found["state"], found["open"]) == ("INC-1", "INCIDENT", "NEW", True)
    assert found["affected"] == [
        {"ci": {"name": "core-2", "item": {"class": "NetworkDevice"}}, "effect": "DOWN", "until": None}
    ]
    assert found["reported"] == [{"name": "web-1"}]
    assert found["services"] == [{"ci": {"name": "shop"}, "state": "AT_RISK"}]
    assert (found["computedPriority"], found["priority"]) == (3, None)


def test_impact_of_an_incident_and_on_top_of_it(executor: Executor, estate: Estate) -> None:
    id_ = estate.disturb()

    def named(**given: Any) -> dict[str, str]:
        nodes = data(executor, IMPACT, i=given)["impact"]["nodes"]
        return {node["ci"]["name"]: node["state"] for node in nodes}

    of_it, alone = named(incident=id_), named(seeds=[{"key": "core-1"}])
    on_top = named(seeds=[{"key": "core-1"}], includeOpen=True)

    assert of_it["core-2"] == "DOWN"
    assert alone["shop"] == "AT_RISK"
    assert on_top["shop"] == "DOWN"
    assert "core-2" not in on_top
    assert named(incident=id_, includeOpen=True) == of_it


@pytest.mark.parametrize(
    "given",
    [{"incident": "01NOSUCH"}, {"incident": "01NOSUCH", "seeds": [{"key": "core-1"}]}],
)
def test_incidents_that_are_none(executor: Executor, given: dict[str, Any]) -> None:
    assert error(executor, IMPACT, i=given)["extensions"] == {"code": "BAD_INPUT", "argument": "input.incident"}


def test_the_name_of_an_alarm_says_what_it_means_by_rule(executor: Executor) -> None:
    named = [{"key": "web-1", "name": "HostDown"}, {"key": "web-2", "name": "Watchdog"}]
    stated = [{"key": "web-1", "effect": "UNREACHABLE"}]
    found, plain = (data(executor, TEXT, i={"alarms": alarms})["rootCause"] for alarms in (named, stated))

    assert found == plain
