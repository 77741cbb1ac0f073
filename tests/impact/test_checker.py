"""Is the checker awake? Answers with one planted defect each must be refused."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from cmdb.impact.answer import Impact
from tests.impact import generate
from tests.impact.ask import ask, draw
from tests.impact.assemble import assemble
from tests.impact.checker import check

replace = msgspec.structs.replace
Defect = Callable[[Random, Impact], Impact | None]


def one(rng: Random, items: tuple[Any, ...], fits: Callable[[Any], bool] = bool) -> tuple[int, Any] | None:
    """Some element that fits, with its place."""
    fitting = [(place, item) for place, item in enumerate(items) if fits(item)]
    return rng.choice(fitting) if fitting else None


def swapped(items: tuple[Any, ...], place: int, *new: Any) -> tuple[Any, ...]:
    return (*items[:place], *new, *items[place + 1 :])


def drop_a_citation(rng: Random, answer: Impact) -> Impact | None:
    if (found := one(rng, answer.proof, lambda s: bool(s.cites))) is None:
        return None
    place, step = found
    cites = swapped(step.cites, rng.randrange(len(step.cites)))
    return replace(answer, proof=swapped(answer.proof, place, replace(step, cites=cites)))


def cite_the_future(rng: Random, answer: Impact) -> Impact | None:
    if (found := one(rng, answer.proof, lambda s: bool(s.cites))) is None:
        return None
    place, step = found
    return replace(answer, proof=swapped(answer.proof, place, replace(step, cites=(*step.cites[1:], step.number))))


def invent_a_seed(rng: Random, answer: Impact) -> Impact | None:
    if (found := one(rng, answer.proof, lambda s: s.kind == "GROUP_BROKEN")) is None:
        return None
    place, step = found
    return replace(answer, proof=swapped(answer.proof, place, replace(step, kind="SEED", cites=(), group=None)))


def forget_the_last_step(rng: Random, answer: Impact) -> Impact | None:
    if answer.proof[-1].state == "AT_RISK":  # it may say about a CI what another step says already
        return None
    return replace(answer, proof=answer.proof[:-1])


def forget_a_node(rng: Random, answer: Impact) -> Impact | None:
    place = rng.randrange(len(answer.nodes))
    return replace(answer, nodes=swapped(answer.nodes, place))


def play_a_node_down(rng: Random, answer: Impact) -> Impact | None:
    if (found := one(rng, answer.nodes, lambda n: n.state == "DOWN")) is None:
        return None
    place, node = found
    return replace(answer, nodes=swapped(answer.nodes, place, replace(node, state="DEGRADED")))


def forget_a_spared(rng: Random, answer: Impact) -> Impact | None:
    if not answer.spared:
        return None
    return replace(answer, spared=swapped(answer.spared, rng.randrange(len(answer.spared))))


def widen_a_margin(rng: Random, answer: Impact) -> Impact | None:
    if (found := one(rng, answer.spared)) is None:
        return None
    place, spared = found
    return replace(answer, spared=swapped(answer.spared, place, replace(spared, margin=spared.margin + 1)))


def lead_a_path_astray(rng: Random, answer: Impact) -> Impact | None:
    if (found := one(rng, answer.spared, lambda s: len(s.live_path) > 1)) is None:
        return None
    place, spared = found
    return replace(answer, spared=swapped(answer.spared, place, replace(spared, live_path=spared.live_path[:-1])))


def put_an_island_elsewhere(rng: Random, answer: Impact) -> Impact | None:
    if (found := one(rng, answer.proof, lambda s: s.kind == "ISOLATED")) is None:
        return None
    place, step = found
    return replace(answer, proof=swapped(answer.proof, place, replace(step, island=step.number + 1)))


DEFECTS: list[Defect] = [
    drop_a_citation,
    cite_the_future,
    invent_a_seed,
    forget_the_last_step,
    forget_a_node,
    play_a_node_down,
    forget_a_spared,
    widen_a_margin,
    lead_a_path_astray,
    put_an_island_elsewhere,
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.__name__)
def test_refused(defect: Defect, rng: Random) -> None:
    planted = 0
    for number in range(400):
        estate = draw(rng, number)
        kinds = generate.kinds(rng, estate, ("DOWN", "DOWN", "DEGRADED"))
        bad = defect(rng, ask(assemble(estate), kinds))
        if bad is None:
            continue
        planted += 1

        with pytest.raises((AssertionError, KeyError, IndexError)):
            check(estate, kinds, bad)
    assert planted > 5
