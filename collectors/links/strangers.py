"""Neighbours that nobody manages, as devices of their own."""

from __future__ import annotations

from collections.abc import Iterable

from cmdb.model.names import is_placeholder, vendor_slug
from cmdb.observation import Identifier, Value
from collectors.facts import Neighbour
from collectors.links.far import as_mac
from collectors.links.network import is_useful
from collectors.links.parties import FORWARDING, stranger_macs


def ci_class(told: Iterable[Neighbour]) -> str:
    """What passes traffic on is a network device, anything else an end point."""
    roles = {role for n in told for role in n.capabilities}
    told_by = {n.protocol for n in told}
    return "NetworkDevice" if (roles & FORWARDING and "phone" not in roles) or told_by == {"stp"} else "Endpoint"


def attributes(key: str, told: list[Neighbour]) -> dict[str, Value]:
    """What the protocols tell of it; where protocols differ, the first of `told` counts."""
    macs = sorted({m for n in told for m in stranger_macs(n)})
    name = _first(n.name for n in told if not as_mac(n.name)) or _first(n.chassis.value for n in told) or key
    roles = {role for n in told for role in n.capabilities} or ({"switch"} if told[0].protocol == "stp" else set())
    found: dict[str, Value] = {
        "name": name,
        "sys_name": _first(n.name for n in told if not is_placeholder(n.name)),
        "sys_description": _first(n.description for n in told),
        "vendor": _first(n.vendor for n in told),
        "model": _first(n.model for n in told if not is_placeholder(n.model)),
        "serial_number": _first(n.serial_number for n in told if not is_placeholder(n.serial_number)),
        "os_version": _first(n.os_version for n in told),
        "management_address": _first(a for n in told for a in n.addresses if is_useful(a)),
        "mac_addresses": macs,
        "roles": sorted(roles),
    }
    return {name: value for name, value in found.items() if value}


def identifiers(key: str, told: list[Neighbour]) -> tuple[Identifier, ...]:
    """Weak ones only: when the device itself answers one day, what it says of itself decides who it is."""
    keys = [key, *(f"mac:{m}" for n in told for m in stranger_macs(n))]
    keys += [f"sysname:{n.name.strip().lower()}" for n in told if n.name.strip() and not is_placeholder(n.name)]
    for n in told:
        slug = vendor_slug(n.vendor) if n.vendor else None
        if slug and n.serial_number and not is_placeholder(n.serial_number):
            keys.append(f"serial:{slug}:{n.serial_number}")
    return tuple(Identifier(one, strong=False) for one in dict.fromkeys(keys))


def _first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")
