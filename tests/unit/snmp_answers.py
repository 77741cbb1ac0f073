"""Answers for interpreter tests: from a few lines of a recording, read like any other agent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cmdb.observation import Observation, Report
from collectors.snmp.interpret import interpret
from collectors.snmp.read import read_device
from collectors.transport.answers import Answers
from collectors.transport.replay import RecordedTarget, open_replay

AT = 1_790_000_000_000


def read(recording: Path) -> Answers:
    """Read a recording as the collector reads an agent."""
    return asyncio.run(read_device(open_replay(RecordedTarget("lab-1", "", recording))))


def answers(tmp_path: Path, text: str) -> Answers:
    """Read an agent that answers what `text` says: lines `OID|TAG|VALUE`, OIDs without their leading `1.3.6.1.`."""
    recording = tmp_path / "lab-1.snmprec"
    lines = (line.strip() for line in text.splitlines() if line.strip())
    recording.write_text("".join(f"1.3.6.1.{line}\n" for line in lines), "utf-8")
    return read(recording)


def report(tmp_path: Path, text: str, address: str = "") -> Report:
    """Interpret such an agent."""
    return interpret("lab-1", address, answers(tmp_path, text), AT)


def of_class(found: Report, ci_class: str) -> list[Observation]:
    """Observations of one class."""
    return [o for o in found.observations if o.ci_class == ci_class]
