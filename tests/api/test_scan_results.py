"""Results of scans that are kept, over GraphQL, and the scan of the day of a server."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.entrypoints.scanner import Daily, Scanner
from cmdb.ingest import Ingest
from cmdb.observation import Link, Observation, Report
from cmdb.service.scans import KINDS, Scans, kept_scans, scan
from cmdb.topology import Topology
from cmdb_graphql.execute import Executor
from tests.api.estate import HOUR, NOW, UUID, Estate, data, error

TEXT = """{scanResults {kind at sequence complete found entries {cis {name item {class}} serviceCount criticality text}
  difference {since whole newCount goneCount changedCount new {cis {name item {class}}} gone {cis {name}}}
  runs {found newCount}}}"""


def lean_on(estate: Estate, *hosts: int) -> None:
    """A second service that needs one of these hosts."""
    links = tuple(Link("DEPENDS_ON", f"uuid:{UUID}{n}", {"group_key": "web"}, "file") for n in hosts)
    blog = Observation("Service", "service:blog", {"name": "blog", "criticality": 2}, links=links)
    estate.ingest.run([Report("manual", "more", NOW + len(hosts), (blog,))], "tests", "a blog")
    estate.catch_up()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scans(estate: Estate, clock: Clock) -> Scans:
    return Scans(Ingest(estate.store, estate.model, clock, estate.ingest.new_id))


def scanner(estate: Estate, scans: Scans) -> Scanner:
    def own() -> Topology:
        made = Topology(estate.model)
        head = estate.store.head()
        made.load(estate.store.scan_cis(), estate.store.scan_relationships(), head.sequence, head.at)
        return made

    return Scanner(scans, estate.topology, own, 60)


def by_kind(executor: Executor) -> dict[str, Any]:
    return {row["kind"]: row for row in data(executor, TEXT)["scanResults"]}


def test_each_day_keeps_a_result_and_tells_what_changed(
    executor: Executor, estate: Estate, scans: Scans, clock: Clock
) -> None:
    runs = scanner(estate, scans)
    runs.run()
    first = by_kind(executor)
    lean_on(estate, 1)
    clock.now += HOUR
    runs.run()  # of the same day: it stands for the first
    same_day = by_kind(executor)
    clock.now += 24 * HOUR
    estate.catch_up()
    runs.run()
    clock.now += 24 * HOUR
    runs.run()
    kept = by_kind(executor)

    assert list(first) == ["SINGLE_POINTS", "PAIRS", "LAST_LEG", "DEADLOCKS"]
    assert first["SINGLE_POINTS"]["difference"] is None
    assert same_day["SINGLE_POINTS"]["difference"] is None
    assert len(same_day["SINGLE_POINTS"]["runs"]) == 1
    assert same_day["SINGLE_POINTS"]["found"] > first["SINGLE_POINTS"]["found"]
    assert [r["newCount"] for r in kept["SINGLE_POINTS"]["runs"]] == [0, 0, 0]
    assert kept["SINGLE_POINTS"]["entries"][0]["cis"][0]["item"] is not None


def test_what_is_new_and_what_is_gone(executor: Executor, estate: Estate, scans: Scans, clock: Clock) -> None:
    scanner(estate, scans).run()
    lean_on(estate, 1)
    clock.now += 24 * HOUR
    scanner(estate, scans).run()
    new = by_kind(executor)["SINGLE_POINTS"]["difference"]
    lean_on(estate, 1, 2)
    clock.now += 24 * HOUR
    scanner(estate, scans).run()
    gone = by_kind(executor)["SINGLE_POINTS"]["difference"]

    assert {"web-1", "access-1"} <= {ci["name"] for e in new["new"] for ci in e["cis"]}
    assert (new["whole"], new["goneCount"]) == (True, 0)
    assert (gone["newCount"], gone["goneCount"]) == (0, new["newCount"])
    assert {ci["name"] for e in gone["gone"] for ci in e["cis"]} == {ci["name"] for e in new["new"] for ci in e["cis"]}


def test_the_scan_of_the_day_is_made_once_when_it_is_due(estate: Estate, scans: Scans, clock: Clock) -> None:
    clock.now = NOW - NOW % (24 * HOUR) + 2 * HOUR
    daily = Daily(scanner(estate, scans), scans, 180)
    daily.once()
    before = kept_scans(estate.store)
    clock.now += HOUR
    daily.once()
    sequence = estate.store.head().sequence
    daily.once()
    made = kept_scans(estate.store)
    clock.now += 30 * HOUR
    Daily(scanner(estate, scans), scans, 180).once()  # a server that was away at the time

    assert before == []
    assert [one.kind for one in made] == list(KINDS)
    assert made[0].latest.at == clock.now - 30 * HOUR
    assert sequence + 1 == estate.store.head().sequence
    assert [len(one.runs) for one in kept_scans(estate.store)] == [2, 2, 2, 2]


def test_a_commit_while_it_scans_makes_it_look_at_a_topology_of_its_own(
    estate: Estate, scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmdb.impact.turns.TURN", 1)
    made, busy = [], scanner(estate, scans)
    own, rest = busy._own, busy._rest

    def interrupted() -> Any:
        resting = rest()

        def and_write() -> bool:
            if not made:
                made.append(lean_on(estate, 2))
            return resting()

        return and_write

    monkeypatch.setattr(busy, "_rest", interrupted)
    monkeypatch.setattr(busy, "_own", lambda: made.append(own()) or made[-1])
    busy.run()
    (found,) = kept_scans(estate.store, ["single_points"])

    assert len(made) == 2
    assert found.latest.sequence == 3
    assert "web-2" in {ci.name for e in found.latest.entries for ci in e.cis}


def test_a_scan_that_is_stopped_keeps_nothing(estate: Estate, scans: Scans) -> None:
    stopped = scanner(estate, scans)
    stopped.stop()
    stopped.run()

    assert kept_scans(estate.store) == []


def test_that_only_the_worst_are_kept_is_told(estate: Estate) -> None:
    cut = scan(estate.topology, "pairs", NOW, most=1)

    assert (cut.complete, cut.truncated, len(cut.entries)) == (True, True, 1)
    assert cut.found > 1


def test_kinds_that_there_are_not(executor: Executor) -> None:
    assert data(executor, "{scanResults(kinds: [PAIRS]) {kind}}")["scanResults"] == []
    assert error(executor, "{scanResults(kinds: [LEGS]) {kind}}")
