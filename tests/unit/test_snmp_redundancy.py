"""Routers behind a common address: recordings of pairs with what must come of them, and agents that tell half of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cmdb.model.registry import Model
from cmdb.observation import Link, Observation, Report, path_of
from collectors.snmp.interpret import interpret
from collectors.snmp.reads import HSRP
from collectors.transport.answers import Outcome, Walk
from tests.unit.snmp_answers import AT, answers, of_class, read, report

GOLDEN = Path(__file__).parent.parent / "golden" / "redundancy"
CASES = sorted(f"{recording.parent.name}/{recording.stem}" for recording in GOLDEN.glob("*/*.snmprec"))

ROUTER = """
2.1.1.1.0|4|Example router
2.1.1.2.0|6|1.3.6.1.4.1.99999.2
2.1.1.5.0|4|gw-1
2.1.2.2.1.2.1|4|eth1
2.1.4.20.1.2.192.0.2.2|2|1
2.1.4.20.1.3.192.0.2.2|64|255.255.255.0
"""


def told(case: str) -> Report:
    name = case.partition("/")[2]
    return interpret(name, "", read(GOLDEN / f"{case}.snmprec"), AT)


def as_json(o: Observation) -> dict[str, Any]:
    links = [f"{n.type} {n.to} by {n.method} {json.dumps(n.attributes)}" for n in o.links]
    is_device = o.parent is None and o.role == "self"
    return {"links": links} if is_device else {"role": o.role, "attributes": o.attributes, "links": links}


def groups(found: Report) -> dict[str, dict[str, Any]]:
    """The device and what it tells of its groups; what it says of its own parts is the matter of other tests."""
    return {
        f"{o.ci_class} {path_of(o)}": as_json(o)
        for o in found.observations
        if o.role == "reported" or o.ci_class == "SoftwareInstance" or o is found.observations[0]
    }


def members(tmp_path: Path, lines: str) -> dict[str, tuple[str, int]]:
    """Groups of a router with these lines: by whom it was told, and the weight of the router."""
    found = report(tmp_path, ROUTER + lines)
    return {n.to: (n.method, n.attributes.get("weight", 1)) for n in found.observations[0].links}


@pytest.mark.parametrize("case", CASES)
def test_a_recording_gives_the_expected_groups(case: str, model: Model, request: pytest.FixtureRequest) -> None:
    found = told(case)
    got = groups(found)
    expected = GOLDEN / f"{case}.expected.json"
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(json.dumps(got, indent=1, ensure_ascii=False) + "\n", "utf-8")

    assert got == json.loads(expected.read_text("utf-8"))
    assert all(model.check_attributes(o.ci_class, o.attributes)[1] == [] for o in found.observations)
    assert found.complete
    assert "groups" in found.tables


@pytest.mark.parametrize("pair", ["hsrp-pair", "vrrp-pair"])
def test_both_routers_call_a_group_alike(pair: str) -> None:
    first, second = (told(case) for case in CASES if case.startswith(pair))
    said = [[o for o in r.observations if o.role == "reported"] for r in (first, second)]
    named = [[(o.ci_class, path_of(o), o.attributes) for o in one] for one in said]

    assert named[0] == named[1]
    assert {n.to for n in first.observations[0].links} == {n.to for n in second.observations[0].links}
    assert {i.key for i in first.observations[0].identifiers if i.strong}.isdisjoint(
        i.key for i in second.observations[0].identifiers
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param("4.1.9.9.106.1.2.1.1.15.1.10|2|6", {}, id="HSRP without its virtual address"),
        pytest.param(
            "4.1.9.9.106.1.2.1.1.11.1.10|64|0.0.0.0\n4.1.9.9.106.1.2.1.1.15.1.10|2|2", {}, id="HSRP still to learn it"
        ),
        pytest.param(
            "4.1.9.9.106.1.2.1.1.11.1.10|64|192.0.2.1\n4.1.9.9.106.1.2.1.1.15.1.10|2|1",
            {"cluster:hsrp:10@192.0.2.1": ("hsrp", 0)},
            id="HSRP on a port that is down",
        ),
        pytest.param(
            "4.1.9.9.106.1.2.1.1.11.1.10|64|192.0.2.1\n4.1.9.9.106.1.2.1.1.15.1.10|2|99",
            {"cluster:hsrp:10@192.0.2.1": ("hsrp", 1)},
            id="HSRP in a state that nobody knows",
        ),
        pytest.param(
            "4.1.9.9.106.1.2.1.1.11.1.0|64|192.0.2.1\n4.1.9.9.106.1.2.1.1.15.1.0|2|3\n4.1.9.9.106.1.2.1.1.15.1.0.7|2|6",
            {"cluster:hsrp:0@192.0.2.1": ("hsrp", 1)},
            id="HSRP with a row of another form",
        ),
        pytest.param("2.1.68.1.3.1.3.1.10|2|3", {}, id="VRRP without addresses"),
        pytest.param(
            "2.1.68.1.3.1.3.1.10|2|3\n2.1.68.1.4.1.2.1.10.0.0.0.0|2|1\n2.1.68.1.4.1.2.1.10.192.0.2|2|1",
            {},
            id="VRRP with addresses that are none",
        ),
        pytest.param(
            "2.1.68.1.3.1.3.1.10|2|3\n2.1.68.1.4.1.2.1.10.192.0.2.1|2|2\n2.1.68.1.4.1.2.1.10.192.0.2.9|2|1",
            {"cluster:vrrp:10@192.0.2.9": ("vrrp", 1)},
            id="VRRP with an address out of service",
        ),
        pytest.param("2.1.68.1.4.1.2.1.10.192.0.2.1|2|1", {}, id="VRRP addresses of a group that there is not"),
        pytest.param(
            "2.1.68.1.3.1.3.1.10|2|3\n2.1.68.1.3.1.4.1.10|2|2\n2.1.68.1.4.1.2.1.10.192.0.2.1|2|1",
            {"cluster:vrrp:10@192.0.2.1": ("vrrp", 0)},
            id="VRRP shut by somebody",
        ),
        pytest.param(
            "2.1.68.1.3.1.3.1.10|2|1\n2.1.68.1.4.1.2.1.10.192.0.2.1|2|1\n"
            "2.1.207.1.1.1.1.6.1.10.1|2|3\n2.1.207.1.1.2.1.2.1.10.1.4.192.0.2.1|2|1",
            {"cluster:vrrp:10@192.0.2.1": ("vrrp", 1)},
            id="VRRP told by both MIBs, one of which knows no state",
        ),
        pytest.param(
            "2.1.207.1.1.1.1.6.1.10.2|2|3\n2.1.207.1.1.2.1.2.1.10.2.16.254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1|2|1",
            {},
            id="VRRP with a link-local address in a network that nobody knows",
        ),
        pytest.param(
            "2.1.207.1.1.1.1.6.1.10.2|2|3\n2.1.207.1.1.2.1.2.1.10.2.0|2|1", {}, id="VRRP with an empty address"
        ),
    ],
)
def test_a_group_needs_an_address_and_a_member_counts_while_it_can_take_over(
    lines: str, expected: dict[str, tuple[str, int]], tmp_path: Path
) -> None:
    assert members(tmp_path, lines) == expected


def test_a_link_local_group_is_named_with_its_network(tmp_path: Path) -> None:
    lines = """
    2.1.55.1.8.1.2.1.16.32.1.13.184.0.1.0.0.0.0.0.0.0.0.0.2|2|64
    2.1.55.1.8.1.3.1.16.32.1.13.184.0.1.0.0.0.0.0.0.0.0.0.2|2|2
    2.1.207.1.1.1.1.6.1.10.2|2|3
    2.1.207.1.1.2.1.2.1.10.2.16.254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1|2|1
    """
    found = report(tmp_path, ROUTER + lines)

    assert [o.key for o in of_class(found, "Cluster")] == ["cluster:vrrp:10@fe80::1%2001:db8:1::/64"]
    assert [o for o in of_class(found, "IPAddress") if o.parent is None] == []


def test_a_table_that_could_not_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    cut = answers(tmp_path, ROUTER)
    state = HSRP.columns["state"]
    cut.tables[state] = Walk(state, Outcome.TIMEOUT)
    found = interpret("lab-1", "", cut, AT)

    assert not found.complete
    assert found.observations[0].links == ()
    assert "groups" not in found.tables


def test_authentication_strings_are_not_read(tmp_path: Path) -> None:
    found = answers(
        tmp_path,
        ROUTER
        + """
        4.1.9.9.106.1.2.1.1.2.1.10|4|sesame
        4.1.9.9.106.1.2.1.1.11.1.10|64|192.0.2.1
        4.1.9.9.106.1.2.1.1.15.1.10|2|6
        2.1.68.1.3.1.3.1.10|2|3
        2.1.68.1.3.1.10.1.10|4|sesame
        """,
    )

    assert "sesame" not in repr(found)
    assert Link("MEMBER_OF", "cluster:hsrp:10@192.0.2.1", {}, "hsrp") in interpret(
        "lab-1", "", found, AT
    ).observations[0].links  # fmt: skip
