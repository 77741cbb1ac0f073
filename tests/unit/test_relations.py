"""What one run told, joined: links, sessions, and what is recalled for them."""

from __future__ import annotations

from collections.abc import Iterable

from cmdb.observation import Identifier, Observation, Report, path_of
from collectors.discover import Told
from collectors.facts import Facts, Forwarded, Named, Neighbour, Session, VlanPort
from collectors.relations import named, related
from tests.reports import device, port

MACS = {"a": "00:1d:e5:00:00:0a", "b": "00:1d:e5:00:00:0b"}


def switch(name: str, *more: Observation) -> Report:
    key = f"serial:cisco:{name}"
    chassis = Identifier(f"chassis-id:mac:{MACS[name]}")
    said = Observation(
        "NetworkDevice",
        key,
        {"name": name, "roles": ["switch"]},
        (Identifier(key), chassis, Identifier(f"target:{name}", False)),
    )
    return Report("snmp", name, 1, (said, port(key, "1", if_index=1), port(key, "2", if_index=2), *more))


def hears(name: str, far: str, **more: object) -> Facts:
    neighbour = Neighbour("lldp", "1", Named("mac", MACS[far]), Named("name", "1"), name=far)
    return Facts(
        "snmp", name, 1, f"serial:cisco:{name}", neighbours=(neighbour,), chassis=Named("mac", MACS[name]), **more
    )  # type: ignore[arg-type] # by their names


def nobody(keys: Iterable[str]) -> list[Report]:
    return []


def ties(reports: Iterable[Report], type_: str) -> set[tuple[str, str]]:
    return {(path_of(o), link.to) for r in reports for o in r.observations for link in o.links if link.type == type_}


def test_a_cable_is_said_from_both_ends() -> None:
    told = [Told(switch("a"), hears("a", "b")), Told(switch("b"), hears("b", "a"))]

    found = list(related(told, True, nobody))

    assert {(r.target, r.part, r.complete) for r in found} == {("a", "links", False), ("b", "links", False)}
    ends = ("serial:cisco:a|Interface|1", "serial:cisco:b|Interface|1")
    assert ties(found, "CONNECTED_TO") == {ends, ends[::-1]}


def test_who_was_not_visited_is_named_as_it_is_known() -> None:
    """Reading one switch alone must not turn its cable to a port into one to nowhere."""
    asked: list[str] = []

    def recall(keys: Iterable[str]) -> list[Report]:
        asked.extend(keys)
        return [switch("b")]

    found = list(related([Told(switch("a"), hears("a", "b"))], False, recall))

    assert f"chassis-id:mac:{MACS['b']}" in asked
    assert named([hears("a", "b")]) >= set(asked)
    assert ties(found, "CONNECTED_TO") == {("serial:cisco:a|Interface|1", "serial:cisco:b|Interface|1")}
    assert {r.target for r in found} == {"a"}  # nobody else said anything


def test_one_switch_alone_places_nobody_and_draws_no_layer_2_domain() -> None:
    facts = hears(
        "a",
        "b",
        forwarded=(Forwarded("00:1d:e5:99:00:01", "2", 10),),
        vlans={10: "x"},
        vlan_ports=(VlanPort(10, "2", False),),
    )

    alone = list(related([Told(switch("a"), facts)], False, nobody))
    whole = list(related([Told(switch("a"), facts)], True, nobody))

    assert ties(alone, "SEEN_ON") == set() == ties(alone, "MEMBER_OF")
    assert ties(whole, "SEEN_ON") == {("mac:00:1d:e5:99:00:01", "serial:cisco:a|Interface|2")}
    assert len(ties(whole, "MEMBER_OF")) == 1


def host(name: str, address: str, *software: Observation, source: str = "ssh") -> Report:
    key = f"serial:dell:{name}"
    said = device(name, key, f"target:{name}", ci_class="Computer")
    own = Observation("IPAddress", address, {"name": address, "address": address}, parent=f"{key}|Interface|eth0")
    return Report(source, name, 1, (said, port(key, "eth0"), own, *software))


def listener(name: str, number: int) -> Observation:
    return Observation(
        "SoftwareInstance",
        f"tcp-{number}",
        {"name": "x", "listen": [f"tcp/0.0.0.0:{number}"]},
        parent=f"serial:dell:{name}",
    )


def talks(to: str) -> Facts:
    session = Session("10.0.0.1", 40000, to, 6379, "tcp-80")
    return Facts("ssh", "web", 1, "serial:dell:web", sessions=(session,))


def test_sessions_are_a_part_of_their_own_that_makes_what_nobody_could_see() -> None:
    told = [
        Told(host("web", "10.0.0.1", listener("web", 80)), talks("10.0.0.2")),
        Told(host("cache", "10.0.0.2", source="snmp")),
    ]

    (report,) = [r for r in related(told, True, nobody) if r.part == "sessions"]

    said = {path_of(o): (o.ci_class, o.role) for o in report.observations}
    assert said == {
        "serial:dell:web": ("Computer", "mentioned"),
        "serial:dell:web|SoftwareInstance|tcp-80": ("SoftwareInstance", "mentioned"),
        "serial:dell:cache": ("Computer", "mentioned"),
        "serial:dell:cache|SoftwareInstance|tcp-6379": ("SoftwareInstance", "reported"),
    }
    assert ties([report], "CONNECTS_TO") == {
        ("serial:dell:web|SoftwareInstance|tcp-80", "serial:dell:cache|SoftwareInstance|tcp-6379")
    }


def test_software_that_is_known_from_earlier_is_the_far_end() -> None:
    """The cache could not be logged in to this time: what it told before counts."""
    known = host(
        "cache",
        "10.0.0.2",
        Observation(
            "SoftwareInstance",
            "tcp-26379",
            {"name": "redis", "listen": ["tcp/0.0.0.0:6379", "tcp/0.0.0.0:26379"]},
            parent="serial:dell:cache",
        ),
        source="graph",
    )
    told = [
        Told(host("web", "10.0.0.1", listener("web", 80)), talks("10.0.0.2")),
        Told(host("cache", "10.0.0.2", source="snmp")),
    ]

    found = list(related(told, True, lambda keys: [known] if "serial:dell:cache" in set(keys) else []))

    assert ties(found, "CONNECTS_TO") == {
        ("serial:dell:web|SoftwareInstance|tcp-80", "serial:dell:cache|SoftwareInstance|tcp-26379")
    }
