"""Tables in makers' own branches that say what the standard ones leave out: ports, VRFs, neighbours and VLANs."""

from __future__ import annotations

from collectors.snmp.table import Table, table
from collectors.snmp.text import ENTERPRISES, enterprise

# Columns of a neighbour in LLDP-MIB, alike in the MIBs of makers that took it over.
LLDP_COLUMNS = {
    "chassis_subtype": 4,
    "chassis": 5,
    "port_subtype": 6,
    "port": 7,
    "port_descr": 8,
    "name": 9,
    "descr": 10,
    "can": 11,
    "does": 12,
}
_CDP_COLUMNS = {"address": 3, "local": 4, "version": 5, "device": 6, "port": 7, "platform": 8, "capabilities": 9}

# Interfaces that only routers of Nokia know (TIMETRA-VRTR-MIB; their numbers are ifIndexes), and names of ports beside
# ifAlias (ARICENT-CFA-MIB of many small switches).
TIMOS_PORTS = table(
    "timos_ports",
    "1.3.6.1.4.1.6527.3.1.2.3.4.1",
    {"name": 4, "admin": 8, "oper": 9, "mtu": 25, "alias": 34},
    "name",
)
TIMOS_SPEEDS = table("timos_speeds", "1.3.6.1.4.1.6527.3.1.2.3.54.1", {"bps": 103}, "bps", after="timos_ports")
ARICENT_PORTS = table("aricent_ports", "1.3.6.1.4.1.2076.27.1.4.1", {"alias": 12}, "alias")

# Members of aggregates: ALCATEL-IND1-LAG-MIB (AOS 6 and 7), and multi-link trunks of Nortel's heirs (RAPID-CITY).
ALCATEL_LAG_PORTS = tuple(
    table(f"alcatel{number}_lag_ports", f"1.3.6.1.4.1.6486.{number}.1.2.1.13.1.1.2.1.1", {"attached": 13}, "attached")
    for number in (800, 801)
)
RC_TRUNKS = table("rc_trunks", "1.3.6.1.4.1.2272.1.17.10.1", {"members": 3, "if_index": 11}, "if_index")

# Addresses of version 6 of TP-Link switches (TPLINK-IPV6ADDR-MIB).
TPLINK_ADDRESSES = table(
    "tplink_addresses", "1.3.6.1.4.1.11863.6.50.1.1.1", {"address": 4, "prefix_length": 5}, "address"
)

# Routing instances: CISCO-VRF-MIB, ARISTA-VRF-MIB, JUNIPER-VPN-MIB, TIMETRA-VRTR-MIB; and the SNMP contexts of some.
CISCO_VRFS = table("cisco_vrfs", "1.3.6.1.4.1.9.9.711.1.1.1.1", {"name": 2}, "name")
CISCO_VRF_PORTS = table("cisco_vrf_ports", "1.3.6.1.4.1.9.9.711.1.2.1.1", {"type": 2}, "type", after="cisco_vrfs")
CISCO_CONTEXTS = table("cisco_contexts", "1.3.6.1.4.1.9.9.468.1.1.1", {"vrf": 2}, "vrf")
ARISTA_VRFS = table("arista_vrfs", "1.3.6.1.4.1.30065.3.18.1.1.1", {"rd": 3, "state": 4}, "state")
ARISTA_VRF_PORTS = table("arista_vrf_ports", "1.3.6.1.4.1.30065.3.18.1.2.1", {"vrf": 1}, "vrf", after="arista_vrfs")
JUNOS_VPNS = table("junos_vpns", "1.3.6.1.4.1.2636.3.26.1.2.1", {"rd": 7}, "rd")
JUNOS_VPN_PORTS = table("junos_vpn_ports", "1.3.6.1.4.1.2636.3.26.1.3.1", {"status": 4}, "status", after="junos_vpns")
TIMOS_VRFS = table("timos_vrfs", "1.3.6.1.4.1.6527.3.1.2.3.1.1", {"name": 4, "rd": 19}, "name")

# LLDP in another place: TIMETRA-LLDP-MIB with ifIndexes, NMS-LLDP-MIB (BDCOM and PBN), TPLINK-LLDPINFO-MIB in words.
TIMOS_REMOTE = table("timos_remote", "1.3.6.1.4.1.6527.3.1.2.59.4.1.1", LLDP_COLUMNS, "chassis")
_NMS_COLUMNS = {"local": 2, **LLDP_COLUMNS}
NMS_LLDP = tuple(
    (
        table(f"{maker}_lldp", f"1.3.6.1.4.1.{number}.127.1.4.1.1", _NMS_COLUMNS, "chassis"),
        table(
            f"{maker}_lldp_ports",
            f"1.3.6.1.4.1.{number}.127.1.3.7.1",
            {"subtype": 2, "id": 3, "descr": 4},
            "id",
            after=f"{maker}_lldp",
        ),
        table(
            f"{maker}_lldp_addresses",
            f"1.3.6.1.4.1.{number}.127.1.4.2.1",
            {"address": 2},
            "address",
            after=f"{maker}_lldp",
        ),
    )
    for maker, number in (("bdcom", 3320), ("pbn", 11606))
)  # neighbours, local ports, management addresses
TPLINK_LLDP = table(
    "tplink_lldp",
    "1.3.6.1.4.1.11863.6.35.1.2.2.1",
    {
        "local": 1,
        "chassis_subtype": 3,
        "chassis": 4,
        "port_subtype": 5,
        "port": 6,
        "port_descr": 8,
        "name": 9,
        "descr": 10,
        "can": 11,
        "does": 12,
        "address": 13,
    },
    "chassis",
)

# Protocols of makers: MNDP of RouterOS, FDP of Foundry, EDP of Extreme, SONMP of Nortel; and CDP on FASTPATH switches.
MNDP = table(
    "mndp",
    "1.3.6.1.4.1.14988.1.1.11.1.1",
    {"address": 2, "mac": 3, "version": 4, "platform": 5, "name": 6, "if_index": 8},
    "if_index",
)
FDP = table(
    "fdp",
    "1.3.6.1.4.1.1991.1.1.3.20.1.2.1.1",
    {
        "device": 3,
        "address_type": 4,
        "address": 5,
        "version": 6,
        "port": 7,
        "platform": 8,
        "capabilities": 9,
        "protocol": 10,
    },
    "device",
)
EDP = table("edp", "1.3.6.1.4.1.1916.1.13.2.1", {"name": 3, "version": 4, "slot": 5, "port": 6}, "port")
EDP_VLANS = table("edp_vlans", "1.3.6.1.4.1.1916.1.13.3.1", {"address": 3}, "address", after="edp")
SONMP = table("sonmp", "1.3.6.1.4.1.45.1.6.13.2.1.1", {"mac": 5, "platform": 6}, "mac")
ISDP = tuple(
    table(f"isdp_{maker}", f"1.3.6.1.4.1.{root}.39.1.2.1.1", _CDP_COLUMNS, "device")
    for maker, root in (
        ("broadcom", "4413.1.1"),
        ("dell", "674.10895.5000.2.6132.1.1"),
        ("netgear", "4526.10"),
        ("netapp", "789.4413.1.1"),
    )
)

# VLANs: TPLINK-DOT1Q-VLAN-MIB, ALCATEL-IND1-VLAN-MGR-MIB (AOS 6 and 7), RC-VLAN-MIB (Nortel, Avaya, Extreme VOSS),
# EXTREME-VLAN-MIB, HUAWEI-L2VLAN-MIB.
TPLINK_VLANS = table("tplink_vlans", "1.3.6.1.4.1.11863.6.14.1.2.1.1", {"name": 2, "tagged": 3, "untagged": 4}, "name")
TPLINK_PORTS = table("tplink_ports", "1.3.6.1.4.1.11863.6.14.1.1.1.1", {"name": 1}, "name", after="tplink_vlans")
ALCATEL_VLANS = tuple(
    table(f"alcatel{number}_vlans", f"1.3.6.1.4.1.6486.{number}.1.2.1.3.1.1.1.1.1", {"name": 2}, "name")
    for number in (800, 801)
)
ALCATEL_VLAN_PORTS = tuple(
    table(f"alcatel{number}_vlan_ports", f"1.3.6.1.4.1.6486.{number}.1.2.1.3.1.1.2.1.1", {"type": 3}, "type")
    for number in (800, 801)
)
RC_VLANS = table("rc_vlans", "1.3.6.1.4.1.2272.1.3.2.1", {"name": 2, "members": 11}, "name")
RC_VLAN_PORTS = table(
    "rc_vlan_ports", "1.3.6.1.4.1.2272.1.3.3.1", {"default": 7, "tagging": 8}, "default", after="rc_vlans"
)
EXTREME_VLANS = table("extreme_vlans", "1.3.6.1.4.1.1916.1.2.1.2.1", {"name": 2, "vlan": 10}, "vlan")
HUAWEI_VLANS = table("huawei_vlans", "1.3.6.1.4.1.2011.5.25.42.3.1.1.1.1", {"name": 2, "type": 4}, "name")
# JUNIPER-VLAN-MIB, whose numbers Q-BRIDGE tables of these switches use, and JUNIPER-L2ALD-MIB.
JUNOS_VLANS = table("junos_vlans", "1.3.6.1.4.1.2636.3.40.1.5.1.5.1", {"name": 2, "tag": 5}, "tag")
JUNOS_DOMAINS = table("junos_domains", "1.3.6.1.4.1.2636.3.48.1.3.1.1", {"name": 2, "tag": 3, "fdb": 5}, "tag")
JUNOS_VLAN_PORTS = table("junos_vlan_ports", "1.3.6.1.4.1.2636.3.40.1.5.1.7.1", {"tagness": 4}, "tagness")

# What a device has inside, and what it says of its surroundings.
INSIDE: tuple[Table, ...] = (
    TIMOS_PORTS,
    TIMOS_SPEEDS,
    ARICENT_PORTS,
    TPLINK_ADDRESSES,
    *ALCATEL_LAG_PORTS,
    RC_TRUNKS,
    CISCO_VRFS,
    CISCO_VRF_PORTS,
    ARISTA_VRFS,
    ARISTA_VRF_PORTS,
    JUNOS_VPNS,
    JUNOS_VPN_PORTS,
    TIMOS_VRFS,
    CISCO_CONTEXTS,
)
NEIGHBOURS: tuple[Table, ...] = (
    TIMOS_REMOTE,
    *(one for maker in NMS_LLDP for one in maker),
    TPLINK_LLDP,
    MNDP,
    FDP,
    EDP,
    EDP_VLANS,
    SONMP,
    *ISDP,
)
VLANS: tuple[Table, ...] = (
    TPLINK_VLANS,
    TPLINK_PORTS,
    *ALCATEL_VLANS,
    *ALCATEL_VLAN_PORTS,
    RC_VLANS,
    RC_VLAN_PORTS,
    EXTREME_VLANS,
    HUAWEI_VLANS,
    JUNOS_VLANS,
    JUNOS_DOMAINS,
    JUNOS_VLAN_PORTS,
)
AROUND = (*NEIGHBOURS, *VLANS)

# Makers whose agents have the branch of another one as well: the same firm under a later name, or a copied program.
RELATIVES: dict[int, frozenset[int]] = {
    45: frozenset({2272, 1916}),
    2272: frozenset({45, 1916}),
    4413: frozenset({259, 674, 4526, 789, 41112}),
    2011: frozenset({56813}),
    2076: frozenset({10876, 17713, 35265}),
    3320: frozenset({52642}),
}
BRANCHES = frozenset(one.columns[one.probes[0]][len(ENTERPRISES)] for one in (*INSIDE, *AROUND))
# Makers of many agents that have none of these branches: net-snmp and its like, Microsoft, printers, UPSes, firewalls …
WITHOUT = frozenset((
    2, 11, 42, 43, 63, 111, 232, 236, 253, 311, 318, 367, 476, 534, 641, 1139, 1248, 1347, 1602, 2001, 2021, 2435,
    2620, 2699, 3375, 3417, 3808, 5951, 6574, 6876, 8072, 8741, 11096, 12356, 14179, 14525, 14823, 17163, 18334,
    19046, 22610, 24681, 25461, 25506, 29671, 40310, 41263, 44147, 47196, 50536,
))  # fmt: skip


def is_asked(one: Table, sys_object_id: str) -> bool:
    """Whether an agent is asked for a table: those of other makers are not there, and cost a request each.

    An agent whose maker is not known here is asked for all: it may be a copy under another name.
    """
    branch = one.columns[one.probes[0]][: len(ENTERPRISES) + 1]
    maker = enterprise(sys_object_id)
    if branch[:-1] != ENTERPRISES or one.name not in _MAKERS or maker not in _PLACED:
        return True
    return maker == branch[-1] or maker in RELATIVES.get(branch[-1], frozenset())


_MAKERS = frozenset(one.name for one in (*INSIDE, *AROUND))
_PLACED = WITHOUT | BRANCHES | frozenset().union(*RELATIVES.values())  # makers whose branches are known
