"""Tables as observations: interfaces, addresses, parts, and what a half-read table does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from cmdb.observation import Link, path
from collectors.snmp.interpret import interpret
from collectors.snmp.read import read_device
from collectors.snmp.reads import ENTITIES, INTERFACES, SYSTEM
from collectors.transport.answers import Answers, Oid, Outcome, Varbind, Walk
from collectors.transport.replay import RecordedTarget, ReplaySession, open_replay
from collectors.transport.session import SnmpSession, TransportFailure
from tests.unit.snmp_answers import AT, of_class, report

SYSTEM_LINES = """
2.1.1.1.0|4|Example switch
2.1.1.2.0|6|1.3.6.1.4.1.99999.1
2.1.1.5.0|4|sw-1
"""


def interfaces(tmp_path: Path, lines: str) -> dict[str, dict[str, object]]:
    found = report(tmp_path, SYSTEM_LINES + lines)
    return {o.key: o.attributes for o in of_class(found, "Interface")}


def test_name_is_if_name_then_if_descr_then_number(tmp_path: Path) -> None:
    found = interfaces(
        tmp_path,
        """
        2.1.2.2.1.2.1|4|GigabitEthernet0/1
        2.1.2.2.1.2.2|4|GigabitEthernet0/2
        2.1.2.2.1.3.3|2|6
        2.1.31.1.1.1.1.1|4|Gi0/1
        2.1.31.1.1.1.1.2|4|
        """,
    )

    assert {key: a["name"] for key, a in found.items()} == {
        "Gi0/1": "Gi0/1",
        "GigabitEthernet0/2": "GigabitEthernet0/2",
        "if3": "if3",
    }
    assert found["Gi0/1"]["description"] == "GigabitEthernet0/1"


def test_names_that_repeat_get_their_number_whatever_the_order(tmp_path: Path) -> None:
    found = interfaces(
        tmp_path,
        """
        2.1.2.2.1.2.1|4|eth
        2.1.2.2.1.2.2|4|eth
        2.1.2.2.1.2.3|4|eth.2
        """,
    )

    assert set(found) == {"eth.1", "eth#2", "eth.2"}
    assert found["eth#2"] == {"name": "eth", "description": "eth", "if_index": 2}


@pytest.mark.parametrize(
    ("speed", "high", "expected"),
    [
        (1000000000, 1000, 1000000000),
        (4294967295, 10000, 10000000000),
        (0, 100, 100000000),
        (1410065408, 10000, 10000000000),  # wrapped
        (1544000, 2, 1544000),  # ifHighSpeed is rounded
        (4294967295, 0, None),
        (0, 0, None),
        (0, 1000000000, 1000000000),  # bit/s in a column for Mbit/s
    ],
)
def test_speed(speed: int, high: int, expected: int | None, tmp_path: Path) -> None:
    found = interfaces(
        tmp_path, f"2.1.2.2.1.2.1|4|a\n2.1.2.2.1.5.1|66|{speed}\n2.1.31.1.1.1.15.1|66|{high}\n2.1.31.1.1.1.1.1|4|a"
    )

    assert found["a"].get("speed_bps") == expected


def test_unknown_values_are_absent(tmp_path: Path) -> None:
    found = interfaces(
        tmp_path,
        """
        2.1.2.2.1.2.0|4|zero
        2.1.2.2.1.3.0|2|999
        2.1.2.2.1.4.0|2|0
        2.1.2.2.1.6.0|4x|000000000000
        2.1.2.2.1.7.0|2|9
        2.1.2.2.1.8.0|2|0
        2.1.31.1.1.1.18.0|4|N/A
        """,
    )

    assert found == {"zero": {"name": "zero", "description": "zero", "if_index": 0}}


def test_states_types_and_large_numbers(tmp_path: Path) -> None:
    found = interfaces(
        tmp_path,
        "2.1.2.2.1.2.813695260|4|p\n2.1.2.2.1.3.813695260|2|161\n2.1.2.2.1.7.813695260|2|2\n2.1.2.2.1.8.813695260|2|7",
    )

    assert found["p"]["if_index"] == 813695260
    assert (found["p"]["type"], found["p"]["admin_status"], found["p"]["oper_status"]) == (
        "ieee8023adLag",
        "down",
        "lower_layer_down",
    )


def test_bad_string_does_not_stop_a_table(tmp_path: Path) -> None:
    found = interfaces(tmp_path, "2.1.2.2.1.2.1|4x|ff00fe\n2.1.2.2.1.2.2|4|b")

    assert set(found) == {"ÿþ", "b"}


ADDRESS_LINES = """
2.1.2.2.1.2.7|4|vlan7
2.1.4.20.1.2.10.1.2.3|2|7
2.1.4.20.1.3.10.1.2.3|64|255.255.252.0
2.1.4.20.1.2.127.0.0.1|2|7
2.1.4.20.1.3.127.0.0.1|64|255.0.0.0
2.1.4.34.1.3.1.4.10.1.2.3|2|7
2.1.4.34.1.4.1.4.10.1.2.255|2|3
2.1.4.34.1.3.1.4.10.1.2.255|2|7
2.1.4.34.1.3.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1|2|7
2.1.4.34.1.5.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1|6|1.3.6.1.2.1.4.32.1.5.7.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.0.48
2.1.4.34.1.3.4.20.254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.7|2|7
2.1.4.34.1.5.4.20.254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.7|6|0.0
"""


def test_addresses_of_all_tables_stand_once_in_their_interface(tmp_path: Path) -> None:
    found = report(tmp_path, SYSTEM_LINES + ADDRESS_LINES)
    addresses = {o.key: o for o in of_class(found, "IPAddress")}

    assert set(addresses) == {"10.1.2.3", "2001:db8::1", "fe80::1"}
    assert addresses["10.1.2.3"].attributes == {"name": "10.1.2.3", "address": "10.1.2.3", "prefix_length": 22}
    assert addresses["2001:db8::1"].attributes["prefix_length"] == 48
    assert {o.parent for o in addresses.values()} == {path(found.observations[0].key, "Interface", "vlan7")}


def test_addresses_name_their_subnets(tmp_path: Path) -> None:
    found = report(tmp_path, SYSTEM_LINES + ADDRESS_LINES)
    links = {o.key: o.links for o in of_class(found, "IPAddress")}

    assert {o.attributes["prefix"] for o in of_class(found, "Subnet")} == {"10.1.0.0/22", "2001:db8::/48"}
    assert links["10.1.2.3"] == (Link("IN_SUBNET", "subnet:default:10.1.0.0/22", method="snmp"),)
    assert links["fe80::1"] == ()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("2.1.4.20.1.2.10.0.0.1|2|3\n2.1.4.20.1.3.10.0.0.1|64|0.0.0.0", ("10.0.0.1", None)),
        ("2.1.4.20.1.2.10.0.0.1|2|3\n2.1.4.20.1.3.10.0.0.1|64|255.0.255.0", ("10.0.0.1", None)),
        ("2.1.4.20.1.2.10.0.0.1|2|3\n2.1.4.20.1.3.10.0.0.1|64|255.255.255.255", ("10.0.0.1", 32)),
        ("2.1.4.34.1.3.1.10.0.0.1|2|3", ("10.0.0.1", None)),  # no length in the index
        ("4.1.9.10.86.1.1.2.1.3.1.4.10.0.0.1|2|3", ("10.0.0.1", None)),
        ("2.1.55.1.8.1.2.3.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1|2|64", ("2001:db8::1", 64)),
        ("2.1.55.1.8.1.2.3.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1|2|64", ("2001:db8::1", 64)),
    ],
)
def test_forms_of_address_rows(lines: str, expected: tuple[str, int | None], tmp_path: Path) -> None:
    found = of_class(report(tmp_path, SYSTEM_LINES + lines), "IPAddress")

    assert [(o.key, o.attributes.get("prefix_length")) for o in found] == [expected]


def test_interface_that_only_an_address_names_exists(tmp_path: Path) -> None:
    found = report(tmp_path, SYSTEM_LINES + "2.1.4.20.1.2.10.0.0.1|2|3")

    assert [(o.key, o.attributes) for o in of_class(found, "Interface")] == [("if3", {"name": "if3", "if_index": 3})]


@pytest.mark.parametrize(
    "row",
    [
        "2.1.4.34.1.3.1.10.0.0|2|1",
        "2.1.4.34.1.3.9.4.1.2.3.4|2|1",
        "2.1.4.34.1.3.1.4.300.0.0.1|2|1",
        "2.1.4.20.1.2.10.0.0.1|2|0",
    ],
)
def test_address_rows_that_make_no_sense_are_passed_over(row: str, tmp_path: Path) -> None:
    assert of_class(report(tmp_path, SYSTEM_LINES + row), "IPAddress") == []


def part(
    index: int, cls: int, parent: int, name: str, serial: str = "", descr: str = "", model: str = "", position: int = 0
) -> str:
    values = {
        2: (4, descr or name),
        4: (2, parent),
        5: (2, cls),
        6: (2, position),
        7: (4, name),
        11: (4, serial),
        13: (4, model),
    }
    return "".join(f"2.1.47.1.1.1.1.{column}.{index}|{tag}|{value}\n" for column, (tag, value) in values.items())


def test_one_chassis_is_the_device_itself(tmp_path: Path) -> None:
    found = report(
        tmp_path,
        SYSTEM_LINES + part(1, 3, 0, "Chassis", "CHS12345X", model="EX-1") + part(2, 6, 1, "PSU 1", "PSU12345X"),
    )

    assert of_class(found, "Chassis") == []
    assert found.observations[0].attributes["serial_number"] == "CHS12345X"
    assert [(o.key, o.parent) for o in of_class(found, "Module")] == [("PSU 1", found.observations[0].key)]


@pytest.mark.parametrize("stack_row", ["", part(99, 11, 0, "Stack", "CHS12345A")])
def test_stack_is_one_device_with_a_chassis_each(stack_row: str, tmp_path: Path) -> None:
    above = 99 if stack_row else 0
    members = part(1, 3, above, "Switch 1", "CHS12345A", position=1) + part(
        2, 3, above, "Switch 2", "CHS12345B", position=2
    )
    found = report(tmp_path, SYSTEM_LINES + stack_row + members + part(3, 6, 2, "PSU A", "PSU12345X"))
    device = found.observations[0]

    assert [
        (o.key, o.attributes["serial_number"], o.attributes["member_number"]) for o in of_class(found, "Chassis")
    ] == [
        ("1", "CHS12345A", 1),
        ("2", "CHS12345B", 2),
    ]
    assert {i.key for i in device.identifiers if i.key.startswith("serial:")} == {
        "serial:unknown:CHS12345A",
        "serial:unknown:CHS12345B",
    }
    assert [o.parent for o in of_class(found, "Module")] == [path(device.key, "Chassis", "2")]


def test_sensors_ports_and_slots_are_no_modules(tmp_path: Path) -> None:
    lines = part(1, 3, 0, "Chassis") + "".join(
        part(i, cls, 1, f"thing {i}") for i, cls in enumerate((1, 2, 4, 5, 8, 10), start=2)
    )

    assert of_class(report(tmp_path, SYSTEM_LINES + lines), "Module") == []


@pytest.mark.parametrize(
    ("cls", "descr", "kind"),
    [
        (6, "anything", "power_supply"),
        (7, "anything", "fan"),
        (12, "anything", "cpu"),
        (14, "anything", "battery"),
        (15, "anything", "disk"),
        (9, "SFP-10G-SR 10GBASE-SR", "transceiver"),
        (9, "Supervisor 2T 10GE", "supervisor"),
        (9, "48-port 10/100/1000 line card", "line_card"),
        (9, "Fan Module 1", "fan"),
        (9, "DIMM 8 GB", "memory"),
        (9, "Stacking kit", "other"),
    ],
)
def test_kind_of_a_module(cls: int, descr: str, kind: str, tmp_path: Path) -> None:
    found = report(tmp_path, SYSTEM_LINES + part(1, 3, 0, "Chassis") + part(2, cls, 1, "part", descr=descr))

    assert [o.attributes["kind"] for o in of_class(found, "Module")] == [kind]


def test_modules_of_one_name_are_told_apart_by_their_place(tmp_path: Path) -> None:
    slots = part(2, 5, 1, "Slot 1") + part(3, 5, 1, "Slot 2")
    found = report(
        tmp_path, SYSTEM_LINES + part(1, 3, 0, "Chassis") + slots + part(4, 9, 2, "SFP") + part(5, 9, 3, "SFP")
    )

    assert [(o.key, o.attributes["slot"]) for o in of_class(found, "Module")] == [
        ("Slot 1/SFP", "Slot 1"),
        ("Slot 2/SFP", "Slot 2"),
    ]


def test_parts_that_contain_each_other_end(tmp_path: Path) -> None:
    found = report(tmp_path, SYSTEM_LINES + part(1, 3, 2, "Chassis") + part(2, 9, 1, "card"))

    assert [o.key for o in of_class(found, "Module")] == ["card"]


class Failing:
    """A replayed agent that falls silent, or stops half-way, at chosen objects."""

    def __init__(self, inner: ReplaySession, at: Oid, outcome: Outcome) -> None:
        self.inner, self.at, self.outcome = inner, at, outcome

    @property
    def target(self) -> str:
        return self.inner.target

    @property
    def address(self) -> str:
        return self.inner.address

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Varbind]:
        if self.at in oids:
            raise TransportFailure(self.target, "read", "TIMEOUT", "silent")
        return await self.inner.get(oids)

    async def walk(self, root: Oid) -> Walk:
        walk = await self.inner.walk(root)
        return Walk(root, self.outcome, walk.varbinds[:1], "silent") if root == self.at else walk

    def context(self, name: str) -> SnmpSession:
        return self.inner.context(name)


FAILING_LINES = SYSTEM_LINES + "2.1.2.2.1.2.1|4|a\n2.1.2.2.1.2.2|4|b\n" + part(1, 3, 0, "Chassis")


def failing(tmp_path: Path, at: Oid, outcome: Outcome) -> Answers:
    recording = tmp_path / "lab-1.snmprec"
    recording.write_text(
        "".join(f"1.3.6.1.{line.strip()}\n" for line in FAILING_LINES.splitlines() if line.strip()), "utf-8"
    )
    return asyncio.run(read_device(Failing(open_replay(RecordedTarget("lab-1", "", recording)), at, outcome)))


@pytest.mark.parametrize(
    "outcome", [Outcome.PARTIAL, Outcome.TIMEOUT, Outcome.DENIED, Outcome.BROKEN, Outcome.CUT, Outcome.UNDECODABLE]
)
def test_half_read_table_makes_the_report_incomplete(outcome: Outcome, tmp_path: Path) -> None:
    found = interpret("lab-1", "", failing(tmp_path, INTERFACES.columns["descr"], outcome), AT)

    assert not found.complete
    assert found.tables == ("system", "entities")


def test_empty_and_missing_tables_are_no_failure(tmp_path: Path) -> None:
    found = interpret("lab-1", "", failing(tmp_path, ENTITIES.columns["serial"], Outcome.EMPTY), AT)

    assert found.complete
    assert found.tables == ("system", "interfaces", "entities", "class")


def test_silence_after_the_system_group_is_a_value(tmp_path: Path) -> None:
    found = interpret("lab-1", "", failing(tmp_path, (1, 3, 6, 1, 2, 1, 17, 1, 1, 0), Outcome.EMPTY), AT)

    assert not found.complete
    assert len(of_class(found, "Interface")) == 2


def test_silence_at_the_system_group_is_raised(tmp_path: Path) -> None:
    with pytest.raises(TransportFailure):
        failing(tmp_path, SYSTEM["sys_descr"], Outcome.EMPTY)


def test_columns_of_an_absent_table_are_not_asked_for(tmp_path: Path) -> None:
    answers = failing(tmp_path, ENTITIES.columns["serial"], Outcome.EMPTY)

    assert (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15) not in answers.tables
    assert (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1) in answers.tables
