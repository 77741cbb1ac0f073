"""The part of ASN.1 BER that SNMP uses (RFC 3417 §8), strict about lengths and bounds."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import NamedTuple

from cmdb.errors import Invalid

Oid = tuple[int, ...]
Value = int | str | bytes | None  # INTEGER and the like: int; OCTET STRING: bytes; OID, IpAddress: str; NULL: None

INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIME_TICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 0x80, 0x81, 0x82

_UNSIGNED_BITS = {COUNTER32: 32, GAUGE32: 32, TIME_TICKS: 32, COUNTER64: 64}
_NOTHING = {NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW}
_OID_ARCS = 128  # RFC 2578 §3.5


class Undecodable(Invalid):
    """Bytes that are not the BER they should be."""


class Element(NamedTuple):
    """One tag-length-value: the content lies at `start` up to `end` of the buffer."""

    tag: int
    start: int
    end: int


def read(data: bytes, at: int, end: int, expected: int | None = None) -> Element:
    """Read the head of the element at `at`, which must lie inside `end`; refuses indefinite lengths and other tags."""
    if at + 2 > end:
        raise Undecodable(f"message ends at byte {at}, an element should begin there")
    tag, length, start = data[at], data[at + 1], at + 2
    if expected is not None and tag != expected:
        raise Undecodable(f"tag {tag:#x} at byte {at}, expected {expected:#x}")
    if length >= 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or start + octets > end:
            raise Undecodable(f"length of the element at byte {at} is indefinite, too long, or cut off")
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if start + length > end:
        raise Undecodable(f"element at byte {at} claims {length} bytes, {end - start} are there")
    return Element(tag, start, start + length)


def read_int(data: bytes, at: int, end: int, tag: int = INTEGER) -> tuple[int, int]:
    """Read an INTEGER of up to 64 bits; gives the value and where the next element begins."""
    _, start, stop = read(data, at, end, tag)
    return signed(data, start, stop), stop


def read_octets(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Read an OCTET STRING; gives its bytes and where the next element begins."""
    _, start, stop = read(data, at, end, OCTETS)
    return data[start:stop], stop


def signed(data: bytes, start: int, end: int) -> int:
    """Decode the content of an INTEGER."""
    if not 1 <= end - start <= 9:
        raise Undecodable(f"INTEGER of {end - start} bytes at byte {start}")
    return int.from_bytes(data[start:end], "big", signed=True)


def read_oid(data: bytes, at: int, end: int) -> tuple[Oid, int]:
    """Read an OBJECT IDENTIFIER; gives its arcs and where the next element begins."""
    _, start, stop = read(data, at, end, OID)
    arcs: list[int] = []
    value, fresh = 0, True
    for octet in data[start:stop]:
        if fresh and octet == 0x80:
            raise Undecodable(f"padded arc in the OID at byte {at}")
        value = value << 7 | octet & 0x7F
        fresh = octet < 0x80
        if value > 0xFFFFFFFF + 80:
            raise Undecodable(f"arc beyond 32 bits in the OID at byte {at}")
        if fresh:
            arcs.append(value)
            value = 0
    if not fresh or not arcs or len(arcs) >= _OID_ARCS:
        raise Undecodable(f"OID at byte {at} is empty, cut off, or longer than {_OID_ARCS} arcs")
    first = min(arcs[0] // 40, 2)
    return (first, arcs[0] - 40 * first, *arcs[1:]), stop


def read_value(data: bytes, at: int, end: int) -> tuple[int, Value, int]:
    """Read any value that a varbind may hold; gives tag, value and where the next element begins."""
    tag, start, stop = read(data, at, end)
    if tag == INTEGER:
        return tag, signed(data, start, stop), stop
    if tag in (OCTETS, OPAQUE):
        return tag, data[start:stop], stop
    if tag == OID:
        arcs, _ = read_oid(data, at, end)
        return tag, ".".join(map(str, arcs)), stop
    if tag in _NOTHING and start == stop:
        return tag, None, stop
    if tag == IP_ADDRESS and stop - start == 4:
        return tag, str(IPv4Address(data[start:stop])), stop
    if tag in _UNSIGNED_BITS and 1 <= stop - start <= _UNSIGNED_BITS[tag] // 8 + 1:
        value = int.from_bytes(data[start:stop], "big")
        if value < 1 << _UNSIGNED_BITS[tag]:
            return tag, value, stop
    raise Undecodable(f"value with tag {tag:#x} and {stop - start} bytes at byte {at}")


def wrap(tag: int, *contents: bytes) -> bytes:
    """Put a tag and a length before the joined contents."""
    body = b"".join(contents)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + body


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Encode an INTEGER, or an unsigned type that shares its form, in the fewest bytes."""
    bits = (value if value >= 0 else ~value).bit_length()
    return wrap(tag, value.to_bytes(bits // 8 + 1, "big", signed=True))


def octets(value: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return wrap(OCTETS, value)


def oid(arcs: Oid) -> bytes:
    """Encode an OBJECT IDENTIFIER of at least two arcs."""
    if not 2 <= len(arcs) <= _OID_ARCS or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39):
        raise Undecodable(f"{'.'.join(map(str, arcs))} is no OID that SNMP can carry")
    content = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        if arc < 0x80:
            content.append(arc)
            continue
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(arc & 0x7F | 0x80)
        content.extend(reversed(septets))
    return wrap(OID, bytes(content))


def value(tag: int, held: Value) -> bytes:
    """Encode the value of a varbind."""
    if tag in _NOTHING:
        return bytes((tag, 0))
    if tag == OID and isinstance(held, str):
        return oid(parse_oid(held))
    if tag == IP_ADDRESS and isinstance(held, str):
        return wrap(tag, IPv4Address(held).packed)
    if isinstance(held, bytes) and tag in (OCTETS, OPAQUE):
        return wrap(tag, held)
    if isinstance(held, int) and (tag == INTEGER or (tag in _UNSIGNED_BITS and 0 <= held < 1 << _UNSIGNED_BITS[tag])):
        return integer(held, tag)
    raise Undecodable(f"tag {tag} does not carry {type(held).__name__} {held!r}")


def varbind(arcs: Oid, held: bytes) -> bytes:
    """Encode a name and its already encoded value."""
    return wrap(SEQUENCE, oid(arcs), held)


def sequence(*contents: bytes) -> bytes:
    """Encode a SEQUENCE of already encoded elements."""
    return wrap(SEQUENCE, *contents)


def parse_oid(text: str) -> Oid:
    """Read dotted decimal; a leading dot is accepted."""
    arcs = text.strip().lstrip(".").split(".")
    if not all(a.isascii() and a.isdigit() for a in arcs):
        raise Undecodable(f"{text!r} is no OID: expected numbers with dots between them")
    return tuple(map(int, arcs))


def dotted(arcs: Iterable[int]) -> str:
    """Write an OID in dotted decimal."""
    return ".".join(map(str, arcs))
