"""Recordings of hosts: folders `NAME.ssh` that hold what a script was answered, without the secrets in it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cmdb.errors import Invalid, NotFound
from collectors.scrub import PRIVATE, scrub_text
from collectors.transport.answers import Outcome
from collectors.transport.host_answers import HostAnswers, HostSession, Script, Section
from collectors.transport.record import enter_target, file_name
from collectors.transport.replay import TARGETS_FILE, read_targets

SUFFIX = ".ssh"
PLATFORM_FILE, COMMANDS_FILE = "platform", "commands.ndjson"
HOST = "host"
MAX_FILE_BYTES = 64 << 20
_SHORTEST = 4  # a secret of one to three characters is part of too many innocent texts


@dataclass(frozen=True)
class RecordedHost:
    """One recorded host."""

    name: str
    address: str
    path: Path


class HostReplaySession:
    """Answers of one recorded host."""

    def __init__(self, target: str, address: str, recorded: HostAnswers) -> None:
        self._target, self._address, self._recorded = target, address, recorded

    @property
    def target(self) -> str:
        """Name of the target."""
        return self._target

    @property
    def address(self) -> str:
        """Address as `targets.tsv` gives it, else ""."""
        return self._address

    async def run(self, script: Script) -> HostAnswers:
        """The sections that were recorded, by their names; by their commands where a recording has no names."""
        known = self._recorded.sections
        by_command = {section.command: section for section in known.values()}
        found = {c.name: known.get(c.name) or by_command.get(c.shell) for c in script}
        kept = {name: section for name, section in found.items() if section is not None}
        return HostAnswers(kept, self._recorded.outcome, self._recorded.detail)


class HostRecordingSession:
    """A session that keeps all that it is answered."""

    def __init__(self, session: HostSession) -> None:
        self._session = session
        self.kept: dict[str, Section] = {}
        self.outcome = Outcome.COMPLETE
        self.detail = ""

    @property
    def target(self) -> str:
        """Name of the target."""
        return self._session.target

    @property
    def address(self) -> str:
        """IP address that is asked."""
        return self._session.address

    async def run(self, script: Script) -> HostAnswers:
        """Run a script, and keep what came."""
        answers = await self._session.run(script)
        self.kept.update(answers.sections)
        if answers.outcome is not Outcome.COMPLETE:
            self.outcome, self.detail = answers.outcome, answers.detail
        return answers


class RecordableHost(Protocol):
    """A target whose answers over SSH can be kept."""

    def open_shell(self, budget_s: float) -> AbstractAsyncContextManager[HostSession]:
        """A session. Raises TransportFailure."""

    def secrets(self) -> list[bytes]:
        """What must not be in the recording."""


async def record_host(
    target: RecordableHost, read: Callable[[HostSession], Awaitable[object]], folder: Path, budget_s: float = 600.0
) -> Path:
    """Read a host and write its raw answers into `folder`; gives the recording. Raises TransportFailure, UsageError."""
    secrets = target.secrets()
    async with target.open_shell(budget_s) as session:
        recording = HostRecordingSession(session)
        await read(recording)
    return save_host_recording(folder, recording, secrets)


def find_host_recordings(paths: Iterable[Path], targets_file: Path | None = None) -> list[RecordedHost]:
    """Recorded hosts in folders (not below them), or given themselves, in order of their names.

    Addresses come from `targets_file`, or from the `targets.tsv` beside the recordings. Recordings of network devices
    are left out: their `platform` is another. Raises Invalid for two recordings of one name.
    """
    listed = read_targets(targets_file, "ssh") if targets_file else {}
    found: dict[str, Path] = {}
    for path in paths:
        for folder in _recordings_of(path):
            table = folder.parent / TARGETS_FILE
            if targets_file is None and table.is_file():
                listed |= read_targets(table, "ssh")
            name = folder.name.removesuffix(SUFFIX)
            if name in found and found[name].resolve() != folder.resolve():
                raise Invalid(f"{folder}: {found[name]} is a recording of the same name. Rename one.")
            found[name] = folder
    return [RecordedHost(name, listed.get(name, ""), found[name]) for name in sorted(found)]


def _recordings_of(path: Path) -> list[Path]:
    if path.name.endswith(SUFFIX) and path.is_dir():
        folders = [path]
    else:
        folders = sorted(p for p in path.iterdir() if p.name.endswith(SUFFIX) and p.is_dir()) if path.is_dir() else []
    return [folder for folder in folders if _platform(folder) == HOST]


def _platform(folder: Path) -> str:
    try:
        return (folder / PLATFORM_FILE).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{folder / PLATFORM_FILE}: can't be read; it must say host or a device type") from error


def open_host_replay(recorded: RecordedHost) -> HostReplaySession:
    """Open a recorded host. Raises NotFound, or Invalid that names the line."""
    return HostReplaySession(recorded.name, recorded.address, read_host_recording(recorded.path))


def read_host_recording(folder: Path) -> HostAnswers:
    """What a folder holds. Raises NotFound, or Invalid that names the line."""
    path = folder / COMMANDS_FILE
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path}: there is no such file") from error
    except OSError as error:
        raise Invalid(f"{path}: can't be read: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise Invalid(f"{path}: a recording has at most {MAX_FILE_BYTES} bytes")
    sections: dict[str, Section] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if line.strip():
            section = _section(line, f"{path}:{number}")
            sections[section.name] = section
    cut = [name for name, section in sections.items() if section.exit_status is None]
    outcome = Outcome.PARTIAL if cut else Outcome.COMPLETE
    return HostAnswers(sections, outcome, f"recorded in part: {', '.join(cut)}" if cut else "")


def _section(line: str, where: str) -> Section:
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{where}: not JSON: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("command"), str):
        raise Invalid(f"{where}: must be a mapping with command, stdout and exit_status")
    status = row.get("exit_status")
    if not isinstance(row.get("stdout", ""), str) or not (status is None or type(status) is int):
        raise Invalid(f"{where}: stdout must be a text, exit_status a whole number")
    name = str(row.get("section", row["command"]))
    return Section(name, row["command"], row.get("stdout", ""), str(row.get("stderr", "")), status)


def save_host_recording(folder: Path, session: HostRecordingSession, secrets: Sequence[bytes] = ()) -> Path:
    """Write what a session kept as `NAME.ssh`, and enter it in `targets.tsv`; gives the folder.

    `secrets` are those of the session. An existing recording of that name is replaced.
    """
    name = file_name(session.target)
    place = folder / f"{name}{SUFFIX}"
    place.mkdir(parents=True, exist_ok=True)
    words = [s.decode("utf-8", "replace") for s in sorted(secrets, key=len, reverse=True) if len(s) >= _SHORTEST]
    rows = []
    for section in session.kept.values():
        row = {
            "section": section.name,
            "command": section.command,
            "stdout": _clean(section.stdout, words),
            "stderr": _clean(section.stderr, words),
            "exit_status": section.exit_status,
        }
        rows.append(json.dumps(row, ensure_ascii=False))
    (place / COMMANDS_FILE).write_text("\n".join(rows) + "\n", "utf-8")
    (place / PLATFORM_FILE).write_text(HOST + "\n", "utf-8")
    enter_target(folder / TARGETS_FILE, name, session.address, "ssh")
    return place


def _clean(text: str, words: list[str]) -> str:
    for word in words:
        text = text.replace(word, PRIVATE)
    return scrub_text(text)
