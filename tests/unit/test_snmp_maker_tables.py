"""Tables of makers: neighbours, VLANs and ports that the standard's tables leave out, and who is asked for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.facts import Named, Neighbour
from collectors.snmp.maker_tables import ALCATEL_VLANS, CISCO_VRFS, FDP, SONMP, is_asked
from collectors.snmp.reads import LLDP_REMOTE
from collectors.snmp.table import Table
from tests.unit.snmp_answers import answers, of_class, report
from tests.unit.test_snmp_surroundings import PORTS, SYSTEM, facts

FAR = Named("mac", "00:1b:21:00:02:00")


def neighbours(tmp_path: Path, lines: str, more: tuple[str, ...] = ()) -> list[Neighbour]:
    """What an agent of an unknown maker tells of its neighbours."""
    return list(facts(tmp_path, lines, more).neighbours)


def test_fdp_tells_what_it_heard_by_cdp(tmp_path: Path) -> None:
    entry = "4.1.1991.1.1.3.20.1.2.1.1"
    lines = f"""
    {entry}.3.10.1|4|sw-2
    {entry}.4.10.1|2|1
    {entry}.5.10.1|4x|c0000207
    {entry}.6.10.1|4|Example OS 8
    {entry}.7.10.1|4|ethernet1/1/2
    {entry}.8.10.1|4|X-24
    {entry}.9.10.1|4|Router, Switch
    {entry}.10.10.1|2|1
    {entry}.3.5.1|4|rt-3
    {entry}.7.5.1|4|Gi0/3
    {entry}.10.5.1|2|2
    """

    assert neighbours(tmp_path, lines) == [
        Neighbour("cdp", "Gi0/5", Named("local", "rt-3"), Named("name", "Gi0/3"), name="rt-3"),
        Neighbour(
            "fdp",
            "Gi0/10",
            Named("local", "sw-2"),
            Named("name", "ethernet1/1/2"),
            name="sw-2",
            description="Example OS 8",
            addresses=("192.0.2.7",),
            capabilities=("router", "switch"),
            model="X-24",
        ),
    ]


@pytest.mark.parametrize("root", ["4413.1.1", "674.10895.5000.2.6132.1.1", "4526.10", "789.4413.1.1"])
def test_isdp_is_cdp_on_other_switches(tmp_path: Path, root: str) -> None:
    entry = f"4.1.{root}.39.1.2.1.1"
    lines = f"""
    {entry}.3.77.1|4|192.0.2.7
    {entry}.4.77.1|4|Gi0/10
    {entry}.6.77.1|4|sw-2(FOX0017ABCD)
    {entry}.7.77.1|4|0/2
    {entry}.9.77.1|4|Router Switch IGMP
    """

    assert neighbours(tmp_path, lines) == [
        Neighbour(
            "cdp",
            "Gi0/10",  # by its name: the agent counts ports of its own
            Named("local", "sw-2(FOX0017ABCD)"),
            Named("name", "0/2"),
            name="sw-2",
            addresses=("192.0.2.7",),
            capabilities=("router", "switch"),
            serial_number="FOX0017ABCD",
        )
    ]


def test_edp_names_slot_and_port(tmp_path: Path) -> None:
    far = "0.0.0.27.33.0.2.0"
    lines = f"""
    4.1.1916.1.13.2.1.3.10.{far}|4|sw-2
    4.1.1916.1.13.2.1.4.10.{far}|4x|10020304
    4.1.1916.1.13.2.1.5.10.{far}|2|1
    4.1.1916.1.13.2.1.6.10.{far}|2|24
    4.1.1916.1.13.3.1.3.10.{far}.7.68.101.102.97.117.108.116|64|192.0.2.7
    4.1.1916.1.13.3.1.3.10.{far}.3.118.50.48|64|0.0.0.0
    """

    assert neighbours(tmp_path, lines) == [
        Neighbour(
            "edp", "Gi0/10", FAR, Named("name", "1:24"), name="sw-2", addresses=("192.0.2.7",), os_version="16.2.3.4"
        )
    ]


@pytest.mark.parametrize(
    ("name", "place", "port"),
    [
        ("Slot: 1 Port: 10", "1.10", "Slot: 1 Port: 10"),
        ("Unit 2 Port 10", "2.10", "Unit 2 Port 10"),
        ("Port1/10", "1.10", "Port1/10"),
        ("Port 10", "0.10", "Port 10"),
        ("10", "1.10", "10"),
        ("Port 11", "1.10", ""),
    ],
)
def test_sonmp_counts_slots_and_ports(tmp_path: Path, name: str, place: str, port: str) -> None:
    lines = f"""
    2.1.2.2.1.2.70|4|{name}
    4.1.45.1.6.13.2.1.1.5.0.0.192.0.2.1.0|4x|001b21000100
    4.1.45.1.6.13.2.1.1.5.{place}.192.0.2.7.258|4x|001b21000200
    """

    assert neighbours(tmp_path, lines) == [Neighbour("ndp", port, FAR, Named("name", "1/2"), addresses=("192.0.2.7",))]


def test_router_os_counts_its_neighbours_alike_in_both_tables(tmp_path: Path) -> None:
    lines = """
    4.1.14988.1.1.11.1.1.2.3|64|192.0.2.7
    4.1.14988.1.1.11.1.1.3.3|4x|001b21000200
    4.1.14988.1.1.11.1.1.6.3|4|sw-2
    4.1.14988.1.1.11.1.1.8.3|2|10
    4.1.14988.1.1.11.1.1.2.4|64|192.0.2.8
    4.1.14988.1.1.11.1.1.3.4|4x|001b21000900
    4.1.14988.1.1.11.1.1.5.4|4|RB-9
    4.1.14988.1.1.11.1.1.6.4|4|ap-9
    4.1.14988.1.1.11.1.1.8.4|2|5
    """
    lldp = [f"1.0.8802.1.1.2.1.4.1.1.{column}" for column in ("4.3|2|4", "5.3|4|00:1B:21:00:02:00", "9.3|4|sw-2")]
    more = (*lldp, "1.0.8802.1.1.2.1.4.1.1.6.3|2|5", "1.0.8802.1.1.2.1.4.1.1.7.3|4|ether2")

    assert neighbours(tmp_path, lines, more) == [
        Neighbour("lldp", "Gi0/10", FAR, Named("name", "ether2"), name="sw-2", addresses=("192.0.2.7",)),
        Neighbour(
            "ndp", "Gi0/5", Named("mac", "00:1b:21:00:09:00"), name="ap-9", addresses=("192.0.2.8",), model="RB-9"
        ),
    ]


def test_router_os_before_7_has_neither_time_nor_port_in_the_index(tmp_path: Path) -> None:
    lines = "4.1.14988.1.1.11.1.1.8.3|2|10\n"
    lldp = ("1.0.8802.1.1.2.1.4.1.1.4.0.0.3|2|4", "1.0.8802.1.1.2.1.4.1.1.5.0.0.3|4|00:1B:21:00:02:00")

    assert [(n.port, n.chassis) for n in neighbours(tmp_path, lines, lldp)] == [("Gi0/10", FAR)]


def test_tp_link_tells_lldp_in_words(tmp_path: Path) -> None:
    entry = "4.1.11863.6.35.1.2.2.1"
    values = {
        1: "0/10",
        3: "MAC address",
        4: "00:1B:21:00:02:00",
        5: "Interface name",
        6: "gi1/0/6",
        8: "uplink",
        9: "ap-2",
        10: "Example OS 1",
        11: "Bridge WLAN Access Point Router Station Only",
        12: "Bridge WLAN Access Point",
        13: "::192.0.2.7",
    }
    lines = "".join(f"{entry}.{column}.70.1|4|{value}\n" for column, value in values.items())

    assert neighbours(tmp_path, lines) == [
        Neighbour(
            "lldp",
            "Gi0/10",  # there is no ifIndex 70: by the end of its name
            FAR,
            Named("name", "gi1/0/6"),
            far_port_description="uplink",
            name="ap-2",
            description="Example OS 1",
            addresses=("192.0.2.7",),
            capabilities=("access_point", "switch"),
        )
    ]


@pytest.mark.parametrize("maker", ["3320", "11606"])
def test_a_copy_of_lldp_names_the_if_index_in_a_column(tmp_path: Path, maker: str) -> None:
    root = f"4.1.{maker}.127.1"
    lines = f"""
    {root}.4.1.1.2.0.1.1|2|5
    {root}.4.1.1.4.0.1.1|2|4
    {root}.4.1.1.5.0.1.1|4x|001b21000200
    {root}.4.2.1.2.0.1.1|64|192.0.2.7
    """
    found = neighbours(tmp_path, lines)

    # 5 is the number of the bridge port that is ifIndex 10 as well: that is not meant
    assert found == [Neighbour("lldp", "Gi0/5", FAR, addresses=("192.0.2.7",))]


def test_a_device_without_the_first_edition_calls_itself_by_the_second(tmp_path: Path) -> None:
    more = ["1.3.111.2.802.1.1.13.1.3.1.0|2|4", "1.3.111.2.802.1.1.13.1.3.2.0|4|00:1b:21:00:01:77"]

    assert facts(tmp_path, "", more).chassis == Named("mac", "00:1b:21:00:01:77")


@pytest.mark.parametrize(
    "lines",
    [
        "4.1.11863.6.14.1.1.1.1.1.5|4|1/0/1\n4.1.11863.6.14.1.1.1.1.1.10|4|1/0/2\n"
        "4.1.11863.6.14.1.2.1.1.2.20|4|voice\n4.1.11863.6.14.1.2.1.1.3.20|4|1/0/2-9\n4.1.11863.6.14.1.2.1.1.4.20|4|1/0/1",
        "4.1.6486.800.1.2.1.3.1.1.1.1.1.2.20|4|voice\n"
        "4.1.6486.800.1.2.1.3.1.1.2.1.1.3.20.5|2|1\n4.1.6486.800.1.2.1.3.1.1.2.1.1.3.20.10|2|2",
        "4.1.6486.801.1.2.1.3.1.1.1.1.1.2.20|4|voice\n"
        "4.1.6486.801.1.2.1.3.1.1.2.1.1.3.20.5|2|1\n4.1.6486.801.1.2.1.3.1.1.2.1.1.3.20.10|2|2",
        "4.1.2272.1.3.2.1.2.20|4|voice\n4.1.2272.1.3.2.1.11.20|4x|0420\n"
        "4.1.2272.1.3.3.1.7.5|2|20\n4.1.2272.1.3.3.1.8.5|2|2\n4.1.2272.1.3.3.1.7.10|2|1\n4.1.2272.1.3.3.1.8.10|2|1",
        "2.1.17.7.1.4.3.1.1.2|4|voice\n4.1.2636.3.40.1.5.1.5.1.2.2|4|voice\n4.1.2636.3.40.1.5.1.5.1.5.2|2|20\n"
        "4.1.2636.3.40.1.5.1.7.1.4.2.6|2|2\n4.1.2636.3.40.1.5.1.7.1.4.2.5|2|1",
    ],
    ids=["tp-link", "aos-6", "aos-7", "rapid-city", "junos"],
)
def test_vlans_of_makers(tmp_path: Path, lines: str) -> None:
    found = facts(tmp_path, lines)

    assert found.vlans == {20: "voice"}
    assert [(p.vlan_id, p.port, p.tagged) for p in found.vlan_ports] == [(20, "Gi0/10", True), (20, "Gi0/5", False)]


def test_vlans_and_forwarding_tables_of_the_ieee(tmp_path: Path) -> None:
    more = [
        "1.3.111.2.802.1.1.4.1.4.3.1.3.1.20|4|voice",
        "1.3.111.2.802.1.1.4.1.4.3.1.4.1.20|4x|0c",
        "1.3.111.2.802.1.1.4.1.4.3.1.6.1.20|4x|04",
        "1.3.111.2.802.1.1.4.1.4.3.1.3.1.30|4|spare",
        "1.3.111.2.802.1.1.4.1.2.2.1.2.1.20.0.37.144.0.0.1|2|5",
    ]
    found = facts(tmp_path, "", more)

    assert found.vlans == {20: "voice", 30: "spare"}
    assert [(p.vlan_id, p.port, p.tagged) for p in found.vlan_ports] == [(20, "Gi0/10", True), (20, "Gi0/5", False)]
    assert [(f.mac, f.port, f.vlan) for f in found.forwarded] == [("00:25:90:00:00:01", "Gi0/10", 20)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("4.1.1916.1.2.1.2.1.2.1000004|4|Default\n4.1.1916.1.2.1.2.1.10.1000004|2|1", {1: "Default"}),
        ("4.1.2011.5.25.42.3.1.1.1.1.2.20|4|voice", {20: "voice"}),
    ],
)
def test_names_of_vlans_of_makers(tmp_path: Path, lines: str, expected: dict[int, str]) -> None:
    assert facts(tmp_path, lines).vlans == expected


def test_router_interfaces_that_only_the_maker_tells(tmp_path: Path) -> None:
    lines = """
    4.1.6527.3.1.2.3.4.1.4.1.2|4|to-core
    4.1.6527.3.1.2.3.4.1.25.1.2|66|1500
    4.1.6527.3.1.2.3.4.1.34.1.2|4|uplink
    4.1.6527.3.1.2.3.54.1.103.1.2|70|20000000000
    4.1.6527.3.1.2.3.4.1.4.1.5|4|Gi0/5
    4.1.6527.3.1.2.3.4.1.34.1.5|4|port of a server
    """
    found = of_class(report(tmp_path, SYSTEM + PORTS + lines), "Interface")
    told = {o.attributes["if_index"]: (o.attributes["name"], o.attributes.get("alias")) for o in found}

    assert told == {2: ("to-core", "uplink"), 5: ("Gi0/5", "port of a server"), 10: ("Gi0/10", None)}
    assert next(o.attributes for o in found if o.attributes["if_index"] == 2) == {
        "name": "to-core",
        "if_index": 2,
        "description": "to-core",
        "alias": "uplink",
        "mtu": 1500,
        "speed_bps": 20_000_000_000,
    }


def test_addresses_of_version_6_that_only_the_maker_tells(tmp_path: Path) -> None:
    entry, index = "4.1.11863.6.50.1.1.1", "10.2.1.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1"
    lines = f"{entry}.4.{index}|4x|20010db8000000000000000000000001\n{entry}.5.{index}|2|64\n"
    found = of_class(report(tmp_path, SYSTEM + PORTS + lines), "IPAddress")

    assert [(o.key, o.attributes.get("prefix_length")) for o in found] == [("2001:db8::1", 64)]


def test_ports_have_their_aliases_in_a_makers_table(tmp_path: Path) -> None:
    found = of_class(report(tmp_path, SYSTEM + PORTS + "4.1.2076.27.1.4.1.12.5|4|camera\n"), "Interface")

    assert {o.key: o.attributes.get("alias") for o in found} == {"Gi0/5": "camera", "Gi0/10": None}


@pytest.mark.parametrize(
    ("table", "sys_object_id", "expected"),
    [
        (FDP, "1.3.6.1.4.1.1991.1.3.48", True),
        (FDP, "1.3.6.1.4.1.9.1.1", False),
        (FDP, "1.3.6.1.4.1.8072.3.2.10", False),  # net-snmp, on whatever
        (FDP, "1.3.6.1.4.1.99999.1", True),  # nobody knows: perhaps a copy
        (FDP, "", True),
        (SONMP, "1.3.6.1.4.1.2272.30", True),  # Nortel under its later names
        (SONMP, "1.3.6.1.4.1.1916.2.200", True),
        (CISCO_VRFS, "1.3.6.1.4.1.2636.1.1", False),
        (ALCATEL_VLANS[0], "1.3.6.1.4.1.6486.800.1.1", True),
        (LLDP_REMOTE, "1.3.6.1.4.1.9.1.1", True),
    ],
)
def test_agents_are_not_asked_for_tables_of_other_makers(table: Table, sys_object_id: str, expected: bool) -> None:
    assert is_asked(table, sys_object_id) is expected


def test_a_printer_costs_no_request_for_tables_of_switches(tmp_path: Path) -> None:
    printer = SYSTEM.replace("99999.1", "11.2.3.9.1")
    asked = answers(tmp_path, printer + PORTS).tables

    assert FDP.columns["device"] not in asked
