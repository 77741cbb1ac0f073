"""Neighbours in tables of makers: MNDP of RouterOS, EDP of Extreme, SONMP of Nortel, LLDP in words of TP-Link."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from collectors.facts import Named, Neighbour, Subtype
from collectors.snmp.cdp import worded_roles
from collectors.snmp.interfaces import Interface
from collectors.snmp.maker_tables import EDP, EDP_VLANS, MNDP, SONMP, TPLINK_LLDP
from collectors.snmp.neighbours import lldp_neighbour, named, usable
from collectors.snmp.reads import LLDP_REMOTE
from collectors.snmp.rows import Row, rows
from collectors.snmp.text import address, integer, known, mac
from collectors.transport.answers import Answers, Oid, Value

SUBTYPES: dict[str, Subtype] = {  # as TP-Link words them
    "mac address": "mac",
    "network address": "address",
    "interface name": "name",
    "interface alias": "alias",
    "chassis component": "component",
    "port component": "component",
}
MAC_ARCS = 6
_SLOT_AND_PORT = re.compile(r"(?:(?:unit|slot|module):? *(\d+)\D{0,3}port:? *(\d+)|(?:^|[^\d/])(\d+)/(\d+)$)")
_PORT_ALONE = re.compile(r"(?:port:? *|^)(\d+)$")


def maker_neighbours(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """Everything that these tables tell."""
    yield from _mndp(answers, ports)
    yield from _edp(answers, ports)
    yield from _sonmp(answers, ports)
    yield from _tplink(answers, ports)


def _key(ports: dict[int, Interface], index: int | None) -> str:
    port = ports.get(index) if index is not None else None
    return port.key if port else ""


def _mndp(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """mtxrNeighborTable, by a number. Those that LLDP tells of under the same number are left to it."""
    told = {index[-1] for index in rows(answers, LLDP_REMOTE) if index}
    for index, row in rows(answers, MNDP).items():
        physical, name = mac(row.get("mac")), known(row.get("name")) or ""
        if (physical is None and not name) or index[-1] in told:
            continue
        yield Neighbour(
            "ndp",
            _key(ports, integer(row.get("if_index"))),
            Named("mac", physical) if physical else Named("local", name),
            name=name,
            description=known(row.get("version")) or "",
            addresses=usable(address(row.get("address"))),
            model=known(row.get("platform")) or "",
        )


def _edp(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """extremeEdpTable: ifIndex, then the neighbour's id of eight octets, whose last six are its MAC address."""
    addresses: dict[Oid, set[str]] = defaultdict(set)
    for index, row in rows(answers, EDP_VLANS).items():
        addresses[index[:9]] |= set(usable(address(row.get("address"))))
    for index, row in rows(answers, EDP).items():
        octets, name = index[-MAC_ARCS:], known(row.get("name")) or ""
        physical = mac(bytes(octets)) if len(index) > MAC_ARCS and max(octets) < 256 else None
        slot, port = integer(row.get("slot")), integer(row.get("port"))
        if physical is None and not name:
            continue
        yield Neighbour(
            "edp",
            _key(ports, index[0]),
            Named("mac", physical) if physical else Named("local", name),
            Named("name", f"{slot or 1}:{port}") if port else None,
            name=name,
            addresses=tuple(sorted(addresses[index[:9]])),
            os_version=_version(row.get("version")),
        )


def _version(value: Value) -> str:
    """Four octets, `06 01 04 04`, are a version of that many parts; a text is one as it stands."""
    if isinstance(value, bytes) and len(value) == 4 and not value.isalnum():
        return ".".join(map(str, value))
    return known(value) or ""


def _sonmp(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """s5EnMsTopNmmTable: slot, port, IP address and the segment, the far slot and port; port 0 is the agent."""
    found = rows(answers, SONMP)
    places = _places(ports) if found else {}
    for index, row in found.items():
        if len(index) != 7 or not index[1] or max(index[2:6]) > 255:
            continue
        physical, ip = mac(row.get("mac")), address(bytes(index[2:6]))
        segment = index[6] & 0xFFFF
        if physical is None and not usable(ip):
            continue
        yield Neighbour(
            "ndp",
            places.get((index[0] or 1, index[1]), ""),
            Named("mac", physical) if physical else Named("address", str(ip)),
            Named("name", f"{segment >> 8}/{segment & 0xFF}") if segment > 0 else None,
            addresses=usable(ip),
        )


def _places(ports: dict[int, Interface]) -> dict[tuple[int, int], str]:
    """Interfaces by slot and port, as their names tell: `Slot: 1 Port: 5`, `Unit 1 Port 5`, `1/5`, `Port 5`."""
    found: dict[tuple[int, int], set[str]] = defaultdict(set)
    for port in ports.values():
        for attribute in ("name", "description"):
            words = str(port.attributes.get(attribute, "")).lower().strip()
            if placed := _SLOT_AND_PORT.search(words):
                slot, number = (part for part in placed.groups() if part is not None)
                found[int(slot), int(number)].add(port.key)
            elif alone := _PORT_ALONE.search(words):
                found[1, int(alone[1])].add(port.key)
    return {place: next(iter(keys)) for place, keys in found.items() if len(keys) == 1}


def _tplink(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """lldpNeighborInfoTable, by ifIndex and a number; subtypes and capabilities come in words."""
    for index, row in rows(answers, TPLINK_LLDP).items():
        port = _key(ports, index[0]) or _ending(ports, known(row.get("local")) or "")
        chassis = _worded(row.get("chassis_subtype"), row.get("chassis"))
        far_port = _worded(row.get("port_subtype"), row.get("port"))
        roles = worded_roles(known(row.get("does")) or known(row.get("can")) or "")
        for told in lldp_neighbour(row, port, chassis, far_port, _managed_at(row)):
            yield replace(told, capabilities=roles)


def _worded(subtype: Value, value: Value) -> Named | None:
    return named(SUBTYPES.get((known(subtype) or "").lower(), "local"), value)


def _ending(ports: dict[int, Interface], place: str) -> str:
    """The only interface whose name ends in a place, `1/0/15`."""
    keys = {p.key for p in ports.values() if place and re.search(rf"(?:^|\D){re.escape(place)}(?:\D|$)", p.key)}
    return keys.pop() if len(keys) == 1 else ""


def _managed_at(row: Row) -> tuple[str, ...]:
    """An address; one of version 4 may be written as `::192.0.2.1`."""
    ip = address(row.get("address"))
    short = address((known(row.get("address")) or "").removeprefix("::"))
    return usable(short if short is not None and short.version == 4 else ip)
