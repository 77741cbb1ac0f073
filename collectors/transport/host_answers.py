"""What a host answered to a script, section by section, as received."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from collectors.transport.answers import Outcome

TIMED_OUT = frozenset((124, 137, 143))  # exit statuses of `timeout` and of what it had to kill
SKIPPED = 125  # a section that has nothing to ask on this host


@dataclass(frozen=True)
class Command:
    """One section of a script: a name, and a shell text that only reads. `$S` stands before what needs rights."""

    name: str
    shell: str


Script = tuple[Command, ...]


@dataclass(frozen=True)
class Section:
    """What one command said. `exit_status` is None where its end was not seen."""

    name: str
    command: str
    stdout: str = ""
    stderr: str = ""
    exit_status: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it ran to its end by itself; its exit status may still be any: many tools give 1 with good output."""
        return self.exit_status is not None and self.exit_status not in TIMED_OUT


@dataclass(frozen=True)
class HostAnswers:
    """The sections that came, by name. `outcome` is COMPLETE, or CUT, TIMEOUT or PARTIAL where others are missing."""

    sections: Mapping[str, Section] = field(default_factory=dict)
    outcome: Outcome = Outcome.COMPLETE
    detail: str = ""

    def text(self, name: str) -> str:
        """Standard output of a section; "" where it was not read."""
        section = self.sections.get(name)
        return section.stdout if section else ""

    def lines(self, name: str) -> list[str]:
        """Lines of a section that are not blank."""
        return [line for line in self.text(name).splitlines() if line.strip()]

    def is_whole(self, name: str) -> bool:
        """Whether a section was read to its end."""
        section = self.sections.get(name)
        return section is not None and section.is_whole


class HostSession(Protocol):
    """One host, logged in. Not for use by several tasks at once."""

    @property
    def target(self) -> str:
        """Name of the target."""

    @property
    def address(self) -> str:
        """IP address that is asked; "" where it is not known."""

    async def run(self, script: Script) -> HostAnswers:
        """Run a script in one round trip. Raises TransportFailure where the host gives no shell or no answer at all."""
