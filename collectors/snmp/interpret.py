"""Raw SNMP answers of one target as a report of observations. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cmdb.observation import CLASS_TABLE, Observation, Report
from collectors.snmp import (
    addresses,
    inventory,
    parts,
    pools,
    power,
    redundancy,
    system,
    vendor_interfaces,
    vendor_parts,
    vrfs,
)
from collectors.snmp.interfaces import Interface, interfaces
from collectors.snmp.interfaces import observe as observe_interfaces
from collectors.snmp.inventory_tables import INVENTORY_TABLES
from collectors.snmp.layers import aggregates, bridged
from collectors.snmp.reads import GROUPS, INTERFACES, LAG_PORTS, PAGP_PORTS, STACK, SURROUNDINGS, SYSTEM, TABLES
from collectors.snmp.rows import READ, is_complete, is_unread
from collectors.snmp.system import Device
from collectors.snmp.text import ENTERPRISES
from collectors.transport.answers import Answers, Oid

SOURCE = "snmp"
SYSTEM_TABLE = "system"
MAKER_TABLE = "maker"  # what the profile asks of the maker's own branch
GROUP_TABLES = "groups"  # one name for all of them: a router that went over to another protocol is not silent
MEMBERSHIPS = (LAG_PORTS, PAGP_PORTS, STACK)
AROUND = frozenset(root for table in SURROUNDINGS for root in table.columns.values())


def interpret(target: str, address: str, answers: Answers, at: int) -> Report:
    """Say what the answers of `target` mean, as read at `at` (epoch ms) from `address` ("" if not known)."""
    routing = vrfs.vrfs(answers)
    configured = addresses.configured(answers, routing)
    found = system.facts(answers)
    ports = ports_of(answers, configured, routing)
    device = system.device(target, address, found, ports)
    profile = device.profile
    ports = power.fed(answers, vendor_interfaces.told_more(profile.interfaces, answers, ports))
    inside = parts.observe(found.inventory, device.key, device.attributes.get("serial_number"))
    places = vendor_parts.Places(found.inventory, ports)
    in_groups, clusters = redundancy.observe(redundancy.groups(answers), configured, device.key)
    told = [*inside.chassis, *inside.modules]
    told += vendor_parts.observe(profile.parts, answers, device.key, told, places)
    attributes = device.attributes | inventory.attributes(device, answers)
    observations = [
        Observation(device.ci_class, device.key, attributes, device.identifiers, links=in_groups),
        *told,
        *inventory.observe(device, answers, told),
        *vrfs.observe(routing, device.key, (i.key for i in device.identifiers if i.strong)),
        *observe_interfaces(ports, device.key, aggregates(answers, ports), _vrf_keys(routing, device.key)),
        *vendor_interfaces.further(profile.interfaces, answers, ports, device.key),
        *addresses.observe(configured, ports, device.key),
        *clusters,
        *pools.observe(answers, device.key),
    ]
    return Report(
        SOURCE, target, at, tuple(observations), complete=_is_complete(answers), tables=_tables(answers, device)
    )


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


def _tables(answers: Answers, device: Device) -> tuple[str, ...]:
    """Names of what was read to its end and had at least one row.

    Tables of aggregation list ports that are in no aggregate as well: where they are silent, nobody left one.
    """
    asked = (*TABLES, *MEMBERSHIPS, *device.profile.tables(), *INVENTORY_TABLES)
    read = [table.name for table in asked if is_complete(answers, table)]
    if any(is_complete(answers, table) for table in GROUPS):
        read.append(GROUP_TABLES)
    if _tells(answers, [o for o in device.profile.scalars() if o[: len(ENTERPRISES)] == ENTERPRISES]):
        read.append(MAKER_TABLE)
    if not _tells(answers, SYSTEM.values()):
        return tuple(read)
    return (SYSTEM_TABLE, *read, CLASS_TABLE) if device.is_decided else (SYSTEM_TABLE, *read)


def _tells(answers: Answers, scalars: Iterable[Oid]) -> bool:
    """Whether any of some scalars was answered with a value, and none was not read."""
    asked = list(scalars)
    return any(answers.get(o) is not None for o in asked) and not any(is_unread(answers, o) for o in asked)
