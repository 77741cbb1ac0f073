"""The laws of impact, on random estates."""

from __future__ import annotations

import dataclasses
from random import Random

from cmdb.impact.engine import fail
from cmdb.topology import Topology
from tests.impact import oracle
from tests.impact.ask import draw
from tests.impact.assemble import assemble
from tests.impact.estate import Estate, Need


def fallen(topology: Topology, seeds: set[str]) -> set[str]:
    """Ids of what is down."""
    numbers, nodes = topology.facts.numbers, topology.facts.nodes
    return {nodes[ci].id for ci in fail(topology.live, [numbers[s] for s in sorted(seeds)]).cause if ci >= 0}


def some(rng: Random, estate: Estate) -> set[str]:
    return set(rng.sample(estate.cis, rng.randint(1, 2)))


def test_monotone_idempotent_and_independent_of_stages(rng: Random, estates: int) -> None:
    for number in range(estates // 4):
        estate = draw(rng, number)
        topology = assemble(estate)
        a, b = some(rng, estate), some(rng, estate)
        down_a, both = fallen(topology, a), fallen(topology, a | b)

        assert down_a <= both
        assert fallen(topology, down_a) == down_a
        assert fallen(topology, down_a | b) == both
        assert fallen(topology, set()) == set()


def test_order_of_seeds_does_not_matter(rng: Random, estates: int) -> None:
    for number in range(estates // 10):
        estate = draw(rng, number)
        topology = assemble(estate)
        seeds = [topology.facts.numbers[ci] for ci in estate.cis[:3]]

        assert fail(topology.live, seeds).cause.keys() == fail(topology.live, seeds[::-1]).cause.keys()


def test_going_on_equals_starting_again(rng: Random, estates: int) -> None:
    for number in range(estates // 4):
        estate = draw(rng, number)
        topology = assemble(estate)
        numbers = topology.facts.numbers
        a, b = ([numbers[ci] for ci in some(rng, estate)] for _ in range(2))
        staged = fail(topology.live, b, after=fail(topology.live, a))

        assert staged.cause.keys() == fail(topology.live, [*a, *b]).cause.keys()
        assert staged.loss == fail(topology.live, [*a, *b]).loss


def test_more_redundancy_never_hurts_and_more_need_never_helps(rng: Random, estates: int) -> None:
    tried = 0
    for number in range(estates):
        estate = draw(rng, number)
        if len(oracle.in_force(estate)) < len(estate.needs) or not estate.needs:
            continue  # a waiver is not monotone
        seeds = some(rng, estate)
        before = fallen(assemble(estate), seeds)
        at = rng.randrange(len(estate.needs))
        need = estate.needs[at]
        fresh = [ci for ci in estate.cis if ci != need.owner and ci not in need.weights]
        if fresh:
            helped = _with(estate, at, dataclasses.replace(need, mentions=(*need.mentions, (rng.choice(fresh), 1))))

            assert fallen(assemble(helped), seeds) <= before
        raised = _with(estate, at, dataclasses.replace(need, needed=need.needed + 1))
        if len(oracle.in_force(raised)) == len(raised.needs):
            tried += 1

            assert fallen(assemble(raised), seeds) >= before
    assert tried > estates // 100


def test_a_new_link_never_hurts(rng: Random, estates: int) -> None:
    for number in range(0, estates, 2):
        estate = draw(rng, number)
        if len(oracle.in_force(estate)) < len(estate.needs):
            continue
        seeds = some(rng, estate)
        before = fallen(assemble(estate), seeds)
        ground = estate.planes["lan"]
        ground.links.add(frozenset(rng.sample(sorted(ground.members), 2)))

        assert fallen(assemble(estate), seeds) <= before


def _with(estate: Estate, at: int, need: Need) -> Estate:
    return Estate(estate.cis, [*estate.needs[:at], need, *estate.needs[at + 1 :]], estate.planes)
