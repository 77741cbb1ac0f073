"""Decoding of single values: text, addresses, serial numbers, engine ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.model.shared import is_burned_in
from collectors.snmp.engine import engine_identifier
from collectors.snmp.iftypes import IF_TYPES
from collectors.snmp.serials import is_distinct, serial
from collectors.snmp.text import integer, known, mac, oid, text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"core-1", "core-1"),
        ("Zürich".encode(), "Zürich"),
        ("Zürich".encode("cp1252"), "Zürich"),
        ("机房三".encode("gb18030"), "机房三"),
        ("Hall ü".encode()[:-1], "Hall"),  # cut inside its last character
        (b"padded\x00\x00\x00", "padded"),
        (b"\x1b[1mbold\x07", "[1mbold"),
        (b"two\r\nlines\r", "two\nlines"),
        (b"", ""),
        (None, ""),
        (42, "42"),
        (b"caf\xe9 \x80", "café €"),
        (b"\xe9t\xe9 \x81", "été"),  # 0x81 is nothing in cp1252, and a control code in latin-1
    ],
)
def test_text(raw: object, expected: str) -> None:
    assert text(raw) == expected  # type: ignore[arg-type]  # parametrised values


@given(st.binary(max_size=300))
def test_text_never_fails_and_never_holds_control_characters(raw: bytes) -> None:
    found = text(raw)

    assert all(c == "\n" or c == "\t" or c.isprintable() or ord(c) >= 0xA0 for c in found)
    assert found == found.strip()


@given(st.text(max_size=200))
def test_text_gives_back_what_was_sent_in_utf_8(sent: str) -> None:
    assert text(sent.encode("utf-8", "ignore")) == text(sent.encode("utf-8", "ignore").decode("utf-8"))


@pytest.mark.parametrize("raw", [b"", b"  ", b"N/A", b"n/a", b"<private>", b"(null)", b"Not Specified", None])
def test_words_that_say_nothing_are_not_known(raw: bytes | None) -> None:
    assert known(raw) is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (bytes.fromhex("001de58498c0"), "00:1d:e5:84:98:c0"),
        (b"0:1d:e5:84:98:c0", "00:1d:e5:84:98:c0"),
        (b"00-1D-E5-84-98-C0", "00:1d:e5:84:98:c0"),
        (b"001d.e584.98c0", "00:1d:e5:84:98:c0"),
        (b"001DE58498C0", "00:1d:e5:84:98:c0"),
        (b"\x00" * 6, None),
        (b"\xff" * 6, None),
        (b"", None),
        (bytes(8), None),
        (b"no mac", "6e:6f:20:6d:61:63"),  # six octets are a MAC address, whatever they look like
        (b"eth0", None),
    ],
)
def test_mac(raw: bytes, expected: str | None) -> None:
    assert mac(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(7, 7), (b"7", 7), (b" -3 ", -3), (b"7.5", None), (b"", None), (None, None), (b"9" * 30, None)],
)
def test_integer(raw: int | bytes | None, expected: int | None) -> None:
    assert integer(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("1.3.6.1", "1.3.6.1"), (".1.3.6.1", "1.3.6.1"), ("iso.3.6.1", "1.3.6.1"), ("ccitt.0", None), (b"", None)],
)
def test_oid(raw: str | bytes, expected: str | None) -> None:
    assert oid(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"FOC1234X0AB", "FOC1234X0AB"),
        (b"S/N AB1234", "AB1234"),
        (b"SN: AB1234 ", "AB1234"),
        (b"AB  12\t34", "AB 12 34"),
        (b"N/A", None),
        (b"BUILTIN", None),
        (b"0000000", None),
        (b"xxxxxx", None),
        (b"0", None),
        (b"A1", None),
        (b"To be filled by O.E.M.", None),
        (b"Not Specified", None),
        (b"System Serial Number", None),
        (b"x" * 40 + b"y" * 40, None),
        (b"\xff\xff\xff\xff", None),
    ],
)
def test_serial(raw: bytes, expected: str | None) -> None:
    assert serial(raw) == expected


@pytest.mark.parametrize(
    ("number", "distinct"),
    [
        ("FOC1234X0AB", True),
        ("2102353801DM", True),
        ("F822", False),
        ("12345678", False),
        ("87654321", False),
        ("1111111112", False),
        ("FR60Fxxxxxxxx", False),
    ],
)
def test_only_a_distinct_serial_decides(number: str, distinct: bool) -> None:
    assert is_distinct(number) is distinct


ENGINES = [
    ("800000090300f47f3593af81", True),  # Cisco, MAC address
    ("80001f8880a1b2c3d4e5f60718", True),  # net-snmp, random
    ("0000000b0000001871c1e000", True),  # ProCurve, old form with a MAC address at its end
    ("80000a4c010ac40101", False),  # an IPv4 address: the next device with it has the same
    ("8000031504736e6d70", False),  # a text that people chose
    ("80000009030200c0a80101ff", False),  # a locally administered MAC address
    ("00000063000000a13ac0ff0a", False),  # port and address
    ("80000009020100000000000000000000000001", False),  # an IPv6 address
]


@pytest.mark.parametrize(("engine", "strong"), ENGINES)
def test_engine_id_decides_or_proposes(engine: str, strong: bool) -> None:
    found = engine_identifier(bytes.fromhex(engine))

    assert found is not None
    assert (found.key, found.strong) == (f"engine-id:{engine}", strong)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        None,
        "text",
        b"\x80\x00\x1f\x88",
        bytes(12),
        bytes.fromhex("80003a8c04"),
        bytes.fromhex("80004fb805636c6f75644dab22cc"),
        bytes(40),
    ],
)
def test_malformed_and_default_engine_ids_name_nothing(raw: object) -> None:
    assert engine_identifier(raw) is None


@given(st.binary(max_size=40))
def test_any_engine_id_is_judged(raw: bytes) -> None:
    found = engine_identifier(raw)

    assert found is None or (5 <= len(raw) <= 32 and found.key == f"engine-id:{raw.hex()}")


@pytest.mark.parametrize(
    ("address", "burned_in"),
    [
        ("00:1d:e5:84:98:c0", True),
        ("02:42:ac:11:00:02", False),  # locally administered
        ("01:00:5e:00:00:01", False),  # multicast
        ("00:00:5e:00:01:0a", False),  # VRRP
        ("00:00:0c:07:ac:01", False),  # HSRP
        ("00:00:0c:9f:f0:01", False),  # HSRP version 2
        ("00:07:b4:00:01:01", False),  # GLBP
        ("00:11:22:33:44:55", False),  # typed by a person
        ("00:00:00:00:00:01", False),
        ("20:20:20:20:20:20", False),
    ],
)
def test_burned_in(address: str, burned_in: bool) -> None:
    assert is_burned_in(address) is burned_in


def test_interface_types_stand_at_their_numbers() -> None:
    sample = {
        1: "other",
        6: "ethernetCsmacd",
        24: "softwareLoopback",
        53: "propVirtual",
        117: "gigabitEthernet",
        131: "tunnel",
    }
    sample |= {
        135: "l2vlan",
        136: "l3ipvlan",
        161: "ieee8023adLag",
        188: "radioMAC",
        209: "bridge",
        250: "gpon",
        272: "vmwareNicTeam",
    }
    sample |= {277: "docsOfdmDownstream", 303: "p2pOverLan"}

    assert {number: IF_TYPES[number] for number in sample} == sample
    assert not {273, 274, 275, 276} & IF_TYPES.keys()
