"""Standard tables of a demo device: IF-MIB, IP-MIB, ENTITY-MIB."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from ipaddress import IPv4Interface

from cmdb.demo.device import Address, Device, Port
from collectors.responders import ber
from collectors.responders.mib import Entry

_IF = (1, 3, 6, 1, 2, 1, 2, 2, 1)
_IF_X = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
_IF_NUMBER = (1, 3, 6, 1, 2, 1, 2, 1, 0)
_ADDR = (1, 3, 6, 1, 2, 1, 4, 20, 1)
_ADDRESS = (1, 3, 6, 1, 2, 1, 4, 34, 1)
_PREFIX = (1, 3, 6, 1, 2, 1, 4, 32, 1)
_ENT = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
_ALIAS_MAPPING = (1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2)

_IF_TYPES = {
    "ethernetCsmacd": 6,
    "softwareLoopback": 24,
    "propVirtual": 53,
    "l2vlan": 135,
    "l3ipvlan": 136,
    "ieee8023adLag": 161,
    "bridge": 209,
}
_ENTITY_CLASSES = {"chassis": 3, "powerSupply": 6, "fan": 7, "module": 9, "port": 10}
_GAUGE_MAX = (1 << 32) - 1
_LINK_MTU, _LOOPBACK_MTU = 1500, 65536
_UP, _DOWN, _TRUE, _FALSE = 1, 2, 1, 2
_CHASSIS, _FIRST_PART, _FIRST_PORT = 1, 10, 1000  # entPhysicalIndex


def interface_rows(device: Device, words: dict[str, str]) -> Iterator[Entry]:
    """ifTable and, where the family has it, ifXTable; ports without a cable are down."""
    yield Entry(_IF_NUMBER, ber.INTEGER, len(device.ports))
    for port in device.ports:
        index = port.index
        mtu = _LOOPBACK_MTU if port.type == "softwareLoopback" else _LINK_MTU
        oper = _UP if port.cabled or not port.physical or port.addresses else _DOWN
        descr = device.family.descr.format_map({**words, "name": port.name, "long": spelled(device, port.name)})
        yield Entry((*_IF, 1, index), ber.INTEGER, index)
        yield Entry((*_IF, 2, index), ber.OCTETS, descr.encode())
        yield Entry((*_IF, 3, index), ber.INTEGER, _IF_TYPES[port.type])
        yield Entry((*_IF, 4, index), ber.INTEGER, mtu)
        yield Entry((*_IF, 5, index), ber.GAUGE32, min(port.speed_bps, _GAUGE_MAX))
        yield Entry((*_IF, 6, index), ber.OCTETS, bytes.fromhex(port.mac.replace(":", "")))
        yield Entry((*_IF, 7, index), ber.INTEGER, _UP)
        yield Entry((*_IF, 8, index), ber.INTEGER, oper)
        if device.family.extended:
            yield Entry((*_IF_X, 1, index), ber.OCTETS, port.name.encode())
            yield Entry((*_IF_X, 15, index), ber.GAUGE32, port.speed_bps // 1_000_000)
            yield Entry((*_IF_X, 17, index), ber.INTEGER, _TRUE if port.physical else _FALSE)
            yield Entry((*_IF_X, 18, index), ber.OCTETS, b"")


def spelled(device: Device, name: str) -> str:
    """The long form of an interface name: Gi1/0/1 is GigabitEthernet1/0/1."""
    short = max((s for s in device.family.spelled if name.startswith(s)), key=len, default="")
    return device.family.spelled.get(short, "") + name[len(short) :]


def address_rows(device: Device) -> Iterator[Entry]:
    """ipAddrTable (IPv4) and, where the family has it, ipAddressTable and ipAddressPrefixTable (both)."""
    for port in device.ports:
        for address in port.addresses:
            if isinstance(address, IPv4Interface):
                yield from _old_row(port, address)
            if device.family.extended:
                yield from _row(port, address)


def _old_row(port: Port, address: IPv4Interface) -> Iterator[Entry]:
    index = tuple(address.ip.packed)
    yield Entry((*_ADDR, 1, *index), ber.IP_ADDRESS, str(address.ip))
    yield Entry((*_ADDR, 2, *index), ber.INTEGER, port.index)
    yield Entry((*_ADDR, 3, *index), ber.IP_ADDRESS, str(address.netmask))


def _row(port: Port, address: Address) -> Iterator[Entry]:
    """One address with its prefix (RFC 4293); InetAddressType is 1 or 2, then length and octets follow."""
    kind = 1 if address.version == 4 else 2
    octets, network = tuple(address.ip.packed), tuple(address.network.network_address.packed)
    index = (kind, len(octets), *octets)
    prefix = (port.index, kind, len(network), *network, address.network.prefixlen)
    yield Entry((*_ADDRESS, 3, *index), ber.INTEGER, port.index)
    yield Entry((*_ADDRESS, 4, *index), ber.INTEGER, 1)  # unicast
    yield Entry((*_ADDRESS, 5, *index), ber.OID, ber.dotted((*_PREFIX, 5, *prefix)))
    yield Entry((*_ADDRESS, 6, *index), ber.INTEGER, 2)  # origin: manual
    yield Entry((*_ADDRESS, 7, *index), ber.INTEGER, 1)  # preferred
    yield Entry((*_PREFIX, 5, *prefix), ber.INTEGER, 2)


def entity_rows(device: Device, words: dict[str, str]) -> Iterator[Entry]:
    """entPhysicalTable: chassis, modules and ports, and which port is which interface; nothing without a chassis."""
    chassis = device.family.chassis
    if chassis is None:
        return
    rest = {
        "hardware": chassis.hardware,
        "software": chassis.software.format_map(words),
        "serial": device.said.serial or "",
        "maker": chassis.maker,
        "model": device.family.model,
    }
    yield from _entity(_CHASSIS, 0, "chassis", chassis.descr.format_map(words), chassis.name, 1, **rest)
    for position, part in enumerate(device.family.modules, 1):
        serial = part_serial(device, part.name, part.serial)
        more = {"serial": serial, "maker": chassis.maker if serial else "", "model": part.model}
        yield from _entity(_FIRST_PART + position, _CHASSIS, part.kind, part.descr, part.name, position, **more)
    for port in device.ports:
        if port.physical:
            entity = _FIRST_PORT + port.index
            yield from _entity(
                entity, _CHASSIS, "port", spelled(device, port.name), spelled(device, port.name), port.index
            )
            yield Entry((*_ALIAS_MAPPING, entity, 0), ber.OID, ber.dotted((*_IF, 1, port.index)))


def part_serial(device: Device, part: str, begins: str) -> str:
    """A made-up serial number that is the same each time; empty for parts without one."""
    if not begins:
        return ""
    digest = sha256(f"{device.said.serial}/{part}".encode()).digest()
    return f"{begins}{25 + digest[0] % 3}{digest[1] % 52:02}" + "".join(
        "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"[b % 34] for b in digest[2:6]
    )


def _entity(
    index: int,
    parent: int,
    kind: str,
    descr: str,
    name: str,
    position: int,
    *,
    hardware: str = "",
    software: str = "",
    serial: str = "",
    maker: str = "",
    model: str = "",
) -> Iterator[Entry]:
    columns: dict[int, tuple[int, bytes | int | str]] = {
        2: (ber.OCTETS, descr.encode()),
        3: (ber.OID, "0.0"),
        4: (ber.INTEGER, parent),
        5: (ber.INTEGER, _ENTITY_CLASSES[kind]),
        6: (ber.INTEGER, position),
        7: (ber.OCTETS, name.encode()),
        8: (ber.OCTETS, hardware.encode()),
        9: (ber.OCTETS, b""),
        10: (ber.OCTETS, software.encode()),
        11: (ber.OCTETS, serial.encode()),
        12: (ber.OCTETS, maker.encode()),
        13: (ber.OCTETS, model.encode()),
        16: (ber.INTEGER, _TRUE if kind != "port" else _FALSE),
    }
    for column, (tag, value) in columns.items():
        yield Entry((*_ENT, column, index), tag, value)
