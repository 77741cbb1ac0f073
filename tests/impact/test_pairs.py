"""Single and double failures all over the estate, against trying all of them."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from cmdb.errors import CmdbError, LimitExceeded
from cmdb.impact.pairs import pairs
from cmdb.impact.singles import single_points
from tests.impact import oracle
from tests.impact.ask import draw
from tests.impact.assemble import assemble, from_world, world
from tests.impact.test_worked_examples import ESTATE

SERVICES = dict.fromkeys(("C", "X"), "Service")


def test_what_each_takes_down_alone(rng: Random, estates: int) -> None:
    for number in range(estates // 4):
        estate = draw(rng, number)
        services = set(rng.sample(estate.cis, 2))
        topology = assemble(estate, dict.fromkeys(services, "Service"))
        answer = single_points(topology, 10_000, only_services=False)
        expected = {ci: oracle.down(estate, {ci}) - {ci} for ci in estate.cis}
        found = {p.ci.id: (p.toll.down, p.toll.service_count) for p in answer.points}

        assert found == {ci: (len(d), len(d & services)) for ci, d in expected.items() if d}, (number, estate)
        assert (answer.scanned, answer.harmful) == (len(estate.cis), len(found))
        assert answer.critical == sum(services_hit > 0 for _, services_hit in found.values())
        assert {p.ci.id for p in single_points(topology).points} == {ci for ci, d in expected.items() if d & services}


def test_all_pairs_that_break_more_than_their_sum(rng: Random, estates: int) -> None:
    harmful = 0
    for number in range(estates // 4):
        estate = draw(rng, number)
        services = set(rng.sample(estate.cis, 2))
        topology = assemble(estate, dict.fromkeys(services, "Service"))
        alone = {ci: oracle.down(estate, {ci}) for ci in estate.cis}
        expected = {
            frozenset((a, b)): (len(extra), len(extra & services))
            for a, b in combinations(estate.cis, 2)
            if (extra := oracle.down(estate, {a, b}) - alone[a] - alone[b])
        }
        answer = pairs(topology, 10_000, only_services=False)
        found = {frozenset(ref.id for ref in p.cis): (p.toll.down, p.toll.service_count) for p in answer.pairs}
        harmful += len(found)

        assert answer.complete
        assert len(found) == len(answer.pairs) == answer.harmful
        assert found == expected, (number, estate)
        assert answer.critical == sum(hit > 0 for _, hit in found.values())
    assert harmful > estates // 2


def test_candidates_are_few_and_most_of_them_do_harm(rng: Random) -> None:
    estate = draw(rng, 0)
    answer = pairs(assemble(estate), only_services=False)
    count = len(estate.cis)

    assert answer.tried == answer.candidates <= count * (count - 1) // 2
    assert answer.harmful <= answer.candidates


def test_worst_first_with_the_services_by_name() -> None:
    topology = assemble(ESTATE, SERVICES)
    points = single_points(topology).points
    both = pairs(topology, first=3)

    assert [(p.ci.id, p.toll.down, [s.id for s in p.toll.services]) for p in points] == [
        ("ad", 2, ["X"]),
        ("dns", 2, ["X"]),
        ("C", 1, ["X"]),
    ]
    assert [{ref.id for ref in p.cis} for p in both.pairs] == [{"h", "i"}, {"h", "j"}, {"i", "j"}]
    assert both.pairs[0].toll.service_count == 2
    assert both.truncated


def test_only_some_classes_fail() -> None:
    made = world("a:Computer", "b:NetworkDevice", "s:Service criticality=3", DEPENDS_ON="s-a s-b")
    answer = single_points(from_world(made), classes=["Device"])
    (one,) = single_points(from_world(made), classes=["Computer"]).points

    assert (answer.scanned, [p.ci.id for p in answer.points]) == (2, ["a", "b"])
    assert (one.ci.id, one.toll.criticality) == ("a", 3)
    with pytest.raises(CmdbError, match="Compute"):
        single_points(from_world(made), classes=["Compute"])
    with pytest.raises(LimitExceeded, match="first is 0"):
        pairs(from_world(made), first=0)


def test_time_that_is_up_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.impact.turns.TURN", 1)
    for most in (3, 12, 30):
        left = iter(range(most))
        one = single_points(assemble(ESTATE), only_services=False, rest=lambda: next(left, None) is not None)  # noqa: B023 # called at once
        left = iter(range(most))
        two = pairs(assemble(ESTATE), only_services=False, rest=lambda: next(left, None) is not None)  # noqa: B023 # called at once

        assert not two.complete
        assert one.complete == (one.scanned == len(ESTATE.cis))
        assert two.tried <= two.candidates or not two.candidates
