"""Neighbours as CDP tells of them, and FDP and ISDP, which were made after it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.facts import Named, Neighbour
from collectors.snmp.interfaces import Interface
from collectors.snmp.maker_tables import FDP, ISDP
from collectors.snmp.neighbours import purposes, readable, usable
from collectors.snmp.reads import CDP
from collectors.snmp.rows import Row, rows
from collectors.snmp.serials import serial
from collectors.snmp.text import address, integer, known, mac, text
from collectors.transport.answers import Answers, Value

ROLES = {0x01: "router", 0x02: "switch", 0x08: "switch", 0x80: "phone"}  # bits of cdpCacheCapabilities, by value
WORDS = {
    "router": "router",
    "switch": "switch",
    "bridge": "switch",
    "phone": "phone",
    "telephone": "phone",
    "wlan": "access_point",
}
IP, HEARD_BY_CDP = 1, 2  # CiscoNetworkProtocol; snFdpCacheVendorId: FDP listens to CDP as well
_NAME_AND_SERIAL = re.compile(r"(?P<name>[^()]+)\((?P<serial>[^()]*)\)")


def cdp(answers: Answers, ports: dict[int, Interface]) -> Iterator[Neighbour]:
    """Neighbours of CDP, FDP (Foundry) and ISDP (FASTPATH); their rows are indexed by ifIndex and a number."""
    for index, row in rows(answers, CDP).items():
        yield from _neighbour("cdp", _port(index[:1] if len(index) == 2 else (), row, ports), row)
    for index, row in rows(answers, FDP).items():
        protocol = "cdp" if integer(row.get("protocol")) == HEARD_BY_CDP else "fdp"
        yield from _neighbour(protocol, _port(index[:1], row, ports), row)
    for table in ISDP:
        for index, row in rows(answers, table).items():
            yield from _neighbour("cdp", _port(index[:1], row, ports), row)


def _port(index: tuple[int, ...], row: Row, ports: dict[int, Interface]) -> str:
    """The interface of a row: by ifIndex, else by the name in it."""
    port = ports.get(index[0]) if index else None
    if port is None and (name := known(row.get("local"))):
        named = [p for p in ports.values() if name in (p.attributes.get("name"), p.attributes.get("description"))]
        port = named[0] if len(named) == 1 else None
    return port.key if port else ""


def _neighbour(protocol: str, port: str, row: Row) -> Iterator[Neighbour]:
    device = row.get("device")
    if not text(device):
        return
    chassis, name, number = _device(device)
    far_port = known(row.get("port"))
    yield Neighbour(
        protocol,
        port,
        chassis,
        Named("name", far_port) if far_port else None,
        name=known(row.get("name")) or name,
        description=known(row.get("version")) or "",
        addresses=_address(row),
        capabilities=_roles(row.get("capabilities")),
        model=known(row.get("platform")) or "",
        serial_number=number,
    )


def _device(value: Value) -> tuple[Named, str, str]:
    """The device id, name and serial number. NX-OS and CatOS write `name(serial)`, others a MAC address."""
    physical = mac(value)
    if physical is not None:
        return Named("mac", physical), "", ""
    shown = readable(value)
    both = _NAME_AND_SERIAL.fullmatch(shown)
    if both is None:
        return Named("local", shown), shown, ""
    return Named("local", shown), both["name"].strip(), serial(both["serial"]) or ""


def _address(row: Row) -> tuple[str, ...]:
    return usable(address(row.get("address")) if integer(row.get("address_type")) in (IP, None) else None)


def _roles(value: Value) -> tuple[str, ...]:
    """Roles from bits, or from words (`Router Switch IGMP`). A phone's switch is not its purpose."""
    raw = value if isinstance(value, bytes) else b""
    if raw.isascii() and any(octet > 32 for octet in raw) and all(octet >= 32 for octet in raw.rstrip(b"\0")):
        return worded_roles(text(value))
    bits = int.from_bytes(raw[-4:], "big")
    return purposes({role for bit, role in ROLES.items() if bits & bit})


def worded_roles(words: str) -> tuple[str, ...]:
    """Roles that capabilities name in words: `Bridge WLAN Access Point Router`."""
    return purposes({role for word in re.findall(r"[a-z]+", words.lower()) if (role := WORDS.get(word))})
