"""ARP and neighbour-discovery caches: ipNetToMediaTable and ipNetToPhysicalTable, both, in all routing instances."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.facts import Resolved
from collectors.snmp.addresses import DEFAULT_VRF, inet_index
from collectors.snmp.interfaces import Interface
from collectors.snmp.reads import ARP, NEIGHBOUR_CACHE
from collectors.snmp.rows import Row, rows
from collectors.snmp.text import IPAddress, integer, mac
from collectors.snmp.vrfs import Vrfs
from collectors.transport.answers import Answers, Oid

INVALID = 2  # ipNetToMediaType and ipNetToPhysicalType


def resolved(answers: Answers, ports: dict[int, Interface], vrfs: Vrfs) -> list[Resolved]:
    """What the caches resolve, each once per interface; the routing instance is that of the interface or context."""
    found: dict[tuple[str, str, str, str], Resolved] = {}
    contexts = [(vrf, answers.contexts[name]) for name, vrf in vrfs.of_context.items() if name in answers.contexts]
    for vrf, inner in [(DEFAULT_VRF, answers), *contexts]:
        for if_index, ip, physical in _told(inner):
            port = ports.get(if_index)
            placed = vrfs.of_port.get(if_index, vrf)
            one = Resolved(str(ip), physical, port.key if port else "", placed)
            found.setdefault((one.vrf, one.address, one.mac, one.port), one)
    return sorted(found.values(), key=lambda r: (r.vrf != DEFAULT_VRF, r.vrf, r.address, r.mac, r.port))


def _told(answers: Answers) -> Iterator[tuple[int, IPAddress, str]]:
    for table, version4 in ((ARP, True), (NEIGHBOUR_CACHE, False)):
        for index, row in rows(answers, table).items():
            ip, physical = _address(index, version4), _physical(row)
            if ip is not None and physical is not None:
                yield index[0], ip, physical


def _address(index: Oid, version4: bool) -> IPAddress | None:
    ip = inet_index((1, *index[1:5]) if version4 else index[1:])
    return None if ip is None or ip.is_multicast or ip.is_unspecified or ip.is_loopback else ip


def _physical(row: Row) -> str | None:
    """The physical address; none for group addresses and for rows that are no longer valid."""
    physical = mac(row.get("mac")) if integer(row.get("type")) != INVALID else None
    return None if physical is None or int(physical[:2], 16) & 1 else physical
