"""The edge cases that implementers get wrong, one test each, by name.

Stale evidence, changes inside what is open and questions about the past come with the issues that build them.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from cmdb.changes import EndRelationship, NewRelationship, SetCI
from cmdb.impact.answer import Impact
from cmdb.topology.plane import ROOT, Fabric
from tests.impact.ask import ask, states
from tests.impact.assemble import assemble, from_world, world
from tests.impact.checker import check
from tests.impact.estate import Estate, Ground, Need, needs


def lan(links: str, roots: str, members: str = "") -> dict[str, Ground]:
    pairs = {frozenset(link.split("-")) for link in links.split()}
    return {"lan": Ground({ci for pair in pairs for ci in pair} | set(members.split()), pairs, set(roots.split()))}


def answered(estate: Estate, **kinds: str) -> Impact:
    answer = ask(assemble(estate), kinds)
    check(estate, kinds, answer)
    return answer


def down(answer: Impact) -> set[str]:
    return {ci for ci, state in states(answer).items() if state == "DOWN"}


def kinds_of_findings(answer: Impact) -> list[str]:
    return [finding.kind for finding in answer.findings]


def test_paths_are_judged_again_after_every_fall() -> None:
    estate = Estate(
        ["root", "a", "b", "controller", "server"],
        [needs("controller", 1, ("lan", "a")), needs("b", 1, "controller"), needs("server", 1, ("lan", "b"))],
        lan("root-a root-b", "root"),
    )

    assert down(answered(estate, a="DOWN")) == {"a", "controller", "b", "server"}


def test_a_ring_that_is_cut_off_does_not_hold_itself_up() -> None:
    estate = Estate(["root", "x", "y", "z", "h"], [needs("h", 1, ("lan", "z"))], lan("root-x x-y y-z z-x", "root"))
    answer = answered(estate, root="DOWN")

    assert states(answer) == {"root": "DOWN", "h": "DOWN", "x": "ISOLATED", "y": "ISOLATED", "z": "ISOLATED"}


def test_a_dual_homed_server_forwards_nothing() -> None:
    topology = from_world(
        world(
            "core:NetworkDevice roles=switch root_of=lan",
            "left:NetworkDevice roles=switch",
            "right:NetworkDevice roles=switch",
            "server:Computer",
            "other:Computer",
            *("c1:Interface@core", "c2:Interface@core", "l1:Interface@left", "l2:Interface@left"),
            *("r1:Interface@right", "r2:Interface@right", "r3:Interface@right"),
            *("s1:Interface@server", "s2:Interface@server", "o1:Interface@other"),
            CONNECTED_TO="c1-l1 c2-r1 l2-s1 r2-s2 o1-r3",
        )
    )
    answer = ask(topology, {"c2": "DOWN"})  # the right switch could only live on through the server

    assert states(answer)["other"] == "DOWN"
    assert states(answer)["server"] == "AT_RISK"
    assert states(answer)["right"] == "ISOLATED"


def test_an_isolated_switch_is_not_down_and_may_serve_another_plane() -> None:
    planes = lan("root-sw", "root") | {"san": Ground({"store", "sw"}, {frozenset(("store", "sw"))}, {"store"})}
    estate = Estate(["root", "sw", "store", "h"], [needs("h", 1, ("san", "sw"))], planes)

    assert states(answered(estate, root="DOWN")) == {"root": "DOWN", "sw": "ISOLATED"}


def test_nobody_is_cut_off_in_a_plane_that_nobody_needs() -> None:
    links = "store-sw sw-a sw-b"
    planes = lan(links + " root-sw", "root") | {"san": lan(links, "store")["lan"]}
    estate = Estate(["root", "sw", "store", "a", "b"], [], planes)

    assert states(answered(estate, store="DOWN")) == {"store": "DOWN"}
    assert [step.ci.id for step in answered(estate, store="DOWN").proof] == ["store", "store"]  # it is in the LAN, too

    estate.needs.append(needs("root", 1, ("san", "a"), "b"))
    answer = answered(estate, store="DOWN")

    assert states(answer) == {"store": "DOWN", "a": "ISOLATED"}  # the way there is cut off as well, and needs no path
    assert {step.ci.id for step in answer.proof if step.plane == "san"} == {"store", "sw", "a", "b"}


def test_a_plane_is_judged_from_the_moment_on_that_somebody_needs_it() -> None:
    parts = ("store:NetworkDevice roles=switch root_of=san", "sw:NetworkDevice roles=switch", "h:Computer")
    ports = ("s1:Interface@store", "w1:Interface@sw")
    plain = from_world(world(*parts, *ports, "r:Requirement@h needed=1 on_loss=none pass=needed", CONNECTED_TO="s1-w1"))
    assert states(ask(plain, {"store": "DOWN"})) == {"store": "DOWN", "s1": "DOWN"}

    plain.apply(plain.sequence + 1, 0, [NewRelationship("r", "PROVIDED_BY", "sw", {"connected": "san"}, {})])
    assert states(ask(plain, {"store": "DOWN"}))["h"] == "DOWN"
    assert states(ask(plain, {"store": "DOWN"}))["sw"] == "ISOLATED"

    plain.apply(plain.sequence + 1, 0, [EndRelationship("r", "PROVIDED_BY", "sw")])
    assert states(ask(plain, {"store": "DOWN"})) == {"store": "DOWN", "s1": "DOWN"}


@pytest.mark.parametrize("length", [1, 3, 80])
def test_a_common_cause_is_found_near_and_far(length: int) -> None:
    ways = [[f"{side}{n}" for n in range(length)] for side in "ab"]
    chains = [needs(near, 1, far) for way in ways for near, far in pairwise([*way, "feed"])]
    estate = Estate(
        ["s", "c", "feed", *ways[0], *ways[1]], [needs("s", 1, "c", "a0", "b0", on_loss="AT_RISK"), *chains]
    )
    (node,) = (node for node in answered(estate, c="DOWN").nodes if node.ci.id == "s")

    assert (node.state, node.n_more) == ("AT_RISK", 1)


def test_two_relationships_to_one_pdu_are_one_feed() -> None:
    estate = Estate(["pdu", "h"], [Need("h", 1, (("pdu", 1), ("pdu", 1)))])
    topology = assemble(estate)

    assert topology.requirements_of("h")[0].total == 1
    assert down(answered(estate, pdu="DOWN")) == {"pdu", "h"}


def test_a_cluster_that_is_its_own_member_does_not_stay_up_for_ever() -> None:
    estate = Estate(["cluster", "node"], [needs("cluster", 1, "cluster", "node")])

    assert down(answered(estate, node="DOWN")) == {"node", "cluster"}


def test_more_needed_than_there_is_is_waived_and_reported() -> None:
    estate = Estate(["a", "h"], [needs("h", 2, "a")])
    answer = answered(estate, a="DOWN")

    assert states(answer) == {"a": "DOWN"}
    assert kinds_of_findings(answer) == ["NEEDS_TOO_MUCH"]
    assert "h needs 2" in answer.findings[0].text


def test_no_path_today_is_waived_and_reported() -> None:
    estate = Estate(["root", "dark", "a", "h"], [needs("h", 2, ("lan", "dark"), "a")], lan("", "root", "root dark"))
    answer = answered(estate, a="DOWN")

    assert states(answer) == {"a": "DOWN"}
    assert kinds_of_findings(answer) == ["WAIVED"]


def test_empty_group() -> None:
    estate = Estate(["a", "b"], [needs("a", 0), needs("b", 1)])
    topology = assemble(estate)

    assert [r.holds for r in (*topology.requirements_of("a"), *topology.requirements_of("b"))] == [True, False]
    assert states(answered(estate, a="DOWN")) == {"a": "DOWN"}
    assert [f.ci.id for f in topology.find_findings()] == ["b"]


def test_the_root_itself_fails() -> None:
    estate = Estate(["root", "p", "h"], [needs("h", 1, ("lan", "p"))], lan("root-p", "root"))

    assert states(answered(estate, root="DOWN")) == {"root": "DOWN", "p": "ISOLATED", "h": "DOWN"}


def test_a_plane_without_roots_is_unknown_not_cut_off() -> None:
    estate = Estate(["sw", "p", "h"], [needs("h", 1, ("lan", "p"))], lan("sw-p", ""))
    answer = answered(estate, sw="DOWN")

    assert states(answer) == {"sw": "DOWN"}
    assert kinds_of_findings(answer) == ["PLANE_WITHOUT_ROOT"]
    assert states(answered(estate, p="DOWN")) == {"p": "DOWN", "h": "DOWN"}  # a dead port is connected to nothing


def test_a_provider_that_is_seed_and_consequence_is_lost_once() -> None:
    estate = Estate(["a", "b", "c", "h"], [needs("b", 1, "a"), needs("h", 1, "b", "c")])
    answer = answered(estate, a="DOWN", b="DOWN")

    assert states(answer) == {"a": "DOWN", "b": "DOWN"}
    assert answer.spared[0].margin == 0


def test_weight_0_carries_nothing() -> None:
    estate = Estate(["a", "b", "h"], [Need("h", 1, (("a", 0), ("b", 1)), "AT_RISK")])

    assert states(answered(estate, a="DOWN")) == {"a": "DOWN"}
    assert down(answered(estate, b="DOWN")) == {"b", "h"}


def test_1_of_3_breaks_only_with_three() -> None:
    estate = Estate(["a", "b", "c", "h"], [needs("h", 1, "a", "b", "c")])

    assert all(down(answered(estate, **{x: "DOWN", y: "DOWN"})) == {x, y} for x, y in ("ab", "bc", "ac"))
    assert down(answered(estate, a="DOWN", b="DOWN", c="DOWN")) == {"a", "b", "c", "h"}


def test_the_margin_of_one_requirement_is_not_the_number_of_failures() -> None:
    estate = Estate(
        ["common", "a", "b", "c", "h"],
        [needs("a", 1, "common"), needs("b", 1, "common"), needs("h", 1, "a", "b", "c", on_loss="AT_RISK")],
    )
    answer = answered(estate, c="DOWN")
    (node,) = [n for n in answer.nodes if n.ci.id == "h"]

    assert answer.spared[0].margin == 1
    assert node.n_more == 1


def test_a_failed_link_cuts_the_path_though_both_switches_are_up() -> None:
    estate = Estate(["root", "link", "sw", "h"], [needs("h", 1, ("lan", "sw"))], lan("root-link link-sw", "root"))

    assert states(answered(estate, link="DOWN")) == {"link": "DOWN", "sw": "ISOLATED", "h": "DOWN"}


def test_a_ci_that_becomes_a_root_hangs_under_nobody() -> None:
    estate = Estate(["r", "a", "b"], [], lan("r-a a-b", "r"))
    plane = assemble(estate).live.planes[0]
    plane.set_roots((1,))
    plane.set_roots((), (0,))

    assert plane.parent == {1: ROOT, 0: 1, 2: 1}


def test_unlinking_twice_and_linking_twice_is_harmless() -> None:
    fabric = Fabric()
    fabric.add(1)
    fabric.add(2)
    fabric.link(1, 2)
    fabric.link(2, 1)
    fabric.unlink(1, 2)
    fabric.unlink(1, 2)

    assert fabric.edges == {1: [], 2: []}


def test_retiring_a_ci_is_not_failing_it() -> None:
    made = world("app:Service", "db:SoftwareInstance@host", "host:Computer", DEPENDS_ON="app-db")
    topology = from_world(made)

    assert states(ask(topology, {"host": "DOWN"})) == {"host": "DOWN", "db": "DOWN", "app": "DOWN"}

    topology.apply(2, 0, [SetCI("db", "SoftwareInstance", "retired", {}, (), {"name": "db"}, {})])

    assert states(ask(topology, {"host": "DOWN"})) == {"host": "DOWN"}
    assert {(f.ci.id, f.kind) for f in topology.find_findings()} == {
        ("app", "NEEDS_TOO_MUCH"),
        ("app", "PROVIDER_GONE"),
    }
