"""`cmdb ingest push`"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, OptionalReason, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say
from cmdb.entrypoints.exits import PARTIAL
from cmdb.errors import UsageError
from cmdb.wording import amount

app = typer.Typer(help="Take in what people and other tools say.", no_args_is_help=True)
MOST_WARNINGS = 50  # that are shown: a tool makes the same mistake in each of its items
COLUMNS = ("item", "status", "ci", "matched_by", "changes")


class Door(StrEnum):
    """What kind of file is pushed."""

    manual = "manual"
    native = "native"
    ansible = "ansible"
    nmap = "nmap"
    lldpctl = "lldpctl"
    alertmanager = "alertmanager"
    alarm = "alarm"


@app.callback()
def group() -> None:
    """Take in what people and other tools say."""


@app.command()
def push(
    file: Annotated[Path, typer.Argument(help="The file.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    adapter: Annotated[
        Door,
        typer.Option(
            help="manual: a file written by people; native: entity events; else the tool that wrote the file."
        ),
    ] = Door.manual,
    source: Annotated[
        str, typer.Option(help="Source that items count as; that of the adapter where not given.", show_default=False)
    ] = "",
    host: Annotated[
        str, typer.Option(help="Host that the file is about, where it does not say so itself.", show_default=False)
    ] = "",
    reason: OptionalReason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would change; write nothing.")] = False,
    output: Output = Format.table,
) -> None:
    """Push a file of observations; exit code 6 if parts of it were not taken.

    A warning tells what was left out of an item that was taken, such as an attribute that its class lacks.
    """
    from cmdb.entrypoints.files import push_manual, push_payload
    from cmdb.entrypoints.push import Sender
    from cmdb.entrypoints.wiring import actor, wired

    if adapter is Door.manual and source:
        raise UsageError("--source: what people write down is of the source manual; it goes with --adapter native")
    if adapter is not Door.manual and reason:
        raise UsageError(
            "--reason: it goes with --adapter manual; items of tools are committed with a reason of their own"
        )
    with wired(settings(data_dir, store_uri)) as parts:
        if adapter is Door.manual:
            taken = push_manual(parts, file, actor(), reason, dry_run)
        else:
            taken = push_payload(parts, file, Sender.of(adapter.value, source, actor(), host, dry_run))
    print_rows(taken.rows, COLUMNS, output)
    for problem in taken.problems:
        say(f"not taken: {problem}")
    for warning in taken.warnings[:MOST_WARNINGS]:
        say(f"warning: {warning}")
    if len(taken.warnings) > MOST_WARNINGS:
        say(f"warning: {amount(len(taken.warnings) - MOST_WARNINGS, 'more warning')} not shown")
    written = "nothing was written" if dry_run else f"the ledger is at sequence {taken.sequence}"
    say(f"{amount(len(taken.rows), 'item')}; {written}")
    if taken.problems:
        raise typer.Exit(PARTIAL)
