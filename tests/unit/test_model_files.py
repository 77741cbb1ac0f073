"""The files of the built-in model say what the contract promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import cmdb.model
from cmdb.model.document import page, requirement_in_words
from cmdb.model.names import read_names, vendor_slug
from cmdb.model.registry import load_model
from cmdb.model.values import normaliser

FOLDER = Path(cmdb.model.__file__).parent
ROOT = FOLDER.parents[1]
MODEL = load_model()

DEVICE = {
    "vendor": "string",
    "model": "string",
    "serial_number": "string",
    "os_name": "string",
    "os_version": "string",
    "sys_name": "string",
    "sys_object_id": "string",
    "sys_description": "string",
    "sys_location": "string",
    "sys_contact": "string",
    "management_address": "inet_address",
    "mac_addresses": "mac_list",
    "roles": "string_list",
    "root_of": "string_list",
    "reachability": "enum",
}
CONTRACT: dict[str, dict[str, str]] = {
    **{n: DEVICE for n in ("NetworkDevice", "Computer", "StorageDevice", "PowerDevice", "Printer", "Endpoint")},
    "VirtualMachine": {**DEVICE, "uuid": "string", "vcpus": "integer", "memory_bytes": "integer"},
    "Chassis": {
        "serial_number": "string",
        "model": "string",
        "member_number": "integer",
        "hardware_revision": "string",
    },
    "Module": {
        "kind": "enum",
        "serial_number": "string",
        "model": "string",
        "firmware_version": "string",
        "slot": "string",
    },
    "Interface": {
        "if_index": "integer",
        "description": "string",
        "alias": "string",
        "type": "string",
        "mac_address": "mac",
        "speed_bps": "integer",
        "mtu": "integer",
        "admin_status": "enum",
        "oper_status": "enum",
        "root_of": "string_list",
    },
    "IPAddress": {"address": "inet_address", "prefix_length": "integer", "vrf": "string", "mac_address": "mac"},
    "VRF": {"route_distinguisher": "string"},
    "Subnet": {"prefix": "cidr", "vrf": "string"},
    "VLAN": {"vlan_id": "integer"},
    "Segment": {"kind": "enum"},
    "SoftwareProduct": {"vendor": "string", "version": "string", "purl": "string"},
    "SoftwareInstance": {
        "kind": "enum",
        "product": "string",
        "version": "string",
        "listen": "string_list",
        "command": "string",
        "user": "string",
    },
    "Container": {"runtime": "string", "image": "string", "digest": "string", "state": "string"},
    "ContainerImage": {"image": "string", "digest": "string"},
    "Cluster": {"kind": "enum", "needed": "integer"},
    "Location": {"kind": "enum"},
    "Certificate": {"subject": "string", "issuer": "string", "not_after": "timestamp", "fingerprint": "string"},
    "PartItem": {"vendor": "string", "model": "string", "serial_number": "string"},
    "Service": {"criticality": "integer", "user_facing": "boolean"},
}
BEYOND_THE_CONTRACT = ("Filesystem", "Supply")

VALUES = {
    ("Module", "kind"): "line_card supervisor power_supply fan transceiver disk battery cpu memory other",
    ("Interface", "admin_status"): "up down testing unknown dormant not_present lower_layer_down",
    ("Interface", "oper_status"): "up down testing unknown dormant not_present lower_layer_down",
    ("SoftwareInstance", "kind"): "database web_server application_server message_broker cache dns directory other",
    ("Cluster", "kind"): "capacity quorum standby stack",
    ("Computer", "reachability"): "reachable unreachable access_lost",
}
TYPES = (
    "CONTAINS CONNECTED_TO ATTACHED_TO MEMBER_OF HAS_ADDRESS IN_SUBNET IN_VRF SEEN_ON RUNS_ON INSTALLED_ON CONNECTS_TO "
    "DEPENDS_ON POWERED_BY COOLED_BY LOCATED_IN STORED_ON FILLS BACKUP_OF MONITORED_BY"
)


def test_classes_are_those_of_the_contract() -> None:
    public = {c.name for c in MODEL.classes.values() if not c.abstract and not c.internal}

    assert public == {*CONTRACT, *BEYOND_THE_CONTRACT}
    assert {c.name for c in MODEL.classes.values() if c.internal} == {"Requirement"}
    assert {c.name for c in MODEL.classes.values() if c.abstract} == {"Device"}


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_attributes_are_those_of_the_contract(name: str) -> None:
    types = {n: a.type for n, a in MODEL.classes[name].attributes.items()}

    assert CONTRACT[name].items() <= types.items()


@pytest.mark.parametrize(("ci_class", "attribute"), sorted(VALUES))
def test_values_are_those_of_the_contract(ci_class: str, attribute: str) -> None:
    assert set(MODEL.classes[ci_class].attributes[attribute].values) == set(VALUES[ci_class, attribute].split())


@pytest.mark.parametrize("c", MODEL.classes.values(), ids=lambda c: c.name)
def test_class_can_be_understood_and_identified(c: cmdb.model.definitions.CiClass) -> None:
    assert c.description.endswith(".")
    assert c.identifiers or c.inside
    assert all(a.description.endswith(".") for a in c.attributes.values())
    assert all(s.description.endswith(".") for s in c.identifiers)


def test_every_attribute_has_an_example_in_normal_form() -> None:
    attributes = [a for c in MODEL.classes.values() for a in c.attributes.values()]
    attributes += [a for t in MODEL.relationship_types.values() for a in t.attributes.values()]

    assert [a.name for a in attributes if a.example is None] == []
    assert [a.name for a in attributes if normaliser(a)(a.example) != a.example] == []


def test_a_file_is_named_after_its_class() -> None:
    for file in (FOLDER / "classes").glob("*.yaml"):
        name = yaml.safe_load(file.read_text("utf-8"))["class"]
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()

        assert file.stem == snake


def test_relationship_types_are_those_of_the_contract() -> None:
    internal = {t.name for t in MODEL.relationship_types.values() if t.internal}

    assert set(MODEL.relationship_types) - internal == set(TYPES.split())
    assert internal == {"HAS_REQUIREMENT", "PROVIDED_BY"}
    assert {t.name for t in MODEL.relationship_types.values() if t.symmetric} == {"CONNECTED_TO"}


@pytest.mark.parametrize(
    ("ci_class", "tie"),
    [
        ("Chassis", ("CONTAINS", "from_parent")),
        ("Module", ("CONTAINS", "from_parent")),
        ("Interface", ("CONTAINS", "from_parent")),
        ("IPAddress", ("HAS_ADDRESS", "from_parent")),
        ("SoftwareInstance", ("RUNS_ON", "to_parent")),
        ("Container", ("RUNS_ON", "to_parent")),
        ("Requirement", ("HAS_REQUIREMENT", "from_parent")),
    ],
)
def test_dependent_classes_hang_on_their_parents(ci_class: str, tie: tuple[str, str]) -> None:
    found = MODEL.classes[ci_class]

    assert MODEL.parent_tie(ci_class) == tie
    assert found.independent == (ci_class == "IPAddress")


@pytest.mark.parametrize("c", [c for c in MODEL.classes.values() if c.inside], ids=lambda c: c.name)
def test_the_tie_to_a_parent_is_a_relationship_that_may_be(c: cmdb.model.definitions.CiClass) -> None:
    assert c.inside is not None
    real = [o.name for o in MODEL.classes.values() if not o.abstract and MODEL.check_parent(c.name, o.name) is None]

    assert real
    for parent in real:
        ends = (parent, c.name) if c.inside.direction == "from_parent" else (c.name, parent)

        assert MODEL.check_ends(c.inside.relationship, *ends) is None


@pytest.mark.parametrize(
    ("type_", "source", "target", "kind", "expected"),
    [
        ("RUNS_ON", "SoftwareInstance", "Computer", "", ("source", "each", 1, None, "none", "any")),
        ("RUNS_ON", "VirtualMachine", "Cluster", "", ("source", "each", 1, None, "none", "needed")),
        ("INSTALLED_ON", "SoftwareProduct", "Computer", "", None),
        ("CONTAINS", "NetworkDevice", "Chassis", "", ("target", "none", 1, None, "none", "never")),
        ("CONTAINS", "NetworkDevice", "Interface", "", ("target", "each", 1, None, "none", "never")),
        ("MEMBER_OF", "Interface", "Interface", "", ("target", "all", 1, None, "at_risk", "needed")),
        ("MEMBER_OF", "Interface", "VLAN", "", None),
        ("MEMBER_OF", "Computer", "Cluster", "capacity", ("target", "all", "attribute", None, "degraded", "needed")),
        ("MEMBER_OF", "Computer", "Cluster", "quorum", ("target", "all", "majority", None, "at_risk", "needed")),
        ("MEMBER_OF", "Computer", "Cluster", "standby", ("target", "all", 1, None, "at_risk", "needed")),
        ("SEEN_ON", "Endpoint", "Interface", "", ("source", "all", 1, "lan", "at_risk", "needed")),
        ("DEPENDS_ON", "Service", "Cluster", "", ("source", ("relationship.group_key",), 1, None, "at_risk", "needed")),
        ("POWERED_BY", "Computer", "PowerDevice", "", ("source", "all", 1, None, "at_risk", "never")),
        ("COOLED_BY", "Computer", "Endpoint", "", ("source", "all", "all_but_one", None, "at_risk", "never")),
        ("LOCATED_IN", "Computer", "Location", "", ("source", "each", 1, None, "none", "never")),
        ("STORED_ON", "Computer", "StorageDevice", "", ("source", "each", 1, None, "at_risk", "needed")),
        ("CONNECTED_TO", "Interface", "Interface", "", None),
        ("HAS_ADDRESS", "Interface", "IPAddress", "", None),
    ],
)
def test_default_requirements(type_: str, source: str, target: str, kind: str, expected: object) -> None:
    found = None
    for rule in MODEL.relationship_types[type_].impact:
        fits = [
            set(MODEL.ancestry(source)) & set(rule.when.get("source_class", (source,))),
            set(MODEL.ancestry(target)) & set(rule.when.get("target_class", (target,))),
            {kind} & set(rule.when.get("owner_kind", (kind,))),
        ]
        if all(fits):
            found = (rule.owner, rule.group, rule.needed, rule.connected, rule.on_loss, rule.pass_)
            break

    assert found == expected


def test_requirement_in_words() -> None:
    words = {n: requirement_in_words(t) for n, t in MODEL.relationship_types.items()}

    assert words["POWERED_BY"] == "1 of n, at risk on loss, never degraded by it"
    assert words["SEEN_ON"] == "1 of n connected in lan, at risk on loss"
    assert words["RUNS_ON"] == "to Cluster: 1 of 1; 1 of 1, degraded as soon as one is"
    assert words["DEPENDS_ON"] == "1 of n with equal group_key, at risk on loss"
    assert "to Cluster of kind quorum: target needs more than half of n, at risk on loss" in words["MEMBER_OF"]
    assert words["IN_SUBNET"] == ""


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "reference" / "model.md").read_text("utf-8")

    assert written == page(MODEL), "run python -m cmdb.model.document --write"


def test_private_attributes() -> None:
    assert MODEL.private_attributes("Computer") == {"sys_location", "sys_contact"}
    assert MODEL.private_attributes("Interface") == {"alias"}
    assert MODEL.private_attributes("VLAN") == frozenset()
    assert MODEL.private_attributes("NoSuchClass") == frozenset()


def test_what_ends_is_marked() -> None:
    marked = {(c.name, a.name) for c in MODEL.classes.values() for a in c.attributes.values() if "expires" in a.flags}

    assert marked == {("Certificate", "not_after")}


@pytest.mark.parametrize("name", [n for n, c in MODEL.classes.items() if c.is_device and not c.abstract])
def test_strong_identifiers_of_devices_come_first(name: str) -> None:
    strengths = [s.strong for s in MODEL.classes[name].identifiers if s.scheme != "feed"]
    weak = {s.scheme for s in MODEL.classes[name].identifiers if not s.strong}

    assert strengths == sorted(strengths, reverse=True)
    assert {"mac", "sysname", "target"} <= weak
    assert MODEL.identifier_rules(name)["serial"].exclusive


def test_there_are_makers_enough() -> None:
    names = read_names(FOLDER)

    assert len(set(names.makers.values())) >= 200
    assert all(vendor_slug(alias) == slug for alias, slug in names.makers.items())


def test_every_maker_that_an_enterprise_number_gives_has_a_slug() -> None:
    file = ROOT / "collectors" / "snmp" / "enterprises.yaml"
    makers = set(yaml.safe_load(file.read_text("utf-8")).values())

    assert len(makers) > 100
    assert sorted(m for m in makers if vendor_slug(m) is None) == []
