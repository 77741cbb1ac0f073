"""Changes over GraphQL: assessed with what else is planned, safe slots, waves; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb_graphql.context import Estate as ReadEstate
from cmdb_graphql.execute import Executor
from cmdb_graphql.scalars import iso
from tests.api.estate import HOUR, NOW, UUID, Counting, Estate, data, error

DAY = {"start": iso(NOW + 20 * HOUR), "end": iso(NOW + 30 * HOUR)}
ASSESS = (
    "query($i: AssessmentInput!) {assessment(input: $i) {sequence storedBy collisionCount unknownCis"
    " alone {maintenance atRisk downPlanned services {ci {name} state}} together {maintenance downPlanned}"
    " collisions {records {number type state} overlap {start end} breaks {ci {name item {class}} state} extraDown}"
    " notify {ci {name}} oldestEvidenceDays}}"
)
SLOTS = (
    "query($i: SafeWindowsInput!) {safeWindows(input: $i) {sequence windows {start end}"
    " blocked {window {start end} text records {number}}}}"
)
WAVES = (
    "query($i: ReleaseWavesInput!) {releaseWaves(input: $i)"
    " {sequence waves lowerBound truncated items {ci {name item {class}} wave text}}}"
)


@pytest.fixture
def estate(estate: Estate) -> Estate:
    """The estate with two changes and a release."""
    estate.plan()
    return estate


@pytest.fixture
def executor(estate: Estate) -> Executor:
    return Executor(ReadEstate(estate.store, estate.model, estate.topology, estate.catch_up, clock_ms=lambda: NOW))


def record(estate: Estate, kind: str, number: int = 0) -> str:
    return estate.store.records(kinds=(kind,))[number].id


def test_a_stored_change(estate: Estate, executor: Executor) -> None:
    found = data(executor, ASSESS, i={"change": record(estate, "change")})["assessment"]
    (collision,) = found["collisions"]

    assert [r["number"] for r in collision["records"]] == ["CHG-1", "CHG-2"]
    assert collision["overlap"] == {"start": iso(NOW + 24 * HOUR), "end": iso(NOW + 25 * HOUR)}
    assert [(b["ci"], b["state"]) for b in collision["breaks"]] == [
        ({"name": "shop", "item": {"class": "Service"}}, "DOWN_PLANNED")
    ]
    assert found["alone"]["services"] == [{"ci": {"name": "shop"}, "state": "AT_RISK"}]
    assert (found["together"]["maintenance"], found["storedBy"], found["unknownCis"]) == (2, None, 0)
    assert found["notify"] == [{"ci": {"name": "shop"}}]
    assert found["sequence"] == estate.store.head().sequence


def test_a_draft(estate: Estate, executor: Executor) -> None:
    seeds = [{"key": f"uuid:{UUID}1", "kind": "MAINTENANCE"}]
    found = data(executor, ASSESS, i={"draft": {"seeds": seeds, "window": DAY}})["assessment"]
    later = {"start": iso(NOW + 25 * HOUR), "end": iso(NOW + 26 * HOUR)}
    free = data(executor, ASSESS, i={"draft": {"seeds": seeds, "window": later}})["assessment"]

    assert [[r["number"] for r in c["records"]] for c in found["collisions"]] == [["CHG-2"]]
    assert (free["collisions"], free["collisionCount"]) == ([], 0)


def test_the_file_of_a_change(executor: Executor) -> None:
    asked = (
        '{record(number: "CHG-2") {state assignee ... on Change {category lapsed backout risk window {start}'
        " planned {ci {name} effect} transitions {state}"
        " assessments {storedBy sequence changed collisions {records {number}} notify {ci {item {class}}}}}}}"
    )
    found = data(executor, asked)["record"]

    assert (found["state"], found["category"], found["assignee"], found["risk"]) == (
        "ASSESS",
        "NORMAL",
        "rita",
        "may not boot",
    )
    assert found["planned"] == [{"ci": {"name": "web-2"}, "effect": "MAINTENANCE"}]
    (kept,) = found["assessments"]
    assert (kept["storedBy"], kept["changed"]) == ("rita", [])
    assert [[r["number"] for r in c["records"]] for c in kept["collisions"]] == [["CHG-2", "CHG-1"]]
    assert [n["ci"]["item"] for n in kept["notify"]] == [{"class": "Service"}]


def test_a_record_is_named_by_its_number_as_well(executor: Executor) -> None:
    assessed = data(executor, ASSESS, i={"change": "chg-1"})["assessment"]
    waves = data(executor, WAVES, i={"release": "REL-1"})["releaseWaves"]
    impact = data(executor, '{impact(input: {change: "CHG-1"}) {nodes {ci {name} state}}}')["impact"]
    found = data(executor, '{record(id: "CHG-2") {number ... on Change {assessments {stale}}}}')["record"]
    told = data(executor, '{releaseCompatibility(release: "rel-1") {targets}}')["releaseCompatibility"]
    unknown = error(executor, ASSESS, i={"change": "CHG-9"})

    assert [r["number"] for r in assessed["collisions"][0]["records"]] == ["CHG-1", "CHG-2"]
    assert (waves["waves"] > 0, told["targets"] > 0) == (True, True)
    assert {"ci": {"name": "web-1"}, "state": "MAINTENANCE"} in impact["nodes"]
    assert found == {"number": "CHG-2", "assessments": [{"stale": False}]}
    assert "there is no change with the id or number 'CHG-9'" in unknown["message"]


def test_the_calendar(executor: Executor) -> None:
    asked = "query($p: WindowInput) {records(filter: {types: [CHANGE, RELEASE], overlaps: $p}) {nodes {number}}}"

    def numbers(start: float, end: float) -> set[str]:
        period = {"start": iso(NOW + round(start * HOUR)), "end": iso(NOW + round(end * HOUR))}
        return {n["number"] for n in data(executor, asked, p=period)["records"]["nodes"]}

    assert numbers(0, 100) == {"CHG-1", "CHG-2", "REL-1"}
    assert numbers(1, 24) == set()
    assert numbers(24.5, 24.6) == {"CHG-1", "CHG-2"}
    wrong = error(executor, asked, p={"start": iso(NOW), "end": iso(NOW)})
    assert wrong["extensions"] == {"code": "BAD_INPUT", "argument": "filter.overlaps.end"}


def test_slots(estate: Estate, executor: Executor) -> None:
    found = data(executor, SLOTS, i={"change": record(estate, "change", 1), "within": DAY})["safeWindows"]
    seeds = [{"key": f"uuid:{UUID}1"}]
    drafted = data(executor, SLOTS, i={"seeds": seeds, "durationMinutes": 300, "within": DAY})["safeWindows"]

    assert found["windows"] == [
        {"start": iso(NOW + 20 * HOUR), "end": iso(NOW + 24 * HOUR)},
        {"start": iso(NOW + 25 * HOUR), "end": iso(NOW + 30 * HOUR)},
    ]
    (blocked,) = found["blocked"]
    assert (blocked["records"], blocked["text"]) == ([{"number": "CHG-1"}], "together with CHG-1, shop would fail")
    assert drafted["windows"] == [DAY]  # the two changes stop the shop anyway: a third adds nothing to that


def test_waves(estate: Estate, executor: Executor) -> None:
    found = data(executor, WAVES, i={"release": record(estate, "release")})["releaseWaves"]
    cut = data(executor, WAVES, i={"cis": [estate.id_of(f"uuid:{UUID}{n}") for n in (1, 2)], "first": 1})

    assert (found["waves"], found["lowerBound"], found["truncated"]) == (2, 2, False)
    assert [(i["ci"]["name"], i["wave"], i["text"]) for i in found["items"]] == [
        ("web-1", 1, None),
        ("web-2", 2, "in wave 1, shop would fail: it needs 1 of 2"),
    ]
    assert found["items"][0]["ci"]["item"] == {"class": "Computer"}
    assert (cut["releaseWaves"]["truncated"], len(cut["releaseWaves"]["items"])) == (True, 1)


@pytest.mark.parametrize(
    ("query", "given", "argument"),
    [
        (ASSESS, {}, "input"),
        (ASSESS, {"change": "nobody"}, "input.change"),
        (ASSESS, {"change": "x", "draft": {"seeds": [], "window": DAY}}, "input"),
        (ASSESS, {"draft": {"seeds": [], "window": DAY}}, "input.draft.seeds"),
        (ASSESS, {"draft": {"seeds": [{"ci": "nobody"}], "window": DAY}}, "input.draft.seeds[0].ci"),
        (ASSESS, {"draft": {"seeds": [{"ci": "x"}], "window": {**DAY, "end": DAY["start"]}}}, "input.draft.window.end"),
        (SLOTS, {"within": DAY}, "input"),
        (SLOTS, {"seeds": [{"key": f"uuid:{UUID}1"}], "within": DAY}, "input.durationMinutes"),
        (SLOTS, {"seeds": [], "within": DAY, "durationMinutes": 1}, "input.seeds"),
        (SLOTS, {"seeds": [], "within": DAY, "first": 51}, "input.first"),
        (SLOTS, {"seeds": [], "within": {"start": iso(NOW), "end": iso(NOW + 93 * 24 * HOUR)}}, "input.within"),
        (SLOTS, {"seeds": [], "within": {"start": iso(NOW), "end": iso(NOW - 1)}}, "input.within.end"),
        (WAVES, {}, "input"),
        (WAVES, {"cis": []}, "input.cis"),
        (WAVES, {"cis": ["x"], "first": 0}, "input.first"),
        (WAVES, {"cis": ["x"], "waveSize": 0}, "input.waveSize"),
        (WAVES, {"release": "nobody"}, "input.release"),
    ],
)
def test_what_makes_no_sense_is_refused(query: str, given: dict[str, Any], argument: str, executor: Executor) -> None:
    assert error(executor, query, i=given)["extensions"] == {"code": "BAD_INPUT", "argument": argument}


def test_a_ci_that_is_not_there(executor: Executor) -> None:
    found = error(executor, WAVES, i={"cis": ["nobody"]})

    assert (found["extensions"]["code"], "'nobody'" in found["message"]) == ("BAD_INPUT", True)


def test_few_queries(estate: Estate) -> None:
    counting = Counting(estate.store)
    executor = Executor(
        ReadEstate(counting, estate.model, estate.topology, estate.catch_up, clock_ms=lambda: NOW)  # type: ignore[arg-type] # it passes all on
    )
    below = "... on Change {assessments {notify {ci {item {name}}}}}"
    asked = f"query($n: Int!) {{records(first: $n) {{nodes {{number {below}}}}}}}"
    data(executor, asked, n=1)
    few = len(counting.calls)
    counting.calls.clear()
    data(executor, asked, n=3)
    many = len(counting.calls)
    counting.calls.clear()
    data(executor, ASSESS, i={"change": record(estate, "change")})

    assert many <= few + 4
    assert len(counting.calls) <= 12


RECORD_IMPACT = "query($i: ImpactInput!) {impact(input: $i) {summary {down toRetest} nodes {ci {name} state}}}"


def test_a_change_and_a_release_are_asked_for_their_impact(executor: Executor, estate: Estate) -> None:
    (first, *_), (release,) = (estate.store.records(kinds=(kind,)) for kind in ("change", "release"))
    change = data(executor, RECORD_IMPACT, i={"change": first.id})["impact"]["nodes"]
    rollout = data(executor, RECORD_IMPACT, i={"release": release.id})["impact"]
    states = {node["ci"]["name"]: node["state"] for node in rollout["nodes"]}

    assert {n["ci"]["name"]: n["state"] for n in change if n["ci"]["name"] in ("web-1", "core-1", "shop")} == {
        "web-1": "MAINTENANCE",
        "shop": "AT_RISK",
    }
    assert {name: states[name] for name in ("web-1", "web-2", "shop")} == {
        "web-1": "MAINTENANCE",
        "web-2": "MAINTENANCE",
        "shop": "DOWN_PLANNED",
    }


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"change": "01NOSUCH"}, "input.change"),
        ({"release": "01NOSUCH"}, "input.release"),
        ({"release": "01NOSUCH", "change": "01NOSUCH"}, "input.release"),
        ({"change": "01NOSUCH", "seeds": [{"key": "web-1"}]}, "input.change"),
    ],
)
def test_records_that_there_are_not_have_no_impact(executor: Executor, given: dict[str, Any], argument: str) -> None:
    found = error(executor, RECORD_IMPACT, i=given)

    assert found["extensions"] == {"code": "BAD_INPUT", "argument": argument}
