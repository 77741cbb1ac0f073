"""Recordings that tests may read: our own, those of the package snmpsim-data, and those beside the project."""

from __future__ import annotations

import bz2
from importlib import resources
from pathlib import Path

from collectors.responders import ber
from collectors.responders.mib import Entry, Mib
from collectors.transport.answers import Varbind
from collectors.transport.recording import SUFFIXES, Recording
from tests.skips import SHARED

ROOT = Path(__file__).parents[2]
OWN = ROOT / "tests" / "golden" / "snmp"
SIMULATOR = Path(str(resources.files("snmpsim_data"))) / "data"
BESIDE = SHARED / "data"


def recordings(folder: Path, most_bytes: int = 1 << 40) -> list[Path]:
    """The recordings below a folder whose files are no longer."""
    files = (p for p in folder.rglob("*") if p.name.endswith(SUFFIXES) and p.is_file())
    return sorted(p for p in files if p.stat().st_size <= most_bytes)


def beginning(file: Path, most_bytes: int) -> Recording:
    """A recording as far as so many bytes of its text go: some have millions of lines."""
    with bz2.open(file) if file.name.endswith(".bz2") else file.open("rb") as text:
        data = text.read(most_bytes)
    return Recording(data if len(data) < most_bytes else data[: data.rfind(b"\n") + 1])


def carried(recording: Recording) -> list[Varbind]:
    """The varbinds that SNMP can carry: some recordings hold numbers that no agent can have sent."""
    found = []
    for varbind in recording.all():
        try:
            ber.varbind(varbind.oid, ber.value(varbind.tag, varbind.value))
        except ber.Undecodable:
            continue
        found.append(varbind)
    return found


def served(varbinds: list[Varbind]) -> Mib:
    """Varbinds as an agent has them."""
    return Mib(Entry(*varbind) for varbind in varbinds)
