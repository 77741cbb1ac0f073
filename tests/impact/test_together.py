"""What breaks only together, held against the definition, minute by minute and set by set."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from random import Random

import msgspec
import pytest

from cmdb.errors import Invalid, LimitExceeded, NotFound, UsageError
from cmdb.impact.answer import Seed
from cmdb.impact.sweep import Sweep
from cmdb.impact.together import assess
from cmdb.impact.work import Window, Work, tasks_of
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
        for minute in range(work.start // MINUTE, 24):
            going_on = plans.active(others, minute)
            needed = plans.lost(estate, work, *going_on) - plans.lost(estate, *going_on) - plans.lost(estate, work)
            keys = {w.key for w in going_on}
            told = {ref.id for c in found if set(c.keys) <= keys for ref in c.cis}

            assert plans.cis(needed) <= told, (number, minute)
    assert sizes[1] > 10
    assert sizes[2] > 0


def test_what_each_explains_alone_is_left_out(rng: Random, estates: int) -> None:
    seen = 0
    for number in range(estates // 20):
        estate = draw(rng, number)
        topology = assemble(estate)
        works = plans.works(rng, estate, 8)
        within = Window(0, 30 * MINUTE)
        tasks = tasks_of(topology, works, within)
        jointly = bool(number % 2)
        minutes = 0
        for moment in Sweep(topology.live, frozenset(), (), tasks, jointly).moments(within):
            names = {topology.facts.nodes[ci if ci >= 0 else ~ci >> 16].id for ci in moment.extra}
            for minute in range(moment.start // MINUTE, moment.end // MINUTE):
                minutes += 1
                going_on = plans.active(works, minute)
                alone = plans.lost(estate, *going_on) if jointly else plans.each(estate, going_on)

                assert names == plans.cis(plans.lost(estate, *going_on) - alone), (number, minute)
                assert {tasks[n].key for n in moment.active} == {w.key for w in going_on}
                seen += bool(names)
        assert minutes == 30
    assert seen > 10


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
