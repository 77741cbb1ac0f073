"""kill -9 at random points of a mixed load: visits, sweeps, merges, splits, and undoing them. On both engines."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.e2e.mixed import PAST, Loads, check, kinds, loads
from tests.e2e.mixed_load import KINDS

pytestmark = pytest.mark.e2e
KILLS = int(os.environ.get("KILLS", "5"))
ENGINE_TOO = 5  # every so many kills, the engine dies instead of the program
CHECKED = 10  # every so many kills


def kill_often(running: Loads, store: BoltStore, seed: int, engine: EmbeddedEngine | None) -> None:
    """Start the load and kill it (or the engine under it) somewhere in a write, again and again."""
    rng = random.Random(seed)
    running.start(store.connection.endpoint, f"p{seed}", PAST).end()
    past = len(running.heard.done)
    for kill in range(KILLS):
        load = running.start(store.connection.endpoint, f"k{seed}n{kill}")
        load.work(rng)
        if engine is not None and kill % ENGINE_TOO == ENGINE_TOO - 1:
            os.kill(engine.pid, signal.SIGKILL)
        load.kill()
        if kill % CHECKED == CHECKED - 1:
            check(store, running.heard)
    done = kinds(check(store, running.heard))
    acknowledged = len(running.heard.done) - past
    print(f"{KILLS} kills, {acknowledged} acknowledged meanwhile, {past} before: {dict(done)}")

    assert running.heard.lost == []
    assert acknowledged >= KILLS
    assert {"sweep", "merge", "undo", "stale", "missing"} <= (+done).keys()
    assert KILLS < 50 or {*KINDS, "retired", "ended"} <= (+done).keys()


def test_killed_on_the_embedded_engine(tmp_path: Path, model: Model, class_cache: Path) -> None:
    engine = EmbeddedEngine(tmp_path, heap_mb=512, class_cache=class_cache)
    store = BoltStore(engine.endpoint, model, engine)
    try:
        store.migrate()
        with loads() as running:
            kill_often(running, store, 7, engine)
    finally:
        store.close()


@pytest.mark.neo4j
def test_killed_on_neo4j(neo4j_store: BoltStore) -> None:
    with loads() as running:
        kill_often(running, neo4j_store, 8, None)
