"""What each device of the demo site answers over SNMP."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from cmdb.demo.site import Device, Port
from cmdb.demo.tables import address_rows, entity_rows, interface_rows
from collectors.responders import ber
from collectors.responders.mib import Entry, Mib, parse_lines

_SYSTEM = (1, 3, 6, 1, 2, 1, 1)
_BRIDGE = (1, 3, 6, 1, 2, 1, 17, 1)
_ENGINE_ID = (1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0)
_IP_FORWARDING = (1, 3, 6, 1, 2, 1, 4, 1, 0)
_CONTACT = "Operations, +44 20 7946 0018"  # a number reserved for drama
_DAY_TICKS = 8_640_000


def render(device: Device) -> Mib:
    """All varbinds of one device: system, interfaces, addresses, entities, bridge, and what its maker adds."""
    words = words_of(device)
    return Mib(
        [
            *_system(device, words),
            *interface_rows(device, words),
            *address_rows(device),
            *entity_rows(device, words),
            *(_bridge(device) if device.family.bridge else ()),
            *_scalars(device, words),
        ]
    )


def words_of(device: Device) -> dict[str, str]:
    """What may stand in braces in the texts of a family."""
    family, said = device.family, device.said
    card = int.from_bytes(sha256(said.mac.encode()).digest()[:4], "big") % 1_000_000
    return {
        "name": device.name,
        "model": family.model,
        "serial": said.serial or "",
        "os_version": family.os_version,
        "mac": said.mac,
        "vendor": family.vendor,
        "card": f"{card:06}",
    }


def _system(device: Device, words: dict[str, str]) -> Iterator[Entry]:
    family = device.family
    days = 20 + int.from_bytes(sha256(device.name.encode()).digest()[:2], "big") % 200
    yield Entry((*_SYSTEM, 1, 0), ber.OCTETS, family.sys_descr.format_map(words).encode())
    yield Entry((*_SYSTEM, 2, 0), ber.OID, family.sys_object_id)
    yield Entry((*_SYSTEM, 3, 0), ber.TIME_TICKS, days * _DAY_TICKS)
    yield Entry((*_SYSTEM, 4, 0), ber.OCTETS, _CONTACT.encode())
    yield Entry((*_SYSTEM, 5, 0), ber.OCTETS, device.name.encode())
    yield Entry((*_SYSTEM, 6, 0), ber.OCTETS, device.said.rack.encode())
    yield Entry((*_SYSTEM, 7, 0), ber.INTEGER, family.services)
    yield Entry(_IP_FORWARDING, ber.INTEGER, 1 if family.routes else 2)
    yield Entry(_ENGINE_ID, ber.OCTETS, device.engine_id)


def _bridge(device: Device) -> Iterator[Entry]:
    """dot1dBase: the bridge address is that of the chassis, base ports count from one."""
    ports: list[Port] = [p for p in device.ports if p.physical and not p.name.startswith("Gi0/")]
    yield Entry((*_BRIDGE, 1, 0), ber.OCTETS, bytes.fromhex(device.said.mac.replace(":", "")))
    yield Entry((*_BRIDGE, 2, 0), ber.INTEGER, len(ports))
    yield Entry((*_BRIDGE, 3, 0), ber.INTEGER, 2)  # transparent only
    for number, port in enumerate(ports, 1):
        yield Entry((*_BRIDGE, 4, 1, 1, number), ber.INTEGER, number)
        yield Entry((*_BRIDGE, 4, 1, 2, number), ber.INTEGER, port.index)


def _scalars(device: Device, words: dict[str, str]) -> list[Entry]:
    lines = [f"{oid}|{tag}|{str(text).format_map(words)}" for oid, tag, text in device.family.scalars]
    return parse_lines(lines, f"families.yaml: {device.said.family}.scalars")
