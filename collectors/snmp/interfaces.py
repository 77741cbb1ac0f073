"""ifTable and ifXTable (RFC 2863) as interfaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from cmdb.observation import Link, Observation, path
from cmdb.observation import Value as Attribute
from collectors.ios_names import if_name
from collectors.snmp.iftypes import IF_TYPES, VIRTUAL_TYPES
from collectors.snmp.maker_tables import ARICENT_PORTS, TIMOS_PORTS, TIMOS_SPEEDS
from collectors.snmp.reads import INTERFACES, INTERFACES_X, SYSTEM
from collectors.snmp.rows import Row, is_unread, rows
from collectors.snmp.text import integer, known, mac, positive, text
from collectors.transport.answers import Answers

STATUS = {1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "not_present", 7: "lower_layer_down"}
MAX_GAUGE = 4294967295  # ifSpeed at this value, or at 0, says "see ifHighSpeed"
MAX_HIGH_SPEED = 10_000_000  # Mbit/s; agents that report more mean bit/s
MAX_INDEX = 2147483647
TIMOS_STATE = 1  # vRtrIfAdminState and vRtrIfOperState count up (2) and down (3) from here


@dataclass
class Interface:
    """One interface: its number, its key inside the device, and what is known of it."""

    index: int
    key: str
    attributes: dict[str, Attribute] = field(default_factory=dict)
    has_connector: bool | None = None

    @property
    def mac(self) -> str | None:
        """The MAC address, as `00:1d:e5:84:98:c0`."""
        return self.attributes.get("mac_address")

    @property
    def is_physical(self) -> bool:
        """Whether its MAC address is one of the hardware: no loopback, VLAN, tunnel or aggregate."""
        if self.attributes.get("type") in VIRTUAL_TYPES:
            return False
        return self.has_connector is not False or "type" not in self.attributes


def interfaces(answers: Answers, more: frozenset[int] = frozenset()) -> dict[int, Interface]:
    """All interfaces by ifIndex.

    `more` are numbers that other tables refer to: such an interface exists even where ifTable was cut or lacks it.
    """
    merged: dict[int, Row] = {index: {} for index in more if 0 < index <= MAX_INDEX}
    for table in (INTERFACES, INTERFACES_X):
        for index, row in rows(answers, table).items():
            if len(index) == 1 and 0 <= index[0] <= MAX_INDEX:
                merged.setdefault(index[0], {}).update(row)
    for number, row in _of_makers(answers):
        if 0 < number <= MAX_INDEX:
            known_row = merged.setdefault(number, {})
            known_row.update({name: value for name, value in row.items() if not known(known_row.get(name))})
    if _are_names_cut(answers):
        merged = {index: row for index, row in merged.items() if known(row.get("name"))}
    found = {index: _interface(index, row) for index, row in sorted(merged.items())}
    if not answers.column(INTERFACES_X.columns["name"]):
        described = text(answers.get(SYSTEM["sys_descr"]))
        for interface in found.values():  # as ifXTable would name it: it may answer at the next visit
            interface.key = if_name(interface.key, described)
    _make_keys_unique(list(found.values()))
    return found


def _are_names_cut(answers: Answers) -> bool:
    """Whether the agent has ifXTable and its names were not read to their end.

    A port whose name is not known would be told by its description, and be another one than at all other visits.
    """
    has_rows = any(answers.column(root) for root in INTERFACES_X.columns.values())
    return has_rows and is_unread(answers, INTERFACES_X.columns["name"])


def _of_makers(answers: Answers) -> list[tuple[int, Row]]:
    """What tables of makers add: router interfaces of Nokia, which ifTable lacks in part, and aliases."""
    return [*_routed(answers), *((index[0], row) for index, row in rows(answers, ARICENT_PORTS).items())]


def _routed(answers: Answers) -> list[tuple[int, Row]]:
    """vRtrIfTable by its second arc, which is the ifIndex; not where agents count anew in each routing instance."""
    found = {index: row for index, row in rows(answers, TIMOS_PORTS).items() if len(index) == 2}
    times = Counter(index[1] for index in found)
    names = {index[0]: row.get("name") for index, row in rows(answers, INTERFACES_X).items() if len(index) == 1}
    speeds = rows(answers, TIMOS_SPEEDS)
    out = []
    for index, row in found.items():
        if times[index[1]] == 1 and names.get(index[1]) in (None, row.get("name")):
            states = {name: (integer(row.get(name)) or 0) - TIMOS_STATE for name in ("admin", "oper")}
            speed = (integer(speeds.get(index, {}).get("bps")) or 0) // 1_000_000
            out.append((index[1], row | states | {"descr": row.get("name"), "high_speed": speed or None}))
    return out


def _interface(index: int, row: Row) -> Interface:
    """Name: ifName, else ifDescr, else `if<index>`."""
    description = known(row.get("descr"))
    name = known(row.get("name")) or description or f"if{index}"
    attributes: dict[str, Attribute] = {"name": name, "if_index": index}
    optional = {
        "description": description,
        "alias": known(row.get("alias")),
        "type": IF_TYPES.get(integer(row.get("type")) or 0),
        "mac_address": mac(row.get("mac")),
        "speed_bps": _speed(row),
        "mtu": _mtu(row),
        "admin_status": STATUS.get(integer(row.get("admin")) or 0),
        "oper_status": STATUS.get(integer(row.get("oper")) or 0),
    }
    attributes.update({k: v for k, v in optional.items() if v is not None})
    connector = integer(row.get("connector"))
    return Interface(index, name, attributes, connector == 1 if connector in (1, 2) else None)


def _mtu(row: Row) -> int | None:
    mtu = positive(row.get("mtu"))
    return mtu if mtu is not None and mtu <= MAX_INDEX else None


def _speed(row: Row) -> int | None:
    """Speed in bit/s. ifSpeed is a Gauge32: full, empty, or wrapped above 4 Gbit/s, where ifHighSpeed is right."""
    low, high = positive(row.get("speed")), positive(row.get("high_speed"))
    if high is not None and high > MAX_HIGH_SPEED:
        high = None if low else high // 1_000_000
    exact = low if low is not None and low < MAX_GAUGE else None
    if high is not None and (exact is None or high * 1_000_000 > MAX_GAUGE):
        return high * 1_000_000
    return exact


def _make_keys_unique(found: list[Interface]) -> None:
    """Append the ifIndex to every key that occurs more than once, so that no order matters."""
    repeated = {key for key, count in Counter(i.key for i in found).items() if count > 1}
    taken = {i.key for i in found}
    for interface in found:
        if interface.key in repeated:
            key = f"{interface.key}.{interface.index}"
            interface.key = key if key not in taken else f"{interface.key}#{interface.index}"


def observe(
    found: dict[int, Interface],
    parent: str,
    aggregates: Mapping[int, int] | None = None,
    vrf_keys: Mapping[int, str] | None = None,
) -> list[Observation]:
    """Interfaces as observations inside the device at path `parent`, with their ties to each other.

    `aggregates` gives the ifIndex of the aggregate of members, `vrf_keys` the key of the routing instance.
    """

    def links(index: int) -> tuple[Link, ...]:
        above = found.get((aggregates or {}).get(index, -1))
        routed = (vrf_keys or {}).get(index)
        return (
            *((Link("MEMBER_OF", path(parent, "Interface", above.key), method="snmp"),) if above else ()),
            *((Link("IN_VRF", routed, method="snmp"),) if routed else ()),
        )

    return [Observation("Interface", i.key, i.attributes, parent=parent, links=links(i.index)) for i in found.values()]
