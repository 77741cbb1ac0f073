"""The kernel gives the cascade that the reference engine gives, in the same order, after any history."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING

import pytest

from cmdb.impact import engine, fixpoint
from cmdb.impact.singles import single_points
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from cmdb.topology.live import Live
from tests.impact.ask import draw
from tests.impact.assemble import assemble, from_world, world
from tests.impact.history import History

if TYPE_CHECKING:
    from cmdb.impact.mirror import Mirror

pytestmark = pytest.mark.kernel


@pytest.fixture(autouse=True)
def _kernel() -> Iterator[None]:
    pytest.importorskip("numba", reason="the extra `fast` (numba) is not installed")
    fixpoint.use_kernel()
    yield
    fixpoint.use_kernel(False)


def mirror(live: Live) -> Mirror:
    found = fixpoint.mirror_of(live)
    assert found is not None
    return found


def agree(rng: Random, topology: Topology) -> None:
    """Draw seeds, and perhaps one that stays up, and compare all that the two engines say."""
    count = len(topology.facts.nodes)
    seeds = rng.sample(range(count), min(count, rng.randint(1, 3)))
    pinned = frozenset(rng.sample(range(count), min(count, rng.choice((0, 0, 1)))))
    plain, quick = engine.fail(topology.live, seeds, pinned), mirror(topology.live).fail(seeds, pinned)

    assert quick == plain
    assert fixpoint.fallen(topology.live, seeds, pinned) == plain.trail
    services = dict.fromkeys(range(0, count, 2), 1)
    for ci in seeds:
        alone = engine.fail(topology.live, (ci,)).trail[1:]
        assert mirror(topology.live).hit(ci, services) == [literal for literal in alone if literal in services]
    assert (list(quick.cause), list(quick.loss), list(quick.moved)) == (
        (list(plain.cause), list(plain.loss), list(plain.moved))
    )


def test_same_cascade(rng: Random, estates: int) -> None:
    for number in range(estates):
        topology = assemble(draw(rng, number))
        agree(rng, topology)
        agree(rng, topology)


def test_same_cascade_after_any_history(rng: Random, estates: int) -> None:
    model = load_model()
    for _ in range(estates // 20):
        history, topology = History(rng), Topology(model)
        for sequence in range(1, rng.randint(4, 30)):
            topology.apply(sequence, 0, history.commit(rng.choice((1, 1, 3, 10))))
            if rng.random() < 0.5:
                agree(rng, topology)


def test_same_cascade_after_more_edits_than_are_told_singly(rng: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.topology.journal.MOST_EDITS", 5)
    history, topology = History(rng), Topology(load_model())
    for sequence in range(1, 40):
        topology.apply(sequence, 0, history.commit(3))
        agree(rng, topology)


def test_journal_stays_bounded_while_nobody_asks(rng: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.topology.journal.MOST_EDITS", 50)
    history, topology = History(rng), Topology(load_model())
    mirror(topology.live).arrays()
    for sequence in range(1, 60):
        topology.apply(sequence, 0, history.commit(20))
    journal = topology.live.journal

    assert journal is not None
    assert journal.everything
    assert not journal.served
    agree(rng, topology)


def test_epochs_begin_again(rng: Random) -> None:
    for number in range(20):
        topology = assemble(draw(rng, number))
        agree(rng, topology)
        arrays = mirror(topology.live).arrays()
        arrays.state[0] = 2**31 - 2**20
        agree(rng, topology)

        assert arrays.state[0] < 10


def test_same_single_points(rng: Random, estates: int) -> None:
    for number in range(estates // 20):
        estate = draw(rng, number)
        topology = assemble(estate, {ci: "Service" for ci in rng.sample(estate.cis, 2)})
        quick = single_points(topology, only_services=bool(number % 2))
        fixpoint.use_kernel(False)

        assert quick == single_points(topology, only_services=bool(number % 2))
        fixpoint.use_kernel()


def test_single_points_are_told_as_far_as_they_got(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.impact.mirror.TURN", 1)
    monkeypatch.setattr("cmdb.impact.turns.TURN", 1)
    hosts = [f"h{n}:Computer" for n in range(200)]
    parts = [f"s{n}:SoftwareInstance@h{n}" for n in range(200)]
    topology = from_world(world(*hosts, *parts))
    turns = iter((True, False))
    found = single_points(topology, only_services=False, rest=lambda: next(turns))

    assert not found.complete
    assert 0 < found.scanned < 400
    assert found.harmful == sum(point.toll.down == 1 for point in found.points) > 0


def test_a_topology_that_is_read_anew_gets_a_new_copy(rng: Random) -> None:
    topology = from_world(world("a:Computer", "b:SoftwareInstance@a"))
    before = mirror(topology.live)
    other = from_world(world("a:Computer", "b:SoftwareInstance@a", "c:SoftwareInstance@a"))
    topology.live, topology.facts = other.live, other.facts

    assert mirror(topology.live) is not before
    assert len(fixpoint.fail(topology.live, (topology.facts.numbers["a"],)).trail) == 3


def test_more_planes_than_the_kernel_has_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    topology = from_world(world("a:NetworkDevice roles=switch root_of=san", "b:SoftwareInstance@a"))
    monkeypatch.setattr(fixpoint, "MOST_PLANES", 1)

    assert fixpoint.mirror_of(topology.live) is None
    assert fixpoint.fail(topology.live, (0,)).trail[0] == 0
    assert single_points(topology, only_services=False).harmful == 1
