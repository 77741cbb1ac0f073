"""Values of attributes come to one normal form, and what does not fit is a problem, not an exception."""

from __future__ import annotations

import ipaddress
import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cmdb.model
from cmdb.errors import Invalid
from cmdb.model.registry import load_model

MODEL = load_model()


def one(ci_class: str, attribute: str, value: object) -> tuple[object, str]:
    """Normal form (None: absent) and problem ("" for none) of one value."""
    accepted, problems = MODEL.check_attributes(ci_class, {attribute: value})
    return accepted.get(attribute), problems[0][2] if problems else ""


@pytest.mark.parametrize(
    ("ci_class", "attribute", "value", "expected"),
    [
        ("Interface", "mac_address", "001d.e584.98c0", "00:1d:e5:84:98:c0"),
        ("Interface", "mac_address", "00-1D-E5-84-98-C0", "00:1d:e5:84:98:c0"),
        ("Interface", "mac_address", "0:1d:e5:4:98:c0", "00:1d:e5:04:98:c0"),
        ("Interface", "mac_address", "001DE58498C0", "00:1d:e5:84:98:c0"),
        ("Interface", "mac_address", "001d-e584-98c0", "00:1d:e5:84:98:c0"),
        ("Interface", "mac_address", "00:00:00:00:00:00", None),
        ("Interface", "mac_address", "FF:FF:FF:FF:FF:FF", None),
        ("Interface", "mac_address", " ", None),
        ("IPAddress", "address", "2001:DB8:0:0::1", "2001:db8::1"),
        ("IPAddress", "address", " 10.20.0.1 ", "10.20.0.1"),
        ("IPAddress", "address", "fe80::1%eth0", "fe80::1"),
        ("IPAddress", "address", "::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        ("IPAddress", "address", "::ffff:a00:1", "::ffff:10.0.0.1"),
        ("Subnet", "prefix", "10.20.1.7/22", "10.20.0.0/22"),
        ("Subnet", "prefix", "10.20.0.0/255.255.252.0", "10.20.0.0/22"),
        ("Subnet", "prefix", "2001:DB8::/32", "2001:db8::/32"),
        ("Interface", "mtu", "1500", 1500),
        ("Interface", "mtu", 1500.0, 1500),
        ("Interface", "mtu", "", None),
        ("Interface", "if_index", 4294967295, 4294967295),
        ("VLAN", "vlan_id", 4094, 4094),
        ("Interface", "oper_status", "Lower-Layer Down", "lower_layer_down"),
        ("Interface", "oper_status", "UP", "up"),
        ("Interface", "oper_status", "", None),
        ("Interface", "alias", "\x00uplink\x00 to\x07 core \x00", "uplink to core"),
        ("Interface", "alias", "\x00\x00", None),
        ("Interface", "alias", "\ud800x", "x"),
        ("Interface", "alias", "接入 交换机", "接入 交换机"),
        ("Interface", "name", "  Gi1/0/1", "Gi1/0/1"),
        ("Computer", "sys_description", "Linux web-1\r\n6.1", "Linux web-1\r\n6.1"),
        ("Computer", "roles", ["switch", " router", "switch", ""], ["router", "switch"]),
        ("Computer", "roles", "server", ["server"]),
        ("Computer", "roles", [], None),
        (
            "Computer",
            "mac_addresses",
            ("001d.e584.98c1", "00:1d:e5:84:98:c0"),
            ["00:1d:e5:84:98:c0", "00:1d:e5:84:98:c1"],
        ),
        ("Service", "user_facing", "Yes", True),
        ("Service", "user_facing", False, False),
        ("Service", "user_facing", "", None),
        ("Service", "criticality", 4, 4),
        ("Certificate", "not_after", "2027-03-01T13:00:00+01:00", "2027-03-01T12:00:00.000Z"),
        ("Certificate", "not_after", "2027-03-01T12:00:00.5Z", "2027-03-01T12:00:00.500Z"),
        ("Certificate", "not_after", 1_803_902_400_000, "2027-03-01T12:00:00.000Z"),
        ("Certificate", "not_after", datetime(2027, 3, 1, 12, tzinfo=UTC), "2027-03-01T12:00:00.000Z"),
        ("Computer", "vendor", None, None),
    ],
)
def test_normal_form(ci_class: str, attribute: str, value: object, expected: object) -> None:
    found, problem = one(ci_class, attribute, value)

    assert (found, problem) == (expected, "")
    if expected is not None:
        assert one(ci_class, attribute, found) == (expected, "")  # a normal form stays as it is


@pytest.mark.parametrize(
    ("ci_class", "attribute", "value", "message"),
    [
        ("Interface", "mac_address", "00:1d:e5:84:98", "takes a MAC address"),
        ("Interface", "mac_address", "00:1d-e5:84-98:c0", "takes a MAC address"),
        ("Interface", "mac_address", 7, "takes a MAC address"),
        ("IPAddress", "address", "10.20.0.1/24", "prefix length is an attribute of its own"),
        ("IPAddress", "address", "010.1.1.1", "takes an IP address"),
        ("IPAddress", "address", 167772161, "takes an IP address"),
        ("Subnet", "prefix", "10.20.0.0", "with its prefix length"),
        ("Subnet", "prefix", "10.20.0.0/33", "with its prefix length"),
        ("Interface", "mtu", True, "takes a whole number, not true or false"),
        ("Interface", "mtu", 1500.5, "takes a whole number"),
        ("Interface", "mtu", "9k", "takes a whole number, not text"),
        ("Interface", "mtu", math.nan, "takes a whole number"),
        ("Interface", "mtu", {"x": 1}, "takes a whole number, not a mapping"),
        ("Interface", "speed_bps", 2**53, "must be from 1 to"),
        ("Interface", "speed_bps", "9" * 5000, "takes a whole number"),
        ("VLAN", "vlan_id", 4095, "must be from 1 to 4,094"),
        ("Interface", "oper_status", "broken", "takes one of up, down"),
        ("Interface", "oper_status", 1, "takes one of up, down"),
        ("Computer", "os_version", 12.1, "put it in quotes"),
        ("Computer", "os_version", ["12"], "takes text, not a list"),
        ("Service", "user_facing", 1, "takes true or false"),
        ("Certificate", "not_after", "2027-03-01T12:00:00", "with its zone"),
        ("Certificate", "not_after", "soon", "with its zone"),
        ("Certificate", "not_after", 10**30, "with its zone"),
        ("Certificate", "not_after", True, "with its zone"),
        ("Certificate", "not_after", "0001-01-01T00:00:00+14:00", "years 1 to 9999"),
        ("Interface", "speed", 10, "did you mean speed_bps?"),
        ("Interface", "status", "up", "no such attribute"),
    ],
)
def test_misfit_is_a_problem(ci_class: str, attribute: str, value: object, message: str) -> None:
    found, problem = one(ci_class, attribute, value)

    assert found is None
    assert message in problem


def test_a_misfit_leaves_the_rest_alone() -> None:
    accepted, problems = MODEL.check_attributes("Interface", {"name": "Gi1", "mtu": "big", "alias": "uplink"})

    assert accepted == {"name": "Gi1", "alias": "uplink"}
    assert problems == [("mtu", "big", "takes a whole number, not text")]


def test_long_text_is_cut_between_characters_and_said() -> None:
    found, problem = one("Interface", "alias", "é" * 3000)

    assert found == "é" * 2000
    assert problem == "is longer than 4,000 bytes; the rest was cut off"
    assert one("Interface", "alias", "x" * 4000) == ("x" * 4000, "")


def test_a_list_keeps_what_fits() -> None:
    found, problem = one("Computer", "mac_addresses", ["00:1d:e5:84:98:c0", "x"])

    assert found == ["00:1d:e5:84:98:c0"]
    assert "left out: it takes a MAC address" in problem


def test_a_long_list_is_cut_and_said() -> None:
    found, problem = one("Computer", "roles", [f"role-{i:04}" for i in range(1200)])

    assert isinstance(found, list)
    assert (len(found), found[-1]) == (1000, "role-0999")
    assert "more than 1,000 entries" in problem


def test_thousands_of_unknown_attributes_take_no_time_to_explain() -> None:
    fresh = load_model(Path(cmdb.model.__file__).parent)

    _, problems = fresh.check_attributes("Location", {f"unknown_{i}": 1 for i in range(5000)})

    assert len(problems) == 5000
    assert problems[0][2] == "Location has no such attribute; there are kind, name"
    assert problems[-1][2] == "Location has no such attribute"


def test_an_unknown_class_is_an_error_that_names_near_ones() -> None:
    with pytest.raises(Invalid, match="did you mean Interface"):
        MODEL.check_attributes("interface", {})


@given(st.ip_addresses())
def test_addresses_keep_their_meaning(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    found, problem = one("IPAddress", "address", address.exploded)

    assert problem == ""
    assert ipaddress.ip_address(str(found)) == address


@given(st.integers(0, 2**48 - 1), st.sampled_from([":", "-", ".", ""]))
def test_every_form_of_a_mac_address_is_the_same(number: int, separator: str) -> None:
    digits = f"{number:012X}"
    step = 4 if separator == "." else 2
    written = separator.join(digits[i : i + step] for i in range(0, 12, step))
    expected = ":".join(digits[i : i + 2] for i in range(0, 12, 2)).lower()

    found, problem = one("Interface", "mac_address", written)

    assert (found, problem) == (None if number in (0, 2**48 - 1) else expected, "")


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_times_keep_their_order_and_meaning(moment: datetime, minutes: int) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    found, problem = one("Certificate", "not_after", there.isoformat())

    assert problem == ""
    assert abs(datetime.fromisoformat(str(found)) - there) < timedelta(milliseconds=1)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
PLACES = [(c.name, a) for c in MODEL.classes.values() for a in [*c.attributes, "name"]]


@given(st.sampled_from(PLACES), ANY)
def test_nothing_raises_and_a_normal_form_stays(place: tuple[str, str], value: object) -> None:
    ci_class, attribute = place

    accepted, _ = MODEL.check_attributes(ci_class, {attribute: value})
    again, problems = MODEL.check_attributes(ci_class, accepted)

    assert (again, problems) == (accepted, [])


# ---- relationships


@pytest.mark.parametrize(
    ("type_", "source", "target", "message"),
    [
        ("CONNECTED_TO", "Interface", "Interface", None),
        ("CONNECTED_TO", "Interface", "Printer", None),
        ("CONNECTED_TO", "Printer", "Interface", None),
        ("CONNECTED_TO", "Printer", "Printer", "can't tie Printer to Printer"),
        ("CONTAINS", "VirtualMachine", "Interface", None),
        ("CONTAINS", "Interface", "VirtualMachine", "it ties Device or Chassis → Chassis or Module or Interface"),
        ("DEPENDS_ON", "Service", "Location", None),
        ("DEPENDS_ON", "Service", "Requirement", "can't tie"),
        ("PROVIDED_BY", "Requirement", "Computer", None),
        ("PROVIDED_BY", "Service", "Computer", "can't tie"),
        ("DEPENDS_ON", "Service", "Nothing", "there is no class 'Nothing'"),
        ("DEPEND_ON", "Service", "Computer", "did you mean DEPENDS_ON"),
    ],
)
def test_ends(type_: str, source: str, target: str, message: str | None) -> None:
    found = MODEL.check_ends(type_, source, target)

    assert (found is None) if message is None else message in (found or "")


def test_attributes_of_relationships() -> None:
    assert MODEL.check_link("SEEN_ON", {"vlan_id": 20}) == ({"vlan_id": [20]}, [])
    assert MODEL.check_link("MEMBER_OF", {"tagged": "yes", "weight": "2"}) == ({"tagged": True, "weight": 2}, [])
    assert MODEL.check_link("SEEN_ON", {"vlan_id": [20, 5000]}) == (
        {"vlan_id": [20]},
        [("vlan_id", "has an entry that does not fit and was left out: it must be from 1 to 4,094")],
    )
    assert MODEL.check_link("SEE_ON", {})[0] is None
    assert "did you mean SEEN_ON" in MODEL.check_link("SEE_ON", {})[1][0][1]


def test_a_whole_relationship() -> None:
    good = MODEL.check_relationship("DEPENDS_ON", "Service", "Computer", {"group_key": " web "})
    bad = MODEL.check_relationship("IN_SUBNET", "Interface", "Subnet", {})

    assert good == ({"group_key": "web"}, [])
    assert bad == (None, [("", "IN_SUBNET can't tie Interface to Subnet; it ties IPAddress → Subnet")])
