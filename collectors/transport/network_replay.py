"""Recordings of network command lines: what each command was answered."""

from __future__ import annotations

from collections.abc import Sequence

from cmdb.errors import Invalid
from collectors.transport.commands import CliAnswers
from collectors.transport.commands_recording import CommandLine, CommandsRecording, RecordedCommands, read_commands
from collectors.transport.replies import answer_of, line_of


class ReplaySession:
    """A recorded command line."""

    banner = ""

    def __init__(self, target: str, recording: CommandsRecording, address: str = "") -> None:
        self._target, self._address, self._platform = target, address, recording.platform
        self._answers = {line.command: answer_of(line) for line in reversed(recording.lines)}

    @property
    def target(self) -> str:
        """Name of the target."""
        return self._target

    @property
    def address(self) -> str:
        """IP address of the target; "" where it is not known."""
        return self._address

    @property
    def platform(self) -> str:
        """Device type, as netmiko calls it."""
        return self._platform

    async def run(self, commands: Sequence[str]) -> CliAnswers:
        """Answer from the recording. What was not recorded is left out: nobody asked."""
        return CliAnswers(self._platform, {c: self._answers[c] for c in commands if c in self._answers})


def open_cli_replay(recorded: RecordedCommands) -> ReplaySession:
    """Open a recorded command line. Raises NotFound, or Invalid that names the line."""
    recording = read_commands(recorded.path)
    if recording.bad:
        raise Invalid(recording.bad[0])
    return ReplaySession(recorded.name, recording, recorded.address)


def recording_of(answers: CliAnswers) -> CommandsRecording:
    """Answers as they are recorded."""
    lines: list[CommandLine] = [line_of(answer) for answer in answers.commands.values()]
    return CommandsRecording(answers.platform, tuple(lines))
