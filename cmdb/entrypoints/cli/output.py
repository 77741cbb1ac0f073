"""Printing data to standard output, and everything else to standard error."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cmdb.entrypoints.cli.options import Format
from cmdb.entrypoints.terminal import cell, plain
from cmdb.errors import UsageError

if TYPE_CHECKING:
    from cmdb.store.protocol import CIRef
    from cmdb.topology import Topology

PAGE = 200  # rows of a drawn table; rich needs a fifth of a millisecond for each
Row = dict[str, Any]


def say(text: str) -> None:
    """Tell a person something that is not data."""
    print(plain(text), file=sys.stderr, flush=True)


def select(columns: Sequence[str], fields: str | None) -> list[str]:
    """The columns asked for; raises UsageError for one that does not exist."""
    if fields is None:
        return list(columns)
    wanted = [f.strip() for f in fields.split(",") if f.strip()]
    if not wanted:
        raise UsageError(f"--fields names no field; fields are {', '.join(columns)}")
    for name in wanted:
        if name not in columns:
            raise UsageError(f"there is no field {name!r}; fields are {', '.join(columns)}")
    return wanted


def print_rows(rows: Iterable[Row], columns: Sequence[str], format_: Format, fields: str | None = None) -> None:
    """Print rows in the format asked for; `name` prints the first column only."""
    chosen = select(columns, fields)
    if format_ is Format.ndjson:
        for row in rows:
            print(json.dumps({c: row.get(c) for c in chosen}, ensure_ascii=False))
    elif format_ is Format.json:
        print(json.dumps([{c: row.get(c) for c in chosen} for row in rows], ensure_ascii=False, indent=2))
    elif format_ is Format.yaml:
        print_yaml([{c: row.get(c) for c in chosen} for row in rows])
    elif format_ is Format.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(chosen)
        writer.writerows([_text(row.get(c)) for c in chosen] for row in rows)
    elif format_ is Format.name:
        for row in rows:
            print(_text(row.get("id") or row.get(chosen[0])))
    else:
        _print_tables(rows, chosen)


def print_value(value: Any, format_: Format) -> None:
    """Print one nested value as JSON or YAML."""
    if format_ is Format.yaml:
        print_yaml(value)
    else:
        print(json.dumps(value, ensure_ascii=False, indent=None if format_ is Format.ndjson else 2))


def print_yaml(value: Any) -> None:
    """Print a value as YAML."""
    import yaml

    yaml.safe_dump(value, sys.stdout, allow_unicode=True, sort_keys=False)


def naming(topology: Topology, output: Format) -> Callable[[CIRef], str]:
    """What CIs are called: in tables for people a part with its device, for programs everything by its name."""
    return topology.title if output is Format.table else lambda ref: ref.name


def _print_tables(rows: Iterable[Row], columns: list[str]) -> None:
    """Draw tables of at most PAGE rows, one after the other."""
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 250)
    page: list[list[str]] = []

    def draw() -> None:
        table = Table(*columns, box=None, pad_edge=False, header_style="bold")
        for cells in page:
            table.add_row(*map(cell, cells))
        console.print(table)

    for row in rows:
        page.append([_text(row.get(c)) for c in columns])
        if len(page) == PAGE:
            draw()
            page.clear()
    if page:
        draw()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
