"""Payloads of other tools become reports that meet what discovery says of the same machines."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.model.registry import load_model
from cmdb.observation import Identifier, Link, Observation, Report, path_of
from cmdb.reconcile.check import check_report
from collectors.facts import Named, Neighbour
from collectors.push import alertmanager, ansible, lldpctl, nmap
from collectors.push.adapters import ADAPTERS
from collectors.push.item import Context, Item, Place, Seek, placed
from tests.unit.push_payloads import FACTS, LLDP, LLDP0, NMAP, alert, notification

MODEL = load_model()
NOW = 1_764_000_000_000
DEVICE = Place("01K1", "serial:cisco:FOC0000CORE1", True, "NetworkDevice")


def read(adapter: str, raw: object, host: str = "") -> Item:
    return ADAPTERS[adapter].read(0, raw, Context(adapter, NOW, 300_000, MODEL, host))


def report(adapter: str, raw: object, host: str = "") -> Report:
    """The report of an item, which fits the model as it is."""
    item = read(adapter, raw, host)

    assert item.rejected is None, item.rejected
    assert item.report is not None
    problems: list[Any] = []
    checked = check_report(item.report, MODEL, problems)

    assert problems == []
    assert item.path in {path_of(o) for o in checked.observations}
    return checked


def named(found: Report, ci_class: str) -> dict[str, Observation]:
    return {o.key: o for o in found.observations if o.ci_class == ci_class}


def code(item: Item) -> str | None:
    return item.rejected.code if item.rejected else None


# ---- ansible
def test_facts_describe_the_host_as_discovery_names_it() -> None:
    found = report("ansible", {"ansible_facts": FACTS, "host": "web-1"})
    (device,) = named(found, "Computer").values()

    assert (found.source, found.target, found.at) == ("ansible", "web-1", 1_763_999_000_000)
    assert (found.complete, found.tables) == (True, ("interfaces", "hardware"))
    assert device.key == "serial:dell:7XK2Q43"
    assert set(device.identifiers) == {
        Identifier("serial:dell:7XK2Q43"),
        Identifier("uuid:4c4c4544-0058-4b10-8032-b7c04f513433"),
        Identifier("machine-id:5f1c8a2be1d94c0fa7714f9d21bb0b5d", False),
        Identifier("mac:e4:43:4b:00:10:01", False),
        Identifier("mac:e4:43:4b:00:10:02", False),
        Identifier("sysname:web-1", False),
        Identifier("sysname:web-1.example.net", False),
        Identifier("target:web-1", False),
    }
    assert device.attributes == {
        "name": "web-1",
        "sys_name": "web-1",
        "vendor": "Dell Inc.",
        "model": "PowerEdge R640",
        "serial_number": "7XK2Q43",
        "os_name": "Debian",
        "os_version": "12.11",
        "management_address": "10.1.0.11",
        "mac_addresses": ["e4:43:4b:00:10:01", "e4:43:4b:00:10:02"],
    }


def test_facts_give_interfaces_addresses_and_bonds() -> None:
    found = report("ansible", {"ansible_facts": FACTS})
    ports, key = named(found, "Interface"), "serial:dell:7XK2Q43"

    assert set(ports) == {"lo", "eth0", "eth1", "bond0", "br-lan"}
    assert ports["eth0"].attributes == {
        "name": "eth0",
        "type": "ethernetCsmacd",
        "mac_address": "e4:43:4b:00:10:01",
        "mtu": 9000,
        "speed_bps": 25_000_000_000,
        "oper_status": "up",
    }
    assert "speed_bps" not in ports["eth1"].attributes
    assert ports["eth1"].links == (Link("MEMBER_OF", f"{key}|Interface|bond0", method="ansible"),)
    assert {(a.key, a.attributes["prefix_length"], "".join(x.to for x in a.links)) for a in _addresses(found)} == {
        ("10.1.0.11", 24, "subnet:default:10.1.0.0/24"),
        ("10.1.0.12", 32, ""),
        ("2001:db8::11", 64, "subnet:default:2001:db8::/64"),
        ("fe80::1", 64, ""),
    }
    assert {a.parent for a in _addresses(found)} == {f"{key}|Interface|bond0"}


def _addresses(found: Report) -> list[Observation]:
    return list(named(found, "IPAddress").values())


def test_a_container_has_not_the_keys_of_the_machine_around_it() -> None:
    guest = {**FACTS, "ansible_virtualization_role": "guest", "ansible_virtualization_type": "docker"}
    (device,) = named(report("ansible", guest), "VirtualMachine").values()

    assert device.key == "target:web-1"
    assert not [i for i in device.identifiers if i.strong]
    assert "serial_number" not in device.attributes


def test_a_virtual_machine_has_its_own() -> None:
    guest = {**FACTS, "ansible_virtualization_role": "guest", "ansible_system_vendor": "QEMU"}
    (device,) = named(report("ansible", guest), "VirtualMachine").values()

    assert Identifier("uuid:4c4c4544-0058-4b10-8032-b7c04f513433") in device.identifiers
    assert device.attributes["vcpus"] == 32
    assert device.attributes["memory_bytes"] == 64000 * 2**20


def test_what_was_not_gathered_is_not_gone() -> None:
    some = {k: v for k, v in FACTS.items() if k not in ("ansible_interfaces", "ansible_memtotal_mb")}

    assert report("ansible", some).tables == ()


def test_localhost_is_nobody() -> None:
    found = report("ansible", {"ansible_facts": {**FACTS, "ansible_fqdn": "localhost"}, "host": "localhost"})

    assert found.target == "web-1"
    assert not [i for i in found.observations[0].identifiers if "localhost" in i.key]


@pytest.mark.parametrize(
    "document",
    [
        {"ansible_facts": FACTS, "host": "web-1"},
        [{"ansible_facts": FACTS, "host": "web-1"}],
        {"web-1": FACTS},
        {"hosts": {"web-1": {"ansible_facts": FACTS}}},
        {
            "plays": [
                {"tasks": [{"hosts": {"web-1": {"ansible_facts": FACTS}}}, {"hosts": {"web-1": {"ping": "pong"}}}]}
            ]
        },
        FACTS,
    ],
)
def test_forms_of_facts(document: Any) -> None:
    (raw,) = ansible.split(document)

    assert report("ansible", raw).target == "web-1"


def test_only_what_is_read_may_be_put_aside() -> None:
    raw = {"ansible_facts": {**FACTS, "ansible_env": {"TOKEN": "t0p-secret"}, "ansible_local": {"x": "t0p-secret"}}}
    kept = ansible.to_keep({**raw, "host": "web-1", "invocation": {"t0p-secret": 1}})

    assert "t0p-secret" not in json.dumps(kept)
    assert report("ansible", kept) == report("ansible", {**raw, "host": "web-1"})


def test_what_the_program_prints() -> None:
    text = f"""[WARNING]: something
web-1 | SUCCESS => {json.dumps({"ansible_facts": FACTS}, indent=4)}
web-2 | UNREACHABLE! => {{
    "msg": "Failed to connect",
    "unreachable": true
}}
web-3 | FAILED! => no JSON
"""
    first, second, third = (read("ansible", raw) for raw in ansible.split_text(text))

    assert first.report is not None
    assert first.report.target == "web-1"
    assert (code(second), second.ref) == ("NO_FACTS", "web-2")
    assert "Failed to connect" in (second.rejected.message if second.rejected else "")
    assert code(third) == "NO_FACTS"


# ---- nmap
def scanned(host: str = "") -> list[Item]:
    return [read("nmap", raw, host) for raw, _ in nmap.split_xml(NMAP, 10)]


def test_a_scan_gives_hosts_and_what_listens_there() -> None:
    up, down, filtered = scanned()
    found = report("nmap", nmap.split_xml(NMAP, 10)[0][0])
    (device,) = named(found, "NetworkDevice").values()

    assert (found.target, found.at, found.complete) == ("10.1.0.2 tcp:22,80,443", 1_763_999_010_000, True)
    assert device.attributes == {
        "name": "sw-2.example.net",
        "management_address": "10.1.0.2",
        "mac_addresses": ["00:1d:e5:84:98:c0"],
        "vendor": "Cisco Systems",
        "os_name": "IOS",
        "roles": ["switch"],
    }
    assert set(device.identifiers) == {
        Identifier("mac:00:1d:e5:84:98:c0", False),
        Identifier("sysname:sw-2.example.net", False),
        Identifier("sysname:sw-2", False),
        Identifier("target:10.1.0.2", False),
    }
    assert {k: o.attributes for k, o in named(found, "SoftwareInstance").items()} == {
        "tcp-22": {"name": "Cisco SSH", "product": "Cisco SSH", "version": "1.25", "listen": ["tcp/10.1.0.2:22"]},
        "tcp-443": {"name": "https", "kind": "web_server", "listen": ["tcp/10.1.0.2:443"]},
    }
    assert up.seek == Seek(addresses=("10.1.0.2",))
    assert (down.report, down.ignored.code if down.ignored else "") == (None, "NOT_UP")
    assert filtered.report is not None
    assert not filtered.report.complete, "a filtered port may be open"


def test_loopback_is_the_machine_that_is_named() -> None:
    body = NMAP.replace(b"10.1.0.2", b"127.0.0.1").replace(b"sw-2.example.net", b"localhost")
    raw = nmap.split_xml(body, 10)[0][0]
    found = report("nmap", raw, "scanner-1")

    assert code(read("nmap", raw)) == "LOOPBACK"
    assert found.target.startswith("scanner-1 ")
    assert Identifier("sysname:scanner-1", False) in found.observations[0].identifiers
    assert "management_address" not in found.observations[0].attributes


def test_a_scan_that_was_cut_off_gives_what_it_had() -> None:
    hosts = nmap.split_xml(NMAP[: NMAP.index(b"<host endtime=")], 10)

    assert [note.code if note else None for _, note in hosts] == [None, "NOT_XML"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<nmaprun",
        b"<html/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><nmaprun>&a;</nmaprun>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><nmaprun><host>&a;</host></nmaprun>',
        b"<nmaprun>" + b"<a>" * 100 + b"</a>" * 100 + b"</nmaprun>",
        b'<?xml version="1.0" encoding="no-such"?><nmaprun/>x',
        b"\xff\xfe\x00",
    ],
)
def test_xml_that_is_refused(body: bytes) -> None:
    with pytest.raises(nmap.NotXml):
        nmap.split_xml(body, 10)


def test_hosts_are_bounded() -> None:
    body = b"<nmaprun>" + b"<host><status state='down'/></host>" * 50 + b"</nmaprun>"

    assert len(nmap.split_xml(body, 10)) == 11


# ---- lldpctl
def test_neighbours_become_cables() -> None:
    found = report("lldpctl", {**LLDP0, "host": "web-1"})
    switch, ports = named(found, "NetworkDevice")["chassis-id:mac:00:1d:e5:84:98:c0"], named(found, "Interface")
    phone = named(found, "Endpoint")["lldp:local:SEP001122"]

    assert (found.target, found.tables) == ("web-1", ("neighbours",))
    assert ports["eth0"].links == (
        Link("CONNECTED_TO", f"{switch.key}|Interface|Gi1/0/7", {"protocols": ["lldp"]}, "lldp"),
    )
    assert ports["eth1"].links == (Link("CONNECTED_TO", phone.key, {"protocols": ["cdp"]}, "cdp"),)
    assert (switch.role, switch.attributes["roles"]) == ("reported", ["switch"])
    assert switch.attributes["management_address"] == "10.1.0.1"


def test_both_forms_of_json_and_the_port_of_another_lldpd() -> None:
    (neighbour,) = lldpctl.neighbours(LLDP)
    found = report("lldpctl", LLDP, "web-1")

    assert neighbour == Neighbour(
        "lldp",
        "eth0",
        Named("mac", "e4:43:4b:00:20:01"),
        Named("mac", "e4:43:4b:00:20:02"),
        "eth3",
        "web-2",
        "Debian GNU/Linux 12 (bookworm) Linux 6.1.0",
        ("10.1.0.22", "fe80::1"),
    )
    assert named(found, "Interface")["eth0"].links[0].to == "chassis-id:mac:e4:43:4b:00:20:01|Interface|eth3"


def test_the_chassis_itself_may_come_along() -> None:
    chassis = {"chassis": {"web-1": {"id": {"type": "mac", "value": "e4:43:4b:00:10:01"}, "descr": "Debian"}}}
    found = report("lldpctl", {**LLDP, "local-chassis": chassis})
    own = named(found, "Computer")["chassis-id:mac:e4:43:4b:00:10:01"]

    assert found.target == "web-1"
    assert Identifier("sysname:web-1", False) in own.identifiers


def test_neighbours_of_nobody_are_rejected() -> None:
    assert code(read("lldpctl", LLDP)) == "NO_HOST"
    assert code(read("lldpctl", {"host": "web-1"})) == "NO_NEIGHBOURS"
    assert report("lldpctl", {"lldp": [{}], "host": "web-1"}).tables == ()


# ---- alertmanager
@pytest.mark.parametrize(
    ("instance", "addresses", "names"),
    [
        ("10.1.0.2:9100", ("10.1.0.2",), ()),
        ("[2001:db8::2]:9100", ("2001:db8::2",), ()),
        ("2001:DB8::2", ("2001:db8::2",), ()),
        ("WEB-1.example.net:9100", (), ("web-1.example.net",)),
        ("https://user@web-1/health", (), ("web-1",)),
    ],
)
def test_labels_name_devices(instance: str, addresses: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert read("alertmanager", alert(instance)).seek == Seek(addresses, names, required=True)


def test_an_alert_is_a_sighting_of_a_known_device() -> None:
    item = read("alertmanager", alert("10.1.0.2:9100"))
    placed(item, [DEVICE])
    assert item.report is not None
    (seen,) = item.report.observations

    assert (item.report.target, item.report.complete, item.path) == (DEVICE.key, False, DEVICE.key)
    assert seen == Observation(
        "NetworkDevice", DEVICE.key, {"reachability": "unreachable"}, (Identifier(DEVICE.key),), role="reported"
    )


@pytest.mark.parametrize(
    ("name", "status", "attributes"),
    [
        ("InstanceDown", "resolved", {"reachability": "reachable"}),
        ("host_down", "firing", {"reachability": "unreachable"}),
        ("DiskFull", "firing", {}),
    ],
)
def test_what_an_alert_says(name: str, status: str, attributes: dict[str, str]) -> None:
    item = read("alertmanager", alert("web-1", name, status))

    assert item.report is not None
    assert item.report.observations[0].attributes == attributes


def test_unknown_and_ambiguous_instances_are_held() -> None:
    unknown, ambiguous = read("alertmanager", alert("web-9")), read("alertmanager", alert("web-9"))
    placed(unknown, [])
    placed(ambiguous, [DEVICE, DEVICE._replace(ci="01K2")])

    assert (unknown.report, unknown.held.code if unknown.held else "") == (None, "UNKNOWN_INSTANCE")
    assert (ambiguous.report, ambiguous.held.code if ambiguous.held else "") == (None, "AMBIGUOUS")


def test_common_labels_hold_for_every_alert() -> None:
    bare = {"status": "firing", "labels": {"alertname": "HostDown"}}
    (raw,) = alertmanager.split(notification(bare, commonLabels={"instance": "web-1"}))

    assert read("alertmanager", raw).seek == Seek(names=("web-1",), required=True)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, "NO_LABELS"),
        ({"labels": []}, "NO_LABELS"),
        ({"labels": {"alertname": "Watchdog"}}, "NO_INSTANCE"),
        ({"labels": {"instance": "localhost:9090"}}, "NO_INSTANCE"),
        ({"labels": {"instance": "127.0.0.1:9090"}}, "NO_INSTANCE"),
        ({"labels": {"instance": 7}}, "NO_INSTANCE"),
        ({"labels": {"instance": "a"}, "status": "odd"}, "BAD_STATUS"),
    ],
)
def test_alerts_that_say_nothing(raw: object, expected: str) -> None:
    assert code(read("alertmanager", raw)) == expected


# ---- all of them
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SEEDS = {
    "native": {"type": "host", "id": {"name": "x"}, "description": {}, "relationships": [], "timestamp": 1},
    "ansible": {"ansible_facts": FACTS, "host": "web-1"},
    "nmap": nmap.split_xml(NMAP, 10)[0][0],
    "lldpctl": {**LLDP0, "host": "web-1"},
    "alertmanager": alert("web-1"),
    "alarm": {
        "ci": "web-1",
        "name": "Down",
        "effect": "down",
        "startsAt": "2025-11-24T15:00:00Z",
        "labels": {"a": "b"},
    },
}


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_wrong_types_never_raise(adapter: str, data: st.DataObject) -> None:
    """Any part of a good payload may be anything else: there is a report that fits the model, or a reason."""
    raw = _spoilt(msgspec.json.decode(msgspec.json.encode(SEEDS[adapter])), data)
    for one in ADAPTERS[adapter].split(raw):
        item = read(adapter, one)
        assert (item.report is None and item.alarm is None) <= bool(item.rejected or item.ignored)
        assert item.report is None or not (item.rejected or item.ignored)
        if item.report is not None:
            check_report(item.report, MODEL, [])


def _spoilt(value: Any, data: st.DataObject) -> Any:
    """The value with one place in it replaced."""
    if isinstance(value, dict | list) and value and data.draw(st.integers(0, 5)):
        spots = list(value) if isinstance(value, dict) else list(range(len(value)))
        at = data.draw(st.sampled_from(spots))
        value[at] = _spoilt(value[at], data)
        return value
    return data.draw(JSON)
