"""The part of BER that SNMP version 1 and 2c messages need, quick and tolerant where agents in the field are sloppy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from collectors.transport.answers import Oid, Varbind

GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 0x80, 0x81, 0x82
VERSIONS = {"v1": 0, "v2c": 1}

INTEGER, OCTETS, _NULL, _OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
_IP_ADDRESS, _GAUGE, _OPAQUE, _NSAP, _COUNTER64, _UINTEGER = 0x40, 0x42, 0x44, 0x45, 0x46, 0x47
_UNSIGNED = frozenset((0x41, _GAUGE, 0x43, _COUNTER64, _UINTEGER))
NOTHING = frozenset((_NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))
_from_bytes = int.from_bytes
_new = tuple.__new__  # what a NamedTuple's own constructor does, without a call of Python in between
_MOST_ARCS = 128  # RFC 2578 §3.5
_LONGEST_OID = 5 * _MOST_ARCS
_LONGEST_NUMBER = 9  # a Counter64 with its leading zero


class Undecodable(Exception):  # never leaves the transport: it becomes an outcome
    """Bytes that are no SNMP response."""


@dataclass(frozen=True, slots=True)
class Response:
    """A decoded response PDU; `status` and `index` as RFC 3416 §3 has them."""

    request_id: int
    status: int
    index: int
    varbinds: list[Varbind]


def encode_request(
    version: int, community: bytes, kind: int, request_id: int, oids: Sequence[Oid], repetitions: int = 0
) -> bytes:
    """Encode GET, GETNEXT, or GETBULK without non-repeaters. `request_id` is below 2**31."""
    varbinds = wrap(SEQUENCE, b"".join(map(_asked, oids)))
    body = integer(request_id) + integer(0) + integer(repetitions) + varbinds
    return wrap(SEQUENCE, integer(version) + wrap(OCTETS, community) + wrap(kind, body))


def wrap(tag: int, content: bytes) -> bytes:
    """An element of this tag."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*elements: bytes) -> bytes:
    """A SEQUENCE of encoded elements."""
    return wrap(SEQUENCE, b"".join(elements))


def octets(content: bytes) -> bytes:
    """An OCTET STRING."""
    return wrap(OCTETS, content)


def integer(number: int) -> bytes:
    """An INTEGER."""
    return wrap(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


@lru_cache(maxsize=1024)
def _asked(oid: Oid) -> bytes:
    """A varbind with NULL, as requests have."""
    return wrap(SEQUENCE, wrap(_OID, encode_oid(oid)) + b"\x05\x00")


def encode_oid(oid: Oid) -> bytes:
    """The content octets of an OID (ITU-T X.690 §8.19); of a single arc as many agents take it, `1` as `1.0`."""
    first = oid[0] * 40 + (oid[1] if len(oid) > 1 else 0)
    content = bytearray()
    for arc in (first, *oid[2:]):
        if arc < 0x80:
            content.append(arc)
            continue
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return bytes(content)


def decode_response(data: bytes) -> Response:
    """Decode a version 1 or 2c response. Bytes behind the message are passed over. Raises Undecodable."""
    try:
        at, end = open_element(data, 0, len(data), SEQUENCE)
        at = skip(data, at, end, INTEGER)
        at = skip(data, at, end, OCTETS)
        at, end = open_element(data, at, end, RESPONSE)
        request_id, at = number(data, at, end)
        status, at = number(data, at, end)
        index, at = number(data, at, end)
        at, end = open_element(data, at, end, SEQUENCE)
        return Response(request_id, status, index, varbinds(data, at, end))
    except (IndexError, ValueError) as error:
        raise Undecodable("the message is cut off or holds lengths that can't be right") from error


def open_element(data: bytes, at: int, end: int, expected: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends; it lies inside `end`. Raises Undecodable."""
    tag, start, stop = _head(data, at, end)
    if tag != expected:
        raise Undecodable(f"tag {tag:#04x} at byte {at} where {expected:#04x} belongs")
    return start, stop


def _head(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    tag, length = data[at], data[at + 1]
    at += 2
    if length >= 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or at + size > end:
            raise Undecodable(f"the length at byte {at - 1} is indefinite, too long or cut off")
        length = int.from_bytes(data[at : at + size], "big")
        at += size
    if at + length > end:
        raise Undecodable(f"the element at byte {at} claims {length} bytes, {end - at} are there")
    return tag, at, at + length


def skip(data: bytes, at: int, end: int, expected: int) -> int:
    return open_element(data, at, end, expected)[1]


def number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An INTEGER and where the next element begins. Raises Undecodable, IndexError."""
    start, stop = open_element(data, at, end, INTEGER)
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def varbinds(data: bytes, at: int, end: int) -> list[Varbind]:
    """The varbinds from `at` to `end`. Raises Undecodable, IndexError.

    This is the hot loop: short lengths, which are nearly all, are read in place. Neighbours in a table differ in the
    last arc only, so that what is before it is mostly that of the one before.
    """
    found: list[Varbind] = []
    before: bytes | None = None
    arcs: Oid = ()
    while at < end:
        if data[at] == SEQUENCE and data[at + 1] < 0x80 and data[at + 2] == _OID and data[at + 3] < 0x80:
            inner = at + 4
            at += 2 + data[at + 1]
            stop = inner + data[inner - 1]
            if stop + 2 > at or at > end:
                raise Undecodable(f"lengths of the varbind at byte {inner - 4} do not fit together")
        else:
            start, at = open_element(data, at, end, SEQUENCE)
            inner, stop = open_element(data, start, at, _OID)
        last = stop - 1
        while last > inner and data[last - 1] >= 0x80:
            last -= 1
        if last <= inner or data[stop - 1] >= 0x80 or stop - inner > _LONGEST_OID:
            oid = decode_oid(data[inner:stop])
        else:
            if data[inner:last] != before:
                before = data[inner:last]
                arcs = _arcs(before)
            arc = data[last]
            if last + 1 < stop:
                arc &= 0x7F
                for octet in data[last + 1 : stop]:
                    arc = arc << 7 | octet & 0x7F
            oid = (*arcs, arc)
        tag, start = data[stop], stop + 2
        size = data[stop + 1]
        if size >= 0x80 or start + size > at:
            tag, start, stop = _head(data, stop, at)
            content = data[start:stop]
        else:
            content = data[start : start + size]
        if tag == OCTETS:
            found.append(_new(Varbind, (oid, tag, content)))
        elif tag == INTEGER and len(content) <= _LONGEST_NUMBER:
            found.append(_new(Varbind, (oid, tag, _from_bytes(content, "big", signed=True))))
        elif tag in _UNSIGNED and len(content) <= _LONGEST_NUMBER and tag != _UINTEGER:
            # Read without a sign: agents leave out the leading zero and send a Counter32 as FF FF FF FF.
            found.append(_new(Varbind, (oid, tag, _from_bytes(content, "big"))))
        else:
            found.append(_varbind(oid, tag, content))
    return found


def decode_oid(content: bytes) -> Oid:
    """An OID from its content octets; raises Undecodable where the last arc is cut off or there are too many."""
    if not content:
        return (0, 0)  # some agents write 0.0 so
    if content[-1] >= 0x80 or len(content) > _LONGEST_OID:
        raise Undecodable("an OID ends in the middle of an arc, or is too long")
    return _arcs(content)


@lru_cache(maxsize=8192)
def _arcs(content: bytes) -> Oid:
    arcs: list[int] = []
    arc = 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    if len(arcs) >= _MOST_ARCS:
        raise Undecodable(f"an OID has more than {_MOST_ARCS} arcs")
    return (*_first_arcs(arcs[0]), *arcs[1:])


def _first_arcs(number: int) -> Oid:
    return divmod(number, 40) if number < 80 else (2, number - 80)


def _varbind(oid: Oid, tag: int, content: bytes) -> Varbind:
    if tag in (OCTETS, _OPAQUE):
        return Varbind(oid, tag, content)
    if tag in _UNSIGNED:
        return Varbind(oid, _GAUGE if tag == _UINTEGER else tag, int.from_bytes(_short(content), "big"))
    if tag == INTEGER:
        return Varbind(oid, tag, int.from_bytes(_short(content), "big", signed=True))
    if tag == _OID:
        return Varbind(oid, tag, ".".join(map(str, decode_oid(content))))
    if tag in NOTHING:
        return Varbind(oid, tag, None)
    if tag == _IP_ADDRESS and len(content) == 4:
        return Varbind(oid, tag, ".".join(map(str, content)))
    if tag in (_IP_ADDRESS, _NSAP):
        return Varbind(oid, OCTETS, content)  # an IpAddress of another length than 4 is no address: keep its bytes
    raise Undecodable(f"a value has the tag {tag:#04x}, which SNMP does not know")


def _short(content: bytes) -> bytes:
    if len(content) > _LONGEST_NUMBER:
        raise Undecodable(f"a number has {len(content)} bytes")
    return content
