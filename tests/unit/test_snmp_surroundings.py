"""What agents tell of their surroundings, table by table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from cmdb.observation import Link
from collectors.facts import Facts, Forwarded, Named, Neighbour, Resolved, VlanPort
from collectors.snmp.interpret import interpret
from collectors.snmp.neighbours import named
from collectors.snmp.read import read_device
from collectors.snmp.reads import FDB, LLDP_REMOTE
from collectors.snmp.surroundings import surroundings
from collectors.transport.answers import Oid, Outcome, Walk
from collectors.transport.recording import read_recording
from collectors.transport.replay import RecordedTarget, ReplaySession, open_replay
from tests.unit.snmp_answers import AT, answers, of_class, report

SYSTEM = """
2.1.1.1.0|4|Example switch
2.1.1.2.0|6|1.3.6.1.4.1.99999.1
2.1.1.5.0|4|sw-1
2.1.17.1.1.0|4x|001b21000100
"""
# Bridge port 5 is ifIndex 10, and there is an ifIndex 5 as well.
PORTS = """
2.1.2.2.1.2.5|4|GigabitEthernet0/5
2.1.2.2.1.2.10|4|GigabitEthernet0/10
2.1.2.2.1.3.5|2|6
2.1.2.2.1.3.10|2|6
2.1.31.1.1.1.1.5|4|Gi0/5
2.1.31.1.1.1.1.10|4|Gi0/10
2.1.17.1.4.1.2.5|2|10
2.1.17.1.4.1.2.6|2|5
"""


def facts(tmp_path: Path, lines: str, more: Sequence[str] = ()) -> Facts:
    """What an agent with these lines tells; `more` are whole lines."""
    found = answers(tmp_path, SYSTEM + PORTS + lines)
    if more:
        recording = tmp_path / "lab-1.snmprec"
        recording.write_text(recording.read_text("utf-8") + "".join(f"{line}\n" for line in more), "utf-8")
        found = asyncio.run(read_device(open_replay(RecordedTarget("lab-1", "", recording))))
    return surroundings("lab-1", "", found, AT)


def lldp(local: int, **columns: str) -> list[str]:
    """A row of lldpRemTable."""
    arcs = {"chassis_type": 4, "chassis": 5, "port_type": 6, "port": 7, "descr": 8, "name": 9, "can": 11, "does": 12}
    return [f"1.0.8802.1.1.2.1.4.1.1.{arcs[name]}.0.{local}.1|{value}" for name, value in columns.items()]


ROW = {"chassis_type": "2|4", "chassis": "4x|001b21000200", "port_type": "2|5", "port": "4|Gi0/2"}


@pytest.mark.parametrize(
    ("more", "port"),
    [
        ([], "Gi0/10"),  # no local port row: the bridge port of that number, not the ifIndex
        (["1.0.8802.1.1.2.1.3.7.1.3.5|4|Gi0/5"], "Gi0/5"),
        (["1.0.8802.1.1.2.1.3.7.1.3.5|4|GigabitEthernet0/5"], "Gi0/5"),
        (["1.0.8802.1.1.2.1.3.7.1.3.5|4|x", "1.0.8802.1.1.2.1.3.7.1.4.5|4|GigabitEthernet0/5"], "Gi0/5"),
        (["1.0.8802.1.1.2.1.3.7.1.3.5|4|x", "1.0.8802.1.1.2.1.3.7.1.4.5|4|y"], "Gi0/10"),
    ],
)
def test_local_port_of_lldp_is_found_in_the_measured_order(tmp_path: Path, more: list[str], port: str) -> None:
    found = facts(tmp_path, "", [*lldp(5, **ROW), *more])

    assert [n.port for n in found.neighbours] == [port]


def test_local_port_zero_is_unknown(tmp_path: Path) -> None:
    assert [n.port for n in facts(tmp_path, "", lldp(0, **ROW)).neighbours] == [""]


def test_lldp_neighbour_with_everything(tmp_path: Path) -> None:
    more = [
        *lldp(5, **ROW, descr="4|uplink", name="4|sw-2", can="4x|28", does="4x|20"),
        "1.0.8802.1.1.2.1.4.2.1.3.0.5.1.1.4.192.0.2.7|2|2",
        "1.0.8802.1.1.2.1.5.4795.1.3.3.1.4.0.5.1|4|FX0017",
        "1.0.8802.1.1.2.1.5.4795.1.3.3.1.5.0.5.1|4|Example",
        "1.0.8802.1.1.2.1.5.4795.1.3.3.1.6.0.5.1|4|X-24",
        "1.0.8802.1.1.2.1.3.1.0|2|4",
        "1.0.8802.1.1.2.1.3.2.0|4x|001b21000100",
    ]
    found = facts(tmp_path, "", more)

    assert found.neighbours == (
        Neighbour(
            "lldp",
            "Gi0/10",
            Named("mac", "00:1b:21:00:02:00"),
            Named("name", "Gi0/2"),
            far_port_description="uplink",
            name="sw-2",
            addresses=("192.0.2.7",),
            capabilities=("switch",),
            vendor="Example",
            model="X-24",
            serial_number="FX0017",
        ),
    )
    assert found.chassis == Named("mac", "00:1b:21:00:01:00")
    assert found.base_macs == ("00:1b:21:00:01:00",)
    assert "lldp_remote" in found.read


def test_the_chassis_id_of_lldp_names_the_device_weakly_unless_it_is_the_bridges(tmp_path: Path) -> None:
    def keys(chassis: str) -> dict[str, bool]:
        answers(tmp_path, SYSTEM + PORTS)
        recording = tmp_path / "lab-1.snmprec"
        rows = f"1.0.8802.1.1.2.1.3.1.0|2|4\n1.0.8802.1.1.2.1.3.2.0|4x|{chassis}\n"
        recording.write_text(recording.read_text("utf-8") + rows, "utf-8")
        found = asyncio.run(read_device(open_replay(RecordedTarget("lab-1", "", recording))))
        device = interpret("lab-1", "", found, AT).observations[0]
        return {i.key: i.strong for i in device.identifiers if i.key.startswith("chassis-id:")}

    bridge = {"chassis-id:mac:00:1b:21:00:01:00": True}
    assert keys("001b21000100") == bridge
    assert keys("001b21000177") == bridge | {"chassis-id:mac:00:1b:21:00:01:77": False}
    assert keys("021b21000177") == bridge  # made up by somebody


@pytest.mark.parametrize(
    ("can", "roles"),
    [
        ("4x|20", ("switch",)),
        ("4x|24", ("phone",)),
        ("4x|28", ("router", "switch")),
        ("4x|10", ("access_point",)),
        ("4x|01", ()),
    ],
)
def test_capabilities_are_roles(tmp_path: Path, can: str, roles: tuple[str, ...]) -> None:
    assert [n.capabilities for n in facts(tmp_path, "", lldp(5, **ROW, can=can)).neighbours] == [roles]


@pytest.mark.parametrize(
    ("subtype", "raw", "expected"),
    [
        ("mac", bytes.fromhex("001b21000200"), Named("mac", "00:1b:21:00:02:00")),
        ("mac", b"00:1b:21:00:02:00", Named("mac", "00:1b:21:00:02:00")),
        ("mac", b"port 17", Named("unknown", "port 17")),
        ("address", bytes([1, 192, 0, 2, 7]), Named("address", "192.0.2.7")),
        ("address", bytes([2]) + bytes(15) + b"\1", Named("address", "::1")),
        ("address", b"192.0.2.7", Named("address", "192.0.2.7")),
        ("name", b"Gi0/2", Named("name", "Gi0/2")),
        ("local", bytes.fromhex("001b21000200"), Named("local", "00:1b:21:00:02:00")),
        ("local", b"\x01\x02", Named("local", "0102")),
        (None, bytes.fromhex("001b21000200"), Named("mac", "00:1b:21:00:02:00")),
        (None, b"Gi0/2", Named("unknown", "Gi0/2")),
        ("name", b"", None),
    ],
)
def test_ids_are_decoded_by_their_subtype(subtype: object, raw: bytes, expected: Named | None) -> None:
    assert named(subtype, raw) == expected  # type: ignore[arg-type]  # a parametrized literal


def test_cdp_neighbours(tmp_path: Path) -> None:
    lines = """
    4.1.9.9.23.1.2.1.1.3.10.1|2|1
    4.1.9.9.23.1.2.1.1.4.10.1|4x|c0000207
    4.1.9.9.23.1.2.1.1.5.10.1|4|Example OS 1.0
    4.1.9.9.23.1.2.1.1.6.10.1|4|sw-2(FOX0017ABCD)
    4.1.9.9.23.1.2.1.1.7.10.1|4|GigabitEthernet0/2
    4.1.9.9.23.1.2.1.1.8.10.1|4|X-24
    4.1.9.9.23.1.2.1.1.9.10.1|4x|00000029
    4.1.9.9.23.1.2.1.1.6.5.1|4x|001b21000900
    4.1.9.9.23.1.2.1.1.7.5.1|4|7
    """
    found = facts(tmp_path, lines)

    assert found.neighbours == (
        Neighbour("cdp", "Gi0/5", Named("mac", "00:1b:21:00:09:00"), Named("name", "7")),
        Neighbour(
            "cdp",
            "Gi0/10",
            Named("local", "sw-2(FOX0017ABCD)"),
            Named("name", "GigabitEthernet0/2"),
            name="sw-2",
            description="Example OS 1.0",
            addresses=("192.0.2.7",),
            capabilities=("router", "switch"),
            model="X-24",
            serial_number="FOX0017ABCD",
        ),
    )


def test_second_edition_of_lldp_names_the_interface(tmp_path: Path) -> None:
    entry = "1.3.111.2.802.1.1.13.1.4.1.1"
    more = [f"{entry}.5.0.5.1.1|2|4", f"{entry}.6.0.5.1.1|4x|001b21000200"]

    assert [(n.port, n.chassis.value) for n in facts(tmp_path, "", more).neighbours] == [("Gi0/5", "00:1b:21:00:02:00")]


def test_spanning_tree_names_the_designated_bridge_of_others_only(tmp_path: Path) -> None:
    lines = """
    2.1.17.2.15.1.3.5|2|5
    2.1.17.2.15.1.8.5|4x|8000001b21000200
    2.1.17.2.15.1.9.5|4x|8007
    2.1.17.2.15.1.3.6|2|2
    2.1.17.2.15.1.8.6|4x|8000001b21000100
    2.1.17.2.15.1.9.6|4x|8006
    """
    found = facts(tmp_path, lines)

    assert found.neighbours == (Neighbour("stp", "Gi0/10", Named("mac", "00:1b:21:00:02:00"), Named("local", "7")),)
    assert found.blocked == ("Gi0/5",)


def test_forwarding_tables_with_and_without_vlans(tmp_path: Path) -> None:
    lines = """
    2.1.17.4.3.1.2.0.37.144.0.0.1|2|5
    2.1.17.4.3.1.2.0.37.144.0.0.2|2|6
    2.1.17.4.3.1.3.0.37.144.0.0.2|2|3
    2.1.17.4.3.1.2.0.37.144.0.0.3|2|5
    2.1.17.4.3.1.3.0.37.144.0.0.3|2|4
    2.1.17.4.3.1.2.0.37.144.0.0.4|2|0
    2.1.17.4.3.1.2.1.0.94.0.0.1|2|5
    2.1.17.7.1.2.2.1.2.77.0.37.144.0.0.1|2|5
    2.1.17.7.1.2.2.1.2.77.6.0.37.144.0.0.5|2|5
    2.1.17.7.1.4.2.1.3.0.20|2|77
    """

    assert facts(tmp_path, lines).forwarded == (
        Forwarded("00:25:90:00:00:01", "Gi0/10", 20),
        Forwarded("00:25:90:00:00:02", "Gi0/5"),
        Forwarded("00:25:90:00:00:05", "Gi0/10", 20),
    )


def test_caches_of_both_generations(tmp_path: Path) -> None:
    lines = """
    2.1.4.22.1.2.10.192.0.2.9|4x|002590000009
    2.1.4.22.1.4.10.192.0.2.9|2|3
    2.1.4.22.1.2.10.192.0.2.10|4x|00259000000a
    2.1.4.22.1.4.10.192.0.2.10|2|2
    2.1.4.22.1.2.10.224.0.0.5|4x|01005e000005
    2.1.4.35.1.4.5.1.4.192.0.2.11|4x|00259000000b
    2.1.4.35.1.4.5.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.12|4x|00259000000c
    """

    assert facts(tmp_path, lines).resolved == (
        Resolved("192.0.2.11", "00:25:90:00:00:0b", "Gi0/5"),
        Resolved("192.0.2.9", "00:25:90:00:00:09", "Gi0/10"),
        Resolved("2001:db8::c", "00:25:90:00:00:0c", "Gi0/5"),
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("2.1.3.1.1.2.10.1.192.0.2.9|4x|002590000009", "192.0.2.9"),
        (
            "2.1.55.1.8.1.2.10.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1|2|64\n"
            "2.1.55.1.12.1.2.10.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.9|4x|002590000009\n"
            "2.1.55.1.12.1.3.10.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.9|2|2",
            "2001:db8::9",
        ),
        (
            "4.1.9.10.86.1.1.2.1.3.1.4.192.0.2.1|2|10\n4.1.9.10.86.1.1.3.1.3.10.1.4.192.0.2.9|4x|002590000009",
            "192.0.2.9",
        ),
    ],
    ids=["rfc-1213", "ipv6-mib", "cisco-ietf-ip"],
)
def test_caches_of_old(tmp_path: Path, lines: str, expected: str) -> None:
    assert facts(tmp_path, lines).resolved == (Resolved(expected, "00:25:90:00:00:09", "Gi0/10"),)


def test_the_cache_of_old_is_not_read_where_the_newer_one_is(tmp_path: Path) -> None:
    lines = "2.1.4.22.1.2.10.192.0.2.9|4x|002590000009\n2.1.3.1.1.2.10.1.192.0.2.8|4x|002590000008"

    assert [r.address for r in facts(tmp_path, lines).resolved] == ["192.0.2.9"]


def test_vlans_of_q_bridge(tmp_path: Path) -> None:
    lines = """
    2.1.17.7.1.4.2.1.3.0.20|2|20
    2.1.17.7.1.4.2.1.4.0.20|4x|0c
    2.1.17.7.1.4.2.1.5.0.20|4x|04
    2.1.17.7.1.4.3.1.1.20|4|voice
    2.1.17.7.1.4.3.1.1.30|4|spare
    """
    found = facts(tmp_path, lines)

    assert found.vlans == {20: "voice", 30: "spare"}
    assert found.vlan_ports == (VlanPort(20, "Gi0/10", tagged=True), VlanPort(20, "Gi0/5", tagged=False))


@pytest.mark.parametrize("ports", ["4|5,6", "4|0C 00", "4x|0c"])
def test_lists_of_ports_come_as_bits_as_text_and_as_numbers(tmp_path: Path, ports: str) -> None:
    found = facts(tmp_path, f"2.1.17.7.1.4.3.1.1.20|4|voice\n2.1.17.7.1.4.3.1.2.20|{ports}")

    assert {(p.vlan_id, p.port) for p in found.vlan_ports} == {(20, "Gi0/10"), (20, "Gi0/5")}


def test_numbers_that_junos_has_for_vlans_inside_are_translated(tmp_path: Path) -> None:
    lines = """
    2.1.17.7.1.4.3.1.1.2|4|voice
    2.1.17.7.1.4.3.1.2.2|4x|08
    2.1.17.7.1.2.2.1.2.2.0.37.144.0.0.1|2|5
    4.1.2636.3.40.1.5.1.5.1.2.2|4|voice
    4.1.2636.3.40.1.5.1.5.1.5.2|2|120
    """
    found = facts(tmp_path, lines)

    assert found.vlans == {120: "voice"}
    assert [(p.vlan_id, p.port) for p in found.vlan_ports] == [(120, "Gi0/10")]
    assert [f.vlan for f in found.forwarded] == [120]


VTP = """
4.1.9.9.46.1.3.1.1.2.1.10|2|1
4.1.9.9.46.1.3.1.1.3.1.10|2|1
4.1.9.9.46.1.3.1.1.4.1.10|4|staff
4.1.9.9.46.1.3.1.1.2.1.20|2|1
4.1.9.9.46.1.3.1.1.3.1.20|2|1
4.1.9.9.46.1.3.1.1.2.1.30|2|2
4.1.9.9.46.1.3.1.1.3.1.30|2|1
4.1.9.9.46.1.3.1.1.2.1.1002|2|1
4.1.9.9.46.1.3.1.1.3.1.1002|2|2
4.1.9.9.46.1.6.1.1.4.10|4x|0020
4.1.9.9.46.1.6.1.1.5.10|2|20
4.1.9.9.46.1.6.1.1.14.10|2|1
4.1.9.9.46.1.6.1.1.14.5|2|2
4.1.9.9.68.1.2.2.1.2.5|2|10
"""


def contexts(tmp_path: Path, *names: str) -> dict[str, Path]:
    """Recordings of contexts, in each of which bridge port 7 is ifIndex 5 and one address was learned there."""
    found = {}
    for number, name in enumerate(names):
        found[name] = tmp_path / f"lab-1@{name}.snmprec"
        found[name].write_text(
            f"1.3.6.1.2.1.17.1.4.1.2.7|2|5\n1.3.6.1.2.1.17.4.3.1.2.0.37.144.0.1.{number}|2|7\n", "utf-8"
        )
    return found


def session(tmp_path: Path, lines: str, *names: str) -> ReplaySession:
    """An agent with contexts."""
    recording = tmp_path / "lab-1.snmprec"
    recording.write_text("".join(f"1.3.6.1.{x.strip()}\n" for x in (SYSTEM + PORTS + lines).split("\n") if x.strip()))
    return ReplaySession("lab-1", "", read_recording(recording), contexts(tmp_path, *names))


def test_cisco_vlans_trunks_and_access_ports(tmp_path: Path) -> None:
    found = facts(tmp_path, VTP)

    assert found.vlans == {10: "staff", 20: "", 30: "", 1002: ""}
    assert found.vlan_ports == (VlanPort(10, "Gi0/10", tagged=True), VlanPort(10, "Gi0/5", tagged=False))


def test_forwarding_tables_of_contexts_belong_to_their_vlans(tmp_path: Path) -> None:
    found = asyncio.run(read_device(session(tmp_path, VTP, "vlan-10", "vlan-30", "vlan-1002")))

    assert set(found.contexts) == {"vlan-10", "vlan-20"}  # 30 is suspended, 1002 is no Ethernet
    assert found.contexts["vlan-20"].outcome(FDB.columns["port"]) is None
    assert surroundings("lab-1", "", found, AT).forwarded == (Forwarded("00:25:90:00:01:00", "Gi0/5", 10),)


def test_an_agent_without_contexts_is_not_asked_for_each(tmp_path: Path) -> None:
    many = "".join(f"4.1.9.9.46.1.3.1.1.2.1.{v}|2|1\n4.1.9.9.46.1.3.1.1.3.1.{v}|2|1\n" for v in range(10, 60))
    agent = session(tmp_path, many)
    asked: list[str] = []
    plain = agent.context

    def context(name: str) -> ReplaySession:
        asked.append(name)
        return plain(name)

    agent.context = context  # type: ignore[method-assign]  # listens in
    found = asyncio.run(read_device(agent))

    assert asked == ["vlan-10", "vlan-11", "vlan-12"]
    assert found.contexts == {}


def test_agents_without_neighbours_are_not_asked_for_details(tmp_path: Path) -> None:
    asked = answers(tmp_path, SYSTEM + PORTS).tables

    assert LLDP_REMOTE.columns["chassis"] in asked
    assert not any(root[:11] == (1, 0, 8802, 1, 1, 2, 1, 4, 2, 1, 3) for root in asked)
    assert LLDP_REMOTE.columns["descr"] not in asked


class Failing:
    """An agent that is silent for everything about its neighbours."""

    def __init__(self, inner: ReplaySession) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def walk(self, root: Oid) -> Walk:
        return Walk(root, Outcome.TIMEOUT) if root[:3] == (1, 0, 8802) else await self._inner.walk(root)


def test_a_table_of_neighbours_that_fails_leaves_the_device_complete(tmp_path: Path) -> None:
    found = asyncio.run(read_device(Failing(session(tmp_path, ""))))  # type: ignore[arg-type]  # a session by its looks

    assert interpret("lab-1", "", found, AT).complete
    assert "lldp_remote" not in surroundings("lab-1", "", found, AT).read


AGGREGATE = """
2.1.2.2.1.2.50|4|Port-channel1
2.1.2.2.1.3.50|2|161
2.1.31.1.1.1.1.50|4|Po1
"""


def attached(index: int, to: int) -> str:
    """A row of dot3adAggPortTable, as a whole line."""
    return f"1.2.840.10006.300.43.1.2.1.1.13.{index}|2|{to}"


@pytest.mark.parametrize(
    ("lines", "more"),
    [
        ("", [attached(5, 50), attached(10, 10)]),
        ("4.1.9.9.98.1.1.1.1.8.5|2|50\n4.1.9.9.98.1.1.1.1.8.10|2|0", []),
        ("4.1.6486.800.1.2.1.13.1.1.2.1.1.13.5|2|50\n4.1.6486.800.1.2.1.13.1.1.2.1.1.13.10|2|0", []),
        ("4.1.2272.1.17.10.1.11.1|2|50\n4.1.2272.1.17.10.1.3.1|4x|0400", []),
        ("2.1.31.1.2.1.3.50.5|2|1\n2.1.31.1.2.1.3.50.10|2|2\n2.1.31.1.2.1.3.0.50|2|1\n2.1.31.1.2.1.3.10.5|2|1", []),
    ],
    ids=["802.3ad", "pagp", "alcatel", "rapid-city", "ifStack"],
)
def test_members_of_aggregates(tmp_path: Path, lines: str, more: list[str]) -> None:
    report(tmp_path, SYSTEM + PORTS + AGGREGATE + lines)
    recording = tmp_path / "lab-1.snmprec"
    recording.write_text(recording.read_text("utf-8") + "".join(f"{line}\n" for line in more), "utf-8")
    found = asyncio.run(read_device(open_replay(RecordedTarget("lab-1", "", recording))))
    links = {o.key: o.links for o in of_class(interpret("lab-1", "", found, AT), "Interface") if o.links}

    key = "chassis-id:mac:00:1b:21:00:01:00"
    assert links == {"Gi0/5": (Link("MEMBER_OF", f"{key}|Interface|Po1", {}, "snmp"),)}


def test_units_of_an_aggregate_stand_for_it_whatever_their_type(tmp_path: Path) -> None:
    names = {1: ("ge-0/0/1", 6), 2: ("ge-0/0/1.0", 53), 3: ("ae0", 161), 4: ("ae0.0", 53), 5: ("irb.4", 53)}
    ports = "".join(f"2.1.2.2.1.2.{i}|4|{name}\n2.1.2.2.1.3.{i}|2|{kind}\n" for i, (name, kind) in names.items())
    stack = "".join(f"2.1.31.1.2.1.3.{high}.{low}|2|1\n" for high, low in ((4, 2), (4, 3), (2, 1), (5, 4)))
    found = of_class(report(tmp_path, SYSTEM + ports + stack), "Interface")

    assert {o.key: [link.to.rpartition("|")[2] for link in o.links] for o in found if o.links} == {"ge-0/0/1": ["ae0"]}


def test_bridge_ports_are_interfaces_of_an_agent_without_if_table(tmp_path: Path) -> None:
    found = report(tmp_path, SYSTEM + "2.1.17.1.4.1.2.5|2|5001")

    assert [o.attributes for o in of_class(found, "Interface")] == [{"name": "if5001", "if_index": 5001}]
