"""Pages of history, differences and baselines, each beside the same on a small graph or a short history.

    python tests/bench/bench_history.py [CIS [COMMITS]]

Runs on the embedded engine, and on Neo4j as well where BOLT_URI names one. What must not grow with history or with the
graph is shown as a ratio.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cmdb.baselines import Wanted, take_baseline
from cmdb.changes import Change, ChangeSet, Facet, NewCI, SetCI, canonical
from cmdb.diff import differences
from cmdb.ingest import Ingest
from cmdb.model.registry import load_model
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from cmdb.store.engine import Endpoint
from cmdb.store.rows import compress
from cmdb.timeline import ci_history

VERSIONS = (10, 1_000, 10_000)
SMALL = 1_000
TIMES = 10


def new(ci: str) -> NewCI:
    said = {"snmp/bench": Facet(1, "x", "self", "NetworkDevice", None)}
    return NewCI(ci, "NetworkDevice", "", "", "in_service", {"name": ci, "model": "A"}, (), said, 1)


def flap(ci: str, n: int, model: str = "") -> SetCI:
    values = {"name": ci, "model": model or "AB"[n % 2]}
    said = {"snmp/bench": Facet(n, "x", "self", "NetworkDevice", None)}
    return SetCI(ci, "NetworkDevice", "in_service", {"model": values["model"]}, (), values, said)


class Bench:
    """One engine under measurement."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name, self.model = name, load_model()
        self.store = BoltStore(endpoint, self.model)
        self.store.migrate()
        self.ingest = Ingest(self.store, self.model, lambda: time.time_ns() // 1_000_000, lambda: "")

    def commit(self, changes: list[Change]) -> None:
        self.store.commit(ChangeSet(time.time_ns() // 1_000_000, changes), self.store.head().sequence, "bench", "")

    def grow(self, first: int, last: int) -> None:
        for start in range(first, last, 5_000):
            self.commit([new(f"c{n:07d}") for n in range(start, min(start + 5_000, last))])

    def say(self, what: str, figures: str) -> None:
        print(f"{self.name:9} {what:48} {figures}", flush=True)

    def run(self, cis: int, commits: int) -> None:
        """Print the figures."""
        self.grow(0, SMALL)
        small = self.baselines("small")
        for versions in VERSIONS:
            self.history(versions)
        self.difference(commits)
        self.grow(SMALL, cis)
        large = self.baselines("large")
        self.say(
            f"baseline at {cis:,} CIs, beside {SMALL:,} CIs", f"{large:.1f} ms, {small:.1f} ms: × {large / small:.2f}"
        )
        self.difference(commits, f", in a graph of {cis:,} CIs")

    def baselines(self, name: str) -> float:
        """Median milliseconds of taking one."""
        numbers = iter(range(1_000))
        return timed(lambda: take_baseline(self.ingest, Wanted(f"{name} {next(numbers)}"), "bench"))

    def history(self, versions: int) -> None:
        ci = f"flapping-{versions}"
        self.commit([new(ci)])
        for start in range(1, versions + 1, 1_000):
            self.age(ci, range(start, min(start + 1_000, versions + 1)))
        page = ci_history(self.store, self.model, [ci], 50)
        first = timed(lambda: ci_history(self.store, self.model, [ci], 50))
        before = self.store.connection.queries
        ci_history(self.store, self.model, [ci], 50)
        queries = self.store.connection.queries - before
        second = timed(lambda: ci_history(self.store, self.model, [ci], 50, page.cursor)) if page.cursor else 0.0
        self.say(
            f"page of 50 of {versions:,} versions", f"first {first:.1f} ms, next {second:.1f} ms, {queries} queries"
        )

    def age(self, ci: str, numbers: range) -> None:
        """Write versions and commits as that many commits would, without the time that those take."""
        head = self.store.head()
        rows = []
        for n in numbers:
            sequence, at = head.sequence + 1 + n - numbers.start, head.at + 1 + n - numbers.start
            rows.append([ci, sequence, at, "BA"[n % 2], compress(canonical([flap(ci, n)]))])
        last = rows[-1]
        # A list in the order of time: each row finds the CI as the one before it left it.
        statement = (
            "UNWIND $rows AS r MATCH (c:CI {id: r[0]}) CREATE (v:CIVersion) SET v = properties(c) SET v.to = r[2],"
            " v.from = r[2] - 1, v.model = r[3] SET c.from = r[2]"
            " CREATE (:Commit {seq: r[1], at: r[2], actor: 'bench', reason: '', prev_hash: '', hash: '',"
            " payload: r[4], texts: $none, parts: 0, size: 0}) RETURN count(*)"
        )

        def work(tx: Any) -> None:
            tx.run(statement, rows=rows, none=b"").consume()
            moved = "MATCH (h:Ledger {id: 'head'}) SET h.seq = $seq, h.at = $at"
            tx.run(moved, seq=last[1], at=last[2]).consume()

        self.store.connection.write(work, lambda: None)

    def difference(self, commits: int, where: str = "") -> None:
        ids = [f"c{n:07d}" for n in range(SMALL)]
        first = self.store.head().sequence
        for n in range(commits):
            self.commit([flap(ids[n % len(ids)], 1 + n, f"{first}-{n}")])
        moments = self.store.moment(sequence=first), self.store.moment(sequence=first + commits)
        begin = time.perf_counter()
        found = sum(1 for _ in differences(self.store, self.model, *moments))
        took = time.perf_counter() - begin
        self.say(f"diff across {commits:,} commits{where}", f"{took * 1000:.0f} ms, {found:,} differences")


def timed(work: Callable[[], Any], times: int = TIMES) -> float:
    """Median milliseconds."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        took.append((time.perf_counter() - begin) * 1000)
    return statistics.median(took)


def main(cis: int, commits: int) -> None:
    """Measure each engine there is."""
    with tempfile.TemporaryDirectory() as folder:
        engine = EmbeddedEngine(Path(folder), heap_mb=1024)
        try:
            Bench("embedded", engine.endpoint).run(cis, commits)
        finally:
            engine.stop()
    if uri := os.environ.get("BOLT_URI"):
        endpoint = Endpoint(uri, os.environ["BOLT_DB"], os.environ["BOLT_USER"], os.environ["BOLT_PASSWORD"])
        Bench("Neo4j", endpoint).run(cis, commits)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:3]]
    main(*given, *(100_000, 1_000)[len(given) :])
