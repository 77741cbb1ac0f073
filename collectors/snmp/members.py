"""Members of a stack by makers' tables, put into the tree of parts where ENTITY-MIB is silent about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from collectors.snmp.entities import CHASSIS, STACK, Entity, Inventory, model_text
from collectors.snmp.rows import rows
from collectors.snmp.serials import serial
from collectors.snmp.text import integer, known
from collectors.snmp.vendor_tables import MemberTable, table_of
from collectors.transport.answers import Answers

MAX_NUMBER = 1000
BEYOND = 1 << 40  # numbers of rows that are not of ENTITY-MIB: entPhysicalIndex ends far below


def with_members(tree: Inventory, tables: Iterable[MemberTable], answers: Answers) -> Inventory:
    """The tree with the members that makers' tables tell of; what ENTITY-MIB says of a box stays as it is.

    A member is a chassis of the tree if they have the same serial number; a chassis without one takes that of the
    member with its number. Members that the tree lacks are added, unless there is only one: that is the device.
    """
    told = [m for m in _members(tables, answers) if m.serial not in {c.serial for c in tree.chassis()}]
    parts = dict(tree.parts)
    lone = [c for c in tree.chassis() if not c.serial] if len(tree.chassis()) == 1 else []
    missing = []
    for member in told:
        nameless = (c for c in tree.chassis() if not parts[c.index].serial and c.position == member.position)
        box = next(nameless, None)
        if box is None:
            missing.append(member)
        else:
            parts[box.index] = dataclasses.replace(box, serial=member.serial, model=box.model or member.model)
    if len(missing) + len(tree.chassis()) - len(lone) < 2 or not missing:
        return Inventory(parts)
    for whole in (c for c in lone if not parts[c.index].serial):
        parts[whole.index] = dataclasses.replace(whole, cls=STACK)  # one row that stands for all of them
    parts |= {member.index: member for member in missing}
    return Inventory(dict(sorted(parts.items())))


def _members(tables: Iterable[MemberTable], answers: Answers) -> list[Entity]:
    """Members with a serial number, the first table that has any."""
    for table in tables:
        found: dict[int, Entity] = {}
        for index, row in rows(answers, table_of(table)).items():
            own = serial(row.get("serial_number"))
            number = index[-1] + table.first if table.number is None else integer(row.get("number"))
            if own is None or number is None or not 0 <= number <= MAX_NUMBER:
                continue
            found[number] = Entity(
                BEYOND + number,
                cls=CHASSIS,
                position=number,
                descr=f"member {number}",
                model=model_text(row.get("model")),
                serial=own,
                hardware=known(row.get("hardware_revision")) or "",
            )
        if found:
            return list(found.values())
    return []
