"""What forwarding tables tell: end points, wires between bridges, shared segments, VLANs."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.observation import Identifier
from collectors.facts import Resolved, VlanPort
from collectors.links.relate import relate
from tests.unit.links_network import AT, Box, mac, named, protocols, tell, things, ties


def host(number: int) -> str:
    return f"00:25:90:00:00:{number:02x}"


def bridges(tables: dict[str, dict[int, Sequence[int]]]) -> list[Box]:
    """Bridges by name with the hosts that they learned on each port."""
    found = []
    for number, (name, ports) in enumerate(sorted(tables.items()), start=1):
        box = Box(name, number, ports=max(ports), naming="p{}", bridge=True)
        for port, hosts in ports.items():
            box.learns(port, *map(host, hosts))
        found.append(box)
    return found


CHAIN = {"a": {1: [1], 2: [2, 3]}, "b": {1: [1], 2: [2], 3: [3]}, "c": {1: [1, 2], 2: [3]}}
SHARED = {"a": {1: [1, 2, 3], 2: [8]}, "b": {1: [1, 2, 8], 2: [3]}}
TOO_LITTLE = {"a": {1: [1, 2, 3]}, "b": {1: [1], 2: [2, 3]}}
STAR = {
    "d": {1: [1, 2], 2: [3, 4, 5, 6, 7]},
    "e": {1: [5, 6], 2: [1, 2, 3, 4, 7]},
    "f": {1: [3, 4], 2: [1, 2, 5, 6, 7]},
    "g": {1: [1, 2], 2: [3, 4], 3: [5, 6], 4: [7]},
}


@pytest.mark.parametrize(
    ("tables", "wires"),
    [
        (CHAIN, {("a p2", "b p1"), ("b p3", "c p1")}),
        (STAR, {("d p2", "g p1"), ("f p2", "g p2"), ("e p2", "g p3")}),
        (SHARED, set()),
        (TOO_LITTLE, set()),
        ({"a": {1: [1], 2: [2]}, "b": {1: [1], 2: [2]}}, set()),  # either way round would do
        ({"a": {1: [1], 2: [2]}, "b": {1: [3], 2: [4]}}, set()),  # nothing in common
    ],
    ids=["chain", "star", "shared", "too little", "ambiguous", "apart"],
)
def test_wires_between_bridges(tables: dict[str, dict[int, Sequence[int]]], wires: set[tuple[str, str]]) -> None:
    boxes = bridges(tables)

    assert ties(tell(boxes), "CONNECTED_TO", boxes) == wires


def test_hosts_between_two_bridges_are_on_a_segment() -> None:
    boxes = bridges(SHARED)
    reports = tell(boxes)
    (segment,) = things(reports, "Segment")

    assert ties(reports, "ATTACHED_TO", boxes) == {
        (who, segment) for who in ("a p1", "b p1", f"mac:{host(1)}", f"mac:{host(2)}")
    }
    assert ties(reports, "SEEN_ON", boxes) == {(f"mac:{host(8)}", "a p2"), (f"mac:{host(3)}", "b p2")}


def test_hosts_are_seen_on_their_own_ports_only() -> None:
    boxes = bridges(CHAIN)

    assert ties(tell(boxes), "SEEN_ON", boxes) == {
        (f"mac:{host(1)}", "a p1"),
        (f"mac:{host(2)}", "b p2"),
        (f"mac:{host(3)}", "c p2"),
    }


def test_ports_to_other_bridges_place_nobody() -> None:
    a, b = bridges({"a": {1: [1, 2], 2: [3]}, "b": {2: [1, 2]}})
    a.sees(1, b, "p1")

    assert ties(tell([a, b]), "SEEN_ON", [a, b]) == {
        (f"mac:{host(1)}", "b p2"),
        (f"mac:{host(2)}", "b p2"),
        (f"mac:{host(3)}", "a p2"),
    }


def test_own_shared_and_neighbours_addresses_are_no_end_points() -> None:
    (a,) = bridges({"a": {1: [], 2: [2]}})
    a.learns(1, mac(1), mac(1, 2), "00:00:5e:00:01:0a", "00:00:0c:07:ac:01", "01:00:5e:00:00:fb", mac(9))
    a.sees(1, named("mac", mac(9)), capabilities=("phone",))
    a.learns(1, host(7))  # a computer behind the phone

    assert ties(tell([a]), "SEEN_ON", [a]) == {(f"mac:{host(2)}", "a p2"), (f"mac:{host(7)}", "a p1")}


def test_known_device_is_seen_as_itself_with_its_vlans() -> None:
    (a,) = bridges({"a": {1: [], 2: []}})
    server = Box("server", 7, ports=2, naming="eth{}", roles=("server",))
    a.learns(2, mac(7, 1), vlan=20)
    a.learns(2, mac(7, 1), vlan=10)
    reports = tell([a, server])

    assert ties(reports, "SEEN_ON", [a, server]) == {("server", "a p2")}
    assert not things(reports, "Endpoint")
    (seen,) = [o for r in reports for o in r.observations if any(link.type == "SEEN_ON" for link in o.links)]
    assert seen.role == "mentioned"
    assert seen.attributes == {}
    assert seen.links[0].attributes == {"vlan_id": [10, 20]}


def test_a_known_device_alone_behind_a_port_is_cabled_to_it() -> None:
    (a,) = bridges({"a": {1: [], 2: [], 3: [], 4: [], 5: []}})
    server = Box("server", 7, ports=2, naming="eth{}", roles=("server",))
    a.learns(1, mac(7, 1), vlan=20)
    a.learns(2, mac(7, 2), host(4))  # something else is behind this port
    a.learns(3, host(5))  # of what is here, only the address is known
    boxes = [a, server]

    stranger = ("a p3", f"mac:{host(5)} {host(5)}")
    assert ties(tell(boxes), "CONNECTED_TO", boxes) == {("a p1", "server eth1")}
    assert ties(tell(boxes), "CONNECTED_TO", boxes, strangers=True) == {("a p1", "server eth1"), stranger}
    assert things(tell(boxes), "Interface")[host(5)].attributes == {"name": host(5), "mac_address": host(5)}
    assert ties(tell(boxes), "SEEN_ON", boxes) == {
        ("server", "a p1"), ("server", "a p2"), (f"mac:{host(4)}", "a p2"), (f"mac:{host(5)}", "a p3"),
    }  # fmt: skip
    assert protocols(tell(boxes)) == {("fdb",)}


def test_bridge_without_a_table_is_behind_the_only_port_that_learned_it() -> None:
    (a,) = bridges({"a": {1: [], 2: [5]}})
    b = Box("b", 2, bridge=True)
    a.learns(1, mac(2, 3), host(6))
    reports = tell([a, b])

    assert ties(reports, "CONNECTED_TO", [a, b]) == {("a p1", "b")}
    assert ties(reports, "SEEN_ON", [a, b]) == {(f"mac:{host(5)}", "a p2")}


def test_two_bridges_behind_one_port_are_not_guessed_at() -> None:
    (a,) = bridges({"a": {1: [], 2: []}})
    b, c = Box("b", 2, bridge=True), Box("c", 3, bridge=True)
    a.learns(1, mac(2, 3), mac(3, 3))

    assert ties(tell([a, b, c]), "CONNECTED_TO", [a, b, c]) == set()


def test_spanning_tree_tells_no_neighbour_twice() -> None:
    (a,) = bridges({"a": {1: [], 2: [5, 6]}})
    a.sees(1, named("mac", mac(9)), "p7", capabilities=("switch",))
    a.sees(2, named("mac", mac(9, 16)), named("local", "7"), protocol="stp")
    reports = tell([a])

    assert list(things(reports, "NetworkDevice")) == [f"chassis-id:mac:{mac(9)}"]
    assert ties(reports, "SEEN_ON", [a]) == set()


def test_bridge_that_only_spanning_tree_tells_of_is_told() -> None:
    (a,) = bridges({"a": {1: [], 2: []}})
    a.sees(2, named("mac", mac(9)), named("local", "7"), protocol="stp")

    assert ties(tell([a]), "CONNECTED_TO", [a]) == {("a p2", f"chassis-id:mac:{mac(9)}")}


def test_forwarding_tables_confirm_a_cable() -> None:
    a, b = bridges({"a": {1: [], 2: []}, "b": {1: [], 2: []}})
    a.sees(1, b, "p2")
    a.learns(1, mac(2, 2))
    (report,) = tell([a, b])

    assert [link.attributes["protocols"] for o in report.observations for link in o.links] == [["lldp", "fdb"]]


def test_addresses_of_caches_stand_alone_unless_a_device_has_them() -> None:
    a = Box("a", 1, address="192.0.2.1")
    a.resolved = [
        Resolved("192.0.2.1", mac(1)),
        Resolved("192.0.2.9", host(9)),
        Resolved("192.0.2.9", host(9), vrf="guests"),
        Resolved("192.0.2.1", mac(1), vrf="guests"),
        Resolved("fe80::1", host(9)),
        Resolved("fe80::2", host(9), a.port(2)),
        Resolved("fe80::3", mac(1), a.port(2)),
    ]

    assert {k: o.attributes for k, o in things(tell([a]), "IPAddress").items()} == {
        "address::192.0.2.9": {"name": "192.0.2.9", "address": "192.0.2.9", "mac_address": host(9)},
        "address:guests:192.0.2.9": {
            "name": "192.0.2.9",
            "address": "192.0.2.9",
            "mac_address": host(9),
            "vrf": "guests",
        },
        "address::fe80::2%serial:example:A/Gi1/0/2": {  # of that wire only
            "name": "fe80::2",
            "address": "fe80::2",
            "mac_address": host(9),
        },
    }


def test_a_vlan_is_the_same_one_where_the_first_switch_does_not_tell_its_vlans() -> None:
    a, b = bridges({"a": {2: []}, "b": {2: []}})
    a.sees(1, b, "p1")
    b.vlans, b.vlan_ports = {20: "voice"}, [VlanPort(20, "p1", tagged=True)]

    assert list(things(tell([a, b]), "VLAN")) == [f"vlan:{a.key}:20"]


def test_a_vlan_is_known_by_each_strong_identifier_of_its_first_switch() -> None:
    a = Box("a", 1, bridge=True)
    a.vlans = {20: "voice"}
    report = a.report()
    device = report.observations[0]
    engine = msgspec.structs.replace(device, identifiers=(*device.identifiers, Identifier("engine-id:80001f88")))
    told = msgspec.structs.replace(report, observations=(engine, *report.observations[1:]))
    (vlan,) = things(relate([told], [a.facts()]), "VLAN").values()

    assert [i.key for i in vlan.identifiers] == [f"vlan:{a.key}:20", "vlan:engine-id:80001f88:20"]


def test_a_vlan_is_one_in_its_domain_and_another_elsewhere() -> None:
    a, b, c = bridges({"a": {2: []}, "b": {2: []}, "c": {2: []}})
    a.sees(1, b, "p1")
    for box in (a, b, c):
        box.vlans = {20: "voice" if box is a else ""}
        box.vlan_ports = [VlanPort(20, "p1", tagged=True)]
    found = things(tell([a, b, c]), "VLAN")

    assert {key: o.attributes["name"] for key, o in found.items()} == {
        f"vlan:{a.key}:20": "voice",
        f"vlan:{c.key}:20": "VLAN 20",
    }
    assert ties(tell([a, b, c]), "MEMBER_OF", [a, b, c]) == {
        ("a p1", f"vlan:{a.key}:20"),
        ("b p1", f"vlan:{a.key}:20"),
        ("c p1", f"vlan:{c.key}:20"),
    }


def _tree(draw: st.DrawFn) -> tuple[list[Box], set[tuple[str, str]]]:
    """A random tree of bridges, each with hosts on two ports, every table complete; and its wires."""
    size = draw(st.integers(2, 6))
    parents = [draw(st.integers(0, at - 1)) for at in range(1, size)]
    links: dict[int, list[int]] = {at: [] for at in range(size)}
    for at, parent in enumerate(parents, start=1):
        links[at].append(parent)
        links[parent].append(at)
    boxes = [Box(f"s{at}", at + 1, ports=len(links[at]) + 2, naming="p{}", bridge=True) for at in range(size)]

    def behind(start: int, via: int) -> list[int]:
        return [via, *(far for nxt in links[via] if nxt != start for far in behind(via, nxt))]

    for at, box in enumerate(boxes):
        box.learns(len(links[at]) + 1, host(2 * at))
        box.learns(len(links[at]) + 2, host(2 * at + 1))
        for port, far in enumerate(links[at], start=1):
            box.learns(port, *(host(h) for s in behind(at, far) for h in (2 * s, 2 * s + 1)))
    wires = {
        tuple(sorted((f"s{at} p{links[at].index(p) + 1}", f"s{p} p{links[p].index(at) + 1}")))
        for at, p in enumerate(parents, start=1)
    }
    return boxes, {(a, b) for a, b in wires}


trees = st.composite(_tree)


@settings(deadline=None, max_examples=60)
@given(trees(), st.randoms(use_true_random=False))
def test_a_tree_of_bridges_with_complete_tables_is_found_exactly(
    tree: tuple[list[Box], set[tuple[str, str]]], random: random.Random
) -> None:
    boxes, wires = tree
    shuffled = boxes[:]
    random.shuffle(shuffled)

    reports = tell(shuffled)

    assert ties(reports, "CONNECTED_TO", boxes) == wires
    assert {end for _, end in ties(reports, "SEEN_ON", boxes)} == {
        f"{b.name} p{port}" for b in boxes for port in (b.ports - 1, b.ports)
    }


def test_few_stations_near_each_bridge_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {name: {port: [*hosts] for port, hosts in ports.items()} for name, ports in CHAIN.items()}
    tables["a"][3], tables["b"][4], tables["c"][3] = [4], [5], [6]
    tables["b"][1] += [4]
    tables["c"][1] += [4, 5]
    tables["a"][2] += [5, 6]
    tables["b"][3] += [6]
    boxes = bridges(tables)
    everything = ties(tell(boxes), "CONNECTED_TO", boxes)
    monkeypatch.setattr("collectors.links.bridges.MANY_COMPARED", 6 * 9)
    monkeypatch.setattr("collectors.links.bridges.NEAR", ((8, 1), (2, 6 * 9)))
    boxes[0].learns(1, *map(host, range(20, 30)))
    boxes[1].learns(1, *map(host, range(20, 30)))

    assert ties(tell(boxes), "CONNECTED_TO", boxes) == everything == {("a p2", "b p1"), ("b p3", "c p1")}


@settings(deadline=None, max_examples=60)
@given(trees(), st.sets(st.tuples(st.integers(0, 5), st.integers(0, 11))))
def test_missing_rows_never_join_the_wrong_ports(
    tree: tuple[list[Box], set[tuple[str, str]]], forgotten: set[tuple[int, int]]
) -> None:
    boxes, wires = tree
    for at, box in enumerate(boxes):
        box.forwarded = [f for f in box.forwarded if (at, int(f.mac[-2:], 16)) not in forgotten]
    between = _between(wires)

    for one, other in ties(tell(boxes), "CONNECTED_TO", boxes):
        assert frozenset((one, other)) in between


def _between(wires: set[tuple[str, str]]) -> set[frozenset[str]]:
    """All pairs of ports that face each other, directly or with bridges between."""
    beside: dict[str, list[tuple[str, str]]] = {}
    for one, other in wires:
        for near, far in ((one, other), (other, one)):
            beside.setdefault(near.split()[0], []).append((near, far))
    found: set[frozenset[str]] = set()

    def walk(start: str, end: str) -> None:
        found.add(frozenset((start, end)))
        for near, far in beside[end.split()[0]]:
            if near != end:
                walk(start, far)

    for one, other in wires:
        walk(one, other)
        walk(other, one)
    return found


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False))
def test_reports_do_not_depend_on_the_order_of_anything(random: random.Random) -> None:
    boxes = bridges(CHAIN | {"x": {1: [9], 2: [10]}})
    boxes[0].sees(1, named("mac", mac(9)), "eth0", name="far")
    boxes[0].sees(1, named("local", "far"), "eth0", name="far", protocol="cdp")
    boxes[3].vlans = {10: "ten"}
    reports, facts = [b.report() for b in boxes], [b.facts() for b in boxes]
    straight = relate(reports, facts)
    for box in boxes:
        random.shuffle(box.neighbours)
        random.shuffle(box.forwarded)
    reports, facts = [b.report() for b in boxes], [b.facts() for b in boxes]
    random.shuffle(reports)
    random.shuffle(facts)

    assert msgspec.json.encode(relate(reports, facts)) == msgspec.json.encode(straight)
    assert all(r.part == "links" and not r.complete and r.tables == () and r.at == AT for r in straight)
