"""VLANs: one per number and layer-2 domain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from cmdb.observation import Identifier, Link
from collectors.facts import Facts
from collectors.links.network import Network
from collectors.links.telling import Telling

MAX_VLAN = 4094


class Vlans:
    """The VLANs of all switches, by domain and number."""

    def __init__(self, network: Network, facts: Sequence[Facts], component: Mapping[str, str]) -> None:
        self._component = component
        self._names: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        for one in facts:
            device = network.device_of(one)
            if device is None:
                continue
            domain = component.get(device.key, device.key)
            for vlan in _numbers(one):
                if name := one.vlans.get(vlan):
                    self._names[domain, vlan][name] += 1

    def tell(self, network: Network, facts: Facts, telling: Telling) -> None:
        """Report the VLANs of one target, and which of its ports are in them."""
        device = network.device_of(facts)
        if device is None:
            return
        domain = self._component.get(device.key, device.key)
        # Named after the domain's first switch only, whether that has the VLAN or did not tell: had each switch a name
        # of its own for it, every cable that joins two domains would leave a contradiction for a person to resolve.
        # All strong identifiers of that switch count, as it may be known by another one at the next visit.
        known = network.devices.get(domain, device)
        first = list(dict.fromkeys((domain, *(i.key for i in known.identifiers if i.strong))))
        keys = {}
        for vlan in _numbers(facts):
            key = f"vlan:{domain}:{vlan}"
            names = sorted(self._names[domain, vlan].items(), key=lambda item: (-item[1], item[0]))
            attributes = {"name": names[0][0] if names else f"VLAN {vlan}", "vlan_id": vlan}
            identifiers = tuple(Identifier(f"vlan:{one}:{vlan}") for one in first)
            keys[vlan] = telling.thing("VLAN", key, attributes, identifiers)
        for one in facts.vlan_ports:
            port = device.port(one.port)
            if port and one.vlan_id in keys:
                link = Link("MEMBER_OF", keys[one.vlan_id], {"tagged": one.tagged}, facts.source)
                telling.tie(telling.port(device, port), link)


def _numbers(facts: Facts) -> list[int]:
    found = set(facts.vlans) | {one.vlan_id for one in facts.vlan_ports}
    return sorted(v for v in found if 0 < v <= MAX_VLAN)
