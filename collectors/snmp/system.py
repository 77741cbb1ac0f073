"""The device itself: what it is, who made it, and how it is known."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

from cmdb.model import is_placeholder, vendor_slug
from cmdb.model.shared import is_burned_in
from cmdb.observation import Identifier
from cmdb.observation import Value as Attribute
from collectors.snmp.catalogue import catalogue, enterprises, registered
from collectors.snmp.choose import Facts, choose, is_decided, take
from collectors.snmp.engine import engine_identifier
from collectors.snmp.entities import inventory
from collectors.snmp.interfaces import Interface
from collectors.snmp.members import with_members
from collectors.snmp.neighbours import lldp_chassis
from collectors.snmp.profile import Profile
from collectors.snmp.reads import INTERFACES, KIND, SYSTEM
from collectors.snmp.rows import is_unread
from collectors.snmp.serials import is_distinct, serial
from collectors.snmp.table import Table
from collectors.snmp.text import address, enterprise, integer, known, mac, oid, text
from collectors.transport.answers import Answers

AGENT_TOOLKITS = frozenset({99, 2021, 8072, 12325})  # SNMP Research, ucd-snmp, net-snmp, bsnmpd: they made the agent
MAX_MAC_KEYS = 8  # weak keys: enough to recognise a device, few enough for a chassis of 500 ports
BRIDGING, ROUTING, APPLICATIONS = 2, 4, 64  # bits of sysServices: layers 2, 3 and 7
SHORTEST_SERIAL = 3  # digits without leading zeros: 000000000001 is in no register of any maker
MANY_PORTS = 5  # an end point has fewer interfaces
FORWARDING = 1  # ipForwarding


def facts(answers: Answers) -> Facts:
    """What profiles look at, from the raw answers, with the members of a stack that only a maker's table tells."""
    found = asked(answers)
    tables = choose(catalogue(), found).members
    return replace(found, inventory=with_members(found.inventory, tables, answers)) if tables else found


def asked(answers: Answers) -> Facts:
    """What profiles are chosen by."""
    return Facts(
        sys_object_id=oid(answers.get(SYSTEM["sys_object_id"])) or "",
        sys_descr=text(answers.get(SYSTEM["sys_descr"])),
        sys_name=text(answers.get(SYSTEM["sys_name"])),
        answers=answers,
        inventory=inventory(answers),
    )


@dataclass(frozen=True)
class Device:
    """The device as it will be observed; `is_decided` says whether all that its class follows from was read."""

    ci_class: str
    attributes: dict[str, Attribute]
    identifiers: tuple[Identifier, ...]
    profile: Profile
    is_decided: bool = True

    @property
    def key(self) -> str:
        """The first strong identifier, else the target."""
        strong = (i.key for i in self.identifiers if i.strong)
        return next(strong, next(i.key for i in self.identifiers if i.key.startswith("target:")))


def device(target: str, reached_at: str, found: Facts, ports: dict[int, Interface]) -> Device:
    """Describe the device that answered as `target` at the address `reached_at`.

    Where it fell silent before it was clear what it is, nothing is said of what follows from that.
    """
    profile = choose(catalogue(), found)
    decided = is_decided(catalogue(), found)
    described = _described(profile, found) if decided else {}
    kind_known = decided and not (profile.roles is None and any(is_unread(found.answers, o) for o in KIND.values()))
    macs = _macs(found.answers, ports)
    name = known(found.answers.get(SYSTEM["sys_name"]))
    usable_name = name if name and not is_placeholder(name) else None
    attributes: dict[str, Attribute] = {"name": usable_name or target}
    optional = {
        **described,
        "sys_name": name,
        "sys_object_id": found.sys_object_id,
        "sys_description": known(found.sys_descr),
        "sys_location": known(found.answers.get(SYSTEM["sys_location"])),
        "sys_contact": known(found.answers.get(SYSTEM["sys_contact"])),
        "management_address": _management_address(reached_at),
        "mac_addresses": macs,
        "roles": sorted(_roles(profile, found, len(ports))) if kind_known else None,
    }
    attributes.update({k: v for k, v in optional.items() if v})
    return Device(
        _ci_class(profile, found, len(ports)),
        attributes,
        _identifiers(target, usable_name, described, found, macs),
        profile,
        kind_known and (profile.ci_class is not None or not _lacks(found.answers, INTERFACES)),
    )


def _lacks(answers: Answers, table: Table) -> bool:
    """Whether a table was not read to its end."""
    return any(is_unread(answers, root) for root in table.columns.values())


def _described(profile: Profile, found: Facts) -> dict[str, str]:
    """Vendor, model, serial number and operating system by the rules of the profile.

    Serial numbers name a device together with its maker: where that is open, none is told. One in sysDescr may be that
    of the network card: where the maker's branch, which would tell the device's own, is silent, it does not count.
    """
    taken = {attribute: take(rules, found) for attribute, rules in profile.rules.items()}
    if _is_branch_silent(profile, found.answers):
        taken["serial_number"] = take(tuple(r for r in profile.rules["serial_number"] if r.sys_descr is None), found)
    out = {a: next((v for v in t.values if _is_usable(a, v)), "") for a, t in taken.items()}
    out["os_version"] = out["os_version"].rstrip(" .,;")
    out["vendor"] = out["vendor"] or ("" if taken["vendor"].is_open else _vendor(found))
    serials = () if taken["vendor"].is_open and not out["vendor"] else taken["serial_number"].values
    out["serial_number"] = next((s for v in serials if (s := serial(v))), "")
    return {a: " ".join(v.split())[:255] for a, v in out.items() if v}


def _is_branch_silent(profile: Profile, answers: Answers) -> bool:
    """Whether a profile knows where in its maker's branch the serial number stands, and nothing there answered."""
    rules = profile.rules["serial_number"]
    if not any(enterprise(one) for r in rules for one in (r.scalar, r.column) if one is not None):
        return False
    scalars = any(answers.get(o) is not None for o in profile.scalars())
    return not scalars and not any(answers.column(c) for c in profile.columns())


def _is_usable(attribute: str, value: str) -> bool:
    """Whether a value says something; a version may well be one digit repeated (1.1)."""
    is_version = attribute == "os_version" and any(c.isdigit() for c in value)
    return known(value) is not None and (is_version or not is_placeholder(value))


def _vendor(found: Facts) -> str:
    """The maker where no profile tells: by the enterprise number, else as the chassis row or sysDescr names it."""
    number = enterprise(found.sys_object_id)
    maker = enterprises().get(number) if number not in AGENT_TOOLKITS else None
    main = found.inventory.main()
    told = maker or (main.maker if main is not None else "") or _named_maker(found.sys_descr)
    return told or ((registered(number) or "") if number not in AGENT_TOOLKITS else "")


def _named_maker(sys_descr: str) -> str:
    """A maker whose name stands in sysDescr as a whole word; the first one counts."""
    named = _maker_pattern().search(sys_descr)
    return named[0] if named else ""


@functools.cache
def _maker_pattern() -> re.Pattern[str]:
    names = sorted({m for m in enterprises().values() if len(m) > 2}, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b", re.IGNORECASE)


def _macs(answers: Answers, ports: dict[int, Interface]) -> list[str]:
    """Burned-in addresses of the chassis, the bridge and physical ports, in order."""
    bridge, chassis = mac(answers.get(KIND["bridge_address"])), lldp_chassis(answers)
    types = is_unread(answers, INTERFACES.columns["type"])  # what is virtual shows there
    own = {p.mac for p in ports.values() if p.mac and p.is_physical and not (types and "type" not in p.attributes)}
    own |= {bridge} if bridge else set()
    own |= {chassis.value} if chassis is not None and chassis.subtype == "mac" else set()
    return sorted(m for m in own if is_burned_in(m))


def _management_address(reached_at: str) -> str | None:
    """The address that was asked; a loopback address says nothing outside this machine."""
    found = address(reached_at)
    return None if found is None or found.is_loopback or found.is_unspecified else str(found)


def _ci_class(profile: Profile, found: Facts, ports: int) -> str:
    """By profile; else by what the agent implements, and how many interfaces it has."""
    if profile.ci_class is not None:
        return profile.ci_class
    ask = found.answers.get
    if ask(KIND["printer_serial"]) is not None or ask(KIND["printer_name"]) is not None:
        return "Printer"
    if ask(KIND["ups_model"]) is not None or ask(KIND["ups_maker"]) is not None:
        return "PowerDevice"
    if _forwards(found):
        return "NetworkDevice"
    if ask(KIND["host_uptime"]) is not None:
        return "Computer"
    return "NetworkDevice" if ports >= MANY_PORTS else "Endpoint"


def _forwards(found: Facts) -> list[str]:
    """Roles of a device that passes traffic on, by the layers that it names and by what it says of its forwarding.

    Routers name the layer of bridges too (78, or 6): only their bridge ports make them switches.
    """
    ask = found.answers.get
    layers = integer(ask(SYSTEM["sys_services"])) or 0
    forwards_ip = integer(ask(KIND["ip_forwarding"]))
    is_router = forwards_ip == FORWARDING or (layers & ROUTING and not layers & APPLICATIONS and forwards_ip is None)
    is_switch = (integer(ask(KIND["bridge_ports"])) or 0) >= 2 or (layers & BRIDGING and not is_router)
    return [role for role, is_so in (("switch", is_switch), ("router", is_router)) if is_so]


def _roles(profile: Profile, found: Facts, ports: int) -> tuple[str, ...]:
    if profile.roles is not None:
        return profile.roles
    by_class = {"Printer": "printer", "PowerDevice": "ups"}
    ci_class = _ci_class(profile, found, ports)
    if ci_class in by_class:
        return (by_class[ci_class],)
    return tuple(_forwards(found)) if ci_class == "NetworkDevice" else ()


def _identifiers(
    target: str, name: str | None, described: dict[str, str], found: Facts, macs: list[str]
) -> tuple[Identifier, ...]:
    """Keys of the device, strong ones first."""
    keys = [
        *_serial_keys(described, found),
        engine_identifier(found.answers.get(SYSTEM["engine_id"])),
        _bridge_key(found.answers),
        _chassis_key(found.answers),
    ]
    keys += [Identifier(f"mac:{m}", strong=False) for m in macs[:MAX_MAC_KEYS]]
    if name:
        keys.append(Identifier(f"sysname:{name.lower()}", strong=False))
    keys.append(Identifier(f"target:{target}", strong=False))
    unique = {i.key: i for i in reversed(keys) if i is not None}
    return tuple(sorted(reversed(unique.values()), key=lambda i: not i.strong))


def _serial_keys(described: dict[str, str], found: Facts) -> list[Identifier]:
    """The device's serial number and those of the members of its stack."""
    slug = vendor_slug(described.get("vendor", "")) if described.get("vendor") else None
    own = described.get("serial_number")
    members = [e.serial for e in found.inventory.members()]
    numbers = dict.fromkeys([own, *members] if own else members)
    return [
        Identifier(
            f"serial:{slug or 'unknown'}:{number.replace(':', '')}", strong=slug is not None and is_distinct(number)
        )
        for number in numbers
        if number and len(number.lstrip("0")) >= SHORTEST_SERIAL
    ]


def _bridge_key(answers: Answers) -> Identifier | None:
    """The base address of the bridge (dot1dBaseBridgeAddress), which LLDP gives as chassis id."""
    base = mac(answers.get(KIND["bridge_address"]))
    return Identifier(f"chassis-id:mac:{base}") if base and is_burned_in(base) else None


def _chassis_key(answers: Answers) -> Identifier | None:
    """The MAC address that names the device in LLDP: its neighbours told of it by that.

    Weak: members of one virtual chassis, and contexts of one firewall, share it.
    """
    own = lldp_chassis(answers)
    if own is None or own.subtype != "mac" or not is_burned_in(own.value):
        return None
    return Identifier(f"chassis-id:mac:{own.value}", strong=False)
