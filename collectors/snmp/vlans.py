"""VLANs and their ports: Q-BRIDGE-MIB, IEEE8021-Q-BRIDGE-MIB, CISCO-VTP-MIB, and tables of makers."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.facts import VlanPort
from collectors.snmp import maker_vlans
from collectors.snmp.bits import members
from collectors.snmp.bridging import MAX_VLAN, port_keys, tags
from collectors.snmp.interfaces import Interface
from collectors.snmp.maker_tables import JUNOS_DOMAINS, JUNOS_VLAN_PORTS, JUNOS_VLANS
from collectors.snmp.read import active_vlans
from collectors.snmp.reads import (
    VLANS,
    VLANS_IEEE,
    VLANS_STATIC,
    VLANS_STATIC_IEEE,
    VTP,
    VTP_ACCESS,
    VTP_TRUNKS,
)
from collectors.snmp.rows import rows
from collectors.snmp.table import Table
from collectors.snmp.text import integer, known
from collectors.transport.answers import Answers

TAGGED = 1  # jnxExVlanPortTagness
TRUNKING = 1  # vlanTrunkPortDynamicStatus
PER_MAP = 1024  # VLANs in each of the four maps of a trunk


def names(answers: Answers) -> dict[int, str]:
    """Names of VLANs by number, "" for none; with those of old networks that every Cisco switch has (1002 to 1005)."""
    found: dict[int, str] = {}
    for vlan, name in (*_named(answers), *maker_vlans.names(answers)):
        if 0 < vlan <= MAX_VLAN:
            found[vlan] = found.get(vlan) or name
    return dict(sorted(found.items()))


def _named(answers: Answers) -> Iterator[tuple[int, str]]:
    numbers = tags(answers)
    for table in (VLANS_STATIC, VTP, VLANS, VLANS_STATIC_IEEE, VLANS_IEEE):
        for index, row in rows(answers, table).items():
            vlan = index[-1] if index else 0
            yield vlan if table is VTP else numbers.get(vlan, vlan), known(row.get("name")) or ""
    for table in (JUNOS_VLANS, JUNOS_DOMAINS):
        for row in rows(answers, table).values():
            yield integer(row.get("tag")) or 0, known(row.get("name")) or ""


def vlan_ports(answers: Answers, ports: dict[int, Interface]) -> list[VlanPort]:
    """Which ports are in which VLANs; the word of the standard's tables counts before that of makers'."""
    found: dict[tuple[int, str], bool] = {}
    told = (
        *_bridged(answers, ports, VLANS, VLANS_STATIC),
        *_bridged(answers, ports, VLANS_IEEE, VLANS_STATIC_IEEE),
        *_cisco(answers, ports),
        *_junos(answers, ports),
        *maker_vlans.vlan_ports(answers, ports),
    )
    for vlan, key, tagged in told:
        if 0 < vlan <= MAX_VLAN:
            found.setdefault((vlan, key), tagged)
    return [VlanPort(vlan, key, tagged) for (vlan, key), tagged in sorted(found.items())]


def _bridged(
    answers: Answers, ports: dict[int, Interface], current: Table, static: Table
) -> list[tuple[int, str, bool]]:
    """Q-BRIDGE-MIB and its successor. What is in force counts; what is configured, where nothing tells that."""
    keys = port_keys(answers, ports) or {index: port.key for index, port in ports.items()}
    table = current if any(row.get("egress") for row in rows(answers, current).values()) else static
    numbers = tags(answers)
    found = {}
    for index, row in rows(answers, table).items():
        vlan = numbers.get(index[-1], index[-1]) if index else 0
        untagged = set(members(row.get("untagged")))
        for number in members(row.get("egress")):
            if number in keys:  # of several rows of one VLAN (time filter) the last one counts
                found[vlan, keys[number]] = number not in untagged
    return [(vlan, key, tagged) for (vlan, key), tagged in found.items()]


def _junos(answers: Answers, ports: dict[int, Interface]) -> list[tuple[int, str, bool]]:
    """jnxExVlanPortGroupTable, by the number of a VLAN inside and the bridge port."""
    keys, numbers = port_keys(answers, ports), tags(answers)
    return [
        (numbers[index[0]], keys[index[1]], integer(row.get("tagness")) == TAGGED)
        for index, row in rows(answers, JUNOS_VLAN_PORTS).items()
        if len(index) == 2 and index[0] in numbers and index[1] in keys
    ]


def _cisco(answers: Answers, ports: dict[int, Interface]) -> list[tuple[int, str, bool]]:
    """Trunks carry active VLANs of their maps, tagged but for the native one; access ports carry one."""
    active = set(active_vlans(answers))
    found: list[tuple[int, str, bool]] = []
    trunks = set()
    for index, row in rows(answers, VTP_TRUNKS).items():
        port = ports.get(index[0]) if len(index) == 1 else None
        if port is None or integer(row.get("status")) != TRUNKING:
            continue
        trunks.add(index[0])
        native = integer(row.get("native"))
        for at, column in enumerate(("vlans", "vlans_2k", "vlans_3k", "vlans_4k")):
            carried = active.intersection(members(row.get(column), at * PER_MAP))
            found += [(vlan, port.key, vlan != native) for vlan in sorted(carried)]
    for index, row in rows(answers, VTP_ACCESS).items():
        vlan = integer(row.get("vlan")) or 0
        port = ports.get(index[0]) if len(index) == 1 else None
        if port is not None and index[0] not in trunks and 0 < vlan <= MAX_VLAN:
            found.append((vlan, port.key, False))
    return found
