"""What command lines of network devices mean: devices, parts, interfaces, neighbours."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from cmdb.errors import Invalid
from cmdb.observation import path
from collectors.cli.interpret import interpret
from collectors.cli.platform import platform_named, platform_of, platform_of_text, platforms
from collectors.cli.templates import MAX_BLANKS, MAX_LINE, exists, fields, parse, tame
from collectors.facts import Named
from collectors.transport.commands import CliAnswers, Outcome
from collectors.transport.show_commands import ALLOWED
from tests.unit.cli_answers import AT, EOS, EOS_INVENTORY, INTERFACES, LLDP, SITES, STACK, answers, of_class, told


@pytest.mark.parametrize(
    ("platform", "expected", "strong"),
    [
        (
            "cisco_xe",
            {"vendor": "Cisco", "model": "C9300-48T", "serial_number": "FOC1111A1AA", "os_name": "IOS XE",
             "os_version": "16.12.4", "sys_name": "access-1",
             "mac_addresses": ["00:1d:e5:84:98:80", "00:1d:e5:84:a0:00"]},
            ["serial:cisco:FOC1111A1AA", "serial:cisco:FOC2222B2BB", "chassis-id:mac:00:1d:e5:84:98:80"],
        ),
        (
            "cisco_nxos",
            {"vendor": "Cisco", "model": "N9K-C93180YC-EX", "serial_number": "FDO4444D4DD", "os_name": "NX-OS",
             "os_version": "9.3(5)", "sys_name": "leaf-1", "roles": ["switch"]},
            ["serial:cisco:FDO4444D4DD"],
        ),
        (
            "arista_eos",
            {"vendor": "Arista", "model": "DCS-7050TX-64-R", "serial_number": "JPE7777G7GG", "os_name": "EOS",
             "os_version": "4.27.3M", "sys_name": "spine-1.example.net", "mac_addresses": ["00:1c:73:11:22:33"],
             "roles": ["router", "switch"]},
            ["serial:arista:JPE7777G7GG", "chassis-id:mac:00:1c:73:11:22:33"],
        ),
        (
            "juniper_junos",
            {"vendor": "Juniper", "model": "mx240", "serial_number": "JN8888H8HHA", "os_name": "Junos OS",
             "os_version": "20.4R3.8", "sys_name": "mx-1"},
            ["serial:juniper:JN8888H8HHA"],
        ),
        (
            "huawei_vrp",
            {"vendor": "Huawei", "model": "S5720-28X-SI-AC", "os_name": "VRP", "os_version": "5.170",
             "sys_name": "access-2"},
            [],
        ),
        (
            "hp_comware",
            {"vendor": "HPE", "model": "5130-24G-4SFP+ EI JG932A", "serial_number": "CN9999J9JJ", "os_name": "Comware",
             "os_version": "7.1.070"},
            ["serial:hpe:CN9999J9JJ", "serial:hpe:CN8888L8LL"],
        ),
    ],
)  # fmt: skip
def test_a_device_says_what_it_is(platform: str, expected: dict[str, object], strong: list[str]) -> None:
    report, facts = told(platform)
    device = report.observations[0]
    name = expected.get("sys_name", "sw")

    assert device.attributes == {"name": name, "management_address": "192.0.2.7", **expected}
    assert [i.key for i in device.identifiers if i.strong] == strong
    assert "target:sw" in {i.key for i in device.identifiers if not i.strong}
    assert (report.source, report.target, report.at, report.complete) == ("netmiko", "sw", AT, True)
    assert (facts.source, facts.target, facts.device) == ("netmiko", "sw", device.key)
    assert device.key == (strong[0] if strong else "target:sw")


def test_members_of_a_stack_are_chassis_and_hold_their_modules() -> None:
    report, _ = told("cisco_xe")
    device = report.observations[0].key

    assert {k: o.attributes for k, o in of_class(report, "Chassis").items()} == {
        "1": {"name": "Switch 1", "member_number": 1, "serial_number": "FOC1111A1AA", "model": "C9300-48T",
              "hardware_revision": "V02"},
        "2": {"name": "Switch 2", "member_number": 2, "serial_number": "FOC2222B2BB", "model": "C9300-24T",
              "hardware_revision": "V01"},
    }  # fmt: skip
    assert {o.parent: o.attributes["kind"] for o in of_class(report, "Module").values()} == {
        path(device, "Chassis", "1"): "power_supply",
        path(device, "Chassis", "2"): "transceiver",
    }


def test_a_single_box_is_no_chassis_of_its_own() -> None:
    report, _ = told("cisco_nxos")

    assert of_class(report, "Chassis") == {}
    assert [(m.parent, m.key) for m in of_class(report, "Module").values()] == [
        (report.observations[0].key, "Power Supply 1")
    ]


def test_the_slots_of_a_router_are_no_members_of_a_stack() -> None:
    slot = "Slot {}:\nDEVICE_NAME:{}\nDEVICE_SERIAL_NUMBER:{}\nMAC_ADDRESS:NONE\nVENDOR_NAME:H3C\n\n"
    text = slot.format(0, "RT-MPU", "AB12345678") + slot.format(2, "HIM-4GE", "CD12345678")
    report, _ = told("hp_comware", {"display device manuinfo": text})

    assert of_class(report, "Chassis") == {}
    assert {k: m.attributes["serial_number"] for k, m in of_class(report, "Module").items()} == {
        "Slot 0": "AB12345678",
        "Slot 2": "CD12345678",
    }


@pytest.mark.parametrize("platform", ["arista_eos", "hp_comware"])
def test_modules_that_snmp_names_otherwise_are_left_to_it(platform: str) -> None:
    said = answers(platform, SITES[platform] | ({"show inventory": EOS_INVENTORY} if platform == "arista_eos" else {}))
    alone, _ = interpret("sw", "192.0.2.7", said, AT)
    beside, _ = interpret("sw", "192.0.2.7", said, AT, beside_snmp=True)

    assert of_class(alone, "Module")
    assert [o for o in alone.observations if o.ci_class != "Module"] == list(beside.observations)


def test_parts_with_one_name_are_told_apart_by_their_serial_numbers() -> None:
    part = 'NAME: "NIM", DESCR: "NIM"\nPID: NIM-2GE , VID: V01 , SN: {}\n\n'
    report, _ = told("cisco_ios", {"show inventory": part.format("AAA1234B") + part.format("CCC1234D")})

    assert list(of_class(report, "Module")) == ["NIM#AAA1234B", "NIM#CCC1234D"]


def test_interfaces_have_the_names_of_ifname() -> None:
    report, _ = told("cisco_xe")
    ports = of_class(report, "Interface")

    assert ports["Gi1/0/1"].attributes == {
        "name": "Gi1/0/1",
        "description": "GigabitEthernet1/0/1",
        "alias": "to core-1",
        "mac_address": "00:1d:e5:84:98:81",
        "speed_bps": 1_000_000_000,
        "mtu": 1500,
        "admin_status": "up",
        "oper_status": "up",
    }
    assert ports["Gi1/0/2"].attributes["admin_status"] == ports["Gi1/0/2"].attributes["oper_status"] == "down"
    assert list(ports) == ["Gi1/0/1", "Gi1/0/2", "Vl10"]


def test_addresses_are_inside_their_interfaces() -> None:
    report, _ = told("cisco_xe")
    address = of_class(report, "IPAddress")["10.20.0.5"]

    assert address.parent == path(report.observations[0].key, "Interface", "Vl10")
    assert address.attributes["prefix_length"] == 22
    assert [(link.type, link.to) for link in address.links] == [("IN_SUBNET", "subnet:default:10.20.0.0/22")]
    assert list(of_class(report, "Subnet")) == ["subnet:default:10.20.0.0/22"]


def test_the_default_description_of_a_port_is_no_alias() -> None:
    report, _ = told("huawei_vrp")

    assert of_class(report, "Interface")["GigabitEthernet0/0/1"].attributes == {
        "name": "GigabitEthernet0/0/1",
        "description": "GigabitEthernet0/0/1",
        "mac_address": "00:e0:fc:12:34:56",
        "mtu": 9216,
        "admin_status": "down",
        "oper_status": "down",
    }


def test_neighbours_are_seen_on_ports_with_the_names_of_ifname() -> None:
    _, facts = told("cisco_xe")
    lldp, cdp = facts.neighbours

    assert (lldp.protocol, lldp.port, lldp.name) == ("lldp", "Gi1/0/1", "core-1.example.net")
    assert lldp.chassis == Named("mac", "7c:25:86:c9:aa:00")
    assert (lldp.far_port, lldp.far_port_description) == (Named("unknown", "Gi0/24"), "GigabitEthernet0/24")
    assert (lldp.addresses, lldp.capabilities) == (("10.20.0.1",), ("router", "switch"))
    assert (cdp.protocol, cdp.port, cdp.name) == ("cdp", "Gi1/0/1", "core-1.example.net")
    assert (cdp.far_port, cdp.vendor, cdp.model) == (
        Named("name", "GigabitEthernet0/24"),
        "Cisco",
        "WS-C2960X-24TS-L",
    )
    assert facts.read == {"lldp", "cdp"}
    assert facts.chassis == Named("mac", "00:1d:e5:84:98:80")


def test_a_serial_number_in_a_device_id_is_one() -> None:
    _, facts = told("cisco_nxos")
    (seen,) = facts.neighbours

    assert (seen.port, seen.name, seen.serial_number) == ("Ethernet1/49", "spine-1", "FOX6666F6FF")


def test_the_port_of_an_aggregate_is_the_one_with_the_cable() -> None:
    _, facts = told("juniper_junos")

    assert [(n.port, n.name) for n in facts.neighbours] == [("ge-0/0/1", "mx-2")]


@pytest.mark.parametrize(
    ("platform", "printed", "name"),
    [
        ("cisco_ios", "GigabitEthernet1/0/1", "Gi1/0/1"),
        ("cisco_ios", "Gi1/0/1", "Gi1/0/1"),
        ("cisco_ios", "Gig 1/0/1", "Gi1/0/1"),
        ("cisco_ios", "TwentyFiveGigE1/0/1", "Twe1/0/1"),
        ("cisco_ios", "TwoGigabitEthernet1/0/1", "Tw1/0/1"),
        ("cisco_ios", "FiveGigabitEthernet1/0/1", "Fi1/0/1"),
        ("cisco_ios", "HundredGigE1/0/49", "Hu1/0/49"),
        ("cisco_ios", "GigabitEthernet0/0.100", "Gi0/0.100"),
        ("cisco_ios", "Port-channel10", "Po10"),
        ("cisco_ios", "Null0", "Nu0"),
        ("cisco_ios", "StackPort1", "StackPort1"),
        ("cisco_nxos", "Eth1/1", "Ethernet1/1"),
        ("cisco_nxos", "Ethernet101/1/1", "Ethernet101/1/1"),
        ("cisco_nxos", "Po10", "port-channel10"),
        ("cisco_nxos", "mgmt0", "mgmt0"),
        ("arista_eos", "Et49/1", "Ethernet49/1"),
        ("arista_eos", "Port-Channel1", "Port-Channel1"),
        ("arista_eos", "Ma1", "Management1"),
        ("juniper_junos", "ge-0/0/0.0", "ge-0/0/0.0"),
        ("huawei_vrp", "XGE0/0/1", "XGigabitEthernet0/0/1"),
        ("huawei_vrp", "10GE1/0/1", "10GE1/0/1"),
        ("huawei_vrp", "Eth-Trunk1", "Eth-Trunk1"),
        ("hp_comware", "XGE1/0/1", "Ten-GigabitEthernet1/0/1"),
        ("hp_comware", "BAGG1", "Bridge-Aggregation1"),
        ("hp_comware", "Vlan2", "Vlan-interface2"),
    ],
)
def test_port_names_become_those_of_ifname(platform: str, printed: str, name: str) -> None:
    assert platforms()[platform].port_name(printed) == name


@pytest.mark.parametrize(
    ("oid", "descr", "platform"),
    [
        ("1.3.6.1.4.1.9.1.1208", "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version", "cisco_ios"),
        ("1.3.6.1.4.1.9.1.2494", "Cisco IOS Software [Everest], Catalyst L3 Switch Software (CAT9K_IOSXE)", "cisco_xe"),
        (".1.3.6.1.4.1.9.12.3.1.3.1467", "Cisco NX-OS(tm) n9000, Software (n9000-dk9), Version 7.0(3)", "cisco_nxos"),
        ("1.3.6.1.4.1.9.1.745", "Cisco Adaptive Security Appliance Version 9.1(6)", None),
        ("1.3.6.1.4.1.30065.1.3011.7050", "Arista Networks EOS version 4.15.3F running on an", "arista_eos"),
        ("1.3.6.1.4.1.2636.1.1.1.2.21", "Juniper Networks, Inc. mx80 internet router, kernel JUNOS", "juniper_junos"),
        ("1.3.6.1.4.1.2011.2.23.339", "S5720 Huawei Versatile Routing Platform Software VRP (R)", "huawei_vrp"),
        ("1.3.6.1.4.1.25506.11.1.181", "HPE Comware Platform Software, Software Version 7.1.045", "hp_comware"),
        ("1.3.6.1.4.1.2011.10.1.92", "H3C Comware Platform Software", "hp_comware"),
        ("1.3.6.1.4.1.8072.3.2.10", "Linux router 5.10", None),
        ("", "", None),
    ],
)
def test_the_platform_comes_from_what_snmp_says(oid: str, descr: str, platform: str | None) -> None:
    assert platform_of(oid, descr) == platform


@pytest.mark.parametrize("platform", [p for p in SITES if p != "cisco_xe"])
def test_the_platform_comes_from_what_the_device_prints(platform: str) -> None:
    version = answers(platform, SITES[platform])
    command = next(c for c in version.commands if c.endswith(" version"))

    assert platform_of_text("Unauthorised access is forbidden.", version.text(command) or "") == platform
    assert platform_of_text("Welcome", "bash: show: command not found") is None


def test_what_does_not_fit_its_template_costs_only_itself() -> None:
    report, facts = told("cisco_xe", STACK | {"show interfaces": "%%% garbage\nthat is no interface\n"})

    assert report.observations[0].attributes["serial_number"] == "FOC1111A1AA"
    assert of_class(report, "Interface") == {}
    assert not report.complete
    assert "show interfaces" not in report.tables
    assert len(facts.neighbours) == 2


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("", True),
        ("Total entries displayed: 0", True),
        ("\n".join(f"Interface Ethernet{n} detected 0 LLDP neighbors:\n" for n in range(1, 65)), True),
        ("\n".join(f"a list in another form, line {n}" for n in range(40)), False),
    ],
)
def test_no_neighbours_are_not_the_same_as_a_list_that_is_not_understood(text: str, is_read: bool) -> None:
    report, facts = told("arista_eos", EOS | {"show lldp neighbors detail": text})

    assert facts.neighbours == ()
    assert (facts.read, report.complete) == ({"lldp"} if is_read else frozenset(), is_read)


def test_what_was_cut_is_not_read_and_the_report_says_so() -> None:
    report, facts = told("cisco_xe", STACK, show_interfaces=Outcome.CUT, show_lldp_neighbors_detail=Outcome.TIMEOUT)

    assert not report.complete
    assert report.tables == ("show version", "show inventory", "show cdp neighbors detail")
    assert facts.read == {"cdp"}


def test_what_the_device_refuses_is_an_answer() -> None:
    report, facts = told("cisco_xe", STACK | {"show cdp neighbors detail": "% CDP is not enabled"})

    assert report.complete
    assert facts.read == {"lldp"}


def test_without_answers_nothing_is_complete() -> None:
    report, facts = told("cisco_ios", {})

    assert not report.complete
    assert report.observations[0].attributes == {
        "name": "sw",
        "vendor": "Cisco",
        "management_address": "192.0.2.7",
    }
    assert facts.read == frozenset()


@pytest.mark.parametrize("number", ["N/A", "0123456789", "", "BUILTIN"])
def test_a_number_that_is_none_is_no_identity(number: str) -> None:
    report, _ = told("arista_eos", {"show version": EOS["show version"].replace("JPE7777G7GG", number)})
    strong = {i.key for i in report.observations[0].identifiers if i.strong}

    assert strong == {"chassis-id:mac:00:1c:73:11:22:33"}


def test_a_loopback_address_says_nothing() -> None:
    report, _ = interpret("sw", "127.0.0.1", answers("cisco_ios", {"show interfaces": INTERFACES}), AT)

    assert "management_address" not in report.observations[0].attributes


def test_an_unknown_platform_is_told() -> None:
    with pytest.raises(Invalid, match="'cisco_xyz'"):
        interpret("sw", "", CliAnswers("cisco_xyz"), AT)

    assert platform_named("host") is None


def test_rows_come_from_the_very_template_or_not_at_all() -> None:
    rows = parse("cisco_ios_show_lldp_neighbors_detail", answers("cisco_ios", {"x": LLDP}).commands["x"].text)

    assert rows is not None
    assert [row["neighbor_name"] for row in rows] == ["core-1.example.net"]
    assert parse("cisco_ios_show_lldp_neighbors_detail", "no such thing") is None


@pytest.mark.parametrize(
    ("text", "tamed"),
    [
        ("a   \n  b", "a\n  b"),
        (" " * 500, ""),
        ("a" + " " * 500 + "b", "a" + " " * MAX_BLANKS + "b"),
        ("x" * 5000, "x" * MAX_LINE),
    ],
)
def test_templates_get_no_text_on_which_they_are_slow(text: str, tamed: str) -> None:
    assert tame(text) == tamed


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(SITES)), st.data())
def test_no_text_makes_an_exception(platform: str, data: st.DataObject) -> None:
    texts = {command: dedent(text) for command, text in SITES[platform].items()}
    command = data.draw(st.sampled_from(list(texts)))
    lines = texts[command].split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    odd = st.text(max_size=40) | st.sampled_from(["-", "N/A", "10.0.0.1/99", "ffff.ffff.ffff", "9" * 30, "|", "%"])
    lines[at] = data.draw(
        st.sampled_from(["", lines[at][: len(lines[at]) // 2], lines[-1]]) | odd.map(lines[at].__add__)
    )

    report, facts = told(platform, texts | {command: "\n".join(lines)})

    assert report.observations[0].ci_class == "NetworkDevice"
    assert facts.device == report.observations[0].key


def test_the_list_of_commands_holds_what_platforms_ask_and_no_more() -> None:
    assert {command for platform in platforms().values() for command in platform.commands} == ALLOWED


@pytest.mark.parametrize("name", list(platforms()))
def test_every_field_of_a_platform_is_in_its_template(name: str) -> None:
    for reading in platforms()[name].readings:
        if reading.template is None:
            assert reading.patterns
            continue
        assert exists(reading.template)

        used = {*reading.device.values(), *reading.interfaces.values()}
        if reading.neighbours:
            rule = asdict(reading.neighbours)
            used |= {v for k, v in rule.items() if k not in ("protocol", "subtypes") and v}
        if reading.parts:
            rule = asdict(reading.parts)
            fixed = ("chassis", "stack", "no_chassis", "member", "kinds", "as_snmp")
            used |= {word for k, v in rule.items() if k not in fixed for word in v.split()}

        assert used <= set(fields(reading.template)), reading.command


def test_the_same_answers_mean_the_same() -> None:
    assert told("cisco_xe") == told("cisco_xe")
