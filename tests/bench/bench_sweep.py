"""A sweep that finds a tenth of the graph stale, beside a full scan of what it would otherwise have to read.

    python tests/bench/bench_sweep.py [CIS]

Runs on the embedded engine, and on Neo4j as well where BOLT_URI names one. Start Neo4j with NEO4J_HEAP=1g
NEO4J_PAGECACHE=512m.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from cmdb.entrypoints.wiring import new_id
from cmdb.ingest import Ingest
from cmdb.model.absence import HOUR_MS
from cmdb.model.registry import load_model
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from cmdb.store.engine import Endpoint
from cmdb.sweep import sweep, targets_due
from tests.bench.bench_ingest import DEVICES_PER_BATCH, PORTS, reports

OLD, NEW = HOUR_MS, 200 * HOUR_MS  # the time of the stale tenth, and of all others, which is now


def load(ingest: Ingest, cis: int) -> int:
    """A graph of switches, every tenth batch of which was not seen for long; returns how many CIs are stale."""
    stale = 0
    for batch, first in enumerate(range(0, cis // (PORTS + 1), DEVICES_PER_BATCH)):
        count = min(DEVICES_PER_BATCH, cis // (PORTS + 1) - first)
        is_old = batch % 10 == 0
        ingest.run(reports(first, count, OLD if is_old else NEW), "bench", "load")
        stale += count * (PORTS + 1) * is_old
    return stale


def measure(name: str, endpoint: Endpoint, cis: int) -> None:
    """Print the figures of one engine."""
    store = BoltStore(endpoint, load_model())
    store.migrate()
    ingest = Ingest(store, load_model(), lambda: NEW, new_id)
    stale = load(ingest, cis)
    timed: dict[str, float] = {}
    started = time.perf_counter()
    rows = store.connection.rows("MATCH (c:CI) WHERE c.id IS NOT NULL RETURN c.id, c.facets")
    timed["full scan"] = time.perf_counter() - started
    print(f"{name}: {len(rows):,} CIs, {stale:,} of them stale")
    del rows
    started = time.perf_counter()
    due = targets_due(store, ingest, NEW)
    timed["targets due"] = time.perf_counter() - started
    started = time.perf_counter()
    found = sweep(ingest, NEW, "bench", dry_run=True)
    timed["found"] = time.perf_counter() - started
    assert found.stale == stale
    started = time.perf_counter()
    done = sweep(ingest, NEW, "bench")
    timed["written"] = time.perf_counter() - started
    assert done.stale == stale
    started = time.perf_counter()
    assert sweep(ingest, NEW, "bench").commits == 0
    timed["again"] = time.perf_counter() - started
    notes = {
        "targets due": f"{len(due):,} targets",
        "found": f"{stale / timed['found']:,.0f} CIs/s; aim: 40,000 of 400,000 in 5 s, 8,000/s",
    }
    for what, seconds in timed.items():
        print(f"  {what:12} {seconds:8.2f} s  {notes.get(what, '')}".rstrip())
    store.close()


def main() -> None:
    cis = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    with tempfile.TemporaryDirectory() as folder:
        engine = EmbeddedEngine(Path(folder), heap_mb=2048)
        try:
            measure("embedded", engine.endpoint, cis)
        finally:
            engine.stop()
    if uri := os.environ.get("BOLT_URI"):
        endpoint = Endpoint(uri, os.environ["BOLT_DB"], os.environ["BOLT_USER"], os.environ["BOLT_PASSWORD"])
        measure("neo4j", endpoint, cis)
    else:
        print("neo4j: left out, BOLT_URI names none")


if __name__ == "__main__":
    main()
