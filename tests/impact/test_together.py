"""What breaks only together, held against the definition, minute by minute and set by set."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from random import Random

import msgspec
import pytest

from cmdb.errors import Invalid, LimitExceeded, NotFound, UsageError
from cmdb.impact.answer import Seed
from cmdb.impact.sweep import OneByOne, OnTop, Sweep
from cmdb.impact.together import assess, find_collisions
from cmdb.impact.work import Window, Work, task_of, tasks_of
from cmdb.topology.live import ci_of
from tests.impact import plans
from tests.impact.ask import draw
from tests.impact.assemble import assemble
from tests.impact.estate import Estate, needs
from tests.impact.plans import MINUTE

ONE_OF_THREE = Estate(["a", "b", "c", "x"], [needs("x", 1, "a", "b", "c", on_loss="AT_RISK")])


def change(key: str, *cis: str, start: int = 0, end: int | None = 10, kind: str = "MAINTENANCE") -> Work:
    last = None if end is None else end * MINUTE
    return Work(key, key, tuple(Seed(ci, kind) for ci in cis), start * MINUTE, last)  # type: ignore[arg-type]


def test_every_collision_is_smallest_and_none_is_missing(rng: Random, estates: int) -> None:
    sizes: Counter[int] = Counter()
    for number in range(estates // 10):
        estate = draw(rng, number)
        others = plans.works(rng, estate, 6)
        work = msgspec.structs.replace(plans.works(rng, estate, 1)[0], key="mine", end=24 * MINUTE)
        found = assess(assemble(estate), work, others).collisions
        by_key = {w.key: w for w in others}
        for collision in found:
            sizes[len(collision.keys)] += 1
            guilty = [work, *(by_key[key] for key in collision.keys)]
            only = plans.lost(estate, *guilty)
            for some in combinations(guilty, len(guilty) - 1):
                only -= plans.lost(estate, *some)

            assert {ref.id for ref in collision.cis} == plans.cis(only) != set()
            assert collision.extra_down == len(plans.cis(only))
            assert collision.overlap.start == max(w.start for w in guilty)
            assert collision.overlap.end == min(w.end or 24 * MINUTE for w in guilty)
        for other in others:  # any pair, also where a third one breaks the same
            if other.start < 24 * MINUTE and (other.end or work.start + 1) > work.start:
                pair = plans.lost(estate, work, other) - plans.each(estate, [work, other])
                told = {ref.id for c in found if c.keys == (other.key,) for ref in c.cis}

                assert told == plans.cis(pair)
        for minute in range(work.start // MINUTE, 24):
            going_on = plans.active(others, minute)
            needed = plans.lost(estate, work, *going_on) - plans.lost(estate, *going_on) - plans.lost(estate, work)
            keys = {w.key for w in going_on}
            told = {ref.id for c in found if set(c.keys) <= keys for ref in c.cis}

            assert plans.cis(needed) <= told, (number, minute)
    assert sum(sizes.values()) > 10


def test_all_that_collides_in_a_period(rng: Random, estates: int) -> None:
    sizes: Counter[int] = Counter()
    for number in range(estates // 20):
        estate = draw(rng, number)
        works = plans.works(rng, estate, 6)
        by_key = {w.key: w for w in works}
        found = find_collisions(assemble(estate), works, Window(0, 30 * MINUTE))
        for collision in found:
            sizes[len(collision.keys)] += 1
            guilty = [by_key[key] for key in collision.keys]
            only = plans.lost(estate, *guilty)
            for some in combinations(guilty, len(guilty) - 1):
                only -= plans.lost(estate, *some)

            assert {ref.id for ref in collision.cis} == plans.cis(only) != set()
        for minute in range(30):
            going_on = plans.active(works, minute)
            extra = plans.lost(estate, *going_on) - plans.each(estate, going_on)
            keys = {w.key for w in going_on}

            assert plans.cis(extra) <= {ref.id for c in found if set(c.keys) <= keys for ref in c.cis}, number
    assert sum(sizes.values()) > 3


def test_the_moments_of_a_period(rng: Random, estates: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(estates // 20):
        estate = draw(rng, number)
        topology = assemble(estate)
        works, within = plans.works(rng, estate, 8), Window(0, 30 * MINUTE)
        (mine,) = plans.works(rng, estate, 1)
        tasks, base = tasks_of(topology, works, within), task_of(topology, mine).out
        live, minutes = topology.live, 0
        by = {"one by one": OneByOne(live, frozenset()), "on top": OnTop(live, frozenset(), base)}
        for name, judged_by in by.items():
            for moment in Sweep(tasks, judged_by).moments(within):
                names = {topology.facts.nodes[ci_of(literal)].id for literal in moment.extra}
                for minute in range(moment.start // MINUTE, moment.end // MINUTE):
                    minutes += 1
                    going_on = plans.active(works, minute)
                    lost = plans.lost(estate, *going_on)
                    extra = lost - plans.each(estate, going_on)
                    if name == "on top":
                        extra = plans.lost(estate, mine, *going_on) - lost - plans.lost(estate, mine)

                    assert names == plans.cis(extra), (number, name, minute)
                    assert {tasks[n].key for n in moment.active} == {w.key for w in going_on}
                    seen[name] += bool(names)
        assert minutes == 60
    assert min(seen.values()) > 5


def test_three_changes_each_pair_of_them_harmless() -> None:
    topology = assemble(ONE_OF_THREE, {"x": "Service"})
    pair = assess(topology, change("1", "a"), [change("2", "b")])
    three = assess(topology, change("1", "a"), [change("2", "b"), change("3", "c", start=8, end=12)])

    assert pair.collisions == ()
    assert (pair.together.down_planned, pair.together.at_risk) == (0, 1)
    (found,) = three.collisions
    assert (found.keys, found.overlap, found.extra_down) == (("2", "3"), Window(8 * MINUTE, 10 * MINUTE), 1)
    assert [(s.ci.id, s.state, s.criticality) for s in found.services] == [("x", "DOWN_PLANNED", 1)]
    assert (three.alone.down_planned, three.together.down_planned, three.together.maintenance) == (0, 1, 3)
    assert three.hangs_on == ("a", "x")


def test_one_after_the_other_is_no_collision() -> None:
    topology = assemble(ONE_OF_THREE)
    others = [change("2", "b", start=0, end=5), change("3", "c", start=5, end=10)]

    assert assess(topology, change("1", "a"), others).collisions == ()


def test_an_open_outage_collides_until_further_notice() -> None:
    topology = assemble(Estate(["a", "b", "x"], [needs("x", 1, "a", "b")]))
    outage = change("INC", "b", start=-100, end=None, kind="DOWN")
    (found,) = assess(topology, change("1", "a"), [outage]).collisions
    assert (found.keys, found.overlap) == (("INC",), Window(0, 10 * MINUTE))

    (found,) = assess(topology, change("INC", "b", end=None), [change("1", "a", start=5)]).collisions
    assert found.overlap.start == 5 * MINUTE


def test_what_others_do_without_it_is_no_matter_of_this_change() -> None:
    estate = Estate(["a", "b", "x", "lone"], [needs("x", 1, "a", "b")])

    assert assess(assemble(estate), change("1", "lone"), [change("2", "a"), change("3", "b")]).collisions == ()
    (found,) = find_collisions(assemble(estate), [change("2", "a"), change("3", "b")], Window(0, MINUTE))
    assert (found.keys, found.overlap, found.extra_down) == (("2", "3"), Window(0, MINUTE), 1)


def test_a_ci_of_others_that_is_not_there_is_said() -> None:
    topology = assemble(ONE_OF_THREE)
    found = assess(topology, change("1", "a"), [change("2", "b", "gone"), change("3", "nobody")])

    assert [(u.work, u.ci) for u in found.unknown] == [("2", "gone"), ("3", "nobody")]


def test_what_makes_no_sense_is_refused() -> None:
    topology = assemble(ONE_OF_THREE)
    with pytest.raises(Invalid, match="ends before it starts"):
        assess(topology, change("1", "a", start=5, end=4))
    with pytest.raises(Invalid, match="ends before it starts"):
        assess(topology, change("1", "a", start=5, end=5))
    with pytest.raises(UsageError, match="no CIs"):
        assess(topology, change("1"))
    with pytest.raises(NotFound, match="nobody"):
        assess(topology, change("1", "nobody"))
    with pytest.raises(LimitExceeded, match="50,000 CIs"):
        assess(topology, change("1", *(["a"] * 50_000)))
    with pytest.raises(LimitExceeded, match="10,001 changes"):
        assess(topology, change("1", "a"), [change("2", "b")] * 10_001)


def test_too_much_to_judge_is_an_error_that_says_so() -> None:
    cis = [f"c{n}" for n in range(300)]
    topology = assemble(Estate(cis))
    others = [change(ci, ci, start=n, end=n + 10) for n, ci in enumerate(cis[1:])]

    with pytest.raises(LimitExceeded, match="shorter window"):
        assess(topology, change("1", "c0", end=400), others, steps=1_000)


def test_ten_thousand_overlapping_changes() -> None:
    """Each on a machine of its own or of a few, all of them overlapping: within the limit of steps."""
    cis = [f"c{n}" for n in range(2_000)]
    estate = Estate([*cis, "x"], [needs("x", 1, "c0", "c1", "c2")])
    topology = assemble(estate)
    others = [change(f"k{n}", cis[1 + n % 1_999], start=n, end=n + 10_000) for n in range(10_000)]
    found = assess(topology, change("mine", "c0", end=20_000), others)

    assert all(c.extra_down == 1 and len(c.keys) == 2 for c in found.collisions)
    assert found.collisions
