"""Assessments, slots and waves for people, as tables."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from cmdb.entrypoints.pictures import headline
from cmdb.entrypoints.terminal import cell
from cmdb.exchange.lines import iso
from cmdb.impact.waves import ReleaseWaves
from cmdb.impact.windows import SafeWindows
from cmdb.service.statements import Statement
from cmdb.store.protocol import CIRef


def _table(*columns: str) -> Any:
    from rich.table import Table

    return Table(*columns, box=None, pad_edge=False, header_style="bold")


def _console() -> Any:
    from rich.console import Console

    drawn = sys.stdout.isatty()
    return Console(soft_wrap=not drawn, width=None if drawn else 250)


def show_statement(said: Statement) -> None:
    """What a change does alone and together, whom to tell, and with what it collides."""
    console = _console()
    console.print(f"[bold]{said.severity_class}[/bold]  (sequence {said.sequence}, {iso(said.at)})")
    console.print(f"alone:    {headline(said.alone)}")
    console.print(f"together: {headline(said.together)}")
    if said.collisions:
        table = _table("collides with", "from", "to", "breaks only together", "CIs in all")
        for one in said.collisions:
            names = ", ".join(f"{s.ci.name} ({s.state})" for s in one.breaks[:5]) or "no service"
            numbers = ", ".join(one.numbers) + (" (possibly)" if one.certainty == "POSSIBLE" else "")
            table.add_row(
                cell(numbers),
                iso(one.overlap.start),
                iso(one.overlap.end),
                cell(names),
                str(one.extra_down),
            )
        console.print(table)
    else:
        console.print("no collision")
    if said.collision_count > len(said.collisions):
        console.print(f"{said.collision_count} collisions in all; the worst are shown")
    if acting := [s.ci.name for s in said.notify if s.certainty == "SURE"]:
        console.print(cell(f"to act:  owners of {', '.join(acting)}"))
    if told := [s.ci.name for s in said.notify if s.certainty != "SURE"]:
        console.print(cell(f"to tell: owners of {', '.join(told)}"))
    console.print(f"oldest evidence: {said.oldest_evidence_days:g} days")
    if said.unknown:
        console.print(f"not judged: {len(said.unknown)} CIs of other work that are not there any more")
    for text in said.changed:
        console.print(cell(f"changed: {text}"))


def show_windows(found: SafeWindows, numbers: dict[str, str]) -> None:
    """Slots, then what is in the way at other times; `numbers` of records by id."""
    console = _console()
    slots = _table("safe from", "to", "minutes")
    for window in found.windows:
        slots.add_row(iso(window.start), iso(window.end), f"{(window.end - window.start) // 60_000:,}")
    console.print(slots if found.windows else "no safe slot in this period")
    if found.blocked:
        table = _table("blocked from", "to", "by", "why")
        for one in found.blocked:
            by = ", ".join(numbers.get(key, key) for key in one.keys)
            table.add_row(iso(one.window.start), iso(one.window.end), cell(by), cell(one.text))
        console.print(table)


def show_waves(found: ReleaseWaves, title: Callable[[CIRef], str]) -> None:
    """Which CI in which wave; `title` names them."""
    console = _console()
    console.print(f"[bold]{found.waves} waves[/bold], no plan has fewer than {found.lower_bound}")
    table = _table("wave", "class", "name", "why not earlier")
    for item in found.items:
        table.add_row(str(item.wave), item.ci.ci_class, cell(title(item.ci)), cell(item.text))
    console.print(table)
