"""VLANs and their ports in tables of makers: TP-Link, Alcatel-Lucent, Nortel and its heirs, Extreme, Huawei."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from collectors.snmp.bits import members
from collectors.snmp.interfaces import Interface
from collectors.snmp.maker_tables import (
    ALCATEL_VLAN_PORTS,
    ALCATEL_VLANS,
    EXTREME_VLANS,
    HUAWEI_VLANS,
    RC_VLAN_PORTS,
    RC_VLANS,
    TPLINK_PORTS,
    TPLINK_VLANS,
)
from collectors.snmp.rows import rows
from collectors.snmp.text import integer, known, text
from collectors.transport.answers import Answers

Membership = tuple[int, str, bool]  # VLAN, local key of the port, whether it is tagged there
UNTAGGED = 1  # vpaType cfgDefault
NEVER_TAGS = (2, 4)  # rcVlanPortPerformTagging: false, and untagging of the default VLAN on a trunk
_RANGE = re.compile(r"(LAG|\d+/\d+/)(\d+)(?:-(\d+))?")  # `1/0/1-2,1/0/25,LAG1-3`
MAX_PORTS = 4096


def names(answers: Answers) -> Iterator[tuple[int, str]]:
    """Numbers and names, "" for none."""
    for table in (TPLINK_VLANS, *ALCATEL_VLANS, RC_VLANS, HUAWEI_VLANS):
        for index, row in rows(answers, table).items():
            yield index[-1] if index else 0, known(row.get("name")) or ""
    for row in rows(answers, EXTREME_VLANS).values():
        yield integer(row.get("vlan")) or 0, known(row.get("name")) or ""


def vlan_ports(answers: Answers, ports: dict[int, Interface]) -> Iterator[Membership]:
    """Which ports are in which VLANs."""
    return chain(_tplink(answers, ports), _alcatel(answers, ports), _rapid_city(answers, ports))


def _tplink(answers: Answers, ports: dict[int, Interface]) -> Iterator[Membership]:
    """Lists of ports in words, by the names that another table gives to ifIndexes."""
    keys = {
        known(row.get("name")): ports[index[0]].key
        for index, row in rows(answers, TPLINK_PORTS).items()
        if index and index[0] in ports
    }
    for index, row in rows(answers, TPLINK_VLANS).items():
        for column in ("tagged", "untagged"):
            for place in _places(text(row.get(column))):
                if index and place in keys:
                    yield index[-1], keys[place], column == "tagged"


def _places(words: str) -> Iterator[str]:
    for kind, first, last in _RANGE.findall(words):
        for number in range(int(first), min(int(last or first), int(first) + MAX_PORTS) + 1):
            yield f"{kind}{number}"


def _alcatel(answers: Answers, ports: dict[int, Interface]) -> Iterator[Membership]:
    """vpaTable, by VLAN and ifIndex."""
    for table in ALCATEL_VLAN_PORTS:
        for index, row in rows(answers, table).items():
            if len(index) == 2 and index[1] in ports:
                yield index[0], ports[index[1]].key, integer(row.get("type")) != UNTAGGED


def _rapid_city(answers: Answers, ports: dict[int, Interface]) -> Iterator[Membership]:
    """rcVlanTable with bits that are ifIndexes from 0; a port's default VLAN goes untagged unless it tags all."""
    plain = {
        (integer(row.get("default")), index[0])
        for index, row in rows(answers, RC_VLAN_PORTS).items()
        if index and integer(row.get("tagging")) in NEVER_TAGS
    }
    for index, row in rows(answers, RC_VLANS).items():
        for if_index in members(row.get("members"), 0):
            if index and if_index in ports:
                yield index[-1], ports[if_index].key, (index[-1], if_index) not in plain
