"""The codec of the responders, against pyasn1 as the oracle."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type.univ import OctetString
from pysnmp.proto import rfc1902

from collectors.responders import ber

ARC = st.integers(0, (1 << 32) - 1)
OIDS = st.one_of(
    st.tuples(st.integers(0, 1), st.integers(0, 39)), st.tuples(st.just(2), st.integers(0, 1 << 20))
).flatmap(lambda head: st.lists(ARC, max_size=20).map(lambda rest: (*head, *rest)))
# pyasn1 writes these with one octet more than X.690, 8.3.2 allows.
LONG_IN_PYASN1 = (-(1 << 7), -(1 << 15), -(1 << 23), -(1 << 31))
VALUES = st.one_of(
    st.integers(-(1 << 31), (1 << 31) - 1).map(lambda v: (ber.INTEGER, v, rfc1902.Integer32(v))),
    st.binary(max_size=300).map(lambda v: (ber.OCTETS, v, rfc1902.OctetString(v))),
    ARC.map(lambda v: (ber.COUNTER32, v, rfc1902.Counter32(v))),
    ARC.map(lambda v: (ber.GAUGE32, v, rfc1902.Gauge32(v))),
    ARC.map(lambda v: (ber.TIME_TICKS, v, rfc1902.TimeTicks(v))),
    st.integers(0, (1 << 64) - 1).map(lambda v: (ber.COUNTER64, v, rfc1902.Counter64(v))),
    OIDS.map(lambda v: (ber.OID, ber.dotted(v), rfc1902.ObjectName(v))),
    st.ip_addresses(v=4).map(lambda v: (ber.IP_ADDRESS, str(v), rfc1902.IpAddress(v.packed))),
)


@given(VALUES)
def test_a_value_is_encoded_as_pyasn1_does_and_read_back(case: tuple[int, ber.Value, object]) -> None:
    tag, value, theirs = case

    encoded = ber.value(tag, value)

    if tag == ber.INTEGER and value in LONG_IN_PYASN1:
        assert int(decoder.decode(encoded, asn1Spec=rfc1902.Integer32())[0]) == value
    else:
        assert encoded == encoder.encode(theirs)
    assert ber.read_value(encoded, 0, len(encoded)) == (tag, value, len(encoded))


@given(OIDS)
def test_an_oid_is_encoded_as_pyasn1_does_and_read_back(oid: ber.Oid) -> None:
    encoded = ber.oid(oid)

    assert encoded == encoder.encode(rfc1902.ObjectName(oid))
    assert ber.read_oid(encoded, 0, len(encoded)) == (oid, len(encoded))
    assert ber.parse_oid("." + ber.dotted(oid)) == oid


@given(st.binary(max_size=60))
@example(b"\x06\x00")
@example(b"\x30\x80\x00\x00")
@example(b"\x06\x01\x80")
@example(b"\x41\x05\xff\xff\xff\xff\xff")
def test_bytes_are_read_as_pyasn1_does_or_refused(data: bytes) -> None:
    try:
        tag, value, end = ber.read_value(data, 0, len(data))
    except ber.Undecodable:
        return

    assert end <= len(data)
    if tag in (ber.INTEGER, ber.OCTETS):
        theirs, rest = decoder.decode(data)
        assert rest == data[end:]
        assert (int(theirs) if tag == ber.INTEGER else bytes(theirs)) == value


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65_535, 65_536])
def test_lengths_take_the_short_and_the_long_form(length: int) -> None:
    encoded = ber.octets(bytes(length))

    assert ber.read_octets(encoded, 0, len(encoded)) == (bytes(length), len(encoded))
    assert encoded == encoder.encode(rfc1902.OctetString(bytes(length)) if length < 65_536 else _long(length))


def _long(length: int) -> object:
    return OctetString(bytes(length))  # SNMP's own type ends at 65,535 bytes


@pytest.mark.parametrize(
    ("tag", "value"),
    [(ber.COUNTER32, 1 << 32), (ber.GAUGE32, -1), (ber.OCTETS, "text"), (ber.OID, "1"), (ber.OID, "1.x"), (99, 1)],
)
def test_a_value_that_its_tag_does_not_carry_is_refused(tag: int, value: ber.Value) -> None:
    with pytest.raises(ber.Undecodable):
        ber.value(tag, value)
