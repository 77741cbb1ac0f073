"""Made-up networks for tests of links: what devices are and what they tell, in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cmdb.observation import Identifier, Link, Observation, Report, path
from collectors.facts import Facts, Forwarded, Named, Neighbour, Resolved, Subtype, VlanPort
from collectors.links.relate import relate

AT = 1_790_000_000_000


def mac(number: int, port: int = 0) -> str:
    """The address of a port of the device with that number; port 0 is its chassis."""
    return f"00:1b:21:00:{number:02x}:{port:02x}"


@dataclass
class Box:
    """A device with `ports` interfaces, named by `naming`; its chassis id is mac(number)."""

    name: str
    number: int
    ports: int = 4
    naming: str = "Gi1/0/{}"
    sys_name: str = ""
    roles: tuple[str, ...] = ("switch",)
    members: dict[str, str] = field(default_factory=dict)  # port: aggregate
    more: tuple[dict[str, Any], ...] = ()  # attributes of further interfaces
    address: str = ""
    neighbours: list[Neighbour] = field(default_factory=list)
    forwarded: list[Forwarded] = field(default_factory=list)
    resolved: list[Resolved] = field(default_factory=list)
    vlans: dict[int, str] = field(default_factory=dict)
    vlan_ports: list[VlanPort] = field(default_factory=list)
    chassis: Named | None = None
    bridge: bool = False

    @property
    def key(self) -> str:
        """The key of its device."""
        return f"serial:example:{self.name.upper()}"

    def port(self, number: int) -> str:
        """The name of a port."""
        return self.naming.format(number)

    def path(self, port: int | str) -> str:
        """The path of a port."""
        return path(self.key, "Interface", port if isinstance(port, str) else self.port(port))

    def report(self) -> Report:
        """What it says of itself."""
        ids = (Identifier(self.key), Identifier(f"target:{self.name}", strong=False))
        told: dict[str, Any] = {
            "name": self.sys_name or self.name,
            "sys_name": self.sys_name or self.name,
            "roles": list(self.roles),
        }
        if self.address:
            told["management_address"] = self.address
        ports = [
            {"name": self.port(i), "if_index": 100 + i, "mac_address": mac(self.number, i), "type": "ethernetCsmacd"}
            for i in range(1, self.ports + 1)
        ]
        inside = [
            Observation("Interface", p["name"], p, parent=self.key, links=self._above(p["name"]))
            for p in [*ports, *self.more]
        ]
        return Report("snmp", self.name, AT, (Observation("NetworkDevice", self.key, told, ids), *inside))

    def _above(self, port: str) -> tuple[Link, ...]:
        above = self.members.get(port)
        return (Link("MEMBER_OF", path(self.key, "Interface", above)),) if above else ()

    def facts(self) -> Facts:
        """What it says of its surroundings."""
        return Facts(
            "snmp",
            self.name,
            AT,
            self.key,
            neighbours=tuple(self.neighbours),
            forwarded=tuple(self.forwarded),
            resolved=tuple(self.resolved),
            vlans=self.vlans,
            vlan_ports=tuple(self.vlan_ports),
            chassis=self.chassis or Named("mac", mac(self.number)),
            base_macs=(mac(self.number),),
            base_ports={i: self.port(i) for i in range(1, self.ports + 1)} if self.bridge else {},
        )

    def sees(self, port: str | int, far: Named | Box, far_port: Named | str | None = None, **more: Any) -> None:
        """Add a neighbour: by LLDP, unless `protocol` says otherwise."""
        chassis = Named("mac", mac(far.number)) if isinstance(far, Box) else far
        named = Named("name", far_port) if isinstance(far_port, str) else far_port
        key = port if isinstance(port, str) else self.port(port)
        self.neighbours.append(Neighbour(more.pop("protocol", "lldp"), key, chassis, named, **more))

    def learns(self, port: str | int, *macs: str, vlan: int | None = None) -> None:
        """Add rows to its forwarding table."""
        key = port if isinstance(port, str) else self.port(port)
        self.forwarded += [Forwarded(m, key, vlan) for m in macs]


def tell(boxes: Sequence[Box]) -> list[Report]:
    """The link reports of a network."""
    return relate([b.report() for b in boxes], [b.facts() for b in boxes])


def named(subtype: Subtype, value: str) -> Named:
    """A far name."""
    return Named(subtype, value)


def ties(reports: Iterable[Report], type_: str, boxes: Sequence[Box], strangers: bool = False) -> set[tuple[str, str]]:
    """Links of a type as pairs of short names, `a Gi1/0/1`; the ends of cables in order.

    Cables to cards of which only the MAC address is known are in it with `strangers` only.
    """
    short = {b.key: b.name for b in boxes}
    found = set()
    for report in reports:
        for o in report.observations:
            for link in o.links:
                if link.type == type_ and (strangers or type_ != "CONNECTED_TO" or not link.to.startswith("mac:")):
                    near = path(o.parent, o.ci_class, o.key) if o.parent else o.key
                    ends = [_short(near, short), _short(link.to, short)]
                    found.add((*sorted(ends),) if type_ == "CONNECTED_TO" else (*ends,))
    return {(a, b) for a, b in found}


def _short(where: str, names: dict[str, str]) -> str:
    root, _, rest = where.partition("|")
    return " ".join([names.get(root, root), *([rest.rpartition("|")[2]] if rest else [])])


def protocols(reports: Iterable[Report]) -> set[tuple[str, ...]]:
    """The protocols of all cables."""
    links = (link for r in reports for o in r.observations for link in o.links if link.type == "CONNECTED_TO")
    return {tuple(link.attributes["protocols"]) for link in links}


def things(reports: Iterable[Report], ci_class: str) -> dict[str, Observation]:
    """What was reported as new, of one class."""
    found = (o for r in reports for o in r.observations if o.role == "reported" and o.ci_class == ci_class)
    return {o.key: o for o in found}
