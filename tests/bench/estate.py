"""A believable estate of any size, as records of a store: racks, power, network, hosts, software, services."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cmdb.changes import Facet
from cmdb.store.protocol import CIRecord, RelationshipRecord

FACETS = {"snmp/bench": Facet(0, "")}
TIES = {"Interface": "CONTAINS", "SoftwareInstance": "RUNS_ON"}
HOSTS_A_RACK, RACK_CIS = 16, 330  # a rack with its hosts, their machines and software


@dataclass
class Made:
    """What was made; `sorts` lists CI ids by what they are."""

    cis: list[CIRecord] = field(default_factory=list)
    relationships: list[RelationshipRecord] = field(default_factory=list)
    sorts: dict[str, list[str]] = field(default_factory=dict)

    def ci(self, sort: str, ci_class: str, parent: str = "", **attributes: Any) -> str:
        """Add a CI, with the tie to its parent."""
        id_ = f"{len(self.cis):07d}"
        name = f"{sort}-{id_}"
        self.cis.append(CIRecord(id_, ci_class, name, "in_service", 1, 0, parent, name, attributes, (), FACETS, {}))
        self.sorts.setdefault(sort, []).append(id_)
        if parent and ci_class == "SoftwareInstance":
            self.tie(id_, "RUNS_ON", parent)
        elif parent:
            self.tie(parent, "CONTAINS", id_)
        return id_

    def tie(self, source: str, type_: str, target: str, **attributes: Any) -> None:
        """Add a relationship."""
        self.relationships.append(RelationshipRecord(source, type_, target, attributes, {}, 0, {}))

    def cable(self, a: str, b: str) -> None:
        """Join two devices by a port each."""
        near, far = (self.ci("port", "Interface", device) for device in (a, b))
        self.tie(near, "CONNECTED_TO", far)


def make(size: int, seed: int = 1) -> Made:
    """An estate of about `size` CIs; racks come in sites of up to 150."""
    rng, made = Random(seed), Made()
    gateways = [made.ci("gateway", "NetworkDevice", roles=["router"], root_of=["lan"]) for _ in range(2)]
    racks = max(1, size // RACK_CIS)
    while racks > 0:
        _site(made, rng, gateways, min(racks, 150))
        racks -= 150
    return made


def _site(made: Made, rng: Random, gateways: list[str], racks: int) -> None:
    site = made.ci("site", "Location", kind="site")
    feeds = [made.ci("feed", "PowerDevice") for _ in range(2)]
    ups = [made.ci("ups", "PowerDevice") for _ in range(2)]
    for device, feed in zip(ups, feeds, strict=True):
        made.tie(device, "POWERED_BY", feed)
        made.tie(device, "LOCATED_IN", site)
    cores = [made.ci("core", "NetworkDevice", roles=["switch"]) for _ in range(2)]
    for core in cores:
        made.tie(core, "LOCATED_IN", site)
        for supply in ups:
            made.tie(core, "POWERED_BY", supply)
        for gateway in gateways:
            made.cable(core, gateway)
    made.cable(*cores)
    hosts = [host for _ in range(racks) for host in _rack(made, rng, site, ups, cores)]
    machines = list(_machines(made, rng, hosts))
    _applications(made, rng, machines)


def _rack(made: Made, rng: Random, site: str, ups: list[str], cores: list[str]) -> Iterator[str]:
    rack = made.ci("rack", "Location", kind="rack")
    made.tie(rack, "LOCATED_IN", site)
    pdus = [made.ci("pdu", "PowerDevice") for _ in range(2)]
    switches = [made.ci("switch", "NetworkDevice", roles=["switch"]) for _ in range(2)]
    for number in range(2):
        made.tie(pdus[number], "POWERED_BY", ups[number])
        made.tie(pdus[number], "LOCATED_IN", rack)
        made.tie(switches[number], "LOCATED_IN", rack)
        for pdu in pdus if rng.random() < 0.8 else pdus[number:][:1]:
            made.tie(switches[number], "POWERED_BY", pdu)
        for core in cores:
            made.cable(switches[number], core)
        for _ in range(20):
            made.ci("spare port", "Interface", switches[number])
    for _ in range(HOSTS_A_RACK):
        host = made.ci("host", "Computer", roles=["server"])
        made.tie(host, "LOCATED_IN", rack)
        for pdu in pdus if rng.random() < 0.9 else pdus[:1]:
            made.tie(host, "POWERED_BY", pdu)
        for switch in switches if rng.random() < 0.92 else switches[:1]:
            made.cable(host, switch)
        yield host


def _machines(made: Made, rng: Random, hosts: list[str]) -> Iterator[str]:
    order = rng.sample(hosts, len(hosts))
    for at in range(0, len(order), 8):
        members = order[at : at + 8]
        cluster = made.ci("cluster", "Cluster", kind="capacity", needed=max(1, len(members) - 2))
        for host in members:
            made.tie(host, "MEMBER_OF", cluster)
        for _ in range(4 * len(members)):
            machine = made.ci("machine", "VirtualMachine")
            made.tie(machine, "RUNS_ON", cluster if rng.random() < 0.75 else rng.choice(members))
            yield machine


def _applications(made: Made, rng: Random, machines: list[str]) -> None:
    names, directory = ([made.ci(sort, "Cluster", kind="standby")] for sort in ("names", "directory"))
    software: list[str] = []
    for machine in machines:
        for _ in range(rng.randint(1, 2)):
            instance = made.ci("software", "SoftwareInstance", machine, product=rng.choice(("nginx", "postgresql")))
            made.tie(instance, "DEPENDS_ON", names[0])
            if software and rng.random() < 0.25:
                made.tie(instance, "CONNECTS_TO", rng.choice(software), port=[5432])
            software.append(instance)
    for cluster, other in ((names[0], directory[0]), (directory[0], names[0])):  # names need the directory and back
        for instance in rng.sample(software, 3):
            made.tie(instance, "MEMBER_OF", cluster)
            made.tie(instance, "DEPENDS_ON", other)
    services: list[str] = []
    for _ in range(max(1, len(software) // 40)):
        service = made.ci("service", "Service", criticality=rng.randint(1, 4))
        for group in range(rng.randint(1, 3)):
            for instance in rng.sample(software, min(len(software), rng.randint(1, 4))):
                made.tie(service, "DEPENDS_ON", instance, group_key=f"tier {group}")
        if services and rng.random() < 0.4:
            made.tie(service, "DEPENDS_ON", rng.choice(services))
        services.append(service)
