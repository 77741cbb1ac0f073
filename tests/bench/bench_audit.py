"""Completeness and audits of a whole estate, beside a plain scan of the same CIs and a plain walk along the ledger.

python tests/bench/bench_audit.py [CIS]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cmdb.changes import ChangeSet, NewCI, NewRelationship
from cmdb.entrypoints.follower import reload_topology
from cmdb.entrypoints.wiring import clock_ms, new_id
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import load_model
from cmdb.service.audits import Audits, PlanRequest
from cmdb.service.completeness import Totals
from cmdb.service.examine import Examiner
from cmdb.service.scope import Scope
from cmdb.service.support import Closure
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from cmdb.topology import Topology
from tests.bench.estate import TIES, make

BATCH = 5_000
Result = TypeVar("Result")


def timed(what: str, work: Callable[[], Result], floor: float = 0.0) -> tuple[Result, float]:
    """Do it and print how long it took, and how often the floor fits."""
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    ratio = f"  ×{seconds / floor:.1f}" if floor else ""
    print(f"  {what:28} {seconds:8.1f} s{ratio}")
    return result, seconds


def load(store: BoltStore, size: int) -> int:
    """Write an estate; how many CIs it has."""
    made = make(size)
    ties = set(TIES.values())
    parents = {ci.id: ci.parent for ci in made.cis}
    for start in range(0, len(made.cis), BATCH):
        changes = [
            NewCI(c.id, c.ci_class, c.parent, c.local_key if c.parent else "", c.status, values, (), c.facets, 1)
            for c in made.cis[start : start + BATCH]
            for values in ({**c.attributes, "name": c.name},)
        ]
        store.commit(ChangeSet(1, list(changes)), store.head().sequence, "bench", "load")
    rels = [
        NewRelationship(r.source, r.type, r.target, r.attributes, {})
        for r in made.relationships
        if not ((r.type in ties and r.source in (parents[r.target], r.target)) or parents[r.source] == r.target)
    ]
    for start in range(0, len(rels), BATCH):
        store.commit(ChangeSet(1, list(rels[start : start + BATCH])), store.head().sequence, "bench", "load")
    return len(made.cis)


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    model = load_model()
    with tempfile.TemporaryDirectory() as folder:
        engine = EmbeddedEngine(Path(folder), heap_mb=2048)
        try:
            store = BoltStore(engine.endpoint, model)
            store.migrate()
            print(f"{load(store, size):,} CIs")
            topology = Topology(model)
            timed("load the topology", lambda: reload_topology(store, topology))
            ci = next(iter(topology.facts.numbers))
            timed("closure of all services", lambda: Closure(topology).services_of(ci))
            _, scan = timed("scan of all CIs (floor)", lambda: sum(1 for _ in store.scan_cis()))
            examiner, totals = Examiner(store, model, topology, clock_ms()), Totals()

            def examine() -> None:
                for found, judged in examiner.stream(store.scan_cis()):
                    totals.add(found.ci_class, judged)

            timed("completeness of all CIs", examine, scan)
            _, walk = timed("ledger verify (floor)", lambda: verify(store, model))
            audits = Audits(Ingest(store, model, clock_ms, new_id))
            audits.plan(PlanRequest("all", Scope(), "ann", "otto", 90), "boss", "bench")
            audits.plan(PlanRequest("some", Scope(), "ann", "otto", 90, size=100), "boss", "bench")
            some, _ = timed("draw 100", lambda: audits.start("some", "ann", "bench"), walk)
            timed("report a sample of 100", lambda: audits.finish(some.id, "ann", "bench", topology), walk)
            whole, _ = timed("begin with all", lambda: audits.start("all", "ann", "bench"), walk)
            timed("report all", lambda: audits.finish(whole.id, "ann", "bench", topology), walk)
            print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
            store.close()
        finally:
            engine.stop()


if __name__ == "__main__":
    main()
