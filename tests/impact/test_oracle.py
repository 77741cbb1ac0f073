"""Is the oracle itself right? It is held against all 2^n sets of small estates."""

from __future__ import annotations

from random import Random

from tests.impact import generate, oracle


def test_least_fixpoint_is_the_smallest_closed_set(rng: Random, estates: int) -> None:
    cascades = 0
    for _ in range(estates // 10):
        estate = generate.anything(rng, most=8)
        seeds = set(rng.sample(estate.cis, 1))
        found = oracle.down(estate, seeds)
        cascades += found != seeds

        assert found == oracle.smallest_closed(estate, seeds)
    assert cascades > estates // 100


def test_nothing_fails_by_itself(rng: Random, estates: int) -> None:
    for _ in range(estates // 10):
        assert oracle.down(generate.anything(rng), set()) == set()
