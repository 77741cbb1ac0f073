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
from cmdb.demo.known import write_known_hosts
from cmdb.demo.manual import describe, identifier, manual_report
from cmdb.demo.programs import programs
from cmdb.demo.render import render
from cmdb.demo.serve import Secrets, Served, hosts, serve_site, write_scopes
from cmdb.demo.site import BUILT_IN, Site, digest_of, load_site
from cmdb.demo.wires import Learned, learned
from cmdb.errors import Invalid
from cmdb.model.registry import load_model
from cmdb.observation import Report, path_of
from collectors.responders import ber, pdu
from collectors.responders.agent import Agent
from collectors.responders.keys import new_key, public_line
from collectors.responders.responder import Responder
from collectors.responders.ssh import RunningHost
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
        "dell-r650": 8,
        "kvm-guest": 8,
        "hp-laserjet": 1,
    }
    assert services == ["Web shop", "E-mail", "ERP"]
    assert {d.said.snmp for d in site.devices.values()} == {"v2c", "v3", None}
    assert set(families()) == set(kinds)
    assert {name for d in site.devices.values() for name in d.said.software} == set(programs())


def test_only_documentation_addresses_are_used() -> None:
    documentation = re.compile(r"192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8:|127\.|::1$")
    addresses = {str(a.ip) for d in load_site().devices.values() for p in d.ports for a in p.addresses}

    assert len(addresses) > 25
    assert not [a for a in addresses if not documentation.match(a)]


def test_the_two_access_switches_of_rack_1_hang_on_one_ups_and_the_file_can_mend_that(edited: Edit) -> None:
    before = load_site()
    acc_2 = "mac: 4c:01:43:7b:68:00\n    snmp: v3\n    rack: Rack 1\n    vlan: 99\n    power: [pdu-a]"
    after = load_site(edited(acc_2, acc_2.replace("pdu-a", "pdu-b")))

    assert feeds(before, "acc-1") == feeds(before, "acc-2") == {"pdu-a"}
    assert feeds(before, "pdu-a") == {"ups-a"}
    assert (feeds(after, "acc-1"), feeds(after, "acc-2")) == ({"pdu-a"}, {"pdu-b"})
    assert links(said(before)) ^ links(said(after)) == {
        (identifier(before.devices["acc-2"]), "POWERED_BY", identifier(before.devices[pdu]))
        for pdu in ("pdu-a", "pdu-b")
    }


def test_manual_observations_say_power_clusters_services_requirements_and_roots() -> None:
    site = load_site()
    report = said(site)
    by_path = {path_of(o): o for o in report.observations}
    key = {name: identifier(device) for name, device in site.devices.items()}
    told = links(report)

    assert (report.source, report.target, report.at, report.complete) == ("manual", "harbour-street", AT, True)
    assert (key["db-1"], "POWERED_BY", key["pdu-b"]) in told
    assert (f"{key['db-2']}|SoftwareInstance|tcp-5432", "MEMBER_OF", "cluster:harbour-street/shop-database") in told
    assert ("service:web-shop", "DEPENDS_ON", f"{key['web-2']}|SoftwareInstance|tcp-443") in told
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


def test_what_is_discovered_is_not_said_by_hand() -> None:
    report = said(load_site())

    assert {type_ for _, type_, _ in links(report)} == {"POWERED_BY", "MEMBER_OF", "DEPENDS_ON", "PROVIDED_BY"}
    assert not [o for o in report.observations if o.ci_class == "SoftwareInstance" and o.attributes]
    assert not [o for o in report.observations if o.ci_class == "Interface"]


def test_parents_stand_before_their_parts() -> None:
    seen: set[str] = set()
    for observation in said(load_site()).observations:
        assert observation.parent is None or observation.parent in seen
        seen.add(path_of(observation))


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


@pytest.mark.parametrize("name", [d.name for d in load_site().devices.values() if d.said.snmp])
def test_every_agent_answers_a_whole_walk(name: str) -> None:
    site = load_site()
    device = site.devices[name]
    mib = render(site, device)
    agent = Responder(Agent(mib, ("public",)))
    oid: ber.Oid = (1, 0)
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
    texts = [v for v in values.values() if isinstance(v, bytes)]
    assert not device.said.serial or device.family.shell or device.said.serial.encode() in texts


def test_interfaces_tell_what_is_cabled() -> None:
    site = load_site()
    device = site.devices["acc-1"]
    status = {e.oid[-1]: e.value for e in render(site, device).entries if e.oid[:10] == (1, 3, 6, 1, 2, 1, 2, 2, 1, 8)}
    up = {p.name for p in device.ports if status[p.index] == 1}

    assert up == {"Te1/1/1", "Te1/1/2", *(f"Gi1/0/{number}" for number in range(1, 6)), "Vl99"}


def test_switches_learn_addresses_along_the_tree_and_hosts_on_one_port_of_two() -> None:
    site = load_site()
    web, thermometer = site.devices["web-1"], site.content.silent[0]
    places = {
        name: {row.mac: row for row in learned(site, site.devices[name])} for name in ("acc-1", "acc-2", "core-2")
    }

    assert places["acc-1"][web.ports[0].mac] == Learned(10, web.ports[0].mac, "Gi1/0/1")
    assert places["acc-2"][web.ports[0].mac].port == "Te1/1/1"
    assert places["core-2"][web.ports[0].mac].port == "Po1"
    assert places["core-2"][thermometer.mac] == Learned(20, thermometer.mac, "Po1")
    assert not [name for name, rows in places.items() if web.ports[1].mac in rows]


def test_the_scopes_of_the_served_site_say_how_to_reach_it(tmp_path: Path) -> None:
    site, secrets, folder = load_site(), Secrets(), tmp_path / "secrets"

    async def serve_and_write() -> tuple[Path, Served]:
        async with serve_site(site, secrets, folder) as served:
            return write_scopes(site, served, secrets, folder), served

    file, served = asyncio.run(serve_and_write())
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    targets = [t for scope in content["scope"] for t in scope["target"]]
    credentials = {c["name"]: c for c in content["credential"]}

    assert [(scope["protocols"], scope["credentials"]) for scope in content["scope"]] == [
        (["snmp"], ["demo-v3"]),
        (["snmp"], ["demo-v2c"]),
        (["ssh"], ["demo-ssh"]),
        (["snmp", "ssh"], ["demo-v3", "demo-ssh"]),
    ]
    assert {t["name"]: t["snmp_port"] for t in targets if "snmp_port" in t} == {
        name: agent.port for name, agent in served.agents.items()
    }
    assert {t["name"]: t["ssh_port"] for t in targets if "ssh_port" in t} == {
        name: host.port for name, host in served.hosts.items()
    }
    assert {t["name"] for t in targets} == set(site.devices)
    assert {t["address"] for t in targets} == {"127.0.0.1"}
    assert (credentials["demo-v3"]["auth"], credentials["demo-v3"]["priv"]) == ("SHA-256", "AES-128")
    for reference, secret in (
        (credentials["demo-v3"]["auth_secret"], secrets.auth),
        (credentials["demo-v3"]["priv_secret"], secrets.priv),
        (credentials["demo-v2c"]["community"], secrets.community),
    ):
        held = Path(reference.removeprefix("file:"))
        assert held.read_text(encoding="utf-8") == secret
        assert secret not in file.read_text(encoding="utf-8") + repr(secrets)
    assert {stat.S_IMODE(os.stat(held).st_mode) for held in folder.glob("demo-*")} == {0o600}
    assert Path(credentials["demo-ssh"]["key_file"]).read_text(encoding="ascii").startswith("-----BEGIN")


def test_hosts_keep_their_keys_and_logins_do_not(tmp_path: Path) -> None:
    first, second = (hosts(load_site(), Secrets(), tmp_path) for _ in range(2))

    assert {n: h.host_key.asbytes() for n, h in first.items()} == {n: h.host_key.asbytes() for n, h in second.items()}
    assert len({h.host_key.asbytes() for h in first.values()}) == len(first) == 16
    assert first["web-1"].key.asbytes() != second["web-1"].key.asbytes()


def test_known_hosts_has_each_key_once_where_it_is_now_and_keeps_what_others_wrote(tmp_path: Path) -> None:
    file, key, other = tmp_path / "known_hosts", new_key(), f"192.0.2.1 {public_line(new_key())}"
    stale = f"[127.0.0.1]:4002 {public_line(new_key())}"
    file.write_text(f"# mine\n{other}\n{stale}\n")

    write_known_hosts(file, {"web-1": RunningHost("127.0.0.1", 4001, key)})
    write_known_hosts(file, {"web-1": RunningHost("127.0.0.1", 4002, key)})

    assert file.read_text().splitlines() == ["# mine", other, f"[127.0.0.1]:4002 {public_line(key)}"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


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
        ("acc-4:Gi1/0/20]", "acc-4:Gi1/0/3]", "cables[30][1]", "already has the cable of cables[29]"),
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
        (
            "    mac: 52:54:00:6b:1d:01\n    runs_on: hv-1\n",
            "    mac: 52:54:00:6b:1d:01\n    runs_on: hv-3\n",
            "devices.app-1.runs_on",
            "did you mean hv-",
        ),
        (
            "    mac: 52:54:00:6b:1d:01\n    runs_on: hv-1\n",
            "    mac: 52:54:00:6b:1d:01\n    runs_on: fw-1\n",
            "devices.app-1.runs_on",
            "no machine runs on it",
        ),
        (
            "    mac: 52:54:00:6b:1d:01\n    runs_on: hv-1\n",
            "    mac: 52:54:00:6b:1d:01\n",
            "devices.app-1.runs_on",
            "is missing",
        ),
        ("serial: 7XK4M93\n", "serial: 7XK4M93\n    runs_on: hv-1\n", "devices.web-1.runs_on", "is no virtual machine"),
        ("    snmp: v2c\n    rack: Office\n", "    rack: Office\n", "devices.printer-1.snmp", "answers nothing else"),
        (
            '      redis: {listen: ["tcp/0.0.0.0:6379"]}\n  cache-2',
            '      redis: {listen: ["6379"]}\n  cache-2',
            "devices.cache-1.software.redis.listen[0]",
            "match",
        ),
        (
            '      redis: {listen: ["tcp/0.0.0.0:6379"]}\n  cache-2',
            '      reddis: {listen: ["tcp/0.0.0.0:6379"]}\n  cache-2',
            "devices.cache-1.software.reddis",
            "did you mean redis",
        ),
        (
            '      redis: {listen: ["tcp/0.0.0.0:6379"]}\n  cache-2',
            '      redis: {listen: ["udp/0.0.0.0:6379"]}\n  cache-2',
            "devices.app-1.software.tomcat.calls[2]",
            "no TCP port",
        ),
        ("port: acc-3:Gi1/0/20, vlan: 20", "port: acc-3:Gi1/0/20, vlan: 21", "silent[0].vlan", "no VLAN 21"),
        ("port: acc-3:Gi1/0/20, vlan: 20", "port: acc-3:Gi1/0/1, vlan: 20", "silent[0].port", "already has the cable"),
        ("port: acc-3:Gi1/0/20, vlan: 20", "port: fw-1:port1, vlan: 20", "silent[0].port", "is no switch"),
        ("  seed: ups-a\n", "  seed: ups-c\n", "question.seed", "did you mean ups-"),
        ("  service: Web shop\n", "  service: Webshop\n", "question.service", "did you mean Web shop"),
        ("name: harbour-street\n", "", "name", "is missing"),
        ("name: harbour-street\n", "name: a\nname: b\n", "line 7, column 1", "a second time"),
        ("cables:\n", "cables: [\n", "line 299, column 3", "expected"),
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


def test_the_digest_tells_sites_apart_by_what_they_say(edited: Edit) -> None:
    moved = load_site(
        edited(
            "runs_on: hv-1\n    addresses: {ens18: [192.0.2.61/25]}",
            "runs_on: hv-2\n    addresses: {ens18: [192.0.2.61/25]}",
        )
    )
    commented = load_site(edited("name: harbour-street\n", "name: harbour-street  # of no importance\n"))

    assert digest_of(moved) != digest_of(load_site()) == digest_of(commented)
