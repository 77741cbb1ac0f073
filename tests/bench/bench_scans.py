"""How long scans of the whole estate take: start from dark, N-1, N-2, last legs, and the cut sets of a service.

Each in microseconds a CI beside one pass of the plain fixpoint over all CIs in the same run.

python -m tests.bench.bench_scans [CIs] [seconds for N-2]
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import TypeVar

from cmdb.impact.cuts import cut_sets
from cmdb.impact.engine import fail
from cmdb.impact.legs import last_legs
from cmdb.impact.pairs import pairs
from cmdb.impact.singles import single_points
from cmdb.impact.start import cold_start
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from tests.bench.estate import make

T = TypeVar("T")
SERVICES = 20


def timed(title: str, work: Callable[[], T]) -> tuple[T, float]:
    """Do it once, print and return how long it took."""
    start = time.perf_counter()
    done = work()
    spent = time.perf_counter() - start
    print(f"  {title:<44} {spent:>8.2f} s")
    return done, spent


def main(size: int, pair_seconds: float) -> None:
    made = make(size)
    topology = Topology(load_model())
    topology.load(made.cis, made.relationships, 1)
    gc.collect()
    gc.freeze()
    live, count = topology.live, len(made.cis)
    print(f"{count:,} CIs, {len(live.groups):,} requirements, {len(made.sorts['service']):,} services")
    _, floor = timed("plain fixpoint of each CI (the floor)", lambda: [fail(live, (ci,)) for ci in range(count)])
    singles, spent = timed("N-1 over all", lambda: single_points(topology))
    print(f"    {spent / count * 1e6:.1f} µs a CI, {spent / floor:.2f} of the floor; ", end="")
    print(f"{singles.harmful:,} take another CI down, {singles.critical:,} a service")
    end = time.perf_counter() + pair_seconds
    double, spent = timed("N-2 over all", lambda: pairs(topology, rest=lambda: time.perf_counter() < end))
    print(
        f"    {double.candidates:,} candidates of {count * (count - 1) // 2:,} pairs, {double.tried:,} tried, ", end=""
    )
    print(f"{double.harmful:,} do harm, {double.critical:,} to services; complete: {double.complete}")
    plan, _ = timed("start from dark", lambda: cold_start(topology))
    print(f"    {plan.start_count:,} in {plan.stage_count} stages, {plan.deadlocked_count:,} never")
    timed("last legs", lambda: last_legs(topology, [made.sorts["core"][0]]))
    for most in (1, 2):
        found, spans = 0, []
        for service in made.sorts["service"][: SERVICES if most == 1 else SERVICES // 4]:
            start = time.perf_counter()
            found += len(cut_sets(topology, [service], most, first=1_000).cuts)
            spans.append(time.perf_counter() - start)
        title = f"cut sets of a service, up to {most}"
        print(f"  {title:<44} p50 {median(spans):.2f} s, max {max(spans):.2f} s; {found / len(spans):.0f} each")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, float(sys.argv[2]) if len(sys.argv) > 2 else 600.0)
