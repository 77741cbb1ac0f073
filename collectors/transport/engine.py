"""Finds out who answers in SNMP version 3: engine discovery (RFC 3414 §4), which needs no credential."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import NamedTuple

from collectors.transport import ber
from collectors.transport.link import Failure, Fault
from collectors.transport.udp import Endpoint

_REPORTABLE = b"\x04"
_USM = 3
_VERSION = 3
_MAX_SIZE = 65507
MOST_BOOTS = 2**31 - 1  # an engine that has come so far authenticates nothing (RFC 3414 §2.2.2)
_draw = random.SystemRandom().getrandbits


class Engine(NamedTuple):
    """An SNMP engine: its id, and how often it says to have booted."""

    id: bytes
    boots: int


def encode_discovery(message_id: int) -> bytes:
    """A request without user and engine, which every version 3 agent answers with a report."""
    header = ber.sequence(
        ber.integer(message_id), ber.integer(_MAX_SIZE), ber.octets(_REPORTABLE), ber.integer(_USM)
    )  # fmt: skip
    security = ber.sequence(ber.octets(b""), ber.integer(0), ber.integer(0), *[ber.octets(b"")] * 3)
    pdu = ber.wrap(ber.GET, ber.integer(message_id) + ber.integer(0) + ber.integer(0) + ber.sequence())
    scoped = ber.sequence(ber.octets(b""), ber.octets(b""), pdu)
    return ber.sequence(ber.integer(_VERSION), header, ber.octets(security), scoped)


def decode_discovery(data: bytes) -> tuple[int, Engine]:
    """Message id and engine of the answer; raises Undecodable."""
    try:
        at, end = ber.open_element(data, 0, len(data), ber.SEQUENCE)
        version, at = ber.number(data, at, end)
        start, header_end = ber.open_element(data, at, end, ber.SEQUENCE)
        message_id, _ = ber.number(data, start, header_end)
        start, stop = ber.open_element(data, header_end, end, ber.OCTETS)
        inside, last = ber.open_element(data, start, stop, ber.SEQUENCE)
        start, stop = ber.open_element(data, inside, last, ber.OCTETS)
        boots, _ = ber.number(data, stop, last)
    except (IndexError, ValueError) as error:
        raise ber.Undecodable("the message is cut off") from error
    if version != _VERSION or not 5 <= stop - start <= 32:  # RFC 3411: SnmpEngineID
        raise ber.Undecodable("no version 3 message, or one without an engine id")
    return message_id, Engine(data[start:stop], boots)


async def discover_engine(endpoint: Endpoint, waits: Iterable[float]) -> Engine | Failure:
    """Ask which engine it is, and repeat after each of `waits` (seconds)."""
    loop = asyncio.get_running_loop()
    message_id = _draw(31)
    answer: asyncio.Future[Engine | Failure] = loop.create_future()
    garbage: list[Failure] = []

    def received(data: bytes) -> None:
        try:
            answered, engine = decode_discovery(data)
        except ber.Undecodable as error:
            garbage.append(Failure(Fault.GARBAGE, str(error)))
            return
        if answered == message_id and not answer.done():
            answer.set_result(engine)

    def failed(error: OSError) -> None:
        if not answer.done():
            answer.set_result(Failure(Fault.REFUSED, error.strerror or str(error)))

    with endpoint.listening(received, failed):
        for wait in waits:
            endpoint.send(encode_discovery(message_id))
            done, _ = await asyncio.wait([answer], timeout=wait)
            if done:
                return answer.result()
    return garbage[0] if garbage else Failure(Fault.SILENCE)
