"""Modules out of makers' own tables, as their profiles name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cmdb.observation import Observation
from collectors.snmp.entities import Entity, model_text
from collectors.snmp.parts import kind_of_words
from collectors.snmp.profile import PartTable
from collectors.snmp.serials import serial
from collectors.snmp.text import known
from collectors.transport.answers import Answers, Oid, parse_oid


def observe(
    tables: Iterable[PartTable], answers: Answers, parent: str, told: Iterable[Observation]
) -> list[Observation]:
    """Parts that the standard table (`told`) does not have already, by serial number or name."""
    told = list(told)
    serials = {o.attributes.get("serial_number") for o in told} - {None}
    taken = {o.key for o in told if o.parent == parent}
    found = [(i, p) for table in tables for i, p in _parts(table, answers).items() if p["serial_number"] not in serials]
    repeated = Counter(p["name"] for _, p in found)
    out = []
    for index, part in found:
        name = part["name"] or ""
        if name in taken and not part["serial_number"]:
            continue
        key = name if repeated[name] == 1 and name not in taken else f"{name}#{'.'.join(map(str, index))}"
        words = Entity(0, descr=name, model=part["model"] or "")
        attributes = {"kind": kind_of_words(words)} | {k: v for k, v in part.items() if v}
        out.append(Observation("Module", key, attributes, parent=parent))
    return out


def _parts(table: PartTable, answers: Answers) -> dict[Oid, dict[str, str | None]]:
    """Rows with a name, by index."""
    columns = {k: answers.column(parse_oid(v)) for k, v in table.columns().items()}
    return {
        index: {
            "name": name,
            "serial_number": serial(columns.get("serial_number", {}).get(index)),
            "model": model_text(columns.get("model", {}).get(index)),
            "firmware_version": known(columns.get("firmware_version", {}).get(index)),
        }
        for index, value in sorted(columns["name"].items())
        if (name := known(value))
    }
