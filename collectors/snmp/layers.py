"""Which interfaces are members of which aggregates, from the tables of the standards and of makers."""

from __future__ import annotations

from collectors.snmp.bits import members
from collectors.snmp.interfaces import Interface
from collectors.snmp.maker_tables import ALCATEL_LAG_PORTS, RC_TRUNKS
from collectors.snmp.reads import BASE_PORTS, LAG_PORTS, PAGP_PORTS, STACK
from collectors.snmp.rows import rows
from collectors.snmp.text import integer
from collectors.transport.answers import Answers

ACTIVE = 1  # ifStackStatus
AGGREGATES = frozenset({"ieee8023adLag", "propMultiplexor", "vmwareNicTeam"})
NEVER_MEMBERS = frozenset({"l2vlan", "l3ipvlan", "softwareLoopback", "tunnel", "bridge"})


def aggregates(answers: Answers, ports: dict[int, Interface]) -> dict[int, int]:
    """The ifIndex of the aggregate of each member.

    By dot3adAggPortAttachedAggID (IEEE8023-LAG-MIB), PAgP, tables of makers, then ifStackTable where the higher one is
    an aggregate by its type. Logical units (`ge-0/0/1.0` in `ae0.0`) stand for their ports.
    """
    found: dict[int, int] = {}
    stacked = _stacked(answers)
    attached = [*_attached(answers), *_trunks(answers)]
    units = _units(ports) if attached or stacked else {}
    pairs = [*attached, *(pair for pair in stacked if _is_aggregate(ports, units.get(pair[1], pair[1])))]
    for member, aggregate in pairs:
        low, high = units.get(member, member), units.get(aggregate, aggregate)
        if low != high and low in ports and high in ports and _may_be_member(ports[low]):
            found.setdefault(low, high)
    return {low: high for low, high in found.items() if found.get(high) != low}


def _may_be_member(port: Interface) -> bool:
    return port.attributes.get("type") not in NEVER_MEMBERS | AGGREGATES


def _attached(answers: Answers) -> list[tuple[int, int]]:
    """Members and aggregates as the aggregation tables pair them; a port alone names itself, or 0."""
    pairs = []
    alike = ((table, "attached") for table in (LAG_PORTS, *ALCATEL_LAG_PORTS))
    for table, column in (*alike, (PAGP_PORTS, "group")):
        for index, row in rows(answers, table).items():
            aggregate = integer(row.get(column))
            if len(index) == 1 and aggregate and aggregate != index[0]:
                pairs.append((index[0], aggregate))
    return pairs


def _trunks(answers: Answers) -> list[tuple[int, int]]:
    """rcMltTable: the ifIndex of a trunk, and bits that are those of its ports, from 0."""
    found = []
    for row in rows(answers, RC_TRUNKS).values():
        if trunk := integer(row.get("if_index")):
            found += [(port, trunk) for port in members(row.get("members"), 0)]
    return found


def _stacked(answers: Answers) -> list[tuple[int, int]]:
    """Lower and higher interfaces of ifStackTable."""
    return [
        (index[1], index[0])
        for index, row in rows(answers, STACK).items()
        if len(index) == 2 and all(index) and integer(row.get("status")) == ACTIVE
    ]


def _is_aggregate(ports: dict[int, Interface], index: int) -> bool:
    port = ports.get(index)
    return port is not None and port.attributes.get("type") in AGGREGATES


def _units(ports: dict[int, Interface]) -> dict[int, int]:
    """The port of each logical unit, by ifIndex: `ge-0/0/1` of `ge-0/0/1.0`."""
    by_name = {port.key: index for index, port in ports.items()}
    found = {}
    for index, port in ports.items():
        head, dot, unit = port.key.rpartition(".")
        if dot and unit.isdigit() and head in by_name:
            found[index] = by_name[head]
    return found


def bridged(answers: Answers) -> frozenset[int]:
    """The ifIndexes of bridge ports."""
    return frozenset(i for row in rows(answers, BASE_PORTS).values() if (i := integer(row.get("if_index"))) and i > 0)
