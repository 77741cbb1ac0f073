"""The ranking of causes against an exhaustive search, on random estates and on worked examples."""

from __future__ import annotations

import math
from itertools import combinations
from random import Random

import pytest

from cmdb.errors import LimitExceeded, NotFound, UsageError
from cmdb.impact.causes import MOST_ALARMS, Alarm, RootCause, find_causes
from cmdb.topology import Topology
from tests.impact import oracle
from tests.impact.ask import draw
from tests.impact.assemble import assemble, from_world, world
from tests.impact.estate import Estate, Ground, needs

EFFECTS = ("DOWN", "DOWN", "UNREACHABLE", "DEGRADED")
OTHERS = 300  # CIs of the same estate that have nothing to do with it: alarms mean more where many could have come
Score = tuple[float, frozenset[str], frozenset[str]]


def judged(estate: Estate, roots: tuple[str, ...], alarms: dict[str, str], missing: float = 0.1) -> Score:
    """Score, explained alarms and silent CIs from the definition."""
    fallen = oracle.down(estate, set(roots))
    lost = oracle.truth(estate, set()) - oracle.truth(estate, fallen)
    cut_off = {literal[1] for literal in lost if isinstance(literal, tuple)} - fallen
    sick = oracle.unhealthy(estate, fallen, set(), set())
    hits = {"DOWN": fallen, "UNREACHABLE": fallen | cut_off, "DEGRADED": sick}
    explained = {ci for ci, effect in alarms.items() if ci in hits[effect]}
    silent = (fallen | cut_off) - alarms.keys()
    size = len(estate.cis) + OTHERS
    hit = math.log((1 - missing) / (max(0.05 * len(alarms), 0.5) / size))
    score = len(explained) * hit + len(silent) * math.log(missing) - (len(roots) - 1) * math.log(10 * size)
    return score, frozenset(explained), frozenset(silent)


def incident(rng: Random, estate: Estate) -> dict[str, str]:
    """Alarms of an incident: most of what fell, now and then something that did not."""
    roots = set(rng.sample(estate.cis, rng.choice((1, 1, 2))))
    fallen = sorted(oracle.down(estate, roots))
    told = [ci for ci in fallen if rng.random() < 0.8] or fallen[:1]
    told += [ci for ci in estate.cis if rng.random() < 0.05 and ci not in told]
    return {ci: rng.choice(EFFECTS) for ci in told}


def rank(estate: Estate, alarms: dict[str, str], first: int = 3, missing: float = 0.1) -> RootCause:
    given = [Alarm(ci, effect) for ci, effect in alarms.items()]  # type: ignore[arg-type]  # texts of EFFECTS
    return find_causes(topology_of(estate), given, missing, first=first)


def topology_of(estate: Estate) -> Topology:
    return assemble(Estate([*estate.cis, *(f"other-{n}" for n in range(OTHERS))], estate.needs, estate.planes))


def ids(refs: tuple[object, ...]) -> frozenset[str]:
    return frozenset(ref.id for ref in refs)  # type: ignore[attr-defined]  # they are CIRefs


def test_every_explanation_is_what_the_definition_says(rng: Random, estates: int) -> None:
    shown = 0
    for number in range(estates // 4):
        estate = draw(rng, number)
        alarms = incident(rng, estate)
        answer = rank(estate, alarms, first=10)
        scores = [candidate.score for candidate in answer.candidates]
        for candidate in answer.candidates:
            roots = tuple(sorted(ids(candidate.roots)))
            score, explained, silent = judged(estate, roots, alarms)
            shown += 1

            assert candidate.score == pytest.approx(score, abs=0.001), (number, estate, alarms)
            assert ids(candidate.explained) == explained
            assert ids(candidate.unexplained) == alarms.keys() - explained
            assert ids(candidate.silent) == silent
        assert scores == sorted(scores, reverse=True)
        assert answer.complete
    assert shown > estates // 4


def test_no_single_cause_is_better_than_the_first(rng: Random, estates: int) -> None:
    for number in range(estates // 4):
        estate = draw(rng, number)
        alarms = incident(rng, estate)
        best = max(judged(estate, (ci,), alarms)[0] for ci in estate.cis)
        found = rank(estate, alarms).candidates

        assert found or best <= 0, (number, estate, alarms)
        assert not found or found[0].score >= best - 0.001, (number, estate, alarms)


def test_the_best_pair_is_found_nearly_always(rng: Random, estates: int) -> None:
    tried = found = 0
    for number in range(estates // 4):
        estate = draw(rng, number)
        alarms = dict.fromkeys(sorted(oracle.down(estate, set(rng.sample(estate.cis, 2)))), "DOWN")
        single = max(judged(estate, (ci,), alarms)[0] for ci in estate.cis)
        if len(alarms) < 4 or single >= 0.999 * len(alarms) * math.log(0.9 / 0.5 * (len(estate.cis) + OTHERS)):
            continue  # one root explains everything
        pair = max(judged(estate, two, alarms)[0] for two in combinations(estate.cis, 2))
        if pair > max(single, 0.0) + 0.001:
            tried += 1
            found += rank(estate, alarms).candidates[0].score >= pair - 0.001

    assert tried > estates // 100
    assert found >= 0.95 * tried, (found, tried)


def test_same_alarms_in_any_order_give_the_same_answer(rng: Random) -> None:
    for number in range(40):
        estate = draw(rng, number)
        alarms = list(incident(rng, estate).items())
        first = rank(estate, dict(alarms))
        rng.shuffle(alarms)

        assert rank(estate, dict(alarms)) == first


def test_a_search_that_is_cut_short_says_so(rng: Random) -> None:
    estate = draw(rng, 0)
    given = [Alarm(ci, "DOWN") for ci in estate.cis[:4]]

    assert not find_causes(assemble(estate), given, steps=3).complete
    assert find_causes(assemble(estate), given).complete


# ---- worked examples
SITE = Estate(
    ["pdu-1", "pdu-2", "core-1", "core-2", "tor-1", "tor-2", "hv-1", "hv-2", "hv-3", "vmc", "app", "shop", "pay"],
    [
        needs("core-1", 1, "pdu-1", "pdu-2"),
        needs("core-2", 1, "pdu-1", "pdu-2"),
        needs("tor-1", 1, "pdu-1"),
        needs("tor-2", 1, "pdu-1"),
        *(needs(hv, 1, "pdu-1", "pdu-2") for hv in ("hv-1", "hv-2", "hv-3")),
        *(needs(hv, 1, ("lan", "tor-1"), ("lan", "tor-2")) for hv in ("hv-1", "hv-2", "hv-3")),
        needs("vmc", 2, "hv-1", "hv-2", "hv-3"),
        needs("app", 1, "vmc"),
        needs("shop", 1, "app"),
        needs("pay", 1, "app"),
    ],
    {
        "lan": Ground(
            {"core-1", "core-2", "tor-1", "tor-2"},
            {frozenset((tor, core)) for tor in ("tor-1", "tor-2") for core in ("core-1", "core-2")},
            {"core-1", "core-2"},
        )
    },
)
REPORTED = {**dict.fromkeys(("tor-1", "tor-2", "hv-1", "hv-2", "hv-3"), "UNREACHABLE"), "shop": "DOWN", "pay": "DOWN"}


def test_a_silent_common_cause_is_found() -> None:
    best = rank(SITE, REPORTED).candidates[0]

    assert ids(best.roots) == {"pdu-1"}
    assert len(best.explained) == 7
    assert best.unexplained == ()
    assert {"pdu-1", "vmc", "app"} == ids(best.silent)


def test_what_to_check_next_tells_the_candidates_apart() -> None:
    answer = rank(SITE, REPORTED)
    fallen = [oracle.down(SITE, set(ids(c.roots))) for c in answer.candidates]

    assert answer.checks[0].ci.name == "pdu-1"
    assert answer.checks
    for check in answer.checks:
        assert check.fails_in == tuple(n for n, down in enumerate(fallen, 1) if check.ci.id in down)
        assert 0 < len(check.fails_in) < len(fallen)


def test_a_redundant_pair() -> None:
    """Two switches must both fail; what hangs below them can't have failed together by itself."""
    estate = Estate(
        ["a", "b", *(f"h{n}" for n in range(8))],
        [needs(f"h{n}", 1, "a", "b") for n in range(8)],
    )
    alarms = dict.fromkeys(estate.cis, "DOWN")
    best = rank(estate, alarms).candidates[0]

    assert ids(best.roots) == {"a", "b"}
    assert len(best.explained) == 10


def test_two_unrelated_causes() -> None:
    estate = Estate(
        ["a", "b", *(f"x{n}" for n in range(8)), *(f"y{n}" for n in range(5))],
        [*(needs(f"x{n}", 1, "a") for n in range(8)), *(needs(f"y{n}", 1, "b") for n in range(5))],
    )
    alarms = dict.fromkeys([*(f"x{n}" for n in range(7)), *(f"y{n}" for n in range(5))], "DOWN")

    assert ids(rank(estate, alarms).candidates[0].roots) == {"a", "b"}


def test_what_fails_with_the_root_and_explains_as_much_is_contained() -> None:
    estate = Estate(["a", "b", "c", "d"], [needs("b", 1, "a"), needs("c", 1, "b"), needs("d", 1, "b")])
    best = rank(estate, {"c": "DOWN", "d": "DOWN", "a": "DOWN"}).candidates[0]
    inner = rank(estate, {"c": "DOWN", "d": "DOWN"}).candidates

    assert ids(best.roots) == {"a"}
    assert best.contained == ()
    assert [ids(c.roots) for c in inner[:2]] == [{"b"}, {"a"}]
    assert ids(inner[1].contained) == {"b"}


def test_a_part_is_not_missed_where_its_device_is_silent_too() -> None:
    made = world(
        "sw:NetworkDevice roles=switch root_of=lan",
        *(f"p{n}:Interface@sw" for n in range(9)),
        "h:Computer",
        "s:Service",
        DEPENDS_ON="h-sw s-h",
    )
    best = find_causes(from_world(made), [Alarm("sw"), Alarm("h"), Alarm("s")]).candidates[0]

    assert ids(best.roots) == {"sw"}
    assert best.silent == ()


def test_an_alarm_that_means_only_cut_off_is_no_proof_of_down() -> None:
    """A switch behind a dead core works: said to be unreachable it is explained, said to be down it is not."""
    pair = {"core-1", "core-2"}
    reported = dict.fromkeys((*pair, "hv-1", "hv-2", "hv-3", "vmc", "app", "shop", "pay"), "DOWN")
    unreachable = rank(SITE, {**reported, "tor-1": "UNREACHABLE"}).candidates[0]
    down = rank(SITE, {**reported, "tor-1": "DOWN"}, first=10).candidates

    assert ids(unreachable.roots) == pair
    assert unreachable.unexplained == ()
    assert [ids(c.unexplained) for c in down if ids(c.roots) == pair] == [{"tor-1"}]


# ---- bad input
def test_bad_input_is_refused() -> None:
    topology = assemble(SITE)
    alarm = Alarm("pdu-1")

    with pytest.raises(UsageError, match="no alarms"):
        find_causes(topology, [])
    with pytest.raises(LimitExceeded, match="2,001 alarms; at most 2,000"):
        find_causes(topology, [alarm] * (MOST_ALARMS + 1))
    with pytest.raises(UsageError, match=r"missing is 0.6; give a share of 0 to 0.5"):
        find_causes(topology, [alarm], missing=0.6)
    with pytest.raises(UsageError, match=r"false is nan"):
        find_causes(topology, [alarm], false=math.nan)
    with pytest.raises(LimitExceeded, match="first is 11; give 1 to 10"):
        find_causes(topology, [alarm], first=11)
    with pytest.raises(NotFound, match="no CI has the id 'nobody'"):
        find_causes(topology, [Alarm("nobody")])


def test_no_alarm_may_be_missing() -> None:
    """A share of 0 is taken as one in a thousand: a silent CI counts much, but not without end."""
    found = rank(SITE, REPORTED, missing=0.0, first=10).candidates
    plain = {ids(c.roots): c.score for c in rank(SITE, REPORTED, first=10).candidates}

    assert all(math.isfinite(c.score) for c in found)
    assert any(c.silent and c.score < plain.get(ids(c.roots), 0.0) for c in found)


def test_a_silent_room_is_less_likely_than_two_feeds_and_a_reported_one_is_not() -> None:
    hosts = [f"h{n}" for n in range(6)]
    cis = ("room:Location", "one:PowerDevice", "two:PowerDevice", *(f"{host}:Computer" for host in hosts))
    within = " ".join(f"{ci}-room" for ci in ("one", "two", *hosts))
    fed = " ".join(f"{host}-{feed}" for host in hosts for feed in ("one", "two"))
    others = (f"other-{n}:Computer" for n in range(OTHERS))
    topology = from_world(world(*cis, *others, LOCATED_IN=within, POWERED_BY=fed))
    heard = [Alarm(ci, "DOWN") for ci in ("one", "two", *hosts)]
    silent, reported = find_causes(topology, heard), find_causes(topology, [*heard, Alarm("room", "DOWN")])

    assert [ids(c.roots) for c in silent.candidates[:2]] == [{"one", "two"}, {"room"}]
    assert ids(reported.candidates[0].roots) == {"room"}
