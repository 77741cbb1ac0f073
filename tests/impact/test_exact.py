"""Random estates: every answer equals the oracle's, and the checker accepts every proof."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.impact import generate, oracle
from tests.impact.ask import ask, draw, states
from tests.impact.assemble import assemble
from tests.impact.checker import check

KINDS = ("DOWN", "DOWN", "MAINTENANCE", "DEGRADED", "PINNED_UP")


def test_what_falls_and_why(rng: Random, estates: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(estates):
        estate = draw(rng, number)
        kinds = generate.kinds(rng, estate)
        answer = ask(assemble(estate), kinds)
        seen.update(step.kind for step in answer.proof)

        assert states(answer) == oracle.states(estate, kinds), (number, estate, kinds)
        check(estate, kinds, answer)
    assert min(seen[kind] for kind in ("SEED", "GROUP_BROKEN", "TRANSIT_LOST", "ISOLATED")) > estates // 50


def test_all_kinds_of_seeds(rng: Random, estates: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(estates):
        estate = draw(rng, number)
        kinds = generate.kinds(rng, estate, KINDS)
        answer = ask(assemble(estate), kinds)
        seen.update(node.state for node in answer.nodes)

        assert states(answer) == oracle.states(estate, kinds), (number, estate, kinds)
        check(estate, kinds, answer)
    assert len(seen) == 6


def test_release(rng: Random, estates: int) -> None:
    for number in range(estates // 10):
        estate = draw(rng, number)
        kinds = generate.kinds(rng, estate, ("RELEASE", "DOWN"))
        released = {ci for ci, kind in kinds.items() if kind == "RELEASE"}
        answer = ask(assemble(estate), kinds)

        assert {node.ci.id for node in answer.nodes if node.to_retest} == oracle.retest(estate, released)
        check(estate, kinds, answer)


def test_further_failures_are_counted_exactly(rng: Random, estates: int) -> None:
    seen: Counter[int | None] = Counter()
    for number in range(estates // 2):
        estate = draw(rng, number)
        kinds = generate.kinds(rng, estate, ("DOWN", "DOWN", "PINNED_UP"))
        seeds = {ci for ci, kind in kinds.items() if kind == "DOWN"}
        for node in ask(assemble(estate), kinds).nodes:
            if node.state == "AT_RISK":
                seen[node.n_more] += 1
                pinned = kinds.keys() - seeds

                assert node.n_more == oracle.n_more(estate, seeds, pinned, node.ci.id), (number, estate, kinds)
    assert set(seen) == {1, 2, 3}


def test_same_question_same_answer(rng: Random) -> None:
    for number in range(50):
        estate = draw(rng, number)
        kinds = generate.kinds(rng, estate, KINDS)
        topology = assemble(estate)

        assert ask(topology, kinds) == ask(topology, kinds) == ask(assemble(estate), kinds)
