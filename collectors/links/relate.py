"""From what many devices tell of their surroundings to reports of the ties between them."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Sequence

from cmdb.observation import Identifier, Link, Report
from collectors.facts import DEFAULT_VRF, Facts
from collectors.links import strangers
from collectors.links.bridges import facing, groups
from collectors.links.cables import Cable, Ends, cables, ends_of
from collectors.links.domains import bridges_of, components, ways, with_aggregates
from collectors.links.forwarding import Learned, learned
from collectors.links.network import Device, End, Network, only
from collectors.links.parties import Seen, rank, see
from collectors.links.places import (
    Place,
    Shared,
    alone,
    cabled_macs,
    hosted_macs,
    places,
    shared,
    sole_stations,
    uplinks,
)
from collectors.links.pools import listening, tell_pools
from collectors.links.telling import Telling
from collectors.links.vlans import Vlans

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_WAYS = 1000  # bridges between which ways along cables are worked out


def relate(reports: Sequence[Report], facts: Sequence[Facts]) -> list[Report]:
    """Say how the devices of the reports are tied to each other and to what they see.

    Gives one further report for each target that has something to say, with part "links": things of role `mentioned`
    exist already and only get links, those of role `reported` are new. Same input in any order, same output.
    """
    network = Network(reports, facts)
    facts = sorted(facts, key=lambda f: (f.source, f.target))
    seen = see(network, facts)
    found = cables(network, seen.sightings)
    tables = learned(network, facts)
    bridges = bridges_of(network) | tables.keys()
    _confirm(found, tables, network)

    joined = [{end.device for end in ends} for ends in found]
    component = components(bridges, joined)
    wires = _wires(network, tables, found, bridges, component)
    ups = uplinks(network, tables, found, seen, bridges)
    skipped = cabled_macs(network, found, seen) | {m for b in bridges for m in network.devices[b].macs}
    skipped |= hosted_macs(network, reports, found, tables)
    segments = shared(wires, tables, skipped)
    for one in segments:
        if len(one.ends) == 2 and not one.macs:
            _infer_cable(found, network, one.ends, tables)
    segments = [one for one in segments if len(one.ends) > 2 or one.macs]
    component = components(bridges, [*joined, *({e.device for e in ends} for ends in wires)])
    asked = {device.key for f in facts if (device := network.device_of(f)) is not None}
    _infer_half_cables(found, network, tables, {k: c for k, c in component.items() if k in asked}, wires)
    closed = ups | {end for ends in wires for end in ends}
    spots = places(tables, closed, skipped | {m for one in segments for m in one.macs})
    lone = alone(network, tables)
    for ends in sole_stations(network, lone, spots, bridges):
        _infer_cable(found, network, ends, tables)

    tellings = {(f.source, f.target): Telling(f) for f in facts if network.device_of(f)}
    _tell_cables(tellings, network, found, seen)
    _tell_places(tellings, network, tables, spots)
    _tell_strangers(tellings, network, tables, [spot for spot in spots if lone.get(spot.end) == spot.mac])
    _tell_segments(tellings, network, tables, segments)
    vlans = Vlans(network, facts, components(bridges, [{end.device for end in ends} for ends in [*found, *wires]]))
    software = listening(network, reports) if any(f.pools for f in facts) else {}
    for telling in tellings.values():
        _tell_addresses(telling, network)
        tell_pools(telling, network, software)
        vlans.tell(network, telling.facts, telling)
    return [report for _, telling in sorted(tellings.items()) if (report := telling.report()) is not None]


def _confirm(found: dict[Ends, Cable], tables: dict[str, Learned], network: Network) -> None:
    """Add the word of forwarding tables to cables that protocols told: the far device's own address comes in there."""
    for ends, cable in found.items():
        for near, far in (ends, ends[::-1]):
            table, device = tables.get(near.device), network.devices.get(far.device)
            if table is None or device is None or cable.is_internal:
                continue
            above = {e.port for e in with_aggregates(network, {near})}
            if any(above & table.places[mac].keys() for mac in device.macs if mac in table.places):
                for said_by in table.told_by & cable.said.keys():
                    cable.said[said_by].add("fdb")


def _wires(
    network: Network,
    tables: dict[str, Learned],
    found: dict[Ends, Cable],
    bridges: set[str],
    component: dict[str, str],
) -> list[tuple[End, ...]]:
    """Ports that share a wire by what forwarding tables show, for ports of which no protocol tells."""
    if len({component[bridge] for bridge in tables}) < 2:
        return []
    own = {key: {m for m in network.devices[key].macs if network.owner(m)} for key in sorted(bridges)}
    along = ways(found, bridges) if len(bridges) <= MAX_WAYS else {}
    taken = with_aggregates(network, {end for ends in found for end in ends if end.port})
    return groups(facing(tables, own, component, along), taken)


def _infer_cable(found: dict[Ends, Cable], network: Network, ends: tuple[End, ...], tables: dict[str, Learned]) -> None:
    """Take over a wire between two ports as a cable; an aggregate of one port is that port."""
    settled = []
    for device, port in ends:
        members = network.devices[device].members.get(port, [port])
        settled.append(End(device, members[0] if len(members) == 1 else port))
    pair = ends_of(*settled)
    cable = found.setdefault(pair, Cable(pair))
    for end in pair:
        for said_by in tables[end.device].told_by if end.device in tables else ():
            cable.said[said_by].add("fdb")


def _infer_half_cables(
    found: dict[Ends, Cable],
    network: Network,
    tables: dict[str, Learned],
    component: dict[str, str],
    wires: list[tuple[End, ...]],
) -> None:
    """Take over where a bridge is that shows no table: the only free port that learned its own addresses leads to it.

    Where two such bridges are behind one port, none is told: the one may be behind the other. `component` holds bridges
    that were asked in this run: one that is only known from before has a table that nobody saw.
    """
    taken = with_aggregates(network, {end for ends in [*found, *wires] for end in ends if end.port})
    owner = {mac: key for key in component for mac in network.devices[key].macs if network.owner(mac)}
    ports: dict[str, set[End]] = defaultdict(set)
    behind: dict[End, set[str]] = defaultdict(set)
    for bridge, table in tables.items():
        for mac in table.places.keys() & owner.keys():
            other = owner[mac]
            if component[other] != component[bridge]:
                ports[other] |= {End(bridge, port) for port in table.places[mac]}
    for other, ends in ports.items():
        for end in ends:
            behind[end].add(other)
    for other, ends in sorted(ports.items()):
        place = only(ends)
        if place is not None and place not in taken and len(behind[place]) == 1:
            pair = ends_of(place, End(other, ""))
            cable = found.setdefault(pair, Cable(pair))
            for said_by in tables[place.device].told_by:
                cable.said[said_by].add("fdb")


def _tell_cables(
    tellings: dict[tuple[str, str], Telling], network: Network, found: dict[Ends, Cable], seen: Seen
) -> None:
    """Each target tells the cables that it saw, from its own end."""
    for ends, cable in sorted(found.items()):
        protocols = sorted(cable.protocols, key=rank)
        for said_by, own in cable.said.items():
            telling = tellings[said_by]
            device = network.device_of(telling.facts)
            near, far = ends if device is None or ends[0].device == device.key else ends[::-1]
            if not near.port:
                near, far = far, near
            attributes = {"protocols": protocols} | ({"internal": True} if cable.is_internal else {})
            thing, to = _end(telling, network, seen, near, says=True), _end(telling, network, seen, far)
            telling.tie(thing, Link("CONNECTED_TO", to, attributes, min(own, key=rank)))


def _end(telling: Telling, network: Network, seen: Seen, end: End, *, says: bool = False) -> str:
    """Name an end of a cable; what is new is reported, and what links are said from (`says`) is mentioned."""
    device = network.devices.get(end.device)
    if device is None:
        stranger = seen.strangers[end.device]
        told = stranger.told[telling.facts.source, telling.facts.target]
        told = sorted(told, key=lambda n: rank(n.protocol))
        key = telling.thing(
            strangers.ci_class(told),
            end.device,
            strangers.attributes(end.device, told),
            strangers.identifiers(end.device, told),
        )
        return telling.part(key, "Interface", end.port, stranger.ports[end.port]) if end.port else key
    if says:
        return telling.port(device, end.port)
    _mention_if_weak(telling, device)
    return device.path(end.port) if end.port else device.key


def _mention_if_weak(telling: Telling, device: Device) -> None:
    """A key that is no strong identifier names a device only inside the report."""
    if not any(i.strong and i.key == device.key for i in device.identifiers):
        telling.device(device)


def _tell_places(
    tellings: dict[tuple[str, str], Telling], network: Network, tables: dict[str, Learned], spots: Sequence[Place]
) -> None:
    """End points on ports: devices that are known by their address, others as new ones."""
    vlans: dict[tuple[str, str, End], set[int]] = defaultdict(set)
    for spot in spots:
        vlans[network.owner(spot.mac) or "", spot.mac if not network.owner(spot.mac) else "", spot.end] |= set(
            spot.vlans
        )
    for (key, mac, end), seen_in in sorted(vlans.items()):
        bridge = network.devices[end.device]
        attributes = {"vlan_id": sorted(seen_in)} if seen_in else {}
        for said_by in sorted(tables[end.device].told_by):
            telling = tellings[said_by]
            thing = telling.device(network.devices[key]) if key else _end_point(telling, network, mac)
            _mention_if_weak(telling, bridge)
            telling.tie(thing, Link("SEEN_ON", bridge.path(end.port), attributes, "fdb"))


def _tell_strangers(
    tellings: dict[tuple[str, str], Telling], network: Network, tables: dict[str, Learned], spots: Sequence[Place]
) -> None:
    """Cables to things of which only a MAC address is known, and which are alone behind their port."""
    for spot in spots:
        if network.owner(spot.mac):
            continue
        for said_by in sorted(tables[spot.end.device].told_by):
            telling = tellings[said_by]
            card = {"name": spot.mac, "mac_address": spot.mac}
            far = telling.part(_end_point(telling, network, spot.mac), "Interface", spot.mac, card)
            near = telling.port(network.devices[spot.end.device], spot.end.port)
            telling.tie(near, Link("CONNECTED_TO", far, {"protocols": ["fdb"]}, "fdb"))


def _end_point(telling: Telling, network: Network, mac: str) -> str:
    """A thing of which only a MAC address is known, and where it can be reached if ARP shows one address for it."""
    key = f"mac:{mac}"
    reached_at = only(network.resolved.get(mac, ()))
    attributes = {"name": mac, "mac_addresses": [mac]} | ({"management_address": reached_at} if reached_at else {})
    return telling.thing("Endpoint", key, attributes, (Identifier(key, strong=False),))


def _tell_segments(
    tellings: dict[tuple[str, str], Telling], network: Network, tables: dict[str, Learned], segments: Sequence[Shared]
) -> None:
    """Segments: each bridge attaches its own port, the first one also the end points."""
    for one in segments:
        first = one.ends[0]
        key = f"segment:{first.device}/{first.port}"
        name = f"segment at {_called(network.devices[first.device])} {first.port}"
        for end in one.ends:
            device = network.devices[end.device]
            for said_by in sorted(tables[end.device].told_by):
                telling = tellings[said_by]
                telling.thing("Segment", key, {"name": name, "kind": "shared"}, (Identifier(key),))
                telling.tie(telling.port(device, end.port), Link("ATTACHED_TO", key, {}, "fdb"))
                for mac in one.macs if end == first else ():
                    holder = network.holder(mac)
                    thing = telling.device(network.devices[holder]) if holder else _end_point(telling, network, mac)
                    telling.tie(thing, Link("ATTACHED_TO", key, {}, "fdb"))


def _called(device: Device) -> str:
    return min(device.names, default=device.key)


def _tell_addresses(telling: Telling, network: Network) -> None:
    """Addresses of others in ARP and neighbour caches; those of devices that are known stand inside these.

    A link-local address is one of its wire only, so that the port it was seen on is part of its name.
    """
    device = network.device_of(telling.facts)
    subnets = _parsed(device.subnets) if device else []
    for one in sorted(telling.facts.resolved, key=lambda r: (r.vrf, r.address, r.mac, r.port)):
        ip = ipaddress.ip_address(one.address)
        vrf = "" if one.vrf == DEFAULT_VRF else one.vrf
        zone = f"%{device.key}/{one.port}" if ip.is_link_local and ip.version == 6 and device and one.port else ""
        if ip.is_link_local and (not zone or network.owner(one.mac)):
            continue
        if network.is_told(one.vrf, one.address, one.mac):
            continue
        key = f"address:{vrf}:{one.address}{zone}"
        attributes = {"name": one.address, "address": one.address, "mac_address": one.mac}
        thing = telling.thing("IPAddress", key, attributes | ({"vrf": vrf} if vrf else {}), (Identifier(key),))
        inside = None if zone else next((key for at, net, key in subnets if at == one.vrf and _holds(net, ip)), None)
        if inside:
            telling.tie(thing, Link("IN_SUBNET", inside, {}, "arp"))


def _holds(net: IPNetwork, ip: IPAddress) -> bool:
    return ip.version == net.version and ip in net


def _parsed(subnets: dict[str, tuple[str, str]]) -> list[tuple[str, IPNetwork, str]]:
    """Subnets of a device, the smallest first."""
    found = [(vrf, ipaddress.ip_network(prefix), key) for key, (vrf, prefix) in sorted(subnets.items())]
    return sorted(found, key=lambda item: -item[1].prefixlen)
