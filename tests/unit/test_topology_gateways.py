"""Where the LAN is grounded while nobody says it: routers beside whom others have addresses."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.changes import EndRelationship, NewRelationship, SetCI
from cmdb.demo.manual import manual_report
from cmdb.demo.site import load_site
from cmdb.model.registry import load_model
from cmdb.store.protocol import CIRecord, KnownCI, RelationshipRecord
from cmdb.topology import Topology
from tests.impact.ask import ask, states
from tests.impact.assemble import from_world, world
from tests.unit.test_demo_site_discovery import AT, everything
from tests.unit.world import World as Graph

# One router in two networks, with a host in each; `n` are networks, `a` addresses of the router, `h` of the hosts.
SITE = (
    "gw:NetworkDevice roles=router",
    *("g1:Interface@gw", "g2:Interface@gw", "a1:IPAddress@g1", "a2:IPAddress@g2"),
    *("n1:Subnet prefix=10.0.1.0/24", "n2:Subnet prefix=10.0.2.0/24", "h1:IPAddress", "h2:IPAddress"),
)
INSIDE = "a1-n1 a2-n2 h1-n1 h2-n2"


def roots(topology: Topology) -> list[str]:
    (lan,) = [plane for plane in topology.planes() if plane.name == "lan"]
    (plane,) = [plane for plane in topology.live.planes if plane.name == "lan"]

    assert {topology.facts.numbers[r.id] for r in lan.roots} == plane.roots
    return [root.id for root in lan.roots]


def site(*more: str, replace: tuple[str, str] = ("", ""), inside: str = INSIDE) -> Topology:
    cis = [ci.replace(*replace) if replace[0] else ci for ci in SITE]
    return from_world(world(*cis, *more, IN_SUBNET=inside))


def said(ci: str, ci_class: str, status: str = "in_service", **attributes: Any) -> SetCI:
    return SetCI(ci, ci_class, status, {}, (), {"name": ci, **attributes}, {})


def test_a_router_in_two_networks_with_others_is_a_gateway() -> None:
    topology = site("pc:Computer", "p:Interface@pc", "g3:Interface@gw")
    (lan,) = topology.planes()

    assert roots(topology) == ["gw"]
    assert (lan.is_stated, lan.why) == (False, ("a router in 2 networks where others have addresses: n1 and n2",))


@pytest.mark.parametrize(
    ("why", "replace", "inside"),
    [
        ("a switch with two addresses forwards no packets between them", ("roles=router", "roles=switch"), INSIDE),
        ("a server that passes packets on is none", ("gw:NetworkDevice", "gw:Computer"), INSIDE),
        ("one network leads nowhere", ("", ""), "a1-n1 h1-n1"),
        ("nobody else is in the second", ("", ""), "a1-n1 a2-n2 h1-n1"),
        ("nobody's network is so wide", ("10.0.2.0/24", "128.0.0.0/2"), INSIDE),
        ("it is retired", ("gw:NetworkDevice", "gw:NetworkDevice !retired"), INSIDE),
        ("its port is retired", ("g1:Interface@gw", "g1:Interface@gw !retired"), INSIDE),
        ("the network is retired", ("n1:Subnet", "n1:Subnet !retired"), INSIDE),
    ],
)
def test_what_is_no_gateway(why: str, replace: tuple[str, str], inside: str) -> None:
    assert roots(site(replace=replace, inside=inside)) == [], why


def test_firewalls_are_and_servers_beside_them_are_not() -> None:
    more = ("web:Computer roles=router", "w:Interface@web", "b1:IPAddress@w", "b2:IPAddress@w")
    topology = site(*more, replace=("roles=router", "roles=firewall"), inside=f"{INSIDE} b1-n1 b2-n2")

    assert roots(topology) == ["gw"]


def test_the_same_address_in_every_box_makes_no_network() -> None:
    more = ("gx:NetworkDevice roles=router", "x1:Interface@gx", "b2:IPAddress@x1")
    topology = site(*more, inside="a1-n1 h1-n1 a2-n2 b2-n2")
    before = roots(topology)
    inner = [SetCI(a, "IPAddress", "in_service", {}, (), {"name": "172.17.0.1"}, {}) for a in ("a2", "b2")]
    topology.apply(2, 0, inner)

    assert (before, roots(topology)) == (["gw"], [])


def test_a_router_that_nobody_read_may_be_one_too_and_counts_beside_those_that_are() -> None:
    more = ("other:NetworkDevice roles=router", "leaf:NetworkDevice roles=switch")
    (lan,) = site(*more).planes()
    alone = from_world(world("other:NetworkDevice roles=router", "leaf:NetworkDevice roles=switch"))

    assert [(r.id, why.partition(",")[0]) for r, why in zip(lan.roots, lan.why, strict=True)] == [
        ("gw", "a router in 2 networks where others have addresses: n1 and n2"),
        ("other", "a router whose networks nobody has read"),
    ]
    assert roots(alone) == []


def test_a_stated_root_wins_and_the_rule_comes_back_after_it() -> None:
    topology = site("core:NetworkDevice roles=switch")
    topology.apply(2, 0, [said("core", "NetworkDevice", roles=["switch"], root_of=["lan"])])
    stated, (lan,) = roots(topology), topology.planes()
    topology.apply(3, 0, [said("core", "NetworkDevice", roles=["switch"])])

    assert (stated, lan.is_stated, lan.why) == (["core"], True, ("root_of says so",))
    assert roots(topology) == ["gw"]


def test_gateways_come_and_go_with_what_makes_them() -> None:
    topology = site()
    gone = [
        (said("gw", "NetworkDevice", roles=["switch"]), said("gw", "NetworkDevice", roles=["router"])),
        (said("n2", "Subnet", "retired"), said("n2", "Subnet", prefix="10.0.2.0/24")),
        (said("h2", "IPAddress", "retired"), said("h2", "IPAddress")),
        (said("a2", "IPAddress", "retired"), said("a2", "IPAddress")),
        (said("g2", "Interface", "retired"), said("g2", "Interface")),
        (EndRelationship("h2", "IN_SUBNET", "n2"), NewRelationship("h2", "IN_SUBNET", "n2", {}, {})),
    ]
    seen = []
    for sequence, change in enumerate((c for pair in gone for c in pair), 2):
        topology.apply(sequence, 0, [change])
        seen.append(roots(topology))

    assert seen == [[], ["gw"]] * len(gone)


def test_what_loses_its_gateway_is_cut_off() -> None:
    more = ("pc:Computer", "p:Interface@pc", "sw:NetworkDevice roles=switch", "s1:Interface@sw", "s2:Interface@sw")
    made = world(*SITE, *more, IN_SUBNET=INSIDE, CONNECTED_TO="p-s1 g1-s2")

    assert states(ask(from_world(made), {"gw": "DOWN"}))["pc"] == "DOWN"


def demo(*named: str) -> Topology:
    """The demo site with these devices stated as roots of the LAN, and no others."""
    graph = Graph()
    for report in (*(r for reports in everything() for r in reports), manual_report(load_site(), AT)):
        graph.ingest(report)
    topology = Topology(load_model())
    cis = sorted(graph.cis.values(), key=lambda ci: (_depth(graph, ci), ci.id))
    links = {tie: said for ci in cis for tie, said in ci.links.items()}
    topology.load(
        [_record(ci, named) for ci in cis],
        [RelationshipRecord(*tie, attributes, facets, AT, {}) for tie, (attributes, facets) in links.items()],
        1,
    )
    return topology


def _depth(graph: Graph, ci: KnownCI) -> int:
    return 1 + _depth(graph, graph.cis[ci.parent]) if ci.parent else 0


def _record(ci: KnownCI, named: tuple[str, ...]) -> CIRecord:
    name = str(ci.attributes.get("name", ""))
    attributes = {n: v for n, v in ci.attributes.items() if n != "root_of"}
    attributes |= {"root_of": ["lan"]} if name in named else {}
    return CIRecord(ci.id, ci.ci_class, name, ci.status, 1, AT, ci.parent, ci.local_key, attributes, (), {}, {})


def test_the_demo_site_is_judged_as_if_its_roots_were_stated() -> None:
    found, stated = demo(), demo("core-1", "core-2")
    (lan,) = found.planes()
    nodes = found.facts.nodes
    devices = [n.id for n in nodes if n.ci_class in ("NetworkDevice", "Computer", "PowerDevice")]
    firewalls = {n.id for n in nodes if n.name in ("fw-1", "fw-2")}
    fabric = {n.id for n in nodes if nodes[found.facts.holder(found.facts.numbers[n.id])].id in firewalls}
    pairs = [{a: "DOWN", b: "DOWN"} for place, a in enumerate(devices) for b in devices[place:]]
    differing = set()
    for kinds in pairs:
        one, other = states(ask(found, kinds)), states(ask(stated, kinds))
        differing |= {ci for ci in one.keys() | other.keys() if one.get(ci) != other.get(ci)}

    assert [root.name for root in lan.roots] == ["core-1", "core-2", "fw-1", "fw-2"]
    # The firewalls lead out of the LAN themselves, so that they are not isolated without both cores.
    assert differing <= fabric
    assert len(pairs) > 200
