"""`cmdb identity …`"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say

if TYPE_CHECKING:
    from cmdb.entrypoints.cli.output import Row
    from cmdb.reconcile.simulate import Simulated

app = typer.Typer(help="Who is who: duplicates, conflicts, and the rules that decide.", no_args_is_help=True)
CHANGES = 10
COLUMNS = ("outcome", "names", "rule", "supports", "contradicts", "parts", "cis")


class Printed(StrEnum):
    """How outcomes are printed."""

    table = "table"
    json = "json"
    ndjson = "ndjson"


@app.callback()
def group() -> None:
    """Who is who: duplicates, conflicts, and the rules that decide."""


@app.command()
def simulate(
    rules: Annotated[Path, typer.Argument(help="Other rules, in YAML: class, then the identifiers that differ.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Annotated[Printed, typer.Option("-o", "--output", help="How to print data.")] = Printed.table,
) -> None:
    """Show which CIs would be one, fall apart or be asked about under other rules; exit code 10 if there are any."""
    from cmdb.entrypoints.rules import read_rules
    from cmdb.entrypoints.wiring import wired
    from cmdb.reconcile.simulate import simulate as compare

    with wired(settings(data_dir, store_uri)) as parts:
        proposed = read_rules(rules, parts.model)
        found = list(compare(parts.store.scan_cis(), parts.model, proposed))
    print_rows(map(_row, found), COLUMNS, Format(output.value))
    counts = {kind: sum(one.outcome == kind for one in found) for kind in ("merge", "split", "ask")}
    say(f"{counts['merge']} would merge, {counts['split']} would split, {counts['ask']} would be asked about")
    if found:
        raise typer.Exit(CHANGES)


def _row(one: Simulated) -> Row:
    parts = [" ".join(part) for part in one.parts]
    return {
        "outcome": one.outcome,
        "names": list(one.names),
        "rule": one.rule,
        "supports": list(one.supports),
        "contradicts": list(one.contradicts),
        "parts": parts,
        "cis": list(one.cis),
    }
