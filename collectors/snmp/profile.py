"""The shape of a device profile: what a YAML file in `profiles/` may say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from collectors.snmp.table import Table
from collectors.snmp.vendor_tables import MemberTable, PartTable, PortTable, VendorTable, bad_oid, table_of
from collectors.transport.answers import Oid, parse_oid

DeviceClass = Literal[
    "NetworkDevice", "Computer", "StorageDevice", "PowerDevice", "Printer", "Endpoint", "VirtualMachine"
]
EntityColumn = Literal["name", "descr", "model", "serial", "maker", "hardware", "firmware", "software"]
ATTRIBUTES = ("vendor", "model", "serial_number", "os_name", "os_version")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place to take a value from; exactly one of the first seven is given.

    `scalar` is an OID with its instance, `column` an OID whose first usable row counts, `entity` a column of the
    chassis row, `sys_descr` and `sys_name` regular expressions, `sys_object_id` texts by OID prefix (the longest
    counts), `text` a fixed value. `pattern` narrows a value to its first group (or to what matches), `values`
    translates it (what is not listed is dropped), `format` puts it in place of `{}`.
    """

    scalar: str | None = None
    column: str | None = None
    entity: EntityColumn | None = None
    sys_descr: str | None = None
    sys_name: str | None = None
    sys_object_id: dict[str, str] | None = None
    text: str | None = None
    pattern: str | None = None
    values: dict[str, str] | None = None
    format: str | None = None


SOURCES = ("scalar", "column", "entity", "sys_descr", "sys_name", "sys_object_id", "text")


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Conditions that must all hold: an OID prefix, a regular expression, an OID that the agent answers.

    `answers` may come with `value`, a regular expression for what is answered.
    """

    sys_object_id: str | None = None
    sys_descr: str | None = None
    answers: str | None = None
    value: str | None = None


class ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"ci_class": "class"}):
    """One YAML file. Rules of a profile come before those of the profile that it extends; the rest replaces."""

    name: str
    description: str
    extends: str | None = None
    match: list[Match] = []
    priority: int | None = None
    ci_class: DeviceClass | None = None
    roles: list[str] | None = None
    vendor: str | list[Rule] = []
    model: str | list[Rule] = []
    serial_number: str | list[Rule] = []
    os_name: str | list[Rule] = []
    os_version: str | list[Rule] = []
    parts: list[PartTable] = []
    members: list[MemberTable] = []
    interfaces: list[PortTable] = []


class Profile(msgspec.Struct, frozen=True):
    """A profile with everything it inherits; `roles` None means "by what it forwards"."""

    name: str
    match: tuple[Match, ...]
    priority: int
    ci_class: DeviceClass | None
    roles: tuple[str, ...] | None
    rules: dict[str, tuple[Rule, ...]]
    parts: tuple[PartTable, ...] = ()
    members: tuple[MemberTable, ...] = ()
    interfaces: tuple[PortTable, ...] = ()

    def scalars(self) -> list[Oid]:
        """OIDs to GET for this profile."""
        return _oids(r.scalar for rules in self.rules.values() for r in rules)

    def columns(self) -> list[Oid]:
        """Columns to walk for the rules of this profile."""
        return _oids(r.column for rules in self.rules.values() for r in rules)

    def tables(self) -> list[Table]:
        """Tables of parts, members and interfaces, each by one name wherever it stands."""
        named: tuple[VendorTable, ...] = (*self.members, *self.interfaces, *self.parts)
        return [table_of(one) for one in named]


def _oids(dotted: Iterable[str | None]) -> list[Oid]:
    return sorted({parse_oid(d) for d in dotted if d})


def problems(rule: Rule) -> list[str]:
    """What is wrong with a rule."""
    given = [s for s in SOURCES if getattr(rule, s) is not None]
    found = (
        []
        if len(given) == 1
        else [f"give exactly one of {', '.join(SOURCES)}; this one has {', '.join(given) or 'none'}"]
    )
    found += [f"{key}: {why}" for key in ("sys_descr", "sys_name", "pattern") if (why := bad_regex(getattr(rule, key)))]
    found += [f"{key}: {why}" for key in ("scalar", "column") if (why := bad_oid(getattr(rule, key)))]
    found += [f"sys_object_id: {why}" for prefix in rule.sys_object_id or {} if (why := bad_oid(prefix))]
    if rule.format is not None and "{}" not in rule.format:
        found.append("format: must have {} where the value goes")
    return found


def bad_regex(pattern: str | None) -> str | None:
    """Why a text is no regular expression; None if it is one."""
    if pattern is None:
        return None
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} is not a regular expression: {error}"
    return None
