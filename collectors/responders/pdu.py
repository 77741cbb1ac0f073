"""Answer one protocol data unit from a MIB (RFC 3416 §4.2; version 1 as RFC 2576 §4 says)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from collectors.responders import ber
from collectors.responders.ber import Oid
from collectors.responders.mib import Mib

GET, GET_NEXT, RESPONSE, SET, GET_BULK, REPORT = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5, 0xA8
TOO_BIG, NO_SUCH_NAME, READ_ONLY, GEN_ERR, AUTHORIZATION_ERROR, NOT_WRITABLE = 1, 2, 4, 5, 16, 17

Version = Literal["v1", "v2c", "v3"]
Successor = Callable[[Oid], int]  # the position in the MIB that follows an OID

_HEAD_BYTES = 32  # more than request id, two integers and the heads around the varbinds can take
_NULL = ber.value(ber.NULL, None)
_END = ber.value(ber.END_OF_MIB_VIEW, None)


@dataclass(frozen=True)
class Pdu:
    """A request. `first` and `second` are error status and index, or, of GETBULK, non-repeaters and max-repetitions."""

    tag: int
    request_id: int
    first: int
    second: int
    oids: tuple[Oid, ...]


def decode(data: bytes, at: int, end: int) -> Pdu:
    """Read the request that fills the bytes from `at` to `end`; values are checked and passed over."""
    tag, start, stop = ber.read(data, at, end)
    if tag not in (GET, GET_NEXT, SET, GET_BULK) or stop != end:
        raise ber.Undecodable(f"tag {tag:#x} at byte {at} is no request, or bytes follow it")
    request_id, here = ber.read_int(data, start, stop)
    first, here = ber.read_int(data, here, stop)
    second, here = ber.read_int(data, here, stop)
    _, here, last = ber.read(data, here, stop, ber.SEQUENCE)
    if last != stop:
        raise ber.Undecodable(f"{stop - last} bytes follow the varbinds")
    oids: list[Oid] = []
    while here < last:
        _, inner, here = ber.read(data, here, last, ber.SEQUENCE)
        name, inner = ber.read_oid(data, inner, here)
        _, _, inner = ber.read_value(data, inner, here)
        if inner != here:
            raise ber.Undecodable(f"varbind of {ber.dotted(name)} is longer than its name and value")
        oids.append(name)
    return Pdu(tag, request_id, first, second, tuple(oids))


def encode(request_id: int, status: int, index: int, varbinds: list[bytes], tag: int = RESPONSE) -> bytes:
    """Encode a response, or with another tag a report."""
    head = ber.integer(request_id) + ber.integer(status) + ber.integer(index)
    return ber.wrap(tag, head, ber.sequence(*varbinds))


def refuse(pdu: Pdu, status: int, index: int) -> bytes:
    """Answer with an error and the names that were asked for."""
    return encode(pdu.request_id, status, index, [ber.varbind(o, _NULL) for o in pdu.oids])


def answer(pdu: Pdu, mib: Mib, version: Version, room: int, successor: Successor | None = None) -> bytes | None:
    """Answer a request in at most `room` bytes; None where the version has no such request.

    GETBULK is cut to what fits; other answers that do not fit become tooBig.
    """
    successor = successor or mib.after
    room -= _HEAD_BYTES
    if pdu.tag == SET:
        return refuse(pdu, READ_ONLY if version == "v1" else NOT_WRITABLE, 1 if pdu.oids else 0)
    if pdu.tag == GET_BULK:
        return None if version == "v1" else _bulk(pdu, mib, room, successor)
    if version == "v1":
        return _version1(pdu, mib, room, successor)
    look_up = _get if pdu.tag == GET else _next
    varbinds = [look_up(oid, mib, successor) for oid in pdu.oids]
    if sum(map(len, varbinds)) > room:
        return encode(pdu.request_id, TOO_BIG, 0, [])
    return encode(pdu.request_id, 0, 0, varbinds)


def _get(oid: Oid, mib: Mib, _: Successor) -> bytes:
    at = mib.find(oid)
    if at is not None:
        return mib.varbind(at)
    nothing = ber.NO_SUCH_INSTANCE if mib.has_sibling(oid) else ber.NO_SUCH_OBJECT
    return ber.varbind(oid, ber.value(nothing, None))


def _next(oid: Oid, mib: Mib, successor: Successor) -> bytes:
    at = successor(oid)
    return mib.varbind(at) if at < len(mib) else ber.varbind(oid, _END)


def _version1(pdu: Pdu, mib: Mib, room: int, successor: Successor) -> bytes:
    """GET and GETNEXT without exceptions and without Counter64, which version 1 does not know."""
    varbinds: list[bytes] = []
    for index, oid in enumerate(pdu.oids, 1):
        at = mib.find(oid) if pdu.tag == GET else successor(oid)
        while pdu.tag == GET_NEXT and at is not None and at < len(mib) and mib.tag(at) == ber.COUNTER64:
            at += 1
        if at is None or at >= len(mib) or mib.tag(at) == ber.COUNTER64:
            return refuse(pdu, NO_SUCH_NAME, index)
        varbinds.append(mib.varbind(at))
    if sum(map(len, varbinds)) > room:
        return refuse(pdu, TOO_BIG, 0)
    return encode(pdu.request_id, 0, 0, varbinds)


def _bulk(pdu: Pdu, mib: Mib, room: int, successor: Successor) -> bytes:
    """Repeat GETNEXT in rows until the repetitions, the MIB, or the room is used up."""
    single = max(0, min(pdu.first, len(pdu.oids)))
    varbinds: list[bytes] = []
    columns = list(pdu.oids[single:])
    for oid in pdu.oids[:single]:
        varbinds.append(_next(oid, mib, successor))
        room -= len(varbinds[-1])
    if room < 0:
        return encode(pdu.request_id, TOO_BIG, 0, [])
    for _ in range(max(0, pdu.second)):
        ended = True
        for column, oid in enumerate(columns):
            at = successor(oid)
            if at < len(mib):
                ended, columns[column] = False, mib.oids[at]
            encoded = mib.varbind(at) if at < len(mib) else ber.varbind(oid, _END)
            room -= len(encoded)
            if room < 0:
                status = 0 if varbinds else TOO_BIG
                return encode(pdu.request_id, status, 0, varbinds)
            varbinds.append(encoded)
        if ended:
            break
    return encode(pdu.request_id, 0, 0, varbinds)
