"""Routing instances: what tables tell of them, the contexts they are read in, and what stands in which."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cmdb.observation import Link
from collectors.facts import Resolved
from collectors.snmp.interpret import interpret
from collectors.snmp.read import read_device
from collectors.snmp.surroundings import surroundings
from collectors.snmp.vrfs import Vrfs, distinguisher, vrfs
from collectors.transport.answers import Answers
from collectors.transport.recording import read_recording
from collectors.transport.replay import ReplaySession
from tests.unit.snmp_answers import AT, answers, of_class
from tests.unit.test_snmp_surroundings import PORTS

GUESTS = "6.71.117.101.115.116.115"  # the name in an index, with its length
NUMBER = "0000fde800000064"  # 65000:100


def agent(maker: str) -> str:
    """The system group of an agent of a maker, with two ports (ifIndex 5 and 10)."""
    return f"2.1.1.1.0|4|Example router\n2.1.1.2.0|6|1.3.6.1.4.1.{maker}.1\n2.1.1.5.0|4|rt-1\n" + PORTS


@pytest.mark.parametrize(
    ("maker", "lines"),
    [
        ("99999", f"2.1.10.166.11.1.2.2.1.4.{GUESTS}|4x|{NUMBER}\n2.1.10.166.11.1.2.1.1.2.{GUESTS}.10|2|2"),
        ("99999", f"3.118.1.2.2.1.3.{GUESTS}|4|65000:100\n3.118.1.2.1.1.2.{GUESTS}.10|2|1"),
        ("9", "4.1.9.9.711.1.1.1.1.2.3|4|Guests\n4.1.9.9.711.1.2.1.1.2.3.10|2|1"),
        (
            "30065",
            f"4.1.30065.3.18.1.1.1.3.{GUESTS}|4|65000:100\n4.1.30065.3.18.1.1.1.4.{GUESTS}|2|1\n"
            "4.1.30065.3.18.1.2.1.1.10|4|Guests\n4.1.30065.3.18.1.2.1.1.5|4|default",
        ),
        (
            "2636",
            f"4.1.2636.3.26.1.2.1.7.2.{GUESTS}|4x|{NUMBER}\n4.1.2636.3.26.1.3.1.4.2.{GUESTS}.10|2|1\n"
            "4.1.2636.3.26.1.2.1.7.4.5.86.80.76.83.49|4|\n4.1.2636.3.26.1.3.1.4.4.5.86.80.76.83.49.5|2|1",
        ),
        (
            "6527",
            "4.1.6527.3.1.2.3.1.1.4.1|4|Base\n4.1.6527.3.1.2.3.1.1.4.7|4|Guests\n"
            f"4.1.6527.3.1.2.3.1.1.19.7|4x|{NUMBER}\n4.1.6527.3.1.2.3.4.1.4.7.10|4|guests-1\n"
            "4.1.6527.3.1.2.3.4.1.4.1.5|4|system",
        ),
    ],
    ids=["standard", "draft", "cisco", "arista", "junos", "timos"],
)
def test_instances_and_their_interfaces(tmp_path: Path, maker: str, lines: str) -> None:
    found = vrfs(answers(tmp_path, agent(maker) + lines))

    assert found.distinguishers == {"Guests": "" if maker == "9" else "65000:100"}
    assert found.of_port == {10: "Guests"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (bytes.fromhex(NUMBER), "65000:100"),
        (bytes.fromhex("0001c00002010007"), "192.0.2.1:7"),
        (bytes.fromhex("0002000100010007"), "65537:7"),
        (bytes(8), ""),
        (b"65301:1\0", "65301:1"),
        (b"", ""),
        (None, ""),
    ],
)
def test_route_distinguishers_come_as_text_and_as_octets(value: bytes | None, expected: str) -> None:
    assert distinguisher(value) == expected


STANDARD = f"""
2.1.10.166.11.1.2.2.1.4.{GUESTS}|4x|{NUMBER}
2.1.10.166.11.1.2.1.1.2.{GUESTS}.10|2|2
2.1.4.20.1.2.192.0.2.1|2|10
2.1.4.20.1.3.192.0.2.1|64|255.255.255.0
2.1.4.20.1.2.198.51.100.1|2|5
2.1.4.20.1.3.198.51.100.1|64|255.255.255.0
2.1.4.22.1.2.10.192.0.2.9|4x|002590000009
2.1.4.22.1.2.5.198.51.100.9|4x|002590000009
"""


def test_addresses_subnets_and_caches_stand_in_the_instance_of_their_interface(tmp_path: Path) -> None:
    found = answers(tmp_path, agent("99999") + STANDARD)
    report = interpret("lab-1", "", found, AT)
    addresses = {o.key: (o.attributes.get("vrf"), [link.to for link in o.links]) for o in of_class(report, "IPAddress")}

    assert addresses == {
        "192.0.2.1": ("Guests", ["subnet:Guests:192.0.2.0/24"]),
        "198.51.100.1": (None, ["subnet:default:198.51.100.0/24"]),
    }
    assert {o.key: o.attributes.get("vrf") for o in of_class(report, "Subnet")} == {
        "subnet:Guests:192.0.2.0/24": "Guests",
        "subnet:default:198.51.100.0/24": None,
    }
    assert surroundings("lab-1", "", found, AT).resolved == (
        Resolved("198.51.100.9", "00:25:90:00:00:09", "Gi0/5"),
        Resolved("192.0.2.9", "00:25:90:00:00:09", "Gi0/10", "Guests"),
    )


def test_an_instance_is_known_by_each_strong_identifier_of_its_device(tmp_path: Path) -> None:
    base = "2.1.17.1.1.0|4x|001b21000100\n"
    engine = "6.3.10.2.1.1.0|4x|80001f8803001b21000100\n"
    report = interpret("lab-1", "", answers(tmp_path, agent("99999") + base + engine + STANDARD), AT)
    device = report.observations[0]
    vrf = of_class(report, "VRF")[0]
    strong = [i.key for i in device.identifiers if i.strong]

    assert len(strong) == 2
    assert vrf.key == f"vrf:{device.key}:Guests"
    assert vrf.attributes == {"name": "Guests", "route_distinguisher": "65000:100"}
    assert {i.key for i in vrf.identifiers if i.strong} == {f"vrf:{key}:Guests" for key in strong}
    assert {o.key: o.links for o in of_class(report, "Interface") if o.links} == {
        "Gi0/10": (Link("IN_VRF", vrf.key, {}, "snmp"),)
    }


ARISTA = """
4.1.30065.3.18.1.1.1.4.6.71.117.101.115.116.115|2|1
4.1.30065.3.18.1.1.1.4.3.73.79.84|2|1
4.1.30065.3.18.1.1.1.4.3.79.76.68|2|2
"""


def read(tmp_path: Path, lines: str, **contexts: str) -> Answers:
    """Read an agent with contexts, each of which answers some lines."""
    main = tmp_path / "lab-1.snmprec"
    main.write_text("".join(f"1.3.6.1.{line.strip()}\n" for line in lines.splitlines() if line.strip()), "utf-8")
    paths = {}
    for name, told in contexts.items():
        paths[name] = tmp_path / f"lab-1@{name}.snmprec"
        paths[name].write_text(told, "utf-8")
    return asyncio.run(read_device(ReplaySession("lab-1", "", read_recording(main), paths)))


CACHE = "1.3.6.1.2.1.4.22.1.2.10.192.0.2.9|4x|002590000009\n1.3.6.1.2.1.4.20.1.2.192.0.2.1|2|10\n"


def test_caches_and_addresses_are_read_in_the_context_of_each_active_instance(tmp_path: Path) -> None:
    found = read(tmp_path, agent("30065") + ARISTA, Guests=CACHE, IOT="", OLD=CACHE)

    assert sorted(found.contexts) == ["Guests", "IOT"]  # an empty context is an answer; OLD is not active
    assert surroundings("lab-1", "", found, AT).resolved == (
        Resolved("192.0.2.9", "00:25:90:00:00:09", "Gi0/10", "Guests"),
    )
    addresses = of_class(interpret("lab-1", "", found, AT), "IPAddress")
    assert [(o.key, o.attributes.get("vrf")) for o in addresses] == [("192.0.2.1", "Guests")]


def test_contexts_may_be_named_otherwise_than_their_instances(tmp_path: Path) -> None:
    mapping = "4.1.9.9.468.1.1.1.2.3.99.116.120|4|Guests\n4.1.9.9.468.1.1.1.2.6.118.108.97.110.45.49|4|\n"
    found = read(tmp_path, agent("9") + mapping, ctx=CACHE)

    assert vrfs(found).of_context == {"ctx": "Guests"}
    assert [r.vrf for r in surroundings("lab-1", "", found, AT).resolved] == ["Guests"]


def test_a_context_named_by_digits_is_no_vlan(tmp_path: Path) -> None:
    lines = "4.1.30065.3.18.1.1.1.4.2.50.48|2|1\n"
    fdb = "1.3.6.1.2.1.17.4.3.1.2.0.37.144.0.0.1|2|5\n"
    found = read(tmp_path, agent("30065") + lines, **{"20": CACHE + fdb})

    assert list(found.contexts) == ["20"]
    assert surroundings("lab-1", "", found, AT).forwarded == ()


def test_an_agent_without_instances_is_asked_for_no_context(tmp_path: Path) -> None:
    assert vrfs(read(tmp_path, agent("30065"), Guests=CACHE)) == Vrfs()
