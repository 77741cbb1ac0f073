"""What is read from every SNMP agent: scalars and named tables of wanted columns. A new table is a new entry here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collectors.transport.answers import Oid, parse_oid


@dataclass(frozen=True)
class Table:
    """A conceptual table: its columns by name.

    The columns named in `probes` are read first, the others only where one of those has a row: an agent without the
    table is asked once or twice, not fifteen times.
    """

    name: str
    columns: Mapping[str, Oid]
    probes: tuple[str, ...]


def _table(name: str, entry: str, columns: dict[str, int], probes: str) -> Table:
    root = parse_oid(entry)
    return Table(name, {column: (*root, arc) for column, arc in columns.items()}, tuple(probes.split()))


SYSTEM: Mapping[str, Oid] = {
    "sys_descr": parse_oid("1.3.6.1.2.1.1.1.0"),
    "sys_object_id": parse_oid("1.3.6.1.2.1.1.2.0"),
    "sys_contact": parse_oid("1.3.6.1.2.1.1.4.0"),
    "sys_name": parse_oid("1.3.6.1.2.1.1.5.0"),
    "sys_location": parse_oid("1.3.6.1.2.1.1.6.0"),
    "sys_services": parse_oid("1.3.6.1.2.1.1.7.0"),
    "engine_id": parse_oid("1.3.6.1.6.3.10.2.1.1.0"),
}

# What tells the kind of a device that no profile knows.
KIND: Mapping[str, Oid] = {
    "ip_forwarding": parse_oid("1.3.6.1.2.1.4.1.0"),
    "bridge_address": parse_oid("1.3.6.1.2.1.17.1.1.0"),
    "bridge_ports": parse_oid("1.3.6.1.2.1.17.1.2.0"),
    "host_uptime": parse_oid("1.3.6.1.2.1.25.1.1.0"),
    "ups_maker": parse_oid("1.3.6.1.2.1.33.1.1.1.0"),
    "ups_model": parse_oid("1.3.6.1.2.1.33.1.1.2.0"),
    "printer_serial": parse_oid("1.3.6.1.2.1.43.5.1.1.17.1"),
    "printer_name": parse_oid("1.3.6.1.2.1.43.5.1.1.16.1"),
    "host_device": parse_oid("1.3.6.1.2.1.25.3.2.1.3.1"),
}

INTERFACES = _table(
    "interfaces",
    "1.3.6.1.2.1.2.2.1",
    {"index": 1, "descr": 2, "type": 3, "mtu": 4, "speed": 5, "mac": 6, "admin": 7, "oper": 8},
    "index descr type",
)
INTERFACES_X = _table(
    "interfaces_x", "1.3.6.1.2.1.31.1.1.1", {"name": 1, "high_speed": 15, "connector": 17, "alias": 18}, "name alias"
)
ADDRESSES_V4 = _table("addresses_v4", "1.3.6.1.2.1.4.20.1", {"if_index": 2, "mask": 3}, "if_index")
ADDRESSES = _table("addresses", "1.3.6.1.2.1.4.34.1", {"if_index": 3, "type": 4, "prefix": 5}, "if_index prefix")
ADDRESSES_V6 = _table("addresses_v6", "1.3.6.1.2.1.55.1.8.1", {"prefix_length": 2, "type": 3}, "prefix_length")
ADDRESSES_CISCO = _table(
    "addresses_cisco", "1.3.6.1.4.1.9.10.86.1.1.2.1", {"if_index": 3, "type": 4, "prefix": 5}, "if_index prefix"
)
ENTITIES = _table(
    "entities",
    "1.3.6.1.2.1.47.1.1.1.1",
    {
        "descr": 2,
        "parent": 4,
        "class": 5,
        "position": 6,
        "name": 7,
        "hardware": 8,
        "firmware": 9,
        "software": 10,
        "serial": 11,
        "maker": 12,
        "model": 13,
    },
    "descr class",
)

TABLES: tuple[Table, ...] = (INTERFACES, INTERFACES_X, ADDRESSES_V4, ADDRESSES, ADDRESSES_V6, ADDRESSES_CISCO, ENTITIES)
