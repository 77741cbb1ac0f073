"""Virtual machines as their hypervisor tells of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cmdb.model import is_placeholder
from cmdb.observation import Identifier, Link, Observation
from collectors.hosts.read import GUESTS
from collectors.transport.host_answers import HostAnswers

METHOD = "virsh"
_LONGEST = 255
_HEADINGS = {"running": True, "inactive": False}
_ROW = re.compile(r"^\s*([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\s+(\S.*?)\s*$")


@dataclass(frozen=True)
class Guest:
    """A virtual machine that is defined on a host; only one that is running runs on it."""

    uuid: str
    name: str
    is_running: bool


def guests(answers: HostAnswers) -> list[Guest]:
    """Virtual machines by name: those below `running`, and those below `inactive`, which may run elsewhere by now."""
    found: dict[str, Guest] = {}
    is_running: bool | None = None
    for line in answers.lines(GUESTS):
        row = _ROW.match(line)
        if line.strip() in _HEADINGS:
            is_running = _HEADINGS[line.strip()]
        elif row and is_running is not None and not is_placeholder(row[1].lower()):
            uuid = row[1].lower()
            found.setdefault(uuid, Guest(uuid, row[2][:_LONGEST], is_running))
    return sorted(found.values(), key=lambda g: (g.name, g.uuid))


def is_read(answers: HostAnswers) -> bool:
    """Whether the host told all that is defined on it; where virsh fails, what it said before still counts."""
    section = answers.sections.get(GUESTS)
    return section is not None and section.exit_status == 0


def observe(found: list[Guest], device: str) -> list[Observation]:
    """Virtual machines, and that those which are running run on the device with this key.

    The machine itself says what it is when it is visited: it shows the same UUID, and so both are one.
    """
    return [
        Observation(
            "VirtualMachine",
            f"uuid:{guest.uuid}",
            {"name": guest.name, "uuid": guest.uuid},
            identifiers=(Identifier(f"uuid:{guest.uuid}"),),
            links=(Link("RUNS_ON", device, method=METHOD),) if guest.is_running else (),
            role="reported",
        )
        for guest in found
    ]
