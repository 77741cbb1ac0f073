"""entPhysicalTable (ENTITY-MIB, RFC 6933) as a tree of parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cmdb.model import is_placeholder
from collectors.snmp.reads import ENTITIES
from collectors.snmp.rows import Row, rows
from collectors.snmp.serials import serial
from collectors.snmp.text import integer, known
from collectors.transport.answers import Answers, Value

(
    OTHER,
    UNKNOWN,
    CHASSIS,
    BACKPLANE,
    CONTAINER,
    POWER_SUPPLY,
    FAN,
    SENSOR,
    MODULE,
    PORT,
    STACK,
    CPU,
    ENERGY,
    BATTERY,
    STORAGE,
) = range(1, 16)
_EXTENDER = re.compile(r"\bfex\b|fabric extender", re.IGNORECASE)
MAX_DEPTH = 40  # containedIn loops exist


@dataclass(frozen=True)
class Entity:
    """One row; texts are "" and numbers 0 where the agent says nothing."""

    index: int
    cls: int = 0
    parent: int = 0
    position: int = -1
    name: str = ""
    descr: str = ""
    model: str = ""
    serial: str = ""
    maker: str = ""
    hardware: str = ""
    firmware: str = ""
    software: str = ""


@dataclass(frozen=True)
class Inventory:
    """All parts by number."""

    parts: dict[int, Entity]

    def of_class(self, cls: int) -> list[Entity]:
        """Parts of one class in order of their numbers."""
        return [e for e in self.parts.values() if e.cls == cls]

    def ancestors(self, entity: Entity) -> Iterator[Entity]:
        """What contains a part, nearest first; ends at a loop or a missing row."""
        for _ in range(MAX_DEPTH):
            above = self.parts.get(entity.parent)
            if above is None or above.index == entity.index:
                return
            yield above
            entity = above

    def chassis(self) -> list[Entity]:
        """The boxes that the device is made of: chassis that are not inside another chassis.

        Of rows that only repeat the chassis above them (a stack row's copied serial), none counts. Neither do rows
        without serial number and model beside others that have one: some switches list all places of a full stack.
        """
        outer = [e for e in self.of_class(CHASSIS) if not any(a.cls == CHASSIS for a in self.ancestors(e))]
        filled = [e for e in outer if e.serial or e.model]
        return sorted(filled or outer, key=lambda e: (e.position if e.position >= 0 else e.index, e.index))

    def members(self) -> list[Entity]:
        """The boxes that belong to this device alone: a fabric extender may hang on two switches that both list it."""
        return [e for e in self.chassis() if not _EXTENDER.search(f"{e.name} {e.descr}")]

    def main(self) -> Entity | None:
        """The row that speaks for the device: its first chassis with a serial number or model, else the root."""
        outer = self.members() or self.chassis()
        if outer:
            return next((e for e in outer if e.serial), None) or next((e for e in outer if e.model), outer[0])
        roots = [e for e in self.parts.values() if e.parent == 0 and e.cls not in (STACK, CONTAINER, PORT, SENSOR)]
        return next((e for e in roots if e.serial or e.model), roots[0] if roots else None)


def inventory(answers: Answers) -> Inventory:
    """Read the table; rows with a malformed index are passed over."""
    found = {i[0]: _entity(i[0], row) for i, row in rows(answers, ENTITIES).items() if len(i) == 1 and i[0] > 0}
    return Inventory(found)


def _entity(index: int, row: Row) -> Entity:
    position = integer(row.get("position"))
    texts = {name: _line(row.get(name)) for name in ("name", "descr", "maker", "hardware", "firmware", "software")}
    return Entity(
        index,
        cls=integer(row.get("class")) or 0,
        parent=integer(row.get("parent")) or 0,
        position=-1 if position is None else position,
        model=model_text(row.get("model")),
        serial=serial(row.get("serial")) or "",
        **texts,
    )


def _line(value: Value) -> str:
    """The first line of a text: what follows is no part of a name (some agents send the rest of their buffer)."""
    return (known(value) or "").partition("\n")[0].strip()


def model_text(value: object) -> str:
    """A model name as it is stored: "" for what only stands for one."""
    found = known(value) if isinstance(value, bytes | str | int) else None
    return "" if found is None or is_placeholder(found) else found
