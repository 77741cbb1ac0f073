"""Forwarding tables, bridge ports and spanning tree (BRIDGE-MIB, Q-BRIDGE-MIB)."""

from __future__ import annotations

from collections import defaultdict

from collectors.facts import Forwarded
from collectors.snmp.interfaces import Interface
from collectors.snmp.maker_tables import JUNOS_DOMAINS, JUNOS_VLANS
from collectors.snmp.reads import (
    BASE_PORTS,
    FDB,
    FDB_IEEE,
    FDB_VLAN,
    SPANNING_TREE,
    VLANS,
    VLANS_IEEE,
)
from collectors.snmp.rows import rows
from collectors.snmp.text import integer, mac
from collectors.transport.answers import Answers, Oid

INVALID, SELF = 2, 4  # dot1dTpFdbStatus
BLOCKING = 2  # dot1dStpPortState
MAX_VLAN = 4094
VLAN_CONTEXT = "vlan-"


def port_keys(answers: Answers, ports: dict[int, Interface]) -> dict[int, str]:
    """Local keys of interfaces by bridge port number (dot1dBasePortIfIndex); an agent without it counts ifIndexes."""
    found: dict[int, str] = {}
    for index, row in rows(answers, BASE_PORTS).items():
        port = ports.get(integer(row.get("if_index")) or -1)
        if len(index) == 1 and port is not None:
            found[index[0]] = port.key
    return found


def forwarded(answers: Answers, ports: dict[int, Interface]) -> list[Forwarded]:
    """Learned addresses of all tables and contexts.

    An address without VLAN is left out where another table tells it for the same port with its VLAN.
    """
    keys = port_keys(answers, ports)
    found: set[tuple[str, str, int | None]] = set()
    for name, inner in answers.contexts.items():
        vlan = name.removeprefix(VLAN_CONTEXT)
        if vlan != name and vlan.isdecimal():  # routing instances have contexts as well
            found |= _plain(inner, keys | port_keys(inner, ports), ports, int(vlan))
    found |= _by_vlan(answers, keys, ports)
    known = {(physical, port) for physical, port, _ in found}
    found |= {one for one in _plain(answers, keys, ports, None) if one[:2] not in known}
    return [Forwarded(*one) for one in sorted(found, key=lambda f: (f[0], f[1], f[2] or 0))]


def _plain(
    answers: Answers, keys: dict[int, str], ports: dict[int, Interface], vlan: int | None
) -> set[tuple[str, str, int | None]]:
    """dot1dTpFdbTable: the index is the address."""
    found = set()
    for index, row in rows(answers, FDB).items():
        port = _port(row.get("port"), row.get("status"), keys, ports)
        physical = _physical(index)
        if port and physical:
            found.add((physical, port, vlan))
    return found


def _by_vlan(answers: Answers, keys: dict[int, str], ports: dict[int, Interface]) -> set[tuple[str, str, int | None]]:
    """dot1qTpFdbTable: the index is the number of a filtering database, and the address; the IEEE counts bridges."""
    table = [*rows(answers, FDB_VLAN).items(), *((index[1:], row) for index, row in rows(answers, FDB_IEEE).items())]
    vlans = _vlan_of_database(answers) if table else {}
    found = set()
    for index, row in table:
        port = _port(row.get("port"), row.get("status"), keys, ports)
        physical = _physical(index[1:])
        if port and physical:
            found.add((physical, port, vlans.get(index[0], index[0] if not vlans and index[0] <= MAX_VLAN else None)))
    return found


def _port(number: object, status: object, keys: dict[int, str], ports: dict[int, Interface]) -> str:
    """The interface of a bridge port; "" for none, and for addresses that are the bridge's own or no longer valid."""
    if status in (INVALID, SELF) or not isinstance(number, int) or number <= 0:
        return ""
    if keys:
        return keys.get(number, "")
    return ports[number].key if number in ports else ""


def _physical(index: Oid) -> str | None:
    """A MAC address from an index; some agents put its length in front. Group addresses are nobody's."""
    octets = index[1:] if len(index) == 7 and index[0] == 6 else index
    if len(octets) != 6 or max(octets) > 255 or octets[0] & 1:
        return None
    return mac(bytes(octets))


def _vlan_of_database(answers: Answers) -> dict[int, int]:
    """VLANs by number of filtering database (dot1qVlanFdbId), where a database belongs to one VLAN only."""
    found: dict[int, set[int]] = defaultdict(set)
    for index, row in [*rows(answers, VLANS).items(), *rows(answers, VLANS_IEEE).items()]:
        database = integer(row.get("fdb"))
        if database is not None and index and 0 < index[-1] <= MAX_VLAN:
            found[database].add(index[-1])
    for row in rows(answers, JUNOS_DOMAINS).values():
        database, tag = integer(row.get("fdb")), integer(row.get("tag"))
        if database is not None and tag and 0 < tag <= MAX_VLAN:
            found[database].add(tag)
    single = {database: min(vlans) for database, vlans in found.items() if len(vlans) == 1}
    return single | tags(answers)


def tags(answers: Answers) -> dict[int, int]:
    """VLANs by the numbers that Junos has for them inside (jnxExVlanTag); its Q-BRIDGE tables have these numbers."""
    found = {index[-1]: integer(row.get("tag")) for index, row in rows(answers, JUNOS_VLANS).items() if index}
    return {number: tag for number, tag in found.items() if tag is not None and 0 < tag <= MAX_VLAN}


def blocked(answers: Answers, ports: dict[int, Interface]) -> list[str]:
    """Local keys of ports that spanning tree keeps from forwarding."""
    keys = port_keys(answers, ports)
    return sorted(
        keys[index[0]]
        for index, row in rows(answers, SPANNING_TREE).items()
        if len(index) == 1 and index[0] in keys and integer(row.get("state")) == BLOCKING
    )
