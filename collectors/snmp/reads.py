"""What is read from every SNMP agent: scalars and named tables of wanted columns. A new table is a new entry here."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.snmp import maker_tables as makers
from collectors.snmp.table import Table
from collectors.snmp.table import table as _table
from collectors.transport.answers import Oid, parse_oid

SYSTEM: Mapping[str, Oid] = {
    "sys_descr": parse_oid("1.3.6.1.2.1.1.1.0"),
    "sys_object_id": parse_oid("1.3.6.1.2.1.1.2.0"),
    "sys_contact": parse_oid("1.3.6.1.2.1.1.4.0"),
    "sys_name": parse_oid("1.3.6.1.2.1.1.5.0"),
    "sys_location": parse_oid("1.3.6.1.2.1.1.6.0"),
    "sys_services": parse_oid("1.3.6.1.2.1.1.7.0"),
    "engine_id": parse_oid("1.3.6.1.6.3.10.2.1.1.0"),
}

# What tells the kind of a device that no profile knows.
KIND: Mapping[str, Oid] = {
    "ip_forwarding": parse_oid("1.3.6.1.2.1.4.1.0"),
    "bridge_address": parse_oid("1.3.6.1.2.1.17.1.1.0"),
    "bridge_ports": parse_oid("1.3.6.1.2.1.17.1.2.0"),
    "host_uptime": parse_oid("1.3.6.1.2.1.25.1.1.0"),
    "ups_maker": parse_oid("1.3.6.1.2.1.33.1.1.1.0"),
    "ups_model": parse_oid("1.3.6.1.2.1.33.1.1.2.0"),
    "printer_serial": parse_oid("1.3.6.1.2.1.43.5.1.1.17.1"),
    "printer_name": parse_oid("1.3.6.1.2.1.43.5.1.1.16.1"),
    "host_device": parse_oid("1.3.6.1.2.1.25.3.2.1.3.1"),
}

INTERFACES = _table(
    "interfaces",
    "1.3.6.1.2.1.2.2.1",
    {"index": 1, "descr": 2, "type": 3, "mtu": 4, "speed": 5, "mac": 6, "admin": 7, "oper": 8},
    "index descr type",
)
INTERFACES_X = _table(
    "interfaces_x", "1.3.6.1.2.1.31.1.1.1", {"name": 1, "high_speed": 15, "connector": 17, "alias": 18}, "name alias"
)
ADDRESSES_V4 = _table("addresses_v4", "1.3.6.1.2.1.4.20.1", {"if_index": 2, "mask": 3}, "if_index")
ADDRESSES = _table("addresses", "1.3.6.1.2.1.4.34.1", {"if_index": 3, "type": 4, "prefix": 5}, "if_index prefix")
ADDRESSES_V6 = _table("addresses_v6", "1.3.6.1.2.1.55.1.8.1", {"prefix_length": 2, "type": 3}, "prefix_length")
ADDRESSES_CISCO = _table(
    "addresses_cisco", "1.3.6.1.4.1.9.10.86.1.1.2.1", {"if_index": 3, "type": 4, "prefix": 5}, "if_index prefix"
)
ENTITIES = _table(
    "entities",
    "1.3.6.1.2.1.47.1.1.1.1",
    {
        "descr": 2,
        "parent": 4,
        "class": 5,
        "position": 6,
        "name": 7,
        "hardware": 8,
        "firmware": 9,
        "software": 10,
        "serial": 11,
        "maker": 12,
        "model": 13,
    },
    "descr class",
)

# Which interfaces make up which others (IEEE8023-LAG-MIB, CISCO-PAGP-MIB, IF-MIB).
LAG_PORTS = _table("lag_ports", "1.2.840.10006.300.43.1.2.1.1", {"attached": 13}, "attached")
PAGP_PORTS = _table("pagp_ports", "1.3.6.1.4.1.9.9.98.1.1.1.1", {"group": 8}, "group")
STACK = _table("stack", "1.3.6.1.2.1.31.1.2.1", {"status": 3}, "status")
BASE_PORTS = _table("base_ports", "1.3.6.1.2.1.17.1.4.1", {"if_index": 2}, "if_index")

# Routers behind a common address: CISCO-HSRP-MIB, VRRP-MIB (RFC 2787), VRRPV3-MIB (RFC 6527). No authentication keys.
HSRP = _table("hsrp", "1.3.6.1.4.1.9.9.106.1.2.1.1", {"address": 11, "state": 15, "mac": 16}, "state")
VRRP = _table("vrrp", "1.3.6.1.2.1.68.1.3.1", {"mac": 2, "state": 3, "admin": 4}, "state")
VRRP_ADDRESSES = _table("vrrp_addresses", "1.3.6.1.2.1.68.1.4.1", {"status": 2}, "status", after="vrrp")
VRRP3 = _table("vrrp3", "1.3.6.1.2.1.207.1.1.1.1", {"mac": 5, "state": 6}, "state")
VRRP3_ADDRESSES = _table("vrrp3_addresses", "1.3.6.1.2.1.207.1.1.2.1", {"status": 2}, "status", after="vrrp3")

# F5-BIGIP-LOCAL-MIB: pools, their members with what people have set them to, and the virtual servers before them.
POOLS = _table("pools", "1.3.6.1.4.1.3375.2.2.5.1.2.1", {"name": 1, "needed": 4, "is_needed": 5}, "name")
POOL_MEMBERS = _table(
    "pool_members", "1.3.6.1.4.1.3375.2.2.5.3.2.1", {"pool": 1, "address": 3, "port": 4}, "pool", after="pools"
)
POOL_MEMBER_STATES = _table("pool_member_states", "1.3.6.1.4.1.3375.2.2.5.6.2.1", {"state": 6}, "state", after="pools")
VIRTUAL_SERVERS = _table(
    "virtual_servers",
    "1.3.6.1.4.1.3375.2.2.10.1.2.1",
    {"name": 1, "address": 3, "port": 6, "pool": 19},
    "name",
    after="pools",
)

# IEEE 802.1AB: LLDP-MIB, LLDP-EXT-MED-MIB, and its second edition with ifIndexes.
LLDP_CHASSIS = _table("lldp_chassis", "1.0.8802.1.1.2.1.3", {"subtype": 1, "id": 2}, "subtype")
LLDP_REMOTE = _table(
    "lldp_remote",
    "1.0.8802.1.1.2.1.4.1.1",
    makers.LLDP_COLUMNS,
    "chassis port name",
)
LLDP_PORTS = _table(
    "lldp_ports", "1.0.8802.1.1.2.1.3.7.1", {"subtype": 2, "id": 3, "descr": 4}, "id", after="lldp_remote"
)
LLDP_ADDRESSES = _table(
    "lldp_addresses", "1.0.8802.1.1.2.1.4.2.1", {"if_subtype": 3, "oid": 5}, "if_subtype", after="lldp_remote"
)
LLDP_MED = _table(
    "lldp_med",
    "1.0.8802.1.1.2.1.5.4795.1.3.3.1",
    {"software": 3, "serial": 4, "maker": 5, "model": 6},
    "serial model",
    after="lldp_remote",
)
LLDP2_CHASSIS = _table(
    "lldp2_chassis", "1.3.111.2.802.1.1.13.1.3", {"subtype": 1, "id": 2}, "subtype", without="lldp_chassis"
)
LLDP2_REMOTE = _table(
    "lldp2_remote",
    "1.3.111.2.802.1.1.13.1.4.1.1",
    {
        "chassis_subtype": 5,
        "chassis": 6,
        "port_subtype": 7,
        "port": 8,
        "port_descr": 9,
        "name": 10,
        "descr": 11,
        "can": 12,
        "does": 13,
    },
    "chassis",
)
LLDP2_ADDRESSES = _table(
    "lldp2_addresses", "1.3.111.2.802.1.1.13.1.4.2.1", {"if_subtype": 3}, "if_subtype", after="lldp2_remote"
)
CDP = _table(
    "cdp",
    "1.3.6.1.4.1.9.9.23.1.2.1.1",
    {
        "address_type": 3,
        "address": 4,
        "version": 5,
        "device": 6,
        "port": 7,
        "platform": 8,
        "capabilities": 9,
        "name": 17,
    },
    "device port",
)
WIRELESS = _table("wireless", "1.3.6.1.4.1.14988.1.1.1.2.1", {"strength": 3}, "strength")  # MIKROTIK-MIB

# Caches of old: RFC 1213 before it had one for IP, IPV6-MIB (RFC 2465), CISCO-IETF-IP-MIB.
ARP_OF_OLD = _table("arp_of_old", "1.3.6.1.2.1.3.1.1", {"mac": 2}, "mac", without="arp")
NEIGHBOUR_CACHE_V6 = _table(
    "neighbour_cache_v6", "1.3.6.1.2.1.55.1.12.1", {"mac": 2, "type": 3}, "mac", after="addresses_v6"
)
NEIGHBOUR_CACHE_CISCO = _table(
    "neighbour_cache_cisco", "1.3.6.1.4.1.9.10.86.1.1.3.1", {"mac": 3, "type": 5}, "mac", after="addresses_cisco"
)
ARP = _table("arp", "1.3.6.1.2.1.4.22.1", {"mac": 2, "type": 4}, "mac")
NEIGHBOUR_CACHE = _table("neighbour_cache", "1.3.6.1.2.1.4.35.1", {"mac": 4, "type": 6}, "mac")

# BRIDGE-MIB and Q-BRIDGE-MIB.
SPANNING_TREE = _table(
    "spanning_tree", "1.3.6.1.2.1.17.2.15.1", {"state": 3, "designated_bridge": 8, "designated_port": 9}, "state"
)
FDB = _table("fdb", "1.3.6.1.2.1.17.4.3.1", {"port": 2, "status": 3}, "port")
FDB_VLAN = _table("fdb_vlan", "1.3.6.1.2.1.17.7.1.2.2.1", {"port": 2, "status": 3}, "port")
VLANS = _table("vlans", "1.3.6.1.2.1.17.7.1.4.2.1", {"fdb": 3, "egress": 4, "untagged": 5}, "fdb egress")
VLANS_STATIC = _table(
    "vlans_static", "1.3.6.1.2.1.17.7.1.4.3.1", {"name": 1, "egress": 2, "untagged": 4}, "name egress"
)
# CISCO-VTP-MIB and CISCO-VLAN-MEMBERSHIP-MIB.
VTP = _table("vtp_vlans", "1.3.6.1.4.1.9.9.46.1.3.1.1", {"state": 2, "type": 3, "name": 4}, "state")
VTP_TRUNKS = _table(
    "vtp_trunks",
    "1.3.6.1.4.1.9.9.46.1.6.1.1",
    {"vlans": 4, "native": 5, "status": 14, "vlans_2k": 17, "vlans_3k": 18, "vlans_4k": 19},
    "status",
    after="vtp_vlans",
)
VTP_ACCESS = _table("vtp_access", "1.3.6.1.4.1.9.9.68.1.2.2.1", {"vlan": 2}, "vlan", after="vtp_vlans")

# MPLS-L3VPN-STD-MIB (RFC 4382) and the draft before it: routing instances, and the interfaces in them.
VRFS = _table("vrfs", "1.3.6.1.2.1.10.166.11.1.2.2.1", {"rd": 4}, "rd")
VRF_PORTS = _table("vrf_ports", "1.3.6.1.2.1.10.166.11.1.2.1.1", {"class": 2}, "class")
VRFS_DRAFT = _table("vrfs_draft", "1.3.6.1.3.118.1.2.2.1", {"rd": 3}, "rd", without="vrfs")
VRF_PORTS_DRAFT = _table("vrf_ports_draft", "1.3.6.1.3.118.1.2.1.1", {"edge": 2}, "edge", after="vrfs_draft")

# IEEE8021-Q-BRIDGE-MIB, which counts bridges: VLANs and forwarding tables where Q-BRIDGE-MIB is gone.
VLANS_IEEE = _table(
    "vlans_ieee", "1.3.111.2.802.1.1.4.1.4.2.1", {"fdb": 4, "egress": 5, "untagged": 6}, "egress", without="vlans"
)
VLANS_STATIC_IEEE = _table(
    "vlans_static_ieee",
    "1.3.111.2.802.1.1.4.1.4.3.1",
    {"name": 3, "egress": 4, "untagged": 6},
    "name",
    without="vlans_static",
)
FDB_IEEE = _table("fdb_ieee", "1.3.111.2.802.1.1.4.1.2.2.1", {"port": 2, "status": 3}, "port", without="fdb_vlan")

# What a device says of itself, what makes up its interfaces, the groups it is in, and what it says of its surroundings.
TABLES: tuple[Table, ...] = (
    INTERFACES,
    INTERFACES_X,
    ADDRESSES_V4,
    ADDRESSES,
    ADDRESSES_V6,
    ADDRESSES_CISCO,
    ENTITIES,
    VRFS,
    VRF_PORTS,
    VRFS_DRAFT,
    VRF_PORTS_DRAFT,
    *makers.INSIDE,
)
LAYERS: tuple[Table, ...] = (LAG_PORTS, PAGP_PORTS, STACK, BASE_PORTS)
GROUPS: tuple[Table, ...] = (
    HSRP,
    VRRP,
    VRRP_ADDRESSES,
    VRRP3,
    VRRP3_ADDRESSES,
    POOLS,
    POOL_MEMBERS,
    POOL_MEMBER_STATES,
    VIRTUAL_SERVERS,
)
SURROUNDINGS: tuple[Table, ...] = (
    LLDP_CHASSIS,
    LLDP_REMOTE,
    LLDP_PORTS,
    LLDP_ADDRESSES,
    LLDP_MED,
    LLDP2_CHASSIS,
    LLDP2_REMOTE,
    LLDP2_ADDRESSES,
    CDP,
    WIRELESS,
    ARP,
    NEIGHBOUR_CACHE,
    ARP_OF_OLD,
    NEIGHBOUR_CACHE_V6,
    NEIGHBOUR_CACHE_CISCO,
    SPANNING_TREE,
    FDB,
    FDB_VLAN,
    VLANS,
    VLANS_STATIC,
    VTP,
    VTP_TRUNKS,
    VTP_ACCESS,
    VLANS_IEEE,
    VLANS_STATIC_IEEE,
    FDB_IEEE,
    *makers.AROUND,
)
IN_CONTEXTS: tuple[Table, ...] = (BASE_PORTS, FDB)  # what an agent with a context for each VLAN tells there
IN_VRFS: tuple[Table, ...] = (ADDRESSES_V4, ADDRESSES, ARP, NEIGHBOUR_CACHE)  # … and one for each routing instance
# What is learned from traffic, and the VLANs that it is learned in; all other surroundings tell of neighbours.
_FORWARDING = (ARP, NEIGHBOUR_CACHE, FDB, FDB_VLAN, FDB_IEEE, VLANS, VLANS_STATIC, VLANS_IEEE, VLANS_STATIC_IEEE)
_FORWARDING_NAMES = {table.name for table in (*_FORWARDING, VTP, VTP_TRUNKS, VTP_ACCESS, *makers.VLANS)}
NEIGHBOURS: tuple[Table, ...] = tuple(table for table in SURROUNDINGS if table.name not in _FORWARDING_NAMES)
