"""What it costs to tell sure from possible, by how many relationships are in doubt.

python -m tests.bench.bench_certainty [CIs]
"""

from __future__ import annotations

import gc
import sys
import time
from random import Random

from cmdb.impact import Seed, evaluate
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from tests.bench.bench_impact import INFRASTRUCTURE, shown, timed
from tests.bench.estate import Made, make

QUESTIONS = 600


def ask(topology: Topology, made: Made, share: float) -> None:
    rng = Random(3)
    numbers, is_tie = topology.facts.numbers, topology.facts.is_tie
    ties = [(numbers[r.source], r.type, numbers[r.target]) for r in made.relationships]
    ties = [tie for tie in ties if not is_tie(*tie) and tie[1] in topology.policy.kept and rng.random() < share]
    start = time.perf_counter()
    topology.doubt.set_ties(ties)
    noted = time.perf_counter()
    evaluate(topology, [Seed(made.sorts["core"][0])], first=1)
    first = time.perf_counter() - noted
    print(f"{share:.1%} in doubt: {len(ties):,} relationships, noted in {noted - start:.2f} s; ", end="")
    print(f"the first question afterwards takes {first:.2f} s")
    infrastructure = [ci for sort in INFRASTRUCTURE for ci in made.sorts[sort]]
    for title, among in (("one random CI", [ci.id for ci in made.cis]), ("one infrastructure CI", infrastructure)):
        ids = rng.sample(among, min(QUESTIONS, len(among)))
        shown(title, timed(lambda id_: evaluate(topology, [Seed(id_)]), ids))
        nodes = [node for id_ in ids[:200] for node in evaluate(topology, [Seed(id_)]).nodes]
        print(f"    {sum(node.certainty == 'POSSIBLE' for node in nodes):,} of {len(nodes):,} impacted only possibly")


def main(size: int) -> None:
    made, topology = make(size), Topology(load_model())
    topology.load(made.cis, made.relationships, 1)
    gc.collect()
    gc.freeze()
    print(f"{len(made.cis):,} CIs, {len(made.relationships):,} relationships")
    for share in (0.0, 0.001, 0.05, 1.0):
        ask(topology, made, share)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
