"""A disk that fills up at random points of a mixed load. Needs root, to mount a small file system."""

from __future__ import annotations

import errno
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.e2e.mixed import PAST, check, kinds, loads

pytestmark = pytest.mark.e2e
FULL = int(os.environ.get("FULL", "4"))  # times
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
