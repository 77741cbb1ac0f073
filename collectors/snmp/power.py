"""What supplies power: ratings of UPSes, their battery, and ports that feed what is plugged in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from cmdb.observation import Observation
from cmdb.observation import Value as Attribute
from collectors.snmp.interfaces import Interface
from collectors.snmp.inventory_tables import BATTERY_STATUS, POE_PORTS, POE_SOURCES, RATINGS
from collectors.snmp.rows import rows
from collectors.snmp.text import integer, positive
from collectors.transport.answers import Answers, Oid

ETHERNET = frozenset({"ethernetCsmacd", "fastEther", "gigabitEthernet"})
TRUE = 1  # pethPsePortAdminEnable
MOST_RATED, MOST_WATTS = 1_000_000, 1_000_000
NO_BATTERY = 0


def ratings(answers: Answers) -> dict[str, Attribute]:
    """What a UPS is built for."""
    found = {name: next((v for o in oids if (v := positive(answers.get(o)))), None) for name, oids in RATINGS.items()}
    return {name: value for name, value in found.items() if value is not None and value <= MOST_RATED}


def battery(answers: Answers, device: str, told: list[Observation]) -> list[Observation]:
    """The battery of a UPS that tells its state, unless its parts are told one by one."""
    if positive(answers.get(BATTERY_STATUS)) is None or any(o.attributes.get("kind") == "battery" for o in told):
        return []
    return [Observation("Module", "battery", {"name": "battery", "kind": "battery"}, parent=device)]


def poe_budget(answers: Answers) -> dict[str, Attribute]:
    """The power that all sources of a device can give to its ports."""
    watts = sum(positive(row.get("power_w")) or 0 for row in rows(answers, POE_SOURCES).values())
    return {"poe_power_w": watts} if 0 < watts <= MOST_WATTS else {}


def fed(answers: Answers, ports: Mapping[int, Interface]) -> dict[int, Interface]:
    """Interfaces by ifIndex with whether they may give power (pethPsePortTable, RFC 3621).

    The table counts ports inside of groups, and does not say which interfaces they are: makers mean the name
    (`Gi1/0/7` is port 7 of group 1) or the ifIndex. The first reading that gives all of its rows an Ethernet port of
    their own holds; where none does, nothing is said.
    """
    enabled = {i: integer(row.get("enabled")) == TRUE for i, row in rows(answers, POE_PORTS).items() if len(i) == 2}
    ethernet = {i: p for i, p in ports.items() if p.attributes.get("type") in ETHERNET}
    places = _by_name(ethernet, several=len({group for group, _ in enabled}) > 1)
    for reading in (places, {place: place[1] for place in enabled if place[1] in ethernet}):
        found = {place: reading[place] for place in enabled if place in reading}
        if enabled and len(found) == len(enabled) == len(set(found.values())):
            more = {
                i: replace(ports[i], attributes=ports[i].attributes | {"poe_enabled": enabled[place]})
                for place, i in found.items()
            }
            return dict(ports) | more
    return dict(ports)


def _by_name(ethernet: Mapping[int, Interface], several: bool) -> dict[Oid, int]:
    """ifIndexes by group and port as names tell them: the first and the last number of `Gi1/0/7`, or of a plain `7`."""
    found: dict[Oid, int] = {}
    doubted = set()
    for index, port in ethernet.items():
        name = re.fullmatch(r"(?:[A-Za-z ]*?)(?:(\d+)[/:](?:\d+[/:])?)?(\d+)", str(port.attributes["name"]))
        if name is None or (several and name[1] is None):
            continue
        place = (int(name[1] or 1), int(name[2]))
        if place in found:
            doubted.add(place)  # Te1/1/1 beside Gi1/0/1
        if place not in found or "/0/" in str(port.attributes["name"]):
            found[place] = index
    return {
        place: index
        for place, index in found.items()
        if place not in doubted or "/0/" in str(ethernet[index].attributes["name"])
    }
