"""An estate that is discovered again and again, with a clock of its own, for audits and reviews."""

from __future__ import annotations

import itertools
from typing import Any

from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Link, Observation, Report
from cmdb.service.audits import Audits, PlanRequest
from cmdb.service.completeness import DAY_MS
from cmdb.service.findings import Findings
from cmdb.service.scope import Scope
from cmdb.store.protocol import CIRecord, GraphStore, StoredRecord
from cmdb.topology import Topology

START = 1_764_000_000_000
SWITCHES = ("sw-1", "sw-2", "sw-3", "sw-4", "sw-5")


def key(name: str) -> str:
    return f"serial:cisco:FOC{name.upper().replace('-', '')}"


class World:
    """A store with an ingest whose clock the test moves; each commit takes a second."""

    def __init__(self, store: GraphStore, model: Model, control: Any = None) -> None:
        self.store, self.model, self.now = store, model, START
        numbers = itertools.count(1)
        self.ingest = Ingest(store, model, self.clock, lambda: f"01K{next(numbers):023d}", **control or {})
        self.audits, self.findings = Audits(self.ingest), Findings(self.ingest)

    def clock(self) -> int:
        self.now += 1_000
        return self.now

    def later(self, days: float = 1) -> None:
        self.now += round(days * DAY_MS)

    def visit(self, name: str, *ports: str, complete: bool = True, links: tuple[Link, ...] = (), **said: Any) -> None:
        """A discovery run reads a switch."""
        self.ingest.run([self.report(name, *ports, complete=complete, links=links, **said)], "robot@collector", "run")

    def report(
        self, name: str, *ports: str, complete: bool = True, links: tuple[Link, ...] = (), **said: Any
    ) -> Report:
        values = {"name": name, "vendor": "Cisco", "os_version": "17.9", "roles": ["switch"], **said}
        device = Observation("NetworkDevice", key(name), values, (Identifier(key(name)),), links=links)
        parts = [Observation("Interface", p, {"name": p, "oper_status": "up"}, parent=key(name)) for p in ports]
        return Report("snmp", name, self.clock(), (device, *parts), complete, ("ifTable",) if parts else ())

    def fill(self) -> None:
        """Discover all switches for the first time."""
        self.ingest.run([self.report(name, "Gi1", "Gi2") for name in SWITCHES], "robot@collector", "run")

    def say(self, name: str, actor: str, **values: Any) -> None:
        """A person writes something down."""
        said = Observation("NetworkDevice", key(name), {"name": name, **values}, (Identifier(key(name)),))
        self.ingest.run([Report("manual", f"of {name}", self.clock(), (said,))], actor, "by hand")

    def id_of(self, name: str) -> str:
        (found,) = self.store.resolve(key(name))
        return found.id

    def ci(self, name: str) -> CIRecord:
        (found,) = self.store.cis([self.id_of(name)])
        return found

    def topology(self) -> Topology:
        topology = Topology(self.model)
        head = self.store.head()
        topology.load(self.store.scan_cis(), self.store.scan_relationships(), head.sequence, head.at)
        return topology

    def plan(self, **changed: Any) -> StoredRecord:
        asked: dict[str, Any] = {
            "name": "switches",
            "scope": Scope(("NetworkDevice",)),
            "auditor": "ann",
            "owner": "otto",
            "period_days": 90,
        }
        return self.audits.plan(PlanRequest(**(asked | changed)), "boss@office", "yearly plan")

    def finish(self, number: str = "AUD-1", actor: str = "ann@office") -> StoredRecord:
        return self.audits.finish(number, actor, "done", self.topology())
