"""What each device of the demo site answers over SNMP."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from cmdb.demo.bridging import bridge_rows, lag_rows
from cmdb.demo.device import Device
from cmdb.demo.neighbourhood import arp_rows, lldp_rows
from cmdb.demo.site import Site
from cmdb.demo.tables import address_rows, entity_rows, interface_rows
from collectors.responders import ber
from collectors.responders.mib import Entry, Mib, parse_lines

_SYSTEM = (1, 3, 6, 1, 2, 1, 1)
_ENGINE_ID = (1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0)
_IP_FORWARDING = (1, 3, 6, 1, 2, 1, 4, 1, 0)
_CONTACT = "Operations, +44 20 7946 0018"  # a number reserved for drama
_DAY_TICKS = 8_640_000


def render(site: Site, device: Device) -> Mib:
    """All varbinds of one device: what it is and has, what a switch tells of its surroundings, what its maker adds."""
    words = words_of(device)
    around = (bridge_rows, lag_rows, lldp_rows, arp_rows) if device.family.bridge else ()
    return Mib(
        [
            *_system(device, words),
            *interface_rows(device, words),
            *address_rows(device),
            *entity_rows(device, words),
            *(entry for rows in around for entry in rows(site, device)),
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


def _scalars(device: Device, words: dict[str, str]) -> list[Entry]:
    lines = [f"{oid}|{tag}|{str(text).format_map(words)}" for oid, tag, text in device.family.scalars]
    return parse_lines(lines, f"families.yaml: {device.said.family}.scalars")
