"""Sessions of several hosts as links: who is the client, who says it, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.observation import Identifier, Link, Observation, Report
from collectors.facts import Facts, Session
from collectors.sessions import Origin, Tie, connect

WEB, DB = "10.0.0.1", "10.0.0.2"


def host(
    target: str,
    *addresses: str,
    listen: dict[str, list[str]] | None = None,
    serial: str = "",
    source: str = "ssh",
    ci_class: str = "Computer",
    **attributes: Any,
) -> Report:
    identifiers = [Identifier(f"serial:dell:{serial}")] if serial else []
    identifiers.append(Identifier(f"target:{target}", strong=False))
    key = identifiers[0].key
    inside = [Observation("IPAddress", a, {"name": a, "address": a}, parent=f"{key}|Interface|eth0") for a in addresses]
    software = [
        Observation("SoftwareInstance", k, {"name": k, "listen": places}, parent=key)
        for k, places in (listen or {}).items()
    ]
    device = Observation(ci_class, key, {"name": target, **attributes}, tuple(identifiers))
    port = Observation("Interface", "eth0", {"name": "eth0"}, parent=key)
    return Report(source, target, 1, (device, port, *inside, *software))


def facts(target: str, *sessions: Session) -> Facts:
    return Facts("ssh", target, 1, f"target:{target}", sessions=sessions)


def out(near: str, near_port: int, far: str, far_port: int, process: str = "") -> Session:
    return Session(near, near_port, far, far_port, process)


def into(near: str, near_port: int, far: str, far_port: int, process: str = "") -> Session:
    return Session(near, near_port, far, far_port, process, inbound=True)


def link(to: str, *ports: int) -> Link:
    return Link("CONNECTS_TO", to, {"port": list(ports)}, "session")


web = host("web", WEB, listen={"tcp-80": ["tcp/0.0.0.0:80"]})
db = host("db", DB, listen={"tcp-5432": ["tcp/0.0.0.0:5432", "tcp/[::]:5432"]}, serial="ABC1234")
DATABASE = "serial:dell:ABC1234|SoftwareInstance|tcp-5432"
HERE: Origin = ("ssh", "web")


@pytest.mark.parametrize(
    "told",
    [
        [facts("web", out(WEB, 40000, DB, 5432, "tcp-80"))],
        [facts("web", out(WEB, 40000, DB, 5432, "tcp-80")), facts("db", into(DB, 5432, WEB, 40000, "tcp-5432"))],
        [facts("db", into(DB, 5432, WEB, 40000)), facts("web", out(WEB, 40000, DB, 5432, "tcp-80"))],
        [facts("web", out(WEB, 40000, DB, 5432, "tcp-80"), out(WEB, 40001, DB, 5432, "tcp-80"))],
        [facts("web", out("::ffff:10.0.0.1", 40000, "::ffff:10.0.0.2", 5432, "tcp-80"))],
    ],
    ids=["client", "both", "both, other order", "two sessions", "IPv4 in IPv6"],
)
def test_one_link_however_often_a_session_is_seen(told: list[Facts]) -> None:
    assert connect([web, db], told) == {HERE: [Tie("target:web|SoftwareInstance|tcp-80", link(DATABASE, 5432))]}


def test_the_client_is_its_device_where_the_process_is_not_known() -> None:
    assert connect([web, db], [facts("db", into(DB, 5432, WEB, 40000))]) == {
        HERE: [Tie("target:web", link(DATABASE, 5432))]
    }


def test_a_client_that_only_snmp_knows_says_it_in_its_snmp_report() -> None:
    client = host("nas", WEB, source="snmp", ci_class="StorageDevice")

    assert connect([client, db], [facts("db", into(DB, 5432, WEB, 40000))]) == {
        ("snmp", "nas"): [Tie("target:nas", link(DATABASE, 5432))]
    }


def test_ports_of_one_server_are_one_link() -> None:
    server = host("db", DB, listen={"tcp-80": ["tcp/10.0.0.2:80", "tcp/10.0.0.2:443"]})
    told = facts("web", out(WEB, 1, DB, 443), out(WEB, 2, DB, 80))

    assert connect([web, server], [told]) == {
        HERE: [Tie("target:web", link("target:db|SoftwareInstance|tcp-80", 80, 443))]
    }


def test_the_exact_address_counts_before_the_wildcard() -> None:
    server = host("db", DB, listen={"any": ["tcp/0.0.0.0:53"], "own": [f"tcp/{DB}:53"]})

    assert connect([web, server], [facts("web", out(WEB, 1, DB, 53))]) == {
        HERE: [Tie("target:web", link("target:db|SoftwareInstance|own", 53))]
    }


def test_two_programs_of_one_host() -> None:
    both = host("web", WEB, listen={"tcp-80": ["tcp/0.0.0.0:80"], "tcp-6379": ["tcp/127.0.0.1:6379"]})
    told = facts(
        "web", out("127.0.0.1", 40000, "127.0.0.1", 6379, "tcp-80"), into("127.0.0.1", 6379, "127.0.0.1", 40000)
    )

    assert connect([both], [told]) == {
        HERE: [Tie("target:web|SoftwareInstance|tcp-80", link("target:web|SoftwareInstance|tcp-6379", 6379))]
    }


def test_snmp_and_ssh_of_one_target_are_one_host() -> None:
    beside = host("db", DB, "10.9.9.2", source="snmp")

    assert connect([web, beside, db], [facts("web", out(WEB, 1, "10.9.9.2", 5432))]) == {
        HERE: [Tie("target:web", link(DATABASE, 5432))]
    }


router = host("router", WEB, source="snmp", ci_class="NetworkDevice")
twin = host("twin", DB, listen={"tcp-5432": ["tcp/0.0.0.0:5432"]})


@pytest.mark.parametrize(
    ("reports", "told"),
    [
        ([web, db], facts("web", out(WEB, 1, "10.0.0.99", 5432))),
        ([web, db], facts("web", out(WEB, 1, DB, 9999))),
        ([web, db], facts("db", into(DB, 5432, "10.0.0.99", 1))),
        ([web, db, twin], facts("web", out(WEB, 1, DB, 5432))),
        ([router, db], facts("db", into(DB, 5432, WEB, 1))),
        ([db], facts("db", out(DB, 1, DB, 5432))),
        ([db], facts("db", out(DB, 1, DB, 5432, "tcp-5432"))),
        ([web, db], facts("gone", out(WEB, 1, DB, 5432))),
        ([web, db], facts("web", out(WEB, 1, "not an address", 5432))),
        ([web], facts("web", out("fe80::1", 1, "fe80::2", 5432))),
    ],
    ids=[
        "unknown server", "no listener there", "unknown client", "an address that two hosts have", "behind a router",
        "a host and its own software", "a program and itself", "no report", "no address", "link-local",
    ],
)  # fmt: skip
def test_nothing_is_guessed(reports: list[Report], told: Facts) -> None:
    assert connect(reports, [told]) == {}


def test_what_nobody_described_is_known_from_its_clients() -> None:
    """The far host is known, and nobody could log in to it: the port that a client talks to is a program there."""
    cache = host("cache", DB, "10.9.9.3", source="snmp")
    told = [
        facts("web", out(WEB, 40000, DB, 6379, "tcp-80"), out(WEB, 40001, "10.9.9.3", 6379, "tcp-80")),
        facts("web", out(WEB, 40002, DB, 45000, "tcp-80")),
    ]

    ((origin, ties),) = connect([web, cache], told).items()

    assert origin == HERE
    assert [(t.near, t.link.to, t.link.attributes, t.listen) for t in ties] == [
        (
            "target:web|SoftwareInstance|tcp-80",
            "target:cache|SoftwareInstance|tcp-6379",
            {"port": [6379]},
            ("tcp/10.0.0.2:6379", "tcp/10.9.9.3:6379"),
        )
    ]
    assert ties[0].inside == cache.observations[0]
