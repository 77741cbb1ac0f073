"""Chassis and modules out of an inventory that is printed as a flat list."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cmdb.observation import Observation, path
from cmdb.observation import Value as Attribute
from collectors.cli.platform import Parts
from collectors.cli.templates import Row, one
from collectors.snmp.entities import Entity
from collectors.snmp.parts import kind_of_words
from collectors.snmp.serials import serial
from collectors.snmp.text import known


@dataclass(frozen=True)
class Part:
    """One row: texts are "" and `member` is None where the row says nothing."""

    name: str
    description: str = ""
    model: str = ""
    serial_number: str = ""
    hardware_revision: str = ""
    member: int | None = None

    @property
    def words(self) -> str:
        """What regular expressions of platforms look at."""
        return f"{self.name}|{self.description}"


@dataclass(frozen=True)
class Inventory:
    """The boxes that a device is made of, and what is in them."""

    chassis: tuple[Part, ...] = ()
    modules: tuple[Part, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()

    @property
    def main(self) -> Part | None:
        """The first box."""
        return self.chassis[0] if self.chassis else None


def inventory(rule: Parts, rows: Iterable[Row], beside_snmp: bool = False) -> Inventory:
    """Tell chassis from modules; rows of empty slots are left out, and modules that are left to SNMP."""
    parts = [p for p in (_part(rule, row) for row in rows) if p.model or p.serial_number]
    if rule.stack:
        parts = [p for p in parts if not re.search(rule.stack, p.words)]
    boxes = _chassis(rule, parts)
    modules = tuple(p for p in parts if p not in boxes) if rule.as_snmp or not beside_snmp else ()
    unique = tuple(dict.fromkeys(boxes))
    return Inventory(unique, modules, tuple(rule.kinds.items()))


def _part(rule: Parts, row: Row) -> Part:
    name = " ".join(filter(None, (one(row, field).strip() for field in rule.name.split())))
    number = re.search(rule.member, name) if rule.member else None
    return Part(
        name,
        known(one(row, rule.description)) or "" if rule.description else "",
        known(one(row, rule.model)) or "",
        serial(one(row, rule.serial_number)) or "",
        known(one(row, rule.hardware_revision)) or "" if rule.hardware_revision else "",
        int(next(g for g in number.groups() if g)) if number else None,
    )


def _chassis(rule: Parts, parts: Sequence[Part]) -> list[Part]:
    """Rows that the first pattern that matches any of them matches."""
    modular = bool(rule.no_chassis) and any(re.search(rule.no_chassis, p.words) for p in parts)
    for pattern in rule.chassis[:1] if modular else rule.chassis:
        found = [p for p in parts if re.search(pattern, p.words)]
        if found:
            return found
    return []


def observe(found: Inventory, parent: str) -> list[Observation]:
    """Chassis (where there are several) and modules inside the device at path `parent`."""
    keys: dict[int, str] = {}
    out: list[Observation] = []
    if len(found.chassis) > 1:
        for position, box in enumerate(found.chassis, 1):
            number = box.member if box.member is not None else position
            if number not in keys:
                keys[number] = str(number)
                out.append(Observation("Chassis", str(number), _chassis_attributes(box, number), parent=parent))
    return [*out, *_modules(found, keys, parent)]


def _chassis_attributes(box: Part, number: int) -> dict[str, Attribute]:
    optional = {"serial_number": box.serial_number, "model": box.model, "hardware_revision": box.hardware_revision}
    attributes: dict[str, Attribute] = {"name": box.name or f"chassis {number}", "member_number": number}
    return attributes | {k: v for k, v in optional.items() if v}


def _modules(found: Inventory, keys: dict[int, str], parent: str) -> list[Observation]:
    """Modules by their names; of rows that are alike in one box the second is another part only with another serial."""
    placed: dict[tuple[str, str], Part] = {}
    named = [(_parent(p, keys, parent), _name(found, p), p) for p in found.modules]
    repeated = Counter((inside, name) for inside, name, p in dict.fromkeys(named))
    for inside, name, part in named:
        key = name if repeated[inside, name] == 1 else f"{name}#{part.serial_number or part.model}"
        placed.setdefault((inside, key), part)
    return [
        Observation("Module", key, _module_attributes(found, part), parent=inside)
        for (inside, key), part in placed.items()
    ]


def _parent(part: Part, keys: dict[int, str], parent: str) -> str:
    return path(parent, "Chassis", keys[part.member]) if part.member in keys and part.member is not None else parent


def _name(found: Inventory, part: Part) -> str:
    """Its name; where that is a mere number, with its kind before it, as a power supply and a fan may both be 1."""
    if part.name and not part.name.isdigit():
        return part.name
    words = kind(found, part).replace("_", " ")
    return f"{words} {part.name}".strip() if part.name else part.description or part.model


def kind(found: Inventory, part: Part) -> str:
    """Kind of a module, by the words of the platform, else of the maker."""
    named = next((k for pattern, k in found.kinds if re.search(pattern, part.words)), None)
    return named or kind_of_words(Entity(0, name=part.name, descr=part.description, model=part.model))


def _module_attributes(found: Inventory, part: Part) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {"name": _name(found, part), "kind": kind(found, part)}
    optional = {"serial_number": part.serial_number, "model": part.model}
    return attributes | {k: v for k, v in optional.items() if v}
