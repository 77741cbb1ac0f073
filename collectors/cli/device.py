"""The device itself, out of what its commands say of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cmdb.model import is_placeholder, vendor_slug
from cmdb.model.shared import is_burned_in
from cmdb.observation import Identifier
from cmdb.observation import Value as Attribute
from collectors.cli.parts import Inventory
from collectors.cli.platform import Platform, Reading
from collectors.cli.templates import Row, several
from collectors.snmp.serials import is_distinct, serial
from collectors.snmp.text import address, known, mac

MAX_TEXT = 255
MAX_MACS = 64


@dataclass(frozen=True)
class Screen:
    """One command that was read: its raw text, and the rows of its template (none without one)."""

    reading: Reading
    text: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Device:
    """The device as it will be observed; `base_mac` is what it calls itself in LLDP."""

    attributes: dict[str, Attribute]
    identifiers: tuple[Identifier, ...]
    base_mac: str | None

    @property
    def key(self) -> str:
        """The first strong identifier, else the target."""
        strong = (i.key for i in self.identifiers if i.strong)
        return next(strong, next(i.key for i in self.identifiers if i.key.startswith("target:")))


def device(platform: Platform, target: str, reached_at: str, screens: Sequence[Screen], inventory: Inventory) -> Device:
    """Describe the device that answered as `target` at the address `reached_at`."""
    vendor = _first(screens, "vendor") or platform.vendor
    main = inventory.main
    model = (main.model if main else "") or _first(screens, "model")
    told = [*_told(screens, "serial_number")]
    numbers = [b.serial_number for b in inventory.chassis if b.serial_number]
    own = numbers[0] if numbers else next((s for t in told if (s := serial(t))), "")
    name = _first(screens, "sys_name")
    macs = sorted({m for t in _told(screens, "mac_addresses") if (m := mac(t)) and is_burned_in(m)})[:MAX_MACS]
    base = next((m for t in _told(screens, "mac_addresses") if (m := mac(t)) and is_burned_in(m)), None)
    attributes: dict[str, Attribute] = {"name": name or target}
    optional = {
        "vendor": vendor,
        "model": model,
        "serial_number": own,
        "os_name": _os_name(platform, screens),
        "os_version": _first(screens, "os_version").rstrip(" .,;"),
        "sys_name": name,
        "management_address": _management_address(reached_at),
        "mac_addresses": macs,
        "roles": sorted(platform.roles),
    }
    attributes.update({k: v for k, v in optional.items() if v})
    keys = [*_serial_keys(vendor, [own, *numbers]), *_weak_keys(target, name, macs)]
    if base:
        keys.insert(len(keys), Identifier(f"chassis-id:mac:{base}"))
    unique = {i.key: i for i in reversed(keys)}
    return Device(attributes, tuple(sorted(reversed(unique.values()), key=lambda i: not i.strong)), base)


def _told(screens: Iterable[Screen], attribute: str) -> Iterator[str]:
    """What commands say of an attribute: what patterns find, before what fields of rows hold; the best first."""
    for screen in screens:
        pattern = screen.reading.patterns.get(attribute)
        if pattern:
            yield from (m[1].strip() for m in re.finditer(pattern, screen.text))
        field = screen.reading.device.get(attribute)
        for row in screen.rows if field else ():
            yield from several(row, field or "")


def _first(screens: Iterable[Screen], attribute: str) -> str:
    """The first usable text; a version may be one digit repeated (1.1), which elsewhere is a placeholder."""
    for text in _told(screens, attribute):
        found = known(text)
        if found and (attribute == "os_version" or not is_placeholder(found)):
            return " ".join(found.split())[:MAX_TEXT]
    return ""


def _os_name(platform: Platform, screens: Sequence[Screen]) -> str:
    for screen in screens:
        if screen.reading.command.endswith(" version"):
            found = next((v.os_name for v in platform.variants if re.search(v.pattern, screen.text)), "")
            return found or platform.variants[-1].os_name
    return platform.variants[-1].os_name if len(platform.variants) == 1 else ""


def _management_address(reached_at: str) -> str | None:
    found = address(reached_at)
    return None if found is None or found.is_loopback or found.is_unspecified else str(found)


def _serial_keys(vendor: str, numbers: Iterable[str]) -> list[Identifier]:
    """As SNMP gives them, so that the answers of one device meet; a number of an unknown maker only proposes."""
    slug = vendor_slug(vendor) if vendor else None
    return [
        Identifier(f"serial:{slug or 'unknown'}:{n.replace(':', '')}", strong=slug is not None and is_distinct(n))
        for n in dict.fromkeys(numbers)
        if n
    ]


def _weak_keys(target: str, name: str, macs: Sequence[str]) -> list[Identifier]:
    keys = [f"mac:{m}" for m in macs[:8]] + ([f"sysname:{name.lower()}"] if name else []) + [f"target:{target}"]
    return [Identifier(key, strong=False) for key in keys]
