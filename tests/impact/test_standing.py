"""A cascade that grows in place says the same as one made afresh, and taking back leaves no trace."""

from __future__ import annotations

from random import Random

from cmdb.impact.engine import Cascade, fail
from cmdb.impact.standing import Standing
from tests.impact.ask import draw
from tests.impact.assemble import assemble


def lost(run: Cascade) -> dict[object, int]:
    return {group: loss for group, loss in run.loss.items() if loss}


def content(run: Cascade) -> tuple[object, ...]:
    return list(run.trail), dict(run.cause), lost(run), dict(run.moved), run.islands


def test_adding_and_taking_back(rng: Random, estates: int) -> None:
    fell = 0
    for number in range(estates // 4):
        estate = draw(rng, number)
        live = assemble(estate).live
        pinned = frozenset(rng.sample(range(len(estate.cis)), rng.choice((0, 0, 1))))
        standing, added, before = Standing(live, pinned), list[list[int]](), [content(Cascade([], {}, {}, {}))]
        for _ in range(rng.randint(1, 12)):
            if added and rng.random() < 0.4:
                standing.take_back()
                added.pop()
                before.pop()

                assert content(standing.run) == before[-1]
                continue
            seeds = rng.sample(range(len(estate.cis)), rng.randint(1, 2))
            fallen = standing.add(seeds)
            added.append(seeds)
            before.append(content(standing.run))
            fell += len(fallen)
            afresh = fail(live, [ci for some in added for ci in some], pinned)

            assert standing.run.cause.keys() == afresh.cause.keys()
            assert lost(standing.run) == lost(afresh)
            assert standing.run.trail[len(standing.run.trail) - len(fallen) :] == fallen
    assert fell > estates
