"""A disk that fills up at random points of a mixed load. Needs root, to mount a small file system."""

from __future__ import annotations

import errno
import os
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from cmdb.store.engine import Endpoint
from tests.e2e.mixed import PAST, check, kinds, loads
from tests.program import ROOT

pytestmark = pytest.mark.e2e
FULL = int(os.environ.get("FULL", "2"))  # times
SIZE_MB = 192
LEFT_KB = 512  # most that the engine may still write


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a file system")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(disk: Path, left: int) -> Path:
    """Write what leaves so many bytes of room, and return it."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        while True:
            state = os.statvfs(disk)
            try:
                os.posix_fallocate(file.fileno(), 0, max(1, state.f_bavail * state.f_frsize - left))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                if not state.f_bavail:
                    return ballast
            else:  # else the engine took that room in between: ask again
                return ballast


def test_a_disk_that_is_full_loses_nothing_that_was_acknowledged(
    small_disk: Path, model: Model, class_cache: Path
) -> None:
    """What is written meanwhile is refused with a word; with room the same program goes on."""
    rng = random.Random(13)
    engine = EmbeddedEngine(small_disk / "data", heap_mb=512, class_cache=class_cache)
    store = BoltStore(engine.endpoint, model, engine)
    try:
        store.migrate()
        with loads() as running:
            running.start(store.connection.endpoint, "past", PAST // 2).end()
            load = running.start(store.connection.endpoint, "full")
            for _ in range(FULL):
                load.until("done", times=rng.randint(1, 4))
                ballast = fill(small_disk, rng.randrange(LEFT_KB << 10))
                load.until("lost")
                ballast.unlink()
                load.until("done")
            load.kill()
            chain = check(store, running.heard)
    finally:
        store.close()
    print(f"{FULL} times full, {len(running.heard.done)} acknowledged, {len(running.heard.lost)} refused")
    print(dict(kinds(chain)), {s.text[:150] for s in running.heard.lost})

    assert len(running.heard.lost) >= FULL
    assert all("MiB left" in said.text for said in running.heard.lost)
    assert {s.mark for s in running.heard.lost}.isdisjoint({c.reason for c in chain}), "what was refused is not there"


class Server:
    """A Neo4j that keeps its data on some disk."""

    def __init__(self, disk: Path) -> None:
        self._environment = os.environ | {"TMPDIR": str(disk)}
        told = dict(re.findall(r"(\w+)=(\S+)", self._do("start")))
        self._environment |= told
        self.endpoint = Endpoint(told["BOLT_URI"], told["BOLT_DB"], told["BOLT_USER"], told["BOLT_PASSWORD"], 30.0)

    def restart(self) -> None:
        """Stop it, and start it over what it has."""
        self._do("restart")

    def stop(self) -> None:
        """Stop it, and throw its data away."""
        self._do("stop")

    def _do(self, what: str) -> str:
        done = subprocess.run(
            ["bash", ROOT / "deploy" / "neo4j" / "neo4j.sh", what],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout


@pytest.mark.neo4j
def test_a_neo4j_whose_disk_was_full_loses_nothing_that_was_acknowledged(
    small_disk: Path, model: Model, neo4j_store: BoltStore
) -> None:
    """It stops itself, and writers are told to start it again; then the same program goes on."""
    server = Server(small_disk)
    store = BoltStore(server.endpoint, model)
    try:
        store.migrate()
        with loads() as running:
            running.start(server.endpoint, "past", PAST // 4).end()
            load = running.start(server.endpoint, "full")
            load.until("done", times=2)
            ballast = fill(small_disk, LEFT_KB << 9)
            load.until("lost")
            ballast.unlink()
            server.restart()
            load.until("done")
            load.kill()
            chain = check(store, running.heard)
    finally:
        store.close()
        server.stop()

    assert running.heard.lost
    assert all("start it again" in said.text or "does not answer" in said.text for said in running.heard.lost)
    there = {s.mark for s in running.heard.lost} & {c.reason for c in chain}
    assert len(there) <= 1, "only what was under way when the disk was full may be there all the same"
