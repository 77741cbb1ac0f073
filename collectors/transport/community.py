"""SNMP versions 1 and 2c: requests and responses with a community."""

from __future__ import annotations

import random

from collectors.transport import ber
from collectors.transport.credentials import CommunityVersion
from collectors.transport.link import Failure, Fault, Reply, Request, Step
from collectors.transport.udp import Endpoint

_VLAN = "vlan-"
_draw = random.SystemRandom().getrandbits


class CommunityLink:
    """One agent over version 1 or 2c."""

    def __init__(self, endpoint: Endpoint, version: CommunityVersion, community: bytes, context: str = "") -> None:
        self._endpoint, self._version, self._community, self._context = endpoint, version, community, context
        vlan = context.removeprefix(_VLAN)
        self._asked_as = community + b"@" + vlan.encode() if context else community
        self._waiting: dict[int, Step] = {}
        endpoint.listen(self._received, self._failed)

    def send(self, step: Step, request: Request) -> None:
        """Send once more for `step`. Version 1 has no GETBULK: it is asked by GETNEXT."""
        kind, repetitions = ber.GET, 0
        if request.next:
            bulk = request.repetitions > 0 and self._version != "v1"
            kind, repetitions = (ber.GET_BULK, request.repetitions) if bulk else (ber.GET_NEXT, 0)
        request_id = _draw(31)
        step.sent[request_id] = (request, step.future.get_loop().time())
        self._waiting[request_id] = step
        data = ber.encode_request(
            ber.VERSIONS[self._version], self._asked_as, kind, request_id, request.oids, repetitions
        )
        self._endpoint.send(data)

    def finish(self, step: Step) -> None:
        """Forget `step`."""
        for request_id in step.sent:
            self._waiting.pop(request_id, None)

    def close(self) -> None:
        """Listen no longer; the endpoint stays open."""
        self._endpoint.forget(self._received, self._failed)

    def context(self, name: str) -> CommunityLink:
        """Community `public@name`; a VLAN `vlan-10` is `public@10`."""
        return CommunityLink(self._endpoint, self._version, self._community, name)

    def fallback(self) -> CommunityLink | None:
        """Version 1 below version 2c."""
        if self._version == "v1":
            return None
        return CommunityLink(self._endpoint, "v1", self._community, self._context)

    def _received(self, data: bytes) -> None:
        if not self._waiting:
            return
        try:
            response = ber.decode_response(data)
        except ber.Undecodable as error:
            for step in self._open():
                step.settle(Failure(Fault.GARBAGE, str(error)))
            return
        found = self._waiting.get(response.request_id)
        if found is None:
            for step in self._open():
                step.strays += 1
            return
        request, sent = found.sent[response.request_id]
        round_trip_s = found.future.get_loop().time() - sent
        found.settle(Reply(request, response.status, response.index, response.varbinds, round_trip_s))

    def _failed(self, error: OSError) -> None:
        for step in self._open():
            step.settle(Failure(Fault.REFUSED, error.strerror or str(error)))

    def _open(self) -> list[Step]:
        return list({id(step): step for step in self._waiting.values()}.values())
