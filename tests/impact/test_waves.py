"""Waves of a release: each one safe by the definition, none that would not do, a bound that no plan beats."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from cmdb.errors import Invalid, LimitExceeded, NotFound, UsageError
from cmdb.impact.waves import ReleaseWaves, plan_waves
from tests.impact import oracle
from tests.impact.ask import draw
from tests.impact.assemble import assemble
from tests.impact.estate import Estate, Ground, Literal, needs


def lost(estate: Estate, down: set[str]) -> set[Literal]:
    return oracle.truth(estate, set()) - oracle.truth(estate, oracle.down(estate, down))


def is_safe(estate: Estate, wave: list[str]) -> bool:
    return lost(estate, set(wave)) == {literal for ci in wave for literal in lost(estate, {ci})}


def waves_of(answer: ReleaseWaves) -> list[list[str]]:
    return [[i.ci.id for i in answer.items if i.wave == n] for n in range(1, answer.waves + 1)]


def fewest(estate: Estate, targets: list[str], size: int) -> int:
    """Number of waves of the best plan, by trying all."""
    for most in range(1, len(targets) + 1):
        for chosen in product(range(most), repeat=len(targets)):
            waves = [[t for t, w in zip(targets, chosen, strict=True) if w == n] for n in range(most)]
            if all(len(wave) <= size and is_safe(estate, wave) for wave in waves):
                return most
    raise AssertionError("one by one is always safe")


def test_each_wave_is_safe_and_no_plan_is_below_the_bound(rng: Random, estates: int) -> None:
    several = tight = 0
    for number in range(estates // 4):
        estate = draw(rng, number)
        targets = rng.sample(estate.cis, rng.randint(1, min(8, len(estate.cis))))
        size = rng.choice((None, None, 1, 2, 3))
        answer = plan_waves(assemble(estate), targets, size)
        waves = waves_of(answer)
        several += answer.waves > 1
        tight += answer.waves == answer.lower_bound > 1

        assert sorted(ci for wave in waves for ci in wave) == sorted(targets)
        assert all(is_safe(estate, wave) for wave in waves), (number, estate, targets)
        assert all(len(wave) <= (size or len(wave)) for wave in waves)
        assert 1 <= answer.lower_bound <= answer.waves
        assert all(bool(item.text) == (item.wave > 1) for item in answer.items)
    assert several > estates // 40
    assert tight > 0


def test_the_bound_is_never_above_the_best_plan(rng: Random, estates: int) -> None:
    best = 0
    for number in range(estates // 20):
        estate = draw(rng, 0)
        targets = rng.sample(estate.cis, rng.randint(2, min(5, len(estate.cis))))
        size = rng.choice((len(targets), 2))
        answer = plan_waves(assemble(estate), targets, size)
        found = fewest(estate, targets, size)
        best += answer.waves == found

        assert answer.lower_bound <= found <= answer.waves, (number, estate, targets)
    assert best > estates // 25  # nearly always, though nothing guarantees it


def test_a_farm_that_needs_two_of_four() -> None:
    farm = Estate(["a", "b", "c", "d", "farm"], [needs("farm", 2, "a", "b", "c", "d")])
    answer = plan_waves(assemble(farm), ["a", "b", "c", "d"])

    assert (answer.waves, answer.lower_bound) == (2, 2)
    assert [(i.ci.id, i.wave, i.text) for i in answer.items] == [
        ("a", 1, ""),
        ("b", 1, ""),
        ("c", 2, "in wave 1, farm would fail: it needs 2 of 4"),
        ("d", 2, "in wave 1, farm would fail: it needs 2 of 4"),
    ]


def test_what_falls_with_one_of_them_anyway_sets_no_bound() -> None:
    estate = Estate(["a", "b", "p", "x"], [needs("x", 1, "a", "b"), needs("x", 1, "p")])
    answer = plan_waves(assemble(estate), ["a", "b", "p"])

    assert (answer.waves, answer.lower_bound) == (1, 1)


def test_both_ways_of_a_switch() -> None:
    links = {frozenset(pair) for pair in (("core1", "tor"), ("core2", "tor"))}
    ground = Ground({"core1", "core2", "tor"}, links, {"core1", "core2"})
    answer = plan_waves(assemble(Estate(["core1", "core2", "tor"], [], {"lan": ground})), ["core1", "core2"])

    assert answer.waves == 2
    assert answer.items[1].text == "in wave 1, tor would have no path to a root of plane lan any more"


def test_a_size_and_its_text() -> None:
    answer = plan_waves(assemble(Estate(["a", "b", "c"])), ["a", "b", "c", "a"], wave_size=2)

    assert (answer.waves, answer.lower_bound) == (2, 2)
    assert [i.text for i in answer.items] == ["", "", "wave 1 is full"]


def test_where_the_search_ends_the_plan_is_still_safe() -> None:
    cis = [f"c{n}" for n in range(40)]
    pairs = [needs(f"x{n}", 1, f"c{n}", f"c{n + 1}") for n in range(0, 40, 2)]
    estate = Estate([*cis, *(pair.owner for pair in pairs)], pairs)
    answer = plan_waves(assemble(estate), cis, steps=120)

    assert all(is_safe(estate, wave) for wave in waves_of(answer))
    assert answer.lower_bound == plan_waves(assemble(estate), cis).waves == 2 < answer.waves
    assert answer.items[-1].text.startswith("the search ended at its limit")


def test_five_thousand_that_each_need_a_wave() -> None:
    cis = [f"c{n}" for n in range(5_000)]
    answer = plan_waves(assemble(Estate([*cis, "x"], [needs("x", 4_999, *cis)])), cis)

    assert answer.waves == answer.lower_bound == 5_000


def test_what_makes_no_sense_is_refused() -> None:
    topology = assemble(Estate(["a", "b", "x"], [needs("x", 1, "a")]))
    with pytest.raises(UsageError, match="no CIs"):
        plan_waves(topology, [])
    with pytest.raises(Invalid, match="a wave of 0"):
        plan_waves(topology, ["a"], 0)
    with pytest.raises(NotFound, match="nobody"):
        plan_waves(topology, ["nobody"])
    with pytest.raises(LimitExceeded, match="5,001 CIs"):
        plan_waves(topology, [f"c{n}" for n in range(5_001)])
    with pytest.raises(LimitExceeded, match="in parts"):
        plan_waves(topology, ["a", "b"], steps=3)
