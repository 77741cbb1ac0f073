"""Raw SNMP answers of one target as a report of observations. Pure."""

from __future__ import annotations

from cmdb.observation import Observation, Report
from collectors.snmp import addresses, parts, pools, redundancy, system, vendor_parts, vrfs
from collectors.snmp.interfaces import Interface, interfaces
from collectors.snmp.interfaces import observe as observe_interfaces
from collectors.snmp.layers import aggregates, bridged
from collectors.snmp.reads import GROUPS, INTERFACES, LAG_PORTS, PAGP_PORTS, STACK, SURROUNDINGS, TABLES
from collectors.snmp.rows import READ, is_complete
from collectors.transport.answers import Answers

SOURCE = "snmp"
SYSTEM_TABLE = "system"
GROUP_TABLES = "groups"  # one name for all of them: a router that went over to another protocol is not silent
MEMBERSHIPS = (LAG_PORTS, PAGP_PORTS, STACK)
AROUND = frozenset(root for table in SURROUNDINGS for root in table.columns.values())


def interpret(target: str, address: str, answers: Answers, at: int) -> Report:
    """Say what the answers of `target` mean, as read at `at` (epoch ms) from `address` ("" if not known)."""
    routing = vrfs.vrfs(answers)
    configured = addresses.configured(answers, routing)
    ports = ports_of(answers, configured, routing)
    found = system.facts(answers)
    device = system.device(target, address, found, ports)
    inside = parts.observe(found.inventory, device.key)
    in_groups, clusters = redundancy.observe(redundancy.groups(answers), configured, device.key)
    observations = [
        Observation(device.ci_class, device.key, device.attributes, device.identifiers, links=in_groups),
        *inside.chassis,
        *inside.modules,
        *vendor_parts.observe(device.profile.parts, answers, device.key, [*inside.chassis, *inside.modules]),
        *vrfs.observe(routing, device.key, (i.key for i in device.identifiers if i.strong)),
        *observe_interfaces(ports, device.key, aggregates(answers, ports), _vrf_keys(routing, device.key)),
        *addresses.observe(configured, ports, device.key),
        *clusters,
        *pools.observe(answers, device.key),
    ]
    return Report(SOURCE, target, at, tuple(observations), complete=_is_complete(answers), tables=_tables(answers))


def _vrf_keys(routing: vrfs.Vrfs, device: str) -> dict[int, str]:
    return {if_index: vrfs.vrf_key(device, name) for if_index, name in routing.of_port.items()}


def ports_of(answers: Answers, configured: list[addresses.Configured], routing: vrfs.Vrfs) -> dict[int, Interface]:
    """All interfaces by ifIndex, those included that only other tables refer to."""
    more = frozenset(c.if_index for c in configured)
    if not any(answers.column(root) for root in INTERFACES.columns.values()):
        more |= bridged(answers) | routing.of_port.keys()  # it has these, and tells no more of them
    return interfaces(answers, more)


def _is_complete(answers: Answers) -> bool:
    """Whether nothing failed: an empty table is an answer, a table that was cut or denied is not.

    What the device says of its surroundings is judged apart: nothing here follows from it.
    """
    return all(walk.outcome in READ for root, walk in answers.tables.items() if root not in AROUND)


def _tables(answers: Answers) -> tuple[str, ...]:
    """Names of what was read to its end and had at least one row.

    Tables of aggregation list ports that are in no aggregate as well: where they are silent, nobody left one.
    """
    read = [table.name for table in (*TABLES, *MEMBERSHIPS) if is_complete(answers, table)]
    if any(is_complete(answers, table) for table in GROUPS):
        read.append(GROUP_TABLES)
    return (SYSTEM_TABLE, *read) if answers.scalars else tuple(read)
