"""The client's codec against the responders' own, and against bytes that mean nothing."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.responders import ber as theirs
from collectors.responders import pdu
from collectors.transport import ber
from collectors.transport.answers import Varbind
from collectors.transport.engine import decode_discovery, encode_discovery

EXAMPLES = int(os.environ.get("DECODER_EXAMPLES", "100"))
ARC = st.integers(0, 2**32 - 1)
OIDS = st.one_of(
    st.tuples(st.integers(0, 1), st.integers(0, 39), st.lists(ARC, max_size=30)),
    st.tuples(st.just(2), st.integers(0, 2**28), st.lists(ARC, max_size=30)),
).map(lambda parts: (parts[0], parts[1], *parts[2]))
VALUES = st.one_of(
    st.tuples(st.just(2), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(4), st.binary(max_size=300)),
    st.tuples(st.sampled_from((5, 0x80, 0x81, 0x82)), st.none()),
    st.tuples(st.just(6), OIDS.map(lambda oid: ".".join(map(str, oid)))),
    st.tuples(st.just(64), st.ip_addresses(v=4).map(str)),
    st.tuples(st.sampled_from((65, 66, 67)), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(68), st.binary(max_size=20)),
    st.tuples(st.just(70), st.integers(0, 2**64 - 1)),
)
VARBINDS = st.lists(st.tuples(OIDS, VALUES), max_size=20)
NUMBERS = st.integers(0, 2**31 - 1)


def response(request_id: int, status: int, index: int, held: list[tuple[Any, tuple[int, Any]]]) -> bytes:
    """A message as the responders make it."""
    body = pdu.encode(request_id, status, index, [theirs.varbind(oid, theirs.value(*value)) for oid, value in held])
    return theirs.sequence(theirs.integer(1), theirs.octets(b"public"), body)


@settings(max_examples=EXAMPLES)
@given(NUMBERS, st.integers(0, 18), NUMBERS, VARBINDS)
def test_reads_what_the_responders_write(request_id: int, status: int, index: int, held: list[Any]) -> None:
    read = ber.decode_response(response(request_id, status, index, held))

    assert (read.request_id, read.status, read.index) == (request_id, status, index)
    assert read.varbinds == [Varbind(oid, tag, value) for oid, (tag, value) in held]


@settings(max_examples=EXAMPLES)
@given(st.sampled_from((ber.GET, ber.GET_NEXT, ber.GET_BULK)), NUMBERS, st.lists(OIDS, max_size=20), st.integers(0, 99))
def test_the_responders_read_what_it_writes(kind: int, request_id: int, oids: list[Any], repetitions: int) -> None:
    data = ber.encode_request(1, b"public", kind, request_id, oids, repetitions)
    _, here, end = theirs.read(data, 0, len(data), theirs.SEQUENCE)
    version, here = theirs.read_int(data, here, end)
    community, here = theirs.read_octets(data, here, end)
    asked = pdu.decode(data, here, end)

    assert (version, community) == (1, b"public")
    assert (asked.tag, asked.request_id, asked.second) == (kind, request_id, repetitions)
    assert asked.oids == tuple(oids)


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=200))
def test_nonsense_is_undecodable_and_nothing_else(data: bytes) -> None:
    for decode in (ber.decode_response, decode_discovery):
        with pytest.raises(ber.Undecodable):
            decode(data)  # type: ignore[operator]  # one of two functions


@settings(max_examples=EXAMPLES)
@given(VARBINDS, st.data())
def test_a_damaged_response_is_read_or_undecodable(held: list[Any], data: st.DataObject) -> None:
    message = bytearray(response(7, 0, 0, held))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = ber.decode_response(bytes(message))
    except ber.Undecodable:
        return

    assert all(isinstance(arc, int) and arc >= 0 for varbind in read.varbinds for arc in varbind.oid)


@settings(max_examples=EXAMPLES)
@given(VARBINDS.filter(bool), st.data())
def test_a_truncated_response_is_undecodable(held: list[Any], data: st.DataObject) -> None:
    message = response(7, 0, 0, held)
    with pytest.raises(ber.Undecodable):
        ber.decode_response(message[: data.draw(st.integers(0, len(message) - 1))])


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("41 04 ff ff ff ff", (65, 2**32 - 1)),
        ("41 05 00 ff ff ff ff", (65, 2**32 - 1)),
        ("46 08 ff ff ff ff ff ff ff ff", (70, 2**64 - 1)),
        ("47 01 05", (66, 5)),
        ("02 00", (2, 0)),
        ("40 00", (4, b"")),
        ("40 06 0a 00 00 01 00 00", (4, bytes.fromhex("0a0000010000"))),
        ("04 81 01 41", (4, b"A")),
        ("06 00", (6, "0.0")),
    ],
)
def test_what_sloppy_agents_send_is_tolerated(content: str, value: tuple[int, Any]) -> None:
    held = theirs.sequence(theirs.wrap(6, bytes((43, 6, 1))), bytes.fromhex(content))
    message = theirs.sequence(theirs.integer(1), theirs.octets(b"public"), pdu.encode(1, 0, 0, [held]))

    assert ber.decode_response(message + b"\0\0").varbinds == [Varbind((1, 3, 6, 1), *value)]


def test_discovery_is_answered_by_its_own_kind() -> None:
    with pytest.raises(ber.Undecodable, match="without an engine id"):
        decode_discovery(encode_discovery(5))
