"""Pages of 50, now and in the past, beside the floor: the same 50 looked up by id; and reads while history grows.

    python tests/bench/bench_pages.py [CIS [CHANGED [COMMITS]]]

CIS stand in one class: a third of them never changed, of the other thirds CHANGED changed twice or 20 times, and the
rest once, which keeps the load short. Then COMMITS commits change what is read, and present reads are timed before and
after. Runs on the embedded engine, and on Neo4j as well where BOLT_URI names one (it is emptied first).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cmdb.model.registry import load_model
from cmdb.store.bolt import BoltStore
from cmdb.store.cursors import make_cursor
from cmdb.store.embedded import EmbeddedEngine
from cmdb.store.engine import Endpoint
from cmdb.store.protocol import Condition, Filter, Order
from cmdb.store.rows import by_class, by_name

START = 1_700_000_000_000
STEP = 1_000_000  # ms between two versions
VERSIONS = {"a": 0, "m": 2, "z": 20}
NAME = [Order("name")]
CLASS = Filter((Condition("class", "eq", "Interface"),))
KEPT = Filter(CLASS.conditions, none_of=(Filter((Condition("status", "eq", "retired"),)),))

_NODE = (
    "UNWIND $rows AS r CREATE (:{label} {{id: r[0], class: 'Interface', name: r[1], name_lc: r[1],"
    " status: 'in_service', from: r[2], named: $start, first_seen: $start, revision: r[3], facets: r[4],"
    " by_class: r[5], by_name: r[6],"
    " to: r[7], alias: 'x', mtu: 1500, if_index: 3, type: 'ethernetCsmacd', admin_status: 'up', oper_status: 'up',"
    " speed_bps: 1000000000}})"
)
_DEVICES = (
    "UNWIND $rows AS r CREATE (d:CI {id: r[0], class: 'NetworkDevice', name: r[0], name_lc: r[0], status: 'in_service',"
    " from: $start, named: $start, first_seen: $start, revision: 1, facets: r[1], by_class: r[2], by_name: r[3]})"
    " WITH d UNWIND range(1, 60) AS n CREATE (d)-[:CONTAINS {from: $start}]->(:CI {id: d.id + '-' + n,"
    " class: 'PartItem', name: 'p' + n, name_lc: 'p' + n, status: 'in_service', from: $start, named: $start,"
    " first_seen: $start, revision: 1, facets: d.facets})"
)
_CHANGES = (
    "UNWIND range($first, $last) AS i MATCH (c:CI {id: $ids[i % $many]}) CREATE (v:CIVersion) SET v = properties(c)"
    " SET v.to = $start + i, v.by_class = null, v.by_name = null, c.from = $start + i, c.revision = c.revision + 1"
    " CREATE (:Commit {seq: i, at: $start + i, actor: 'bench', reason: '', prev_hash: '', hash: 'x', parts: 0})"
)
_HEAD = "MERGE (h:Ledger {id: 'head'}) SET h.seq = $seq, h.at = $at, h.hash = '', h.lock = ''"


def write(store: BoltStore, statement: str, **parameters: Any) -> Any:
    return store.connection.write(lambda tx: tx.run(statement, parameters).values(), lambda: None)


def fill(store: BoltStore, cis: int, changed: int) -> None:
    """One class of `cis`, its versions, and 20 devices of 60 parts."""
    left = dict.fromkeys(VERSIONS, changed)
    for begin in range(0, cis, 2_500):
        nodes: list[list[Any]] = []
        versions: list[list[Any]] = []
        for n in range(begin, min(begin + 2_500, cis)):
            letter, ci = "amz"[n * 3 // cis], f"01J{n:023d}"
            name = f"{letter}-{n:07d}"
            left[letter] -= 1
            count = VERSIONS[letter] if left[letter] >= 0 else min(1, VERSIONS[letter])
            facets = f'{{"snmp/sw-{n // 60}":[{START},"0123456789abcdef","self","Interface"]}}'
            row = [
                ci,
                name,
                START + count * STEP,
                count + 1,
                facets,
                by_class("Interface", name, ci),
                by_name(name, ci),
            ]
            nodes.append([*row, None])
            versions += [
                [ci, name, START + v * STEP, v + 1, facets, None, None, START + (v + 1) * STEP] for v in range(count)
            ]
        write(store, _NODE.format(label="CI"), rows=nodes, start=START)
        for part in range(0, len(versions), 10_000):
            write(store, _NODE.format(label="CIVersion"), rows=versions[part : part + 10_000], start=START)
    devices = []
    for n in range(20):
        name = f"dev-{n:04}"
        devices.append([name, "{}", by_class("NetworkDevice", name, name), by_name(name, name)])
    write(store, _DEVICES, rows=devices, start=START)


def took(call: Callable[[], object], times: int = 21) -> float:
    """Median of some calls in ms, the first one left out."""
    call()
    out = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        out.append((time.perf_counter() - begin) * 1000)
    return statistics.median(out)


def pages(store: BoltStore) -> None:
    """Print pages of the class now and then, each beside the look-up of the same CIs by id."""
    print(f"{'page of 50':34} {'page':>8} {'by id':>8} {'ratio':>6}")
    for letter, versions in VERSIONS.items():
        after = make_cursor([f"{letter}-", ""], "name")
        for when, at in (("now", None), ("latest", START + 99 * STEP), ("first", START + STEP // 2)):
            for what, where in (("class", CLASS), ("class, not retired", KEPT)):
                ids = [c.id for c in store.find(where, NAME, 50, after, at).cis]
                assert len(ids) == 50, (letter, when, len(ids))
                page = took(partial(store.find, where, NAME, 50, after, at))
                floor = took(partial(store.cis, ids, at))
                print(f"{f'{versions} versions, {when}, {what}':34} {page:7.1f}  {floor:7.1f}  {page / floor:5.2f}")
    print(f"count of the class: {took(lambda: store.count(CLASS, 10**9), 3):.0f} ms")


def growth(store: BoltStore, commits: int) -> None:
    """Print present reads at 10 commits and at many; the commits change the CIs that are read."""
    ids = [c.id for c in store.find(CLASS, NAME, 50).cis]
    devices = [f"dev-{n:04}" for n in range(20)]
    reads: dict[str, Callable[[], object]] = {
        "one CI": lambda: store.cis(ids[:1]),
        "page of 50": lambda: store.find(KEPT, NAME, 50),
        "60 neighbours": lambda: store.neighbours(devices[:1], first=60),
        "moment of a time": lambda: store.moment(at=START + 100 * STEP + 5),
    }
    figures = []
    for first, last in ((1, 10), (11, commits)):
        for begin in range(first, last + 1, 2_000):
            end, at = min(begin + 1_999, last), START + 100 * STEP
            parameters = {"first": begin, "last": end, "ids": [*ids, *devices], "many": 70, "start": at}
            write(store, _CHANGES, **parameters)
            write(store, _HEAD, seq=end, at=at + end)
        figures.append({name: took(read) for name, read in reads.items()})
    print(f"{'present reads':34} {'at 10':>8} {f'at {commits}':>8} {'ratio':>6}")
    for name, before in figures[0].items():
        print(f"{name:34} {before:7.1f}  {figures[1][name]:7.1f}  {figures[1][name] / before:5.2f}")


def measure(name: str, endpoint: Endpoint, cis: int, changed: int, commits: int) -> None:
    """Print the figures of one engine."""
    store = BoltStore(endpoint, load_model())
    store.migrate()
    while write(store, "MATCH (n) WHERE NOT n:Migration WITH n LIMIT 10000 DETACH DELETE n RETURN count(*)")[0][0]:
        pass
    begin = time.perf_counter()
    fill(store, cis, changed)
    print(f"\n{name}: {store.ping()}, {cis} CIs in one class, loaded in {time.perf_counter() - begin:.0f} s")
    pages(store)
    growth(store, commits)
    store.close()


def engines(folder: Path) -> Iterator[tuple[str, Endpoint]]:
    """The embedded engine, and a Neo4j where BOLT_URI names one."""
    if uri := os.environ.get("BOLT_URI"):
        yield (
            "Neo4j",
            Endpoint(uri, os.environ["BOLT_DB"], os.environ["BOLT_USER"], os.environ["BOLT_PASSWORD"]),
        )
    engine = EmbeddedEngine(folder, heap_mb=2048)
    try:
        yield "embedded", engine.endpoint
    finally:
        engine.stop()


if __name__ == "__main__":
    asked = [int(a) for a in sys.argv[1:]]
    sizes = (*asked, *(300_000, 20_000, 100_000)[len(asked) :])
    with tempfile.TemporaryDirectory() as temporary:
        for engine_name, where_to in engines(Path(temporary)):
            measure(engine_name, where_to, *sizes)
