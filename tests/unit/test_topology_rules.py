"""From relationships to requirements and planes: one case for each rule of the semantics."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.changes import EndRelationship, Facet, LinkFacet, NewCI, NewRelationship, PutTask, SetCI
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from tests.impact.ask import ask, states
from tests.impact.assemble import from_world, world

Row = tuple[str, int, list[str], str, str]
APP = ("app:SoftwareInstance@host product=shop", "host:Computer")
DB = ("db:SoftwareInstance@h1 product=pg", "db2:SoftwareInstance@h2 product=pg", "h1:Computer", "h2:Computer")


def rows(topology: Topology, owner: str) -> list[Row]:
    """(id without owner, needed, providers, on loss, pass) of each requirement of a CI."""
    return [
        (
            r.id.removeprefix(f"req:{owner}:"),
            r.needed,
            sorted(p.ci.id + (f"@{p.connected}" if p.connected else "") for p in r.providers),
            r.on_loss,
            r.pass_,
        )
        for r in topology.requirements_of(owner)
    ]


def clusters(kind: str) -> tuple[str, ...]:
    return (f"c:Cluster {kind}", "h1:Computer", "h2:Computer", "h3:Computer")


THREE = {"MEMBER_OF": "h1-c h2-c h3-c"}
ALL = ["h1", "h2", "h3"]
CASES: list[tuple[str, tuple[str, ...], dict[str, str], str, list[Row]]] = [
    ("software runs on a host", APP, {}, "app", [("RUNS_ON:host", 1, ["host"], "NONE", "ANY")]),
    (
        "machine runs on a cluster",
        ("vm:VirtualMachine", "c:Cluster"),
        {"RUNS_ON": "vm-c"},
        "vm",
        [("RUNS_ON:c", 1, ["c"], "NONE", "NEEDED")],
    ),
    (
        "a part needs its whole",
        ("m:Module@sw", "sw:NetworkDevice"),
        {},
        "m",
        [("CONTAINS:sw", 1, ["sw"], "NONE", "NEVER")],
    ),
    (
        "an aggregate needs one member",
        ("agg:Interface@h", "a:Interface@h", "b:Interface@h", "h:PowerDevice"),
        {"MEMBER_OF": "a-agg b-agg"},
        "agg",
        [("CONTAINS:h", 1, ["h"], "NONE", "NEVER"), ("MEMBER_OF:all", 1, ["a", "b"], "AT_RISK", "NEEDED")],
    ),
    (
        "a device needs a port it is seen on",
        ("pc:Endpoint", "a:Interface@sw", "b:Interface@sw", "sw:NetworkDevice roles=switch"),
        {"SEEN_ON": "pc-a pc-b"},
        "pc",
        [("SEEN_ON:all", 1, ["a@lan", "b@lan"], "AT_RISK", "NEEDED")],
    ),
    (
        "servers of one product and port are alternatives",
        (*APP, *DB),
        {"CONNECTS_TO": "app-db/port=5432 app-db2/port=5432"},
        "app",
        [("CONNECTS_TO:=pg,5432", 1, ["db", "db2"], "AT_RISK", "NEEDED"), ("RUNS_ON:host", 1, ["host"], "NONE", "ANY")],
    ),
    (
        "servers at different ports are not",
        (*APP, *DB),
        {"CONNECTS_TO": "app-db/port=5432 app-db2/port=5433"},
        "app",
        [
            ("CONNECTS_TO:=pg,5432", 1, ["db"], "AT_RISK", "NEEDED"),
            ("CONNECTS_TO:=pg,5433", 1, ["db2"], "AT_RISK", "NEEDED"),
            ("RUNS_ON:host", 1, ["host"], "NONE", "ANY"),
        ],
    ),
    ("quorum", clusters("kind=quorum"), THREE, "c", [("MEMBER_OF:all1", 2, ALL, "AT_RISK", "NEEDED")]),
    ("standby", clusters("kind=standby"), THREE, "c", [("MEMBER_OF:all2", 1, ALL, "AT_RISK", "NEEDED")]),
    ("capacity", clusters("kind=capacity"), THREE, "c", [("MEMBER_OF:all3", 2, ALL, "DEGRADED", "NEEDED")]),
    ("capacity stated", clusters("needed=3"), THREE, "c", [("MEMBER_OF:all3", 3, ALL, "DEGRADED", "NEEDED")]),
    (
        "dependencies stand alone",
        ("s:Service", "a:Service", "b:Service"),
        {"DEPENDS_ON": "s-a s-b"},
        "s",
        [("DEPENDS_ON:a", 1, ["a"], "AT_RISK", "NEEDED"), ("DEPENDS_ON:b", 1, ["b"], "AT_RISK", "NEEDED")],
    ),
    (
        "alternatives share a key",
        ("s:Service", "a:Service", "b:Service"),
        {"DEPENDS_ON": "s-a/group_key=x:y s-b/group_key=x:y"},
        "s",
        [("DEPENDS_ON:=x%3Ay", 1, ["a", "b"], "AT_RISK", "NEEDED")],
    ),
    (
        "one feed of two is enough",
        ("h:Computer", "a:PowerDevice", "b:PowerDevice"),
        {"POWERED_BY": "h-a h-b"},
        "h",
        [("POWERED_BY:all", 1, ["a", "b"], "AT_RISK", "NEVER")],
    ),
    (
        "one cooler may fail",
        ("l:Location", *(f"k{n}:Endpoint" for n in range(3))),
        {"COOLED_BY": "l-k0 l-k1 l-k2"},
        "l",
        [("COOLED_BY:all", 2, ["k0", "k1", "k2"], "AT_RISK", "NEVER")],
    ),
    (
        "a thing needs its place",
        ("h:Computer", "l:Location"),
        {"LOCATED_IN": "h-l"},
        "h",
        [("LOCATED_IN:l", 1, ["l"], "NONE", "NEVER")],
    ),
    (
        "data needs its storage",
        ("h:Computer", "s:StorageDevice"),
        {"STORED_ON": "h-s"},
        "h",
        [("STORED_ON:s", 1, ["s"], "AT_RISK", "NEEDED")],
    ),
    (
        "a host needs one cabled port, those of its chassis included",
        (
            *("h:Computer", "ch:Chassis@h", "a:Interface@h", "b:Interface@ch", "idle:Interface@h"),
            *("x:Interface@sw", "y:Interface@sw", "sw:NetworkDevice roles=switch"),
        ),
        {"CONNECTED_TO": "a-x b-y"},
        "h",
        [
            ("CONNECTED_TO:lan", 1, ["a@lan", "b@lan"], "AT_RISK", "NEEDED"),
            ("CONTAINS:all3", 1, ["ch"], "AT_RISK", "NEEDED"),
        ],
    ),
    (
        "one power supply of two is enough",
        (
            *("h:Computer", "p1:Module@h kind=power_supply", "p2:Module@h kind=power_supply"),
            *("f:Module@h kind=fan", "m:Module@h"),
        ),
        {},
        "h",
        [("CONTAINS:all4", 1, ["p1", "p2"], "AT_RISK", "NEVER")],
    ),
    ("a power supply works without what it feeds", ("h:Computer", "p:Module@h kind=power_supply"), {}, "p", []),
    ("a fan does not", ("h:Computer", "f:Module@h kind=fan"), {}, "f", [("CONTAINS:h", 1, ["h"], "NONE", "NEVER")]),
    (
        "a stack works while one member does",
        ("sw:NetworkDevice", "c1:Chassis@sw", "c2:Chassis@sw"),
        {},
        "sw",
        [("CONTAINS:all3", 1, ["c1", "c2"], "AT_RISK", "NEEDED")],
    ),
    ("a member works without the stack", ("sw:NetworkDevice", "c:Chassis@sw"), {}, "c", []),
    (
        "what is in a member needs it and the stack",
        ("sw:NetworkDevice", "c:Chassis@sw", "i:Interface@c"),
        {},
        "i",
        [("CONTAINS:c", 1, ["c"], "NONE", "NEVER"), ("CONTAINS:sw", 1, ["sw"], "NONE", "NEVER")],
    ),
    (
        "power equipment works without its network",
        ("pdu:PowerDevice", "a:Interface@pdu", "x:Interface@sw", "sw:NetworkDevice roles=switch"),
        {"CONNECTED_TO": "a-x", "SEEN_ON": "pdu-x"},
        "pdu",
        [],
    ),
    ("what has no effect", ("a:Service", "b:Service"), {"MONITORED_BY": "a-b", "BACKUP_OF": "a-b"}, "a", []),
]


@pytest.mark.parametrize(("cis", "links", "owner", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_default(cis: tuple[str, ...], links: dict[str, str], owner: str, expected: list[Row]) -> None:
    assert rows(from_world(world(*cis, **links)), owner) == expected


def stated(**attributes: Any) -> Topology:
    made = world(
        *("h:Computer", "a:PowerDevice", "b:PowerDevice", "c:PowerDevice", "r:Requirement@h needed=2 on_loss=degraded"),
        POWERED_BY="h-a h-b",
        PROVIDED_BY="r-a/weight=2 r-b r-c",
    )
    for name, value in attributes.items():
        setattr(made.cis["r"], name, value)
    return from_world(made)


def test_a_stated_requirement_replaces_the_default_of_its_pairs() -> None:
    (requirement,) = stated().requirements_of("h")

    assert (requirement.id, requirement.origin, requirement.evidence) == ("r", "MANUAL", ("manual/desk",))
    assert [(p.ci.id, p.weight) for p in requirement.providers] == [("a", 2), ("b", 1), ("c", 1)]
    assert (requirement.needed, requirement.total, requirement.holds) == (2, 4, True)
    assert (requirement.on_loss, requirement.pass_) == ("DEGRADED", "NEEDED")


def test_what_a_collector_states_is_discovered() -> None:
    assert [r.origin for r in stated(origin="snmp/core-1").requirements_of("h")] == ["DISCOVERED"]


@pytest.mark.parametrize("status", ["missing", "retired"])
def test_a_requirement_that_is_gone_holds_no_more(status: str) -> None:
    assert [r.id for r in stated(status=status).requirements_of("h")] == ["req:h:POWERED_BY:all"]


def test_only_requirements_of_an_origin() -> None:
    topology = stated()

    assert [r.id for r in topology.requirements("MANUAL")] == ["r"]
    assert topology.requirements("DEFAULT") == ()
    assert topology.requirements() == topology.requirements_of("h")
    assert topology.requirements_of("nobody") == ()


def test_foreign_values_are_tolerated() -> None:
    made = world("h:Computer", "a:PowerDevice", "r:Requirement@h", PROVIDED_BY="r-a", POWERED_BY="h-a")
    made.cis["r"].attributes = {"needed": "two", "on_loss": 7, "pass": None}
    made.cis["h"].attributes = {"roles": "switch", "root_of": 5, "colour": "red", "criticality": "high"}
    topology = from_world(made)
    (requirement,) = topology.requirements_of("h")

    assert (requirement.needed, requirement.on_loss, requirement.pass_) == (1, "AT_RISK", "NEEDED")
    assert states(ask(topology, {"a": "DOWN"})) == {"a": "DOWN", "h": "DOWN"}


def test_a_negative_weight_carries_nothing_and_takes_nothing_away() -> None:
    made = world(*("h:Computer", "a:PowerDevice", "b:PowerDevice", "r:Requirement@h needed=1"), PROVIDED_BY="r-a r-b")
    made.relationships[("r", "PROVIDED_BY", "a")] = {"weight": -7}
    topology = from_world(made)
    (requirement,) = topology.requirements_of("h")

    assert [(p.ci.id, p.weight) for p in requirement.providers] == [("b", 1), ("a", 0)]
    assert states(ask(topology, {"a": "DOWN"})) == {"a": "DOWN"}
    assert states(ask(topology, {"b": "DOWN"})) == {"b": "DOWN", "h": "DOWN"}


def test_a_default_that_would_be_of_nothing_is_a_finding() -> None:
    made = world("h:Computer", "a:PowerDevice !retired", "s:Service", POWERED_BY="h-a", DEPENDS_ON="s-h")
    topology = from_world(made)
    (requirement,) = (r for r in topology.requirements_of("h") if "POWERED_BY" in r.id)

    assert (requirement.needed, requirement.total, requirement.holds) == (1, 0, False)
    assert {f.kind for f in topology.findings_of("h")} == {"NEEDS_TOO_MUCH", "PROVIDER_GONE"}
    assert states(ask(topology, {"s": "DOWN"})) == {"s": "DOWN"}


def test_stacks_and_power_supplies_carry_each_other() -> None:
    boxes = ("sw:NetworkDevice roles=switch", "c1:Chassis@sw", "c2:Chassis@sw", "i1:Interface@c1", "i2:Interface@c2")
    supplies = [f"{p}:Module@{c} kind=power_supply" for p, c in (("p1", "c1"), ("q1", "c1"), ("p2", "c2"))]
    feeds = ("a:PowerDevice", "b:PowerDevice")
    topology = from_world(world(*boxes, *supplies, *feeds, POWERED_BY="p1-a q1-b p2-a"))

    assert states(ask(topology, {"p1": "DOWN"})) == {"p1": "DOWN", "c1": "AT_RISK"}
    assert states(ask(topology, {"a": "DOWN"})) == {
        **dict.fromkeys(("a", "p1", "p2", "c2", "i2"), "DOWN"),
        **dict.fromkeys(("c1", "sw"), "AT_RISK"),
    }
    assert states(ask(topology, {"a": "DOWN", "b": "DOWN"})) == dict.fromkeys(
        ("a", "b", "p1", "q1", "p2", "c1", "c2", "i1", "i2", "sw"), "DOWN"
    )
    assert states(ask(topology, {"sw": "DOWN"})) == dict.fromkeys(("sw", "i1", "i2"), "DOWN")


def test_nothing_that_carries_a_whole_needs_it_so_that_it_can_start() -> None:
    boxes = ("sw:NetworkDevice", "c1:Chassis@sw", "p1:Module@c1 kind=power_supply", "p2:Module@sw kind=power_supply")
    topology = from_world(world(*boxes, "i:Interface@c1"))
    up: set[int] = set()
    there = range(len(topology.facts.nodes))
    while more := {
        ci
        for ci in there
        if ci not in up
        and all(sum(w for lit, w in g.providers if lit in up) >= g.needed for g in topology.live.owned.get(ci, ()))
    }:
        up |= more

    assert up == set(there)


NETWORK = (
    "core:NetworkDevice roles=router root_of=lan",
    "sw:NetworkDevice roles=switch",
    "c1:Interface@core",
    "c2:Interface@core",
    "s1:Interface@sw",
    "s2:Interface@sw",
    "pc:Computer",
    "p1:Interface@pc",
    "seg:Segment",
)


def connected(topology: Topology, plane: str = "lan") -> set[str]:
    (found,) = [p for p in topology.live.planes if p.name == plane]
    return {topology.facts.nodes[ci].id for ci in found.parent}


def test_plane_of_cables_segments_and_forwarding_devices() -> None:
    topology = from_world(world(*NETWORK, CONNECTED_TO="c1-s1 p1-s2", ATTACHED_TO="c2-seg"))
    (lan,) = topology.planes()

    assert connected(topology) == {"core", "c1", "c2", "s1", "s2", "sw", "p1", "seg"}
    assert (lan.name, [r.id for r in lan.roots]) == ("lan", ["core"])
    assert states(ask(topology, {"s1": "DOWN"})) == {
        **dict.fromkeys(("s1", "pc", "p1"), "DOWN"),  # without a path the host is down, and its port with it
        **dict.fromkeys(("sw", "s2"), "ISOLATED"),
    }


def test_a_cable_to_a_device_whose_port_is_not_known() -> None:
    topology = from_world(world(*NETWORK, CONNECTED_TO="c1-sw s2-pc"))

    assert connected(topology) == {"core", "c1", "c2", "sw", "s1", "s2"}
    assert rows(topology, "pc") == [("CONNECTED_TO:lan", 1, ["s2@lan"], "AT_RISK", "NEEDED")]


def test_a_root_that_does_not_forward_is_one_through_its_cabled_ports() -> None:
    made = world(*NETWORK, CONNECTED_TO="p1-s2")
    made.cis["pc"].attributes["root_of"] = ["san"]
    topology = from_world(made)

    assert connected(topology, "san") == {"p1", "s1", "s2", "sw"}
    assert [(p.name, [r.id for r in p.roots]) for p in topology.planes()] == [("lan", ["core"]), ("san", ["pc"])]


def test_a_stated_requirement_of_connectivity() -> None:
    made = world(*NETWORK, "shop:Service", "r:Requirement@shop needed=1", CONNECTED_TO="c1-s1 p1-s2")
    made.relationships[("r", "PROVIDED_BY", "sw")] = {"connected": "lan"}
    made.relationships[("r", "PROVIDED_BY", "pc")] = {"connected": "lan"}
    topology = from_world(made)

    # a device that forwards nothing is in no plane: its own need for a connected port says whether it is in the LAN
    assert rows(topology, "shop") == [("r", 1, ["pc", "sw@lan"], "AT_RISK", "NEEDED")]
    assert states(ask(topology, {"core": "DOWN"}))["shop"] == "DOWN"


def test_a_plane_that_lost_its_roots_and_that_nobody_needs_is_no_finding() -> None:
    made = world(*NETWORK, CONNECTED_TO="c1-s1 p1-s2")
    made.cis["pc"].attributes["root_of"] = ["san"]
    topology = from_world(made)

    topology.apply(2, 0, [SetCI("pc", "Computer", "in_service", {}, (), {"name": "pc"}, {})])

    assert [p.name for p in topology.planes()] == ["lan"]
    assert "PLANE_WITHOUT_ROOT" not in {f.kind for f in ask(topology, {"sw": "DOWN"}).findings}


def test_roots_come_and_go() -> None:
    topology = from_world(world(*NETWORK, CONNECTED_TO="c1-s1 p1-s2"))

    def say(sequence: int, root_of: list[str]) -> None:
        attributes = {"name": "core", "roles": ["router"], "root_of": root_of}
        topology.apply(sequence, 0, [SetCI("core", "NetworkDevice", "in_service", {}, (), attributes, {})])

    say(2, [])

    assert [(p.name, p.roots) for p in topology.planes()] == [("lan", ())]
    assert "PLANE_WITHOUT_ROOT" in {f.kind for f in ask(topology, {"core": "DOWN"}).findings}

    say(3, ["lan"])

    assert "p1" in connected(topology)


def test_a_root_that_is_retired_is_none() -> None:
    made = world(*NETWORK, CONNECTED_TO="p1-s2")
    made.cis["pc"].attributes["root_of"] = ["san"]
    topology = from_world(made)
    attributes = {"name": "pc", "root_of": ["san"]}
    topology.apply(2, 0, [SetCI("pc", "Computer", "retired", {}, (), attributes, {})])

    assert connected(topology, "san") == set()
    assert [p.name for p in topology.planes()] == ["lan"]


def test_following_the_feed_from_nothing() -> None:
    topology = Topology(load_model())
    facet, link = {"manual/desk": Facet(0, "")}, {"manual/desk": LinkFacet(0)}
    topology.apply(
        1,
        500,
        [
            NewRelationship("shop", "DEPENDS_ON", "db", {}, link),  # its ends come later in the same commit
            NewCI("shop", "Service", "", "", "in_service", {"name": "Shop"}, (), facet, 0),
            NewCI("host", "Computer", "", "", "in_service", {"name": "host"}, (), facet, 0),
            NewCI("db", "SoftwareInstance", "host", "db", "in_service", {"name": "db"}, (), facet, 0),
            PutTask("t", "conflict", "open", "", "", (), (), ""),
        ],
    )

    assert (topology.sequence, topology.at) == (1, 500)
    assert [ci.name for ci in map(topology.ref, range(3))] == ["Shop", "host", "db"]
    assert states(ask(topology, {"host": "DOWN"})) == {"host": "DOWN", "db": "DOWN", "shop": "DOWN"}

    topology.apply(2, 600, [EndRelationship("shop", "DEPENDS_ON", "db")])

    assert states(ask(topology, {"host": "DOWN"})) == {"host": "DOWN", "db": "DOWN"}


def test_findings_of_the_whole_estate_are_bounded() -> None:
    hosts = [f"h{n}:Computer" for n in range(5)]
    topology = from_world(world("old:PowerDevice !retired", *hosts, POWERED_BY=" ".join(f"h{n}-old" for n in range(5))))

    assert len(topology.find_findings()) == 10
    assert [f.ci.id for f in topology.find_findings(3)] == ["h0", "h0", "h1"]
