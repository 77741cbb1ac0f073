"""How long planning takes next to a month of other changes, beside judging every moment afresh in the same run.

python -m tests.bench.bench_plans [CIs] [changes]
"""

from __future__ import annotations

import sys
import time
from random import Random

from cmdb.impact.answer import Seed
from cmdb.impact.engine import fail
from cmdb.impact.together import assess
from cmdb.impact.waves import plan_waves
from cmdb.impact.windows import find_windows
from cmdb.impact.work import Window, Work, tasks_of
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from tests.bench.bench_impact import INFRASTRUCTURE, shown, timed
from tests.bench.estate import Made, make

MINUTE = 60_000
MONTH = Window(0, 30 * 24 * 60 * MINUTE)


def month(rng: Random, made: Made, count: int) -> list[Work]:
    """Changes of one to five CIs, half of them infrastructure, for half an hour to ten hours."""
    infrastructure = [ci for sort in INFRASTRUCTURE for ci in made.sorts[sort]]
    everything = [ci.id for ci in made.cis]
    works = []
    for number in range(count):
        start = rng.randrange(MONTH.end // MINUTE - 600) * MINUTE
        cis = rng.sample(infrastructure if number % 2 else everything, rng.randint(1, 5))
        end = start + rng.randint(30, 600) * MINUTE
        works.append(Work(f"k{number}", f"CHG-{number}", tuple(Seed(ci, "MAINTENANCE") for ci in cis), start, end))
    return works


def afresh(topology: Topology, work: Work, works: list[Work]) -> int:
    """Judge each moment of the month with fixpoints of its own; the number of safe ones."""
    tasks = tasks_of(topology, works, MONTH)
    (mine,) = tasks_of(topology, [Work(work.key, work.name, work.seeds, 0)], MONTH)
    times = sorted({MONTH.start, MONTH.end, *(at for t in tasks for at in (t.start, t.end))})
    alone = fail(topology.live, mine.out).cause.keys()
    safe = 0
    for at in times[:-1]:
        out = [ci for t in tasks if t.start <= at < t.end for ci in t.out]
        known = fail(topology.live, out).cause.keys() | alone
        safe += len(fail(topology.live, (*out, *mine.out)).cause) == len(known)
    return safe


def main(size: int, count: int) -> None:
    made, rng = make(size), Random(7)
    topology = Topology(load_model())
    topology.load(made.cis, made.relationships, 1)
    works = month(rng, made, count)
    print(f"{len(made.cis):,} CIs, {count:,} changes in a month")
    by_key = {w.key: w for w in works}
    hosts = made.sorts["host"]

    def drafted(key: str, cis: int) -> Work:
        some = Random(key).sample(hosts, min(cis, len(hosts)))
        start = by_key[key].start
        return Work("mine", "mine", tuple(Seed(ci, "MAINTENANCE") for ci in some), start, start + 240 * MINUTE)

    keys = rng.sample(sorted(by_key), 100)
    shown("change of 5 CIs, four hours, assessed", timed(lambda k: assess(topology, drafted(k, 5), works), keys))
    shown("change of 50 CIs, four hours, assessed", timed(lambda k: assess(topology, drafted(k, 50), works), keys))
    shown(
        "first slot of four hours in the month",
        timed(lambda k: find_windows(topology, drafted(k, 5), 240, MONTH, works, 1), keys),
    )
    whole = shown(
        "all slots of the month (first 50)",
        timed(lambda k: find_windows(topology, drafted(k, 5), 240, MONTH, works, 50), keys[:20]),
    )
    start = time.perf_counter()
    afresh(topology, drafted(keys[0], 5), works)
    plain = (time.perf_counter() - start) * 1e6
    print(f"  every moment of the month judged afresh: {plain:,.0f} µs; the sweep takes {whole / plain:.2f} of that")
    for sort in ("host", "switch", "core"):
        cis = made.sorts[sort][:5_000]
        start = time.perf_counter()
        plan = plan_waves(topology, cis)
        spent = time.perf_counter() - start
        print(f"  waves for {len(cis):,} {sort}: {plan.waves}, none below {plan.lower_bound}; {spent:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1_000)
