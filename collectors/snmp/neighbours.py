"""Neighbours as LLDP, spanning tree and radios tell of them."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from collectors.facts import Named, Neighbour, Subtype
from collectors.snmp.addresses import inet_index
from collectors.snmp.bridging import port_keys
from collectors.snmp.interfaces import Interface
from collectors.snmp.maker_tables import MNDP, NMS_LLDP, TIMOS_REMOTE
from collectors.snmp.reads import (
    KIND,
    LLDP2_ADDRESSES,
    LLDP2_CHASSIS,
    LLDP2_REMOTE,
    LLDP_ADDRESSES,
    LLDP_CHASSIS,
    LLDP_MED,
    LLDP_PORTS,
    LLDP_REMOTE,
    SPANNING_TREE,
    WIRELESS,
)
from collectors.snmp.rows import Row, rows
from collectors.snmp.serials import serial
from collectors.snmp.table import Table
from collectors.snmp.text import IPAddress, address, integer, known, mac, text
from collectors.transport.answers import Answers, Oid, Value

CHASSIS: dict[int, Subtype] = {
    1: "component",
    2: "alias",
    3: "component",
    4: "mac",
    5: "address",
    6: "name",
    7: "local",
}
PORT: dict[int, Subtype] = {1: "alias", 2: "component", 3: "mac", 4: "address", 5: "name", 6: "local", 7: "local"}
FAMILY = {1: 4, 2: 16}  # IANA address families, and the octets of their addresses

# Bits of LldpSystemCapabilitiesMap, from the most significant one.
LLDP_ROLES = {2: "switch", 3: "access_point", 4: "router", 5: "phone"}
DISABLED, BROKEN = 1, 6  # dot1dStpPortState

LocalPort = Callable[[int], str]


def named(subtype: Subtype | None, value: Value) -> Named | None:
    """Decode a chassis or port id by its subtype; None where nothing is there.

    What does not fit its subtype (a text in a mac, say) is kept as it is, with subtype unknown.
    """
    if subtype == "mac":
        found = mac(value)
        if found is not None:
            return Named("mac", found)
    elif subtype == "address":
        raw = value if isinstance(value, bytes) else b""
        if raw and FAMILY.get(raw[0]) == len(raw) - 1:
            return Named("address", str(ipaddress.ip_address(raw[1:])))
        plain = address(value)
        if plain is not None:
            return Named("address", str(plain))
    elif subtype is not None:
        shown = readable(value)
        return Named(subtype, shown) if shown else None
    elif _is_raw(value) and (raw_mac := mac(value)):
        return Named("mac", raw_mac)  # the agent hides the subtype
    shown = readable(value)
    return Named("unknown", shown) if shown else None


def _is_raw(value: Value) -> bool:
    """Whether octets can't be a text."""
    return isinstance(value, bytes) and not all(32 <= b < 127 or b > 127 for b in value.rstrip(b"\x00\r\n"))


def readable(value: Value) -> str:
    """Text where it is some; a MAC address, or else hexadecimal digits, for raw octets."""
    if _is_raw(value) and isinstance(value, bytes):
        return (mac(value) if len(value) == 6 else None) or value.hex()
    return known(value) or ""


def chassis_of(subtype: Value, value: Value) -> Named | None:
    """A chassis id with its subtype (LldpChassisIdSubtype)."""
    return named(CHASSIS.get(integer(subtype) or 0), value)


def lldp_chassis(answers: Answers) -> Named | None:
    """The chassis id of the device itself (lldpLocChassisId), from either edition of the MIB."""
    for table in (LLDP_CHASSIS, LLDP2_CHASSIS):
        row = rows(answers, table).get((0,), {})
        if (own := chassis_of(row.get("subtype"), row.get("id"))) is not None:
            return own
    return None


def lldp(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """Neighbours of LLDP-MIB; their rows are indexed by time mark, local port number and a number.

    RouterOS counts its neighbours instead, alike in LLDP and in its own table, which tells the interface.
    """
    found = rows(answers, LLDP_REMOTE)
    if not found:
        return
    local = local_ports(answers, ports, LLDP_PORTS)
    told = _addresses(rows(answers, LLDP_ADDRESSES), 3)
    med = rows(answers, LLDP_MED)
    counted = rows(answers, MNDP)
    for index, row in found.items():
        if len(index) in (2, 3) and (port := local(index[-2])):  # a few agents leave the time mark out
            yield from _neighbour(row, port, told.get(index, ()), med.get(index, {}))
        elif len(index) in (1, 3):
            above = counted.get(index[-1:], {}) if index[:-1] in ((), (0, 0)) else {}
            known_port = ports.get(integer(above.get("if_index")) or -1)
            ip = address(above.get("address"))
            reached_at = told.get(index, ()) or ((str(ip),) if ip is not None and not ip.is_unspecified else ())
            yield from _neighbour(row, known_port.key if known_port else "", reached_at, med.get(index, {}))


def nms_lldp(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """Neighbours of NMS-LLDP-MIB, a copy of LLDP-MIB; rows name the local port, by its ifIndex, in a column."""
    for remote, local_table, address_table in NMS_LLDP:
        found = rows(answers, remote)
        if not found:
            continue
        local = local_ports(answers, ports, local_table, is_bridge_port=False)
        told = {index: address(row.get("address")) for index, row in rows(answers, address_table).items()}
        for index, row in found.items():
            number = integer(row.get("local"))
            number = number if number is not None else index[1] if len(index) == 3 else 0
            reached_at = sorted({str(ip) for at, ip in told.items() if ip is not None and at[: len(index)] == index})
            yield from _neighbour(row, local(number), tuple(reached_at), {})


def lldp2(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """Neighbours of LLDP-V2-MIB and TIMETRA-LLDP-MIB, which name the interface itself: time mark, ifIndex, destination,
    number.
    """
    told = _addresses(rows(answers, LLDP2_ADDRESSES), 4)
    for index, row in [*rows(answers, LLDP2_REMOTE).items(), *rows(answers, TIMOS_REMOTE).items()]:
        if len(index) == 4:
            port = ports.get(index[1])
            yield from _neighbour(row, port.key if port else "", told.get(index, ()), {})


def _neighbour(row: Row, port: str, addresses: tuple[str, ...], med: Row) -> Iterator[Neighbour]:
    chassis = chassis_of(row.get("chassis_subtype"), row.get("chassis"))
    far_port = named(PORT.get(integer(row.get("port_subtype")) or 0), row.get("port"))
    for told in lldp_neighbour(row, port, chassis, far_port, addresses):
        yield replace(
            told,
            capabilities=_lldp_roles(row),
            vendor=known(med.get("maker")) or "",
            model=known(med.get("model")) or "",
            serial_number=serial(med.get("serial")) or "",
            os_version=known(med.get("software")) or "",
        )


def lldp_neighbour(
    row: Row, port: str, chassis: Named | None, far_port: Named | None, addresses: tuple[str, ...]
) -> Iterator[Neighbour]:
    """What all tables of LLDP tell of a neighbour in the same columns; none where nothing says who it is."""
    name = known(row.get("name")) or ""
    chassis = chassis or (Named("local", name) if name else None)
    if chassis is not None:
        yield Neighbour(
            "lldp",
            port,
            chassis,
            far_port,
            far_port_description=known(row.get("port_descr")) or "",
            name=name,
            description=known(row.get("descr")) or "",
            addresses=addresses,
        )


def usable(ip: IPAddress | None) -> tuple[str, ...]:
    """The address at which a neighbour may be asked; none for one that is nobody's, or its own only."""
    return (str(ip),) if ip is not None and not ip.is_unspecified and not ip.is_loopback else ()


def purposes(roles: set[str]) -> tuple[str, ...]:
    """Roles in order, without the switch that is in every phone."""
    return tuple(sorted(roles - {"switch"} if "phone" in roles else roles))


def _addresses(found: dict[Oid, Row], size: int) -> dict[Oid, tuple[str, ...]]:
    """Management addresses by the first `size` arcs of their index; address family, length and octets follow."""
    told: dict[Oid, list[str]] = {}
    for index in found:
        ip = inet_index(index[size:])
        if ip is not None and not ip.is_loopback and not ip.is_unspecified:
            told.setdefault(index[:size], []).append(str(ip))
    return {index: tuple(sorted(ips)) for index, ips in told.items()}


def _lldp_roles(row: Row) -> tuple[str, ...]:
    """What the neighbour serves as: enabled capabilities, else supported ones. A phone's switch is not its purpose."""
    for column in ("does", "can"):
        octets = row.get(column)
        bits = octets[0] if isinstance(octets, bytes) and octets else 0
        roles = {role for bit, role in LLDP_ROLES.items() if bits & 0x80 >> bit}
        if roles:
            return purposes(roles)
    return ()


def local_ports(answers: Answers, ports: dict[int, Interface], table: Table, is_bridge_port: bool = True) -> LocalPort:
    """Find the interface of a lldpRemLocalPortNum, "" for none.

    The order was measured: lldpLocPortId as a name, lldpLocPortDesc as a name, the bridge port of that number, the
    ifIndex. The number alone is often both a bridge port and another interface's ifIndex.
    """
    told = rows(answers, table)
    names = _unique_names(ports)
    bridge = port_keys(answers, ports) if is_bridge_port else {}

    def find(number: int) -> str:
        row = told.get((number,), {})
        for column in ("id", "descr"):
            key = names.get(text(row.get(column)).lower())
            if key is not None:
                return key
        if number == 0:
            return ""
        return bridge.get(number) or (ports[number].key if number in ports else "")

    return find


def _unique_names(ports: dict[int, Interface]) -> dict[str, str]:
    """Local keys by ifName, ifDescr and ifAlias in lower case, as far as one interface alone has that text."""
    found: dict[str, str] = {}
    for attribute in ("name", "description", "alias"):
        texts = [(str(p.attributes.get(attribute, "")).lower(), p.key) for p in ports.values()]
        times = Counter(words for words, _ in texts)
        for words, key in texts:
            if words and times[words] == 1:
                found.setdefault(words, key)
    return found


def wireless(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """Stations that are registered at a RouterOS access point; the index is MAC address and ifIndex."""
    for index in rows(answers, WIRELESS):
        physical = mac(bytes(index[:6])) if len(index) == 7 and max(index[:6]) < 256 else None
        port = ports.get(index[-1])
        if physical is not None and port is not None:
            yield Neighbour("wifi", port.key, Named("mac", physical), Named("mac", physical))


def spanning_tree(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """The designated bridge of each port that has another one there than this bridge itself (BRIDGE-MIB)."""
    own = mac(answers.get(KIND["bridge_address"]))
    keys = port_keys(answers, ports)
    for index, row in rows(answers, SPANNING_TREE).items():
        bridge, far = row.get("designated_bridge"), row.get("designated_port")
        key = keys.get(index[0], "") if len(index) == 1 else ""
        if not key or not isinstance(bridge, bytes) or len(bridge) != 8:
            continue
        physical = mac(bridge[2:])
        if physical in (None, own) or integer(row.get("state")) in (DISABLED, BROKEN) or physical is None:
            continue
        number = int.from_bytes(far, "big") & 0xFFF if isinstance(far, bytes) and len(far) == 2 else 0
        yield Neighbour("stp", key, Named("mac", physical), Named("local", str(number)) if number else None)
