"""A topology over a snapshot is the one that was kept, and follows the feed as it would have."""

from __future__ import annotations

from pathlib import Path
from random import Random

from cmdb.model.registry import load_model
from cmdb.topology import Topology
from cmdb.topology.kept import restore, save
from tests.impact import oracle
from tests.impact.ask import ask, states
from tests.impact.assemble import from_world
from tests.impact.checker import Checker
from tests.impact.generate import kinds
from tests.impact.history import History
from tests.impact.reading import Reading
from tests.impact.test_feed import KINDS, groups, paths


def kept_and_opened(topology: Topology, file: Path) -> Topology:
    """What a server has that starts again."""
    save(topology, file, str)
    again = Topology(topology.policy.model)
    restore(again, file, str)
    return again


def test_histories_with_restarts(rng: Random, estates: int, tmp_path: Path) -> None:
    model, restarts = load_model(), 0
    for number in range(estates // 20):
        history, topology = History(rng), Topology(model)
        for sequence in range(1, rng.randint(4, 24)):
            assert topology.apply(sequence, sequence * 1000, history.commit(rng.choice((1, 1, 3, 10))))
            if rng.random() < 0.3:
                topology = kept_and_opened(topology, tmp_path / "snapshot")
                restarts += 1
        reading, again = Reading(history.world, model), from_world(history.world, topology.sequence)

        assert groups(topology) == groups(again), number
        assert paths(topology) == paths(again)
        assert topology.find_findings() == again.find_findings()
        for id_, group in topology.live.groups.items():
            other = again.live.groups[id_]
            assert (group.up, group.slack, group.ill_slack) == (other.up, other.slack, other.ill_slack)
        there = [ci for ci in reading.estate.cis if reading.there(ci)]
        drawn = kinds(rng, reading.estate, KINDS) if there else {}
        if asked := {ci: kind for ci, kind in drawn.items() if ci in there}:
            answer = ask(topology, asked)
            assert states(answer) == oracle.states(reading.estate, asked)
            Checker(reading.estate, reading.named, asked, answer).check()
    assert restarts > estates // 20


def test_commits_that_the_snapshot_has_change_nothing(rng: Random, tmp_path: Path) -> None:
    history, topology = History(rng), Topology(load_model())
    commits = [history.commit(5) for _ in range(10)]
    for sequence, changes in enumerate(commits[:6], 1):
        topology.apply(sequence, 0, changes)
    again = kept_and_opened(topology, tmp_path / "snapshot")
    applied = [again.apply(sequence, 0, changes) for sequence, changes in enumerate(commits, 1)]

    assert applied == [False] * 6 + [True] * 4
    assert groups(again) == groups(from_world(history.world, 10))
