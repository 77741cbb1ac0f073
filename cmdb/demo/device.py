"""A device of the demo site, with everything that follows from its family and its cables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from cmdb.demo.families import Family, IfType, Speed
from cmdb.demo.shape import SiteDevice

Address = IPv4Interface | IPv6Interface
_RANGE = re.compile(r"^(.*?)(\d+)-(\d+)$")
_BITS = {"M": 10**6, "G": 10**9}


@dataclass(frozen=True)
class Port:
    """One interface of a device. `speed_bps` 0: not known, as of virtual ones."""

    name: str
    index: int
    type: IfType
    speed_bps: int
    mac: str
    cabled: bool
    addresses: tuple[Address, ...]
    aggregate: str = ""  # the port that bundles this one

    @property
    def physical(self) -> bool:
        """Whether a cable can end here."""
        return self.speed_bps > 0


@dataclass(frozen=True)
class Device:
    """One device with everything that follows from its family and its cables."""

    name: str
    said: SiteDevice
    family: Family
    ports: tuple[Port, ...]
    engine_id: bytes

    def port(self, name: str) -> Port:
        """The port of a name that is known to be there."""
        return next(port for port in self.ports if port.name == name)

    @property
    def address(self) -> Address | None:
        """The first IPv4 address that others reach it at; a loopback port has it where there is one."""
        found = (a for p in self.ports for a in p.addresses if a.version == 4 and not a.ip.is_loopback)
        return next(found, None)

    @property
    def members(self) -> dict[str, list[Port]]:
        """Ports by the aggregate that bundles them."""
        above = sorted({p.aggregate for p in self.ports} - {""})
        return {name: [p for p in self.ports if p.aggregate == name] for name in above}


def expand(name: str) -> list[str]:
    """`Gi1/0/1-3` is Gi1/0/1, Gi1/0/2 and Gi1/0/3; a name without a range is itself."""
    found = _RANGE.match(name)
    if not found:
        return [name]
    start, first, last = found[1], int(found[2]), int(found[3])
    return [f"{start}{number}" for number in range(first, last + 1)]


def speed_bps(speed: Speed) -> int:
    """`10G` in bits per second."""
    return int(speed[:-1]) * _BITS[speed[-1]]


def device_of(name: str, said: SiteDevice, family: Family, cabled: set[str]) -> Device:
    """Work a device out; `cabled` are its ports at which something is plugged in."""
    aggregates = {**family.aggregates, **said.aggregates}
    bundle = {member: above for above, members in aggregates.items() for member in members}
    addresses = {**family.addresses, **{name: [] for name in aggregates}, **said.addresses}
    physical = [(port, speed) for names, speed in family.ports.items() for port in expand(names)]
    base, ports = int(said.mac.replace(":", ""), 16), []
    for index, (port, speed) in enumerate(physical, 1):
        mac = (base + index - 1).to_bytes(6, "big").hex(":")
        parsed = _parsed(addresses.pop(port, []))
        above = bundle.get(port, "")
        ports.append(Port(port, index, "ethernetCsmacd", speed_bps(speed), mac, port in cabled, parsed, above))
    for index, (port, texts) in enumerate(sorted(addresses.items()), len(ports) + 1):
        type_: IfType = next((t for prefix, t in family.virtual.items() if port.startswith(prefix)), "ethernetCsmacd")
        mac = "" if type_ == "softwareLoopback" else said.mac
        ports.append(Port(port, index, type_, 0, mac, False, _parsed(texts)))
    return Device(name, said, family, tuple(ports), _engine_id(name, said, family))


def _parsed(texts: Iterable[str]) -> tuple[Address, ...]:
    return tuple(map(ip_interface, texts))


def _engine_id(name: str, said: SiteDevice, family: Family) -> bytes:
    head = (family.engine.enterprise | 1 << 31).to_bytes(4, "big")
    if family.engine.form == "mac":
        return head + b"\x03" + bytes.fromhex(said.mac.replace(":", ""))
    # net-snmp and others draw random octets once; here they come from what is unique anyhow
    return head + b"\x80" + bytes.fromhex(said.mac.replace(":", "")) + len(name).to_bytes(1, "big") + name.encode()[:8]
