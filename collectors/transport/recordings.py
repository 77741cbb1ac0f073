"""Finds all recordings in files and folders, of whatever protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cmdb.errors import NotFound
from collectors.transport.commands_recording import RecordedCommands, find_commands, is_commands_recording
from collectors.transport.recording import stem
from collectors.transport.replay import RecordedTarget, find_recordings


def find_all_recordings(
    paths: Sequence[Path], targets_file: Path | None = None
) -> tuple[list[RecordedTarget], list[RecordedCommands]]:
    """Recorded agents and recorded command lines. Raises NotFound for a path that holds neither."""
    agents = [path for path in paths if _holds_agents(path)]
    commands = [path for path in paths if _holds_commands(path)]
    for path in paths:
        if path not in agents and path not in commands:
            raise NotFound(f"{path}: no recording (NAME.snmprec, NAME.snmprec.bz2 or NAME.ssh) there")
    found = find_commands(commands, targets_file) if commands else []
    return (find_recordings(agents, targets_file) if agents else []), found


def _holds_agents(path: Path) -> bool:
    if path.is_dir():
        return any(stem(file) and file.is_file() for file in path.iterdir())
    return stem(path) is not None and path.is_file()


def _holds_commands(path: Path) -> bool:
    if not path.is_dir():
        return False
    return is_commands_recording(path) or any(map(is_commands_recording, path.iterdir()))
