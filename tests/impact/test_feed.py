"""The change feed: after any history the topology is what a rebuild gives, and what the rules say."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from cmdb.changes import NewCI, NewRelationship, SetCI
from cmdb.impact import Impact
from cmdb.model.registry import load_model
from cmdb.store.protocol import CIRecord
from cmdb.topology import Gap, Topology
from cmdb.topology.live import Group, ci_of, plane_of
from tests.impact import generate, oracle
from tests.impact.ask import ask, states
from tests.impact.assemble import from_world, world
from tests.impact.checker import Checker
from tests.impact.estate import Need
from tests.impact.history import History, ci_records
from tests.impact.reading import Reading

KINDS = ("DOWN", "DOWN", "MAINTENANCE", "DEGRADED", "PINNED_UP")


def groups(topology: Topology) -> dict[str, tuple[Need, str]]:
    """What the topology holds, in plain words."""
    return {id_: (_plain(topology, group), group.origin) for id_, group in topology.live.groups.items()}


def _plain(topology: Topology, group: Group) -> Need:
    nodes, planes = topology.facts.nodes, topology.live.planes
    mentions = tuple(
        (nodes[lit].id if lit >= 0 else (planes[plane_of(lit)].name, nodes[ci_of(lit)].id), weight)
        for lit, weight in group.providers
    )
    return Need(nodes[group.owner].id, group.needed, tuple(sorted(mentions, key=str)), group.on_loss, group.passes)


def read(reading: Reading) -> dict[str, tuple[Need, str]]:
    """The same from the plain reading."""
    return {
        id_: (
            Need(need.owner, need.needed, tuple(sorted(need.weights.items(), key=str)), need.on_loss, need.passes),
            reading.origins[id_],
        )
        for id_, need in reading.named.items()
    }


def paths(topology: Topology) -> dict[str, tuple[set[str], set[str]]]:
    """Roots and connected CIs of each plane that anything is known of."""
    nodes = topology.facts.nodes
    return {
        plane.name: ({nodes[ci].id for ci in plane.roots}, {nodes[ci].id for ci in plane.parent})
        for plane in topology.live.planes
        if plane.roots
    }


def test_histories(rng: Random, estates: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(estates // 10):
        history, topology = History(rng), Topology(load_model())
        for sequence in range(1, rng.randint(4, 24)):
            assert topology.apply(sequence, sequence * 1000, history.commit(rng.choice((1, 1, 3, 10))))
        reading, again = Reading(history.world, load_model()), from_world(history.world, topology.sequence)
        seen.update(kind for id_, (_, kind) in groups(topology).items())
        seen["FOUND"] += bool(topology.facts.gateways.roots())

        assert groups(topology) == groups(again) == read(reading), number
        assert paths(topology) == paths(again)
        assert paths(topology) == {
            name: (ground.roots, oracle.connected(ground, set()))
            for name, ground in reading.planes.items()
            if ground.roots
        }
        _slack_is_exact(topology, again)
        _answers_agree(rng, topology, again, reading, number)
    assert min(seen[kind] for kind in ("DEFAULT", "MANUAL", "DISCOVERED")) > estates // 100
    assert seen["FOUND"] > estates // 200


def _slack_is_exact(topology: Topology, again: Topology) -> None:
    for id_, group in topology.live.groups.items():
        other = again.live.groups[id_]

        assert (group.up, group.slack, group.ill_slack) == (other.up, other.slack, other.ill_slack)
        assert (group in topology.live.defects.get(group.owner, ())) == (not group.holds or bool(group.gone))


def _answers_agree(rng: Random, topology: Topology, again: Topology, reading: Reading, number: int) -> None:
    there = [ci for ci in reading.estate.cis if reading.there(ci)]
    if not there:
        return
    drawn = generate.kinds(rng, reading.estate, KINDS)
    kinds = {ci: kind for ci, kind in drawn.items() if ci in there} or {there[0]: "DOWN"}
    answer = ask(topology, kinds)
    expected = oracle.states(reading.estate, kinds)

    assert states(answer) == states(ask(again, kinds)) == expected, (number, kinds)
    Checker(reading.estate, reading.named, kinds, answer).check()


def test_commits_known_already_change_nothing(rng: Random) -> None:
    history, topology = History(rng), Topology(load_model())
    commits = [history.commit(5) for _ in range(10)]
    for sequence, changes in enumerate(commits, 1):
        topology.apply(sequence, 0, changes)
    before = groups(topology), paths(topology)

    assert not any(topology.apply(sequence, 0, changes) for sequence, changes in enumerate(commits, 1))
    assert (groups(topology), paths(topology)) == before
    assert topology.sequence == 10


def test_gap_is_refused(rng: Random) -> None:
    topology = Topology(load_model())
    topology.apply(1, 0, History(rng).commit(3))

    with pytest.raises(Gap, match="from commit 1 to 3"):
        topology.apply(3, 0, [])
    assert topology.sequence == 1


def test_change_of_an_unknown_ci_is_refused_and_changes_nothing() -> None:
    topology = Topology(load_model())
    facts = NewCI("a", "Service", "", "", "in_service", {"name": "a"}, (), {}, 0)

    with pytest.raises(Gap, match="names CI b, which is not known"):
        topology.apply(1, 0, [facts, NewRelationship("a", "DEPENDS_ON", "b", {}, {})])
    assert (topology.sequence, topology.find("a")) == (0, None)


def test_a_load_that_fails_leaves_what_was_there(rng: Random) -> None:
    history = History(rng)
    history.commit(20)
    topology = from_world(history.world, 3)
    before = groups(topology)

    def broken() -> Iterator[CIRecord]:
        yield from ci_records(history.world)
        raise ConnectionError("the store went away")

    with pytest.raises(ConnectionError):
        topology.load(broken(), (), 4)
    assert (topology.sequence, groups(topology)) == (3, before)


def test_readers_and_the_feed_in_different_threads() -> None:
    """Each answer belongs to one commit: host and software appear and are retired together."""
    topology = from_world(world("root:Computer"))
    wrong: list[Impact] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            answer = ask(topology, {"root": "DOWN"})
            if len(answer.nodes) != 1 + 2 * (answer.sequence % 2 == 0):
                wrong.append(answer)

    reader = threading.Thread(target=read)
    reader.start()
    facts = [
        NewCI("app", "Service", "", "", "in_service", {"name": "app"}, (), {}, 0),
        NewCI("web", "SoftwareInstance", "root", "web", "in_service", {"name": "web"}, (), {}, 0),
        NewRelationship("app", "DEPENDS_ON", "web", {}, {}),
    ]
    topology.apply(2, 0, facts)
    for sequence in range(3, 2_000):
        status = "in_service" if sequence % 2 == 0 else "retired"
        topology.apply(sequence, 0, [SetCI("web", "SoftwareInstance", status, {}, (), {"name": "web"}, {})])
    done.set()
    reader.join()

    assert not wrong
