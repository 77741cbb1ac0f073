"""Cables, from what was seen at their ends."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import product

from collectors.links.network import Device, End, Network
from collectors.links.parties import Sighting

Ends = tuple[End, End]  # in order; the port of the far one is "" where it is not known


@dataclass
class Cable:
    """A cable with the protocols that each target saw it by."""

    ends: Ends
    said: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def protocols(self) -> set[str]:
        """All protocols that saw it, from whichever end."""
        return set().union(*self.said.values())

    @property
    def is_internal(self) -> bool:
        """Whether both ends belong to one device."""
        return self.ends[0].device == self.ends[1].device


def ends_of(one: End, other: End) -> Ends:
    """Both ends in order, one without a port last."""
    first, second = sorted((one, other), key=lambda e: (not e.port, e))
    return first, second


def cables(network: Network, sightings: Iterable[Sighting]) -> dict[Ends, Cable]:
    """All cables by their ends: reciprocal records fill gaps, aggregates give way to their members."""
    filled = _fill(list(sightings))
    settled = [s for s in _settle(network, filled) if s.near_port or s.far_port]
    found: dict[Ends, Cable] = {}
    for s in settled:
        near, far = End(s.near, s.near_port), End(s.far, s.far_port)
        if near != far and (s.near != s.far or (s.near_port and s.far_port)):
            found.setdefault(ends_of(near, far), Cable(ends_of(near, far))).said[s.said_by].add(s.protocol)
    return _without_halves(found)


def _fill(sightings: list[Sighting]) -> list[Sighting]:
    """Fill in ports that one end does not know and the other does."""
    between: dict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for s in sightings:
        between[s.near, s.far].append(s)
    filled = []
    for s in sightings:
        back = between.get((s.far, s.near), []) if s.near != s.far else []
        if not s.far_port and s.near_port:
            s = replace(s, far_port=_partner(s.near_port, s, back, between[s.near, s.far]))
        elif not s.near_port and s.far_port:
            ports = {b.far_port for b in back if b.near_port == s.far_port and b.far_port}
            s = replace(s, near_port=ports.pop() if len(ports) == 1 else "")
        filled.append(s)
    return filled


def _partner(port: str, s: Sighting, back: list[Sighting], forth: list[Sighting]) -> str:
    """The far port that sees this one; or the only one that sees this device, where only this port sees the other."""
    exact = {b.near_port for b in back if b.far_port == port and b.near_port}
    if exact:
        return exact.pop() if len(exact) == 1 else ""
    open_back = {b.near_port for b in back}
    open_forth = {f.near_port for f in forth}
    lonely = len(open_back) == 1 and len(open_forth) == 1 and not any(b.far_port for b in back)
    return open_back.pop() if lonely else ""


def _settle(network: Network, sightings: list[Sighting]) -> list[Sighting]:
    """Bring what speaks of aggregates down to the members, where it is clear which."""
    plain: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for s in sightings:
        near, far = network.devices.get(s.near), network.devices.get(s.far)
        if (
            near
            and far
            and s.near_port
            and s.far_port
            and s.near_port not in near.members
            and s.far_port not in far.members
        ):
            plain[s.near, s.far].add((s.near_port, s.far_port))
            plain[s.far, s.near].add((s.far_port, s.near_port))
    settled = []
    for s in sightings:
        nears, fars = (
            _members(network.devices.get(s.near), s.near_port),
            _members(network.devices.get(s.far), s.far_port),
        )
        if len(nears) == 1 and len(fars) == 1:
            settled.append(replace(s, near_port=nears[0], far_port=fars[0]))
            continue
        pairs = sorted(pair for pair in product(nears, fars) if pair in plain[s.near, s.far])
        settled += [replace(s, near_port=low, far_port=high) for low, high in pairs] or [s]
    return settled


def _members(device: Device | None, port: str) -> list[str]:
    return device.members.get(port, [port]) if device else [port]


def _without_halves(found: dict[Ends, Cable]) -> dict[Ends, Cable]:
    """Drop cables to a device's unknown port where a cable from the same port to that device is known entirely."""
    whole: dict[tuple[End, str], list[Cable]] = defaultdict(list)
    for (one, other), cable in found.items():
        if other.port:
            whole[one, other.device].append(cable)
            whole[other, one.device].append(cable)
    kept = {}
    for ends, cable in sorted(found.items()):
        same = whole.get((ends[0], ends[1].device), []) if not ends[1].port else []
        for full in same:
            for said_by, protocols in cable.said.items():
                full.said[said_by] |= protocols
        if not same:
            kept[ends] = cable
    return kept


def degrees(found: Iterable[Ends]) -> Counter[End]:
    """How many cables end at each port."""
    return Counter(end for ends in found for end in ends if end.port)
