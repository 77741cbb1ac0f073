"""Which bridges are joined by cables, and the way from one to the other."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

from collectors.links.cables import Ends
from collectors.links.network import Device, End, Network

FEW_PORTS = 3  # what calls itself a switch and has fewer is none


def is_bridge(device: Device) -> bool:
    """Whether a device passes frames on: it has bridge ports, or is a switch by its role and its ports."""
    if device.bridges:
        return True
    return "switch" in device.roles and sum(map(device.is_physical, device.ports)) >= FEW_PORTS


def bridges_of(network: Network) -> set[str]:
    """Keys of all bridges."""
    return {key for key, device in network.devices.items() if is_bridge(device)}


def components(bridges: Iterable[str], joined: Iterable[Iterable[str]]) -> dict[str, str]:
    """The first of all bridges that are joined with each bridge, itself included."""
    leader = {bridge: bridge for bridge in bridges}

    def find(bridge: str) -> str:
        while leader[bridge] != bridge:
            leader[bridge] = bridge = leader[leader[bridge]]
        return bridge

    for several in joined:
        roots = sorted({find(b) for b in several if b in leader})
        for other in roots[1:]:
            leader[other] = roots[0]
    return {bridge: find(bridge) for bridge in sorted(leader)}


def ways(ends: Iterable[Ends], bridges: set[str]) -> dict[tuple[str, str], str]:
    """For pairs of bridges that cables join: the port of the first on the shortest way to the second."""
    beside: dict[str, dict[str, str]] = defaultdict(dict)
    for one, other in sorted(ends):
        for near, far in ((one, other), (other, one)):
            if near.port and near.device != far.device and near.device in bridges and far.device in bridges:
                beside[near.device].setdefault(far.device, near.port)
    found: dict[tuple[str, str], str] = {}
    for start in sorted(beside):
        queue = deque((far, port) for far, port in sorted(beside[start].items()))
        while queue:
            bridge, port = queue.popleft()
            if bridge == start or (start, bridge) in found:
                continue
            found[start, bridge] = port
            queue.extend((far, port) for far in sorted(beside[bridge]))
    return found


def with_aggregates(network: Network, ends: Iterable[End]) -> set[End]:
    """Ports, and the aggregates that they are members of."""
    found = set(ends)
    for device, port in list(found):
        known = network.devices.get(device)
        above = known.port(known.ports[port].aggregate) if known and port in known.ports else ""
        if above:
            found.add(End(device, above))
    return found
