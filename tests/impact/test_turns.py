"""A scan in turns, and what the feed does between them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from cmdb.changes import NewCI
from cmdb.impact.singles import single_points
from cmdb.impact.turns import Overtaken
from cmdb.topology import Gap
from tests.impact.assemble import from_world
from tests.impact.history import History, ci_records, relationship_records


@pytest.fixture
def history() -> History:
    made = History(Random(11))
    while len(made.world.cis) < 30:
        made.commit(10)
    return made


def between(work: Callable[[], object]) -> Callable[[], bool]:
    """Something that happens once, between two turns."""
    left = [work]

    def rest() -> bool:
        if left:
            left.pop()()
        return True

    return rest


def test_a_gap_in_the_feed_while_a_scan_runs(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    topology = from_world(history.world)
    expected = single_points(topology)

    def lose_commits() -> None:
        with pytest.raises(Gap):
            topology.apply(5, 0, [])
        topology.load(ci_records(history.world), relationship_records(history.world), 5)  # as who follows the feed does

    monkeypatch.setattr("cmdb.impact.turns.TURN", 1)
    with pytest.raises(Overtaken, match="commit 5 came in while commit 1 was scanned; ask again"):
        single_points(topology, rest=between(lose_commits))

    again = single_points(topology)
    assert again.sequence == 5
    assert (again.harmful, again.critical) == (expected.harmful, expected.critical)


def test_a_gap_that_changed_nothing_overtakes_as_well(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sequence, read anew: numbers of CIs may stand for others now."""
    topology = from_world(history.world)
    monkeypatch.setattr("cmdb.impact.turns.TURN", 1)
    reload = between(lambda: topology.load(ci_records(history.world), relationship_records(history.world), 1))

    with pytest.raises(Overtaken):
        single_points(topology, rest=reload)


def test_what_is_committed_before_or_after_is_no_matter(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    topology = from_world(history.world)
    monkeypatch.setattr("cmdb.impact.turns.TURN", 1)
    topology.apply(2, 0, [NewCI("late", "Computer", "", "late", "in_service", {"name": "late"}, (), {}, 0)])

    assert single_points(topology, rest=lambda: True).sequence == 2
