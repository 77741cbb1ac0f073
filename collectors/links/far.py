"""Who and which port a neighbour is, by what it is called."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cmdb.model.names import is_placeholder
from collectors.facts import Named, Neighbour
from collectors.links.network import Device, Network, is_useful, only
from collectors.links.spelling import spelling, variants

_MAC = re.compile(r"(?:[0-9a-f]{2}[:\-. ]?){5}[0-9a-f]{2}")
MAX_IF_INDEX_DIGITS = 10


def as_mac(value: str) -> str:
    """A text that is a MAC address, in one spelling; "" for other texts."""
    plain = value.strip().lower()
    if not _MAC.fullmatch(plain) and not re.fullmatch(r"[0-9a-f]{4}([.\-][0-9a-f]{4}){2}", plain):
        return ""
    digits = re.sub(r"[^0-9a-f]", "", plain)
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def macs_in(neighbour: Neighbour) -> list[str]:
    """MAC addresses that name a neighbour: chassis id, a phone's name (`SEP001122334455`)."""
    found = [as_mac(neighbour.chassis.value)]
    for text in (neighbour.chassis.value, neighbour.name):
        named = re.fullmatch(r"[A-Za-z\-]{2,8}([0-9A-Fa-f]{12})", text)
        found.append(as_mac(named[1]) if named else "")
    return [m for m in dict.fromkeys(found) if m]


def far_device(network: Network, neighbour: Neighbour) -> str | None:
    """The device that a neighbour is: chassis id, MAC addresses, serial number, addresses, name; else None."""
    chassis = only(network.by_chassis.get(neighbour.chassis, set()))
    if chassis:
        return chassis
    for mac in macs_in(neighbour):
        owner = network.holder(mac) if neighbour.protocol == "wifi" else network.owner(mac)
        if owner:
            return owner
    number = neighbour.serial_number.upper()
    if number and (holder := only(network.by_serial.get(number, set()))):
        return holder
    addresses = [*neighbour.addresses, *([neighbour.chassis.value] if neighbour.chassis.subtype == "address" else [])]
    for address in filter(is_useful, addresses):
        holder = only(network.by_address.get(address, set()))
        if holder and not _speaks_against(network.devices[holder], neighbour, by_name=True):
            return holder
    named = _by_name(network, neighbour)
    return named if named and not _speaks_against(network.devices[named], neighbour, by_name=False) else None


def _by_name(network: Network, neighbour: Neighbour) -> str | None:
    """The only device of that name, with or without its domain."""
    for name in dict.fromkeys((neighbour.name, neighbour.chassis.value)):
        plain = name.strip().lower()
        if not plain or is_placeholder(plain) or as_mac(plain) or re.fullmatch(r"[\d.]+", plain):
            continue
        found = only(network.by_name.get(plain, set())) or only(
            network.by_short_name.get(plain.partition(".")[0], set())
        )
        if found:
            return found
    return None


def _speaks_against(device: Device, neighbour: Neighbour, *, by_name: bool) -> bool:
    """Whether name or chassis id say that it is another device: addresses and names are used more than once."""
    own = {c.value for c in device.chassis if c.subtype == "mac"}
    if neighbour.protocol == "lldp" and neighbour.chassis.subtype == "mac" and own:
        return neighbour.chassis.value not in own | device.macs
    name = neighbour.name.strip().lower().partition(".")[0]
    known = {n.partition(".")[0] for n in device.names}
    return by_name and bool(name and known) and name not in known


def far_port(network: Network, device: Device, neighbour: Neighbour) -> str:
    """The port that a neighbour is connected with, "" where its name fits none or several."""
    named, words = neighbour.far_port, neighbour.far_port_description
    if neighbour.protocol == "wifi" and not device.found["mac"].get(neighbour.chassis.value):
        device_key, port = network.by_cache.get(neighbour.chassis.value, ("", ""))
        return port if device_key == device.key else ""
    found = _exact(device, named, neighbour.protocol) if named else ""
    if not found and named and named.subtype != "mac":
        found = _spelled(device, named.value)
    if not found and words:
        found = _unique(device, device.found["name"].get(words.lower(), ())) or _spelled(device, words)
        found = found or _unique(device, device.found["alias"].get(words.lower(), ()))
    return found


def _exact(device: Device, named: Named, protocol: str) -> str:
    """By subtype; texts that the subtype does not explain may be anything."""
    value, found = named.value.strip(), device.found
    if protocol == "stp":
        return _bridge_port(device, value)
    if mac := as_mac(value):
        return _unique(device, found["mac"].get(mac, ()))
    order = {
        "name": ("name", "index"),
        "alias": ("alias", "name"),
        "local": ("index", "name", "alias"),
        "unknown": ("name", "index", "alias"),
        "component": ("name", "alias"),
    }.get(named.subtype, ())
    for kind in order:
        if port := _unique(device, found[kind].get(value.lower(), ())):
            return port
    return _bridge_port(device, value) if named.subtype in ("local", "unknown") else ""


def _bridge_port(device: Device, number: str) -> str:
    """The port of a bridge port number."""
    plain = number.isdecimal() and number.isascii() and len(number) < MAX_IF_INDEX_DIGITS
    port = device.base_ports.get(int(number), "") if plain else ""
    return device.physical(port) if port else ""


def _spelled(device: Device, value: str) -> str:
    """By name, whatever the spelling."""
    for one in [spelling(value), *variants(value)]:
        if port := _unique(device, device.found["spelling"].get(one, ())):
            return port
    return ""


def _unique(device: Device, keys: Iterable[str]) -> str:
    """The one port of several names; several units on one port are that port, physical ports come before others."""
    found = {device.physical(key) for key in keys}
    if len(found) > 1:
        found = {key for key in found if device.is_physical(key) and device.ports[key].type in ("ethernetCsmacd", "")}
    return only(found) or ""
