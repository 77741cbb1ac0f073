"""A disk that fills up during a run. Needs root, to mount a small file system."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import cmdb

pytestmark = pytest.mark.e2e
DEVICES, PORTS = 12, 3_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a file system")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def recordings(folder: Path) -> Path:
    """Switches with many ports: more than the disk holds."""
    folder.mkdir()
    for device in range(DEVICES):
        lines = [f"1.3.6.1.2.1.1.5.0|4|sw-{device}\n"]
        for port in range(1, PORTS + 1):
            lines.append(f"1.3.6.1.2.1.2.2.1.1.{port}|2|{port}\n")
            lines.append(f"1.3.6.1.2.1.2.2.1.2.{port}|4|Gi1/0/{port} of {device}: {port * 7919 % 100003:06}\n")
        (folder / f"sw-{device}.snmprec").write_text("".join(lines))
    return folder


def test_a_full_disk_is_named_and_costs_nothing_that_was_written(tmp_path: Path, small_disk: Path) -> None:
    """The run ends with a message; with more room it goes on from what was there."""
    recorded, data = recordings(tmp_path / "recordings"), small_disk / "data"
    full = cmdb(tmp_path, "discover", "replay", recorded, "--data-dir", data)
    subprocess.run(["mount", "-o", "remount,size=800m", small_disk], check=True)
    left = cmdb(tmp_path, "ledger", "verify", "--deep", "--data-dir", data)
    again = cmdb(tmp_path, "discover", "replay", recorded, "--data-dir", data)
    found = cmdb(tmp_path, "ci", "list", "--class", "NetworkDevice", "-o", "name", "--data-dir", data)

    assert full.returncode == 5, full.stderr
    assert "MiB left" in full.stderr, full.stderr
    assert "Traceback" not in full.stderr
    assert left.returncode == 0, left.stderr
    assert "replaying them gives the graph" in left.stderr
    assert again.returncode == 0, again.stderr
    assert len(found.stdout.splitlines()) == DEVICES
