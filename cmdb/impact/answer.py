"""The answer to an impact question, field for field what the API gives."""

from __future__ import annotations

from typing import Literal

import msgspec

from cmdb.store.protocol import CIRef
from cmdb.topology.view import Finding

SeedKind = Literal["DOWN", "MAINTENANCE", "DEGRADED", "RELEASE", "PINNED_UP"]
State = Literal["DOWN", "DOWN_PLANNED", "MAINTENANCE", "ISOLATED", "DEGRADED", "AT_RISK", "TO_RETEST"]
Certainty = Literal["SURE", "POSSIBLE"]
ProofKind = Literal["SEED", "GROUP_BROKEN", "GROUP_WEAKENED", "TRANSIT_LOST", "ISOLATED", "USES_RELEASED"]

STATES: tuple[State, ...] = ("DOWN", "DOWN_PLANNED", "MAINTENANCE", "ISOLATED", "DEGRADED", "AT_RISK", "TO_RETEST")


class Seed(msgspec.Struct, frozen=True):
    """A CI (by id) and what happens to it."""

    ci: str
    kind: SeedKind = "DOWN"


class ImpactedService(msgspec.Struct, frozen=True):
    """A service and its state; criticality 1 to 4."""

    ci: CIRef
    state: State
    criticality: int
    certainty: Certainty = "SURE"


class ImpactSummary(msgspec.Struct, frozen=True):
    """Counts over the whole answer, never cut. `severity` is the largest of all nodes, 0: nothing is impacted.

    CIs count by their worst state; that of `possible` ones hangs on relationships in doubt.
    """

    down: int
    down_planned: int
    maintenance: int
    isolated: int
    degraded: int
    at_risk: int
    to_retest: int
    service_count: int
    services: tuple[ImpactedService, ...]
    severity: float
    hidden: int = 0
    possible: int = 0


class ImpactNode(msgspec.Struct, frozen=True):
    """One impacted CI.

    `state` is the worst that it may be in; it is SURE if it is that or worse however the doubt is settled, else
    POSSIBLE. `order` is the number of the proof step that concludes it. `n_more` says how many further failures break
    a CI that is AT_RISK: 1 and 2 exactly, 3 for three or more. None: not AT_RISK, or the search for it ran into its
    limit.
    """

    ci: CIRef
    state: State
    to_retest: bool
    order: int
    severity: float
    n_more: int | None
    is_service: bool
    certainty: Certainty = "SURE"


class ProofProvider(msgspec.Struct, frozen=True):
    """A provider in a proof; `plane` is where it lost or has a path, None if it counts by being up."""

    id: str
    ci_class: str
    name: str
    weight: int
    plane: str | None


class ProofGroup(msgspec.Struct, frozen=True):
    """A requirement in a proof. `lost` are the providers that are not true (any more), heaviest first."""

    id: str
    needed: int
    total: int
    lost_weight: int
    lost: tuple[ProofProvider, ...]


class ProofStep(msgspec.Struct, frozen=True):
    """One step; `cites` are numbers of earlier ones. Steps of one `island` were cut off together."""

    number: int
    kind: ProofKind
    ci: CIRef
    state: State
    group: ProofGroup | None
    plane: str | None
    island: int | None
    cites: tuple[int, ...]
    text: str
    certainty: Certainty = "SURE"


class Spared(msgspec.Struct, frozen=True):
    """A requirement that was touched and still holds, who carries it, and the weight that can still be lost.

    `live_path` leads from the first carrier to a root, if that one counts by its connectivity.
    """

    ci: CIRef
    group: ProofGroup
    carriers: tuple[ProofProvider, ...]
    margin: int
    live_path: tuple[CIRef, ...]


class Impact(msgspec.Struct, frozen=True):
    """Exact consequence of seeds, as of one sequence. `as_of` is epoch milliseconds UTC.

    The lists are cut by `first` and `skip`, then `truncated` is True; `summary` is complete all the same.
    """

    sequence: int
    as_of: int
    policy_version: str
    truncated: bool
    summary: ImpactSummary
    nodes: tuple[ImpactNode, ...]
    proof: tuple[ProofStep, ...]
    spared: tuple[Spared, ...]
    findings: tuple[Finding, ...]
