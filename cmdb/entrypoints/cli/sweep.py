"""`cmdb sweep`"""

from __future__ import annotations

from typing import Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say

COLUMNS = ("stale", "missing", "retired", "ended", "commits", "sequence")


def sweep(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would change; write nothing.")] = False,
    output: Output = Format.table,
) -> None:
    """Mark what nobody confirmed in time: stale values, missing and retired CIs; end ties that nobody repeats.

    A server does this by itself every hour, and every discovery run at its end.
    """
    import msgspec

    from cmdb.entrypoints.wiring import actor, clock_ms, wired
    from cmdb.sweep import sweep as go_over

    with wired(settings(data_dir, store_uri)) as parts:
        done = go_over(parts.ingest, clock_ms(), actor(), dry_run=dry_run)
    print_rows([msgspec.structs.asdict(done)], COLUMNS, output)
    if dry_run:
        say("nothing was written")
