"""Safe slots, held against a check of every single minute."""

from __future__ import annotations

from random import Random

import pytest

from cmdb.errors import Invalid, LimitExceeded
from cmdb.impact.answer import Seed
from cmdb.impact.windows import MOST_BLOCKED, NOT_JUDGED, Blocked, find_windows
from cmdb.impact.work import Window, Work
from tests.impact import plans
from tests.impact.ask import draw
from tests.impact.assemble import assemble, from_world, world
from tests.impact.estate import Estate, Ground, needs
from tests.impact.plans import MINUTE
from tests.impact.test_certainty import put_in_doubt
from tests.impact.test_together import change

HORIZON = 30
PAIR = Estate(["a", "b", "x"], [needs("x", 1, "a", "b")])


def safe_minutes(estate: Estate, work: Work, others: list[Work]) -> list[bool]:
    found = []
    for minute in range(HORIZON):
        going_on = plans.active(others, minute)
        known = plans.lost(estate, *going_on) | plans.lost(estate, work)
        found.append(plans.lost(estate, work, *going_on) == known)
    return found


def test_a_slot_that_hangs_on_a_word_in_doubt_is_not_safe() -> None:
    depends = "x-a/group_key=one x-b/group_key=one x-c/group_key=one"
    made = world("a:Computer", "b:Computer", "c:Computer", "x:Service criticality=4", DEPENDS_ON=depends)
    topology, night = from_world(made), Window(0, 30 * MINUTE)
    asked = (topology, change("mine", "a"), 5, night, [change("other", "b", start=10, end=20)])
    assert find_windows(*asked).windows == (night,)

    put_in_doubt(topology, [("x", "DEPENDS_ON", "c")])
    found = find_windows(*asked)

    assert found.windows == (Window(0, 10 * MINUTE), Window(20 * MINUTE, 30 * MINUTE))
    assert found.blocked == (
        Blocked(Window(10 * MINUTE, 20 * MINUTE), ("other",), "together with other, x would fail"),
    )


def slots(safe: list[bool], length: int) -> list[Window]:
    """Maximal runs of safe minutes that are long enough."""
    found, since = [], None
    for minute, is_safe in enumerate([*safe, False]):
        if is_safe:
            since = minute if since is None else since
        elif since is not None:
            if minute - since >= length:
                found.append(Window(since * MINUTE, minute * MINUTE))
            since = None
    return found


def test_equal_to_a_check_of_every_minute(rng: Random, estates: int) -> None:
    waited = 0
    for number in range(estates // 16):
        estate = draw(rng, 0)  # redundant ones: there things break together
        others = plans.works(rng, estate, 14)
        work = Work("mine", "mine", tuple(Seed(ci) for ci in rng.sample(estate.cis, rng.choice((1, 1, 2)))), 0)
        length, first = rng.randint(1, 5), rng.randint(1, 4)
        safe = safe_minutes(estate, work, others)
        answer = find_windows(assemble(estate), work, length, Window(0, HORIZON * MINUTE), others, first)
        wanted = slots(safe, length)[:first]
        waited += bool(wanted) and wanted[0].start > 0

        assert list(answer.windows) == wanted, (number, estate, others)
        until = wanted[-1].end // MINUTE if len(wanted) == first else HORIZON
        unsafe = {m for b in answer.blocked for m in range(b.window.start // MINUTE, b.window.end // MINUTE)}
        assert unsafe == {m for m in range(until) if not safe[m]}
        for blocked in answer.blocked:
            minute = blocked.window.start // MINUTE
            in_the_way = [w for w in plans.active(others, minute) if w.key in blocked.keys]
            assert len(in_the_way) == len(blocked.keys) > 0
            assert plans.lost(estate, work, *in_the_way) > plans.each(estate, [work, *in_the_way])
    assert waited > estates // 400


def test_the_next_day_is_free() -> None:
    topology = assemble(PAIR, {"x": "Service"})
    others = [change("CHG-2", "b", start=10, end=20), change("CHG-3", "x", start=20, end=25)]
    answer = find_windows(topology, change("CHG-1", "a"), 10, Window(0, 60 * MINUTE), others)

    assert answer.windows == (Window(0, 10 * MINUTE), Window(20 * MINUTE, 60 * MINUTE))
    assert answer.blocked == (
        Blocked(Window(10 * MINUTE, 20 * MINUTE), ("CHG-2",), "together with CHG-2, x would fail"),
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "roots", "links"),
    [
        ("m1", "m2", "r", "r-m1 r-m2 m1-t m2-t"),  # each is one of two ways round
        ("r1", "r2", "r1 r2", "r1-t r2-t"),  # each is one of two roots
        ("a", "b", "r", "r-a a-t b-t b-c r-c"),
    ],
)
def test_two_ways_to_a_root(mine: str, theirs: str, roots: str, links: str) -> None:
    """No requirement is touched by both: it is the paths that break only together."""
    pairs = {frozenset(link.split("-")) for link in links.split()}
    members = {ci for pair in pairs for ci in pair}
    topology = assemble(Estate(sorted(members), [], {"lan": Ground(members, pairs, set(roots.split()))}))
    answer = find_windows(topology, change("1", mine), 1, Window(0, 60 * MINUTE), [change("CHG-2", theirs)])

    assert answer.windows == (Window(10 * MINUTE, 60 * MINUTE),)
    assert answer.blocked[0].text.startswith("together with CHG-2, ")


def test_nothing_planned_is_one_slot() -> None:
    answer = find_windows(assemble(PAIR), change("1", "a"), 60, Window(0, 60 * MINUTE))

    assert (answer.windows, answer.blocked) == ((Window(0, 60 * MINUTE),), ())


def test_an_outage_without_end_leaves_no_slot() -> None:
    outage = change("INC-1", "b", start=-5, end=None, kind="DOWN")
    answer = find_windows(assemble(PAIR), change("1", "a"), 1, Window(0, 60 * MINUTE), [outage])

    assert answer.windows == ()
    assert [(b.window, b.keys) for b in answer.blocked] == [(Window(0, 60 * MINUTE), ("INC-1",))]


def test_more_blocked_times_than_are_shown_are_part_of_the_last() -> None:
    others = [change(f"CHG-{n}", "b", start=2 * n, end=2 * n + 1) for n in range(200)]
    answer = find_windows(assemble(PAIR), change("1", "a"), 2, Window(0, 400 * MINUTE), others)

    assert answer.windows == ()
    assert len(answer.blocked) == MOST_BLOCKED
    assert answer.blocked[-1].window.end == 399 * MINUTE


def test_what_is_not_judged_is_not_safe() -> None:
    cis = [f"c{n}" for n in range(300)]
    others = [change(ci, ci, start=n, end=n + 10) for n, ci in enumerate(cis[1:])]
    answer = find_windows(assemble(Estate(cis)), change("1", "c0"), 1, Window(0, 400 * MINUTE), others, steps=2_000)

    assert answer.windows[0].start == 0
    assert answer.blocked[-1].text == NOT_JUDGED
    assert answer.windows[0].end <= answer.blocked[0].window.start


@pytest.mark.parametrize(
    ("minutes", "within", "first", "error", "text"),
    [
        (0, Window(0, 1), 1, Invalid, "0 minutes"),
        (10_081, Window(0, 1), 1, Invalid, "10,081 minutes"),
        (1, Window(5, 4), 1, Invalid, "the period ends before it starts"),
        (1, Window(0, 93 * 86_400_000), 1, LimitExceeded, "92 days"),
        (1, Window(0, 1), 51, LimitExceeded, "first is 51"),
    ],
)
def test_what_makes_no_sense_is_refused(
    minutes: int, within: Window, first: int, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        find_windows(assemble(PAIR), change("1", "a"), minutes, within, [], first)


def test_ten_thousand_overlapping_changes() -> None:
    cis = [f"c{n}" for n in range(2_000)]
    topology = assemble(Estate([*cis, "x"], [needs("x", 1, "c0", "c1")]))
    others = [change(f"k{n}", cis[1 + n % 1_999], start=n, end=n + 10_000) for n in range(10_000)]
    answer = find_windows(topology, change("mine", "c0"), 60, Window(0, 21_000 * MINUTE), others, 50)

    assert [(b.window, b.text) for b in answer.blocked if not b.keys] == []
    assert answer.windows[-1].end == 21_000 * MINUTE
