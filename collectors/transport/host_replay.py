"""Recordings of hosts: what a script was answered, section by section."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from cmdb.errors import Invalid
from collectors.transport.answers import Outcome
from collectors.transport.commands_recording import (
    HOST,
    CommandLine,
    CommandsRecording,
    RecordedCommands,
    read_commands,
    save_commands,
)
from collectors.transport.host_answers import HostAnswers, HostSession, Script, Section


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


def open_host_replay(recorded: RecordedCommands) -> HostReplaySession:
    """Open a recorded host. Raises NotFound, or Invalid that names the line."""
    return HostReplaySession(recorded.name, recorded.address, read_host_recording(recorded.path))


def read_host_recording(folder: Path) -> HostAnswers:
    """What a folder holds. Raises NotFound, or Invalid that names the line."""
    recording = read_commands(folder)
    if recording.bad:
        raise Invalid(recording.bad[0])
    sections = {section.name: section for section in map(_section, recording.lines)}
    cut = [name for name, section in sections.items() if section.exit_status is None]
    outcome = Outcome.PARTIAL if cut else Outcome.COMPLETE
    return HostAnswers(sections, outcome, f"recorded in part: {', '.join(cut)}" if cut else "")


def _section(line: CommandLine) -> Section:
    status = None if isinstance(line.exit_status, msgspec.UnsetType) else line.exit_status
    return Section(line.section or line.command, line.command, line.stdout, line.stderr, status)


def save_host_recording(folder: Path, session: HostRecordingSession, secrets: Sequence[bytes] = ()) -> Path:
    """Write what a session kept; gives the folder. `secrets` are those of the session."""
    kept = session.kept.values()
    lines = tuple(CommandLine(s.command, s.stdout, s.exit_status, s.stderr, s.name) for s in kept)
    return save_commands(folder, session.target, session.address, CommandsRecording(HOST, lines), secrets)
