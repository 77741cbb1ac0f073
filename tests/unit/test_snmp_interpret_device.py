"""The device itself: how it is known, named and classed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.observation import Identifier
from tests.unit.snmp_answers import report


def device(tmp_path: Path, lines: str, address: str = "") -> tuple[str, dict[str, object], dict[str, bool]]:
    """Class, attributes, and identifiers with their strength, of an agent that answers these lines."""
    found = report(tmp_path, lines, address).observations[0]
    return found.ci_class, found.attributes, {i.key: i.strong for i in found.identifiers}


CISCO = """
2.1.1.1.0|4|Cisco IOS Software, C2960 Software (C2960-LANLITEK9-M), Version 15.0(2)SE8, RELEASE SOFTWARE (fc1)
2.1.1.2.0|6|1.3.6.1.4.1.9.1.1006
"""
CHASSIS = """
2.1.47.1.1.1.1.2.1|4|WS-C2960-8TC-S
2.1.47.1.1.1.1.5.1|2|3
2.1.47.1.1.1.1.11.1|4|FOC1901X0AB
2.1.47.1.1.1.1.13.1|4|WS-C2960-8TC-S
"""


def test_serial_with_a_known_maker_decides(tmp_path: Path) -> None:
    _, attributes, keys = device(tmp_path, CISCO + CHASSIS + "2.1.1.5.0|4|Edge-1\n")

    assert keys == {"serial:cisco:FOC1901X0AB": True, "sysname:edge-1": False, "target:lab-1": False}
    assert (attributes["vendor"], attributes["model"], attributes["os_name"], attributes["os_version"]) == (
        "Cisco",
        "WS-C2960-8TC-S",
        "IOS",
        "15.0(2)SE8",
    )


def test_key_is_the_first_strong_identifier(tmp_path: Path) -> None:
    assert report(tmp_path, CISCO + CHASSIS).observations[0].key == "serial:cisco:FOC1901X0AB"
    assert report(tmp_path, CISCO).observations[0].key == "target:lab-1"


def test_serial_of_an_unknown_maker_only_proposes(tmp_path: Path) -> None:
    _, _, keys = device(tmp_path, "2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n" + CHASSIS)

    assert keys["serial:unknown:FOC1901X0AB"] is False


@pytest.mark.parametrize("serial", ["N/A", "0000000000", "BUILTIN", "To be filled by O.E.M.", "<private>"])
def test_placeholder_serials_never_come_out(serial: str, tmp_path: Path) -> None:
    _, attributes, keys = device(tmp_path, CISCO + CHASSIS.replace("FOC1901X0AB", serial))

    assert "serial_number" not in attributes
    assert not any(key.startswith("serial:") for key in keys)


CARD = """
2.1.1.1.0|4|APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.5.6 AF1:v6.5.6 AN1:apc_sumx MN:AP9631 HR:08 SN: ZA1234001122)
2.1.1.2.0|6|1.3.6.1.4.1.318.1.3.27
"""


def test_serial_of_the_network_card_does_not_stand_in_for_that_of_a_silent_device(tmp_path: Path) -> None:
    whole = device(tmp_path, CARD + "4.1.318.1.1.1.1.1.1.0|4|Smart-UPS\n4.1.318.1.1.1.1.2.3.0|4|AS1234005566\n")
    alone = device(tmp_path, CARD + "4.1.318.1.1.1.1.1.1.0|4|Smart-UPS\n")
    silent = device(tmp_path, CARD)

    assert whole[1]["serial_number"] == "AS1234005566"
    assert alone[1]["serial_number"] == "ZA1234001122"
    assert "serial_number" not in silent[1]
    assert not any(key.startswith("serial:") for key in silent[2])


def test_serial_of_nothing_but_leading_zeros_names_nothing(tmp_path: Path) -> None:
    _, attributes, keys = device(tmp_path, CISCO + CHASSIS.replace("FOC1901X0AB", "000000000001"))

    assert attributes["serial_number"] == "000000000001"
    assert not any(key.startswith("serial:") for key in keys)


@pytest.mark.parametrize("name", ["localhost", "<private>", "", "switch", "unknown"])
def test_names_that_many_devices_have_name_nothing(name: str, tmp_path: Path) -> None:
    _, attributes, keys = device(tmp_path, f"2.1.1.2.0|6|1.3.6.1.4.1.9.1.1\n2.1.1.5.0|4|{name}\n")

    assert attributes["name"] == "lab-1"
    assert list(keys) == ["target:lab-1"]


PORTS = """
2.1.2.2.1.2.1|4|eth0
2.1.2.2.1.3.1|2|6
2.1.2.2.1.6.1|4x|001b21aa0001
2.1.2.2.1.2.2|4|br0
2.1.2.2.1.3.2|2|209
2.1.2.2.1.6.2|4x|001b21aa0002
2.1.2.2.1.2.3|4|docker0
2.1.2.2.1.3.3|2|6
2.1.2.2.1.6.3|4x|024200000001
2.1.17.1.1.0|4x|001b21aa0000
"""


def test_mac_addresses_are_those_of_bridge_and_physical_ports(tmp_path: Path) -> None:
    _, attributes, keys = device(tmp_path, PORTS)

    assert attributes["mac_addresses"] == ["00:1b:21:aa:00:00", "00:1b:21:aa:00:01"]
    assert keys == {
        "chassis-id:mac:00:1b:21:aa:00:00": True,
        "mac:00:1b:21:aa:00:00": False,
        "mac:00:1b:21:aa:00:01": False,
        "target:lab-1": False,
    }


def test_large_switch_has_few_mac_keys(tmp_path: Path) -> None:
    ports = "".join(f"2.1.2.2.1.2.{i}|4|p{i}\n2.1.2.2.1.6.{i}|4x|001b21aa{i:04x}\n" for i in range(1, 101))
    _, attributes, keys = device(tmp_path, ports)

    assert len(attributes["mac_addresses"]) == 100  # type: ignore[arg-type]  # a list
    assert sum(key.startswith("mac:") for key in keys) == 8


def test_locally_administered_bridge_address_names_nothing(tmp_path: Path) -> None:
    _, _, keys = device(tmp_path, "2.1.17.1.1.0|4x|024200000001\n")

    assert list(keys) == ["target:lab-1"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [("192.0.2.7", "192.0.2.7"), ("2001:DB8::7", "2001:db8::7"), ("127.0.0.1", None), ("::1", None), ("", None)],
)
def test_management_address(address: str, expected: str | None, tmp_path: Path) -> None:
    _, attributes, _ = device(tmp_path, CISCO, address)

    assert attributes.get("management_address") == expected


@pytest.mark.parametrize(
    ("lines", "ci_class", "roles"),
    [
        ("2.1.1.7.0|2|2\n2.1.17.1.2.0|2|24", "NetworkDevice", ["switch"]),
        ("2.1.4.1.0|2|1\n2.1.1.7.0|2|4", "NetworkDevice", ["router"]),
        ("2.1.4.1.0|2|1\n2.1.1.7.0|2|78", "NetworkDevice", ["router"]),
        ("2.1.4.1.0|2|1\n2.1.1.7.0|2|6\n2.1.17.1.2.0|2|24", "NetworkDevice", ["router", "switch"]),
        ("2.1.4.1.0|2|2\n2.1.1.7.0|2|72\n2.1.25.1.1.0|67|1", "Computer", None),
        ("2.1.43.5.1.1.17.1|4|ABC123456", "Printer", ["printer"]),
        ("2.1.33.1.1.2.0|4|Example 1000", "PowerDevice", ["ups"]),
        ("2.1.1.7.0|2|64", "Endpoint", None),
        ("\n".join(f"2.1.2.2.1.2.{i}|4|p{i}" for i in range(5)), "NetworkDevice", None),
    ],
)
def test_class_of_what_no_profile_knows(lines: str, ci_class: str, roles: list[str] | None, tmp_path: Path) -> None:
    found, attributes, _ = device(tmp_path, f"2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n{lines}\n")

    assert (found, attributes.get("roles")) == (ci_class, roles)


@pytest.mark.parametrize(
    ("lines", "vendor"),
    [
        ("2.1.1.2.0|6|1.3.6.1.4.1.9694.1", "Arbor Networks"),  # enterprise number
        ("2.1.1.2.0|6|iso.3.6.1.4.1.9694.1", "Arbor Networks"),
        ("2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n2.1.47.1.1.1.1.5.1|2|3\n2.1.47.1.1.1.1.12.1|4|Example AG", "Example AG"),
        ("2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n2.1.1.1.0|4|a Gigamon tap", "Gigamon"),
        ("2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10", None),  # net-snmp made the agent, not the device
    ],
)
def test_vendor_without_a_profile(lines: str, vendor: str | None, tmp_path: Path) -> None:
    _, attributes, _ = device(tmp_path, lines)

    assert attributes.get("vendor") == vendor


def test_agent_that_answers_nothing_is_still_a_device(tmp_path: Path) -> None:
    found = report(tmp_path, "9.9.9.0|2|1\n")

    assert found.observations[0].identifiers == (Identifier("target:lab-1", strong=False),)
    assert found.tables == ()


def test_extender_of_two_switches_names_neither(tmp_path: Path) -> None:
    extender = """
    2.1.47.1.1.1.1.2.2|4|Fex-101 Chassis
    2.1.47.1.1.1.1.5.2|2|3
    2.1.47.1.1.1.1.7.2|4|Fex 101
    2.1.47.1.1.1.1.11.2|4|SSI1901FEXA
    """
    _, _, keys = device(tmp_path, CISCO + CHASSIS + extender)

    assert [key for key in keys if key.startswith("serial:")] == ["serial:cisco:FOC1901X0AB"]


def test_versions_of_one_repeated_digit_are_versions(tmp_path: Path) -> None:
    _, attributes, _ = device(tmp_path, "2.1.1.2.0|6|1.3.6.1.4.1.9694.1\n2.1.1.1.0|4|Probe version 1.1\n")

    assert attributes["os_version"] == "1.1"
