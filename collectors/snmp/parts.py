"""Chassis and modules out of the tree of parts."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from cmdb.observation import Observation, path
from cmdb.observation import Value as Attribute
from collectors.snmp.entities import (
    BACKPLANE,
    BATTERY,
    CHASSIS,
    CONTAINER,
    CPU,
    ENERGY,
    FAN,
    MODULE,
    PORT,
    POWER_SUPPLY,
    SENSOR,
    STACK,
    STORAGE,
    Entity,
    Inventory,
)

KIND_OF_CLASS = {POWER_SUPPLY: "power_supply", FAN: "fan", CPU: "cpu", BATTERY: "battery", STORAGE: "disk"}

# Words in description, name and model of a module, tried in this order.
KIND_OF_WORDS = [
    (
        "transceiver",
        r"sfp|xfp|gbic|\bcfp\d?\b|\bcpak\b|transceiver|\boptics?\b|pluggable|\bdac\b|\b\d+g?base-?[a-z]|"
        r"\b(10|25|40|50|100|400)g?-?(sr|lr|er|zr|cr|dr|fr|aoc)\d?\b",
    ),
    (
        "power_supply",
        r"power[ _-]?supply|\bpsu\b|\bpsm\b|\bpem\b|\bpwr[-_ ]|power (entry|module|unit)|power shelf|\bpower input",
    ),
    ("fan", r"\bfans?\b|fan[ _-]?(tray|module|unit)|\bblower"),
    (
        "supervisor",
        r"supervisor|\brout(e|ing)[ -](switch )?(processor|engine)|\brsp\d*\b|\bsup\d|"
        r"management (module|card|unit|engine)|"
        r"\bcpm\b|\bmpu\b|\bmain (processing|board)|control (board|module|processor|plane)|\bsfm?/cpm\b",
    ),
    ("battery", r"\bbatter(y|ies)\b"),
    ("disk", r"\b(hard )?disk\b|\bhdd\b|\bssd\b|\bnvme\b|\bflash (disk|card)\b|\bsata\b"),
    ("memory", r"\bdimm\b|\bmemory\b|\bsodimm\b|\bdram\b"),
    ("cpu", r"\bcpu\b|\bprocessor\b"),
    (
        "line_card",
        r"line ?card|\blc\b|\bfpc\b|\bpic\b|\bmic\b|\bmda\b|\biom\b|\blpu?\b|\bspa\b|\bnim\b|\bdaughter|"
        r"interface (module|card)|"
        r"linecard|expansion|uplink|network module|switch(ing)? module|blade|\d+[- ]?ports?\b|ethernet",
    ),
]
_KINDS = [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in KIND_OF_WORDS]


@dataclass(frozen=True)
class Parts:
    """Observations of the chassis and the modules of a device."""

    chassis: list[Observation]
    modules: list[Observation]


def observe(tree: Inventory, parent: str, serial_number: str | None = None) -> Parts:
    """Chassis and modules inside the device at path `parent`, which has this serial number.

    A single chassis is the device, unless it has another serial number: some devices give that of their processor.
    """
    boxes = tree.chassis()
    is_apart = len(boxes) == 1 and boxes[0].serial and serial_number and boxes[0].serial != serial_number
    keys = _unique({box.index: _member_key(box) for box in boxes}) if len(boxes) > 1 or is_apart else {}
    chassis = [
        Observation("Chassis", keys[b.index], _chassis_attributes(b, keys[b.index]), parent=parent)
        for b in boxes
        if keys
    ]
    inside = {e.index: _module_parent(tree, e, keys, parent) for e in tree.parts.values() if kind(tree, e)}
    return Parts(chassis, _modules(tree, inside))


def _member_key(box: Entity) -> str:
    return str(_member_number(box) or box.name or box.index)


def _member_number(box: Entity) -> int | None:
    """The number that users know a stack member by: at the end of its name, else its position."""
    named = re.search(r"(?:^|[ /_-]|\b(?:switch|chassis|unit|member|slot|fpc))(\d{1,3})$", box.name, re.IGNORECASE)
    if named:
        return int(named[1])
    return box.position if box.position > 0 else None


def _chassis_attributes(box: Entity, key: str) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {"name": box.name or box.descr or f"chassis {key}"}
    optional = {
        "serial_number": box.serial,
        "model": box.model,
        "hardware_revision": box.hardware,
        "member_number": _member_number(box),
    }
    return attributes | {k: v for k, v in optional.items() if v}


def kind(tree: Inventory, entity: Entity) -> str | None:
    """Kind of a module; None for what is no module: sensors, ports, slots, backplanes, chassis.

    A row of those classes that carries a serial number of its own is a part that can be replaced, and counts.
    """
    if entity.cls in KIND_OF_CLASS:
        return KIND_OF_CLASS[entity.cls]
    if entity.cls == MODULE:
        return kind_of_words(entity)
    if entity.cls in (STACK, ENERGY) or not entity.serial:
        return None
    above = list(tree.ancestors(entity))
    if any(a.serial == entity.serial for a in above) or (
        entity.cls == CHASSIS and not any(a.cls == CHASSIS for a in above)
    ):
        return None
    if not above and entity == tree.main():
        return None
    if entity.cls in (PORT, CONTAINER, SENSOR):
        found = kind_of_words(entity)
        return "transceiver" if found == "line_card" and entity.cls == PORT else found
    return "other" if entity.cls in (BACKPLANE, CHASSIS) else kind_of_words(entity)


def kind_of_words(entity: Entity) -> str:
    """Kind of a module by the words of its description, name and model."""
    for field in (entity.descr, entity.model, entity.name):
        for found, pattern in _KINDS:
            if pattern.search(field):
                return found
    return "other"


def _module_parent(tree: Inventory, entity: Entity, keys: dict[int, str], parent: str) -> str:
    """The chassis that a part sits in where there are several, else the device."""
    box = next((a for a in tree.ancestors(entity) if a.index in keys), None)
    return path(parent, "Chassis", keys[box.index]) if box else parent


def _modules(tree: Inventory, inside: dict[int, str]) -> list[Observation]:
    """Modules with keys from names: a part's number may change with every restart, its name and place do not."""
    names = {index: _module_name(tree, tree.parts[index]) for index in inside}
    repeated = Counter((inside[i], name) for i, name in names.items())
    placed = {
        i: name if repeated[inside[i], name] == 1 else f"{_slot(tree, tree.parts[i]) or '?'}/{name}"
        for i, name in names.items()
    }
    keys = _unique(placed, inside)
    return [
        Observation("Module", keys[i], _module_attributes(tree, tree.parts[i], names[i]), parent=inside[i])
        for i in sorted(inside)
    ]


def _module_name(tree: Inventory, entity: Entity) -> str:
    return entity.name or entity.descr or entity.model or f"module {entity.index}"


def _slot(tree: Inventory, entity: Entity) -> str:
    """The name of the nearest slot or port that holds a part, else its position."""
    for above in tree.ancestors(entity):
        if above.cls in (CONTAINER, PORT) and (above.name or above.descr):
            return above.name or above.descr
    return str(entity.position) if entity.position > 0 else ""


def _module_attributes(tree: Inventory, entity: Entity, name: str) -> dict[str, Attribute]:
    optional = {
        "serial_number": entity.serial,
        "model": entity.model,
        "firmware_version": entity.firmware or entity.software,
        "slot": _slot(tree, entity),
        "position": entity.position if entity.position > 0 else None,
    }
    return {"name": name, "kind": kind(tree, entity) or "other"} | {k: v for k, v in optional.items() if v}


def _unique(keys: dict[int, str], groups: dict[int, str] | None = None) -> dict[int, str]:
    """Append the row's number to every key that occurs more than once in its group."""
    group = groups or {}
    count = Counter((group.get(i, ""), key) for i, key in keys.items())
    return {i: key if count[group.get(i, ""), key] == 1 else f"{key}#{i}" for i, key in keys.items()}
