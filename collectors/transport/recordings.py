"""Finds all recordings in files and folders, of whatever protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cmdb.errors import NotFound
from collectors.transport.host_replay import SUFFIX, RecordedHost, find_host_recordings
from collectors.transport.recording import stem
from collectors.transport.replay import RecordedTarget, find_recordings


def find_all_recordings(
    paths: Sequence[Path], targets_file: Path | None = None
) -> tuple[list[RecordedTarget], list[RecordedHost]]:
    """Recorded agents and recorded hosts. Raises NotFound for a path that holds neither."""
    agents = [path for path in paths if _holds_agents(path)]
    hosts = [path for path in paths if _holds_hosts(path)]
    for path in paths:
        if path not in agents and path not in hosts:
            raise NotFound(f"{path}: no recording (NAME.snmprec, NAME.snmprec.bz2 or NAME.ssh) there")
    found = find_host_recordings(hosts, targets_file) if hosts else []
    return (find_recordings(agents, targets_file) if agents else []), found


def _holds_agents(path: Path) -> bool:
    if path.is_dir():
        return any(stem(file) and file.is_file() for file in path.iterdir())
    return stem(path) is not None and path.is_file()


def _holds_hosts(path: Path) -> bool:
    if not path.is_dir():
        return False
    return path.name.endswith(SUFFIX) or any(p.name.endswith(SUFFIX) and p.is_dir() for p in path.iterdir())
