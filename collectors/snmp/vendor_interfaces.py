"""Interfaces, and what there is to say of them, out of makers' own tables, as their profiles name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from cmdb.observation import Observation
from cmdb.observation import Value as Attribute
from collectors.snmp.interfaces import MAX_INDEX, STATUS, Interface
from collectors.snmp.rows import Row, rows
from collectors.snmp.text import integer, known, positive
from collectors.snmp.vendor_tables import PortTable, table_of
from collectors.transport.answers import Answers, Oid


def told_more(tables: Iterable[PortTable], answers: Answers, ports: Mapping[int, Interface]) -> dict[int, Interface]:
    """Interfaces by ifIndex with what tables that are numbered like ifTable add; ifTable's own word stays."""
    found = dict(ports)
    for table in tables:
        if table.offset is None:
            continue
        for index, row in rows(answers, table_of(table)).items():
            port = found.get(index[-1] + table.offset)
            if port is not None:
                found[port.index] = replace(port, attributes=_attributes(table, row) | port.attributes)
    return found


def further(
    tables: Iterable[PortTable], answers: Answers, ports: Mapping[int, Interface], parent: str
) -> list[Observation]:
    """Interfaces that ifTable does not have, inside the device at path `parent`; their numbers are no ifIndexes."""
    names = {port.attributes["name"] for port in ports.values()}
    found: list[tuple[Oid, dict[str, Attribute]]] = []
    for table in tables:
        if table.offset is not None:
            continue
        for index, row in rows(answers, table_of(table)).items():
            name = known(row.get("name")) if table.format is None else _placed(table.format, index)
            if name is not None and name not in names:
                found.append((index, {"name": name, "description": name} | _attributes(table, row)))
    repeated = Counter(attributes["name"] for _, attributes in found)
    taken = {port.key for port in ports.values()}
    out: dict[str, Observation] = {}
    for index, attributes in found:
        key = attributes["name"]
        if repeated[key] > 1 or key in taken:
            key = f"{key}#{'.'.join(map(str, index))}"
        out.setdefault(key, Observation("Interface", key, attributes, parent=parent))
    return list(out.values())


def _attributes(table: PortTable, row: Row) -> dict[str, Attribute]:
    states = table.states or STATUS
    mtu = positive(row.get("mtu"))
    optional = {
        "alias": known(row.get("alias")),
        "admin_status": states.get(integer(row.get("admin")) or 0),
        "oper_status": states.get(integer(row.get("oper")) or 0),
        "mtu": mtu if mtu is not None and mtu <= MAX_INDEX else None,
        "type": table.type,
        "speed_bps": positive(row.get("speed")) or table.speed_bps,
    }
    return {k: v for k, v in optional.items() if v is not None}


def _placed(form: str, index: Oid) -> str | None:
    """A name made of the arcs of a row; None for rows of another shape."""
    try:
        return form.format(*index)
    except IndexError:
        return None
