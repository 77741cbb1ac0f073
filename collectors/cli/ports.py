"""Interfaces and their addresses, as command lines print them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from cmdb.observation import Identifier, Link, Observation, path
from cmdb.observation import Value as Attribute
from collectors.cli.platform import Platform
from collectors.cli.templates import Row, one, several
from collectors.facts import DEFAULT_VRF
from collectors.snmp.text import known, mac

METHOD = "cli"
MAX_MTU = 2147483647
MAX_SPEED_KBIT = 10_000_000_000
_OPER = (  # the beginning of the state, the longest first
    ("lowerlayerdown", "lower_layer_down"),
    ("notpresent", "not_present"),
    ("administratively", "down"),
    ("*down", "down"),
    ("deleted", "not_present"),
    ("dormant", "dormant"),
    ("testing", "testing"),
    ("reset", "down"),
    ("down", "down"),
    ("up", "up"),
)


def observe(platform: Platform, fields: dict[str, str], rows: Iterable[Row], parent: str) -> list[Observation]:
    """Interfaces of the device at path `parent`, their addresses inside them, and the subnets of these."""
    ports: dict[str, Observation] = {}
    inside: dict[tuple[str, str], Observation] = {}
    subnets: dict[str, Observation] = {}
    for row in rows:
        printed = one(row, fields["name"]).strip()
        key = platform.port_name(printed)
        if not key:
            continue
        ports.setdefault(key, Observation("Interface", key, _attributes(key, printed, fields, row), parent=parent))
        for found in _addresses(fields, row):
            subnet = _subnet(found)
            links: tuple[Link, ...] = ()
            if subnet is not None:
                subnets.setdefault(subnet.key, subnet)
                links = (Link("IN_SUBNET", subnet.key, method=METHOD),)
            address = str(found.ip)
            attributes: dict[str, Attribute] = {"name": address, "address": address}
            if found.network.prefixlen != found.max_prefixlen or "/" in one(row, fields["address"]):
                attributes["prefix_length"] = found.network.prefixlen
            inside.setdefault(
                (key, address),
                Observation("IPAddress", address, attributes, parent=path(parent, "Interface", key), links=links),
            )
    return [*ports.values(), *inside.values(), *subnets.values()]


def _attributes(key: str, printed: str, fields: dict[str, str], row: Row) -> dict[str, Attribute]:
    texts = {attribute: one(row, field) for attribute, field in fields.items()}
    optional = {
        "description": printed,
        "alias": _alias(texts.get("alias", ""), printed),
        "mac_address": mac(texts.get("mac_address")),
        "speed_bps": _speed(texts.get("bandwidth_kbit", "")),
        "mtu": _number(texts.get("mtu", ""), MAX_MTU),
        "admin_status": _admin(texts),
        "oper_status": _oper(texts.get("protocol") or texts.get("link", "")),
    }
    return {"name": key} | {k: v for k, v in optional.items() if v is not None}


def _alias(text: str, printed: str) -> str | None:
    """What people wrote; VRP and Comware print `GigabitEthernet0/0/1 Interface` where nobody did."""
    found = known(text)
    return None if found is None or found.endswith(f"{printed} Interface") else found


def _number(text: str, most: int) -> int | None:
    digits = re.match(r"\s*([0-9]{1,12})\b", text)
    return int(digits[1]) if digits and 0 < int(digits[1]) <= most else None


def _speed(text: str) -> int | None:
    kbit = _number(text, MAX_SPEED_KBIT)
    return kbit * 1000 if kbit is not None else None


def _admin(texts: dict[str, str]) -> str | None:
    """Down where the device says that a person switched the port off; up where it says anything else of the link."""
    if texts.get("admin"):
        return "up" if texts["admin"].lower().startswith(("up", "enabled")) else "down"
    link = texts.get("link", "").lower()
    if not link or "admin" in texts:
        return "down" if "administratively" in link else None
    return "down" if "administratively" in link or link.startswith(("*down", "disabled")) else "up"


def _oper(text: str) -> str | None:
    state = text.strip().lower()
    return next((value for start, value in _OPER if state.startswith(start)), None)


def _addresses(fields: dict[str, str], row: Row) -> list[ipaddress.IPv4Interface | ipaddress.IPv6Interface]:
    """Addresses with the length of their prefix, where a field tells it; loopback ones are on every device."""
    out: list[ipaddress.IPv4Interface | ipaddress.IPv6Interface] = []
    for text in several(row, fields["address"]) if "address" in fields else ():
        length = one(row, fields["prefix_length"]) if "prefix_length" in fields else ""
        _, _, network = one(row, fields["network"]).partition("/") if "network" in fields else ("", "", "")
        tail = length or network
        try:
            found = ipaddress.ip_interface(f"{text}/{tail}" if tail and "/" not in text else text)
        except ValueError:
            continue
        if not found.ip.is_loopback and not found.ip.is_unspecified:
            out.append(found)
    return out


def _subnet(found: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> Observation | None:
    """The subnet of an address; none for host routes and for link-local addresses, as in SNMP."""
    if found.network.prefixlen == found.max_prefixlen or found.ip.is_link_local:
        return None
    prefix = str(found.network)
    key = f"subnet:{DEFAULT_VRF}:{prefix}"
    return Observation("Subnet", key, {"name": prefix, "prefix": prefix}, identifiers=(Identifier(key),))
