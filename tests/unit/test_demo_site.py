"""The demo site: what it says, what its agents answer, and how mistakes in it are named."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from cmdb.demo.families import families
from cmdb.demo.manual import describe, identifier, manual_report
from cmdb.demo.render import render
from cmdb.demo.serve import Secrets, serve_site, write_scopes
from cmdb.demo.site import BUILT_IN, Site, load_site
from cmdb.errors import Invalid
from cmdb.model.registry import load_model
from cmdb.observation import Report, path_of
from collectors.responders import ber, pdu
from collectors.responders.agent import Agent
from collectors.responders.responder import Responder
from tests.unit.wire import ask, reply

AT = 1_795_000_000_000

Edit = Callable[[str, str], Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Writes the built-in site with one text replaced."""

    def write(old: str, new: str) -> Path:
        text = BUILT_IN.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the site"
        file = tmp_path / "site.yaml"
        file.write_text(text.replace(old, new), encoding="utf-8")
        return file

    return write


def said(site: Site) -> Report:
    return manual_report(site, AT, load_model())


def links(report: Report) -> set[tuple[str, str, str]]:
    return {(path_of(o), link.type, link.to) for o in report.observations for link in o.links}


def feeds(site: Site, device: str) -> set[str]:
    """Devices that a device is said to be powered by, by name."""
    names = {identifier(d): d.name for d in site.devices.values()}
    own = identifier(site.devices[device])
    return {names[to] for from_, type_, to in links(said(site)) if from_ == own and type_ == "POWERED_BY"}


def test_the_site_is_what_it_is_said_to_be() -> None:
    site = load_site()
    kinds = [d.said.family for d in site.devices.values()]
    services = [ci.name for ci in site.content.services if ci.ci_class == "Service"]

    assert {k: kinds.count(k) for k in kinds} == {
        "cisco-c9500": 2,
        "cisco-c9200l": 4,
        "fortigate-100f": 2,
        "apc-srt5000": 2,
        "apc-ap8959": 2,
        "debian-12": 8,
        "hp-laserjet": 1,
    }
    assert services == ["Web shop", "E-mail", "ERP"]
    assert {d.said.snmp for d in site.devices.values()} == {"v2c", "v3"}
    assert set(families()) == set(kinds)


def test_only_documentation_addresses_are_used() -> None:
    documentation = re.compile(r"192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8:|127\.|::1$")
    addresses = {str(a.ip) for d in load_site().devices.values() for p in d.ports for a in p.addresses}

    assert len(addresses) > 25
    assert not [a for a in addresses if not documentation.match(a)]


def test_the_two_access_switches_of_rack_1_hang_on_one_ups_and_the_file_can_mend_that(edited: Edit) -> None:
    before = load_site()
    acc_2 = "mac: 4c:01:43:7b:68:00\n    snmp: v3\n    rack: Rack 1\n    power: [pdu-a]"
    after = load_site(edited(acc_2, acc_2.replace("pdu-a", "pdu-b")))

    assert feeds(before, "acc-1") == feeds(before, "acc-2") == {"pdu-a"}
    assert feeds(before, "pdu-a") == {"ups-a"}
    assert (feeds(after, "acc-1"), feeds(after, "acc-2")) == ({"pdu-a"}, {"pdu-b"})
    assert links(said(before)) ^ links(said(after)) == {
        (identifier(before.devices["acc-2"]), "POWERED_BY", identifier(before.devices[pdu]))
        for pdu in ("pdu-a", "pdu-b")
    }


def test_manual_observations_say_cables_power_software_services_requirements_and_roots() -> None:
    site = load_site()
    report = said(site)
    by_path = {path_of(o): o for o in report.observations}
    key = {name: identifier(device) for name, device in site.devices.items()}
    told = links(report)

    assert (report.source, report.target, report.at, report.complete) == ("manual", "harbour-street", AT, True)
    assert (f"{key['acc-1']}|Interface|Te1/1/1", "CONNECTED_TO", f"{key['core-1']}|Interface|Twe1/0/1") in told
    assert (key["db-1"], "POWERED_BY", key["pdu-b"]) in told
    assert (f"{key['web-1']}|SoftwareInstance|nginx", "DEPENDS_ON", "cluster:harbour-street/shop-database") in told
    assert (f"{key['db-2']}|SoftwareInstance|postgresql", "MEMBER_OF", "cluster:harbour-street/shop-database") in told
    assert ("service:web-shop", "DEPENDS_ON", f"{key['web-2']}|SoftwareInstance|nginx") in told
    assert ("service:web-shop|Requirement|internet", "PROVIDED_BY", key["fw-1"]) in told
    assert by_path["service:web-shop|Requirement|internet"].attributes == {
        "name": "internet",
        "needed": 1,
        "on_loss": "at_risk",
        "pass": "needed",
    }
    assert by_path["service:web-shop"].attributes == {"name": "Web shop", "criticality": 4, "user_facing": True}
    assert {o.attributes["name"] for o in report.observations if o.attributes.get("root_of") == ["lan"]} == {
        "core-1",
        "core-2",
    }


def test_parents_stand_before_their_parts_and_far_ends_are_ports_that_agents_show() -> None:
    site = load_site()
    seen: set[str] = set()
    for observation in said(site).observations:
        assert observation.parent is None or observation.parent in seen
        seen.add(path_of(observation))
    shown = {f"{identifier(d)}|Interface|{p.name}" for d in site.devices.values() for p in d.ports}
    ports = {o for o in seen if "|Interface|" in o} | {
        to for _, type_, to in links(said(site)) if type_ == "CONNECTED_TO"
    }

    assert ports <= shown
    assert len(ports) == 2 * len(site.cables)


def test_the_question_is_in_the_file_and_the_answer_is_not() -> None:
    site = load_site()
    asked = describe(site)

    assert (asked.seed, asked.kind, asked.service, asked.service_key) == (
        "ups-a",
        "DOWN",
        "Web shop",
        "service:web-shop",
    )
    assert asked.seed_key == identifier(site.devices["ups-a"])
    assert not [word for word in ("acc-1", "acc-2", "pdu", "single point", "answer") if word in asked.text.lower()]


@pytest.mark.parametrize("name", list(load_site().devices))
def test_every_device_answers_a_whole_walk(name: str) -> None:
    device = load_site().devices[name]
    mib = render(device)
    agent = Responder(Agent(mib, ("public",)))
    oid: ber.Oid = (1, 3)
    walked: list[tuple[ber.Oid, int, ber.Value]] = []
    while not walked or walked[-1][1] != ber.END_OF_MIB_VIEW:
        walked += reply(agent.answer(ask(pdu.GET_BULK, [oid], 0, 50)))[2]
        oid = walked[-1][0]
    values = {oid: value for oid, tag, value in walked if tag != ber.END_OF_MIB_VIEW}

    assert list(values) == mib.oids
    assert values[(1, 3, 6, 1, 2, 1, 1, 5, 0)] == name.encode()
    assert values[(1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0)] == device.engine_id
    if_index = {v for oid, v in values.items() if oid[:10] == (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)}
    assert if_index == {p.index for p in device.ports}
    assert not device.said.serial or device.said.serial.encode() in [v for v in values.values() if isinstance(v, bytes)]


def test_interfaces_tell_what_is_cabled() -> None:
    device = load_site().devices["acc-1"]
    status = {e.oid[-1]: e.value for e in render(device).entries if e.oid[:10] == (1, 3, 6, 1, 2, 1, 2, 2, 1, 8)}
    up = {p.name for p in device.ports if status[p.index] == 1}

    assert up == {"Te1/1/1", "Te1/1/2", "Gi1/0/1", "Gi1/0/2", "Gi1/0/3", "Gi1/0/4", "Vl99"}


def test_the_scope_of_the_served_site_says_how_to_reach_it(tmp_path: Path) -> None:
    site, secrets = load_site(), Secrets()

    async def serve_and_write() -> tuple[Path, dict[str, int]]:
        async with serve_site(site, secrets) as running:
            return write_scopes(site, running, secrets, tmp_path / "secrets"), {n: a.port for n, a in running.items()}

    file, ports = asyncio.run(serve_and_write())
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    targets = [t for scope in content["scope"] for t in scope["target"]]
    credentials = {c["name"]: c for c in content["credential"]}

    assert {t["name"]: t["snmp_port"] for t in targets} == ports
    assert {t["address"] for t in targets} == {"127.0.0.1"}
    assert (credentials["demo-v3"]["auth"], credentials["demo-v3"]["priv"]) == ("SHA-256", "AES-128")
    for reference, secret in (
        (credentials["demo-v3"]["auth_secret"], secrets.auth),
        (credentials["demo-v3"]["priv_secret"], secrets.priv),
        (credentials["demo-v2c"]["community"], secrets.community),
    ):
        held = Path(reference.removeprefix("file:"))
        assert held.read_text(encoding="utf-8") == secret
        assert stat.S_IMODE(os.stat(held).st_mode) == 0o600
        assert secret not in file.read_text(encoding="utf-8") + repr(secrets)


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ("    serial: AS2107294411\n", "    serail: AS2107294411\n", "devices.ups-a.serail", "unknown key"),
        ("    rack: Office\n", "    rack: [Office]\n", "devices.printer-1.rack", "valid string, found a list"),
        (
            "  printer-1:\n    family: hp-laserjet",
            "  printer-1:\n    family: hp-laserjt",
            "devices.printer-1.family",
            "hp-laserjet",
        ),
        ("power: [ups-b]", "power: [upsb]", "devices.pdu-b.power[0]", "did you mean ups-b"),
        ("power: [ups-b]", "power: [web-1]", "devices.pdu-b.power[0]", "it feeds nothing"),
        ("- [printer-1:eth0, acc-4:Gi1/0/20]", "- [printer-1:eth0]", "cables[30]", "at least 2 items"),
        ("acc-4:Gi1/0/20]", "acc-4:Gi1/0/25]", "cables[30][1]", "acc-4 has no port 'Gi1/0/25'"),
        ("acc-4:Gi1/0/20]", "acc-4:Gi1/0/4]", "cables[30][1]", "already has the cable of cables[29]"),
        ("acc-4:Gi1/0/20]", "acc-9:Gi1/0/4]", "cables[30][1]", "no device 'acc-9'"),
        ("vmac0: [198.51.100.84/27]", "vmac0: [198.51.100.841/27]", "devices.pdu-b.addresses.vmac0[0]", "no address"),
        (
            "vmac0: [198.51.100.84/27]",
            "vmac0: [198.51.100.83/27]",
            "devices.pdu-b.addresses.vmac0",
            "also belongs to pdu-a",
        ),
        (
            "vmac0: [198.51.100.84/27]",
            "vmac1: [198.51.100.84/27]",
            "devices.pdu-b.addresses.vmac1",
            "no such interface",
        ),
        ("serial: AS2107294436", "serial: AS2107294411", "devices.ups-b.serial", "also belongs to ups-a"),
        ("  seed: ups-a\n", "  seed: ups-c\n", "question.seed", "did you mean ups-"),
        ("  service: Web shop\n", "  service: Webshop\n", "question.service", "did you mean Web shop"),
        ("name: harbour-street\n", "", "name", "is missing"),
        ("name: harbour-street\n", "name: a\nname: b\n", "line 5, column 1", "a second time"),
        ("cables:\n", "cables: [\n", "line 200, column 3", "expected"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(edited: Edit, old: str, new: str, key: str, what: str) -> None:
    file = edited(old, new)

    with pytest.raises(Invalid) as refused:
        load_site(file)

    assert f"{file}: {key}" in str(refused.value)
    assert what in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ("    name: ERP\n", "    name: ERP\n    colour: red\n", "services[3].colour", "unknown key"),
        ("identifiers: [service:erp]", "identifiers: [servce:erp]", "services[3].identifiers[0]", "service"),
        ("kind: standby", "kind: standbye", "services[0].attributes.kind", "standby"),
        ("needed: 1}\n", "neded: 1}\n", "services[0].attributes.neded", "needed"),
    ],
)
def test_a_mistake_in_a_service_is_named_with_file_and_key(
    edited: Edit, old: str, new: str, key: str, what: str
) -> None:
    file = edited(old, new)

    with pytest.raises(Invalid) as refused:
        said(load_site(file))

    assert f"{file}: {key}" in str(refused.value)
    assert what in str(refused.value)


def test_the_report_is_the_same_each_time() -> None:
    assert said(load_site()) == said(load_site())
