"""Start from dark, against the definition; loops, scopes and bad input."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from cmdb.errors import Invalid, LimitExceeded, NotFound
from cmdb.impact.start import cold_start
from cmdb.impact.turns import Overtaken, TimeIsUp, Turns
from tests.impact import oracle
from tests.impact.ask import draw
from tests.impact.assemble import assemble, from_world, world
from tests.impact.estate import Estate, Ground, needs
from tests.impact.test_worked_examples import ESTATE


def waits(estate: Estate, stuck: set[str], ci: str) -> set[str]:
    """CIs that never start and without which a CI does not: those it needs, and those that may stand on its paths."""
    true = oracle.truth(estate, stuck)
    found: set[str] = set()
    for need in oracle.in_force(estate):
        if need.owner == ci and not oracle.holds(need, true):
            for literal in need.weights:
                if isinstance(literal, str):
                    found |= {literal} & stuck
                else:
                    ground = estate.planes[literal[0]]
                    if literal[1] in oracle.connected(ground, set()) - oracle.connected(ground, stuck):
                        found |= behind(ground, stuck, literal[1])
    return found


def behind(ground: Ground, stuck: set[str], ci: str) -> set[str]:
    """What never starts at the edge of what a CI reaches; a CI that never starts reaches only itself."""
    seen, queue = {ci}, [ci]
    for near in queue:
        if near not in stuck:
            beyond = sorted({far for link in ground.links if near in link for far in link} - seen)
            seen |= set(beyond)
            queue += beyond
    return seen & stuck


def in_loops(estate: Estate, stuck: set[str]) -> set[str]:
    direct = {ci: waits(estate, stuck, ci) for ci in stuck}
    found = set()
    for ci in stuck:
        reached = set(direct[ci])
        while (more := reached | {far for near in reached for far in direct[near]}) != reached:
            reached = more
        found |= {ci} & reached
    return found


def test_everything_starts_as_defined(rng: Random, estates: int) -> None:
    stuck_somewhere = 0
    for number in range(estates // 4):
        estate = draw(rng, number)
        plan = cold_start(assemble(estate), first=10_000)
        expected = oracle.startable(estate, set(estate.cis))
        stuck = set(estate.cis) - expected.keys()
        stuck_somewhere += bool(stuck)

        assert {step.ci.id: step.stage for step in plan.steps} == expected, (number, estate)
        assert [step.stage for step in plan.steps] == sorted(expected.values())
        assert {d.ci.id for d in plan.deadlocked} == stuck
        assert {d.ci.id for d in plan.deadlocked if d.in_loop} == in_loops(estate, stuck), (number, estate)
        assert all(d.waits_for for d in plan.deadlocked)
        assert (plan.start_count, plan.deadlocked_count) == (len(expected), len(stuck))
    assert stuck_somewhere > estates // 100


def test_a_part_of_the_estate_starts_while_the_rest_runs(rng: Random, estates: int) -> None:
    for number in range(estates // 4):
        estate = draw(rng, number)
        ci = rng.choice(estate.cis)
        plan = cold_start(assemble(estate), ci)
        stage = oracle.startable(estate, oracle.down(estate, {ci})).get(ci)

        assert [(s.ci.id, s.stage) for s in plan.steps] == ([(ci, stage)] if stage else []), (number, estate)
        assert [d.ci.id for d in plan.deadlocked] == ([] if stage else [ci])


def test_a_device_and_its_parts_start_together(rng: Random, estates: int) -> None:
    together = 0
    for number in range(estates // 4):
        estate = draw(rng, number)
        some = rng.sample(estate.cis, min(5, len(estate.cis)))
        wholes = {part: rng.choice(some[:2]) for part in some[2:]}
        estate.needs += [needs(part, 1, whole) for part, whole in wholes.items()]
        estate.needs += [needs(whole, 1, part) for part, whole in wholes.items() if rng.random() < 0.5]
        topology = assemble(estate, dict.fromkeys(wholes, "Interface"))
        numbers = topology.facts.numbers
        for part, whole in wholes.items():
            topology.facts.move(numbers[part], numbers[whole])
        expected = oracle.startable(estate, set(estate.cis), wholes)
        plan = cold_start(topology, first=10_000)
        together += len(expected) - len(oracle.startable(estate, set(estate.cis)))

        assert {step.ci.id: step.stage for step in plan.steps} == expected, (number, estate, wholes)
    assert together > estates // 50


def test_a_host_starts_although_its_port_needs_it() -> None:
    made = world(
        *("sw:NetworkDevice roles=switch root_of=lan", "s1:Interface@sw", "host:Computer", "eth0:Interface@host"),
        *("pdu:PowerDevice", "db:SoftwareInstance@host"),
        POWERED_BY="sw-pdu host-pdu",
        CONNECTED_TO="eth0-s1",
    )
    plan = cold_start(from_world(made))
    stages = [{s.ci.id for s in plan.steps if s.stage == n} for n in (1, 2, 3)]

    assert stages == [{"pdu"}, {"sw", "s1", "host", "eth0"}, {"db"}]
    assert not plan.deadlocked


def test_the_worked_example_lists_names_directory_and_what_is_behind() -> None:
    plan = cold_start(assemble(ESTATE))
    stages = {step.ci.id: step.stage for step in plan.steps}

    assert [(d.ci.id, d.in_loop) for d in plan.deadlocked] == [("ad", True), ("dns", True), ("X", False)]
    assert [d.text for d in plan.deadlocked] == [
        "ad never starts: it waits for dns, and that waits for it.",
        "dns never starts: it waits for ad, and that waits for it.",
        "X never starts: it waits for dns.",
    ]
    assert [stages[ci] for ci in ("pdu1", "core1", "tor1", "h", "C")] == [1, 1, 2, 3, 2]


def test_a_switch_that_must_be_reached_through_itself_never_starts() -> None:
    estate = Estate(
        ["root", "sw"],
        [needs("sw", 1, ("lan", "sw"))],
        {"lan": Ground({"root", "sw"}, {frozenset(("root", "sw"))}, {"root"})},
    )
    (only,) = cold_start(assemble(estate)).deadlocked

    assert (only.ci.id, only.in_loop) == ("sw", True)


def test_a_site_is_its_parts_and_what_is_located_in_it() -> None:
    made = world(
        *("site:Location", "rack:Location", "host:Computer", "db:SoftwareInstance@host", "gone:Computer !retired"),
        *("far:Computer", "app:SoftwareInstance@far"),
        LOCATED_IN="rack-site host-rack gone-rack",
        DEPENDS_ON="app-db",
    )
    plan = cold_start(from_world(made, sequence=3, at=5), "site", first=3)

    assert [(s.ci.id, s.stage) for s in plan.steps] == [("site", 1), ("rack", 2), ("host", 3)]
    assert (plan.start_count, plan.stage_count, plan.truncated, plan.sequence, plan.as_of) == (4, 4, True, 3, 5)
    with pytest.raises(Invalid, match="retired"):
        cold_start(from_world(made), "gone")
    with pytest.raises(NotFound, match="nobody"):
        cold_start(from_world(made), "nobody")
    with pytest.raises(LimitExceeded, match="first is 0"):
        cold_start(from_world(made), first=0)


def test_turns_give_the_topology_away_and_end_when_time_is_up() -> None:
    topology = assemble(ESTATE)
    free = []

    def is_free() -> bool:
        with ThreadPoolExecutor(1) as others:
            return others.submit(lambda: topology.lock.acquire(blocking=False) and not topology.lock.release()).result()

    def rest() -> bool:
        free.append(is_free())
        return len(free) < 3

    with Turns(topology, rest, turn=10) as turns:
        assert not is_free()
        for _ in range(32):
            turns.spend(1)
        with pytest.raises(TimeIsUp):
            turns.spend(10)
    assert free == [True] * 3


def test_a_commit_between_turns_is_an_error_and_not_a_mixed_answer() -> None:
    topology = from_world(world("a:Computer"))
    with (
        pytest.raises(Overtaken, match="commit 2 came in while commit 1"),
        Turns(topology, lambda: topology.apply(2, 0, []), turn=0) as turns,
    ):
        turns.spend(1)
