"""Native items become reports: names, times, relationships, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.model.registry import load_model
from cmdb.observation import Identifier, Link, Observation, Report
from collectors.push.item import Context, Item
from collectors.push.native import read_item

MODEL = load_model()
NOW = 1_764_000_000_000
MINUTE = 60_000


def read(raw: object) -> Item:
    return read_item(0, raw, Context("inventory", NOW, 5 * MINUTE, MODEL))


def report(raw: object) -> Report:
    item = read(raw)

    assert item.rejected is None, item.rejected
    assert item.report is not None
    return item.report


def own(raw: object) -> Observation:
    return report(raw).observations[-1]


def codes(item: Item) -> list[str]:
    return [w.code for w in item.warnings]


SWITCH = {"type": "NetworkDevice", "id": {"serial": "FOC1234X0AB", "vendor": "Cisco Systems"}}


def test_a_device_by_serial_and_vendor() -> None:
    found = report({**SWITCH, "description": {"name": "core-1", "model": "C9500", "os.version": "17.3"}})

    assert found.origin == "inventory/serial:cisco:FOC1234X0AB"
    assert found.at == NOW
    assert found.observations == (
        Observation(
            "NetworkDevice",
            "serial:cisco:FOC1234X0AB",
            {
                "name": "core-1",
                "model": "C9500",
                "os_version": "17.3",
                "vendor": "Cisco Systems",
                "serial_number": "FOC1234X0AB",
            },
            (Identifier("serial:cisco:FOC1234X0AB"),),
        ),
    )


@pytest.mark.parametrize("name", ["NetworkDevice", "network_device", "networkdevice", "network-device"])
def test_classes_are_found_however_they_are_spelt(name: str) -> None:
    assert own({**SWITCH, "type": name}).ci_class == "NetworkDevice"


@pytest.mark.parametrize(
    ("ids", "identifiers"),
    [
        ({"identifier": "SERIAL:cisco:FOC1"}, [("serial:cisco:FOC1", True)]),
        ({"serial": "FOC1"}, [("serial:unknown:FOC1", False)]),
        ({"uuid": "4C4C4544-0042-3510-8052-B4C04F4D3532"}, [("uuid:4c4c4544-0042-3510-8052-b4c04f4d3532", True)]),
        ({"host.id": "4c4c4544-0042-3510-8052-b4c04f4d3532"}, [("uuid:4c4c4544-0042-3510-8052-b4c04f4d3532", True)]),
        ({"mac": "00-1D-E5-84-98-C0"}, [("mac:00:1d:e5:84:98:c0", False)]),
        ({"name": "web-1"}, [("sysname:web-1", False)]),
        ({"asset": "A-17", "site": "Bonn"}, [("computer:asset=A-17;site=Bonn", True)]),
    ],
)
def test_identifiers(ids: dict[str, Any], identifiers: list[tuple[str, bool]]) -> None:
    found = own({"type": "host", "id": ids})

    assert [(i.key, i.strong) for i in found.identifiers if i.key != "x"][: len(identifiers)] == identifiers


def test_a_dependent_thing_tells_of_its_parent_by_name_only() -> None:
    found = report({"type": "Interface", "id": {"name": "Gi1|2"}, "parent": SWITCH, "description": {"mtu": 9000}})
    parent, port = found.observations

    assert (parent.role, parent.attributes) == ("reported", {})
    assert (port.parent, port.key, port.attributes) == (
        "serial:cisco:FOC1234X0AB",
        "Gi1|2",
        {"name": "Gi1|2", "mtu": 9000},
    )
    assert found.target == "serial:cisco:FOC1234X0AB|Interface|Gi1%7C2"


def test_relationships_name_their_far_end() -> None:
    given_ = {
        **SWITCH,
        "relationships": [
            {"type": "powered-by", "key": "serial:apc:AS1"},
            {
                "type": "DEPENDS_ON",
                "entity": {"type": "host", "id": {"name": "web-1"}},
                "attributes": {"group_key": "a"},
            },
            {"relationship.type": "DEPENDS_ON", "entity.type": "service", "entity.id": {"service.name": "dns"}},
        ],
    }

    assert own(given_).links == (
        Link("POWERED_BY", "serial:apc:AS1", {}, "push"),
        Link("DEPENDS_ON", "sysname:web-1", {"group_key": "a"}, "push"),
        Link("DEPENDS_ON", "service:dns", {}, "push"),
    )


def test_opentelemetry_names_of_fields_are_understood() -> None:
    found = own(
        {"entity.type": "host", "entity.id": {"host.name": "web-1"}, "entity.description": {"os.name": "Debian"}}
    )

    assert (found.ci_class, found.attributes) == ("Computer", {"name": "web-1", "os_name": "Debian"})


@pytest.mark.parametrize(
    ("times", "at", "warnings"),
    [
        ({}, NOW, []),
        ({"timestamp": "2025-11-24T16:00:00Z"}, NOW - 0, []),
        ({"timestamp": NOW - 1}, NOW - 1, []),
        ({"timeUnixNano": str(NOW * 1_000_000)}, NOW, []),
        ({"timestamp": NOW + 4 * MINUTE}, NOW + 4 * MINUTE, []),
        ({"timestamp": NOW + 6 * MINUTE}, NOW, ["CLAMPED"]),
    ],
)
def test_times(times: dict[str, Any], at: int, warnings: list[str]) -> None:
    item = read({**SWITCH, **times})

    assert item.report is not None
    assert (item.report.at, codes(item)) == (at, warnings)


@pytest.mark.parametrize(
    ("raw", "code", "path"),
    [
        (1, "NOT_AN_OBJECT", ""),
        ([], "NOT_AN_OBJECT", ""),
        ({}, "NO_TYPE", "type"),
        ({"type": 7, "id": {"a": 1}}, "NO_TYPE", "type"),
        ({"type": "Spaceship", "id": {"a": 1}}, "UNKNOWN_TYPE", "type"),
        ({"type": "Requirement", "id": {"a": 1}}, "UNKNOWN_TYPE", "type"),
        ({"type": "Device", "id": {"a": 1}}, "UNKNOWN_TYPE", "type"),
        ({"type": "host"}, "NOT_AN_OBJECT", "id"),
        ({"type": "host", "id": {}}, "NO_ID", "id"),
        ({"type": "host", "id": {"a": {"b": 1}}}, "BAD_ID", "id.a"),
        ({"type": "host", "id": {"serial": None}}, "BAD_ID", "id.serial"),
        ({"type": "host", "id": {"serial": "To Be Filled By O.E.M."}}, "NO_ID", "id"),
        ({"type": "Interface", "id": {"name": "eth0"}}, "NO_PARENT", "parent"),
        ({"type": "Interface", "id": {"name": "eth0"}, "parent": 3}, "NOT_AN_OBJECT", "parent"),
        ({"type": "Interface", "id": {"name": "eth0"}, "parent": {"type": "host", "id": {}}}, "NO_ID", "parent.id"),
        ({"type": "Interface", "id": {"mtu": ""}, "parent": SWITCH}, "NO_ID", "id"),
        ({**SWITCH, "parent": SWITCH}, "NO_PARENT_HERE", "parent"),
        ({**SWITCH, "timestamp": "yesterday"}, "BAD_TIME", "timestamp"),
        ({**SWITCH, "timestamp": "2026-01-01T00:00:00"}, "BAD_TIME", "timestamp"),
        ({**SWITCH, "timestamp": -1}, "BAD_TIME", "timestamp"),
        ({**SWITCH, "timestamp": True}, "BAD_TIME", "timestamp"),
        ({**SWITCH, "description": [1]}, "NOT_AN_OBJECT", "description"),
        ({**SWITCH, "relationships": {"a": 1}}, "BAD_RELATIONSHIPS", "relationships"),
    ],
)
def test_items_that_make_no_sense_say_why_and_where(raw: object, code: str, path: str) -> None:
    item = read(raw)

    assert item.report is None
    assert item.rejected is not None
    assert (item.rejected.code, item.rejected.path) == (code, path)
    assert item.rejected.message


@pytest.mark.parametrize(
    ("part", "code", "path"),
    [
        ({"description": {"colour": "red"}}, "UNKNOWN_ATTRIBUTE", "description.colour"),
        ({"description": {"model": {"a": 1}}}, "BAD_VALUE", "description.model"),
        ({"description": {"model": "To Be Filled By O.E.M."}}, "PLACEHOLDER", "description.model"),
        ({"relationships": [{"type": "LIKES", "key": "a:b"}]}, "UNKNOWN_RELATIONSHIP", "relationships[0].type"),
        (
            {"relationships": [{"type": "HAS_REQUIREMENT", "key": "a:b"}]},
            "UNKNOWN_RELATIONSHIP",
            "relationships[0].type",
        ),
        ({"relationships": [{"type": "DEPENDS_ON"}]}, "NOT_AN_OBJECT", "relationships[0].entity"),
        ({"relationships": [7]}, "NOT_AN_OBJECT", "relationships[0]"),
        ({"report": {"interval": 0}}, "BAD_INTERVAL", "report.interval"),
    ],
)
def test_a_bad_part_is_left_out_with_a_warning(part: dict[str, Any], code: str, path: str) -> None:
    item = read({**SWITCH, **part})

    assert item.report is not None
    assert [(w.code, w.path) for w in item.warnings] == [(code, path)]
    assert item.report.observations[0].links == ()


def test_unknown_is_not_a_value() -> None:
    item = read({**SWITCH, "description": {"model": None, "os_name": ""}})

    assert item.report is not None
    assert item.warnings == []
    assert not {"model", "os_name"} & item.report.observations[0].attributes.keys()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["type", "id", "description", "relationships", "timestamp", "parent", "report", "entity.id"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(FIELDS, JSON | st.sampled_from(["host", "Interface", "service"])))
def test_no_item_breaks_the_reader(raw: dict[str, Any]) -> None:
    item = read(raw)

    assert (item.report is None) == (item.rejected is not None)
