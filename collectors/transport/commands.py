"""What command lines answered, as received: the raw material of the interpreters of commands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How a command ended. After the first two nothing is open; after the others lines may be missing."""

    READ = "READ"
    REFUSED = "REFUSED"  # the device does not know the command, forbids it, or runs without what it is about
    TIMEOUT = "TIMEOUT"  # the prompt did not come back
    CUT = "CUT"  # longer than may be read, or the session ended within it


@dataclass(frozen=True)
class CommandAnswer:
    """The answer to one command, without its echo and without the prompt."""

    command: str
    text: str = ""
    outcome: Outcome = Outcome.READ
    detail: str = ""


@dataclass(frozen=True)
class CliAnswers:
    """The answers of one target by command. `platform` is the device type that netmiko calls it by."""

    platform: str
    commands: dict[str, CommandAnswer] = field(default_factory=dict)

    def text(self, command: str) -> str | None:
        """The text of a command that was read to its end; None for every other."""
        answer = self.commands.get(command)
        return answer.text if answer and answer.outcome is Outcome.READ else None


_MOST_REFUSAL_LINES = 8  # a refusal is short; the same words inside a long table are not one
_REFUSAL = re.compile(
    r"^\s*(?:"
    r"%? ?invalid (?:input|command)|% ?(?:unknown|incomplete|ambiguous|unrecognized|permission denied|wrong parameter)"
    r"|% ?(?:ambiguous|incomplete|unrecognized|unknown) command|(?:line has invalid|cmd has invalid)"
    r"|error: ?(?:unrecognized|incomplete|ambiguous|wrong parameter|too many param|you do not have permission"
    r"|failed to authorize)|(?:% ?)?(?:command )?authori[sz]ation (?:failed|denied)"
    r"|syntax error|unknown command|error: (?:command|permission)|permission denied|insufficient privilege"
    r"|(?:% ?|error: ?|info: ?)?(?:global )?(?:lldp|cdp)(?: \w+)? is (?:currently )?not (?:enabled|running)"
    r"|% ?(?:lldp|cdp) is (?:not|disabled)"
    r")",
    re.IGNORECASE | re.MULTILINE,
)


def refusal(text: str) -> str | None:
    """The line in which a device refuses a command; None where it answers."""
    if text.count("\n") > _MOST_REFUSAL_LINES:
        return None
    found = _REFUSAL.search(text)
    if not found:
        return None
    start = text.rfind("\n", 0, found.end()) + 1
    return text[start:].split("\n", 1)[0].strip()[:200]


def answered(command: str, text: str) -> CommandAnswer:
    """A command whose prompt came back: read, or refused."""
    said = refusal(text)
    return CommandAnswer(command, text, Outcome.REFUSED if said else Outcome.READ, said or "")
