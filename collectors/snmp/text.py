"""Turns raw SNMP values into text, numbers and addresses by the type of their column, never by their look."""

from __future__ import annotations

import ipaddress
import re

from collectors.transport.answers import Oid, Value

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)  # below it each maker has a branch, by the number that IANA gave it
MAX_TEXT = 1000  # characters; DisplayString ends at 255, a few agents send more
UNKNOWN_WORDS = frozenset({"", "n/a", "na", "<private>", "(null)", "null", "<none>", "not available", "not specified"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_MAC_PARTS = re.compile(r"[:\-. ]")
_HEX12 = re.compile(r"[0-9a-f]{12}")
_CJK = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


def text(value: Value) -> str:
    """Decode a value as one trimmed text without control characters; "" where there is none."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = decode(value)
    cleaned = _CONTROL.sub("", str(value).replace("\r\n", "\n").replace("\r", "\n"))
    return cleaned.strip()[:MAX_TEXT].strip()


def known(value: Value) -> str | None:
    """Decode a value as text; None where it only says that nothing is known (`N/A`, `<private>`)."""
    found = text(value)
    return None if found.lower() in UNKNOWN_WORDS else found


def decode(raw: bytes) -> str:
    """Decode octets: UTF-8 (also when cut inside a character), else GB 18030, cp1252 or latin-1 by plausibility."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(raw) - 3 and error.reason == "unexpected end of data":
            return raw[: error.start].decode("utf-8")
    if _looks_chinese(raw):
        return raw.decode("gb18030")
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _looks_chinese(raw: bytes) -> bool:
    """GB 18030 writes ideographs as pairs of bytes, so that its high bytes come in runs of two or more."""
    runs = _HIGH_RUN.findall(raw)
    if not runs or any(len(run) < 2 for run in runs):
        return False
    try:
        decoded = raw.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return all(_CJK.match(c) for c in decoded if ord(c) > 127)


def integer(value: Value) -> int | None:
    """Read a number; some agents send it as a text."""
    if isinstance(value, int):
        return value
    digits = text(value)
    return int(digits) if len(digits) < 20 and re.fullmatch(r"-?[0-9]+", digits, re.ASCII) else None


def positive(value: Value) -> int | None:
    """Read a number greater than 0."""
    number = integer(value)
    return number if number is not None and number > 0 else None


def oid(value: Value) -> str | None:
    """Read an object identifier as dotted numbers without a leading dot; net-snmp's `iso.` is 1."""
    dotted = text(value).lstrip(".").removeprefix("iso.")
    if text(value).lstrip(".").startswith("iso."):
        dotted = f"1.{dotted}"
    return dotted if re.fullmatch(r"[0-9]+(\.[0-9]+)*", dotted, re.ASCII) else None


def mac(value: Value) -> str | None:
    """Read a PhysAddress as `00:1d:e5:84:98:c0`: six octets, or such a text; None for zero and broadcast."""
    if isinstance(value, bytes) and len(value) == 6:
        digits = value.hex()
    else:
        parts = _MAC_PARTS.split(text(value).lower())
        digits = "".join(p.zfill(2) for p in parts) if len(parts) == 6 else "".join(parts)
    if not _HEX12.fullmatch(digits) or digits in ("0" * 12, "f" * 12):
        return None
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def address(value: Value) -> IPAddress | None:
    """Read an IP address from octets (4 or 16) or from text."""
    try:
        if isinstance(value, bytes) and len(value) in (4, 16):
            return ipaddress.ip_address(value)
        return ipaddress.ip_address(text(value))
    except ValueError:
        return None


def enterprise(dotted: str) -> int:
    """The maker's number in an OID such as sysObjectID; 0 for one that is in no maker's branch."""
    arcs = dotted.split(".")
    size = len(ENTERPRISES)
    return int(arcs[size]) if len(arcs) > size and arcs[:size] == [str(arc) for arc in ENTERPRISES] else 0
