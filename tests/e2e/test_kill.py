"""kill -9 in the middle of ingest: nothing acknowledged is lost, nothing half-written stays, the next start works."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
from pathlib import Path

import pytest

from cmdb.entrypoints.wiring import clock_ms, new_id
from cmdb.errors import CmdbError
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model, load_model
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from cmdb.store.open import open_store
from cmdb.store.protocol import GraphStore
from tests.program import Running, post
from tests.reports import device, port, report

pytestmark = pytest.mark.e2e
KILLS = int(os.environ.get("KILLS", "5"))
PORTS = 20


def check(store: GraphStore, model: Model, acknowledged: set[str]) -> None:
    """Every acknowledged device is there as a whole, no device is there in part, and the ledger gives the graph."""
    parts: dict[str, int] = {}
    names = {}
    for ci in store.scan_cis():
        if ci.parent:
            parts[ci.parent] = parts.get(ci.parent, 0) + 1
        else:
            names[ci.id] = ci.name
    assert acknowledged <= set(names.values()), f"lost: {sorted(acknowledged - set(names.values()))[:5]}"
    assert {parts.get(ci) for ci in names} <= {PORTS}
    assert len(set(names.values())) == len(names)
    assert verify(store, model, deep=True).problems == ()


def test_engine_killed(tmp_path: Path) -> None:
    """The engine dies under two writers, again and again; it comes back by itself and the writers go on."""
    model, rng = load_model(), random.Random(1)
    engine = EmbeddedEngine(tmp_path, heap_mb=512)
    store = BoltStore(engine.endpoint, model, engine)
    store.migrate()
    acknowledged: set[str] = set()
    stop, wrote = threading.Event(), threading.Semaphore(0)
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        ingest, number = Ingest(store, model, clock_ms, new_id), 0
        while not stop.is_set():
            number += 1
            name = f"d{writer}-{number}"
            ports = [port(f"serial:x:{name}", str(p)) for p in range(PORTS)]
            try:
                ingest.run([report(name, number, device(name, f"serial:x:{name}"), *ports)], "test", "")
            except CmdbError:
                continue  # not acknowledged; it may be there or not
            except BaseException as error:
                failures.append(error)
                raise
            acknowledged.add(name)
            wrote.release()

    writers = [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for writer in writers:
        writer.start()
    for _ in range(KILLS):
        for _ in range(rng.randint(1, 8)):
            assert wrote.acquire(timeout=120), "no write was acknowledged for two minutes"
        os.kill(engine.pid, signal.SIGKILL)
    assert wrote.acquire(timeout=120)
    stop.set()
    for writer in writers:
        writer.join()
    check(store, model, acknowledged)
    store.close()

    assert not failures
    assert len(acknowledged) >= KILLS
    again = open_store(None, tmp_path, model)
    check(again, model, acknowledged)
    again.close()


def test_server_killed(tmp_path: Path) -> None:
    """The server dies in the middle of pushes; the next start works by itself and has all it said yes to."""
    rng, data_dir = random.Random(2), tmp_path / "data"
    acknowledged: set[str] = set()
    number = 0
    for round_ in range(KILLS):
        server = Running(tmp_path, "serve", "--data-dir", data_dir, "--port", "0")
        url = f"{server.address()}/api/v1/ingest/native?source=native"
        killer_at = rng.randint(1, 12)
        stop = threading.Event()

        pushed = threading.Semaphore(0)

        def push(url: str = url, stop: threading.Event = stop, pushed: threading.Semaphore = pushed) -> None:
            nonlocal number
            while not stop.is_set():
                number += 1
                name = f"s{number}"
                try:
                    status, answer = post(url, items(name), "application/x-ndjson")
                except (OSError, http.client.HTTPException):
                    return
                if status == 200 and json.loads(answer)["totals"].get("created") == PORTS + 1:
                    acknowledged.add(name)
                    pushed.release()

        pusher = threading.Thread(target=push)
        pusher.start()
        for _ in range(killer_at):
            assert pushed.acquire(timeout=120), f"round {round_}: no push was acknowledged for two minutes"
        server.kill()
        stop.set()
        pusher.join()
    model = load_model()
    store = open_store(None, data_dir, model)
    check(store, model, acknowledged)
    store.close()

    assert len(acknowledged) >= KILLS


def items(name: str) -> bytes:
    """A device with its interfaces as native items."""
    of = {"type": "NetworkDevice", "id": {"serial": name, "vendor": "cisco"}}
    lines = [{**of, "description": {"name": name}}]
    lines += [
        {"type": "Interface", "id": {"name": str(p)}, "parent": of, "description": {"mtu": 1500}} for p in range(PORTS)
    ]
    return "\n".join(map(json.dumps, lines)).encode()
