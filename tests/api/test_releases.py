"""A release over GraphQL: what it meets, and what became of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cmdb_graphql.execute import Executor
from tests.api.estate import NOW, Estate, data, error, host

MEETS = """query($r: ID!) {releaseCompatibility(release: $r) {targets untested unknown
  versions {what version tested count cis {name item {class}}}}}"""
CAME = """query($r: ID!) {releaseOutcome(release: $r) {since baseline {name} counts {verdict count}
  rows {ci {name item {class}} what expected found verdict} extra {attribute after ci {name}} extraCount
  incidents {number affected {ci {name}}}}}"""


def visit(estate: Estate, number: int, **attributes: Any) -> None:
    """A complete visit to a host."""
    seen = host(number)
    device = seen.observations[0]
    said = msgspec.structs.replace(device, attributes={**device.attributes, **attributes})
    report = msgspec.structs.replace(seen, at=NOW + 1, observations=(said, *seen.observations[1:]))
    estate.ingest.run([report], "tests", "a visit")
    estate.catch_up()


def test_what_is_not_tested_comes_first(executor: Executor, estate: Estate) -> None:
    estate.plan()
    visit(estate, 1, os_version="12.4")
    release = estate.store.records(kinds=("release",))[0].id
    found = data(executor, MEETS, r=release)["releaseCompatibility"]
    read = data(
        executor,
        "query($r: ID!) {record(id: $r) {... on Release {contents {what version} tested {version}}}}",
        r=release,
    )

    assert (found["targets"], found["untested"], found["unknown"]) == (2, 1, 1)
    assert found["versions"] == [
        {
            "what": "os_version",
            "version": "12.4",
            "tested": False,
            "count": 1,
            "cis": [{"name": "web-1", "item": {"class": "Computer"}}],
        },
        {
            "what": "os_version",
            "version": None,
            "tested": False,
            "count": 1,
            "cis": [{"name": "web-2", "item": {"class": "Computer"}}],
        },
    ]
    assert read["record"] == {"contents": [{"what": "os_version", "version": "12.6"}], "tested": [{"version": "12.5"}]}


def test_what_became_of_it(executor: Executor, estate: Estate) -> None:
    estate.plan()
    release = estate.deploy()
    visit(estate, 1, os_version="12.6", model="R650")
    estate.disturb()
    found = data(executor, CAME, r=release)["releaseOutcome"]
    read = data(
        executor, "query($r: ID!) {record(id: $r) {... on Release {baseline {name} guards {name holds}}}}", r=release
    )

    assert found["baseline"] == {"name": "before REL-1"}
    assert found["counts"] == [{"verdict": "DONE", "count": 1}, {"verdict": "UNSEEN", "count": 1}]
    assert [(r["ci"]["name"], r["found"], r["verdict"]) for r in found["rows"]] == [
        ("web-2", [], "UNSEEN"),
        ("web-1", ["12.6"], "DONE"),
    ]
    assert [(e["attribute"], e["after"], e["ci"]["name"]) for e in found["extra"]] == [("model", "R650", "web-1")]
    assert [i["number"] for i in found["incidents"]] == ["INC-1"]  # web-1 was reported
    assert read["record"]["baseline"] == {"name": "before REL-1"}
    assert read["record"]["guards"] == [{"name": "baseline_taken", "holds": True}]


@pytest.mark.parametrize("field", ["releaseCompatibility", "releaseOutcome"])
def test_a_release_that_there_is_not(executor: Executor, estate: Estate, field: str) -> None:
    found = error(executor, f'{{{field}(release: "01NOSUCH") {{sequence}}}}')

    assert found["extensions"] == {"code": "BAD_INPUT", "argument": "release"}


def test_no_outcome_before_it_is_deployed(executor: Executor, estate: Estate) -> None:
    estate.plan()
    release = estate.store.records(kinds=("release",))[0].id

    assert "there is no outcome before it is deployed" in error(executor, CAME, r=release)["message"]
