"""`cmdb source …`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, DryRun, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say
from cmdb.wording import amount

app = typer.Typer(help="Who says what, and whose word counts.", no_args_is_help=True)
COLUMNS = ("name", "precedence", "stale_after_h", "targets", "last_seen")
CHANGES = ("id", "attribute", "before", "after")


@app.callback()
def group() -> None:
    """Who says what, and whose word counts."""


@app.command("list")
def list_(data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.table) -> None:
    """List the sources that ever said something, with their precedence and how many targets they spoke of."""
    import msgspec

    from cmdb.entrypoints.wiring import wired
    from cmdb.exchange.lines import iso
    from cmdb.sources import list_sources

    with wired(settings(data_dir, store_uri)) as parts:
        rows = [
            msgspec.structs.asdict(row) | {"last_seen": iso(row.last_seen)}
            for row in list_sources(parts.store, parts.model)
        ]
        print_rows(rows, COLUMNS, output)
        if parts.policy_changed():
            say("the model is another one than values were derived for; `cmdb source rederive --dry-run` tells more")


@app.command()
def drop(
    name: Annotated[str, typer.Argument(help="The source, such as nmap or alertmanager:prod.")],
    reason: Reason,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Take back all that a source ever said; every CI is derived from what others say, none is deleted."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.sources import drop_source

    with wired(settings(data_dir, store_uri)) as parts:
        _show(drop_source(parts.ingest, name, actor(), reason, dry_run), dry_run, output)


@app.command()
def rederive(
    reason: Reason = "values derived anew",
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Derive all values anew from what sources say, as after a change of precedence; list those that change."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.sources import rederive as derive

    with wired(settings(data_dir, store_uri)) as parts:
        _show(derive(parts.ingest, actor(), reason, dry_run), dry_run, output)


def _show(done: Any, dry_run: bool, output: Format) -> None:
    print_rows((dict(zip(CHANGES, row, strict=True)) for row in done.changes), CHANGES, output)
    changed = done.counts["SetCI"]
    ties = sum(n for kind, n in done.counts.items() if kind.endswith("Relationship"))
    commits = amount(done.commits, "commit")
    written = "nothing was written" if dry_run else f"{commits}, the ledger is at sequence {done.sequence}"
    say(f"{amount(changed, 'CI')} and {amount(ties, 'relationship')} change; {written}")
