"""Who is at the other end of a port: what several protocols tell of one neighbour, put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cmdb.model.names import is_placeholder
from cmdb.model.shared import is_group_mac
from collectors.facts import Facts, Neighbour
from collectors.ios_names import if_name
from collectors.links.far import as_mac, far_device, far_port, macs_in
from collectors.links.network import Device, Network, is_useful

ORDER = ("lldp", "cdp", "fdp", "edp", "ndp", "lacp", "wifi", "stp", "fdb")  # whose word counts first
FORWARDING = frozenset({"switch", "router", "access_point", "wireless_controller", "firewall", "load_balancer"})


def rank(protocol: str) -> tuple[int, str]:
    """Sorting key of a protocol, the most trusted first."""
    return (ORDER.index(protocol) if protocol in ORDER else len(ORDER), protocol)


@dataclass(frozen=True)
class Sighting:
    """What one target saw on one of its ports by one protocol: a far device, or the key of a stranger."""

    said_by: tuple[str, str]
    protocol: str
    near: str
    near_port: str
    far: str
    far_port: str


@dataclass
class Stranger:
    """A neighbour that is no device of the network, as its neighbours on one or more ports tell of it."""

    key: str
    told: dict[tuple[str, str], list[Neighbour]] = field(default_factory=lambda: defaultdict(list))
    ports: dict[str, dict[str, str]] = field(default_factory=dict)  # attributes of its ports that are named, by name

    @property
    def neighbours(self) -> list[Neighbour]:
        """Everything told of it."""
        return [n for _, told in sorted(self.told.items()) for n in told]

    @property
    def macs(self) -> set[str]:
        """MAC addresses that are its own for sure."""
        return {m for n in self.neighbours for m in stranger_macs(n)}

    @property
    def bridges(self) -> bool:
        """Whether other devices may stand behind it."""
        return any("switch" in n.capabilities or n.protocol == "stp" for n in self.neighbours)


@dataclass
class Seen:
    """Everything that protocols saw."""

    sightings: list[Sighting] = field(default_factory=list)
    strangers: dict[str, Stranger] = field(default_factory=dict)
    bridged: set[tuple[str, str]] = field(default_factory=set)  # ports behind which some other bridge is


def see(network: Network, facts: Sequence[Facts]) -> Seen:
    """Resolve all neighbours of all targets, in an order that does not depend on that of the facts."""
    seen = Seen()
    for one in sorted(facts, key=lambda f: (f.source, f.target)):
        device = network.device_of(one)
        if device is None:
            continue
        ports: dict[str, list[Neighbour]] = defaultdict(list)
        for neighbour in sorted(one.neighbours, key=_neighbour_order):
            port = device.port(neighbour.port)
            ports[device.physical(port) if port else ""].append(neighbour)
        said_by = (one.source, one.target)
        parties = [((device.key, port), party) for port, told in sorted(ports.items()) for party in _parties(told)]
        for near, party in sorted(parties, key=lambda p: p[1][0].protocol == "stp"):
            if party[0].protocol == "stp" and _is_heard_elsewhere(seen, network, said_by, party):
                seen.bridged.add(near)
            else:
                _take(seen, network, said_by, near, party)
    return seen


def _is_heard_elsewhere(seen: Seen, network: Network, said_by: tuple[str, str], party: list[Neighbour]) -> bool:
    """Whether a bridge that nobody knows is likely one of the neighbours that this target hears of by other means.

    Bridge addresses and chassis ids differ, and spanning tree speaks of aggregates where LLDP speaks of their members:
    the same box would be told twice.
    """
    if any(far_device(network, n) for n in party):
        return False
    return any(stranger.bridges for stranger in seen.strangers.values() if said_by in stranger.told)


def _neighbour_order(n: Neighbour) -> tuple[object, ...]:
    far = n.far_port
    return (rank(n.protocol), n.port, n.chassis.subtype != "mac", n.chassis.value, far.value if far else "", n.name)


def _parties(neighbours: list[Neighbour]) -> list[list[Neighbour]]:
    """Groups of neighbours on one port that are one and the same: a sign in common. Those of one order stay in it."""
    groups: list[tuple[set[str], list[Neighbour]]] = []
    for neighbour in neighbours:
        signs, members = _signs(neighbour), [neighbour]
        apart = []
        for other_signs, other in groups:
            if signs & other_signs:
                signs, members = signs | other_signs, other + members
            else:
                apart.append((other_signs, other))
        groups = [*apart, (signs, members)]
    parties = [sorted(members, key=_neighbour_order) for _, members in groups]
    parties.sort(key=lambda p: _neighbour_order(p[0]))
    if any(p[0].protocol != "stp" for p in parties):  # the bridge behind a port is one of those that told their names
        others = [n for p in parties if p[0].protocol == "stp" for n in p]
        parties = [p for p in parties if p[0].protocol != "stp"]
        if len(parties) == 1:
            parties[0] += others
    return parties


def _signs(n: Neighbour) -> set[str]:
    """What tells a neighbour from others on the same port."""
    name = n.name.strip().lower().partition(".")[0]
    found = {f"{n.chassis.subtype} {n.chassis.value}", *(f"mac {m}" for m in macs_in(n))}
    found |= {f"address {a}" for a in n.addresses if is_useful(a)}
    if n.far_port is not None and n.far_port.subtype == "mac" and n.chassis.subtype != "mac":
        found.add(f"mac {n.far_port.value}")
    return found | ({f"name {name}"} if name and not is_placeholder(name) else set())


def _take(
    seen: Seen, network: Network, said_by: tuple[str, str], near: tuple[str, str], party: list[Neighbour]
) -> None:
    """Add what is known of one party on one port."""
    device = next((d for n in party if (d := far_device(network, n))), None)
    if device is not None:
        far = network.devices[device]
        for protocol, port in _far_ports(network, far, party):
            seen.sightings.append(Sighting(said_by, protocol, *near, device, port))
        return
    told = [n for n in party if n.protocol != "stp"] or party
    key = stranger_key(told, near)
    stranger = seen.strangers.setdefault(key, Stranger(key))
    stranger.told[said_by] += told
    ports = stranger_ports(told)
    stranger.ports |= ports
    for n in told:
        own = next((name for name, told_of in ports.items() if names_port(n) in (name, *told_of.values())), "")
        port = own or (next(iter(ports)) if len(ports) == 1 else "")
        seen.sightings.append(Sighting(said_by, n.protocol, *near, key, port))


def _far_ports(network: Network, far: Device, party: list[Neighbour]) -> list[tuple[str, str]]:
    """Protocols with the far port each names. One that can't say which port speaks of the port of the others."""
    named = [(n.protocol, far_port(network, far, n)) for n in party]
    known = list(dict.fromkeys(port for _, port in named if port))
    pairs = []
    for protocol, port in named:
        pairs += [(protocol, port)] if port or len(known) != 1 else [(protocol, known[0])]
    if known:  # an unknown port beside several known ones says nothing more
        pairs = [pair for pair in pairs if pair[1]]
    return sorted(set(pairs), key=lambda p: (rank(p[0]), p[1]))


def stranger_macs(n: Neighbour) -> list[str]:
    """MAC addresses of a neighbour: its chassis id or name, else the port's, where the chassis is told otherwise."""
    port = as_mac(n.far_port.value) if n.far_port is not None and n.protocol != "stp" else ""
    return [m for m in dict.fromkeys([*macs_in(n), port]) if m and not is_group_mac(m)]


def names_port(n: Neighbour) -> str:
    """What a neighbour calls its port; "" for nothing, and for the number that spanning tree has."""
    if n.far_port is None or n.protocol in ("stp", "wifi"):
        return ""
    if not n.far_port.value.strip("0:.- "):
        return n.far_port_description
    return as_mac(n.far_port.value) or n.far_port.value


def stranger_ports(party: list[Neighbour]) -> dict[str, dict[str, str]]:
    """Ports of a neighbour on one wire by name, with what is told of them; the most trusted protocol's word counts."""
    first = next((n.protocol for n in party if names_port(n)), "")
    found: dict[str, dict[str, str]] = {}
    for n in party:
        value, words = names_port(n), n.far_port_description
        if not value or n.protocol != first:
            continue
        name = words or value if as_mac(value) else value
        if n.protocol == "cdp":  # under this name it will be found when the device itself answers
            name, words = if_name(name, n.description), words or name
        told = {"name": name, "mac_address": as_mac(value), "description": words if words != name else ""}
        found.setdefault(name, {k: v for k, v in told.items() if v})
    return found


def stranger_key(party: Iterable[Neighbour], near: tuple[str, str]) -> str:
    """The key of a neighbour that nobody knows: its chassis id; never an IP address alone."""
    party = list(party)
    for n in party:
        macs = [m for m in macs_in(n) if not is_group_mac(m)]
        if macs:
            return f"chassis-id:mac:{macs[0]}"
    for n in party:
        if macs := stranger_macs(n):
            return f"mac:{macs[0]}"
    first = party[0]
    plain = f"chassis-id:{first.chassis.subtype}:{first.chassis.value}"
    if first.chassis.subtype == "address" or is_placeholder(first.chassis.value):
        return f"{plain}@{near[0]}/{near[1]}"
    return plain
