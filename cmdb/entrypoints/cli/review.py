"""`cmdb review …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, check_words, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.store.protocol import StoredRecord

app = typer.Typer(help="What waits until another person has looked at it.", no_args_is_help=True)
COLUMNS = ("number", "state", "origin", "author", "asked", "things", "edits", "reason")
Review = Annotated[str, typer.Argument(help="Number or id of a review.")]
States = Annotated[
    list[str] | None,
    typer.Option(help="In these states: waiting (default), approved, rejected, superseded; may be repeated."),
]


@app.callback()
def group() -> None:
    """What waits until another person has looked at it."""


@app.command("list")
def list_(
    data_dir: DataDir = None, store_uri: StoreUri = None, state: States = None, output: Output = Format.table
) -> None:
    """List what waits, the oldest first."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.lifecycle import REVIEW, STEPS

    check_words(state or (), STEPS[REVIEW], "state")
    with wired(settings(data_dir, store_uri)) as parts:
        print_rows([_row(r) for r in parts.reviews().list(state or ("waiting",))], COLUMNS, output)


@app.command()
def show(key: Review, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.yaml) -> None:
    """Show what waits, and what would be written if it were approved now."""
    from cmdb.entrypoints.results import MAX_DIFF, diff
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        review, done = parts.reviews().preview(key)
        value = {**_row(review), "edits": review.body["edits"], "edits_in_all": review.body["edits_in_all"]}
        changes = len(done.change_set.changes)
        value |= {"would_write": diff(done, MAX_DIFF), "changes_in_all": changes, "steps": review.body["steps"]}
        print_value(value, Format.yaml if output is Format.table else output)


@app.command()
def approve(key: Review, reason: Reason, data_dir: DataDir = None, store_uri: StoreUri = None) -> None:
    """Write what waits, planned anew on the graph as it is now; another person than the author does it."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.lifecycle import number_of

    with wired(settings(data_dir, store_uri)) as parts:
        review, done = parts.reviews().approve(key, actor(), reason)
    for problem in done.problems:
        say(f"not taken: {problem.path}: {problem.field}: {problem.message}")
    say(f"{amount(len(done.change_set.changes), 'change')}; the ledger is at sequence {done.sequence}")
    print(f"{number_of(review)} {review.state}")


@app.command()
def reject(key: Review, reason: Reason, data_dir: DataDir = None, store_uri: StoreUri = None) -> None:
    """Drop what waits; another person than the author does it."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.lifecycle import number_of

    with wired(settings(data_dir, store_uri)) as parts:
        review = parts.reviews().reject(key, actor(), reason)
    print(f"{number_of(review)} {review.state}")


def _row(review: StoredRecord) -> dict[str, Any]:
    from cmdb.exchange.lines import iso
    from cmdb.service.lifecycle import number_of

    row = {"number": number_of(review), "state": review.state, "asked": iso(review.at)}
    row |= {name: review.body[name] for name in ("origin", "author", "things")}
    return row | {"edits": review.body["edits_in_all"], "reason": review.texts.get("reason")}
