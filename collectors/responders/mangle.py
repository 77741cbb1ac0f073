"""Responses as broken agents make them."""

from __future__ import annotations

from collectors.responders import ber, pdu
from collectors.responders.pdu import Pdu

_HEADS_BYTES = 64  # of a response and one more varbind


def unpad_counters(body: bytes) -> bytes:
    """Write each Counter32 of a response that begins with a zero byte without it, as broken agents do."""
    request_id, status, index, held = _split(body)
    varbinds = []
    for start, end in held:
        name, value_at = ber.read_oid(body, start, end)
        tag, first, last = ber.read(body, value_at, end)
        if tag == ber.COUNTER32 and last - first == 5:
            varbinds.append(ber.varbind(name, ber.wrap(tag, body[first + 1 : last])))
        else:
            varbinds.append(ber.sequence(body[start:end]))
    return pdu.encode(request_id, status, index, varbinds)


def claim(body: bytes, length: bytes) -> bytes:
    """Write other length octets for the first value; the lengths around it stay right."""
    request_id, status, index, held = _split(body)
    varbinds = [ber.sequence(body[start:end]) for start, end in held]
    if held:
        start, end = held[0]
        name, value_at = ber.read_oid(body, start, end)
        tag, first, last = ber.read(body, value_at, end)
        varbinds[0] = ber.varbind(name, bytes((tag,)) + length + body[first:last])
    return pdu.encode(request_id, status, index, varbinds)


def endless(request: Pdu, size: int, room: int) -> bytes:
    """Rows that go on for ever: behind each instance, an OID of `size` arcs, comes the next number."""
    varbinds: list[bytes] = []
    oid = request.oids[0]
    for _ in range(max(1, request.second) if request.tag == pdu.GET_BULK else 1):
        oid = (*oid[: size - 1], oid[-1] + 1 if len(oid) >= size else 1)
        varbinds.append(ber.varbind(oid, ber.value(ber.INTEGER, 1)))
        room -= len(varbinds[-1])
        if room < _HEADS_BYTES:
            break
    return pdu.encode(request.request_id, 0, 0, varbinds)


def _split(body: bytes) -> tuple[int, int, int, list[tuple[int, int]]]:
    """The three numbers of a response and where the insides of its varbinds lie."""
    _, here, end = ber.read(body, 0, len(body))
    request_id, here = ber.read_int(body, here, end)
    status, here = ber.read_int(body, here, end)
    index, here = ber.read_int(body, here, end)
    _, here, end = ber.read(body, here, end, ber.SEQUENCE)
    held = []
    while here < end:
        _, start, here = ber.read(body, here, end, ber.SEQUENCE)
        held.append((start, here))
    return request_id, status, index, held
