"""Single points of failure all over the estate: what each CI takes down alone (N-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

import msgspec

from cmdb.impact.asked import SERVICE, all_living, check_first, criticality
from cmdb.impact.engine import Cascade
from cmdb.impact.fixpoint import fail, mirror_of, services_hit
from cmdb.impact.tally import Tally
from cmdb.impact.turns import Rest, TimeIsUp, Turns, onward
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from cmdb.topology.census import of_class
from cmdb.topology.live import Live

MOST_NAMED = 5  # services that are named for one failure

NO_WEIGHT = (0, 0, 0)


class Toll(msgspec.Struct, frozen=True):
    """What a failure takes down beside what failed: CIs, services among them, and the most critical of these.

    `criticality` is that of the most critical service, 1 to 4; 0: none falls.
    """

    down: int
    service_count: int
    criticality: int
    services: tuple[CIRef, ...]


class SinglePoint(msgspec.Struct, frozen=True):
    """A CI and what its failure takes down."""

    ci: CIRef
    toll: Toll


class SinglePoints(msgspec.Struct, frozen=True):
    """The CIs whose failure takes others down, worst first, as of one sequence. `as_of` is epoch milliseconds UTC.

    `scanned` were tried; of them `harmful` take another CI down and `critical` a service. `truncated`: `first` cut the
    list, the counts are complete all the same. `complete` is False if the time was up before all were tried.
    """

    sequence: int
    as_of: int
    policy_version: str
    complete: bool
    truncated: bool
    scanned: int
    harmful: int
    critical: int
    points: tuple[SinglePoint, ...]


@dataclass(slots=True)
class Weighing:
    """Measures what falls: `services` are the services of the estate, with their criticality."""

    topology: Topology
    services: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        found = of_class(self.topology.facts.nodes, SERVICE)
        self.services = {ci: criticality(self.topology, ci) for ci in found}

    def weigh(self, fallen: Sequence[int]) -> tuple[int, int, int]:
        """How many services are among them, the worst criticality of these, and how many CIs: the worst is largest."""
        services = self.services
        hit = [services[literal] for literal in fallen if literal in services]
        return len(hit), max(hit, default=0), sum(literal >= 0 for literal in fallen)

    def toll(self, fallen: Iterable[int]) -> Toll:
        """The same, with the names of the most critical services."""
        cis = [literal for literal in fallen if literal >= 0]
        return self.told([ci for ci in cis if ci in self.services], len(cis))

    def told(self, hit: Sequence[int], down: int) -> Toll:
        """What falls where so many CIs do, and of the services these."""
        nodes = self.topology.facts.nodes
        worst = nsmallest(MOST_NAMED, hit, key=lambda ci: (-self.services[ci], nodes[ci].name, ci))
        criticality = self.services[worst[0]] if worst else 0
        return Toll(down, len(hit), criticality, tuple(map(self.topology.ref, worst)))


def single_points(
    topology: Topology,
    first: int = 200,
    classes: Sequence[str] = (),
    only_services: bool = True,
    rest: Rest = onward,
) -> SinglePoints:
    """Let each CI fail alone, and list those that take a service down; without `only_services`, any other CI.

    `classes` limits who fails, subclasses included. When `rest` says that time is up, the answer says that it is not
    complete. Raises LimitExceeded, Overtaken, or an error of the model for an unknown class.
    """
    check_first(first)
    with Turns(topology, rest) as turns:
        tried = all_living(topology, classes)
        weighing, nodes = Weighing(topology), topology.facts.nodes
        tally, complete = Tally(only_services), True
        try:
            _try(topology, tried, weighing, turns, tally)
        except TimeIsUp:
            complete = False
        shown = tally.rows
        worst = nsmallest(first, shown, key=lambda row: (*(-n for n in row[0]), nodes[row[1]].name, nodes[row[1]].id))
        points = []
        for weight, ci in worst:
            hit = services_hit(topology.live, ci, weighing.services)
            points.append(SinglePoint(topology.ref(ci), weighing.told(hit, weight[2])))
        version = topology.policy.version
        return SinglePoints(
            topology.sequence,
            topology.at,
            version,
            complete,
            len(shown) > first,
            tally.scanned,
            tally.harmful,
            tally.critical,
            tuple(points),
        )


def _try(topology: Topology, tried: Sequence[int], weighing: Weighing, turns: Turns, tally: Tally) -> None:
    """Let each CI fail alone."""
    if (mirror := mirror_of(topology.live)) is not None:
        mirror.singles(tried, weighing.services, turns.spend, tally)
        return
    for ci in tried:
        trail = without(topology.live, ci, turns.spend)
        tally.scanned += 1
        weight = weighing.weigh(trail[1:]) if len(trail) > 1 else NO_WEIGHT
        if weight[2]:
            tally.harmful += 1
            tally.critical += weight[0] > 0
            if weight[0] or not tally.only_services:
                tally.rows.append((weight, ci))


def without(live: Live, ci: int, spend: Callable[[int], None]) -> list[int]:
    """What falls when one CI does, itself first; quick about the many that nobody needs."""
    if not is_needed(live, ci):
        spend(1)
        return [ci]
    run = fail(live, (ci,))
    spend(cost(run))
    return run.trail


def is_needed(live: Live, ci: int) -> bool:
    """Whether a CI provides anything, or stands in a plane."""
    return ci in live.serves or any(ci in plane.parent or ci in plane.watched for plane in live.planes)


def cost(run: Cascade) -> int:
    """Literals and requirements that a cascade looked at, more or less."""
    return 5 + len(run.trail) + len(run.loss) + len(run.moved)
