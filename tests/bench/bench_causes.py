"""How often the true cause of simulated incidents is ranked first, and among the first three.

python -m tests.bench.bench_causes [CIs] [incidents of each kind]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from statistics import median, quantiles

from cmdb.impact.causes import MOST_ALARMS, Alarm, find_causes
from cmdb.impact.engine import fail, live_path
from cmdb.impact.explanation import Alarms, odds_of
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from cmdb.topology.live import Group, ci_of
from tests.bench.estate import Made, make

INFRASTRUCTURE = ("core", "switch", "pdu", "ups", "rack", "host", "cluster", "feed", "machine")
NOISE = ((0.1, 0.05), (0.3, 0.2))  # shares of alarms that are missing and that are false
LOOKED_AT = 60  # alarms that the nearest common upstream is sought for
Roots = tuple[int, ...]


@dataclass
class Score:
    """Hits among the first and the first three, of the ranking and of the nearest common upstream.

    `outweighed` counts incidents in which the alarms speak more for another explanation than for the truth.
    """

    runs: int = 0
    first: int = 0
    three: int = 0
    shared: int = 0
    outweighed: int = 0
    plain_first: int = 0
    plain_three: int = 0
    incomplete: int = 0
    seconds: list[float] = field(default_factory=list)


def fallen(topology: Topology, roots: Roots) -> set[int]:
    """What is down if these fail."""
    return {literal for literal in fail(topology.live, roots).cause if literal >= 0}


def upstream(topology: Topology) -> dict[int, list[int]]:
    """What each CI rests on, requirements and cables taken for plain edges."""
    edges: dict[int, list[int]] = {}
    for group in topology.live.groups.values():
        edges.setdefault(group.owner, []).extend(ci_of(literal) for literal, _ in group.providers)
    for plane in topology.live.planes:
        for ci, above in plane.parent.items():
            if above >= 0:
                edges.setdefault(ci, []).append(above)
    return edges


def nearest_common(edges: dict[int, list[int]], alarms: list[int], rng: Random) -> list[int]:
    """The CIs above at least four fifths as many alarms as any other is, the nearest first."""
    cover: dict[int, int] = {}
    distance: dict[int, int] = {}
    chosen = rng.sample(alarms, min(LOOKED_AT, len(alarms)))
    for alarm in chosen:
        seen = {alarm: 0}
        queue = [alarm]
        for ci in queue:
            for above in edges.get(ci, ()):
                if above not in seen:
                    seen[above] = seen[ci] + 1
                    queue.append(above)
        for ci, far in seen.items():
            cover[ci] = cover.get(ci, 0) + 1
            distance[ci] = distance.get(ci, 0) + far
    most = max(cover.values())
    return sorted((ci for ci in cover if cover[ci] >= 0.8 * most), key=lambda ci: (distance[ci] / cover[ci], ci))[:3]


def single(topology: Topology, pool: list[int], least: int, rng: Random) -> Iterator[Roots]:
    while True:
        root = rng.choice(pool)
        if len(fallen(topology, (root,))) >= least:
            yield (root,)


def carrier(topology: Topology, literal: int) -> int:
    """What carries a requirement: of a path the first device that forwards."""
    if literal >= 0:
        return literal
    path = live_path(topology.live, fail(topology.live, ()), literal)
    return next(ci for ci in path if topology.facts.nodes[ci].forwards)


def redundant(topology: Topology, rng: Random) -> Iterator[Roots]:
    """Two carriers of one requirement that break more together than each by itself."""
    by_class: dict[str, list[Group]] = {}
    for group in topology.live.groups.values():
        if group.slack == 1 and len(group.providers) > 1:
            by_class.setdefault(topology.facts.nodes[group.owner].ci_class, []).append(group)
    while True:
        group = rng.choice(by_class[rng.choice(sorted(by_class))])
        one, two = (carrier(topology, literal) for literal, _ in rng.sample(group.providers, 2))
        if one != two:
            together = fallen(topology, (one, two))
            if len(together) > len(fallen(topology, (one,)) | fallen(topology, (two,))):
                yield (one, two)


def unrelated(topology: Topology, pool: list[int], rng: Random) -> Iterator[Roots]:
    roots = single(topology, pool, 3, rng)
    while True:
        (one,), (two,) = next(roots), next(roots)
        if one not in fallen(topology, (two,)) and two not in fallen(topology, (one,)):
            yield (one, two)


def alarms_of(topology: Topology, roots: Roots, noise: tuple[float, float], rng: Random) -> list[int]:
    """What is reported of an incident: most of what fell, and some that did not."""
    down = sorted(fallen(topology, roots))
    told = {ci for ci in down if rng.random() >= noise[0]}
    told |= {rng.randrange(len(topology.facts.nodes)) for _ in down if rng.random() < noise[1]}
    return sorted(told) if len(told) <= MOST_ALARMS else sorted(rng.sample(sorted(told), MOST_ALARMS))


def true_score(topology: Topology, roots: Roots, alarms: list[int], noise: tuple[float, float]) -> float:
    """What the truth scores, and a little more than rounding takes off."""
    cis = sum(node.is_there and node.ci_class not in topology.policy.internal for node in topology.facts.nodes)
    given = Alarms(topology.facts, topology.live, [(ci, "DOWN") for ci in alarms], odds_of(len(alarms), cis, *noise))
    return given.explain(roots, fail(topology.live, roots)).score + 0.001


def measure(
    topology: Topology, edges: dict[int, list[int]], cases: list[Roots], noise: tuple[float, float], rng: Random
) -> Score:
    score, nodes = Score(), topology.facts.nodes
    for roots in cases:
        alarms = alarms_of(topology, roots, noise, rng)
        if not alarms:
            continue
        start = time.process_time()
        answer = find_causes(topology, [Alarm(nodes[ci].id, "DOWN") for ci in alarms], *noise)
        score.seconds.append(time.process_time() - start)
        truth = {nodes[ci].id for ci in roots}
        ranked = [{ref.id for ref in candidate.roots} for candidate in answer.candidates]
        plain = nearest_common(edges, alarms, rng)
        score.runs += 1
        score.first += truth in ranked[:1]
        score.three += truth in ranked[:3]
        score.shared += bool(ranked and truth & ranked[0])
        score.plain_first += plain[0] in roots
        score.plain_three += not set(plain).isdisjoint(roots)
        score.incomplete += not answer.complete
        score.outweighed += bool(ranked) and answer.candidates[0].score > true_score(topology, roots, alarms, noise)
    return score


def shown(title: str, score: Score) -> None:
    n = score.runs
    cuts = quantiles(score.seconds, n=20)
    print(
        f"  {title:<24} hit@1 {score.first / n:.2f} hit@3 {score.three / n:.2f} "
        f"(a true root in the first {score.shared / n:.2f}; outweighed {score.outweighed / n:.2f})   "
        f"upstream {score.plain_first / n:.2f} {score.plain_three / n:.2f}   "
        f"p50 {median(score.seconds) * 1e3:,.0f} p95 {cuts[18] * 1e3:,.0f} "
        f"max {max(score.seconds) * 1e3:,.0f} ms of CPU"
        f"   {n} incidents, {score.incomplete} cut short",
        flush=True,
    )


def main(size: int, incidents: int) -> None:
    made: Made = make(size)
    topology = Topology(load_model())
    topology.load(made.cis, made.relationships, 1)
    edges, rng = upstream(topology), Random(3)
    numbers = topology.facts.numbers
    infrastructure = [numbers[id_] for sort in INFRASTRUCTURE for id_ in made.sorts[sort]]
    everything = list(range(len(topology.facts.nodes)))
    kinds: dict[str, Callable[[], Iterator[Roots]]] = {
        "one infrastructure CI": lambda: single(topology, infrastructure, 4, rng),
        "any one CI": lambda: single(topology, everything, 3, rng),
        "a redundant pair": lambda: redundant(topology, rng),
        "two unrelated CIs": lambda: unrelated(topology, everything, rng),
    }
    print(f"{len(made.cis):,} CIs; of two roots the upstream hits if it names one of them")
    for noise in NOISE:
        print(f"{noise[0]:.0%} of the alarms are missing, {noise[1]:.0%} are false")
        for title, drawn in kinds.items():
            source = drawn()
            shown(title, measure(topology, edges, [next(source) for _ in range(incidents)], noise, rng))


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 100_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 100,
    )
