"""Where end points are: on ports of switches, and on segments that several ports share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from cmdb.observation import Report
from collectors.links.cables import Cable, Ends
from collectors.links.domains import with_aggregates
from collectors.links.forwarding import Learned
from collectors.links.network import End, Network, only
from collectors.links.parties import Seen


@dataclass(frozen=True)
class Place:
    """A MAC address on a port."""

    mac: str
    end: End
    vlans: tuple[int, ...]


@dataclass(frozen=True)
class Shared:
    """Ports that share a wire, and the addresses that all of them know there."""

    ends: tuple[End, ...]
    macs: tuple[str, ...]


def shared(groups: Iterable[tuple[End, ...]], tables: Mapping[str, Learned], skipped: Collection[str]) -> list[Shared]:
    """Groups of ports with the addresses on their wire."""
    found = []
    for ends in groups:
        sets = [{m for m in tables[e.device].places if tables[e.device].port(m) == e.port} for e in ends]
        found.append(Shared(ends, tuple(sorted(set.intersection(*sets) - set(skipped)))))
    return found


def uplinks(
    network: Network,
    tables: Mapping[str, Learned],
    cables: Mapping[Ends, Cable],
    seen: Seen,
    bridges: set[str],
) -> set[End]:
    """Ports behind which other bridges are: by a neighbour that says so, or because their own addresses come in."""
    found = {End(*near) for near in seen.bridged}
    for one, other in cables:
        for near, far in ((one, other), (other, one)):
            stranger = seen.strangers.get(far.device)
            if far.device in bridges or (stranger is not None and stranger.bridges):
                found.add(near)
    owner = {mac: key for key in bridges for mac in network.devices[key].macs if network.owner(mac)}
    for bridge, table in tables.items():
        for mac, ports in table.places.items():
            if owner.get(mac, bridge) != bridge:
                found |= {End(bridge, port) for port in ports}
    return with_aggregates(network, found)


def places(tables: Mapping[str, Learned], closed: Collection[End], skipped: Collection[str]) -> list[Place]:
    """The places of all addresses on ports that are not `closed`.

    An address that several bridges show is where the fewest others are: the nearest port to it.
    """
    crowd: Counter[End] = Counter(
        End(bridge, port) for bridge, table in tables.items() for ports in table.places.values() for port in ports
    )
    found: dict[str, list[Place]] = defaultdict(list)
    for bridge, table in tables.items():
        for mac, ports in table.places.items():
            if mac not in skipped:
                found[mac] += [
                    Place(mac, End(bridge, port), tuple(sorted(vlans)))
                    for port, vlans in ports.items()
                    if End(bridge, port) not in closed
                ]
    nearest: list[Place] = []
    for candidates in found.values():
        least = min((crowd[p.end] for p in candidates), default=0)
        nearest += [p for p in candidates if crowd[p.end] == least]
    return sorted(nearest, key=lambda p: (p.mac, p.end))


def cabled_macs(network: Network, cables: Iterable[Ends], seen: Seen) -> set[str]:
    """Addresses whose place is told by a cable already."""
    found = {mac for stranger in seen.strangers.values() for mac in stranger.macs}
    for ends in cables:
        for end, other in (ends, ends[::-1]):
            device = network.devices.get(end.device)
            if device is None:
                continue
            if end.port:
                found.add(device.ports[end.port].mac)
            elif other.port:
                found |= device.macs
    return found - {""}


def hosted_macs(
    network: Network, reports: Iterable[Report], cables: Iterable[Ends], tables: Mapping[str, Learned]
) -> set[str]:
    """Addresses of virtual machines whose host is found in the network: they are reached as it is.

    Bonded ports of a host take turns: a machine that was learned on one of them does not hang on that one.
    """
    wired = {end.device for ends in cables for end in ends} | {
        owner for table in tables.values() for mac in table.places if (owner := network.owner(mac))
    }
    machines = (o for report in reports for o in report.observations if o.ci_class == "VirtualMachine")
    hosted: set[str] = set()
    for o in machines:
        hosts = (network.described_as(link.to) for link in o.links if link.type == "RUNS_ON")
        if any(host is not None and host.key in wired for host in hosts):
            hosted |= {i.key for i in o.identifiers if i.strong}
    found = (d for d in network.devices.values() if hosted and hosted & {i.key for i in d.identifiers if i.strong})
    return {mac for device in found for mac in device.macs}


def alone(network: Network, tables: Mapping[str, Learned]) -> dict[End, str]:
    """Physical ports behind which there is one address and nothing else, with that address.

    A switch without a name may stand between; then the wire is longer, and still leads there.
    """
    behind: dict[End, set[str]] = defaultdict(set)
    for bridge, table in tables.items():
        for mac, ports in table.places.items():
            for port in ports:
                behind[End(bridge, port)].add(mac)
    single = ((end, only(macs)) for end, macs in behind.items() if network.devices[end.device].is_physical(end.port))
    return {end: mac for end, mac in single if mac is not None}


def sole_stations(
    network: Network, lone: Mapping[End, str], spots: Iterable[Place], bridges: Collection[str]
) -> list[tuple[End, ...]]:
    """Ports behind which there is one known device and nothing else, each with the device's own port."""
    found = set()
    for spot in spots:
        key = network.owner(spot.mac)
        if key is None or key in bridges or lone.get(spot.end) != spot.mac:
            continue
        device = network.devices[key]
        own = only({device.physical(k) for k, p in device.ports.items() if p.mac == spot.mac and device.is_physical(k)})
        if own is not None:
            found.add((spot.end, End(key, own)))
    # A card that was learned at two bridges is at one of them only; which one, nobody knows.
    ends = Counter(far for _, far in found)
    return sorted(pair for pair in found if ends[pair[1]] == 1)
