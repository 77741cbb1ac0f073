"""VLANs and their ports (Q-BRIDGE-MIB, CISCO-VTP-MIB, CISCO-VLAN-MEMBERSHIP-MIB)."""

from __future__ import annotations

import re

from collectors.facts import VlanPort
from collectors.snmp.bridging import MAX_VLAN, port_keys, tags
from collectors.snmp.interfaces import Interface
from collectors.snmp.read import active_vlans
from collectors.snmp.reads import JUNOS_DOMAINS, JUNOS_VLANS, VLANS, VLANS_STATIC, VTP, VTP_ACCESS, VTP_TRUNKS
from collectors.snmp.rows import Row, rows
from collectors.snmp.text import integer, known
from collectors.transport.answers import Answers, Value

_HEX_TEXT = re.compile(rb"[0-9a-fA-F]{2}([ :][0-9a-fA-F]{2})+ ?")
_NUMBERS = re.compile(rb"\d{1,9}(,\d{1,9})+")
TRUNKING = 1  # vlanTrunkPortDynamicStatus
PER_MAP = 1024  # VLANs in each of the four maps of a trunk


def names(answers: Answers) -> dict[int, str]:
    """Names of VLANs by number, "" for none."""
    found: dict[int, str] = {}
    numbers = tags(answers)
    for table in (VLANS_STATIC, VTP, VLANS):
        for index, row in rows(answers, table).items():
            vlan = index[-1] if index else 0
            vlan = numbers.get(vlan, vlan) if table is not VTP else vlan
            if 0 < vlan <= MAX_VLAN and not (table is VTP and _is_for_old_networks(row)):
                found[vlan] = found.get(vlan) or known(row.get("name")) or ""
    for table in (JUNOS_VLANS, JUNOS_DOMAINS):
        for row in rows(answers, table).values():
            vlan = integer(row.get("tag")) or 0
            if 0 < vlan <= MAX_VLAN:
                found[vlan] = found.get(vlan) or known(row.get("name")) or ""
    return dict(sorted(found.items()))


def _is_for_old_networks(row: Row) -> bool:
    """Token ring and FDDI: VLANs 1002 to 1005 of every Cisco switch (vtpVlanType 2 to 5)."""
    return (integer(row.get("type")) or 1) != 1


def vlan_ports(answers: Answers, ports: dict[int, Interface]) -> list[VlanPort]:
    """Which ports are in which VLANs. What is in force counts; what is configured, where nothing tells that."""
    keys = port_keys(answers, ports) or {index: port.key for index, port in ports.items()}
    current = rows(answers, VLANS)
    table = VLANS if any(row.get("egress") for row in current.values()) else VLANS_STATIC
    numbers = tags(answers)
    found: dict[tuple[int, str], bool] = {}
    for index, row in rows(answers, table).items():
        vlan = numbers.get(index[-1], index[-1]) if index else 0
        if 0 < vlan <= MAX_VLAN:
            untagged = set(_members(row.get("untagged")))
            for number in _members(row.get("egress")):
                if number in keys:
                    found[vlan, keys[number]] = number not in untagged
    for vlan, key, tagged in _cisco(answers, ports):
        found.setdefault((vlan, key), tagged)
    return [VlanPort(vlan, key, tagged) for (vlan, key), tagged in sorted(found.items())]


def _members(value: Value, first: int = 1) -> list[int]:
    """Numbers in a bit map: the most significant bit of the first octet is `first`.

    Some agents send it as hexadecimal text; Junos lists numbers, `4102,4104,0`.
    """
    octets = value if isinstance(value, bytes) else b""
    if _NUMBERS.fullmatch(octets):
        return [int(number) for number in octets.split(b",")]
    if _HEX_TEXT.fullmatch(octets):
        octets = bytes.fromhex(octets.decode().replace(":", " "))
    return [first + 8 * at + bit for at, octet in enumerate(octets) for bit in range(8) if octet & 0x80 >> bit]


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
            carried = active.intersection(_members(row.get(column), at * PER_MAP))
            found += [(vlan, port.key, vlan != native) for vlan in sorted(carried)]
    for index, row in rows(answers, VTP_ACCESS).items():
        vlan = integer(row.get("vlan")) or 0
        port = ports.get(index[0]) if len(index) == 1 else None
        if port is not None and index[0] not in trunks and 0 < vlan <= MAX_VLAN:
            found.append((vlan, port.key, False))
    return found
