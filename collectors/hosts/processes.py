"""Running processes: who started whom, from which file, in which unit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.hosts.read import EXECUTABLES, OWNERS, PROCESSES, UNITS
from collectors.transport.host_answers import HostAnswers

_ROW = re.compile(r"^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$")
_EXECUTABLE = re.compile(r"^(\d+) (/.*?)(?: \(deleted\))?$")
_UNIT = re.compile(r"^/proc/(\d+)/cgroup:.*/([^/]+\.service)(?:/|$)")


@dataclass(frozen=True)
class Process:
    """One process. `executable` is "" where the account may not see it, `unit` where it is in no service unit."""

    pid: int
    parent: int
    user: str
    arguments: str
    executable: str = ""
    unit: str = ""

    @property
    def words(self) -> list[str]:
        """The command line in words."""
        return self.arguments.split()

    @property
    def called(self) -> str:
        """The name under which it was started, as it writes it now: `nginx` of `nginx: master process …`."""
        first = self.words[0] if self.words else ""
        return first.rstrip(":").rpartition("/")[2].lstrip("-") if not first.startswith("[") else ""


def processes(answers: HostAnswers) -> dict[int, Process]:
    """All processes by number."""
    executables = {int(m[1]): m[2] for line in answers.lines(EXECUTABLES) if (m := _EXECUTABLE.match(line))}
    units = {int(m[1]): m[2] for line in answers.lines(UNITS) if (m := _UNIT.match(line))}
    found = {}
    for line in answers.lines(PROCESSES):
        match = _ROW.match(line)
        if match:
            pid = int(match[1])
            found[pid] = Process(
                pid, int(match[2]), match[3], match[4].strip(), executables.get(pid, ""), units.get(pid, "")
            )
    return found


def owners(answers: HostAnswers) -> dict[str, str]:
    """Names of packages by the executables that they brought."""
    found: dict[str, str] = {}
    for line in answers.lines(OWNERS):
        names, colon, file = line.rpartition(": ")
        if colon and file.startswith("/") and not names.startswith("diversion"):
            found.setdefault(file, names.split(",")[0].split(":")[0].strip())
    return found
