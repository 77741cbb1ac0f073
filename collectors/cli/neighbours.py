"""Neighbours in LLDP and CDP, as command lines print them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from collectors.cli.platform import Neighbours, Platform
from collectors.cli.templates import Row, one, several
from collectors.facts import Named, Neighbour, Subtype
from collectors.snmp.serials import serial
from collectors.snmp.text import address, known, mac

# Letters of LLDP and words of LLDP and CDP, where they say what a device is for.
_ROLES = {
    "b": "switch",
    "bridge": "switch",
    "switch": "switch",
    "r": "router",
    "router": "router",
    "w": "access_point",
    "wlan": "access_point",
    "wlanaccesspoint": "access_point",
    "t": "phone",
    "telephone": "phone",
    "phone": "phone",
}
_WITH_SERIAL = re.compile(r"^(?P<name>[^()]+)\((?P<serial>[^()]+)\)$")  # NX-OS, CatOS: `leaf-1(FOC1234X0AB)`
_NOBODY = frozenset({"-", "--", "not advertised", "not available", "null"})


def neighbours(platform: Platform, rule: Neighbours, rows: Iterable[Row]) -> list[Neighbour]:
    """One a row; rows that name no far device are passed over, those that say the same twice are one."""
    found = [_neighbour(platform, rule, row) for row in rows]
    return list(dict.fromkeys(n for n in found if n is not None))


def _neighbour(platform: Platform, rule: Neighbours, row: Row) -> Neighbour | None:
    chassis = _text(row, rule.chassis)
    name, number = _name_and_serial(_text(row, rule.name))
    if not chassis and not name:
        return None
    _, number_in_id = _name_and_serial(chassis)
    far = _text(row, rule.far_port)
    maker, model = _maker_and_model(_text(row, rule.model))
    own_name = name or (_name_and_serial(chassis)[0] if rule.protocol == "cdp" else "")
    return Neighbour(
        rule.protocol,
        platform.port_name(_text(row, rule.port)),
        _named(rule, chassis or name, _text(row, rule.chassis_subtype)),
        _far_port(rule, far, _text(row, rule.port_subtype)) if far else None,
        far_port_description=_text(row, rule.far_port_description),
        name=own_name,
        description="\n".join(several(row, rule.description)).strip() if rule.description else "",
        addresses=_addresses(row, rule.address),
        capabilities=_roles(_text(row, rule.capabilities)),
        vendor=maker,
        model=model,
        serial_number=serial(_text(row, rule.serial_number)) or number or number_in_id,
    )


def _text(row: Row, field: str) -> str:
    found = known(one(row, field)) if field else None
    return "" if found is None or found.lower() in _NOBODY else found


def _name_and_serial(text: str) -> tuple[str, str]:
    found = _WITH_SERIAL.match(text)
    return (found["name"].strip(), serial(found["serial"]) or "") if found else (text, "")


def _maker_and_model(text: str) -> tuple[str, str]:
    """CDP names the platform `cisco WS-C2960-8TC-L`."""
    maker, _, model = text.partition(" ")
    return ("Cisco", model.strip()) if maker.lower() == "cisco" and model else ("", text)


def _far_port(rule: Neighbours, value: str, subtype: str) -> Named:
    return Named("name", value) if rule.protocol == "cdp" else _named(rule, value, subtype)


def _named(rule: Neighbours, value: str, subtype: str) -> Named:
    """By the subtype that is printed, else by the form of the value."""
    kind: Subtype | None = rule.subtypes.get(subtype)
    if kind == "mac" or kind is None:
        found = mac(value)
        if found:
            return Named("mac", found)
    if kind == "address" or kind is None:
        ip = address(value)
        if ip is not None:
            return Named("address", str(ip))
    return Named(kind or "unknown", value)


def _addresses(row: Row, field: str) -> tuple[str, ...]:
    found = [address(text) for text in several(row, field)] if field else []
    return tuple(dict.fromkeys(str(a) for a in found if a is not None and not a.is_unspecified and not a.is_loopback))


def _roles(text: str) -> tuple[str, ...]:
    words = (re.sub(r"[^a-z]", "", word.lower()) for word in re.split(r"[\s,]+", text))
    return tuple(sorted({_ROLES[word] for word in words if word in _ROLES}))
