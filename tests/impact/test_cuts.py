"""Minimal cut sets against all combinations; what is down already, bounds and bad input."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from random import Random
from typing import Any

import pytest

from cmdb.errors import CmdbError, Invalid, LimitExceeded, NotFound, UsageError
from cmdb.impact import cuts
from cmdb.impact.cuts import CutSets, cut_sets
from cmdb.impact.engine import Cascade, fail
from cmdb.topology.live import Live
from tests.impact import oracle
from tests.impact.ask import draw
from tests.impact.assemble import assemble, from_world, world
from tests.impact.estate import Estate, needs
from tests.impact.test_worked_examples import ESTATE


def minimal(estate: Estate, service: str, size: int, down: Iterable[str] = ()) -> set[frozenset[str]]:
    """All minimal cut sets, tried one by one."""
    already = set(down)
    if service in oracle.down(estate, already):
        return {frozenset()}
    found: set[frozenset[str]] = set()
    for count in range(1, size + 1):
        for chosen in map(frozenset, combinations([ci for ci in estate.cis if ci != service], count)):
            if not any(cut <= chosen for cut in found) and service in oracle.down(estate, already | chosen):
                found.add(chosen)
    return found


def members(answer: CutSets, service: str) -> list[frozenset[str]]:
    return [frozenset(ref.id for ref in cut.members) for cut in answer.cuts if cut.service.id == service]


def test_all_cut_sets_and_no_others(rng: Random, estates: int) -> None:
    sizes = [0] * 4
    for number in range(estates // 20):
        estate = draw(rng, number)
        services = rng.sample(estate.cis, 2)
        size = 3 if number % 40 < 2 else 2
        answer = cut_sets(assemble(estate), services, size, first=1_000)

        assert answer.complete
        for service in services:
            found = members(answer, service)
            for cut in found:
                sizes[len(cut)] += 1

            assert len(found) == len(set(found))
            assert set(found) == minimal(estate, service, size), (number, estate, service)
    assert min(sizes[1:3]) > estates // 100
    assert sizes[3]


def test_what_is_down_already_makes_cut_sets_smaller(rng: Random, estates: int) -> None:
    for number in range(estates // 20):
        estate = draw(rng, number)
        service, *down = rng.sample(estate.cis, min(3, len(estate.cis)))
        answer = cut_sets(assemble(estate), [service], 2, down, first=1_000)
        expected = minimal(estate, service, 2, down)
        fallen = oracle.down(estate, set(down))

        assert set(members(answer, service)) == {c for c in expected if fallen.isdisjoint(c)}, (number, estate, down)


def test_the_cut_sets_of_the_worked_example() -> None:
    answer = cut_sets(assemble(ESTATE), ["h"], 2)
    pairs = "core1 core2", "feedA feedB", "p1 p2", "p1 tor2", "p2 tor1", "tor1 tor2"

    assert [" ".join(ref.id for ref in cut.members) for cut in answer.cuts] == ["pdu1", *pairs]


def test_what_is_asked_is_given_smallest_first_and_it_is_said_if_that_is_not_all() -> None:
    topology = assemble(ESTATE)
    cut = cut_sets(topology, ["h", "C"], 2, first=3)
    exact = cut_sets(topology, ["h"], 2, first=7)

    assert ([len(c.members) for c in cut.cuts], cut.complete) == ([1, 2, 2], False)
    assert (len(exact.cuts), exact.complete) == (7, True)


def test_time_that_is_up_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.impact.turns.TURN", 1)
    topology = assemble(ESTATE)
    left = iter([True] * 60)
    answer = cut_sets(topology, ["X"], 3, first=1_000, rest=lambda: next(left, False))
    everything = set(members(cut_sets(topology, ["X"], 3, first=1_000), "X"))

    assert not answer.complete
    assert set(members(answer, "X")) < everything


def test_a_service_that_is_down_already_needs_nothing_more() -> None:
    answer = cut_sets(assemble(ESTATE), ["X"], 2, down=["dns"])

    assert [cut.members for cut in answer.cuts] == [()]


def test_defects_that_it_hangs_on_are_told() -> None:
    estate = Estate(["a", "b", "s"], [needs("s", 1, "a"), needs("a", 2, "b")])
    answer = cut_sets(assemble(estate), ["s"])

    assert [ref.id for cut in answer.cuts for ref in cut.members] == ["a"]
    assert [(f.ci.id, f.kind) for f in answer.findings] == [("a", "NEEDS_TOO_MUCH")]


def test_few_fixpoints_find_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of pairs: of 4,950 pairs of CIs, hardly any is tried."""
    pairs = [f"{side}{n}" for n in range(50) for side in "ab"]
    chain = [needs(f"{side}{n}", 1, f"a{n - 1}", f"b{n - 1}") for n in range(1, 50) for side in "ab"]
    topology = assemble(Estate([*pairs, "s"], [*chain, needs("s", 1, "a49", "b49")]))
    tried = list[object]()

    def counted(live: Live, failed: tuple[int, ...], **more: Any) -> Cascade:
        tried.append(failed)
        return fail(live, failed, **more)

    monkeypatch.setattr(cuts, "fail", counted)
    answer = cut_sets(topology, ["s"], 2)

    assert {tuple(ref.id for ref in cut.members) for cut in answer.cuts} == {(f"a{n}", f"b{n}") for n in range(50)}
    assert len(tried) < 200


@pytest.mark.parametrize(
    ("services", "options", "error", "text"),
    [
        ([], {}, UsageError, "no services"),
        (["a"] * 21, {}, LimitExceeded, "21 services; at most 20"),
        (["a"], {"max_size": 0}, LimitExceeded, "sets of 0"),
        (["a"], {"max_size": 4}, LimitExceeded, "give 1 to 3"),
        (["a"], {"first": 1_001}, LimitExceeded, "first is 1,001"),
        (["nobody"], {}, NotFound, "'nobody'"),
        (["old"], {}, Invalid, "retired"),
        (["a"], {"down": ["nobody"]}, NotFound, "'nobody'"),
    ],
)
def test_bad_arguments(services: list[str], options: dict[str, Any], error: type[CmdbError], text: str) -> None:
    topology = from_world(world("a:Service", "old:Computer !retired"))
    with pytest.raises(error, match=text):
        cut_sets(topology, services, **options)
