"""The model answers questions about names, identity, precedence and parents."""

from __future__ import annotations

import pytest

from cmdb.errors import Invalid
from cmdb.model.registry import load_model


def test_an_unknown_name_is_refused_with_near_ones() -> None:
    model = load_model()

    with pytest.raises(Invalid, match="there is no class 'Interfaces'; did you mean Interface"):
        model.ci_class("Interfaces")
    with pytest.raises(Invalid, match="there is no relationship type 'CONNECTED'; did you mean CONNECTED_TO"):
        model.relationship_type("CONNECTED")
    with pytest.raises(Invalid, match="Service is not part of another CI"):
        model.parent_tie("Service")


@pytest.mark.parametrize(
    ("stronger", "weaker", "ci_class", "attribute"),
    [
        ("manual", "snmp", "NetworkDevice", "os_version"),
        ("snmp", "manual", "Interface", "oper_status"),
        ("manual", "snmp", "NetworkDevice", "class"),
        ("ssh", "snmp", "Computer", "os_version"),
        ("snmp", "ssh", "NetworkDevice", "os_version"),
        ("hypervisor:esx-1", "ssh", "VirtualMachine", "vcpus"),
        ("snmp", "stock", "PartItem", "serial_number"),
        ("alertmanager:prod", "nobody:knows", "Computer", "sys_name"),
        ("manual", "snmp", "CONNECTED_TO", ""),
    ],
)
def test_precedence(stronger: str, weaker: str, ci_class: str, attribute: str) -> None:
    model = load_model()

    assert model.precedence(stronger, ci_class, attribute) > model.precedence(weaker, ci_class, attribute)
    assert model.precedence(stronger, ci_class, attribute) == model.precedence(stronger, ci_class, attribute)


def test_kinds_that_may_be_one_thing() -> None:
    model = load_model()

    assert model.same_kind("Endpoint", "Computer")
    assert model.same_kind("Service", "Service")
    assert not model.same_kind("Service", "Computer")
    assert not model.same_kind("Chassis", "Computer")
    assert list(model.identifier_rules("Computer"))[:2] == ["serial", "uuid"]
    assert model.identifier_rules("Interface") == {}


def test_parents() -> None:
    model = load_model()

    assert model.check_parent("Interface", "Printer") is None
    assert model.check_parent("Requirement", "Service") is None
    assert model.check_parent("Module", "Service") == "Module can't be part of Service, only of Device or Chassis"
    assert model.check_parent("VLAN", "Computer") == "VLAN is not part of another CI"
