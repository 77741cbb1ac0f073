"""Reads what completeness is judged by, for many CIs at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from cmdb.model.registry import Model
from cmdb.service.completeness import RECORD_KINDS, Completeness, Surroundings, judge
from cmdb.service.rules import Rules, built_in_rules
from cmdb.service.support import MOST_SHOWN, SERVICE, Closure
from cmdb.store.protocol import CIRecord, GraphStore, StoredRecord
from cmdb.topology import Topology
from cmdb.topology.facts import NO_PARENT

BATCH = 1_000  # CIs that are judged together
MOST_HOLDERS = 10  # rack in row in room …; more is a loop
_CARRIED_BY = "RUNS_ON"  # a virtual machine is where its host is


class Examiner:
    """Judges the completeness of CIs: a constant number of store queries for each batch. `now` in epoch ms."""

    def __init__(
        self,
        store: GraphStore,
        model: Model,
        topology: Topology,
        now: int,
        closure: Closure | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.store, self.model, self.topology, self.now = store, model, topology, now
        self.closure = closure or Closure(topology)
        self.rules = rules or built_in_rules(model)
        self._records: dict[str, list[StoredRecord]] | None = None

    def stream(self, cis: Iterable[CIRecord]) -> Iterator[tuple[CIRecord, Completeness]]:
        """Judge CIs of any number in batches; those of internal classes are left out."""
        wanted = (ci for ci in cis if ci.ci_class in self.rules.classes)
        while batch := list(islice(wanted, BATCH)):
            yield from zip(batch, self.judge(batch), strict=True)

    def judge(self, cis: Sequence[CIRecord]) -> list[Completeness]:
        """Judge some CIs of classes that are not internal."""
        if not cis:
            return []
        ids = [ci.id for ci in cis]
        ties = self.store.ties(ids)
        altered = self.store.altered([ci.id for ci in cis if ci.revision > 1])
        chains = {ci: self._chain(ci) for ci in ids}
        known = {ci.id: ci for ci in cis}
        further = {h for _, holders in chains.values() for h in holders} - known.keys()
        known |= {ci.id: ci for ci in self.store.cis(sorted(further))} if further else {}
        return [
            judge(
                ci,
                self._around(ci, ties.get(ci.id, {}), chains[ci.id], known, ci.id in altered),
                self.rules,
                self.model,
                self.now,
            )
            for ci in cis
        ]

    def _around(
        self,
        ci: CIRecord,
        ties: Mapping[str, int],
        chain: tuple[str, list[str]],
        known: dict[str, CIRecord],
        altered: bool,
    ) -> Surroundings:
        place, holders = chain
        services = self.closure.services_of(ci.id)
        whole = ci
        while not services and whole.parent in known and whole.ci_class != SERVICE:
            whole = known[whole.parent]
            services = self.closure.services_of(whole.id)
        return Surroundings(
            relationships=ties,
            services=tuple(services[:MOST_SHOWN]),
            place=place,
            holders=tuple(known[h] for h in holders if h in known),
            needs=len(self.topology.requirements_of(ci.id)) if ci.ci_class == SERVICE else 0,
            altered=altered,
            records=tuple(self._about().get(ci.id, ())),
        )

    def _chain(self, ci: str) -> tuple[str, list[str]]:
        """Where a CI is, by its own or its holders' LOCATED_IN, and the holders that were asked, nearest first."""
        facts = self.topology.facts
        with self.topology.lock:
            here = facts.numbers.get(ci)
            holders: list[str] = []
            while here is not None and len(holders) <= MOST_HOLDERS:
                ends = facts.ends.get(here, {})
                for type_, far, outgoing in ends:
                    if type_ == "LOCATED_IN" and outgoing:
                        of = f" of {facts.nodes[here].name}" if holders else ""
                        return f"LOCATED_IN{of}: {facts.nodes[far].name}", holders
                above = facts.nodes[here].parent
                carriers = sorted(far for type_, far, outgoing in ends if outgoing and type_ == _CARRIED_BY)
                here = above if above != NO_PARENT else carriers[0] if carriers else None
                if here is not None:
                    if facts.nodes[here].id in (ci, *holders):
                        break
                    holders.append(facts.nodes[here].id)
            return "", holders

    def _about(self) -> dict[str, list[StoredRecord]]:
        """Changes, problems and known errors by the CIs that they are about; read once."""
        if self._records is None:
            self._records = {}
            for record in self.store.records(kinds=RECORD_KINDS):
                for ci in record.about:
                    self._records.setdefault(ci, []).append(record)
        return self._records
