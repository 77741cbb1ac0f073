"""Latent loss of redundancy, against the definition; what is said of it, and bad input."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from cmdb.errors import Invalid, LimitExceeded, NotFound
from cmdb.impact.legs import last_legs
from cmdb.topology import Topology
from tests.impact import oracle
from tests.impact.ask import draw
from tests.impact.assemble import assemble, from_world, world
from tests.impact.estate import Estate


def expected_wear(estate: Estate, away: set[str]) -> dict[int, str]:
    """How worn each requirement in force is that lost a provider; by its position."""
    before, down = oracle.truth(estate, set()), oracle.down(estate, away)
    true = oracle.truth(estate, down)
    found = {}
    for position, need in enumerate(estate.needs):
        weights = need.weights
        lost = sum(weight for literal, weight in weights.items() if literal not in true)
        if need.owner in away or not oracle.holds(need, before) or not lost:
            continue
        if not oracle.holds(need, true):
            found[position] = "BROKEN"
        else:
            breaks = any(not oracle.holds(need, true - {literal}) for literal in weights if literal in true)
            found[position] = "LAST_LEG" if breaks else "WEAKENED"
    return found


def away_now(topology: Topology, away: set[str], rng: Random) -> None:
    for ci in away:
        number = topology.facts.numbers[ci]
        node = topology.facts.nodes[number]
        topology.facts.set_node(replace(node, status=rng.choice(("missing", "planned", "in_stock"))))


def test_what_is_worn_and_how_much(rng: Random, estates: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(estates // 2):
        estate = draw(rng, number)
        away = set(rng.sample(estate.cis, rng.randint(0, 2)))
        down = {rng.choice(estate.cis)} if number % 3 == 0 else set()
        topology = assemble(estate)
        away_now(topology, away, rng)
        answer = last_legs(topology, sorted(down), first=10_000, weakened=True)
        found = {int(leg.requirement[1:]): leg.wear for leg in answer.legs}
        expected = expected_wear(estate, away | down)
        seen.update(expected.values())

        assert found == expected, (number, estate)
        assert [answer.broken, answer.last_leg, answer.weakened] == [
            sum(wear == one for wear in found.values()) for one in ("BROKEN", "LAST_LEG", "WEAKENED")
        ]
        fallen, before = oracle.down(estate, away | down), oracle.truth(estate, set())
        for leg in answer.legs:
            need = estate.needs[int(leg.requirement[1:])]
            true = oracle.truth(estate, fallen)
            falls = oracle.down(estate, away | down | {need.owner}) - fallen - {need.owner}

            assert leg.toll.down == len(falls)
            assert {root.id for root in leg.roots} <= away | down
            assert bool(leg.roots) == any(literal in before and literal not in true for literal in need.weights)
            assert [step.number for step in leg.proof] == sorted(step.number for step in leg.proof)
    assert len(seen) == 3
    assert min(seen.values()) > estates // 100


def test_why_is_said_in_words_with_the_service_on_top() -> None:
    made = world(
        *("web1:Computer !missing", "web2:Computer", "shop:Service criticality=4", "old:PowerDevice !retired"),
        *("feed:PowerDevice", "rack:Location !planned", "spare:Computer"),
        DEPENDS_ON="shop-web1/group_key=web shop-web2/group_key=web",
        POWERED_BY="web2-feed web2-old",
        LOCATED_IN="spare-rack",
    )
    answer = last_legs(from_world(made, sequence=4))

    assert [(leg.ci.id, leg.wear, leg.toll.service_count) for leg in answer.legs] == [
        ("spare", "BROKEN", 0),
        ("web2", "LAST_LEG", 1),
        ("shop", "LAST_LEG", 0),
    ]
    assert [leg.text for leg in answer.legs] == [
        "spare cannot work as is known: it needs 1 and has nothing, because rack is planned.",
        "web2 runs on its last leg: it needs 1 and has feed left, because old is retired.",
        "shop runs on its last leg: it needs 1 and has web2 left, because web1 is missing.",
    ]
    assert [root.id for leg in answer.legs for root in leg.roots] == ["rack", "old", "web1"]
    assert answer.sequence == 4


def test_a_loss_through_others_names_what_is_behind_it_and_proves_it() -> None:
    made = world(
        *("pdu:PowerDevice !missing", "web1:Computer", "web2:Computer", "shop:Service"),
        DEPENDS_ON="shop-web1/group_key=web shop-web2/group_key=web",
        POWERED_BY="web1-pdu",
    )
    legs = {leg.ci.id: leg for leg in last_legs(from_world(made)).legs}

    assert legs["shop"].text.endswith("because web1 is down (through pdu).")
    assert [(step.kind, step.ci.id) for step in legs["shop"].proof] == [("SEED", "pdu"), ("GROUP_BROKEN", "web1")]
    assert legs["web1"].wear == "BROKEN"


def test_what_still_can_lose_more_is_only_shown_when_asked() -> None:
    made = world(
        *("a:Computer !missing", "b:Computer", "c:Computer", "s:Service"),
        DEPENDS_ON="s-a/group_key=x s-b/group_key=x s-c/group_key=x",
    )
    topology = from_world(made)

    assert (last_legs(topology).legs, last_legs(topology).weakened) == ((), 1)
    (leg,) = last_legs(topology, weakened=True).legs
    assert leg.text == "s has lost redundancy: it can still lose 1, because a is missing."
    (leg,) = last_legs(topology, ["b"]).legs
    assert (leg.wear, [(one.ci.id, one.status) for one in leg.lost]) == ("LAST_LEG", [("a", "missing"), ("b", "down")])


def test_nothing_is_worn_by_design() -> None:
    assert last_legs(from_world(world("a:Computer", "s:Service", DEPENDS_ON="s-a")), weakened=True).legs == ()


def test_bad_arguments_and_time_that_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(
        "a:Computer !missing",
        "b:Computer",
        "s:Service",
        "old:Computer !retired",
        DEPENDS_ON="s-a/group_key=x s-b/group_key=x",
    )
    topology = from_world(made)
    with pytest.raises(NotFound, match="nobody"):
        last_legs(topology, ["nobody"])
    with pytest.raises(Invalid, match="retired"):
        last_legs(topology, ["old"])
    with pytest.raises(LimitExceeded, match="first is 0"):
        last_legs(topology, first=0)
    with pytest.raises(LimitExceeded, match="1,001 CIs"):
        last_legs(topology, ["a"] * 1_001)
    monkeypatch.setattr("cmdb.impact.turns.TURN", 0)
    answer = last_legs(topology, rest=lambda: False)

    assert (answer.complete, [leg.ci.id for leg in answer.legs]) == (False, ["s"])
