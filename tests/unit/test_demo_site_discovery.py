"""The demo site and the collectors: what discovery finds is what the manual observations speak of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cmdb.demo.manual import identifier
from cmdb.demo.render import render
from cmdb.demo.serve import Secrets, serve_site, write_scopes
from cmdb.demo.site import load_site
from collectors.approaches import Work
from collectors.discover import State, TargetResult, collect
from collectors.scopes import load_scopes
from collectors.snmp.interpret import interpret
from collectors.snmp.read import read_device
from collectors.targets import LiveTarget, Means
from collectors.transport.answers import Varbind
from collectors.transport.client import Client
from collectors.transport.recording import Recording, format_line
from collectors.transport.replay import ReplaySession

AT = 1_795_000_000_000


@pytest.mark.parametrize("name", list(load_site().devices))
def test_discovery_finds_the_identifier_and_the_interfaces_that_the_manual_observations_name(name: str) -> None:
    device = load_site().devices[name]
    lines = b"\n".join(format_line(Varbind(e.oid, e.tag, e.value)) for e in render(device).entries)
    session = ReplaySession(name, "127.0.0.1", Recording(lines), {})

    report = interpret(name, "127.0.0.1", asyncio.run(read_device(session)), AT)
    found = next(o for o in report.observations if o.parent is None and o.role == "self")

    assert report.complete
    assert found.ci_class == device.family.ci_class
    assert found.attributes["name"] == name
    assert found.attributes["os_version"] == device.family.os_version
    assert found.attributes.get("serial_number") == device.said.serial
    assert found.attributes.get("model", "") == device.family.model
    assert identifier(device) in {i.key for i in found.identifiers if i.strong}
    assert {o.key for o in report.observations if o.ci_class == "Interface"} == {p.name for p in device.ports}


def test_roles_are_discovered_not_written_down() -> None:
    roles = {}
    for name, device in load_site().devices.items():
        lines = b"\n".join(format_line(Varbind(e.oid, e.tag, e.value)) for e in render(device).entries)
        answers = asyncio.run(read_device(ReplaySession(name, "127.0.0.1", Recording(lines), {})))
        roles[name] = set(interpret(name, "127.0.0.1", answers, AT).observations[0].attributes["roles"])

    assert roles["core-1"] == {"switch", "router"}
    assert roles["acc-1"] == {"switch"}
    assert "firewall" in roles["fw-1"]
    assert (roles["ups-a"], roles["pdu-a"]) == ({"ups"}, {"pdu"})
    assert (roles["web-1"], roles["printer-1"]) == ({"server"}, {"printer"})


def test_the_scope_that_the_site_writes_is_one_that_discovery_reads(tmp_path: Path) -> None:
    site = load_site()

    async def serve_and_write() -> tuple[Path, dict[str, int]]:
        async with serve_site(site, Secrets()) as running:
            return write_scopes(site, running, Secrets(), tmp_path), {n: a.port for n, a in running.items()}

    file, ports = asyncio.run(serve_and_write())
    targets = load_scopes(file).targets()

    assert {t.name: t.port for t in targets} == ports
    assert {t.name: [c.name for c in t.credentials] for t in targets} == {
        name: [f"demo-{device.said.snmp}"] for name, device in site.devices.items()
    }


def discover_live(folder: Path, names: set[str], served: Secrets, known: Secrets) -> dict[str, TargetResult]:
    """What discovery with `known` secrets makes of devices of the site that are served with other or the same ones."""
    site = load_site()

    async def run() -> dict[str, TargetResult]:
        async with serve_site(site, served) as running:
            specs = load_scopes(write_scopes(site, running, known, folder)).targets()
            means = Means(Work(read_device, lambda *said: (interpret(*said), None), lambda: AT), Client())
            targets = [LiveTarget(spec, means) for spec in specs if spec.name in names]
            results = await collect(targets)
            return {r.target: r for r in results}

    return asyncio.run(run())


def test_devices_are_discovered_over_version_2c_and_version_3(tmp_path: Path) -> None:
    secrets, site = Secrets(), load_site()

    results = discover_live(tmp_path, {"acc-1", "ups-a"}, secrets, secrets)

    assert {name: (r.state, r.reason) for name, r in results.items()} == {n: (State.OK, "") for n in ("acc-1", "ups-a")}
    for name, result in results.items():
        keys = {i.key for o in result.told[0].report.observations for i in o.identifiers}
        assert identifier(site.devices[name]) in keys


def test_a_wrong_key_is_refused(tmp_path: Path) -> None:
    result = discover_live(tmp_path, {"acc-1"}, Secrets(), Secrets())["acc-1"]

    assert (result.state, result.stage, result.reason) == (State.FAILED, "auth", "WRONG_CREDENTIAL")
    assert result.told == ()
