"""The demo site as it is written down in one YAML file, checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cmdb.demo.families import Family, IfType, Speed, families
from cmdb.model.near import near
from collectors.push.document import Strict, read_document, refuse
from collectors.push.manual import ManualCI

BUILT_IN = Path(__file__).with_name("site.yaml")

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Mac = Annotated[str, Field(pattern=r"^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$")]
Address = IPv4Interface | IPv6Interface
_RANGE = re.compile(r"^(.*?)(\d+)-(\d+)$")
_BITS = {"M": 10**6, "G": 10**9}


class Question(Strict):
    """What the demo asks: if `seed` fails, what becomes of `service`? The answer is not written down."""

    seed: str
    kind: Literal["DOWN", "MAINTENANCE"]
    service: str
    text: str


class Software(Strict):
    """A running service on a host. `needs` maps group keys to keys of CIs, one of which suffices."""

    kind: str
    product: str
    version: str
    listen: list[str] = []
    needs: dict[str, list[str]] = {}
    member_of: str | None = None


class SiteDevice(Strict):
    """One device as the file says it."""

    family: str
    mac: Mac
    snmp: Literal["v2c", "v3"]
    rack: str
    serial: Annotated[str, Field(min_length=5, max_length=32)] | None = None
    power: list[str] = []
    root_of: list[str] = []
    addresses: dict[str, list[str]] = {}
    software: dict[str, Software] = {}


class SiteFile(Strict):
    """The whole file."""

    name: Name
    question: Question
    devices: Annotated[dict[Name, SiteDevice], Field(min_length=1, max_length=5000)]
    cables: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    services: list[ManualCI]


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


@dataclass(frozen=True)
class Site:
    """A checked site. `file` is where it was read from, for messages."""

    file: str
    content: SiteFile
    devices: Mapping[str, Device]
    cables: tuple[tuple[tuple[str, str], tuple[str, str]], ...]


def load_site(path: Path = BUILT_IN) -> Site:
    """Read and check a site; raises Invalid with file and key of each mistake."""
    content = read_document(path, SiteFile)
    refuse(str(path), _unknown_names(content))
    cables = tuple((_end(a), _end(b)) for a, b in content.cables)
    cabled = {end for cable in cables for end in cable}
    devices = {
        name: _device(name, said, families()[said.family], {port for device, port in cabled if device == name})
        for name, said in content.devices.items()
    }
    refuse(str(path), [*_wrong_ports(content, devices), *_twice(content, devices)])
    return Site(str(path), content, devices, cables)


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


def _end(text: str) -> tuple[str, str]:
    device, _, port = text.partition(":")
    return device, port


def _device(name: str, said: SiteDevice, family: Family, cabled: set[str]) -> Device:
    addresses = {**family.addresses, **said.addresses}
    physical = [(port, speed) for names, speed in family.ports.items() for port in expand(names)]
    base, ports = int(said.mac.replace(":", ""), 16), []
    for index, (port, speed) in enumerate(physical, 1):
        mac = (base + index - 1).to_bytes(6, "big").hex(":")
        parsed = _parsed(addresses.pop(port, []))
        ports.append(Port(port, index, "ethernetCsmacd", speed_bps(speed), mac, port in cabled, parsed))
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


def _unknown_names(content: SiteFile) -> Iterator[tuple[str, str]]:
    """Mistakes that can be seen without looking into a device: names that name nothing."""
    keys = {*content.devices, *(ci.key for ci in content.services if ci.key)}
    for name, said in content.devices.items():
        here = f"devices.{name}"
        if said.family not in families():
            yield f"{here}.family", f"{said.family!r} is not in families.yaml; {near(said.family, families())}"
        for at, feed in enumerate(said.power):
            supply = content.devices.get(feed)
            if supply is None:
                yield f"{here}.power[{at}]", f"no device {feed!r}; {near(feed, content.devices)}"
            elif supply.family in families() and families()[supply.family].ci_class != "PowerDevice":
                yield f"{here}.power[{at}]", f"{feed!r} is a {families()[supply.family].ci_class}, it feeds nothing"
        for program, software in said.software.items():
            for to in [*(t for group in software.needs.values() for t in group), *filter(None, [software.member_of])]:
                if to.partition("|")[0] not in keys:
                    yield (
                        f"{here}.software.{program}",
                        f"{to!r} is no device and no key of `services`; {near(to, keys)}",
                    )
        for port, texts in said.addresses.items():
            for at, text in enumerate(texts):
                if not _is_address(text):
                    yield f"{here}.addresses.{port}[{at}]", f"{text!r} is no address with a prefix length"
    for at, cable in enumerate(content.cables):
        for side, text in enumerate(cable):
            device, port = _end(text)
            if not port:
                yield f"cables[{at}][{side}]", f"{text!r} is no end of a cable; write device:port"
            elif device not in content.devices:
                yield f"cables[{at}][{side}]", f"no device {device!r}; {near(device, content.devices)}"
    services = [ci.name or "" for ci in content.services if ci.ci_class == "Service"]
    if content.question.service not in services:
        yield "question.service", f"no service {content.question.service!r}; {near(content.question.service, services)}"
    if content.question.seed not in content.devices:
        yield "question.seed", f"no device {content.question.seed!r}; {near(content.question.seed, content.devices)}"


def _is_address(text: str) -> bool:
    try:
        return "/" in text and bool(ip_interface(text))
    except ValueError:
        return False


def _wrong_ports(content: SiteFile, devices: Mapping[str, Device]) -> Iterator[tuple[str, str]]:
    """Cables that end at no port, or where another one ends; addresses on no interface."""
    taken: dict[str, int] = {}
    for at, cable in enumerate(content.cables):
        for side, text in enumerate(cable):
            device, port = _end(text)
            physical = [p.name for p in devices[device].ports if p.physical]
            if port not in physical:
                yield f"cables[{at}][{side}]", f"{device} has no port {port!r}; {near(port, physical)}"
            elif text in taken:
                yield f"cables[{at}][{side}]", f"{text} already has the cable of cables[{taken[text]}]"
            taken[text] = at
    for name, device_ in devices.items():
        known = (*device_.family.virtual, *(p.name for p in device_.ports if p.physical))
        for port in content.devices[name].addresses:
            if not port.startswith(tuple(device_.family.virtual)) and port not in known:
                yield (
                    f"devices.{name}.addresses.{port}",
                    f"{device_.said.family} has no such interface; {near(port, known)}",
                )


def _twice(content: SiteFile, devices: Mapping[str, Device]) -> Iterator[tuple[str, str]]:
    """Serial numbers, MAC addresses and IP addresses that two devices have."""
    seen: dict[str, str] = {}
    for name, device in devices.items():
        own = {device.said.serial or "": "serial", **{p.mac: "mac" for p in device.ports}}
        own |= {str(a.ip): f"addresses.{p.name}" for p in device.ports for a in p.addresses if not a.ip.is_loopback}
        for value, field in own.items():
            if value and seen.setdefault(value, name) != name:
                yield f"devices.{name}.{field}", f"{value} also belongs to {seen[value]}"
