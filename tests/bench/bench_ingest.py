"""The whole path of new, unchanged and changed CIs beside the bare driver that writes the same rows in the same
statements.

    python tests/bench/bench_ingest.py [CIS]

Runs on the embedded engine, and on Neo4j as well where BOLT_URI names one. Batches alternate, so that both see the
same machine. Start Neo4j with NEO4J_HEAP=1g NEO4J_PAGECACHE=512m: with the page cache that the tests give it, the
figures are those of the disk. ITS DATABASE IS EMPTIED. A small estate goes before the one that counts, since a server
that was just started compiles while it works.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neo4j import GraphDatabase

from cmdb.changes import ChangeSet
from cmdb.entrypoints.follower import reload_topology
from cmdb.entrypoints.wiring import clock_ms, new_id
from cmdb.ingest import Ingest
from cmdb.model.registry import load_model
from cmdb.observation import Identifier, Link, Observation, Report, path
from cmdb.store.bolt import BoltStore
from cmdb.store.cypher import Statements
from cmdb.store.embedded import EmbeddedEngine
from cmdb.store.engine import Endpoint
from cmdb.store.prepare import prepare
from cmdb.topology import Topology

PORTS = 60
DEVICES_PER_BATCH = 80
UNCHANGED_PER_BATCH = 320  # they make no change set, so more of them fit into one
SINGLE = 200  # writes of one changed interface
CHANGED = 1_000  # interfaces in one write
WARMING = 30_000  # CIs
BARE = re.compile(r":(CI|Identifier)\b")
FACTS = re.compile(r"(MATCH|CREATE|MERGE) \(\w*:(CI|Identifier)\b")


def reports(first: int, count: int, at: int = 1) -> list[Report]:
    """Devices with 60 interfaces, every third one cabled to the device before: 1.3 relationships a CI."""
    return [_device(n, at) for n in range(first, first + count)]


def _device(n: int, at: int, down: range = range(0)) -> Report:
    """A device as it is read at a time; the ports in `down` are shut."""
    key = f"serial:bench:{n:08d}"
    said = [
        Observation(
            "NetworkDevice",
            key,
            {"name": f"sw-{n}", "vendor": "Bench", "model": "B-1", "serial_number": f"{n:08d}", "os_version": "1.2.3"},
            (Identifier(key), Identifier(f"sysname:sw-{n}", False)),
        )
    ]
    for p in range(PORTS):
        links: tuple[Link, ...] = ()
        if n and p % 3 == 0:
            links = (
                Link("CONNECTED_TO", path(f"serial:bench:{n - 1:08d}", "Interface", f"Gi1/0/{p + 1}"), {}, "bench"),
            )
        attributes = {
            "name": f"Gi1/0/{p}",
            "if_index": p + 1,
            "description": f"GigabitEthernet1/0/{p}",
            "type": "ethernetCsmacd",
            "mac_address": f"00:1d:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}:{p:02x}",
            "mtu": 1500,
            "speed_bps": 10**9,
            "admin_status": "down" if p in down else "up",
            "oper_status": "up" if p % 2 else "down",
        }
        said.append(Observation("Interface", f"Gi1/0/{p}", attributes, parent=key, links=links))
    return Report("snmp", f"sw-{n}", at, tuple(said), tables=("interfaces",))


class Bare:
    """The plain driver: the rows of CIs, identifiers and relationships in one transaction a batch, and nothing else."""

    def __init__(self, endpoint: Endpoint, statements: Statements) -> None:
        self.driver = GraphDatabase.driver(
            endpoint.uri, auth=(endpoint.user, endpoint.password), notifications_min_severity="OFF"
        )
        self.database, self.statements = endpoint.database, statements
        with self.driver.session(database=self.database) as session:
            for ddl in (
                "CREATE CONSTRAINT bare_id IF NOT EXISTS FOR (n:CIBare) REQUIRE n.id IS UNIQUE",
                "CREATE CONSTRAINT bare_key IF NOT EXISTS FOR (n:CIBare) REQUIRE n.key IS UNIQUE",
                "CREATE INDEX bare_class IF NOT EXISTS FOR (n:CIBare) ON (n.by_class)",
                "CREATE INDEX bare_name IF NOT EXISTS FOR (n:CIBare) ON (n.by_name)",
                "CREATE CONSTRAINT bare_identifier IF NOT EXISTS FOR (n:IdentifierBare) REQUIRE n.key IS UNIQUE",
            ):
                session.run(ddl).consume()

    def rows(self, change_set: ChangeSet) -> list[tuple[str, list[list[Any]]]]:
        """The same statements on labels of its own; working state and chain left out."""
        steps = prepare(change_set, self.statements, lambda: b"x" * 16).steps
        facts = [s for s in steps if FACTS.search(s.statement)]
        return [(BARE.sub(r":\1Bare", s.statement), s.rows) for s in facts]

    def write(self, rows: list[tuple[str, list[list[Any]]]], at: int) -> None:
        with self.driver.session(database=self.database) as session, session.begin_transaction() as tx:
            for statement, part in rows:
                tx.run(statement, rows=part, at=at).consume()
            tx.commit()


def empty(endpoint: Endpoint) -> None:
    """Take everything out of a database of ours, since what is known already would be measured as unchanged."""
    with (
        GraphDatabase.driver(endpoint.uri, auth=(endpoint.user, endpoint.password)) as driver,
        driver.session(database=endpoint.database) as session,
    ):
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS").consume()


def measure(name: str, endpoint: Endpoint, cis: int) -> None:
    """Print the figures of one engine."""
    model = load_model()
    store = BoltStore(endpoint, model)
    store.migrate()
    bare = Bare(endpoint, Statements(model))
    ingest = Ingest(store, model, clock_ms, new_id)
    spent = {"whole path": 0.0, "bare driver": 0.0}
    made = ties = 0
    memory = []
    for batch in _batches(cis):
        gc.collect()
        started = time.perf_counter()
        done = ingest.run(batch, "bench", "load")
        spent["whole path"] += time.perf_counter() - started
        rows = bare.rows(done.change_set)
        started = time.perf_counter()
        bare.write(rows, 1)
        spent["bare driver"] += time.perf_counter() - started
        made += sum(len(r.observations) for r in batch)
        memory.append(_memory_mb())
    ties = sum(store.totals()[1].values())
    print(f"{name}: {made:,} CIs, {ties:,} relationships")
    for who, seconds in spent.items():
        print(f"  {who:12} {made / seconds:8,.0f} CIs/s")
    print(f"  ratio        {spent['bare driver'] / spent['whole path']:.2f}  (floor 0.5, aim 0.6)")
    print(f"  memory       {memory[len(memory) // 4]:8,.0f} MB after a quarter of it, {memory[-1]:,.0f} MB at the end")
    _unchanged(ingest, made)
    _changed(ingest, bare, made // (PORTS + 1))
    _topology(store)
    bare.driver.close()
    store.close()


def _memory_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _batches(cis: int) -> Iterator[list[Report]]:
    devices = cis // (PORTS + 1)
    for first in range(0, devices, DEVICES_PER_BATCH):
        yield reports(first, min(DEVICES_PER_BATCH, devices - first))


def _unchanged(ingest: Ingest, made: int) -> None:
    devices = made // (PORTS + 1)
    again = [
        reports(first, min(UNCHANGED_PER_BATCH, devices - first), at=2)
        for first in range(0, devices, UNCHANGED_PER_BATCH)
    ]
    before = ingest.store.head().sequence
    gc.collect()
    started = time.perf_counter()
    for batch in again:
        ingest.run(batch, "bench", "again")
    seconds = time.perf_counter() - started
    assert ingest.store.head().sequence == before
    print(f"  unchanged    {made / seconds:8,.0f} CIs/s, {devices / seconds:,.0f} targets/s  (floor 200,000 CIs/s)")


def _changed(ingest: Ingest, bare: Bare, devices: int) -> None:
    """One interface a write, on devices all over the graph; then many at once. Beside it the same rows, bare."""
    single = [[_device(n * devices // SINGLE, 3, range(n % 7, n % 7 + 1))] for n in range(SINGLE)]
    whole, floor = _beside(ingest, bare, single, 1)
    print(f"  one changed  {_spread(whole)}, bare driver {_spread(floor)}  (limit p50 10 ms)")
    wide = CHANGED // PORTS + 1
    many = [
        [_device(first + n, at, range(min(PORTS, CHANGED - n * PORTS))) for n in range(wide)]
        for at, first in zip(range(4, 14), range(0, devices, max(1, devices // 10)), strict=False)
        if first + wide <= devices
    ]
    whole, floor = _beside(ingest, bare, many, CHANGED)
    print(f"  {CHANGED:,} changed {_spread(whole)}, bare driver {_spread(floor)}  (limit 300 ms)")


def _beside(ingest: Ingest, bare: Bare, writes: list[list[Report]], changes: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each write through the whole path, and of the bare driver with its rows."""
    whole, floor = [], []
    for write in writes:
        started = time.perf_counter()
        done = ingest.run(write, "bench", "change")
        whole.append(1000 * (time.perf_counter() - started))
        assert abs(len(done.change_set.changes) - changes) <= len(write)  # ports that were down before
        rows = bare.rows(done.change_set)
        started = time.perf_counter()
        bare.write(rows, 1)
        floor.append(1000 * (time.perf_counter() - started))
    return whole, floor


def _spread(ms: list[float]) -> str:
    ordered = sorted(ms)
    return f"p50 {ordered[len(ms) // 2]:,.1f} ms, most {ordered[-1]:,.1f} ms"


def _topology(store: BoltStore) -> None:
    topology = Topology(load_model())
    started = time.perf_counter()
    reload_topology(store, topology)
    print(f"  topology     {time.perf_counter() - started:8.1f} s to load")


def main() -> None:
    cis = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        engine = EmbeddedEngine(Path(folder), heap_mb=2048)
        print(f"embedded engine started in {time.perf_counter() - started:.1f} s (empty directory, no class cache)")
        try:
            measure("embedded", engine.endpoint, cis)
        finally:
            engine.stop()
        started = time.perf_counter()
        engine = EmbeddedEngine(Path(folder), heap_mb=2048)
        print(f"embedded engine started in {time.perf_counter() - started:.1f} s (with the graph, class cache)")
        engine.stop()
    if uri := os.environ.get("BOLT_URI"):
        endpoint = Endpoint(uri, os.environ["BOLT_DB"], os.environ["BOLT_USER"], os.environ["BOLT_PASSWORD"])
        empty(endpoint)
        print("to warm up, not to be counted:")
        measure("neo4j", endpoint, WARMING)
        empty(endpoint)
        measure("neo4j", endpoint, cis)
        empty(endpoint)
    else:
        print("neo4j: left out, BOLT_URI names none")


if __name__ == "__main__":
    main()
