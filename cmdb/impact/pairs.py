"""Pairs of CIs that break more together than each of them alone, all over the estate (N-2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import combinations

import msgspec

from cmdb.impact.asked import all_living, check_first
from cmdb.impact.engine import Cascade
from cmdb.impact.fixpoint import fail
from cmdb.impact.singles import Toll, Weighing, cost, is_needed
from cmdb.impact.turns import Rest, TimeIsUp, Turns, onward
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from cmdb.topology.live import Group, Live, ci_of, conn, plane_of

MOST_KEPT = 2_000_000  # literals of single failures that are kept, so that they are not judged again for each pair

Edge = tuple[int, int]  # a literal of connectivity, and the transit CI above it
Spend = Callable[[int], None]


class PairOfFailures(msgspec.Struct, frozen=True):
    """Two CIs, and what falls only if both fail."""

    cis: tuple[CIRef, CIRef]
    toll: Toll


class Pairs(msgspec.Struct, frozen=True):
    """The pairs that take more down than the sum of both, worst first, as of one sequence.

    `as_of` is epoch milliseconds UTC. Of `scanned` CIs, `candidates` pairs could do so and `tried` were tried; of them
    `harmful` do, and `critical` take a service down. `truncated`: `first` cut the list, the counts are complete all
    the same. `complete` is False if the time was up before all were tried.
    """

    sequence: int
    as_of: int
    policy_version: str
    complete: bool
    truncated: bool
    scanned: int
    candidates: int
    tried: int
    harmful: int
    critical: int
    pairs: tuple[PairOfFailures, ...]


def pairs(
    topology: Topology,
    first: int = 200,
    classes: Sequence[str] = (),
    only_services: bool = True,
    rest: Rest = onward,
) -> Pairs:
    """Find every pair of CIs that together take down a service that neither takes down alone.

    Without `only_services`, any other CI; `classes` limits who fails, subclasses included. When `rest` says that time
    is up, the answer says that it is not complete. Raises LimitExceeded, Overtaken, or an error of the model for an
    unknown class.
    """
    check_first(first)
    with Turns(topology, rest) as turns:
        weighing, tries = Weighing(topology), _Tries(topology.live, turns.spend)
        traces = Traces(topology.live)
        rows: list[tuple[tuple[int, int, int], int, int]] = []
        scanned, candidates, tried, complete = 0, 0, 0, True
        try:
            for ci in all_living(topology, classes):
                traces.note(ci, turns.spend)
                scanned += 1
            partners = traces.partners(turns.spend)
            candidates = sum(map(len, partners.values()))
            for base, others in partners.items():
                run = tries.run(base)
                for other in others:
                    weight = weighing.weigh(tries.together(base, run, other))
                    tried += 1
                    if weight[2]:
                        rows.append((weight, base, other))
        except TimeIsUp:
            complete = False
        critical = sum(weight[0] > 0 for weight, _, _ in rows)
        shown = [row for row in rows if row[0][0]] if only_services else rows
        worst = nsmallest(first, shown, key=lambda row: (*(-n for n in row[0]), *_names(topology, row[1], row[2])))
        listed = tuple(_pair(topology, weighing, row[1], row[2]) for row in worst)
        at, version = (topology.sequence, topology.at), topology.policy.version
        counts = (scanned, candidates, tried, len(rows), critical)
        return Pairs(*at, version, complete, len(shown) > first, *counts, listed)


def _names(topology: Topology, a: int, b: int) -> list[tuple[str, str]]:
    nodes = topology.facts.nodes
    return sorted((nodes[ci].name, nodes[ci].id) for ci in (a, b))


def _pair(topology: Topology, weighing: Weighing, a: int, b: int) -> PairOfFailures:
    nodes = topology.facts.nodes
    a, b = sorted((a, b), key=lambda ci: (nodes[ci].name, nodes[ci].id))
    alone = fail(topology.live, (a,)).cause.keys() | fail(topology.live, (b,)).cause.keys()
    extra = [literal for literal in fail(topology.live, (a, b)).trail if literal not in alone]
    return PairOfFailures((topology.ref(a), topology.ref(b)), weighing.toll(extra))


@dataclass
class Traces:
    """What single failures leave behind, by which the pairs are found that may break more than their sum.

    If Down(a, b) is more than Down(a) and Down(b), then the first that falls only now does so for one of two reasons.
    A requirement lost providers to both, broke by neither, and lost too much to both together. Or a transit CI is cut
    off that each of them spares: then it had to find another way after a (or b), and on that way an edge leads from
    what b (or a) spares to what it takes down.
    """

    live: Live
    weakened: dict[Group, dict[int, list[int]]] = field(default_factory=dict)  # lost providers as bits -> by whom
    ways: dict[Edge, list[int]] = field(default_factory=lambda: defaultdict(list))  # edges of new ways -> after whom
    rims: dict[Edge, list[int]] = field(default_factory=lambda: defaultdict(list))  # edges that part -> by whom
    sizes: dict[int, int] = field(default_factory=dict)

    def note(self, ci: int, spend: Spend) -> None:
        """Let one CI fail and keep its traces."""
        live = self.live
        if not is_needed(live, ci):
            spend(1)
            return
        run = fail(live, (ci,))
        self.sizes[ci] = cost(run)
        spend(self.sizes[ci])
        for group, loss in run.loss.items():
            if 0 < loss <= group.slack < group.up and group.owner not in run.cause:
                lost = sum(1 << n for n, (literal, _) in enumerate(group.providers) if literal in run.cause)
                self.weakened.setdefault(group, {}).setdefault(lost, []).append(ci)
        for edge in self._new_ways(run):
            self.ways[edge].append(ci)
        for edge in self._rim(run):
            self.rims[edge].append(ci)

    def _new_ways(self, run: Cascade) -> set[Edge]:
        """All edges on the ways to a root of those that had to find another one."""
        found: set[Edge] = set()
        for literal in run.moved:
            plane = self.live.planes[plane_of(literal)]
            while literal not in run.cause:
                above = run.moved.get(literal, plane.parent.get(ci_of(literal), -1))
                if above < 0 or (literal, above) in found:
                    break
                found.add((literal, above))
                literal = conn(plane.number, above)
        return found

    def _rim(self, run: Cascade) -> Iterator[Edge]:
        """Edges from transit CIs that are spared to those that are lost."""
        for literal in run.trail:
            plane = self.live.planes[plane_of(literal)] if literal < 0 else None
            if plane is not None and plane.roots:
                lost = ci_of(literal)
                for far in plane.fabric.edges[lost]:
                    spared = conn(plane.number, far)
                    if far in plane.parent and spared not in run.cause:
                        yield (spared, lost)

    def partners(self, spend: Spend) -> dict[int, list[int]]:
        """The candidates: each CI with those to try after it; the one that hits more comes first."""
        found: dict[int, dict[int, None]] = {}

        def add(a: int, b: int) -> None:
            if a != b:
                large, small = (a, b) if (self.sizes[a], a) > (self.sizes[b], b) else (b, a)
                found.setdefault(large, {})[small] = None

        for group, by_loss in self.weakened.items():
            weights = {lost: _weight(group, lost) for lost in by_loss}
            spend(1 + len(by_loss) ** 2 // 4)
            for one, other in combinations(by_loss, 2):
                if weights[one] + weights[other] > group.slack and _weight(group, one | other) > group.slack:
                    spend(len(by_loss[one]) * len(by_loss[other]))
                    for a in by_loss[one]:
                        for b in by_loss[other]:
                            add(a, b)
        for edge, after in self.ways.items():
            by = self.rims.get(edge, ())
            spend(1 + len(after) * len(by))
            for a in after:
                for b in by:
                    add(a, b)
        return {base: list(others) for base, others in found.items()}


def _weight(group: Group, lost: int) -> int:
    return sum(weight for n, (_, weight) in enumerate(group.providers) if lost >> n & 1)


class _Tries:
    """Failures of two, each going on from that of the first; what one does alone is remembered."""

    def __init__(self, live: Live, spend: Spend) -> None:
        self._live, self._spend = live, spend
        self._alone: dict[int, frozenset[int]] = {}
        self._kept = 0

    def run(self, ci: int) -> Cascade:
        run = fail(self._live, (ci,))
        self._spend(cost(run))
        return run

    def together(self, base: int, run: Cascade, other: int) -> list[int]:
        """What falls only if both fail; `run` is what the first does."""
        if other in run.cause:
            return []
        both = fail(self._live, (other,), after=run)
        self._spend(10 + len(both.trail) + (len(run.cause) + len(run.loss) + len(run.moved)) // 16)
        if len(both.trail) < 2:
            return []
        alone = self._falls_alone(other)
        return [literal for literal in both.trail if literal not in alone]

    def _falls_alone(self, ci: int) -> frozenset[int]:
        if ci not in self._alone:
            if self._kept > MOST_KEPT:
                self._alone.clear()
                self._kept = 0
            self._alone[ci] = frozenset(self.run(ci).cause)
            self._kept += len(self._alone[ci])
        return self._alone[ci]
