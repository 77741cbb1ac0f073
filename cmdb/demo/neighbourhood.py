"""What a switch of the demo site tells of those around it: LLDP-MIB and the ARP cache."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from cmdb.demo.bridging import octets
from cmdb.demo.device import Device
from cmdb.demo.site import Site
from cmdb.demo.wires import Far, neighbours, stations
from collectors.responders import ber
from collectors.responders.mib import Entry

_LOCAL = (1, 0, 8802, 1, 1, 2, 1, 3)
_REMOTE = (1, 0, 8802, 1, 1, 2, 1, 4, 1, 1)
_REMOTE_ADDRESS = (1, 0, 8802, 1, 1, 2, 1, 4, 2, 1)
_ARP = (1, 3, 6, 1, 2, 1, 4, 22, 1)
_MAC_CHASSIS, _MAC_PORT, _NAMED_PORT = 4, 3, 5  # LldpChassisIdSubtype, LldpPortIdSubtype
_DYNAMIC, _BY_IF_INDEX = 3, 2
# Bits of LldpSystemCapabilitiesMap, from the most significant one on.
_BRIDGE, _ROUTER, _STATION = 0x20, 0x08, 0x01
_FIRST_MARK = 0  # nothing has changed since the agent started


def lldp_rows(site: Site, device: Device) -> Iterator[Entry]:
    """lldpLocChassisId, lldpLocPortTable, lldpRemTable and lldpRemManAddrTable."""
    yield Entry((*_LOCAL, 1, 0), ber.INTEGER, _MAC_CHASSIS)
    yield Entry((*_LOCAL, 2, 0), ber.OCTETS, octets(device.said.mac))
    yield Entry((*_LOCAL, 3, 0), ber.OCTETS, device.name.encode())
    for port in device.ports:
        if port.physical:
            yield Entry((*_LOCAL, 7, 1, 2, port.index), ber.INTEGER, _NAMED_PORT)
            yield Entry((*_LOCAL, 7, 1, 3, port.index), ber.OCTETS, port.name.encode())
            yield Entry((*_LOCAL, 7, 1, 4, port.index), ber.OCTETS, port.name.encode())
    for far in neighbours(site, device):
        if far.device.family.lldp:
            yield from _remote(far)


def _remote(far: Far) -> Iterator[Entry]:
    index = (_FIRST_MARK, far.port.index, 1)
    by_name = far.device.family.lldp == "name"
    port_id = far.far_port.name.encode() if by_name else octets(far.far_port.mac)
    columns: dict[int, tuple[int, bytes | int]] = {
        4: (ber.INTEGER, _MAC_CHASSIS),
        5: (ber.OCTETS, octets(far.device.said.mac)),
        6: (ber.INTEGER, _NAMED_PORT if by_name else _MAC_PORT),
        7: (ber.OCTETS, port_id),
        8: (ber.OCTETS, far.far_port.name.encode()),
        9: (ber.OCTETS, far.device.name.encode()),
        10: (ber.OCTETS, b""),
        11: (ber.OCTETS, bytes((_capabilities(far.device), 0))),
        12: (ber.OCTETS, bytes((_capabilities(far.device), 0))),
    }
    for column, (tag, value) in columns.items():
        yield Entry((*_REMOTE, column, *index), tag, value)
    if far.device.address is not None:
        managed = (*index, 1, 4, *far.device.address.ip.packed)
        yield Entry((*_REMOTE_ADDRESS, 3, *managed), ber.INTEGER, _BY_IF_INDEX)
        yield Entry((*_REMOTE_ADDRESS, 4, *managed), ber.INTEGER, far.far_port.index)


def _capabilities(device: Device) -> int:
    family = device.family
    found = (_BRIDGE if family.bridge else 0) | (_ROUTER if family.routes else 0)
    return found or _STATION


def arp_rows(site: Site, device: Device) -> Iterator[Entry]:
    """ipNetToMediaTable of a switch that routes: stations with addresses in the subnets of its own ones."""
    if not device.family.routes:
        return
    for station in stations(site):
        for port in device.ports:
            inside = any(station.address and IPv4Address(station.address) in a.network for a in port.addresses)
            if inside:
                index = (port.index, *IPv4Address(station.address).packed)
                yield Entry((*_ARP, 1, *index), ber.INTEGER, port.index)
                yield Entry((*_ARP, 2, *index), ber.OCTETS, octets(station.mac))
                yield Entry((*_ARP, 3, *index), ber.IP_ADDRESS, station.address)
                yield Entry((*_ARP, 4, *index), ber.INTEGER, _DYNAMIC)
