"""The devices and ports that are known, and how to find them by what others call them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from cmdb.model.names import is_placeholder
from cmdb.model.shared import is_group_mac
from cmdb.observation import Identifier, Observation, Report, path
from collectors.facts import DEFAULT_VRF, Facts, Named
from collectors.links.spelling import spelling

DEVICES = frozenset(
    {"NetworkDevice", "Computer", "StorageDevice", "PowerDevice", "Printer", "Endpoint", "VirtualMachine"}
)
RANK = {"snmp": 0, "netmiko": 1, "ssh": 2}  # whose names of ports count where several sources describe one device
AGGREGATES = frozenset({"ieee8023adLag", "propMultiplexor"})
LOOPBACKS = ("127.", "::1", "0.0.0.0", "fe80:", "169.254.")  # noqa: S104  # said of addresses, nothing is bound


class End(NamedTuple):
    """A port of a device, by the device's key and the port's local key; port "" where it is not known."""

    device: str
    port: str


@dataclass(frozen=True)
class Port:
    """An interface as far as links need it; `inside` is the path of its parent below the device, "" for none."""

    key: str
    name: str = ""
    description: str = ""
    alias: str = ""
    index: int | None = None
    mac: str = ""
    type: str = ""
    inside: str = ""
    aggregate: str = ""


@dataclass
class Device:
    """A device that answered, merged from all that describe it."""

    key: str
    ci_class: str
    identifiers: tuple[Identifier, ...]
    names: set[str] = field(default_factory=set)
    roles: set[str] = field(default_factory=set)
    addresses: dict[str, str] = field(default_factory=dict)  # address: key of its port, "" where that is not known
    routed: set[tuple[str, str]] = field(default_factory=set)  # routing instance and address, of configured ones
    macs: set[str] = field(default_factory=set)
    chassis: set[Named] = field(default_factory=set)
    ports: dict[str, Port] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)  # keys of ports in other sources: key here
    base_ports: dict[int, str] = field(default_factory=dict)
    subnets: dict[str, tuple[str, str]] = field(default_factory=dict)  # routing instance and prefix by key
    bridges: bool = False
    members: dict[str, list[str]] = field(default_factory=dict)  # of aggregates
    found: dict[str, dict[str, set[str]]] = field(default_factory=dict)  # ports by kind of name

    def port(self, key: str) -> str:
        """The key under which a port is known here; "" where it is not."""
        key = self.same.get(key, key)
        return key if key in self.ports else ""

    def parent_of(self, key: str) -> str:
        """The path of the port's parent."""
        return self.key + self.ports[key].inside

    def path(self, key: str) -> str:
        """The path of a port."""
        return path(self.parent_of(key), "Interface", key)

    def physical(self, key: str) -> str:
        """The port that a logical unit or sub-interface lies on: `ge-0/0/0` for `ge-0/0/0.0`; else the port itself."""
        head, dot, unit = key.rpartition(".")
        port, below = self.ports.get(key), self.ports.get(head)
        if not dot or not unit.isdigit() or port is None or below is None:
            return key
        if port.type == "ethernetCsmacd" and port.mac != below.mac:
            return key
        return self.physical(head)

    def is_physical(self, key: str) -> bool:
        """Whether a cable can end there."""
        return self.physical(key) == key and key not in self.members and self.ports[key].type not in AGGREGATES


def is_useful(address: str) -> bool:
    """Whether an address tells devices apart."""
    return bool(address) and not address.startswith(LOOPBACKS)


class Network:
    """All devices of the reports, with their ports; every look-up gives a device only where it is the only one."""

    def __init__(self, reports: Sequence[Report], facts: Sequence[Facts]) -> None:
        """Describe every device once: same target, or a strong identifier in common."""
        self.devices: dict[str, Device] = {}
        self.of_target: dict[str, str] = {}
        self._of_key: dict[str, str] = {}
        described = [(r, d) for r in sorted(reports, key=_order) if (d := _device_of(r)) is not None]
        for group in _same_devices(described):
            self._add(group)
        for one in sorted(facts, key=lambda f: (RANK.get(f.source, 9), f.source, f.target)):
            self._add_facts(one)
        self._index()
        self.by_cache = self._resolve(facts)
        self.resolved: dict[str, set[str]] = defaultdict(set)  # IPv4 addresses in caches by MAC address
        for row in (row for one in facts for row in one.resolved if row.vrf == DEFAULT_VRF and ":" not in row.address):
            self.resolved[row.mac].add(row.address)

    def device_of(self, facts: Facts) -> Device | None:
        """The device that told the facts."""
        return self.devices.get(self._of_key.get(facts.device) or self.of_target.get(facts.target, ""))

    def described_as(self, key: str) -> Device | None:
        """The device that a report describes under a key."""
        return self.devices.get(self._of_key.get(key, ""))

    def _add(self, group: list[tuple[Report, Observation]]) -> None:
        strong = [d.key for _, d in group if any(i.strong and i.key == d.key for i in d.identifiers)]
        key = strong[0] if strong else group[0][1].key
        merged = {i.key: i for _, d in reversed(group) for i in d.identifiers}
        first = next(d for _, d in group if d.key == key)
        ordered = tuple(sorted(merged.values(), key=lambda i: (i.key != key, not i.strong, i.key)))
        device = self.devices[key] = Device(key, first.ci_class, ordered)
        for report, described in group:
            self.of_target[report.target] = key
            self._of_key[described.key] = key
            _describe(device, described)
            _add_ports(device, described.key, report)

    def _add_facts(self, facts: Facts) -> None:
        device = self.device_of(facts)
        if device is None:
            return
        device.macs |= {m for m in facts.base_macs if not is_group_mac(m)}
        if facts.base_macs and not any(port.mac for port in device.ports.values()):
            device.macs |= _block(facts.base_macs[0], len(facts.base_ports))
        if facts.chassis is not None:
            device.chassis.add(facts.chassis)
            if facts.chassis.subtype == "mac":
                device.macs.add(facts.chassis.value)
        for number, key in facts.base_ports.items():
            device.base_ports.setdefault(number, device.port(key))
        device.bridges = device.bridges or bool(facts.forwarded) or len(facts.base_ports) > 1

    def _index(self) -> None:
        self.by_mac: dict[str, set[str]] = defaultdict(set)
        self.by_chassis: dict[Named, set[str]] = defaultdict(set)
        self.by_address: dict[str, set[str]] = defaultdict(set)  # in whatever routing instance
        self.by_routed: dict[tuple[str, str], set[str]] = defaultdict(set)  # by routing instance and address
        self.by_name: dict[str, set[str]] = defaultdict(set)
        self.by_short_name: dict[str, set[str]] = defaultdict(set)
        self.by_serial: dict[str, set[str]] = defaultdict(set)
        for key, device in self.devices.items():
            _index_ports(device)
            for mac in device.macs:
                self.by_mac[mac].add(key)
            for chassis in device.chassis:
                self.by_chassis[chassis].add(key)
            for address in device.addresses:
                self.by_address[address].add(key)
            placed = {address for _, address in device.routed}
            for place in device.routed | {(DEFAULT_VRF, a) for a in device.addresses if a not in placed}:
                self.by_routed[place].add(key)
            for name in device.names:
                self.by_name[name].add(key)
                self.by_short_name[name.partition(".")[0]].add(key)
            for identifier in device.identifiers:
                if identifier.key.startswith("serial:"):
                    self.by_serial[identifier.key.rpartition(":")[2].upper()].add(key)

    def owner(self, mac: str) -> str | None:
        """The only device that says that a MAC address is its own."""
        return only(self.by_mac.get(mac, set()))

    def holder(self, mac: str) -> str | None:
        """The owner of a MAC address, else the device whose IP address ARP caches resolve to it."""
        return self.owner(mac) or (self.by_cache[mac][0] if mac in self.by_cache and mac not in self.by_mac else None)

    def is_told(self, vrf: str, address: str, mac: str) -> bool:
        """Whether an address of a cache is one that a device itself tells: in this VRF, or behind this MAC.

        What one router has in an instance of its own, a firewall beside it has in its only one.
        """
        holder = self.owner(mac)
        return (vrf, address) in self.by_routed or (holder is not None and address in self.devices[holder].addresses)

    def _resolve(self, facts: Sequence[Facts]) -> dict[str, tuple[str, str]]:
        """Devices and ports by MAC addresses of caches, where all that a cache resolves to it is one device's."""
        found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for row in (row for one in facts for row in one.resolved if not is_group_mac(row.mac)):
            holder = only(self.by_routed.get((row.vrf, row.address), set()))
            found[row.mac].add((holder, self.devices[holder].addresses[row.address]) if holder else ("", row.address))
        single = {mac: only(holders) for mac, holders in found.items()}
        return {mac: holder for mac, holder in single.items() if holder and holder[0]}


T = TypeVar("T")


def only(found: Iterable[T]) -> T | None:
    """The one element of a set that has just one."""
    listed = list(found)
    return listed[0] if len(listed) == 1 else None


def _block(base: str, size: int) -> set[str]:
    """Addresses that follow the bridge's own: bridges number their ports so, and this one hides them."""
    number = int(base.replace(":", ""), 16)
    return {":".join(f"{number + at:012x}"[i : i + 2] for i in range(0, 12, 2)) for at in range(1, size + 1)}


def _order(report: Report) -> tuple[int, str, str]:
    return RANK.get(report.source.partition(":")[0], 9), report.source, report.target


def _device_of(report: Report) -> Observation | None:
    """The device that a report is about: the first device in it that is its own."""
    own = (o for o in report.observations if o.role == "self" and o.parent is None and o.ci_class in DEVICES)
    return next(own, None) if not report.part else None


def _same_devices(described: list[tuple[Report, Observation]]) -> list[list[tuple[Report, Observation]]]:
    """Groups of what describes one device, each in the given order."""
    leader: dict[str, int] = {}
    root = list(range(len(described)))

    def find(at: int) -> int:
        while root[at] != at:
            at = root[at]
        return at

    for at, (report, device) in enumerate(described):
        for name in [f"target:{report.target}", *(i.key for i in device.identifiers if i.strong)]:
            other = leader.setdefault(name, at)
            low, high = sorted((find(other), find(at)))
            root[high] = low
    groups: dict[int, list[tuple[Report, Observation]]] = defaultdict(list)
    for at, one in enumerate(described):
        groups[find(at)].append(one)
    return list(groups.values())


def _describe(device: Device, observation: Observation) -> None:
    told = observation.attributes
    for name in (told.get("sys_name"), told.get("name")):
        if name and not is_placeholder(name):
            device.names.add(str(name).lower())
    device.roles |= set(told.get("roles", ()))
    device.macs |= {m for m in told.get("mac_addresses", ()) if not is_group_mac(m)}
    for identifier in observation.identifiers:
        if identifier.key.startswith("chassis-id:"):
            _, subtype, value = identifier.key.split(":", 2)
            device.chassis.add(Named(subtype, value))  # type: ignore[arg-type]  # a subtype of our own making
            if subtype == "mac":
                device.macs.add(value)
    if is_useful(str(told.get("management_address", ""))):
        device.addresses.setdefault(told["management_address"], "")


def _add_ports(device: Device, root: str, report: Report) -> None:
    """Take over the interfaces of a report; those known by another spelling are the same ones."""
    spelled: dict[str, set[str]] = defaultdict(set)
    for port in device.ports.values():
        spelled[spelling(port.key)].add(port.key)
    inside: dict[str, str] = {}
    for o in report.observations:
        if o.ci_class == "Interface" and o.parent is not None and (o.parent == root or o.parent.startswith(f"{root}|")):
            key = o.key if o.key in device.ports else only(spelled.get(spelling(o.key), set())) or o.key
            if key != o.key:
                device.same[o.key] = key
            inside[path(o.parent, "Interface", o.key)] = key
            device.ports[key] = _merged(device.ports.get(key), _port(o, key, root))
        elif o.ci_class == "IPAddress" and o.parent in inside and is_useful(str(o.attributes.get("address", ""))):
            device.addresses[o.attributes["address"]] = inside[o.parent]
            device.routed.add((o.attributes.get("vrf", DEFAULT_VRF), o.attributes["address"]))
        elif o.ci_class == "Subnet" and "prefix" in o.attributes:
            device.subnets[o.key] = o.attributes.get("vrf", DEFAULT_VRF), o.attributes["prefix"]
    for port in device.ports.values():
        if port.mac and not is_group_mac(port.mac):
            device.macs.add(port.mac)


def _port(o: Observation, key: str, root: str) -> Port:
    told = o.attributes
    above = next((link.to for link in o.links if link.type == "MEMBER_OF" and "|Interface|" in link.to), "")
    return Port(
        key,
        str(told.get("name", "")),
        str(told.get("description", "")),
        str(told.get("alias", "")),
        told.get("if_index"),
        str(told.get("mac_address", "")),
        str(told.get("type", "")),
        (o.parent or root)[len(root) :],
        above.rpartition("|")[2].replace("%7C", "|").replace("%25", "%"),
    )


def _merged(first: Port | None, second: Port) -> Port:
    if first is None:
        return second
    unknown = {name: getattr(second, name) for name in Port.__dataclass_fields__ if getattr(first, name) in ("", None)}
    return replace(first, **{name: value for name, value in unknown.items() if name != "inside"})


def _index_ports(device: Device) -> None:
    """Ports by each kind of name, and members by their aggregate."""
    found: dict[str, dict[str, set[str]]] = {
        kind: defaultdict(set) for kind in ("name", "spelling", "alias", "index", "mac")
    }
    for key, port in sorted(device.ports.items()):
        above = device.port(port.aggregate)
        if above:
            device.members.setdefault(above, []).append(key)
        for text in {port.key, port.name, port.description} - {""}:
            found["name"][text.lower()].add(key)
            found["spelling"][spelling(text)].add(key)
        if port.alias:
            found["alias"][port.alias.lower()].add(key)
        if port.index is not None:
            found["index"][str(port.index)].add(key)
        if port.mac:
            found["mac"][port.mac].add(key)
    device.found = found
