"""Routing instances (VRFs) of a router, and the interfaces in them, from the tables of the standard and of makers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cmdb.observation import Identifier, Observation
from collectors.snmp.maker_tables import (
    ARISTA_VRF_PORTS,
    ARISTA_VRFS,
    CISCO_CONTEXTS,
    CISCO_VRF_PORTS,
    CISCO_VRFS,
    JUNOS_VPN_PORTS,
    JUNOS_VPNS,
    TIMOS_PORTS,
    TIMOS_VRFS,
)
from collectors.snmp.reads import VRF_PORTS, VRF_PORTS_DRAFT, VRFS, VRFS_DRAFT
from collectors.snmp.rows import rows
from collectors.snmp.table import Table
from collectors.snmp.text import integer, known, text
from collectors.transport.answers import Answers, Oid, Value

ACTIVE = 1  # aristaVrfState
ROUTED = 2  # jnxVpnType bgpIpVpn; the others carry frames
GLOBAL = frozenset({"", "default", "global", "base", "master", "_public_"})  # the instance of all others
BY_NUMBER, BY_ADDRESS, BY_LONG_NUMBER = b"\0\0", b"\0\1", b"\0\2"  # types of a route distinguisher (RFC 4364)

Named = tuple[str, str]  # name and route distinguisher, "" for none
Placed = tuple[int, str]  # ifIndex and name


@dataclass(frozen=True)
class Vrfs:
    """Route distinguishers by name, "" where none is told; names by ifIndex, and by SNMP context."""

    distinguishers: dict[str, str] = field(default_factory=dict)
    of_port: dict[int, str] = field(default_factory=dict)
    of_context: dict[str, str] = field(default_factory=dict)


def vrfs(answers: Answers) -> Vrfs:
    """All routing instances but the one of all others. The first table that places an interface counts."""
    distinguishers: dict[str, str] = {}
    for name, rd in [*_standard(answers), *_numbered(answers), *_arista(answers), *_junos(answers)]:
        if name.lower() not in GLOBAL:
            distinguishers[name] = distinguishers.get(name) or rd
    of_port: dict[int, str] = {}
    for if_index, name in _places(answers):
        if name.lower() not in GLOBAL:
            distinguishers.setdefault(name, "")
            of_port.setdefault(if_index, name)
    return Vrfs(distinguishers, of_port, _contexts(answers))


def contexts(answers: Answers) -> list[str]:
    """SNMP contexts in which an agent shows the addresses and caches of its routing instances, in order."""
    return sorted(_contexts(answers))


def _contexts(answers: Answers) -> dict[str, str]:
    """Arista names contexts after the instances; Cisco tells which context is which (CISCO-CONTEXT-MAPPING-MIB)."""
    found: dict[str, str] = {}
    for index, row in rows(answers, ARISTA_VRFS).items():
        name, _ = name_in_index(index)
        if name.lower() not in GLOBAL and integer(row.get("state")) in (ACTIVE, None):
            found[name] = name
    for index, row in rows(answers, CISCO_CONTEXTS).items():
        context, name = name_in_index(index)[0], known(row.get("vrf")) or ""
        if context and name.lower() not in GLOBAL:
            found.setdefault(context, name)
    return found


def name_in_index(index: Oid) -> tuple[str, Oid]:
    """A name at the head of an index, with its length before it, and the arcs behind it; "" where there is none."""
    size = index[0] if index else 0
    octets = index[1 : size + 1]
    if not size or len(octets) < size or max(octets) > 255:
        return "", ()
    return text(bytes(octets)), index[size + 1 :]


def distinguisher(value: Value) -> str:
    """A route distinguisher as it is written: `65000:100`, `192.0.2.1:7`. Agents send it as text or as eight octets."""
    raw = value if isinstance(value, bytes) else b""
    if len(raw) != 8 or raw[:2] not in (BY_NUMBER, BY_ADDRESS, BY_LONG_NUMBER):
        return known(value) or ""
    if not any(raw[2:]):
        return ""
    if raw[:2] == BY_NUMBER:
        return f"{int.from_bytes(raw[2:4], 'big')}:{int.from_bytes(raw[4:], 'big')}"
    head = ipaddress.IPv4Address(raw[2:6]) if raw[:2] == BY_ADDRESS else int.from_bytes(raw[2:6], "big")
    return f"{head}:{int.from_bytes(raw[6:], 'big')}"


def _standard(answers: Answers) -> Iterator[Named]:
    """MPLS-L3VPN-STD-MIB and its draft: the name is the index."""
    for table in (VRFS, VRFS_DRAFT):
        for index, row in rows(answers, table).items():
            yield name_in_index(index)[0], distinguisher(row.get("rd"))


def _numbered(answers: Answers) -> Iterator[Named]:
    """CISCO-VRF-MIB and TIMETRA-VRTR-MIB count them."""
    for table in (CISCO_VRFS, TIMOS_VRFS):
        for row in rows(answers, table).values():
            yield known(row.get("name")) or "", distinguisher(row.get("rd"))


def _arista(answers: Answers) -> Iterator[Named]:
    for index, row in rows(answers, ARISTA_VRFS).items():
        yield name_in_index(index)[0], distinguisher(row.get("rd"))


def _junos(answers: Answers) -> Iterator[Named]:
    for index, row in rows(answers, JUNOS_VPNS).items():
        if index[:1] == (ROUTED,):
            yield name_in_index(index[1:])[0], distinguisher(row.get("rd"))


def _places(answers: Answers) -> Iterator[Placed]:
    """Which interface is in which instance."""
    for table in (VRF_PORTS, VRF_PORTS_DRAFT):
        yield from _placed(index for index in rows(answers, table))
    yield from _by_number(answers, CISCO_VRFS, CISCO_VRF_PORTS)
    for index, row in rows(answers, ARISTA_VRF_PORTS).items():
        yield index[-1] if index else 0, known(row.get("vrf")) or ""
    yield from _placed(index[1:] for index in rows(answers, JUNOS_VPN_PORTS) if index[:1] == (ROUTED,))
    yield from _by_number(answers, TIMOS_VRFS, TIMOS_PORTS)


def _placed(indexes: Iterable[Oid]) -> Iterator[Placed]:
    for index in indexes:
        name, rest = name_in_index(index)
        if len(rest) == 1:
            yield rest[0], name


def _by_number(answers: Answers, named: Table, placed: Table) -> Iterator[Placed]:
    """Rows indexed by the number of the instance and the ifIndex."""
    names = {index: known(row.get("name")) or "" for index, row in rows(answers, named).items()}
    for index in rows(answers, placed):
        if len(index) == 2:
            yield index[1], names.get(index[:1], "")


def vrf_key(device: str, name: str) -> str:
    """The identifier of a routing instance of a device."""
    return f"vrf:{device}:{name.replace('|', '%7C')}"


def observe(found: Vrfs, device: str, strong: Iterable[str]) -> list[Observation]:
    """Routing instances as things of the device with this key, known by each of its strong identifiers."""
    keys = list(dict.fromkeys((device, *strong)))
    out = []
    for name, rd in sorted(found.distinguishers.items()):
        attributes = {"name": name, "route_distinguisher": rd} if rd else {"name": name}
        identifiers = [Identifier(vrf_key(key, name)) for key in keys]
        identifiers += [Identifier(f"rd:{rd}", strong=False)] if rd else []
        out.append(Observation("VRF", vrf_key(device, name), attributes, tuple(identifiers)))
    return out
