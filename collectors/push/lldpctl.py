"""Neighbours that lldpd sees (`lldpcli -f json0 show neighbors details`, or `-f json`), as reports. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cmdb.model.shared import is_burned_in
from cmdb.observation import Identifier, Link, Observation, Report, Value, path
from collectors.facts import Named, Neighbour, Subtype
from collectors.push.entities import Note, Rejected
from collectors.push.item import Context, Item, read_with
from collectors.push.names import address_of, host_name, in_order, mac_keys, mac_of, name_keys, version, word

MAX_NEIGHBOURS = 2_000
SUBTYPES: dict[str, Subtype] = {
    "mac": "mac",
    "ip": "address",
    "ifname": "name",
    "ifalias": "alias",
    "local": "local",
    "component": "component",
    "unhandled": "unknown",
}
ROLES = {"Bridge": "switch", "Router": "router", "Wlan": "access_point", "Tel": "phone"}
PROTOCOLS = {"LLDP": "lldp", "CDPv1": "cdp", "CDPv2": "cdp", "EDP": "edp", "FDP": "fdp", "SONMP": "ndp"}
_LINUX_PORT = re.compile(r"[A-Za-z0-9@._-]{1,15}")  # IFNAMSIZ
_PORT = re.compile(r"[^\s]{1,64}")


def split(document: object) -> list[object]:
    """The hosts of a document: a list of what lldpcli printed, or one."""
    return document if isinstance(document, list) else [document]


def read_item(index: int, raw: object, context: Context) -> Item:
    """Turn the neighbours of one host into a report; never raises."""
    return read_with(_read, index, raw, context)


def neighbours(given: Mapping[str, Any]) -> list[Neighbour]:
    """The neighbours in what lldpcli printed, both JSON forms; those without a chassis or port are left out."""
    return [n for entry in _entries(given) if (n := _neighbour(*entry)) is not None]


def _read(item: Item, given: Mapping[str, Any], context: Context) -> None:
    if not isinstance(given.get("lldp"), dict | list):
        raise Rejected("NO_NEIGHBOURS", "send what lldpcli -f json0 show neighbors details prints", "lldp")
    own = next(_chassis(_first(given.get("local-chassis"))), ("", {}))
    name = host_name(given.get("host")) or host_name(context.host) or host_name(_leaf(own[1].get("name")) or own[0])
    item.ref = name
    if not name:
        text = "lldpcli does not print whose neighbours these are: add ?host=NAME, a member host, or local-chassis"
        raise Rejected("NO_HOST", text, "host")
    device = _device(name, own)
    item.path = device.key
    found = neighbours(given)
    left_out = sum(1 for _ in _entries(given)) - len(found)
    if left_out:
        item.warnings.append(Note("BAD_NEIGHBOUR", f"{left_out} neighbours without chassis or port", "lldp.interface"))
    if len(found) > MAX_NEIGHBOURS:
        item.warnings.append(Note("TOO_MANY", f"only the first {MAX_NEIGHBOURS:,} neighbours were taken", "lldp"))
    cables = list(_cables(found[:MAX_NEIGHBOURS], device.key))
    tables = ("neighbours",) if cables else ()
    item.report = Report(context.source, name, context.now, (device, *cables), tables=tables)


def _device(name: str, own: tuple[str, Mapping[str, Any]]) -> Observation:
    called, about = own
    chassis = _named(about.get("id"))
    macs = [chassis.value] if chassis and chassis.subtype == "mac" else []
    told = host_name(_leaf(about.get("name")) or called)
    keys = in_order(
        [
            _chassis_key(chassis),
            *mac_keys(macs),
            *name_keys(told or name),
            Identifier(f"target:{name}", strong=False),
        ]
    )
    key = keys[0].key if keys[0].strong else f"target:{name}"
    attributes: dict[str, Value] = {"name": told or name, "sys_name": told or name}
    if text := word(_leaf(about.get("descr")), 1000):
        attributes["sys_description"] = text
    return Observation("Computer", key, attributes, keys)


def _chassis_key(chassis: Named | None) -> Identifier | None:
    """The chassis id; one that somebody typed or that changes with the port identifies nothing."""
    if chassis is None or chassis.subtype not in ("mac", "component"):
        return None
    if chassis.subtype == "mac" and not is_burned_in(chassis.value):
        return None
    return Identifier(f"chassis-id:{chassis.subtype}:{chassis.value}")


def _cables(found: list[Neighbour], device: str) -> Iterator[Observation]:
    """Own ports with their cables, and what is at the far ends, each once and before what refers to it."""
    far: dict[str, Observation] = {}
    links: dict[str, list[Link]] = {}
    for neighbour in found:
        chassis = _far_device(neighbour)
        far.setdefault(chassis.key, chassis)
        to = chassis.key
        if port := far_port(neighbour):
            to = path(chassis.key, "Interface", port)
            far.setdefault(to, Observation("Interface", port, {"name": port}, parent=chassis.key, role="reported"))
        link = Link("CONNECTED_TO", to, {"protocols": [neighbour.protocol]}, neighbour.protocol)
        if link not in links.setdefault(neighbour.port, []):
            links[neighbour.port].append(link)
    yield from far.values()
    for name, tied in links.items():
        yield Observation("Interface", name, {"name": name}, parent=device, links=tuple(tied))


def far_port(neighbour: Neighbour) -> str:
    """The far port as its own agent calls it (ifName), "" where only something else of it is known.

    lldpd itself sends the MAC address of a port as its id, and its name as the description.
    """
    port = neighbour.far_port
    if port is not None and port.subtype == "name" and _PORT.fullmatch(port.value):
        return port.value
    if port is not None and port.subtype == "mac" and "Linux" in neighbour.description:
        described = neighbour.far_port_description
        return described if _LINUX_PORT.fullmatch(described) else ""
    return ""


def _far_device(neighbour: Neighbour) -> Observation:
    name = host_name(neighbour.name)
    macs = [neighbour.chassis.value] if neighbour.chassis.subtype == "mac" else []
    keys = in_order([_chassis_key(neighbour.chassis), *mac_keys(macs), *name_keys(name)])
    plain = f"lldp:{neighbour.chassis.subtype}:{neighbour.chassis.value}"
    roles = set(neighbour.capabilities)
    ci_class = "NetworkDevice" if roles & {"switch", "router", "access_point"} and "phone" not in roles else "Endpoint"
    optional: dict[str, Value] = {
        "sys_name": name,
        "sys_description": word(neighbour.description, 1000),
        "management_address": next(iter(neighbour.addresses), ""),
        "vendor": neighbour.vendor,
        "model": neighbour.model,
        "serial_number": neighbour.serial_number,
        "roles": sorted(roles),
    }
    attributes: dict[str, Value] = {
        "name": name or neighbour.chassis.value,
        **{k: v for k, v in optional.items() if v},
    }
    keys = keys or (Identifier(plain, strong=False),)
    return Observation(ci_class, keys[0].key if keys[0].strong else plain, attributes, keys, role="reported")


def _neighbour(port: str, about: Mapping[str, Any]) -> Neighbour | None:
    called, chassis = next(_chassis(about), ("", {}))
    ident, far = _named(chassis.get("id")), _first(about.get("port"))
    if ident is None or not port:
        return None
    inventory = _first(_first(about.get("lldp-med")).get("inventory"))
    addresses = (address_of(_leaf(a)) for a in _each(chassis.get("mgmt-ip"), leaves=True))
    return Neighbour(
        protocol=PROTOCOLS.get(word(about.get("via")), "lldp"),
        port=port,
        chassis=ident,
        far_port=_named(far.get("id")),
        far_port_description=word(_leaf(far.get("descr"))),
        name=word(_leaf(chassis.get("name")) or called),
        description=word(_leaf(chassis.get("descr")), 1000),
        addresses=tuple(a for a in addresses if a)[:10],
        capabilities=tuple(sorted(_roles(chassis))),
        vendor=word(_leaf(inventory.get("manufacturer"))),
        model=word(_leaf(inventory.get("model"))),
        serial_number=word(_leaf(inventory.get("serial"))),
        os_version=version(_leaf(inventory.get("software"))),
    )


def _roles(chassis: Mapping[str, Any]) -> set[str]:
    """Roles of the capabilities that are switched on."""
    listed = [c for c in _each(chassis.get("capability")) if c.get("enabled") is True]
    return {ROLES[kind] for c in listed if (kind := str(c.get("type"))) in ROLES}


def _entries(given: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(local port, what is seen there): json0 lists and names everything, json folds one into a mapping by name."""
    for lldp in _each(given.get("lldp")):
        for entry in _each(lldp.get("interface")):
            if isinstance(entry.get("name"), str):
                yield word(entry["name"], 100), entry
            else:
                yield from ((word(k, 100), v) for k, v in entry.items() if isinstance(v, dict))


def _chassis(about: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name, chassis): the json form has the far name as a key, unless the name is not known."""
    for chassis in _each(about.get("chassis")):
        if "id" in chassis:
            yield "", chassis
        else:
            yield from ((k, v) for k, v in chassis.items() if isinstance(v, dict))


def _named(given: object) -> Named | None:
    """An id with its type."""
    ident = _first(given)
    subtype, value = SUBTYPES.get(str(ident.get("type")), "unknown"), word(ident.get("value"))
    if subtype == "mac":
        value = mac_of(value)
    elif subtype == "address":
        value = address_of(value)
    return Named(subtype, value) if value else None


def _each(given: object, leaves: bool = False) -> list[Any]:
    """One or several, whichever form; without `leaves` only mappings."""
    listed = given if isinstance(given, list) else [given]
    return [g for g in listed if isinstance(g, dict) or (leaves and isinstance(g, str))]


def _first(given: object) -> Mapping[str, Any]:
    """The first mapping, an empty one where there is none."""
    return next(iter(_each(given)), {})


def _leaf(given: object) -> object:
    """A value: plain in the json form, `[{"value": …}]` in json0."""
    if isinstance(given, list):
        given = next(iter(given), None)
    return given.get("value") if isinstance(given, dict) else given
