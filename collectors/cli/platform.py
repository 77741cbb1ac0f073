"""The shape of a platform: what a YAML file in `platforms/` may say of a network command line."""

from __future__ import annotations

import functools
import re
from importlib import resources

import msgspec
import yaml

from cmdb.errors import Invalid
from collectors.facts import Subtype

_PREFIX = re.compile(r"([A-Za-z][A-Za-z-]*?)[ ]*(?=\d|$)")


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One operating system of the family: its device type in netmiko, and the words of its sysDescr or version."""

    device_type: str
    os_name: str
    pattern: str


class Neighbours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which fields tell of neighbours: `protocol`, and the template's field for each attribute of a neighbour.

    `subtypes` are the words of the platform for the subtypes of LLDP.
    """

    protocol: str
    port: str
    chassis: str
    far_port: str = ""
    far_port_description: str = ""
    name: str = ""
    description: str = ""
    address: str = ""
    capabilities: str = ""
    model: str = ""
    serial_number: str = ""
    chassis_subtype: str = ""
    port_subtype: str = ""
    subtypes: dict[str, Subtype] = {}


class Parts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which fields tell of parts; `name` may join several. Regular expressions look at `<name>|<description>`.

    A row is a chassis where the first of `chassis` that matches any row matches; where `no_chassis` matches one, only
    the first of `chassis` counts.
    `stack` is the row that stands for a whole stack and repeats what one of its members says. `member` finds the
    number of the member in the name of a part (first group that matched). `kinds` are kinds of modules, where their
    words are not clear. Without `as_snmp` the modules have other names than SNMP gives them: where an agent is asked
    as well they are left to it, or each of them would be there twice.
    """

    name: str
    model: str
    serial_number: str
    chassis: list[str]
    description: str = ""
    hardware_revision: str = ""
    stack: str = ""
    no_chassis: str = ""
    member: str = ""
    kinds: dict[str, str] = {}
    as_snmp: bool = True


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One command, and what its answer says.

    `device` maps attributes of the device to fields of the template's first row that has them, `patterns` to regular
    expressions (first group) over the raw text, for what no template reads. `interfaces` maps attributes to fields.
    """

    command: str
    template: str | None = None
    device: dict[str, str] = {}
    patterns: dict[str, str] = {}
    interfaces: dict[str, str] = {}
    neighbours: Neighbours | None = None
    parts: Parts | None = None


class Platform(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file. `port_names` turns prefixes of printed port names into those of ifName; case does not count."""

    name: str
    description: str
    sys_object_ids: list[str]
    vendor: str
    variants: list[Variant]
    readings: list[Reading]
    roles: list[str] = []
    port_names: dict[str, str] = {}

    @property
    def commands(self) -> list[str]:
        """The commands to run, in order."""
        return [r.command for r in self.readings]

    def port_name(self, printed: str) -> str:
        """The name that ifName has for a port, from any way in which the command line prints it."""
        name = printed.strip()
        found = _PREFIX.match(name)
        if not found:
            return name
        prefix = _prefixes(self.name).get(found[1].lower())
        return f"{prefix}{name[found.end() :]}" if prefix else name


@functools.cache
def platforms() -> dict[str, Platform]:
    """All platforms by name. Raises Invalid where a file is wrong."""
    found: dict[str, Platform] = {}
    for file in sorted((resources.files(__package__) / "platforms").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            try:
                platform = msgspec.convert(yaml.safe_load(file.read_text("utf-8")), Platform)
            except (msgspec.ValidationError, yaml.YAMLError) as error:
                raise Invalid(f"platforms/{file.name}: {error}") from error
            found[platform.name] = platform
    return found


@functools.cache
def _prefixes(name: str) -> dict[str, str]:
    return {printed.lower(): canonical for printed, canonical in platforms()[name].port_names.items()}


def platform_named(device_type: str) -> Platform | None:
    """The platform of a device type of netmiko; None for one that is not known here."""
    return next((p for p in platforms().values() if any(v.device_type == device_type for v in p.variants)), None)


def platform_of(sys_object_id: str, sys_descr: str) -> str | None:
    """The device type of an agent; None where nothing here speaks its command line."""
    oid = sys_object_id.strip().lstrip(".")
    for platform in platforms().values():
        if any(oid == prefix or oid.startswith(f"{prefix}.") for prefix in platform.sys_object_ids):
            variant = variant_of(platform, sys_descr)
            if variant:
                return variant.device_type
    return None


def platform_of_text(*texts: str) -> str | None:
    """The device type by what the device printed: its banner, the answer to `show version`; the first text counts."""
    for text in texts:
        for platform in platforms().values():
            variant = variant_of(platform, text)
            if variant:
                return variant.device_type
    return None


def variant_of(platform: Platform, text: str) -> Variant | None:
    """The first variant whose words stand in a text."""
    return next((v for v in platform.variants if re.search(v.pattern, text)), None)
