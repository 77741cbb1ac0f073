"""Scans over GraphQL: what they answer, bad input, time that is up, commits in between."""

from __future__ import annotations

from itertools import count

import pytest

from cmdb.impact import turns
from cmdb.observation import Identifier, Observation, Report
from cmdb_graphql.context import Estate as ReadEstate
from cmdb_graphql.execute import Executor
from cmdb_graphql.guard import Limits
from tests.api.estate import NOW, Estate, data, error

CUTS = (
    "query($i: CutSetsInput!) {cutSets(input: $i) {sequence complete cuts {service {name} members {name item {id}}}}}"
)
STEPS = "steps {stage ci {name item {id}}} deadlocked {name item {id}}"
START = f"query($i: ColdStartInput!) {{coldStart(input: $i) {{sequence truncated {STEPS}}}}}"


def test_pairs_that_take_the_shop_down(executor: Executor, estate: Estate) -> None:
    shop = estate.id_of("service:shop")
    found = data(executor, CUTS, i={"services": [shop], "maxSize": 2})["cutSets"]
    sets = [{m["name"] for m in cut["members"]} for cut in found["cuts"]]

    assert (found["sequence"], found["complete"]) == (2, True)
    assert {"core-1", "core-2"} in sets
    assert {"web-1", "web-2"} in sets
    assert {"access-1", "web-2"} in sets
    assert {"dc-1"} in sets
    assert not any({"dc-1"} < members for members in sets)
    assert all(m["item"]["id"] for cut in found["cuts"] for m in cut["members"])


def test_the_list_of_sets_that_is_cut_says_so(executor: Executor, estate: Estate) -> None:
    shop = estate.id_of("service:shop")
    found = data(executor, CUTS, i={"services": [shop], "maxSize": 2, "first": 2})["cutSets"]

    assert (len(found["cuts"]), found["complete"]) == (2, False)


def test_the_order_of_starting(executor: Executor, estate: Estate) -> None:
    found = data(executor, START, i={})["coldStart"]
    stages = {s["ci"]["name"]: s["stage"] for s in found["steps"]}
    site = data(executor, START, i={"within": estate.id_of("location:dc-1"), "first": 1})["coldStart"]

    assert found["deadlocked"] == []
    assert stages["dc-1"] < stages["core-1"] < stages["shop"]
    assert stages["web-1"] < stages["shop"]
    assert ([s["ci"]["name"] for s in site["steps"]], site["truncated"]) == (["dc-1"], True)


@pytest.mark.parametrize(
    ("text", "given", "argument"),
    [
        (CUTS, {"services": []}, "input.services: 1 to 20 of them, not 0"),
        (CUTS, {"services": ["x"] * 21}, "input.services: 1 to 20 of them, not 21"),
        (CUTS, {"services": ["x"], "maxSize": 4}, "input.maxSize: 1 to 3, not 4"),
        (CUTS, {"services": ["x"], "first": 0}, "input.first: 1 to 1,000, not 0"),
        (CUTS, {"services": ["nobody"]}, "input.services: no CI has the id 'nobody'"),
        (START, {"first": -1}, "input.first: 1 to 10,000, not -1"),
        (START, {"within": "nobody"}, "input.within: no CI has the id 'nobody'"),
    ],
)
def test_bad_input(executor: Executor, text: str, given: dict[str, object], argument: str) -> None:
    found = error(executor, text, i=given)

    assert found["extensions"]["code"] == "BAD_INPUT"
    assert found["message"].startswith(argument)


@pytest.fixture
def hurried(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> Executor:
    """An executor whose clock goes on by a second whenever it is looked at, with turns of one step."""
    monkeypatch.setattr(turns, "TURN", 1)
    ticks = count()
    return Executor(
        ReadEstate(estate.store, estate.model, estate.topology, estate.catch_up),
        Limits(timeout_s=30),
        lambda: float(next(ticks)),
    )


def test_time_that_is_up_is_told(hurried: Executor, estate: Estate) -> None:
    cut = data(hurried, CUTS, i={"services": [estate.id_of("service:shop")], "maxSize": 3, "first": 1000})["cutSets"]

    assert not cut["complete"]
    assert error(hurried, START, i={})["extensions"]["code"] == "TIMEOUT"


def test_a_commit_in_between_is_read_again(executor: Executor, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN", 1)
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            key = "serial:cisco:NEW"
            new = Observation("NetworkDevice", key, {"name": "new"}, (Identifier(key),))
            estate.ingest.run([Report("snmp", "new", NOW, (new,))], "tests", "in between")
            estate.catch_up()

    monkeypatch.setattr("cmdb_graphql.scans.time.sleep", pause)
    found = data(executor, START, i={"first": 1000})["coldStart"]

    assert found["sequence"] == 3
    assert "new" in {s["ci"]["name"] for s in found["steps"]}
