"""Judges snmpEngineIDs (RFC 3411): which of them may name a device, and whether they may decide alone."""

from __future__ import annotations

import ipaddress

from cmdb.model.shared import is_burned_in, is_default_engine
from cmdb.observation import Identifier

MIN_OCTETS, MAX_OCTETS = 5, 32
OLD_FORM = 12  # octets of an id whose first bit is 0: enterprise number and eight octets of the maker's choice
SNMP_RESEARCH = 99  # its old ids are UDP port and IPv4 address
V4, V6, MAC, TEXT, OCTETS = 1, 2, 3, 4, 5


def engine_identifier(raw: object) -> Identifier | None:
    """The identifier for an engine id, strong or weak; None for malformed ones and known defaults.

    Weak are ids made of an IP address (the next box with that address has the same), of a text (people choose it), and
    of a MAC address that is not burned in.
    """
    if not isinstance(raw, bytes) or not MIN_OCTETS <= len(raw) <= MAX_OCTETS:
        return None
    enterprise = int.from_bytes(raw[:4], "big") & 0x7FFFFFFF
    body = raw[5:] if raw[0] & 0x80 else raw[4:]
    if is_default_engine(raw.hex()) or enterprise == 0 or len(set(body)) < 2:
        return None
    key = f"engine-id:{raw.hex()}"
    if not raw[0] & 0x80:
        return Identifier(key, strong=len(raw) == OLD_FORM and enterprise != SNMP_RESEARCH and _holds_burned_in(body))
    return Identifier(key, strong=_decides(raw[4], body))


def _decides(form: int, body: bytes) -> bool:
    if form in (V4, V6, TEXT) or form == 0:
        return False
    if form == MAC:
        return len(body) >= 6 and is_burned_in(body[:6].hex(":"))
    return len(body) >= 6 and not _is_address(body)


def _holds_burned_in(body: bytes) -> bool:
    """Old ids hold a MAC address at the front or, at ProCurve, at the end."""
    return is_burned_in(body[:6].hex(":")) if any(body[:2]) else is_burned_in(body[2:8].hex(":"))


def _is_address(body: bytes) -> bool:
    """Whether eight zero-padded octets hold nothing but an IPv4 address."""
    return len(body) == 8 and not any(body[4:]) and ipaddress.IPv4Address(body[:4]).is_private
