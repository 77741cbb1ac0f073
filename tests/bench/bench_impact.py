"""How long one impact question takes, with proof, beside plain reachability in the same run.

python -m tests.bench.bench_impact [CIs]
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from random import Random
from statistics import quantiles

from cmdb.changes import EndRelationship, NewRelationship, SetCI
from cmdb.impact import Seed, evaluate
from cmdb.impact.engine import fail
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from cmdb.topology.live import ci_of
from tests.bench.estate import Made, make

INFRASTRUCTURE = ("core", "switch", "pdu", "ups", "rack", "host", "cluster")
QUESTIONS = 1_500


def timed(work: Callable[[str], object], ids: list[str]) -> list[float]:
    """Microseconds that each call took."""
    spent = []
    for id_ in ids:
        start = time.perf_counter()
        work(id_)
        spent.append((time.perf_counter() - start) * 1e6)
    return spent


def shown(title: str, spent: list[float]) -> float:
    """Print the percentiles and return the median."""
    cuts = quantiles(spent, n=100)
    print(f"  {title:<44} p50 {cuts[49]:>9,.0f}   p99 {cuts[98]:>9,.0f}   max {max(spent):>9,.0f} µs")
    return cuts[49]


def reachable(topology: Topology, consumers: dict[int, list[int]], id_: str) -> int:
    """What plain reachability would call impacted: everything downstream."""
    seen = {topology.facts.numbers[id_]}
    queue = list(seen)
    for ci in queue:
        for user in consumers.get(ci, ()):
            if user not in seen:
                seen.add(user)
                queue.append(user)
    return len(seen)


def downstream(topology: Topology) -> dict[int, list[int]]:
    """Who relies on whom, requirements and cables taken for plain edges."""
    edges: dict[int, list[int]] = {}
    for group in topology.live.groups.values():
        for literal, _ in group.providers:
            edges.setdefault(ci_of(literal), []).append(group.owner)
    for parent in (plane.parent for plane in topology.live.planes):
        for ci, above in parent.items():
            if above >= 0:
                edges.setdefault(above, []).append(ci)
    return edges


def questions(topology: Topology, made: Made) -> None:
    rng = Random(7)
    consumers = downstream(topology)
    infrastructure = [
        ci for kind in INFRASTRUCTURE for ci in rng.sample(made.sorts[kind], min(200, len(made.sorts[kind])))
    ]
    rng.shuffle(infrastructure)
    for title, ids in (
        ("one random CI", [ci.id for ci in rng.sample(made.cis, QUESTIONS)]),
        ("one infrastructure CI", infrastructure[:QUESTIONS]),
    ):
        print(title)
        plain = shown("plain reachability", timed(lambda id_: reachable(topology, consumers, id_), ids))
        engine = shown("fixpoint alone", timed(lambda id_: fail(topology.live, (topology.find(id_) or 0,)), ids))
        answer = shown("answer with proof (first 200)", timed(lambda id_: evaluate(topology, [Seed(id_)]), ids))
        wrong = sum(reachable(topology, consumers, id_) for id_ in ids[:200])
        right = sum(_down(topology, id_) for id_ in ids[:200])
        print(f"  answer / reachability {answer / plain:.2f}, fixpoint / reachability {engine / plain:.2f}; ", end="")
        print(f"reachability reports {wrong / max(1, right):.1f} times as many CIs as are down")


def _down(topology: Topology, id_: str) -> int:
    return evaluate(topology, [Seed(id_)], first=1).summary.down


def feed(topology: Topology, made: Made) -> None:
    print("one change of the feed")
    rng = Random(8)
    ports = {ci.id: ci for ci in made.cis if ci.ci_class == "Interface"}
    cables = [(r.source, r.target) for r in made.relationships if r.type == "CONNECTED_TO"]

    def retag(id_: str) -> None:
        ci = ports[id_]
        attributes = {"name": ci.name, "oper_status": "down"}
        topology.apply(topology.sequence + 1, 0, [SetCI(id_, "Interface", "in_service", {}, (), attributes, {})])

    def replug(at: str) -> None:
        a, b = cables[int(at)]
        topology.apply(topology.sequence + 1, 0, [EndRelationship(a, "CONNECTED_TO", b)])
        topology.apply(topology.sequence + 1, 0, [NewRelationship(a, "CONNECTED_TO", b, {}, {})])

    shown("an interface goes down", timed(retag, rng.sample(sorted(ports), 1_000)))
    shown(
        "a cable is pulled and plugged in again", timed(replug, [str(n) for n in rng.sample(range(len(cables)), 500)])
    )


def main(size: int) -> None:
    made = make(size)
    topology = Topology(load_model())
    start = time.perf_counter()
    topology.load(made.cis, made.relationships, 1)
    spent = time.perf_counter() - start
    live = topology.live
    print(
        f"{len(made.cis):,} CIs, {len(made.relationships):,} relationships, {len(live.groups):,} requirements, ", end=""
    )
    print(f"{len(topology.fabric.edges):,} transit CIs, {sum(map(len, live.defects.values())):,} defects")
    print(f"loaded in {spent:.2f} s ({len(made.cis) / spent:,.0f} CIs/s)")
    gc.collect()
    gc.freeze()
    questions(topology, made)
    feed(topology, made)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
