"""The shapes of makers' own tables that a profile may name: parts, members of a stack, interfaces."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from collectors.snmp.table import Table
from collectors.transport.answers import parse_oid

PartKind = Literal[
    "line_card", "supervisor", "power_supply", "fan", "transceiver", "disk", "battery", "cpu", "memory", "other"
]


class PartTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns of a table of parts, for agents whose ENTITY-MIB lacks them; rows without a name are passed over.

    Where the table has no names, `named_by` says whose number its rows have: that of an `entity` or of an `interface`,
    whose name then is the part's, or that of the `row` itself. `format` puts a name in place of `{}`. `kind` is what
    all rows are, or `kind_column` with `kinds` tells, and rows of other kinds are passed over; without them, words of
    the name and the model decide. Rows that have neither serial number nor model are empty places where `only_filled`.
    """

    name: str | None = None
    named_by: Literal["entity", "interface", "row"] | None = None
    format: str | None = None
    kind: PartKind | None = None
    kind_column: str | None = None
    kinds: dict[int, PartKind] = {}
    serial_number: str | None = None
    model: str | None = None
    firmware_version: str | None = None
    slot: str | None = None
    only_filled: bool = False

    def columns(self) -> dict[str, str]:
        """Columns by attribute; the first one tells whether the agent has the table."""
        return _given(self, ("name", "serial_number", "model", "kind_column", "firmware_version", "slot"))

    def problems(self) -> list[str]:
        """What types do not tell."""
        found = _bad_columns(self.columns())
        if (self.name is None) == (self.named_by is None):
            found.append("give exactly one of name, named_by")
        if self.name is None and self.serial_number is None and self.model is None:
            found.append("has no column; give serial_number or model")
        if self.format is not None and "{}" not in self.format:
            found.append("format: must have {} where the name goes")
        if (self.kind_column is None) != (not self.kinds):
            found.append("kinds: goes with kind_column, the OID of their numbers")
        return found


class MemberTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns of a table of the members of a stack, each with a serial number of its own.

    The number of a member is the last arc of its row plus `first`, or stands in the column `number`.
    """

    serial_number: str
    model: str | None = None
    number: str | None = None
    first: int = 0
    hardware_revision: str | None = None

    def columns(self) -> dict[str, str]:
        """Columns by attribute."""
        return _given(self, ("serial_number", "model", "number", "hardware_revision"))

    def problems(self) -> list[str]:
        """What types do not tell."""
        return _bad_columns(self.columns())


class PortTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns of a table of interfaces that ifTable lacks, or of what it does not tell of those it has.

    With `offset`, the last arc of a row plus it is an ifIndex. Without, rows are further interfaces, known by name:
    from the column `name`, or, where there is only one number per place, from `format` with the arcs of the row,
    counted from 0, as in `100gbe-{0}/{1}/{2}`. `states` translates numbers of both status columns. `speed` is a column
    of bits per second, `speed_bps` the speed of all.
    """

    name: str | None = None
    format: str | None = None
    offset: int | None = None
    alias: str | None = None
    admin: str | None = None
    oper: str | None = None
    mtu: str | None = None
    speed: str | None = None
    states: dict[int, Literal["up", "down", "testing", "unknown", "dormant", "not_present", "lower_layer_down"]] = {}
    type: str | None = None
    speed_bps: int | None = None

    def columns(self) -> dict[str, str]:
        """Columns by attribute."""
        return _given(self, ("name", "admin", "oper", "alias", "mtu", "speed"))

    def problems(self) -> list[str]:
        """What types do not tell."""
        found = _bad_columns(self.columns())
        if self.offset is None and (self.name is None) == (self.format is None):
            found.append("give exactly one of name, format, or an offset")
        if not self.columns():
            found.append("has no column")
        return found


VendorTable = PartTable | MemberTable | PortTable


def table_of(named: VendorTable) -> Table:
    """The table as it is read: names first, else serial numbers and models, and the rest only where these have rows."""
    columns = named.columns()
    first = next(iter(columns))
    probes = (first,) if first == "name" else tuple(c for c in columns if c in (first, "model"))
    return Table(f"table {columns[first]}", {k: parse_oid(v) for k, v in columns.items()}, probes)


def _given(named: VendorTable, fields: tuple[str, ...]) -> dict[str, str]:
    return {field: value for field in fields if (value := getattr(named, field)) is not None}


def _bad_columns(columns: dict[str, str]) -> list[str]:
    return [f"{k}: {why}" for k, column in columns.items() if (why := bad_oid(column))]


def bad_oid(dotted: str | None) -> str | None:
    """Why a text is no OID; None if it is one."""
    if dotted is None or re.fullmatch(r"[0-9]+(\.[0-9]+)+", dotted, re.ASCII):
        return None
    return f"{dotted!r} is not an OID such as 1.3.6.1.4.1.9.1"
