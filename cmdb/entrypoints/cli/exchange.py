"""`cmdb export` and `cmdb import`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, StoreUri, settings
from cmdb.entrypoints.cli.output import say
from cmdb.errors import Invalid
from cmdb.wording import amount

ATTEMPTS = 3  # the graph may change while it is written out


def export(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; else standard output.")] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Also the requirements that follow from the model.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="The complete backup: also the ledger, and what was said last and waits.")
    ] = False,
) -> None:
    """Write the current graph as NDJSON."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.store.protocol import Conflict

    with wired(settings(data_dir, store_uri)) as parts:
        if output is None:
            sys.stdout.buffer.writelines(_lines(parts, defaults, full))
            return
        if output.exists() and not output.is_file():
            # A pipe or a device is written to; a file moved into its place would be the end of it.
            _write_into(output, _lines(parts, defaults, full))
            return
        part = output.with_name(output.name + ".part")
        for attempt in range(ATTEMPTS):
            try:
                with part.open("wb") as stream:
                    stream.writelines(_lines(parts, defaults, full))
                    stream.flush()
                    os.fsync(stream.fileno())
                part.replace(output)
                return
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    raise
            except OSError as error:
                raise Invalid(f"{output} can't be written: {error.strerror}") from error
            finally:
                part.unlink(missing_ok=True)


def _write_into(output: Path, lines: Iterable[bytes]) -> None:
    try:
        with output.open("wb") as stream:
            stream.writelines(lines)
    except OSError as error:
        raise Invalid(f"{output} can't be written: {error.strerror}") from error


def _lines(parts, defaults: bool, full: bool):  # type: ignore[no-untyped-def] # the imports behind these types are slow
    from cmdb.entrypoints.wiring import clock_ms
    from cmdb.exchange.defaults import default_lines
    from cmdb.exchange.export import confidence_at
    from cmdb.exchange.export import export as export_lines
    from cmdb.exchange.full import full_lines

    more = (lambda: default_lines(parts.topology())) if defaults else None
    now = clock_ms()
    lines = export_lines(parts.store, parts.model, now, confidence_at(now, parts.model), more)
    return full_lines(parts.store, lines) if full else lines


def import_(
    file: Annotated[Path, typer.Argument(help="What `cmdb export` wrote.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Restore an export, plain or full, into an empty graph, as commits of the ledger."""
    from cmdb.entrypoints.wiring import actor, clock_ms, wired
    from cmdb.exchange.restore import restore

    with wired(settings(data_dir, store_uri)) as parts:
        done = restore(parts.store, parts.model, file, actor(), clock_ms())
    taken = f"{amount(done.commits, 'commit')}, " if done.commits else ""
    say(
        f"restored {taken}{amount(done.cis, 'CI')}, {amount(done.relationships, 'relationship')} and "
        f"{amount(done.requirements, 'requirement')}; "
        f"the ledger is at sequence {done.sequence}"
    )
