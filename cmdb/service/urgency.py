"""How pressing an incident is: the impact level from the exact impact, the priority from that and the urgency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cmdb.errors import Invalid
from cmdb.impact import Seed, evaluate
from cmdb.store.protocol import GraphStore
from cmdb.topology import Topology

LEVELS = ((4.0, 1), (2.0, 2), (1.0, 3))  # least severity -> impact level
LEAST_LEVEL = 4
URGENCIES = (1, 2, 3)
MOST_SERVICES = 200


def impact_level(severity: float) -> int:
    """Impact level, 1 (worst) to 4, of the severity of an impact answer (0 to 4)."""
    return next((level for least, level in LEVELS if severity >= least), LEAST_LEVEL)


def priority_of(level: int, urgency: int) -> int:
    """Priority, 1 (highest) to 4, of an impact level and an urgency (1: now, no workaround; 2: soon; 3: neither)."""
    if urgency not in URGENCIES:
        raise Invalid(f"the urgency is 1 to 3, not {urgency}")
    return min(LEAST_LEVEL, level + urgency - 1)


def assessed(store: GraphStore, topology: Topology, seeds: Sequence[Seed], urgency: int) -> dict[str, Any] | None:
    """What seeds do, as an incident keeps it: with the sequence and the policy it was computed at. None: no seeds."""
    if not seeds:
        return None
    answer = evaluate(topology, seeds, first=1)
    level = impact_level(answer.summary.severity)
    services = answer.summary.services[:MOST_SERVICES]
    customers = _customers(store, [service.ci.id for service in services])
    told = {name for names in customers.values() for name in names}
    return {
        "sequence": answer.sequence,
        "policy": answer.policy_version,
        "severity": answer.summary.severity,
        "impact_level": level,
        "priority": priority_of(level, urgency),
        "service_count": answer.summary.service_count,
        "services": [{"ci": s.ci.id, "state": s.state.lower(), "criticality": s.criticality} for s in services],
        "customers": sorted(told),
    }


def _customers(store: GraphStore, services: Sequence[str]) -> Mapping[str, list[str]]:
    records = store.cis(services) if services else []
    found = {record.id: record.attributes.get("customers") for record in records}
    return {ci: [str(name) for name in names] for ci, names in found.items() if isinstance(names, list | tuple)}
