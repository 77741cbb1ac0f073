"""Agents that misbehave on purpose."""

from __future__ import annotations

import random
from dataclasses import replace

from collectors.responders import ber, pdu
from collectors.responders.agent import Faults
from collectors.responders.ber import Oid
from collectors.responders.mib import Mib
from collectors.responders.pdu import Pdu, Version


class Misbehaviour:
    """Carries out the faults of an agent and counts the replies that they touch."""

    def __init__(self, faults: Faults) -> None:
        self._faults, self._random = faults, random.Random(faults.seed)  # noqa: S311 # repeatable loss, no secret
        self._met = 0
        self._replies = 0

    def concerns(self, request: Pdu) -> bool:
        """Whether the faults touch this request."""
        under = self._faults.under
        if not any(oid[: len(under)] == under for oid in request.oids):
            return False
        self._met += 1
        return self._met > self._faults.after

    def body(self, request: Pdu, mib: Mib, version: Version, room: int) -> bytes | None:
        """The response before it is put into a message; None for silence."""
        faults, bulk = self._faults, request.tag == pdu.GET_BULK
        if faults.silent or (faults.no_bulk and bulk):
            return None
        if faults.gen_err:
            return pdu.refuse(request, pdu.GEN_ERR, 1)
        if bulk and faults.bulk_too_big_over is not None and request.second > faults.bulk_too_big_over:
            return pdu.encode(request.request_id, pdu.TOO_BIG, 0, [])
        if faults.no_varbinds:
            return pdu.encode(request.request_id, 0, 0, [])
        if faults.wrong_request_id:
            request = replace(request, request_id=request.request_id ^ 1)
        body = pdu.answer(request, mib, version, room, lambda oid: self._successor(oid, mib))
        return body and (_unpad_counters(body) if faults.unpadded_counters else body)

    def datagram(self, data: bytes) -> bytes | None:
        """The message as it leaves, if it does."""
        faults = self._faults
        self._replies += 1
        if faults.drop_every and self._replies % faults.drop_every == 0:
            return None
        if faults.loss and self._random.random() < faults.loss:
            return None
        if faults.garbage:
            return self._random.randbytes(len(data))
        return data[: len(data) // 2] if faults.truncate else data

    def _successor(self, oid: Oid, mib: Mib) -> int:
        faults, following = self._faults, mib.after(oid)
        if oid[: len(faults.under)] != faults.under:
            return following
        if faults.non_increasing:
            same = mib.find(oid)
            return following if same is None else same
        if faults.loop and (following == len(mib) or mib.oids[following][: len(faults.under)] != faults.under):
            return mib.after(faults.under)
        return following


def _unpad_counters(body: bytes) -> bytes:
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
