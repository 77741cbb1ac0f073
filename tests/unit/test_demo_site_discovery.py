"""The demo site and the collectors: discovery finds what the file says, and what manual observations speak of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from cmdb.demo.known import write_known_hosts
from cmdb.demo.manual import identifier
from cmdb.demo.render import render
from cmdb.demo.serve import Secrets, serve_site, write_scopes
from cmdb.demo.shell import sections
from cmdb.demo.site import BUILT_IN, Site, load_site
from cmdb.observation import Observation, Report, path_of
from collectors.approaches import Work
from collectors.discover import State, TargetResult, Told, collect
from collectors.hosts.interpret import interpret as interpret_host
from collectors.hosts.read import SCRIPT
from collectors.relations import related
from collectors.scopes import load_scopes
from collectors.snmp.interpret import interpret
from collectors.snmp.read import read_device
from collectors.snmp.surroundings import surroundings
from collectors.targets import LiveTarget, Means
from collectors.transport.answers import Varbind
from collectors.transport.client import Client
from collectors.transport.host_answers import HostAnswers, Section
from collectors.transport.hostkeys import HostKeys
from collectors.transport.recording import Recording, format_line
from collectors.transport.replay import ReplaySession
from collectors.transport.ssh import SshClient

AT = 1_795_000_000_000


AGENTS = [d.name for d in load_site().devices.values() if d.said.snmp]
HOSTS = [d.name for d in load_site().devices.values() if d.family.shell]


def over_snmp(name: str) -> Told:
    """What an agent of the site tells when it is read from its varbinds."""
    site = load_site()
    lines = b"\n".join(format_line(Varbind(e.oid, e.tag, e.value)) for e in render(site, site.devices[name]).entries)
    answers = asyncio.run(read_device(ReplaySession(name, "127.0.0.1", Recording(lines), {})))
    return Told(interpret(name, "127.0.0.1", answers, AT), surroundings(name, "127.0.0.1", answers, AT), "127.0.0.1")


def over_ssh(name: str, site: Site | None = None) -> Told:
    """What a host of the site tells, section by section."""
    site = site or load_site()
    told = sections(site, site.devices[name])
    found = {c.name: Section(c.name, c.shell, told[n][0], "", told[n][1]) for n, c in enumerate(SCRIPT)}
    return Told(*interpret_host(name, "127.0.0.1", HostAnswers(found), AT), "127.0.0.1")


@cache
def everything() -> tuple[list[Report], list[Report]]:
    """All that the site tells, and what follows from that together."""
    told = [*map(over_snmp, AGENTS), *map(over_ssh, HOSTS)]
    return [one.report for one in told], list(related(told, whole=True, recall=lambda keys: []))


def ties(reports: Iterable[Report]) -> set[tuple[str, str, str]]:
    """Links by name: source, type and target, with the part of a path that is in a device behind its name."""
    names = {identifier(d): d.name for d in load_site().devices.values()}

    def called(path: str) -> str:
        head, bar, rest = path.partition("|")
        return names.get(head, head) + bar + rest

    keys = {i.key: identifier(load_site().devices[r.target]) for r in reports for i in own(r).identifiers if i.strong}
    found = set()
    for report in reports:
        for o in report.observations:
            for link in o.links:
                ends = []
                for end in (path_of(o), link.to):
                    head, bar, rest = end.partition("|")
                    ends.append(called(keys.get(head, head) + bar + rest))
                found.add((ends[0], link.type, ends[1]))
    return found


def own(report: Report) -> Observation:
    """The device that a report is about; in a report of links the first one mentioned may be another."""
    return next((o for o in report.observations if o.parent is None and o.role == "self"), report.observations[0])


@pytest.mark.parametrize("name", AGENTS)
def test_agents_show_what_the_site_says(name: str) -> None:
    device = load_site().devices[name]
    report = over_snmp(name).report
    found = own(report)

    assert report.complete
    assert found.ci_class == device.family.ci_class
    assert found.attributes["name"] == name
    assert found.attributes["os_version"] == device.family.os_version
    assert {o.key for o in report.observations if o.ci_class == "Interface"} == {p.name for p in device.ports}
    if not device.family.shell:  # what hosts tell over SNMP names no hardware
        assert found.attributes.get("serial_number") == device.said.serial
        assert found.attributes.get("model", "") == device.family.model
        assert identifier(device) in {i.key for i in found.identifiers if i.strong}


@pytest.mark.parametrize("name", HOSTS)
def test_hosts_show_what_the_site_says(name: str) -> None:
    device = load_site().devices[name]
    report = over_ssh(name).report
    found = own(report)
    programs = {o.key: o.attributes for o in report.observations if o.ci_class == "SoftwareInstance"}

    assert report.complete
    assert {"system", "interfaces", "addresses", "packages", "listeners", "listener_processes", "serials"} <= set(
        report.tables
    )
    assert found.ci_class == device.family.ci_class
    assert found.attributes["name"] == name
    assert found.attributes["model"] == device.family.model
    assert identifier(device) in {i.key for i in found.identifiers if i.strong}
    assert {o.key for o in report.observations if o.ci_class == "Interface"} == {p.name for p in device.ports}
    assert set(programs) == {software.key for software in device.said.software.values()}
    assert {tuple(p["listen"]) for p in programs.values()} == {
        tuple(sorted(s.listen)) for s in device.said.software.values()
    }
    assert all(p["version"] for p in programs.values())


def test_programs_are_known_by_their_products() -> None:
    told = {
        o.attributes["product"]: o.attributes["kind"]
        for name in HOSTS
        for o in over_ssh(name).report.observations
        if o.ci_class == "SoftwareInstance"
    }

    assert told == {
        "openssh": "other",
        "nginx": "web_server",
        "tomcat": "application_server",
        "postgresql": "database",
        "redis": "cache",
        "rabbitmq": "message_broker",
        "unbound": "dns",
        "postfix": "other",
    }


def test_roles_are_discovered_not_written_down() -> None:
    told = {name: set(own(over_snmp(name).report).attributes["roles"]) for name in AGENTS}
    hosts = {name: set(own(over_ssh(name).report).attributes["roles"]) for name in ("web-1", "hv-1", "app-1")}

    assert told["core-1"] == {"switch", "router"}
    assert told["acc-1"] == {"switch"}
    assert "firewall" in told["fw-1"]
    assert (told["ups-a"], told["pdu-a"], told["printer-1"]) == ({"ups"}, {"pdu"}, {"printer"})
    assert hosts == {"web-1": {"server"}, "hv-1": {"hypervisor", "server"}, "app-1": {"server"}}


def test_every_cable_of_the_site_is_discovered_and_no_other() -> None:
    _, links = everything()
    cables = {frozenset((a, b)) for a, type_, b in ties(links) if type_ == "CONNECTED_TO"}

    site = load_site()
    told = {frozenset(f"{device}|Interface|{port}" for device, port in cable) for cable in site.cables}
    alone = {frozenset((place(one.port), f"mac:{one.mac}|Interface|{one.mac}")) for one in site.content.silent}
    assert cables == told | alone


def place(port: str) -> str:
    """`acc-3:Gi1/0/20` of the file as a path."""
    device, _, name = port.partition(":")
    return f"{device}|Interface|{name}"


def test_who_talks_to_whom_is_discovered() -> None:
    site = load_site()
    _, links = everything()
    calls = {(a, b) for a, type_, b in ties(links) if type_ == "CONNECTS_TO"}
    said = {
        (f"{name}|SoftwareInstance|{software.key}", call)
        for name, device in site.devices.items()
        for software in device.said.software.values()
        for call in software.calls
    }

    assert calls == {
        (near, f"{far}|SoftwareInstance|{site.devices[far].said.software[program].key}")
        for near, call in said
        for far, _, program in [call.partition(":")]
    }
    assert len(calls) == 16


def test_machines_run_on_the_hypervisor_that_the_site_says_and_move_with_it(tmp_path: Path) -> None:
    text = BUILT_IN.read_text(encoding="utf-8")
    app_1 = "runs_on: hv-1\n    addresses: {ens18: [192.0.2.61/25]}"
    file = tmp_path / "site.yaml"
    file.write_text(text.replace(app_1, app_1.replace("hv-1", "hv-2")), encoding="utf-8")
    before, after = (
        {
            (o.attributes["name"], name, link.type)
            for name in ("hv-1", "hv-2")
            for o in over_ssh(name, site).report.observations
            for link in o.links
            if o.ci_class == "VirtualMachine"
        }
        for site in (load_site(), load_site(file))
    )

    assert len(before) == 8
    assert before ^ after == {("app-1", "hv-1", "RUNS_ON"), ("app-1", "hv-2", "RUNS_ON")}


def test_a_thing_that_is_silent_is_seen_on_its_port_only() -> None:
    _, links = everything()

    assert {(a, b) for a, type_, b in ties(links) if type_ == "SEEN_ON"} == {
        ("mac:a4:cf:12:9e:77:03", "acc-3|Interface|Gi1/0/20")
    }


def test_ports_between_switches_carry_all_vlans_and_aggregates_stand_for_their_members() -> None:
    reports, links = everything()
    told = ties(links)
    vlans = {
        (o.attributes["vlan_id"], o.attributes["name"]) for r in links for o in r.observations if o.ci_class == "VLAN"
    }
    of_core = {a for a, type_, b in told if type_ == "MEMBER_OF" and a.startswith("core-1|") and b.endswith(":99")}

    assert vlans == {(10, "servers"), (20, "office"), (99, "management")}
    assert of_core == {f"core-1|Interface|{port}" for port in ("Po1", *(f"Twe1/0/{n}" for n in range(1, 5)))}
    assert {(a, b) for a, type_, b in ties(reports) if type_ == "MEMBER_OF" and a.startswith("core-")} == {
        (f"core-{n}|Interface|Hu1/0/{port}", f"core-{n}|Interface|Po1") for n in (1, 2) for port in (25, 26)
    }


def test_the_scopes_that_the_site_writes_are_ones_that_discovery_reads(tmp_path: Path) -> None:
    site = load_site()

    async def serve_and_write() -> Path:
        secrets = Secrets()
        async with serve_site(site, secrets, tmp_path) as served:
            return write_scopes(site, served, secrets, tmp_path)

    targets = load_scopes(asyncio.run(serve_and_write())).targets()
    asked = {t.name: (t.protocols, [c.name for c in t.credentials]) for t in targets}

    assert set(asked) == set(site.devices)
    assert asked["acc-1"] == (("snmp",), ["demo-v3"])
    assert asked["ups-a"] == (("snmp",), ["demo-v2c"])
    assert asked["app-1"] == (("ssh",), ["demo-ssh"])
    assert asked["hv-1"] == (("snmp", "ssh"), ["demo-v3", "demo-ssh"])


def discover_live(folder: Path, names: set[str], served: Secrets, known: Secrets) -> dict[str, TargetResult]:
    """What discovery with `known` secrets makes of devices of the site that are served with other or the same ones."""
    site = load_site()

    async def run() -> dict[str, TargetResult]:
        async with serve_site(site, served, folder) as running:
            specs = load_scopes(write_scopes(site, running, known, folder)).targets()
            write_known_hosts(folder / "known_hosts", running.hosts)
            ssh = SshClient(HostKeys(folder / "known_hosts"))
            means = Means(Work(read_device, lambda *said: (interpret(*said), None), lambda: AT), Client(), ssh)
            targets = [LiveTarget(spec, means) for spec in specs if spec.name in names]
            results = await collect(targets)
            ssh.close()
            return {r.target: r for r in results}

    return asyncio.run(run())


def test_devices_are_discovered_over_version_2c_version_3_and_ssh(tmp_path: Path) -> None:
    secrets, site = Secrets(), load_site()
    names = {"acc-1", "ups-a", "app-1", "hv-1"}

    results = discover_live(tmp_path, names, secrets, secrets)

    assert {name: (r.state, r.reason) for name, r in results.items()} == dict.fromkeys(names, (State.OK, ""))
    assert [told.report.source for told in results["hv-1"].told] == ["snmp", "ssh"]
    for name, result in results.items():
        keys = {i.key for told in result.told for o in told.report.observations for i in o.identifiers}
        assert identifier(site.devices[name]) in keys


@pytest.mark.parametrize("name", ["acc-1", "app-1"])
def test_a_wrong_key_is_refused(tmp_path: Path, name: str) -> None:
    result = discover_live(tmp_path, {name}, Secrets(), Secrets())[name]

    assert (result.state, result.stage, result.reason) == (State.FAILED, "auth", "WRONG_CREDENTIAL")
    assert result.told == ()
