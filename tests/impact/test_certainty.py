"""Sure and possible: held against every world that the relationships in doubt allow, each judged by the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from random import Random
from typing import Any

import pytest

from cmdb.impact import certain
from cmdb.impact.answer import STATES, Impact, Seed
from cmdb.impact.judge import Seeds, Verdict, judge
from cmdb.impact.together import assess
from cmdb.impact.work import Work
from cmdb.model.registry import load_model
from cmdb.topology import Topology, doubt
from cmdb.topology.facts import Facts
from cmdb.topology.live import Group, Live
from cmdb.topology.rules import PlaneNumber, groups_of
from tests.impact import generate, oracle
from tests.impact.ask import ask, states
from tests.impact.assemble import from_world, world
from tests.impact.checker import Checker
from tests.impact.estate import Estate
from tests.impact.history import History
from tests.impact.reading import Item, Reading, World

DOWN = ("DOWN", "DOWN_PLANNED", "MAINTENANCE")  # how it is called depends on what else fails; down is down
RANK = {state: 0 if state in DOWN else number for number, state in enumerate(STATES)}
MODEL = load_model()
LINKS = ("CONNECTED_TO", "ATTACHED_TO")
Tie = tuple[str, str, str]
KINDS = ("DOWN", "DOWN", "DOWN", "MAINTENANCE", "DEGRADED", "PINNED_UP")


def redundant_world(rng: Random) -> World:
    """Computers, power, clusters and services in which most things have a second one."""
    made = World()

    def add(ci: str, ci_class: str, **attributes: object) -> str:
        made.cis[ci] = Item(ci_class, "", "in_service", attributes)
        return ci

    feeds = [add(f"feed{n}", "PowerDevice") for n in range(3)]
    hosts = [add(f"host{n}", "Computer", roles=["server"]) for n in range(rng.randint(3, 5))]
    room = add("room", "Location")
    clusters = [
        add(f"cluster{n}", "Cluster", kind=kind)
        for n, kind in enumerate(rng.choices(("quorum", "capacity", "standby"), k=2))
    ]
    services = [add(f"service{n}", "Service", criticality=n + 1) for n in range(3)]
    if rng.random() < 0.3:
        made.cis[clusters[0]].attributes["needed"] = 2

    def tie(source: str, type_: str, targets: list[str], least: int = 1, **attributes: object) -> None:
        for target in rng.sample(targets, rng.randint(least, min(3, len(targets)))):
            made.relationships[(source, type_, target)] = attributes

    for host in hosts:
        tie(host, "POWERED_BY", feeds)
        if rng.random() < 0.3:
            tie(host, "LOCATED_IN", [room])
    tie(room, "COOLED_BY", feeds)
    for cluster in clusters:
        for host in rng.sample(hosts, rng.randint(2, len(hosts))):
            made.relationships[(host, "MEMBER_OF", cluster)] = {}
    for service in services:
        tie(service, "DEPENDS_ON", [*clusters, *hosts, *services[: services.index(service)]], group_key="one")
        if rng.random() < 0.5:
            tie(service, "DEPENDS_ON", hosts)
    return made


def wired_world(rng: Random) -> World:
    """Two gateways, switches that are linked more than once, hosts at two of them."""
    cis = ["g0:NetworkDevice roles=router root_of=lan", "g1:NetworkDevice roles=router root_of=lan"]
    devices, links = ["g0", "g1"], []
    for number in range(rng.randint(2, 3)):
        cis.append(f"s{number}:NetworkDevice roles=switch")
        links += [(f"s{number}", far) for far in rng.sample(devices, 2)]
        devices.append(f"s{number}")
    for number in range(2):
        cis.append(f"h{number}:Computer")
        links += [(f"h{number}", far) for far in rng.sample(devices[2:], 2)]
    pairs = []
    for number, (near, far) in enumerate(links):
        cis += [f"p{number}a:Interface@{near}", f"p{number}b:Interface@{far}"]
        pairs.append(f"p{number}a-p{number}b")
    cis += ["x:Service criticality=4"]
    return world(*cis, CONNECTED_TO=" ".join(pairs), DEPENDS_ON="x-h0/group_key=one x-h1/group_key=one")


def put_in_doubt(topology: Topology, ties: list[Tie]) -> Topology:
    numbers = topology.facts.numbers
    topology.doubt.set_ties((numbers[source], type_, numbers[target]) for source, type_, target in ties)
    return topology


def worlds(made: World, ties: list[Tie]) -> Iterator[World]:
    """One world for each set of ties in doubt that may be there."""
    for size in range(len(ties) + 1):
        for gone in combinations(ties, size):
            yield World(made.cis, {tie: a for tie, a in made.relationships.items() if tie not in gone})


def consistent(made: World, ties: list[Tie]) -> list[Estate]:
    """Those worlds in which all that holds now holds: everything is up, so whatever it needs is there."""
    full = Reading(made, MODEL)
    now = {id_ for id_, need in full.named.items() if oracle.holds(need, oracle.truth(full.estate, set()))}
    found = []
    for one in worlds(made, ties):
        reading = Reading(one, MODEL)
        true = oracle.truth(reading.estate, set())
        if all(oracle.holds(need, true) for id_, need in reading.named.items() if id_ in now):
            found.append(reading.estate)
    return found


def check(answer: Impact, kinds: dict[str, str], estates: list[Estate]) -> tuple[set[str], set[str]]:
    """What is sure is so in all worlds, what is so in one is possible at least; who is down in all, and in any.

    That a CI is cut off says nothing of the worlds in which it has no path at all.
    """
    of = [oracle.states(estate, kinds) for estate in estates]
    lit = [set().union(*(oracle.connected(g, set()) for g in e.planes.values())) for e in estates]
    possible = states(answer)
    for node in answer.nodes:
        ci, rank = node.ci.id, RANK[node.state]
        for one, paths in zip(of, lit, strict=True):
            is_so = ci in one and RANK[one[ci]] <= rank
            assert is_so or node.certainty == "POSSIBLE" or (node.state == "ISOLATED" and ci not in paths), node
    for one in of:
        for ci, state in one.items():
            assert ci in possible, (ci, state)
            assert RANK[possible[ci]] <= RANK[state], (ci, state, possible[ci])
    sets = [{ci for ci, state in one.items() if state in DOWN} for one in of]
    return set.intersection(*sets), set.union(*sets)


def down(answer: Impact, *certainties: str) -> set[str]:
    return {node.ci.id for node in answer.nodes if node.state in DOWN and node.certainty in certainties}


def some_ties(rng: Random, made: World, most: int) -> list[Tie]:
    ties = sorted(made.relationships)
    return rng.sample(ties, min(len(ties), rng.randint(1, most)))


def may_be_inexact(made: World, ties: list[Tie]) -> bool:
    """All but one of a few: with two or less that are sure, how many may be lost depends on who else there is."""
    counted = Counter(t if type_ == "MEMBER_OF" else s for s, type_, t in ties if type_ in ("MEMBER_OF", "COOLED_BY"))
    sure = Counter(
        t if type_ == "MEMBER_OF" else s
        for s, type_, t in set(made.relationships) - set(ties)
        if type_ in ("MEMBER_OF", "COOLED_BY")
    )
    return any(sure[ci] < 2 and made.cis[ci].attributes.get("kind") in (None, "capacity") for ci in counted)


def test_bounds_of_requirements(rng: Random, estates: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(estates // 10):
        made = redundant_world(rng)
        ties = some_ties(rng, made, 5)
        estate = Reading(made, MODEL).estate
        kinds = generate.kinds(rng, estate, KINDS)
        answer = ask(put_in_doubt(from_world(made), ties), kinds)
        surely, perhaps = check(answer, kinds, consistent(made, ties))
        seen.update(node.certainty for node in answer.nodes)

        assert surely >= down(answer, "SURE")
        assert perhaps <= down(answer, "SURE", "POSSIBLE")
        if not may_be_inexact(made, ties):
            seen["exact"] += 1
            assert down(answer, "SURE", "POSSIBLE") == perhaps, (number, ties, kinds)
            assert {ci for ci in surely if states(answer)[ci] == "DOWN"} <= perhaps
            assert {n.ci.id for n in answer.nodes if n.ci.id in surely} == down(answer, "SURE"), (number, ties, kinds)
    assert min(seen["SURE"], seen["POSSIBLE"], seen["exact"]) > estates // 50


def test_bounds_of_paths_where_sure_links_suffice(rng: Random, estates: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(estates // 10):
        made = wired_world(rng)
        ties = [tie for tie in some_ties(rng, made, 3) if tie[1] in LINKS]
        full, bare = (Reading(w, MODEL).estate for w in (made, next(reversed(list(worlds(made, ties))))))
        lit, still = (oracle.connected(e.planes["lan"], set()) for e in (full, bare))
        if {ci for ci in lit if made.cis[ci].ci_class != "Interface"} - still:
            seen["cut off"] += 1
            continue
        kinds = generate.kinds(rng, full, ("DOWN", "DOWN", "PINNED_UP"))
        answer = ask(put_in_doubt(from_world(made), ties), kinds)
        surely, perhaps = check(answer, kinds, consistent(made, ties))
        seen.update(node.certainty for node in answer.nodes)

        assert surely >= down(answer, "SURE"), number
        assert perhaps <= down(answer, "SURE", "POSSIBLE"), number
    assert min(seen["SURE"], seen["POSSIBLE"]) > estates // 100


def test_bounds_in_any_world(rng: Random, estates: int) -> None:
    seen: Counter[str] = Counter()
    for _ in range(estates // 10):
        history = History(rng)
        for _ in range(rng.randint(6, 16)):
            history.commit(4)
        made = history.world
        known = [tie for tie in sorted(made.relationships) if tie[1] not in (*LINKS, "IN_SUBNET")]
        if len(made.cis) < 6 or not known:
            continue
        ties = rng.sample(known, min(len(known), rng.randint(1, 5)))
        full = Reading(made, MODEL)
        if any(Reading(one, MODEL).named.keys() - full.named.keys() for one in worlds(made, ties)):
            seen["revived"] += 1  # a stated requirement replaces a default, however doubtful its providers are
            continue
        kinds = {ci: k for ci, k in generate.kinds(rng, full.estate, KINDS).items() if full.there(ci)}
        if not kinds:
            continue
        answer = ask(put_in_doubt(from_world(made), ties), kinds)
        check(answer, kinds, consistent(made, ties))
        seen.update(node.certainty for node in answer.nodes)
    assert min(seen["SURE"], seen["POSSIBLE"]) > estates // 200


def test_nothing_fails_by_itself_however_much_is_in_doubt(rng: Random, estates: int) -> None:
    for number in range(estates // 20):
        made = redundant_world(rng) if number % 2 else wired_world(rng)
        made.cis["alone"] = Item("Endpoint")
        answer = ask(put_in_doubt(from_world(made), sorted(made.relationships)), {"alone": "DOWN"})

        assert states(answer) == {"alone": "DOWN"}


def test_without_doubt_nothing_changes(rng: Random) -> None:
    for number in range(50):
        made = redundant_world(rng) if number % 2 else wired_world(rng)
        kinds = generate.kinds(rng, Reading(made, MODEL).estate, KINDS)
        topology = from_world(made)
        before = ask(topology, kinds)

        assert {node.certainty for node in before.nodes} <= {"SURE"}
        assert ask(put_in_doubt(topology, []), kinds) == before


def test_what_is_sure_rests_on_what_is_sure(rng: Random, estates: int) -> None:
    cited = 0
    for number in range(estates // 10):
        made = redundant_world(rng) if number % 2 else wired_world(rng)
        kinds = generate.kinds(rng, Reading(made, MODEL).estate, KINDS)
        answer = ask(put_in_doubt(from_world(made), some_ties(rng, made, 6)), kinds)
        certainty = {step.number: step.certainty for step in answer.proof}
        for step in answer.proof:
            assert all(number < step.number for number in step.cites)
            assert step.kind == "SEED" or step.cites, step
            if step.certainty == "SURE":
                cited += len(step.cites)
                # what may be down is surely ill: as much as a step about health needs
                assert step.state == "DEGRADED" or all(certainty[number] == "SURE" for number in step.cites), step
        by_number = {step.number: step for step in answer.proof}
        for node in answer.nodes:
            assert (by_number[node.order].ci.id, by_number[node.order].state) == (node.ci.id, node.state)
            assert node.certainty == by_number[node.order].certainty
        estate = Reading(made, MODEL)
        Checker(estate.estate, estate.named, kinds, answer).check_sure()
        lost = {node.ci.id for node in answer.nodes if node.state in (*DOWN, "ISOLATED")}
        for spared in answer.spared:
            assert not lost.intersection(ci.id for ci in spared.live_path), "who carries it may be cut off"
            assert not spared.live_path or "root_of" in made.cis[spared.live_path[-1].id].attributes
    assert cited > estates // 50


@pytest.mark.parametrize(
    ("ties", "seed", "expected"),
    [
        ([("h", "POWERED_BY", "a")], "b", {"b": "SURE", "h": "POSSIBLE"}),  # the other feed may not be there
        ([("h", "POWERED_BY", "a")], "a", {"a": "SURE", "h": "POSSIBLE"}),  # at risk, if it was there
        ([("h", "POWERED_BY", "a"), ("h", "POWERED_BY", "b")], "a", {"a": "SURE", "h": "POSSIBLE"}),
        ([("x", "DEPENDS_ON", "h")], "h", {"h": "SURE", "x": "POSSIBLE"}),  # a whole need that may not be there
    ],
)
def test_polarity(ties: list[Tie], seed: str, expected: dict[str, str]) -> None:
    made = world("a:PowerDevice", "b:PowerDevice", "h:Computer", "x:Service", POWERED_BY="h-a h-b", DEPENDS_ON="x-h")
    answer = ask(put_in_doubt(from_world(made), ties), {seed: "DOWN"})
    found = {node.ci.id: node.certainty for node in answer.nodes}

    assert {ci: found[ci] for ci in expected} == expected


def test_only_what_a_failure_touches_is_derived(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = [f"h{n}" for n in range(200)]
    cis = [*(f"{h}:Computer" for h in hosts), *(f"a{n}:PowerDevice" for n in range(100)), "b:PowerDevice"]
    made = world(*cis, POWERED_BY=" ".join(f"h{n}-a{n // 2} h{n}-b" for n in range(200)))
    topology = put_in_doubt(from_world(made), [tie for tie in made.relationships if tie[2] != "b"])
    derived: list[int] = []

    def counting(facts: Facts, plane_number: PlaneNumber, owner: int, without: int = -1) -> dict[str, Group]:
        derived.append(owner)
        return groups_of(facts, plane_number, owner, without)

    monkeypatch.setattr(doubt, "groups_of", counting)
    answer = ask(topology, {"a7": "DOWN"})

    assert {n.ci.id: n.certainty for n in answer.nodes} == {"a7": "SURE", "h14": "POSSIBLE", "h15": "POSSIBLE"}
    assert {topology.facts.nodes[owner].id for owner in derived} == {"h14", "h15"}
    assert len(derived) == 4  # at best and at worst, once each
    assert ask(topology, {"a7": "DOWN"}) == answer
    assert len(derived) == 4  # until the topology changes


def test_what_touches_nothing_in_doubt_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world("a:PowerDevice", "h:Computer", "x:Computer", "y:Service", POWERED_BY="h-a", DEPENDS_ON="y-x")
    topology = put_in_doubt(from_world(made), [("y", "DEPENDS_ON", "x")])
    judged: list[Seeds] = []

    def counting(facts: Facts, live: Live, seeds: Seeds, **more: Any) -> Verdict:
        judged.append(seeds)
        return judge(facts, live, seeds, **more)

    monkeypatch.setattr(certain, "judge", counting)

    assert down(ask(topology, {"a": "DOWN"}), "SURE") == {"a", "h"}
    assert len(judged) == 1
    assert down(ask(topology, {"x": "DOWN"}), "POSSIBLE") == {"y"}
    assert len(judged) == 4


def test_what_collides_in_any_world_is_told(rng: Random, estates: int) -> None:
    certainties: Counter[str] = Counter()
    for _ in range(estates // 8):
        made = redundant_world(rng)
        ties = some_ties(rng, made, 3)
        topology = put_in_doubt(from_world(made), ties)
        one, other = rng.sample([ci for ci in made.cis if not ci.startswith("service")], 2)
        mine, theirs = (Work(ci, ci, (Seed(ci, "MAINTENANCE"),), 0, 60_000) for ci in (one, other))
        collisions = assess(topology, mine, [theirs]).collisions
        certainties.update(collision.certainty for collision in collisions)
        told = {ref.id for collision in collisions for ref in collision.cis}
        alone = {ci for seed in (one, other) for ci in down(ask(topology, {seed: "MAINTENANCE"}), "SURE", "POSSIBLE")}
        for estate in consistent(made, ties):
            together = oracle.down(estate, {one, other}) - oracle.down(estate, {one}) - oracle.down(estate, {other})

            assert together <= told | alone, (one, other, ties)
    assert estates < 2_000 or min(certainties["SURE"], certainties["POSSIBLE"]) > 0
