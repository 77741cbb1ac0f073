"""What an agent tells of its surroundings: neighbours, forwarding tables, ARP caches and VLANs. Pure."""

from __future__ import annotations

from collectors.facts import Facts, Neighbour, Resolved
from collectors.snmp import addresses, system
from collectors.snmp.addresses import inet_index
from collectors.snmp.bridging import blocked, forwarded, port_keys
from collectors.snmp.interfaces import Interface
from collectors.snmp.interpret import SOURCE, ports_of
from collectors.snmp.neighbours import cdp, lldp, lldp2, lldp_chassis, spanning_tree, wireless
from collectors.snmp.pools import pools
from collectors.snmp.reads import ARP, KIND, NEIGHBOUR_CACHE, SURROUNDINGS
from collectors.snmp.rows import is_complete, rows
from collectors.snmp.text import integer, mac
from collectors.snmp.vlans import names, vlan_ports
from collectors.transport.answers import Answers

INVALID = 2  # ipNetToMediaType and ipNetToPhysicalType


def surroundings(target: str, address: str, answers: Answers, at: int) -> Facts:
    """Say what the answers of `target` tell of its surroundings; the arguments are those of `interpret`."""
    ports = ports_of(answers, addresses.configured(answers))
    device = system.device(target, address, system.facts(answers), ports)
    return Facts(
        SOURCE,
        target,
        at,
        device.key,
        neighbours=tuple(_neighbours(answers, ports)),
        forwarded=tuple(forwarded(answers, ports)),
        resolved=tuple(_resolved(answers, ports)),
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
        *cdp(answers, ports),
        *wireless(answers, ports),
        *spanning_tree(answers, ports),
    ]
    return list(dict.fromkeys(found))


def _base_macs(answers: Answers, ports: dict[int, Interface]) -> list[str]:
    """Addresses of the bridge and of the LLDP chassis that no interface has."""
    own = lldp_chassis(answers)
    found = {mac(answers.get(KIND["bridge_address"])), own.value if own and own.subtype == "mac" else None}
    return sorted(m for m in found - {p.mac for p in ports.values()} if m)


def _resolved(answers: Answers, ports: dict[int, Interface]) -> list[Resolved]:
    """ARP and neighbour-discovery caches: ipNetToMediaTable and ipNetToPhysicalTable, both."""
    found: dict[tuple[str, str, str], Resolved] = {}
    for table, version4 in ((ARP, True), (NEIGHBOUR_CACHE, False)):
        for index, row in rows(answers, table).items():
            physical = mac(row.get("mac"))
            ip = inet_index((1, *index[1:5]) if version4 else index[1:])
            if physical is None or ip is None or integer(row.get("type")) == INVALID:
                continue
            if ip.is_multicast or ip.is_unspecified or ip.is_loopback or int(physical[:2], 16) & 1:
                continue
            port = ports.get(index[0])
            one = Resolved(str(ip), physical, port.key if port else "")
            found.setdefault((one.address, one.mac, one.port), one)
    return [found[key] for key in sorted(found)]
