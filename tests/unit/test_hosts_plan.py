"""Reports of hosts in a graph: who meets whom, and what a visit without rights leaves as it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from cmdb.observation import Identifier, Link, Observation, Report, path_of
from collectors.facts import Facts
from collectors.hosts.interpret import interpret
from collectors.hosts.read import read_host
from collectors.sessions import connect
from collectors.transport.commands_recording import HOST, RecordedCommands
from collectors.transport.host_replay import open_host_replay
from tests.unit.world import World

GOLDEN = Path(__file__).parent.parent / "golden" / "hosts"


def visit(case: str, target: str, at: int = 1) -> tuple[Report, Facts]:
    session = open_host_replay(RecordedCommands(target, "10.20.0.11", GOLDEN / case / "recording.ssh", HOST))
    return interpret(target, session.address, asyncio.run(read_host(session)), at)


def with_sessions(report: Report, facts: Facts) -> Report:
    """A report with the links that the sessions of its own host give."""
    said: dict[str, list[Link]] = {}
    for near, link, *_ in connect([report], [facts])[report.source, report.target]:
        said.setdefault(near, []).append(link)
    observations = tuple(
        msgspec.structs.replace(o, links=(*o.links, *said.get(path_of(o), ()))) for o in report.observations
    )
    return msgspec.structs.replace(report, observations=observations)


def instances(world: World) -> dict[str, str | None]:
    """Products by local keys."""
    return {
        ci.local_key: ci.attributes.get("product") for ci in world.cis.values() if ci.ci_class == "SoftwareInstance"
    }


def test_a_report_is_taken_as_it_is_and_once() -> None:
    world = World()
    report = with_sessions(*visit("debian", "app-1"))
    draft = world.ingest(report)
    world.ingest(msgspec.structs.replace(report, at=2))

    assert draft.problems == []
    assert world.commits == 1


def test_sessions_link_software_to_software() -> None:
    world = World()
    world.ingest(with_sessions(*visit("debian", "app-1")))
    key = {ci.id: ci.local_key for ci in world.cis.values()}
    links = {link for ci in world.cis.values() for link in ci.links}
    found = {(key[source], key[target]) for source, type_, target in links if type_ == "CONNECTS_TO"}

    assert found == {("tcp-80", "tcp-8000"), ("tcp-8000", "tcp-5432")}


def test_rights_name_the_instances_that_were_there_and_losing_them_takes_none_away() -> None:
    world = World()
    world.ingest(visit("debian-unprivileged", "app-1", 1)[0])
    hidden = instances(world)
    world.ingest(visit("debian", "app-1", 2)[0])
    shown = instances(world)
    world.ingest(visit("debian-unprivileged", "app-1", 3)[0])
    gone = [ci.local_key for ci in world.cis.values() if ci.status != "in_service"]

    assert hidden["tcp-8000"] is None
    assert shown["tcp-8000"] == "billing"
    assert set(shown) == set(hidden)
    assert gone == []


def test_snmp_and_ssh_of_one_target_are_one_device() -> None:
    world = World()
    key = "engine-id:80001f8880aabbccddee"
    agent = Observation("Computer", key, {"name": "app-1"}, (Identifier(key), Identifier("target:app-1", strong=False)))
    port = Observation("Interface", "bond0", {"name": "bond0"}, parent=key)
    world.ingest(Report("snmp", "app-1", 1, (agent, port)))
    world.ingest(visit("debian", "app-1", 2)[0])

    assert [ci.ci_class for ci in world.cis.values() if ci.ci_class == "Computer"] == ["Computer"]
    assert len([ci for ci in world.cis.values() if ci.local_key == "bond0"]) == 1


def test_an_agent_that_says_switch_beats_a_shell() -> None:
    world = World()
    key = "engine-id:80001f8880aabbccddef"
    agent = Observation(
        "NetworkDevice", key, {"name": "app-1"}, (Identifier(key), Identifier("target:app-1", strong=False))
    )
    world.ingest(Report("snmp", "app-1", 1, (agent,)))
    world.ingest(visit("debian", "app-1", 2)[0])

    found = [ci.ci_class for ci in world.cis.values() if ci.ci_class in ("Computer", "NetworkDevice")]

    assert found == ["NetworkDevice"]
