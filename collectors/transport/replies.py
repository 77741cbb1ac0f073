"""Answers of command lines as the lines of a recording, and back."""

from __future__ import annotations

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
    if line.exit_status == 0:
        return answered(line.command, line.stdout)
    return CommandAnswer(line.command, line.stdout, _OUTCOME.get(line.exit_status, Outcome.REFUSED), "as recorded")
