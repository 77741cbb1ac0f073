"""A small estate for the tests of the API: two cores, two access switches, two hosts, a shop."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from cmdb.entrypoints.services import Services
from cmdb.impact.work import Window
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Link, Observation, Report
from cmdb.service.audits import Audits, PlanRequest
from cmdb.service.changes import ChangeRequest, Changes
from cmdb.service.control import Control
from cmdb.service.incidents import Effect, Incidents, Told
from cmdb.service.policy import ControlPolicy
from cmdb.service.releases import ReleaseRequest, Releases
from cmdb.service.scope import Scope
from cmdb.service.statements import Statements
from cmdb.service.versions import Fact
from cmdb.store.protocol import GraphStore
from cmdb.topology import Gap, Topology
from cmdb_graphql.execute import Executor, Question

NOW = 1_764_000_000_000
HOUR = 3_600_000
REVIEW_ALL = {"edit": ["administrator"], "reason": False, "level": "review"}
UUID = "4c4c4544-0042-3510-8052-b4c04f4d353"


def port(device: str, name: str, *links: Link, **attributes: Any) -> Observation:
    return Observation("Interface", name, {"name": name, **attributes}, parent=device, links=tuple(links))


def switch(name: str, ports: Iterable[Observation], **attributes: Any) -> Report:
    key = f"serial:cisco:FOC0000{name.upper().replace('-', '')}"
    known = {"vendor": "cisco", "model": "C9300", "os_version": "15.2(7)E", "roles": ["switch"], **attributes}
    device = Observation(
        "NetworkDevice",
        key,
        {"name": name, "serial_number": key.rpartition(":")[2], **known},
        (Identifier(key), Identifier(f"sysname:{name}", False)),
        links=(Link("LOCATED_IN", "location:dc-1", {}, "file"),) if name.startswith("core") else (),
    )
    return Report("snmp", name, NOW - HOUR, (device, *ports))


def cable(far: str, name: str) -> Link:
    return Link("CONNECTED_TO", f"serial:cisco:FOC0000{far}|Interface|{name}", {"protocols": ["lldp"]}, "lldp")


def core(number: int) -> Report:
    key = f"serial:cisco:FOC0000CORE{number}"
    ports = [port(key, "Te1", cable("ACCESS1", f"Up{number}"), oper_status="up", speed_bps=10_000_000_000)]
    ports.append(port(key, "Te2", cable("ACCESS2", f"Up{number}"), oper_status="up", speed_bps=10_000_000_000))
    return switch(f"core-{number}", ports, root_of=["lan"], management_address=f"10.0.0.{number}")


def access(number: int) -> Report:
    key = f"serial:cisco:FOC0000ACCESS{number}"
    ports = [port(key, "Up1", mtu=9000), port(key, "Up2"), port(key, "Gi1", alias="to web")]
    return switch(f"access-{number}", ports)


def host(number: int) -> Report:
    key = f"uuid:{UUID}{number}"
    device = Observation("Computer", key, {"name": f"web-{number}", "roles": ["server"]}, (Identifier(key),))
    plug = Link("CONNECTED_TO", f"serial:cisco:FOC0000ACCESS{number}|Interface|Gi1", {}, "lldp")
    nginx = Observation(
        "SoftwareInstance", "nginx", {"name": "nginx", "kind": "web_server", "product": "nginx"}, parent=key
    )
    return Report("ssh", f"web-{number}", NOW - HOUR, (device, port(key, "eth0", plug), nginx))


def stated() -> Report:
    needs = tuple(Link("DEPENDS_ON", f"uuid:{UUID}{n}", {"group_key": "web"}, "file") for n in (1, 2))
    shop = Observation(
        "Service",
        "service:shop",
        {"name": "shop", "criticality": 4, "user_facing": True},
        (Identifier("service:shop"),),
        links=needs,
    )
    room = Observation("Location", "location:dc-1", {"name": "dc-1", "kind": "room"}, (Identifier("location:dc-1"),))
    requirement = Observation(
        "Requirement",
        "power",
        {"name": "power", "needed": 1, "on_loss": "at_risk", "pass": "never"},
        parent="service:shop",
        links=(
            Link("PROVIDED_BY", "serial:cisco:FOC0000CORE1", {"weight": 1}, "file"),
            Link("PROVIDED_BY", "serial:cisco:FOC0000CORE2", {"weight": 1}, "file"),
        ),
    )
    return Report("manual", "site", NOW - HOUR, (room, shop, requirement))


def second_opinion() -> Report:
    key = "serial:cisco:FOC0000CORE1"
    said = Observation(
        "NetworkDevice", key, {"name": "core-1", "os_version": "15.2(8)E", "model": "C9500"}, (Identifier(key),)
    )
    return Report("manual", "inventory", NOW, (said,))


def reports() -> list[Report]:
    return [stated(), access(1), access(2), core(1), core(2), host(1), host(2)]


class Estate:
    """Services over a store, with a topology that follows its commits."""

    def __init__(self, store: GraphStore, model: Model) -> None:
        self.store, self.model, self.topology = store, model, Topology(model)
        self.gate = threading.Lock()
        numbers = itertools.count(1)
        self.ingest = Ingest(store, model, lambda: NOW, lambda: f"01K{next(numbers):023d}")

    def catch_up(self) -> None:
        """Follow the commits that the topology has not seen."""
        with self.gate:
            try:
                while batch := self.store.commits(self.topology.sequence):
                    for commit in batch:
                        self.topology.apply(commit.sequence, commit.at, commit.changes())
            except Gap:
                head = self.store.head()
                self.topology.load(self.store.scan_cis(), self.store.scan_relationships(), head.sequence, head.at)

    def fill(self) -> None:
        """Take everything in, in two commits."""
        self.ingest.run(reports(), "tests", "first load")
        self.ingest.run([second_opinion()], "tests", "second opinion")
        self.catch_up()

    def audit(self) -> None:
        """Plan and report an audit that finds something, and write down something that waits for review."""
        audits = Audits(self.ingest)
        scope = Scope(("NetworkDevice",), "access")
        asked = PlanRequest("access switches", scope, "ann", "otto", period_days=90, size=1, seed="7")
        audits.plan(asked, "boss", "yearly plan")
        started = audits.start("access switches", "ann", "it is time")
        for number in (1, 2):
            seen = access(number)
            device = msgspec.structs.replace(
                seen.observations[0], attributes={**seen.observations[0].attributes, "model": "C9200"}
            )
            visit = msgspec.structs.replace(seen, at=NOW + 1, observations=(device, *seen.observations[1:]))
            self.ingest.run([visit], "tests", "a visit")
        self.catch_up()
        audits.finish(started.id, "ann", "done", self.topology)
        policy = ControlPolicy(self.model, frozenset(("manual",)), frozenset(("administrator",)), REVIEW_ALL, {})
        control = Control(self.store, policy, lambda actor: "administrator", lambda: NOW)
        waiting = Ingest(self.store, self.model, lambda: NOW, self.ingest.new_id, control=control)
        waiting.run([msgspec.structs.replace(second_opinion(), target="sheet", at=NOW + 1)], "otto", "a second sheet")
        self.catch_up()

    def plan(self) -> None:
        """Two changes of one day that together stop the shop, the second assessed; and a release of both hosts."""
        webs = [self.id_of(f"uuid:{UUID}{n}") for n in (1, 2)]
        core = self.id_of("serial:cisco:FOC0000CORE1")
        changes, statements = Changes(self.ingest), Statements(self.ingest, self.topology)
        for ci in webs:
            window = Window(NOW + 24 * HOUR, NOW + 25 * HOUR)
            items = ((ci, "MAINTENANCE"),) if ci == webs[1] else ((ci, "MAINTENANCE"), (core, "NONE"))
            asked = ChangeRequest(f"memory of {ci}", items, window, backout="the old memory", risk="may not boot")
            made = changes.create(asked, "rita", "it is short of memory")
            self.catch_up()
            statements.assess(made.id, "rita", "please look")
            self.catch_up()
        facts = (Fact("os_version", "12.6"),), (Fact("os_version", "12.5"),)
        asked_release = ReleaseRequest("shop 2.5", tuple(webs), "2.5", Window(NOW, NOW + HOUR), "new prices", *facts)
        Releases(self.ingest).create(asked_release, "rita", "new prices")
        self.catch_up()

    def deploy(self) -> str:
        """Deploy the release from a baseline of its own; its id."""
        releases = Releases(self.ingest)
        for state in ("accepted", "approved", "deploying"):
            done = releases.step("REL-1", state, "rita", "next", take=state == "deploying")
        self.catch_up()
        return done.id

    def disturb(self) -> str:
        """Open an incident on one of the cores; its id."""
        affected: dict[str, Effect] = {self.id_of("serial:cisco:FOC0000CORE2"): "down"}
        told = Told("core-2 is dark", affected, [self.id_of("web-1")], description="the shop is slow")
        found = Incidents(self.ingest).open(told, self.topology, "ann", "alarm")
        self.catch_up()
        return found.id

    def services(self, **changed: Any) -> Services:
        """The parts as the server wants them."""
        return Services(
            self.store, self.model, self.topology, self.ingest, catch_up=self.catch_up, clock_ms=lambda: NOW, **changed
        )

    def id_of(self, key: str) -> str:
        """The id of the one CI that a key names."""
        (found,) = self.store.resolve(key)
        return found.id


class Counting:
    """A store that counts the calls that reach it, whatever they do."""

    def __init__(self, store: GraphStore, before: Callable[[str], None] = lambda name: None) -> None:
        self.store, self.before, self.calls = store, before, list[str]()

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.store, name)
        if not callable(real):
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            self.before(name)
            return real(*args, **kwargs)

        return call


def data(executor: Executor, text: str, **variables: Any) -> Any:
    """The data of an answer without errors."""
    answer = executor.answer(Question(text, variables))

    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def error(executor: Executor, text: str, **variables: Any) -> dict[str, Any]:
    """The first error of an answer that failed as a whole."""
    answer = executor.answer(Question(text, variables))

    assert answer["data"] is None
    found: dict[str, Any] = answer["errors"][0]
    return found
