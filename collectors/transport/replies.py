"""Answers of command lines as the lines of a recording, and back."""

from __future__ import annotations

import msgspec

from collectors.transport.commands import CommandAnswer, Outcome, answered
from collectors.transport.commands_recording import CommandLine

# As a shell would say it: `timeout` ends with 124, a reader that has gone away with 128 + SIGPIPE.
EXIT_STATUS = {Outcome.READ: 0, Outcome.REFUSED: 1, Outcome.TIMEOUT: 124, Outcome.CUT: 141}
_OUTCOME = {status: outcome for outcome, status in EXIT_STATUS.items()}


def line_of(answer: CommandAnswer) -> CommandLine:
    """An answer as it is recorded."""
    return CommandLine(answer.command, answer.text, EXIT_STATUS[answer.outcome])


def answer_of(line: CommandLine) -> CommandAnswer:
    """A recorded answer. Recordings of others say 0 for all: a refusal is told by its text too."""
    status = 0 if isinstance(line.exit_status, msgspec.UnsetType) else line.exit_status
    if status == 0:
        return answered(line.command, line.stdout)
    outcome = Outcome.CUT if status is None else _OUTCOME.get(status, Outcome.REFUSED)
    return CommandAnswer(line.command, line.stdout, outcome, "as recorded")
