"""Servers of pools, found by address and port among what a run has read; what nobody knows carries nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.observation import Observation, Report, path
from collectors.discover import Told
from collectors.links.relate import relate
from collectors.relations import related
from collectors.snmp.interpret import interpret
from collectors.snmp.pools import pools
from collectors.snmp.surroundings import surroundings
from tests.reports import device, port, report
from tests.unit.snmp_answers import AT, answers, of_class, read

LB = Path(__file__).parent.parent / "golden" / "redundancy" / "pools" / "lb-1.snmprec"
WEB, API = "cluster:serial:f5:f5-lab-0001:/Common/web", "cluster:serial:f5:f5-lab-0001:/Common/api"
SYSTEM = """
2.1.1.1.0|4|BIG-IP
2.1.1.2.0|6|1.3.6.1.4.1.3375.2.1.3.4.43
2.1.1.5.0|4|lb-1
"""


def server(number: int, *listens: str, name: str = "nginx") -> Report:
    """A host with an address of its own, and one program that listens."""
    key, address = f"serial:x:WEB{number}", f"192.0.2.{10 + number}"
    inside = Observation("IPAddress", address, {"name": address, "address": address}, parent=f"{key}|Interface|eth0")
    program = Observation("SoftwareInstance", name, {"name": name, "listen": list(listens)}, parent=key)
    whole = device(f"web-{number}", key, ci_class="Computer")
    return report(f"web-{number}", AT, whole, port(key, "eth0"), inside, *([program] if listens else []), source="ssh")


def needs(*servers: Report) -> dict[str, tuple[int, dict[str, int]]]:
    """What each pool needs by what one run tells: how much, and of whom with which weight."""
    found = read(LB)
    reports = [interpret("lb-1", "", found, AT), *servers]
    (links,) = (r for r in relate(reports, [surroundings("lb-1", "", found, AT)]) if r.target == "lb-1")
    return {
        str(o.parent): (o.attributes["needed"], {n.to: n.attributes.get("weight", 1) for n in o.links})
        for o in of_class(links, "Requirement")
    }


def test_a_member_is_software_then_a_host_then_an_address() -> None:
    found = needs(server(1, "tcp/0.0.0.0:80", "tcp/192.0.2.11:8080"), server(2))
    nginx = path("serial:x:WEB1", "SoftwareInstance", "nginx")

    assert found == {
        WEB: (1, {nginx: 1, "serial:x:WEB2": 1, "address::192.0.2.13": 0}),
        API: (2, {nginx: 1, "serial:x:WEB2": 1, "address::192.0.2.14": 0}),
    }


@pytest.mark.parametrize("listens", ["tcp/127.0.0.1:80", "tcp/0.0.0.0:8081", "tcp/[::1]:80", "80"])
def test_a_program_that_does_not_listen_there_is_none_of_it(listens: str) -> None:
    assert needs(server(1, listens))[WEB][1]["serial:x:WEB1"] == 1


def test_an_address_of_two_hosts_is_nobodys() -> None:
    twin = server(1)
    other = device("web-9", "serial:x:WEB9", ci_class="Computer")
    inside = Observation("IPAddress", "192.0.2.11", {"address": "192.0.2.11"}, parent="serial:x:WEB9|Interface|eth0")

    assert needs(twin, report("web-9", AT, other, port("serial:x:WEB9", "eth0"), inside))[WEB] == (
        1,
        {f"address::192.0.2.1{n}": 0 for n in (1, 2, 3)},
    )


def test_a_disabled_member_is_no_provider_of_weight() -> None:
    assert needs(server(4))[API][1] == {"address::192.0.2.11": 0, "address::192.0.2.12": 0, "serial:x:WEB4": 0}


def test_only_a_whole_run_says_who_serves() -> None:
    found = read(LB)
    told = Told(interpret("lb-1", "", found, AT), surroundings("lb-1", "", found, AT))
    alone = [o for r in related([told], False, lambda _: []) for o in r.observations]
    whole = [o for r in related([told], True, lambda _: []) for o in r.observations]

    assert [o for o in alone if o.ci_class == "Requirement"] == []
    assert len([o for o in whole if o.ci_class == "Requirement"]) == 2


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            "5.3.2.1.1.1.97.1.98.80|4|a\n5.3.2.1.3.1.97.1.98.80|4x|c000020b", [], id="a pool that there is not"
        ),
        pytest.param("5.1.2.1.1.1.97|4|a", [("a", None, [])], id="a pool without members"),
        pytest.param("5.1.2.1.1.1.97|4|a\n5.1.2.1.4.1.97|2|0\n5.1.2.1.5.1.97|2|1", [("a", None, [])], id="0 needed"),
        pytest.param("5.1.2.1.1.1.97|4|a\n5.1.2.1.4.1.97|2|2\n5.1.2.1.5.1.97|2|0", [("a", None, [])], id="off"),
        pytest.param(
            "5.1.2.1.1.1.97|4|a\n5.3.2.1.1.1.97.1.98.80|4|a\n5.3.2.1.1.1.97.1.99.80|4|a\n"
            "5.3.2.1.3.1.97.1.99.80|4x|00000000",
            [("a", None, [])],
            id="members without an address",
        ),
        pytest.param(
            "5.1.2.1.1.1.97|4|a\n5.3.2.1.1.1.97.1.98.80|4|a\n5.3.2.1.3.1.97.1.98.80|4x|c000020b\n"
            "5.3.2.1.4.1.97.1.98.80|66|70000",
            [("a", None, [("192.0.2.11", 0, True)])],
            id="a port that there is not, of a member of which nobody knows whether it is enabled",
        ),
    ],
)
def test_what_agents_leave_out(
    lines: str, expected: list[tuple[str, int | None, list[tuple[str, int, bool]]]], tmp_path: Path
) -> None:
    found = answers(tmp_path, SYSTEM + "".join(f"4.1.3375.2.2.{line}\n" for line in lines.splitlines()))
    got = [(p.name, p.needed, [(m.address, m.port, m.is_enabled) for m in p.members]) for p in pools(found, "d")]

    assert got == expected
