"""What an agent tells of its surroundings: neighbours, forwarding tables, ARP caches and VLANs. Pure."""

from __future__ import annotations

from collectors.facts import Facts, Neighbour
from collectors.snmp import addresses, system
from collectors.snmp.bridging import blocked, forwarded, port_keys
from collectors.snmp.caches import resolved
from collectors.snmp.cdp import cdp
from collectors.snmp.interfaces import Interface
from collectors.snmp.interpret import SOURCE, ports_of
from collectors.snmp.maker_neighbours import maker_neighbours
from collectors.snmp.neighbours import lldp, lldp2, lldp_chassis, nms_lldp, spanning_tree, wireless
from collectors.snmp.pools import pools
from collectors.snmp.reads import KIND, SURROUNDINGS
from collectors.snmp.rows import is_complete
from collectors.snmp.text import mac
from collectors.snmp.vlans import names, vlan_ports
from collectors.snmp.vrfs import vrfs
from collectors.transport.answers import Answers


def surroundings(target: str, address: str, answers: Answers, at: int) -> Facts:
    """Say what the answers of `target` tell of its surroundings; the arguments are those of `interpret`."""
    routing = vrfs(answers)
    ports = ports_of(answers, addresses.configured(answers, routing), routing)
    device = system.device(target, address, system.facts(answers), ports)
    return Facts(
        SOURCE,
        target,
        at,
        device.key,
        neighbours=tuple(_neighbours(answers, ports)),
        forwarded=tuple(forwarded(answers, ports)),
        resolved=tuple(resolved(answers, ports, routing)),
        vlans=names(answers),
        vlan_ports=tuple(vlan_ports(answers, ports)),
        pools=tuple(pools(answers, device.key)),
        chassis=lldp_chassis(answers),
        base_macs=tuple(_base_macs(answers, ports)),
        base_ports=port_keys(answers, ports),
        blocked=tuple(blocked(answers, ports)),
        read=frozenset(table.name for table in SURROUNDINGS if is_complete(answers, table)),
    )


def _neighbours(answers: Answers, ports: dict[int, Interface]) -> list[Neighbour]:
    found = [
        *lldp(answers, ports),
        *lldp2(answers, ports),
        *nms_lldp(answers, ports),
        *cdp(answers, ports),
        *maker_neighbours(answers, ports),
        *wireless(answers, ports),
        *spanning_tree(answers, ports),
    ]
    return list(dict.fromkeys(found))


def _base_macs(answers: Answers, ports: dict[int, Interface]) -> list[str]:
    """Addresses of the bridge and of the LLDP chassis that no interface has."""
    own = lldp_chassis(answers)
    found = {mac(answers.get(KIND["bridge_address"])), own.value if own and own.subtype == "mac" else None}
    return sorted(m for m in found - {p.mac for p in ports.values()} if m)
