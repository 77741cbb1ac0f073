"""`cmdb ledger …`"""

from __future__ import annotations

from typing import Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, StoreUri, settings
from cmdb.entrypoints.cli.output import say
from cmdb.errors import Invalid

app = typer.Typer(help="The chain of commits.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The chain of commits."""


@app.command()
def verify(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also replay all commits and compare with the graph.")] = False,
) -> None:
    """Prove that no commit was altered; exit code 5 if one was."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.ledger import verify as verify_chain

    with wired(settings(data_dir, store_uri)) as parts:
        found = verify_chain(parts.store, parts.model, deep)
    if not found.intact:
        raise Invalid("the ledger is not intact: " + "; ".join(found.problems))
    replayed = ", and replaying them gives the graph" if deep else ""
    say(f"{found.commits} commits, chain intact{replayed}; head {found.head[:16] or 'empty'}")
