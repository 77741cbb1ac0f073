"""`cmdb quarantine …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.exits import PARTIAL
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.store.protocol import Quarantined

app = typer.Typer(help="Work through pushed items that nobody could place.", no_args_is_help=True)
COLUMNS = ("id", "adapter", "source", "item", "code", "message", "last", "times")
PAGE = 200
Id = Annotated[str, typer.Argument(help="Id of the entry.")]


@app.callback()
def group() -> None:
    """Work through pushed items that nobody could place."""


@app.command("list")
def list_(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    first: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most, the oldest first.")] = 1_000,
    output: Output = Format.table,
) -> None:
    """List what is in quarantine."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.exchange.lines import iso

    with wired(settings(data_dir, store_uri)) as parts:
        entries: list[Quarantined] = []
        while len(entries) < first:
            after = entries[-1].id if entries else None
            page = parts.store.quarantined(min(PAGE, first - len(entries)), after)
            entries += page
            if not page:
                break
        total = parts.store.quarantine_total()
    rows = [
        {"id": e.id, "adapter": e.adapter, "source": e.source, "item": e.ref, "code": e.code, "message": e.message}
        | {"last": iso(e.last), "times": e.times}
        for e in entries
    ]
    print_rows(rows, COLUMNS, output)
    say(f"{len(rows)} of {amount(total, 'item')} in quarantine")


@app.command()
def show(id_: Id, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.json) -> None:
    """Show one entry with its item."""
    from cmdb.entrypoints.files import push_of
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        print_value(push_of(parts).quarantine.show(id_), output)


@app.command()
def retry(
    ids: Annotated[list[str], typer.Argument(help="Ids of entries.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Push entries again; those that are taken leave. Exit code 6 if some stay."""
    from cmdb.entrypoints.files import push_of
    from cmdb.entrypoints.wiring import actor, wired

    with wired(settings(data_dir, store_uri)) as parts:
        push = push_of(parts)
        done = [push.retry(id_, actor()) for id_ in ids]
    rows = [
        {"id": d["quarantineId"], "status": d["status"], "ci": d.get("ciId"), "released": d["released"]}
        | {"message": d.get("reason", {}).get("message")}
        for d in done
    ]
    print_rows(rows, ("id", "status", "ci", "released", "message"), output)
    if not all(d["released"] for d in done):
        raise typer.Exit(PARTIAL)


@app.command()
def discard(
    ids: Annotated[list[str], typer.Argument(help="Ids of entries.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Throw entries away."""
    from cmdb.entrypoints.files import push_of
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        for id_ in ids:
            push_of(parts).quarantine.discard(id_)
    say(f"{len(ids)} discarded")
