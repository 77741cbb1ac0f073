"""What follows from the cables of the demo site: who is next to whom, and where a switch learns which address."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from cmdb.demo.device import Device, Port
from cmdb.demo.shape import end
from cmdb.demo.site import Site


class Far(NamedTuple):
    """What a cable leads to from a port."""

    port: Port
    device: Device
    far_port: Port


@dataclass(frozen=True)
class Station:
    """Something that sends: its address, and the switch, port and VLAN it comes in at."""

    mac: str
    switch: str
    port: str
    vlan: int
    address: str = ""


class Learned(NamedTuple):
    """A row of a forwarding table."""

    vlan: int
    mac: str
    port: str


def neighbours(site: Site, device: Device) -> list[Far]:
    """What the cables of a device lead to, in the order of its ports."""
    found = []
    for one, other in site.cables:
        for (near, port), (far, far_port) in ((one, other), (other, one)):
            if near == device.name:
                there = site.devices[far]
                found.append(Far(device.port(port), there, there.port(far_port)))
    return sorted(found, key=lambda f: f.port.index)


def bridge_ports(device: Device) -> list[Port]:
    """The ports of a switch by the number that bridging has for them, from one: aggregates stand for their members."""
    bundles = device.members
    own = [p for p in device.ports if p.physical and not p.name.startswith("Gi0/") and not p.aggregate]
    return own + [p for p in device.ports if p.name in bundles]


def trunks(site: Site, device: Device) -> set[str]:
    """Bridge ports of a switch behind which another switch is."""
    return {f.port.aggregate or f.port.name for f in neighbours(site, device) if f.device.family.bridge}


def access(site: Site, device: Device) -> dict[str, int]:
    """Bridge ports of a switch behind which something else is, with the VLAN of that."""
    found = {f.port.name: f.device.said.vlan for f in neighbours(site, device) if not f.device.family.bridge}
    plugged = ((end(one.port), one.vlan) for one in site.content.silent)
    return found | {port: vlan for (switch, port), vlan in plugged if switch == device.name}


def stations(site: Site) -> list[Station]:
    """Everything that sends on a port of a switch; what runs on a host sends there too.

    Of two bonded ports the first one is the active one.
    """
    found = []
    for switch in _switches(site):
        for near in neighbours(site, switch):
            bundle = near.device.members.get(near.far_port.aggregate, [near.far_port])
            if not near.device.family.bridge and near.far_port == bundle[0]:
                machines = (d for d in site.devices.values() if d.said.runs_on == near.device.name)
                senders = [(near.far_port, near.device), *((d.ports[0], d) for d in machines)]
                found += [Station(p.mac, switch.name, near.port.name, d.said.vlan, _address(p, d)) for p, d in senders]
    for one in site.content.silent:
        found.append(Station(one.mac, *end(one.port), one.vlan, one.address or ""))
    return found


def _address(port: Port, device: Device) -> str:
    """The address that a port sends from; that of a host is on what bundles or bridges its ports."""
    own = next((str(a.ip) for a in port.addresses if a.version == 4), "")
    return own or (str(device.address.ip) if device.family.shell and device.address else "")


def learned(site: Site, switch: Device) -> list[Learned]:
    """The forwarding table of a switch: stations at its own ports, and beyond, other switches' own addresses too."""
    towards = _towards(site, switch)
    own = [Learned(s.vlan, s.mac, s.port) for s in stations(site) if s.switch == switch.name]
    beyond = [Learned(s.vlan, s.mac, towards[s.switch]) for s in stations(site) if s.switch in towards]
    others = [Learned(site.devices[n].said.vlan, site.devices[n].said.mac, port) for n, port in towards.items()]
    return sorted({*own, *beyond, *others})


def _switches(site: Site) -> list[Device]:
    return [d for d in site.devices.values() if d.family.bridge]


def _towards(site: Site, switch: Device) -> dict[str, str]:
    """The port of a switch towards each other one, along the tree that spanning tree leaves of their cables.

    The first switch of the file is the root of the tree; each other one keeps its first way there.
    """
    tree = _tree(site)
    found: dict[str, str] = {}
    queue = deque((far, port) for far, port in tree.get(switch.name, {}).items())
    while queue:
        name, port = queue.popleft()
        if name != switch.name and name not in found:
            found[name] = port
            queue.extend((far, port) for far in tree.get(name, {}))
    return found


def _tree(site: Site) -> dict[str, dict[str, str]]:
    """Switches with those next to them in the tree, and the bridge port that leads there."""
    switches = _switches(site)
    tree: dict[str, dict[str, str]] = {}
    seen = {switches[0].name} if switches else set()
    queue = deque(switches[:1])
    while queue:
        device = queue.popleft()
        for far in neighbours(site, device):
            if far.device.family.bridge and far.device.name not in seen:
                seen.add(far.device.name)
                queue.append(far.device)
                tree.setdefault(device.name, {})[far.device.name] = far.port.aggregate or far.port.name
                tree.setdefault(far.device.name, {})[device.name] = far.far_port.aggregate or far.far_port.name
    return tree
