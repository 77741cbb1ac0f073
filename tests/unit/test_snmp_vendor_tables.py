"""What makers' own tables tell: members of stacks, parts, interfaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.snmp_answers import of_class, report

JUNIPER = "2.1.1.2.0|6|1.3.6.1.4.1.2636.1.1.1.2.31\n"
MEMBERS = """
4.1.2636.3.40.1.4.1.1.1.2.0|4|BP0207450101
4.1.2636.3.40.1.4.1.1.1.2.1|4|BP0207450102
4.1.2636.3.40.1.4.1.1.1.8.0|4|ex4200-24t
4.1.2636.3.40.1.4.1.1.1.8.1|4|ex4200-48t
"""
CHASSIS = """
2.1.47.1.1.1.1.2.1|4|EX4200
2.1.47.1.1.1.1.5.1|2|3
2.1.47.1.1.1.1.7.1|4|Virtual Chassis
"""


def members(tmp_path: Path, lines: str) -> dict[str, tuple[object, object, object]]:
    """Number, serial number and model of chassis, by key."""
    found = of_class(report(tmp_path, lines), "Chassis")
    return {
        o.key: (o.attributes.get("member_number"), o.attributes.get("serial_number"), o.attributes.get("model"))
        for o in found
    }


@pytest.mark.parametrize("entities", ["", CHASSIS], ids=["no ENTITY-MIB", "one row for all"])
def test_members_come_from_the_makers_table_where_entity_mib_shows_none(entities: str, tmp_path: Path) -> None:
    found = report(tmp_path, JUNIPER + MEMBERS + entities)
    strong = {i.key for i in found.observations[0].identifiers if i.strong}

    assert {o.attributes["serial_number"] for o in of_class(found, "Chassis")} == {"BP0207450101", "BP0207450102"}
    assert {o.attributes["model"] for o in of_class(found, "Chassis")} == {"ex4200-24t", "ex4200-48t"}
    assert strong == {"serial:juniper:BP0207450101", "serial:juniper:BP0207450102"}


def test_member_that_entity_mib_shows_is_there_once(tmp_path: Path) -> None:
    told = CHASSIS + "2.1.47.1.1.1.1.11.1|4|BP0207450101\n2.1.47.1.1.1.1.6.1|2|0\n"

    assert members(tmp_path, JUNIPER + MEMBERS + told) == {
        "Virtual Chassis": (None, "BP0207450101", None),
        "1": (1, "BP0207450102", "ex4200-48t"),
    }


def test_chassis_without_a_serial_number_takes_that_of_the_member_with_its_number(tmp_path: Path) -> None:
    rows = "".join(
        f"2.1.47.1.1.1.1.5.{n}|2|3\n2.1.47.1.1.1.1.6.{n}|2|{n}\n2.1.47.1.1.1.1.7.{n}|4|Unit {n}\n" for n in (1, 2)
    )
    told = rows + "".join(f"4.1.1991.1.1.1.4.1.1.2.{n}|4|BCT110101{n}\n" for n in (1, 2))

    assert members(tmp_path, "2.1.1.2.0|6|1.3.6.1.4.1.1991.1.3.48\n" + told) == {
        "1": (1, "BCT1101011", None),
        "2": (2, "BCT1101012", None),
    }


def test_single_row_of_a_stack_table_is_the_device_itself(tmp_path: Path) -> None:
    lone = "".join(line + "\n" for line in MEMBERS.splitlines() if line.split("|")[0].endswith(".0"))
    found = report(tmp_path, JUNIPER + lone)

    assert of_class(found, "Chassis") == []
    assert found.observations[0].attributes["serial_number"] == "BP0207450101"


def test_places_of_a_stack_that_are_empty_are_no_members(tmp_path: Path) -> None:
    rows = "".join(f"2.1.47.1.1.1.1.5.{n}|2|3\n2.1.47.1.1.1.1.6.{n}|2|{n}\n" for n in (1, 2, 3))
    told = rows + "".join(f"2.1.47.1.1.1.1.11.{n}|4|DNI23230{n}PG\n" for n in (1, 2))

    assert members(tmp_path, "2.1.1.2.0|6|1.3.6.1.4.1.9.6.1.95.24.2\n" + told) == {
        "1": (1, "DNI232301PG", None),
        "2": (2, "DNI232302PG", None),
    }


def test_placeholders_are_no_members(tmp_path: Path) -> None:
    told = MEMBERS.replace("BP0207450101", "NA").replace("BP0207450102", "0000000000")

    assert members(tmp_path, JUNIPER + told) == {}


def test_chassis_with_another_serial_number_than_the_device_is_told_apart(tmp_path: Path) -> None:
    told = "4.1.9.3.6.3.0|4|FOC2222X0AB\n" + CHASSIS + "2.1.47.1.1.1.1.11.1|4|FOC1111X0AB\n"
    cisco = report(tmp_path, "2.1.1.2.0|6|1.3.6.1.4.1.9.1.1\n" + told)
    junos = report(tmp_path, JUNIPER + told + "4.1.2636.3.1.3.0|4|JN2222222AFA\n")

    assert of_class(cisco, "Chassis") == []  # there the chassis row names the device
    assert [o.attributes["serial_number"] for o in of_class(junos, "Chassis")] == ["FOC1111X0AB"]


OPTICS = """
2.1.1.2.0|6|1.3.6.1.4.1.2011.2.23.291
2.1.47.1.1.1.1.5.7|2|10
2.1.47.1.1.1.1.7.7|4|XGigabitEthernet0/0/1
2.1.47.1.1.1.1.5.8|2|10
2.1.47.1.1.1.1.7.8|4|XGigabitEthernet0/0/2
4.1.2011.5.25.31.1.1.3.1.4.7|4|J267C100001
4.1.2011.5.25.31.1.1.3.1.4.8|4|
4.1.2011.5.25.31.1.1.3.1.25.7|4|02310MNW
4.1.2011.5.25.31.1.1.3.1.25.8|4|
4.1.2011.5.25.31.1.1.3.1.4.9|4|J267C100009
"""


def test_parts_are_named_by_the_port_that_holds_them_and_empty_places_are_none(tmp_path: Path) -> None:
    found = {o.key: o.attributes for o in of_class(report(tmp_path, OPTICS), "Module")}

    assert found == {
        "XGigabitEthernet0/0/1": {
            "name": "XGigabitEthernet0/0/1",
            "kind": "transceiver",
            "serial_number": "J267C100001",
            "model": "02310MNW",
        }
    }


TIMOS = """
2.1.1.2.0|6|1.3.6.1.4.1.6527.1.3.8
2.1.2.2.1.2.35684352|4|1/1/1
2.1.31.1.1.1.1.35684352|4|1/1/1
4.1.6527.3.1.2.3.4.1.4.1.1|4|system
4.1.6527.3.1.2.3.4.1.4.1.2|4|1/1/1
4.1.6527.3.1.2.3.4.1.4.7.2|4|to-core
4.1.6527.3.1.2.3.4.1.4.8.2|4|to-core
4.1.6527.3.1.2.3.4.1.8.1.1|2|2
4.1.6527.3.1.2.3.4.1.9.1.1|2|3
4.1.6527.3.1.2.3.54.1.103.1.1|70|10000000000
4.1.6527.3.1.2.2.1.8.1.8.1.83886081|4|Power Supply 1
4.1.6527.3.1.2.2.1.8.1.5.1.83886081|4|NK200000001
4.1.6527.3.1.2.2.1.8.1.7.1.83886081|2|5
4.1.6527.3.1.2.2.1.8.1.8.1.50331649|4|Chassis 1
4.1.6527.3.1.2.2.1.8.1.7.1.50331649|2|3
"""


def test_interfaces_that_iftable_lacks_are_known_by_name(tmp_path: Path) -> None:
    found = {o.key: o.attributes for o in of_class(report(tmp_path, TIMOS), "Interface")}

    assert set(found) == {"1/1/1", "system", "to-core#7.2", "to-core#8.2"}
    assert (found["system"]["admin_status"], found["system"]["oper_status"]) == ("up", "down")
    assert found["system"]["speed_bps"] == 10_000_000_000
    assert [key for key, attributes in found.items() if "if_index" in attributes] == ["system", "1/1/1"]


def test_rows_that_are_no_part_by_the_tables_own_kinds_are_passed_over(tmp_path: Path) -> None:
    modules = of_class(report(tmp_path, TIMOS), "Module")

    assert [(o.key, o.attributes["kind"]) for o in modules] == [("Power Supply 1", "power_supply")]


def test_interfaces_without_any_name_are_called_by_their_place(tmp_path: Path) -> None:
    groove = """
    2.1.1.2.0|6|1.3.6.1.4.1.42229.1
    4.1.42229.1.2.4.1.9.1.1.6.1.2.0.5.0|2|1
    4.1.42229.1.2.4.1.9.1.1.7.1.2.0.5.0|2|2
    4.1.42229.1.2.4.1.9.1.1.6.1|2|1
    """
    found = {o.key: o.attributes for o in of_class(report(tmp_path, groove), "Interface")}

    assert set(found) == {"100gbe-1/2/5"}
    assert (found["100gbe-1/2/5"]["oper_status"], found["100gbe-1/2/5"]["speed_bps"]) == ("down", 100_000_000_000)


def test_aliases_of_a_makers_table_do_not_replace_those_of_iftable(tmp_path: Path) -> None:
    fibre = """
    2.1.1.2.0|6|1.3.6.1.4.1.1588.2.1.1.1
    2.1.2.2.1.2.1073741824|4|FC port 0/0
    2.1.2.2.1.2.1073741825|4|FC port 0/1
    2.1.31.1.1.1.18.1073741825|4|typed on the port
    4.1.1588.2.1.1.1.6.2.1.36.1|4|array-1
    4.1.1588.2.1.1.1.6.2.1.36.2|4|array-2
    """
    found = {o.key: o.attributes.get("alias") for o in of_class(report(tmp_path, fibre), "Interface")}

    assert found == {"FC port 0/0": "array-1", "FC port 0/1": "typed on the port"}


def test_table_of_a_maker_is_named_so_that_its_silence_is_noticed(tmp_path: Path) -> None:
    told = report(tmp_path, TIMOS).tables

    assert {t for t in told if t.startswith("table ")} == {
        "table 1.3.6.1.4.1.6527.3.1.2.3.4.1.4",
        "table 1.3.6.1.4.1.6527.3.1.2.2.1.8.1.8",
    }
