"""Forwarding tables of all bridges, without what says nothing of places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from cmdb.model.shared import is_group_mac
from collectors.facts import Facts
from collectors.links.network import Network


@dataclass
class Learned:
    """Where one bridge learned addresses: MAC address → port → VLANs; and which targets told it."""

    device: str
    places: dict[str, dict[str, set[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    told_by: set[tuple[str, str]] = field(default_factory=set)

    def port(self, mac: str) -> str:
        """The port of an address; "" where it is unknown or was learned on several."""
        ports = self.places.get(mac, {})
        return next(iter(ports)) if len(ports) == 1 else ""


def learned(network: Network, facts: Sequence[Facts]) -> dict[str, Learned]:
    """Tables by bridge. A bridge's own addresses and those that groups of devices share are left out."""
    found: dict[str, Learned] = {}
    for one in sorted(facts, key=lambda f: (f.source, f.target)):
        device = network.device_of(one)
        if device is None or not one.forwarded:
            continue
        table = found.setdefault(device.key, Learned(device.key))
        table.told_by.add((one.source, one.target))
        for row in one.forwarded:
            port = device.port(row.port)
            if port and not is_group_mac(row.mac) and row.mac not in device.macs:
                table.places[row.mac][device.physical(port)] |= {row.vlan} if row.vlan else set()
    return dict(sorted(found.items()))
