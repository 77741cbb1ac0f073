"""Mistakes in a site file that its shape does not show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_interface

from cmdb.demo.device import Device
from cmdb.demo.families import families
from cmdb.demo.programs import programs
from cmdb.demo.shape import SiteDevice, SiteFile, end
from cmdb.model.near import near

Mistakes = Iterator[tuple[str, str]]


def unknown_names(content: SiteFile) -> Mistakes:
    """Mistakes that can be seen without looking into a device: names that name nothing."""
    for name, said in content.devices.items():
        here = f"devices.{name}"
        if said.family not in families():
            yield f"{here}.family", f"{said.family!r} is not in families.yaml; {near(said.family, families())}"
        else:
            yield from _unreachable(said, here)
        yield from _power(content, said, here)
        yield from _machines(content, said, here)
        yield from _software(content, said, here)
        for port, texts in said.addresses.items():
            for at, text in enumerate(texts):
                if not _is_address(text):
                    yield f"{here}.addresses.{port}[{at}]", f"{text!r} is no address with a prefix length"
        yield from _vlan(content, said.vlan, f"{here}.vlan")
    for at, cable in enumerate(content.cables):
        for side, text in enumerate(cable):
            yield from _device_of_end(content, text, f"cables[{at}][{side}]")
    for at, silent in enumerate(content.silent):
        yield from _device_of_end(content, silent.port, f"silent[{at}].port")
        yield from _vlan(content, silent.vlan, f"silent[{at}].vlan")
        if silent.address is not None and not _is_address(f"{silent.address}/32"):
            yield f"silent[{at}].address", f"{silent.address!r} is no address"
    services = [ci.name or "" for ci in content.services if ci.ci_class == "Service"]
    if content.question.service not in services:
        yield "question.service", f"no service {content.question.service!r}; {near(content.question.service, services)}"
    if content.question.seed not in content.devices:
        yield "question.seed", f"no device {content.question.seed!r}; {near(content.question.seed, content.devices)}"


def _unreachable(said: SiteDevice, here: str) -> Mistakes:
    shell = families()[said.family].shell
    if said.snmp is None and shell is None:
        yield f"{here}.snmp", f"is missing; a {said.family} answers nothing else"
    if shell is None and said.software:
        yield f"{here}.software", f"a {said.family} shows no software"


def _power(content: SiteFile, said: SiteDevice, here: str) -> Mistakes:
    for at, feed in enumerate(said.power):
        supply = content.devices.get(feed)
        if supply is None:
            yield f"{here}.power[{at}]", f"no device {feed!r}; {near(feed, content.devices)}"
        elif supply.family in families() and families()[supply.family].ci_class != "PowerDevice":
            yield f"{here}.power[{at}]", f"{feed!r} is a {families()[supply.family].ci_class}, it feeds nothing"


def _machines(content: SiteFile, said: SiteDevice, here: str) -> Mistakes:
    """A virtual machine without what makes it one, and what else has that."""
    family = families().get(said.family)
    if family is not None and family.ci_class == "VirtualMachine":
        for key in ("uuid", "runs_on"):
            if getattr(said, key) is None:
                yield f"{here}.{key}", "is missing; a virtual machine has it"
    elif family is not None and (said.uuid or said.runs_on):
        yield f"{here}.{'uuid' if said.uuid else 'runs_on'}", f"a {said.family} is no virtual machine"
    host = content.devices.get(said.runs_on or "")
    if said.runs_on is not None and host is None:
        yield f"{here}.runs_on", f"no device {said.runs_on!r}; {near(said.runs_on, content.devices)}"
    elif host is not None and host.family in families() and families()[host.family].ci_class != "Computer":
        yield f"{here}.runs_on", f"{said.runs_on!r} is a {families()[host.family].ci_class}, no machine runs on it"


def _software(content: SiteFile, said: SiteDevice, here: str) -> Mistakes:
    clusters = [ci.key or "" for ci in content.services if ci.ci_class == "Cluster"]
    for name, software in said.software.items():
        there = f"{here}.software.{name}"
        if name not in programs():
            yield there, f"{name!r} is not in programs.yaml; {near(name, programs())}"
        if software.member_of is not None and software.member_of not in clusters:
            yield f"{there}.member_of", f"no cluster {software.member_of!r}; {near(software.member_of, clusters)}"
        for at, text in enumerate(software.calls):
            device, program = end(text)
            far = content.devices.get(device)
            if far is None:
                yield f"{there}.calls[{at}]", f"no device {device!r}; {near(device, content.devices)}"
            elif program not in far.software:
                yield f"{there}.calls[{at}]", f"{device} has no {program!r}; {near(program, far.software)}"
            elif not far.software[program].port:
                yield f"{there}.calls[{at}]", f"{text} has no TCP port to call"


def _vlan(content: SiteFile, vlan: int, where: str) -> Mistakes:
    if vlan not in content.vlans:
        yield where, f"no VLAN {vlan}; {near(str(vlan), map(str, content.vlans))}"


def _device_of_end(content: SiteFile, text: str, where: str) -> Mistakes:
    device, port = end(text)
    if not port:
        yield where, f"{text!r} is no end of a cable; write device:port"
    elif device not in content.devices:
        yield where, f"no device {device!r}; {near(device, content.devices)}"


def _is_address(text: str) -> bool:
    try:
        return "/" in text and bool(ip_interface(text))
    except ValueError:
        return False


def wrong_ports(content: SiteFile, devices: Mapping[str, Device]) -> Mistakes:
    """Cables that end at no port, or where another one ends; addresses and aggregates of no interface."""
    ends = [
        (f"cables[{a}][{s}]", f"cables[{a}]", t) for a, cable in enumerate(content.cables) for s, t in enumerate(cable)
    ]
    ends += [(f"silent[{at}].port", f"silent[{at}]", one.port) for at, one in enumerate(content.silent)]
    taken: dict[str, str] = {}
    for where, what, text in ends:
        device, port = end(text)
        physical = _physical(devices[device])
        if port not in physical:
            yield where, f"{device} has no port {port!r}; {near(port, physical)}"
        elif text in taken:
            yield where, f"{text} already has the cable of {taken[text]}"
        taken[text] = what
    for at, one in enumerate(content.silent):
        device, _ = end(one.port)
        if not devices[device].family.bridge:
            yield f"silent[{at}].port", f"{device} is no switch: it shows nothing of what is plugged in"
    for name, of in devices.items():
        known = (*of.family.virtual, *_physical(of))
        for port in of.said.addresses:
            if not port.startswith(tuple(of.family.virtual)) and port not in known:
                yield f"devices.{name}.addresses.{port}", f"{of.said.family} has no such interface; {near(port, known)}"
        for above, members in of.said.aggregates.items():
            if not above.startswith(tuple(of.family.virtual)):
                yield (
                    f"devices.{name}.aggregates.{above}",
                    f"{of.said.family} has no such interface; {near(above, known)}",
                )
            for port in members:
                if port not in _physical(of):
                    yield f"devices.{name}.aggregates.{above}", f"{name} has no port {port!r}; {near(port, known)}"


def _physical(device: Device) -> list[str]:
    return [p.name for p in device.ports if p.physical]


def twice(content: SiteFile, devices: Mapping[str, Device]) -> Mistakes:
    """Serial numbers, UUIDs, MAC addresses and IP addresses that two things have."""
    seen: dict[str, str] = {}
    for name, device in devices.items():
        own = {
            device.said.serial or "": "serial",
            device.said.uuid or "": "uuid",
            **{p.mac: "mac" for p in device.ports},
        }
        own |= {str(a.ip): f"addresses.{p.name}" for p in device.ports for a in p.addresses if not a.ip.is_loopback}
        yield from _seen(own, seen, name, f"devices.{name}")
    for at, one in enumerate(content.silent):
        yield from _seen({one.mac: "mac", one.address or "": "address"}, seen, one.port, f"silent[{at}]")


def _seen(own: Mapping[str, str], seen: dict[str, str], name: str, here: str) -> Iterable[tuple[str, str]]:
    for value, field in own.items():
        if value and seen.setdefault(value, name) != name:
            yield f"{here}.{field}", f"{value} also belongs to {seen[value]}"
