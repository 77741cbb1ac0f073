"""How long impact questions take, from a snapshot, on both engines, beside plain reachability in graph libraries.

python -m tests.bench.bench_impact [CIs ...]

Times of questions are CPU time of one thread, so that other programs on the machine don't count. What memory is spent
is seen in a process of its own, as a server would be that starts.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from statistics import quantiles

from cmdb.changes import EndRelationship, NewRelationship, SetCI
from cmdb.entrypoints.garbage import seldom_in_full
from cmdb.impact import Seed, engine, evaluate, fixpoint
from cmdb.impact.singles import single_points
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from cmdb.topology.kept import restore, save
from tests.bench.estate import make
from tests.bench.peers import peers

INFRASTRUCTURE = ("core", "switch", "pdu", "ups", "rack", "host", "cluster")
QUESTIONS, FEW = 1_500, 200
SIZES = (10_000, 100_000, 1_000_000)


def timed(work: Callable[[str], object], ids: Iterable[str]) -> list[float]:
    """Microseconds of CPU time that each call took."""
    spent = []
    for id_ in ids:
        start = time.thread_time()
        work(id_)
        spent.append((time.thread_time() - start) * 1e6)
    return spent


def shown(title: str, spent: list[float]) -> float:
    """Print the percentiles and return the median."""
    cuts = quantiles(spent, n=100)
    print(f"  {title:<44} p50 {cuts[49]:>9,.0f}   p99 {cuts[98]:>9,.0f}   max {max(spent):>9,.0f} µs")
    return cuts[49]


def memory() -> tuple[float, float]:
    """Resident memory of this process, and how much of that is its own rather than of files, in MB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    resident, own = (int(lines[key].split()[0]) / 1e3 for key in ("VmRSS", "RssAnon"))
    return resident, own


class Sorts:
    """CIs of the estate by what they are, as their names say."""

    def __init__(self, topology: Topology) -> None:
        self.rng, self.all = Random(7), len(topology.facts.nodes)
        self.by_sort: dict[str, list[str]] = {}
        for node in topology.facts.nodes:
            self.by_sort.setdefault(node.name.rpartition("-")[0], []).append(node.id)

    def infrastructure(self, count: int) -> list[str]:
        """Some of each sort, shuffled."""
        found = []
        for sort in INFRASTRUCTURE:
            found += self.rng.sample(self.by_sort[sort], min(FEW, len(self.by_sort[sort])))
        self.rng.shuffle(found)
        return found[:count]


def questions(topology: Topology, sorts: Sorts) -> None:
    """One failure, on both engines, and the whole answer."""
    nodes = topology.facts.nodes
    some = [nodes[ci].id for ci in sorts.rng.sample(range(sorts.all), min(QUESTIONS, sorts.all))]
    for title, ids in (("one random CI", some), ("one infrastructure CI", sorts.infrastructure(QUESTIONS))):
        print(title)
        _ask(topology, [(id_,) for id_ in ids])


def _ask(topology: Topology, seeds: list[tuple[str, ...]]) -> None:
    """Ask the same of the two engines, and for the whole answer."""
    live, numbers = topology.live, topology.facts.numbers
    keys = {str(place): [numbers[id_] for id_ in ids] for place, ids in enumerate(seeds)}
    asked = {key: [Seed(id_) for id_ in seeds[int(key)]] for key in keys}
    shown("reference engine, rows not read yet", timed(lambda key: engine.fail(live, keys[key]), keys))
    plain = shown("reference engine", timed(lambda key: engine.fail(live, keys[key]), keys))
    if (mirror := fixpoint.mirror_of(live)) is not None:
        mirror.arrays()
        quick = shown("kernel where it is quicker", timed(lambda key: fixpoint.fail(live, keys[key]), keys))
        shown("kernel, what falls alone", timed(lambda key: mirror.fallen(keys[key]), keys))
        print(f"  kernel / reference {quick / plain:.2f}")
    shown("answer with proof (first 200)", timed(lambda key: evaluate(topology, asked[key]), keys))


def many(topology: Topology, sorts: Sorts) -> None:
    """Many CIs at once, and all of them one by one."""
    print("a site")
    sites = sorts.by_sort["site"][:10]
    _ask(topology, [(id_,) for id_ in sites * (2 if len(sites) < 2 else 1)])
    print("a change of 50 infrastructure CIs")
    _ask(topology, [tuple(sorts.infrastructure(50)) for _ in range(20)])
    start, spent = time.perf_counter(), time.thread_time()
    found = single_points(topology)
    wall, cpu = time.perf_counter() - start, time.thread_time() - spent
    print(f"N-1 over all: {cpu:.2f} s of CPU time, {wall:.2f} s on the clock; {found.critical:,} take a service down")


def feed(topology: Topology, sorts: Sorts) -> None:
    """Changes of the feed, a question after each so that both engines are current."""
    print("one change of the feed")
    facts, rng = topology.facts, Random(8)
    ports = rng.sample(sorts.by_sort["port"], min(1_000, len(sorts.by_sort["port"])))
    cables = {}
    for id_ in ports:
        far = next((facts.nodes[n].id for t, n, _ in facts.ends.get(facts.numbers[id_], ()) if t == "CONNECTED_TO"), "")
        cables[id_] = tuple(sorted((id_, far)))

    def retag(id_: str) -> None:
        attributes = {"name": facts.nodes[facts.numbers[id_]].name, "oper_status": "down"}
        topology.apply(topology.sequence + 1, 0, [SetCI(id_, "Interface", "in_service", {}, (), attributes, {})])

    def replug(id_: str) -> None:
        a, b = cables[id_]
        topology.apply(topology.sequence + 1, 0, [EndRelationship(a, "CONNECTED_TO", b)])
        topology.apply(topology.sequence + 1, 0, [NewRelationship(a, "CONNECTED_TO", b, {}, {})])

    def replug_and_ask(id_: str) -> None:
        replug(id_)
        fixpoint.fallen(topology.live, (facts.numbers[id_],))

    shown("an interface goes down", timed(retag, ports))
    spent = timed(replug, ports[:500])
    shown("a cable is pulled and plugged in again", spent)
    print(f"  that is {2e6 * len(spent) / sum(spent):,.0f} updates a second")
    shown("the same, and a question after it", timed(replug_and_ask, ports[500:]))


def started(file: Path, has_kernel: bool) -> None:
    """What a server does that starts from a snapshot, and then all questions."""
    topology, before = _opened(file)
    if has_kernel:
        start = time.perf_counter()
        fixpoint.use_kernel()
        compiled = time.perf_counter()
        mirror = fixpoint.mirror_of(topology.live)
        assert mirror is not None
        mirror.arrays()
        filled = time.perf_counter()
        print(f"kernel ready in {compiled - start:.2f} s, its arrays in {filled - compiled:.2f} s")
    sorts = Sorts(topology)
    with seldom_in_full():  # as a server does
        questions(topology, sorts)
        many(topology, sorts)
        feed(topology, sorts)
    resident, own = memory()
    print(f"memory after all that {resident - before:,.0f} MB; {own:,.0f} MB in all are not pages of files")
    start = time.perf_counter()
    save(topology, file.with_suffix(".again"), str)
    print(f"kept again in {time.perf_counter() - start:.2f} s", flush=True)


def _opened(file: Path) -> tuple[Topology, float]:
    """A topology over a snapshot, and the memory of this process before, in MB."""
    model = load_model()
    gc.collect()
    before, _ = memory()
    start, spent = time.perf_counter(), time.process_time()
    topology = Topology(model)
    restore(topology, file, str)
    opened, spent = time.perf_counter() - start, time.process_time() - spent
    evaluate(topology, [Seed(topology.facts.nodes[len(topology.facts.nodes) // 2].id)])
    answered = time.perf_counter() - start
    count = len(topology.facts.nodes)
    resident, _ = memory()
    print(f"from the snapshot in {opened:.2f} s ({spent:.2f} s of CPU time), first answer {answered:.2f} s, ", end="")
    print(f"memory {resident - before:,.0f} MB, {1e6 * (resident - before) / count:,.0f} bytes a CI")
    return topology, before


def main(size: int, has_kernel: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "snapshot"
        _make(size, file)
        for what in ("--python", *(("--kernel",) if has_kernel else ()), "--peers"):
            print(f"-- {what[2:]}", flush=True)
            subprocess.run([sys.executable, "-m", __spec__.name, what, str(file)], check=True)


def _make(size: int, file: Path) -> None:
    made, topology = make(size), Topology(load_model())
    gc.collect()
    gc.freeze()
    before, _ = memory()
    start = time.perf_counter()
    topology.load(made.cis, made.relationships, 1)
    loaded = time.perf_counter() - start
    live = topology.live
    print(
        f"== {len(made.cis):,} CIs, {len(made.relationships):,} relationships, {len(live.groups):,} requirements,",
        end="",
    )
    print(f" {len(topology.fabric.edges):,} transit CIs, {sum(map(len, live.defects.values())):,} defects")
    print(f"loaded from records in {loaded:.1f} s; memory as objects {memory()[0] - before:,.0f} MB")
    start = time.perf_counter()
    kept = save(topology, file, str)
    print(f"snapshot of {kept / 1e6:,.0f} MB kept in {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peers"]:
        peers(Path(sys.argv[2]))
    elif sys.argv[1:2] in (["--python"], ["--kernel"]):
        started(Path(sys.argv[2]), sys.argv[1] == "--kernel")
    else:
        for asked in [int(text) for text in sys.argv[1:]] or SIZES:
            main(asked, fixpoint.has_kernel())
