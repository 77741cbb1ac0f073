"""Agents that misbehave on purpose."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace

from collectors.responders import mangle, pdu
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
        self._late: deque[bytes] = deque()
        self._restarted = False

    def concerns(self, request: Pdu) -> bool:
        """Whether the faults touch this request."""
        under = self._faults.under
        if not any(oid[: len(under)] == under for oid in request.oids):
            return False
        self._met += 1
        return self._met > self._faults.after

    def restarts(self) -> bool:
        """Whether the agent loses its power now, which happens once."""
        now = self._faults.restart and not self._restarted
        self._restarted = self._restarted or now
        return now

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
        if faults.endless and request.tag != pdu.GET:
            row = mib.oids[min(mib.after(faults.under), len(mib) - 1)]
            return mangle.endless(request, len(row), room)
        body = pdu.answer(request, mib, version, room, lambda oid: self._successor(oid, mib))
        if body and faults.unpadded_counters:
            body = mangle.unpad_counters(body)
        return mangle.claim(body, faults.length) if body and faults.length else body

    def datagram(self, data: bytes) -> bytes | None:
        """The message as it leaves, if it does."""
        faults = self._faults
        self._replies += 1
        if faults.drop_every and self._replies % faults.drop_every == 0:
            return None
        if faults.loss and self._random.random() < faults.loss:
            return None
        if faults.lag:
            self._late.append(data)
            return self._late.popleft() if len(self._late) > faults.lag else None
        if faults.garbage:
            return self._random.randbytes(len(data))
        return data[: len(data) // 2] if faults.truncate else data

    def _successor(self, oid: Oid, mib: Mib) -> int:
        faults, following, under = self._faults, mib.after(oid), self._faults.under
        if oid[: len(under)] != under:
            return following
        first, end = mib.after(under), _end(under, mib)
        if faults.non_increasing:
            same = mib.find(oid)
            return following if same is None else same
        if faults.descending:
            at = mib.find(oid)
            before = end - 1 if at is None else at - 1
            return before if before >= first else end
        if faults.cycle and following >= first + faults.cycle:
            return first
        return first if faults.loop and following == end else following


def _end(under: Oid, mib: Mib) -> int:
    """Position behind the last object below `under`."""
    return mib.after((*under, 1 << 32))
