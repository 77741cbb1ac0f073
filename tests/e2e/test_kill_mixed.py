"""kill -9 at random points of a mixed load: ingest, merges, splits and what takes them back. On both engines."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", "8"))
WITHIN_S = 0.15  # of the beginning of a write
ENGINE_TOO = 5  # every so many kills, the engine dies instead of the program


def until_killed(store: BoltStore, seed: str, rng: random.Random, engine: EmbeddedEngine | None) -> list[str]:
    """Start the load, kill it (or the engine under it) somewhere in a write; what it had acknowledged."""
    endpoint = store.connection.endpoint
    given = {"W_URI": endpoint.uri, "W_DB": endpoint.database, "W_USER": endpoint.user, "W_PASSWORD": endpoint.password}
    load = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.mixed_load", seed],
        cwd=ROOT,
        env={**os.environ, **given, "PYTHONPATH": f"{ROOT}:{ROOT / 'graphql'}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdout is not None
    said, writes = [], rng.randint(1, 12)
    try:
        while writes:
            line = load.stdout.readline()
            assert line, f"the load ended by itself with {load.wait()}"
            said.append(line)
            writes -= line.startswith("begin")
        select.select([load.stdout], [], [], rng.uniform(0, WITHIN_S))
        if engine is not None:
            os.kill(engine.pid, signal.SIGKILL)
    finally:
        load.kill()
        said += load.stdout.readlines()
        load.stdout.close()
        load.wait()
    return [line.split()[1] for line in said if line.startswith("done ") and line.endswith("\n")]


def check(store: BoltStore, model: Model, acknowledged: list[str]) -> None:
    """All that was acknowledged is in the chain, the chain gives the graph, and nothing is there twice."""
    reasons: Counter[str] = Counter()
    after = 0
    while batch := store.commits(after):
        reasons.update(c.reason for c in batch)
        after = batch[-1].sequence

    assert not set(acknowledged) - reasons.keys()
    assert {n for n in reasons.values()} <= {1}, "a write was done twice"
    assert verify(store, model, deep=True).problems == ()
    links = Counter((r.source, r.type, r.target) for r in store.scan_relationships())
    assert [link for link, times in links.items() if times > 1] == []
    keys = Counter((c.parent, c.ci_class, c.local_key) for c in store.scan_cis() if c.parent)
    assert [key for key, times in keys.items() if times > 1] == []
    strong = Counter(i.key for c in store.scan_cis() for i in c.identifiers if i.strong)
    assert [key for key, times in strong.items() if times > 1] == []


def test_killed_on_the_embedded_engine(tmp_path: Path, model: Model, class_cache: Path) -> None:
    rng = random.Random(7)
    engine = EmbeddedEngine(tmp_path, heap_mb=512, class_cache=class_cache)
    store = BoltStore(engine.endpoint, model, engine)
    store.migrate()
    acknowledged: list[str] = []
    try:
        for kill in range(KILLS):
            acknowledged += until_killed(store, f"e{kill}", rng, engine if kill % ENGINE_TOO == 4 else None)
            if kill % 20 == 19:
                check(store, model, acknowledged)
        check(store, model, acknowledged)
    finally:
        store.close()

    assert len(acknowledged) >= KILLS


@pytest.mark.neo4j
def test_killed_on_neo4j(neo4j_store: BoltStore, model: Model) -> None:
    rng = random.Random(8)
    acknowledged: list[str] = []
    for kill in range(KILLS):
        acknowledged += until_killed(neo4j_store, f"n{kill}", rng, None)
        if kill % 20 == 19:
            check(neo4j_store, model, acknowledged)
    check(neo4j_store, model, acknowledged)

    assert len(acknowledged) >= KILLS
