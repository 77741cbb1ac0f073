"""Cables from what neighbours tell: the traps that other discoverers fell into."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from collectors.facts import Named
from collectors.ios_names import if_name
from collectors.links.relate import relate
from tests.unit.links_network import Box, mac, named, protocols, tell, things, ties

Case = Callable[[], tuple[list[Box], set[tuple[str, str]]]]
ONE = {("alpha Gi1/0/1", "beta Gi1/0/2")}


def pair(**of_b: object) -> tuple[Box, Box]:
    return Box("alpha", 1), Box("beta", 2, **of_b)  # type: ignore[arg-type]  # what a test wants of it


def exact_name() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees(1, b, "Gi1/0/2")
    return [a, b], ONE


def other_spelling() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees(1, b, "GigabitEthernet1/0/2")
    return [a, b], ONE


def port_mac() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees(1, b, named("mac", mac(2, 2)))
    return [a, b], ONE


def local_number_is_an_if_index() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees(1, b, named("local", "102"))
    return [a, b], ONE


def local_number_is_a_bridge_port() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(bridge=True)
    a.sees(1, b, named("local", "2"))
    return [a, b], ONE


def port_description_only() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees(1, b, named("local", "0x2f"), far_port_description="gigabitethernet 1/0/2")
    return [a, b], ONE


def far_port_from_the_other_end() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees(1, b, named("local", "opaque"))
    b.sees(2, a, "Gi1/0/1")
    return [a, b], ONE


def both_far_ports_opaque() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees(1, b, named("local", "opaque"))
    b.sees(2, a, named("local", "opaque too"))
    return [a, b], ONE


def local_port_unknown() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees("", b, "Gi1/0/2")
    b.sees(2, a, "Gi1/0/1")
    return [a, b], ONE


def local_port_unknown_from_one_side() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees("", b, "Gi1/0/2")
    return [a, b], {("alpha", "beta Gi1/0/2")}


def far_port_unknown() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees(1, b, named("local", "opaque"))
    return [a, b], {("alpha Gi1/0/1", "beta")}


def by_address_and_name() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(address="192.0.2.2", chassis=named("local", "beta"))
    a.sees(1, named("local", "beta.example.net"), "Gi1/0/2", name="beta", addresses=("192.0.2.2",), protocol="cdp")
    return [a, b], ONE


def name_with_and_without_domain() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(sys_name="beta.example.net")
    a.sees(1, named("local", "beta"), "Gi1/0/2", name="beta", protocol="cdp")
    return [a, b], ONE


def address_used_twice() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(address="192.0.2.2")
    a.sees(1, named("local", "gamma"), "Gi1/0/2", name="gamma", addresses=("192.0.2.2",), protocol="cdp")
    return [a, b], {("alpha Gi1/0/1", "chassis-id:local:gamma Gi1/0/2")}


def name_used_twice() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(sys_name="access")
    a.sees(1, named("mac", mac(9)), "Gi1/0/2", name="access")
    return [a, b], {("alpha Gi1/0/1", f"chassis-id:mac:{mac(9)} Gi1/0/2")}


def logical_unit() -> tuple[list[Box], set[tuple[str, str]]]:
    units = ({"name": "ge-0/0/2.0", "type": "propVirtual", "mac_address": mac(2, 2)},)
    a, b = pair(naming="ge-0/0/{}", more=units)
    a.sees(1, b, "ge-0/0/2.0")
    b.sees("ge-0/0/2.0", a, "Gi1/0/1")
    return [a, b], {("alpha Gi1/0/1", "beta ge-0/0/2")}


def sub_interfaces_share_a_mac() -> tuple[list[Box], set[tuple[str, str]]]:
    units = tuple({"name": f"eth2.{v}", "type": "l2vlan", "mac_address": mac(2, 2)} for v in (10, 20))
    a, b = pair(naming="eth{}", more=units)
    a.sees(1, b, named("mac", mac(2, 2)))
    return [a, b], {("alpha Gi1/0/1", "beta eth2")}


def router_os_path() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(naming="ether{}")
    a.sees(1, b, "bridge1/bond1/ether2")
    return [a, b], {("alpha Gi1/0/1", "beta ether2")}


def slot_and_port() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(naming="1:{}")
    a.sees(1, b, named("local", "opaque"), far_port_description="Slot: 1, Port: 2")
    return [a, b], {("alpha Gi1/0/1", "beta 1:2")}


def aggregate_of_one() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(members={"Gi1/0/2": "Po1"}, more=({"name": "Po1", "type": "ieee8023adLag"},))
    a.sees(1, b, "Po1")
    return [a, b], ONE


def aggregate_whose_members_are_known() -> tuple[list[Box], set[tuple[str, str]]]:
    lag = {
        "members": {"Gi1/0/1": "Po1", "Gi1/0/2": "Po1"},
        "more": ({"name": "Po1", "type": "ieee8023adLag"},),
    }
    a, b = Box("alpha", 1, **lag), Box("beta", 2, **lag)  # type: ignore[arg-type]  # keywords
    a.sees(1, b, "Gi1/0/1")
    a.sees(2, b, "Gi1/0/2")
    b.sees("Po1", a, "Po1", protocol="cdp")
    return [a, b], {("alpha Gi1/0/1", "beta Gi1/0/1"), ("alpha Gi1/0/2", "beta Gi1/0/2")}


def two_neighbours_on_one_port() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    c = Box("gamma", 3)
    a.sees(1, b, "Gi1/0/2")
    a.sees(1, c, "Gi1/0/3")
    return [a, b, c], ONE | {("alpha Gi1/0/1", "gamma Gi1/0/3")}


def sees_itself() -> tuple[list[Box], set[tuple[str, str]]]:
    a = Box("alpha", 1)
    a.sees(1, a, "Gi1/0/1")
    a.sees(3, a, named("local", "opaque"))
    return [a], set()


def loop_cable() -> tuple[list[Box], set[tuple[str, str]]]:
    a = Box("alpha", 1)
    a.sees(1, a, "Gi1/0/2")
    a.sees(2, a, "Gi1/0/1")
    return [a], {("alpha Gi1/0/1", "alpha Gi1/0/2")}


def no_ports_in_common_names() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(naming="{}")
    a.sees(1, b, "Gi1/0/2")  # the port called 2 is not meant
    return [a, b], {("alpha Gi1/0/1", "beta")}


def contradiction() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair()
    a.sees(1, b, "Gi1/0/2")
    b.sees(3, a, "Gi1/0/1")
    return [a, b], ONE | {("alpha Gi1/0/1", "beta Gi1/0/3")}


def spanning_tree_beside_lldp() -> tuple[list[Box], set[tuple[str, str]]]:
    a, b = pair(bridge=True)
    a.sees(1, b, "Gi1/0/2")
    a.sees(1, b, named("local", "2"), protocol="stp")
    return [a, b], ONE


CASES: list[Case] = [
    exact_name,
    other_spelling,
    port_mac,
    local_number_is_an_if_index,
    local_number_is_a_bridge_port,
    port_description_only,
    far_port_from_the_other_end,
    both_far_ports_opaque,
    local_port_unknown,
    local_port_unknown_from_one_side,
    far_port_unknown,
    by_address_and_name,
    name_with_and_without_domain,
    address_used_twice,
    name_used_twice,
    logical_unit,
    sub_interfaces_share_a_mac,
    router_os_path,
    slot_and_port,
    aggregate_of_one,
    aggregate_whose_members_are_known,
    two_neighbours_on_one_port,
    sees_itself,
    loop_cable,
    no_ports_in_common_names,
    contradiction,
    spanning_tree_beside_lldp,
]


@pytest.mark.parametrize(
    ("name", "description", "expected"),
    [
        ("GigabitEthernet1/0/2", "Cisco IOS Software, Version 15.2", "Gi1/0/2"),
        ("TenGigabitEthernet1/1/1", "Cisco IOS Software [Cupertino]", "Te1/1/1"),
        ("FastEthernet0.100", "Cisco IOS Software", "Fa0.100"),
        ("GigabitEthernet0/0/0/1", "Cisco IOS XR Software", "GigabitEthernet0/0/0/1"),
        ("Ethernet1/1", "Cisco NX-OS(tm) n9000", "Ethernet1/1"),
        ("GigabitEthernet1/0/2", "", "GigabitEthernet1/0/2"),
        ("Vlan100", "Cisco IOS Software", "Vl100"),
        ("Serial0/0/0:15", "Cisco IOS Software", "Se0/0/0:15"),
        ("Wlan0", "Cisco IOS Software", "Wlan0"),
        ("eth0", "Cisco IOS Software", "eth0"),
    ],
)
def test_the_name_that_a_port_of_ios_has_when_it_answers_itself(name: str, description: str, expected: str) -> None:
    assert if_name(name, description) == expected


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_cables(case: Case) -> None:
    boxes, expected = case()

    assert ties(tell(boxes), "CONNECTED_TO", boxes) == expected


def test_protocols_of_one_cable_stand_together_at_both_ends() -> None:
    a, b = pair()
    a.sees(1, b, "Gi1/0/2")
    a.sees(1, named("local", "beta"), "GigabitEthernet1/0/2", name="beta", protocol="cdp")
    b.sees(2, a, "Gi1/0/1")

    reports = tell([a, b])

    assert protocols(reports) == {("lldp", "cdp")}
    assert [r.target for r in reports] == ["alpha", "beta"]


def test_cdp_that_repeats_lldp_makes_no_second_neighbour() -> None:
    a = Box("alpha", 1)
    a.sees(1, named("mac", mac(9)), "F21", name="far")
    a.sees(1, named("mac", mac(9)), "F21", protocol="cdp")

    reports = tell([a])

    assert list(things(reports, "Endpoint")) == [f"chassis-id:mac:{mac(9)}"]
    assert protocols(reports) == {("lldp", "cdp")}


def test_internal_cables_are_marked() -> None:
    a = Box("alpha", 1)
    a.sees(1, a, "Gi1/0/2")
    (report,) = tell([a])

    assert [link.attributes.get("internal") for o in report.observations for link in o.links] == [True]


def test_unmanaged_neighbour_is_told_with_all_that_is_known() -> None:
    a = Box("alpha", 1)
    a.sees(
        1,
        named("address", "192.0.2.50"),
        named("mac", mac(9)),
        name="phone-7",
        capabilities=("phone",),
        vendor="Example",
        model="P-1",
        serial_number="PH00017",
        addresses=("192.0.2.50",),
    )
    (report,) = tell([a])
    (phone,) = things([report], "Endpoint").values()

    assert phone.key == f"mac:{mac(9)}"
    assert not any(i.strong for i in phone.identifiers)
    assert phone.attributes == {
        "mac_addresses": [mac(9)],
        "management_address": "192.0.2.50",
        "model": "P-1",
        "name": "phone-7",
        "roles": ["phone"],
        "serial_number": "PH00017",
        "sys_name": "phone-7",
        "vendor": "Example",
    }


@pytest.mark.parametrize(
    ("capabilities", "ci_class"),
    [
        (("switch",), "NetworkDevice"),
        (("router", "switch"), "NetworkDevice"),
        (("phone",), "Endpoint"),
        ((), "Endpoint"),
    ],
)
def test_class_of_an_unmanaged_neighbour_follows_its_capabilities(capabilities: tuple[str, ...], ci_class: str) -> None:
    a = Box("alpha", 1)
    a.sees(1, named("mac", mac(9)), capabilities=capabilities)

    assert list(things(tell([a]), ci_class)) == [f"chassis-id:mac:{mac(9)}"]


def test_address_alone_never_names_a_neighbour() -> None:
    a, b = Box("alpha", 1), Box("beta", 2)
    for box in (a, b):
        box.sees(1, Named("address", "10.0.0.1"))

    assert len(things(tell([a, b]), "Endpoint")) == 2


def test_neighbours_of_an_unknown_device_are_left_out() -> None:
    a, b = pair()
    a.sees(1, b, "Gi1/0/2")
    b.sees(2, a, "Gi1/0/1")
    reports = relate([a.report()], [a.facts(), b.facts()])

    assert [r.target for r in reports] == ["alpha"]
