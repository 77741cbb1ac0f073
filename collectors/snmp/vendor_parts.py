"""Modules out of makers' own tables, as their profiles name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cmdb.observation import Observation
from collectors.snmp.entities import Entity, Inventory, model_text
from collectors.snmp.interfaces import Interface
from collectors.snmp.parts import kind_of_words
from collectors.snmp.rows import Row, rows
from collectors.snmp.serials import serial
from collectors.snmp.text import integer, known
from collectors.snmp.vendor_tables import PartTable, table_of
from collectors.transport.answers import Answers, Oid


@dataclass(frozen=True)
class Places:
    """What rows without a name may be named by: parts of ENTITY-MIB and interfaces, by their numbers."""

    tree: Inventory
    ports: Mapping[int, Interface]

    def name(self, table: PartTable, index: Oid) -> str | None:
        """The name of what has the number of a row."""
        if table.named_by == "entity":
            entity = self.tree.parts.get(index[-1])
            return entity.name or entity.descr or None if entity is not None else None
        if table.named_by == "interface":
            port = self.ports.get(index[-1])
            return port.key if port is not None else None
        return ".".join(map(str, index))


@dataclass(frozen=True)
class Part:
    """One row with a name."""

    index: Oid
    name: str
    kind: str
    serial_number: str | None
    model: str | None
    firmware_version: str | None
    slot: str | None

    @property
    def attributes(self) -> dict[str, str]:
        """What is known of it."""
        optional = {k: getattr(self, k) for k in ("serial_number", "model", "firmware_version", "slot")}
        return {"name": self.name, "kind": self.kind} | {k: v for k, v in optional.items() if v}


def observe(
    tables: Iterable[PartTable], answers: Answers, parent: str, told: Iterable[Observation], places: Places
) -> list[Observation]:
    """Parts that the standard table (`told`) does not have already, by serial number or name."""
    told = list(told)
    serials = {o.attributes.get("serial_number") for o in told} - {None}
    taken = {o.key for o in told if o.parent == parent}
    found = [p for table in tables for p in _parts(table, answers, places) if p.serial_number not in serials]
    repeated = Counter(p.name for p in found)
    out: dict[str, Observation] = {}
    for part in found:
        if part.name in taken and not part.serial_number:
            continue
        is_alone = repeated[part.name] == 1 and part.name not in taken
        key = part.name if is_alone else f"{part.name}#{'.'.join(map(str, part.index))}"
        out.setdefault(key, Observation("Module", key, part.attributes, parent=parent))
    return list(out.values())


def _parts(table: PartTable, answers: Answers, places: Places) -> list[Part]:
    """Rows with a name, in order of their numbers."""
    found = [_part(table, index, row, places) for index, row in rows(answers, table_of(table)).items()]
    return [p for p in found if p is not None and (p.serial_number or p.model or not table.only_filled)]


def _part(table: PartTable, index: Oid, row: Row, places: Places) -> Part | None:
    name = known(row.get("name")) if table.name is not None else places.name(table, index)
    model = model_text(row.get("model"))
    kind = _kind(table, row, name or "", model)
    if name is None or kind is None:
        return None
    if table.format is not None:
        name = table.format.replace("{}", name)
    return Part(
        index,
        name,
        kind,
        serial(row.get("serial_number")),
        model,
        known(row.get("firmware_version")),
        known(row.get("slot")),
    )


def _kind(table: PartTable, row: Row, name: str, model: str) -> str | None:
    """What a row is; None for what is no part by the table's own numbers."""
    if table.kind_column is not None:
        return table.kinds.get(integer(row.get("kind_column")) or 0)
    return table.kind or kind_of_words(Entity(0, descr=name, model=model))
