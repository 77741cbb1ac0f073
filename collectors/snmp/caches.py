"""ARP and neighbour-discovery caches: all generations of tables, in all routing instances."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.facts import DEFAULT_VRF, Resolved
from collectors.snmp.addresses import inet_index
from collectors.snmp.interfaces import Interface
from collectors.snmp.reads import (
    ARP,
    ARP_OF_OLD,
    NEIGHBOUR_CACHE,
    NEIGHBOUR_CACHE_CISCO,
    NEIGHBOUR_CACHE_V6,
)
from collectors.snmp.rows import rows
from collectors.snmp.table import Table
from collectors.snmp.text import IPAddress, integer, mac
from collectors.snmp.vrfs import Vrfs
from collectors.transport.answers import Answers, Oid

INVALID = 2  # ipNetToMediaType and ipNetToPhysicalType; in IPV6-MIB this is an ordinary one
IPV4, IPV6 = 1, 2  # InetAddressType


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
    for table in (ARP, ARP_OF_OLD, NEIGHBOUR_CACHE, NEIGHBOUR_CACHE_V6, NEIGHBOUR_CACHE_CISCO):
        for index, row in rows(answers, table).items():
            if table is not NEIGHBOUR_CACHE_V6 and integer(row.get("type")) == INVALID:
                continue
            ip, physical = _address(table, index), mac(row.get("mac"))
            if ip is not None and physical is not None and not int(physical[:2], 16) & 1:  # no group addresses
                yield index[0], ip, physical


def _address(table: Table, index: Oid) -> IPAddress | None:
    """The address in an index behind the ifIndex: four octets (after a 1 in the oldest table), 16, or with its type."""
    if table in (ARP, ARP_OF_OLD):
        ip = inet_index((IPV4, *index[-4:]))
    else:
        ip = inet_index((IPV6, *index[1:]) if table is NEIGHBOUR_CACHE_V6 else index[1:])
    return None if ip is None or ip.is_multicast or ip.is_unspecified or ip.is_loopback else ip
