"""One agent at work: a datagram comes in, at most one goes out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from collectors.responders import ber, pdu, v3
from collectors.responders.agent import Agent
from collectors.responders.ber import Oid
from collectors.responders.faults import Misbehaviour
from collectors.responders.mib import Mib
from collectors.responders.pdu import Pdu, Version

_ENVELOPE_BYTES = 16  # heads of a version 1 or 2c message without its community
_ENVELOPE3_BYTES = 200  # heads, security parameters and padding of a version 3 message without its context


class Responder:
    """Answers for one agent. `clock` gives seconds from any start; engine time begins when the responder does."""

    def __init__(self, agent: Agent, clock: Callable[[], float] = time.monotonic) -> None:
        self.agent = agent
        self.requests = 0  # datagrams that were understood
        self.undecodable = 0
        self._clock, self._started = clock, clock()
        self._salt = 0
        self._reports: dict[Oid, int] = {}
        contexts = {"": agent.mib, **agent.contexts}
        self._mibs = {name: mib.running(self._elapsed) for name, mib in contexts.items()}
        self._misbehaviour = Misbehaviour(agent.faults) if agent.faults else None

    def answer(self, data: bytes) -> bytes | None:
        """Reply to one datagram; None means silence (nonsense, wrong community, a fault)."""
        try:
            return self._answer(data)
        except ber.Undecodable:
            self.undecodable += 1
            return None

    def _elapsed(self) -> int:
        return int((self._clock() - self._started) * 100)

    def engine_time(self) -> int:
        """Seconds since the engine booted."""
        return self.agent.engine_time_s + int(self._clock() - self._started) + 1

    def restart(self) -> None:
        """Begin anew, as after a loss of power."""
        self._started = self._clock()
        self.agent = replace(self.agent, boots=self.agent.boots + 1, engine_time_s=0)
        for mib in self._mibs.values():
            mib.restart()

    def _answer(self, data: bytes) -> bytes | None:
        _, here, end = ber.read(data, 0, len(data), ber.SEQUENCE)
        if end != len(data):
            raise ber.Undecodable(f"{len(data) - end} bytes follow the message")
        number, here = ber.read_int(data, here, end)
        if number == 3 and "v3" in self.agent.versions:
            return self._answer3(data, here, end)
        versions: dict[int, Version] = {0: "v1", 1: "v2c"}
        version = versions.get(number)
        if version not in self.agent.versions:
            return None
        community, here = ber.read_octets(data, here, end)
        request = pdu.decode(data, here, end)
        mib = self._mib_for(community.decode("latin-1"))
        if mib is None:
            return None
        self.requests += 1

        def close(body: bytes) -> bytes:
            return ber.sequence(ber.integer(number), ber.octets(community), body)

        return self._reply(request, mib, version, self.agent.max_size - len(community) - _ENVELOPE_BYTES, close)

    def _mib_for(self, community: str) -> Mib | None:
        """What a community shows; None for one that nobody knows."""
        if community in self.agent.communities:
            return self._mibs[""]
        name, _, context = community.rpartition("@")
        return self._mibs.get(context) if context and name in self.agent.communities else None

    def _answer3(self, data: bytes, at: int, end: int) -> bytes | None:
        envelope, now, agent = v3.read_envelope(data, at, end), self.engine_time(), self.agent
        request_id, user = 0, None
        try:
            user = v3.authorise(envelope, data, agent, now)
            scoped = v3.open_scoped(envelope, data, agent, user)
            request = pdu.decode(scoped.data, *scoped.pdu)
            request_id = request.request_id
            mib = self._mibs.get(scoped.context)
            if mib is None:
                raise v3.Refused(v3.UNKNOWN_CONTEXT, envelope.level)
            if scoped.engine_id != agent.engine_id:
                raise v3.Refused(v3.UNKNOWN_HANDLER, envelope.level)
        except v3.Refused as refused:
            if not envelope.flags & v3.REPORTABLE:
                return None
            body = self._report(refused.counter, request_id)
            return v3.close(envelope, agent, user or refused.user, refused.level, body, "", now, self._next_salt())
        self.requests += 1

        def close(body: bytes) -> bytes:
            return v3.close(envelope, agent, user, envelope.level, body, scoped.context, now, self._next_salt())

        if envelope.level != (v3.AUTH if user.auth else 0) | (v3.PRIV if user.priv else 0):
            return close(pdu.refuse(request, pdu.AUTHORIZATION_ERROR, 0))
        room = min(agent.max_size, envelope.max_size) - len(scoped.context) - _ENVELOPE3_BYTES
        return self._reply(request, mib, "v3", room, close)

    def _report(self, counter: Oid, request_id: int) -> bytes:
        self._reports[counter] = self._reports.get(counter, 0) + 1
        held = ber.varbind(counter, ber.value(ber.COUNTER32, self._reports[counter]))
        return pdu.encode(request_id, 0, 0, [held], pdu.REPORT)

    def _next_salt(self) -> bytes:
        self._salt += 1
        return self.agent.boots.to_bytes(4, "big") + self._salt.to_bytes(4, "big")

    def _reply(
        self, request: Pdu, mib: Mib, version: Version, room: int, close: Callable[[bytes], bytes]
    ) -> bytes | None:
        misbehaviour = self._misbehaviour
        if misbehaviour is None or not misbehaviour.concerns(request):
            body = pdu.answer(request, mib, version, room)
            return None if body is None else close(body)
        if misbehaviour.restarts():
            self.restart()
            return None
        body = misbehaviour.body(request, mib, version, room)
        return None if body is None else misbehaviour.datagram(close(body))
