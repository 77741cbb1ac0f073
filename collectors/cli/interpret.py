"""Raw answers of a network command line as a report and as facts of its surroundings. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cmdb.errors import Invalid
from cmdb.observation import Observation, Report
from collectors.cli import neighbours, parts, ports
from collectors.cli.device import Screen, device
from collectors.cli.platform import Platform, Reading, platform_named
from collectors.cli.templates import parse
from collectors.facts import Facts, Named
from collectors.transport.commands import CliAnswers, Outcome

SOURCE = "netmiko"
_LEGEND_LINES = 12  # lists without neighbours still explain their columns and codes
_NO_NEIGHBOURS = re.compile(r"\b0 (?:lldp )?neighbo", re.IGNORECASE)  # EOS and VRP say so for every port


@dataclass(frozen=True)
class Screens:
    """What was read and understood; `not_understood` names commands whose text does not fit its template."""

    read: tuple[Screen, ...]
    not_understood: tuple[str, ...]


def interpret(
    target: str, address: str, answers: CliAnswers, at: int, beside_snmp: bool = False
) -> tuple[Report, Facts]:
    """Say what the answers of `target` mean, as read at `at` (epoch ms) from `address` ("" if not known).

    `beside_snmp` says that its agent is asked as well, whether it answers or not. Raises Invalid for a platform that
    is not known here.
    """
    platform = platform_named(answers.platform)
    if platform is None:
        raise Invalid(f"{target}: no platform in collectors/cli/platforms has the device type {answers.platform!r}")
    screens = understand(platform, answers)
    stock = _inventory(screens.read, beside_snmp)
    found = device(platform, target, address, screens.read, stock)
    inside: list[Observation] = parts.observe(stock, found.key)
    for screen in screens.read:
        if screen.reading.interfaces:
            inside += ports.observe(platform, screen.reading.interfaces, screen.rows, found.key)
    itself = Observation("NetworkDevice", found.key, found.attributes, identifiers=found.identifiers)
    report = Report(
        SOURCE,
        target,
        at,
        (itself, *inside),
        complete=_is_complete(platform, answers, screens),
        tables=tuple(s.reading.command for s in screens.read if s.rows or (s.text.strip() and not s.reading.template)),
    )
    return report, _facts(report, platform, screens.read, found.base_mac)


def not_understood(answers: CliAnswers) -> tuple[str, ...]:
    """Commands whose text does not fit its template."""
    platform = platform_named(answers.platform)
    return understand(platform, answers).not_understood if platform else ()


def understand(platform: Platform, answers: CliAnswers) -> Screens:
    """Apply the templates, each command on its own: one text that does not fit costs only what it would have said."""
    read: list[Screen] = []
    not_understood: list[str] = []
    for reading in platform.readings:
        text = answers.text(reading.command)
        if text is None:
            continue
        rows = parse(reading.template, text) if reading.template else []
        if rows is None or (reading.template and not rows and not _may_be_empty(reading, text)):
            rows = None
            not_understood.append(reading.command)
        if rows is not None or reading.patterns:
            read.append(Screen(reading, text, rows or []))
    return Screens(tuple(read), tuple(not_understood))


def _may_be_empty(reading: Reading, text: str) -> bool:
    """Whether a text without rows says that there are none; a device without interfaces or a version is misread."""
    if reading.neighbours is None:
        return not text.strip()
    return sum(1 for line in text.split("\n") if line.strip() and not _NO_NEIGHBOURS.search(line)) <= _LEGEND_LINES


def _inventory(screens: Sequence[Screen], beside_snmp: bool) -> parts.Inventory:
    screen = next((s for s in screens if s.reading.parts and s.rows), None)
    if screen is None or screen.reading.parts is None:
        return parts.Inventory()
    return parts.inventory(screen.reading.parts, screen.rows, beside_snmp)


def _is_complete(platform: Platform, answers: CliAnswers, screens: Screens) -> bool:
    """Whether nothing failed. A refused command is an answer: the device does not have what it asks for."""
    asked = [answers.commands[c] for c in platform.commands if c in answers.commands]
    read = all(a.outcome in (Outcome.READ, Outcome.REFUSED) for a in asked)
    return bool(asked) and read and not screens.not_understood


def _facts(report: Report, platform: Platform, screens: Sequence[Screen], base_mac: str | None) -> Facts:
    seen = [
        (s.reading.neighbours.protocol, neighbours.neighbours(platform, s.reading.neighbours, s.rows))
        for s in screens
        if s.reading.neighbours
    ]
    return Facts(
        SOURCE,
        report.target,
        report.at,
        report.observations[0].key,
        neighbours=tuple(n for _, found in seen for n in found),
        chassis=Named("mac", base_mac) if base_mac else None,
        base_macs=(base_mac,) if base_mac else (),
        read=frozenset(protocol for protocol, _ in seen),
    )
