"""Layer 2 of a switch of the demo site: BRIDGE-MIB, Q-BRIDGE-MIB, IEEE8023-LAG-MIB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cmdb.demo.device import Device
from cmdb.demo.site import Site
from cmdb.demo.wires import access, bridge_ports, learned, trunks
from collectors.responders import ber
from collectors.responders.mib import Entry

_BASE = (1, 3, 6, 1, 2, 1, 17, 1)
_FDB = (1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1)
_VLANS = (1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 2, 1)
_VLANS_STATIC = (1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1)
_AGGREGATED = (1, 2, 840, 10006, 300, 43, 1, 2, 1, 1)
_LEARNED, _PERMANENT, _ACTIVE, _TRANSPARENT = 3, 2, 1, 2


def bridge_rows(site: Site, device: Device) -> Iterator[Entry]:
    """dot1dBase, the forwarding table with VLANs, and which ports are in which VLAN.

    The bridge address is that of the chassis; each VLAN has a filtering database of its own number.
    """
    numbers = {port.name: at for at, port in enumerate(bridge_ports(device), 1)}
    yield Entry((*_BASE, 1, 0), ber.OCTETS, octets(device.said.mac))
    yield Entry((*_BASE, 2, 0), ber.INTEGER, len(numbers))
    yield Entry((*_BASE, 3, 0), ber.INTEGER, _TRANSPARENT)
    for name, number in numbers.items():
        yield Entry((*_BASE, 4, 1, 1, number), ber.INTEGER, number)
        yield Entry((*_BASE, 4, 1, 2, number), ber.INTEGER, device.port(name).index)
    for row in learned(site, device):
        index = (row.vlan, *octets(row.mac))
        yield Entry((*_FDB, 2, *index), ber.INTEGER, numbers[row.port])
        yield Entry((*_FDB, 3, *index), ber.INTEGER, _LEARNED)
    yield from _vlan_rows(site, device, numbers)


def _vlan_rows(site: Site, device: Device, numbers: dict[str, int]) -> Iterator[Entry]:
    tagged, plain = trunks(site, device), access(site, device)
    for vlan, name in site.content.vlans.items():
        untagged = _bits((numbers[port] for port, of in plain.items() if of == vlan), len(numbers))
        egress = _bits((numbers[p] for p in numbers if p in tagged or plain.get(p) == vlan), len(numbers))
        yield Entry((*_VLANS, 3, 0, vlan), ber.GAUGE32, vlan)
        yield Entry((*_VLANS, 4, 0, vlan), ber.OCTETS, egress)
        yield Entry((*_VLANS, 5, 0, vlan), ber.OCTETS, untagged)
        yield Entry((*_VLANS, 6, 0, vlan), ber.INTEGER, _PERMANENT)
        yield Entry((*_VLANS_STATIC, 1, vlan), ber.OCTETS, name.encode())
        yield Entry((*_VLANS_STATIC, 2, vlan), ber.OCTETS, egress)
        yield Entry((*_VLANS_STATIC, 4, vlan), ber.OCTETS, untagged)
        yield Entry((*_VLANS_STATIC, 5, vlan), ber.INTEGER, _ACTIVE)


def _bits(numbers: Iterable[int], size: int) -> bytes:
    """A PortList (RFC 4363): port 1 is the most significant bit of the first octet."""
    found = bytearray((size + 7) // 8)
    for number in numbers:
        found[(number - 1) // 8] |= 0x80 >> (number - 1) % 8
    return bytes(found)


def lag_rows(site: Site, device: Device) -> Iterator[Entry]:
    """dot3adAggPortAttachedAggID: which aggregate each port is in, 0 for none."""
    if not device.members:
        return
    for port in device.ports:
        if port.physical:
            above = device.port(port.aggregate).index if port.aggregate else 0
            yield Entry((*_AGGREGATED, 13, port.index), ber.INTEGER, above)


def octets(mac: str) -> bytes:
    """A MAC address as six octets."""
    return bytes.fromhex(mac.replace(":", ""))
