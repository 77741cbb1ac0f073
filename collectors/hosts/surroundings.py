"""What a host says of its neighbours: LLDP and the table of resolved addresses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from collectors.facts import Named, Neighbour, Resolved, Subtype
from collectors.hosts.ports import MAC, NO_MACS, is_guest
from collectors.hosts.read import LLDP_CHASSIS, LLDP_NEIGHBOURS, NEIGHBOURS
from collectors.hosts.sockets import plain
from collectors.snmp.text import address
from collectors.transport.host_answers import HostAnswers

_SUBTYPES: dict[str, Subtype] = {
    "mac": "mac",
    "ip": "address",
    "ifname": "name",
    "ifalias": "alias",
    "component": "component",
    "local": "local",
}
_PROTOCOLS = {"lldp": "lldp", "cdpv1": "cdp", "cdpv2": "cdp", "edp": "edp", "fdp": "fdp", "sonmp": "ndp"}
_ROLES = {"bridge": "switch", "router": "router", "wlan": "access_point", "tel": "phone"}
_NEIGHBOUR = re.compile(r"^(\S+) dev (\S+)(?: lladdr (\S+))?(.*)$")
_ARP = re.compile(r"^([\d.]+)\s+0x\S+\s+(0x\S+)\s+([0-9a-fA-F:]{17})\s+\S+\s+(\S+)")
_COMPLETE = 2  # ATF_COM


def neighbours(answers: HostAnswers) -> tuple[Neighbour, ...]:
    """Neighbours as lldpd knows them (`-f json0`: every element is a list)."""
    found = []
    for interface in _elements(_parsed(answers.text(LLDP_NEIGHBOURS)), "lldp", "interface"):
        chassis, port = _first(interface, "chassis"), _first(interface, "port")
        named = _named(chassis)
        if named is not None:
            found.append(_neighbour(interface, chassis, port, named))
    return tuple(found)


def _neighbour(interface: Any, chassis: Any, port: Any, named: Named) -> Neighbour:
    inventory = _first(_first(interface, "lldp-med"), "inventory")
    capabilities = [c for c in _elements(chassis, "capability") if isinstance(c, dict) and c.get("enabled")]
    roles = {_ROLES.get(str(c.get("type", "")).lower(), "") for c in capabilities} - {""}
    managed = (address(_of(m)) for m in _elements(chassis, "mgmt-ip"))
    return Neighbour(
        protocol=_PROTOCOLS.get(str(interface.get("via", "")).lower(), "lldp"),
        port=str(interface.get("name", "")),
        chassis=named,
        far_port=_named(port),
        far_port_description=_value(port, "descr"),
        name=_value(chassis, "name"),
        description=_value(chassis, "descr"),
        addresses=tuple(plain(a) for a in managed if a is not None),
        capabilities=tuple(sorted(roles)),
        vendor=_value(inventory, "manufacturer"),
        model=_value(inventory, "model"),
        serial_number=_value(inventory, "serial"),
        os_version=_value(inventory, "software"),
    )


def chassis(answers: HostAnswers) -> Named | None:
    """What lldpd calls this host."""
    return _named(_first(_first(_parsed(answers.text(LLDP_CHASSIS)), "local-chassis"), "chassis"))


def _parsed(text: str) -> Any:
    """JSON of lldpcli, which may have warnings before it; nothing where it is none."""
    try:
        return json.loads(text[text.index("{") :])
    except (ValueError, RecursionError):
        return {}


def _elements(node: Any, *names: str) -> Iterator[Any]:
    """All elements at the end of a chain of names, whether a list is written out or not."""
    if not names:
        yield node
        return
    inner = node.get(names[0]) if isinstance(node, dict) else None
    for one in inner if isinstance(inner, list) else [] if inner is None else [inner]:
        yield from _elements(one, *names[1:])


def _first(node: Any, name: str) -> Any:
    return next((e for e in _elements(node, name) if isinstance(e, dict)), {})


def _of(element: Any) -> str:
    value = element.get("value", "") if isinstance(element, dict) else element
    return str(value).strip() if value is not None else ""


def _value(node: Any, name: str) -> str:
    return next((text for e in _elements(node, name) if (text := _of(e))), "")


def _named(node: Any) -> Named | None:
    """The id of a chassis or port."""
    element = _first(node, "id")
    value = _of(element)
    subtype = _SUBTYPES.get(str(element.get("type", "")), "unknown")
    if subtype == "mac":
        value = value.lower()
    return Named(subtype, value) if value else None


def resolved(answers: HostAnswers) -> tuple[Resolved, ...]:
    """Addresses of others with their MAC addresses; guests of this host are none of the network's."""
    found = []
    for line in answers.lines(NEIGHBOURS):
        arp, modern = _ARP.match(line), _NEIGHBOUR.match(line)
        if arp:
            far, mac, port = arp[1], arp[3], arp[4] if int(arp[2], 16) & _COMPLETE else ""
        elif modern:
            far, mac, port = modern[1], modern[3] or "", modern[2]
            if {"FAILED", "INCOMPLETE", "NOARP"} & set(modern[4].split()):
                continue
        else:
            continue
        parsed, mac = address(far), mac.lower()
        usable = parsed is not None and not (parsed.is_multicast or parsed.is_loopback)
        if parsed and usable and port and not is_guest(port) and MAC.fullmatch(mac) and mac not in NO_MACS:
            found.append(Resolved(plain(parsed), mac, port))
    return tuple(sorted(set(found), key=lambda r: (r.address, r.mac, r.port)))
