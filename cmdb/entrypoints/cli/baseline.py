"""`cmdb baseline …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.changes import ScopeOption
from cmdb.entrypoints.cli.options import DataDir, Fields, Format, OptionalReason, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.exits import FOUND
from cmdb.errors import Invalid
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.baselines import Baseline

app = typer.Typer(help="Names for moments, to compare with later.", no_args_is_help=True)
COLUMNS = ("name", "sequence", "as_of", "scope", "taken_by", "taken_at", "reason", "state", "id")
Name = Annotated[str, typer.Argument(help="Name or id of a baseline.")]


@app.callback()
def group() -> None:
    """Names for moments, to compare with later."""


@app.command()
def take(
    name: Annotated[str, typer.Argument(help="Name; no other baseline may ever have had it.")],
    reason: Reason,
    at: Annotated[str, typer.Option(help="Moment: a time in ISO 8601, a sequence, a baseline, or `now`.")] = "now",
    scope: ScopeOption = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken.")] = False,
) -> None:
    """Name a moment and a scope. Takes no longer for a large graph than for a small one."""
    from cmdb.baselines import NOW, Wanted, find_point, take_baseline
    from cmdb.entrypoints.cli.changes import read_scope
    from cmdb.entrypoints.wiring import actor, wired

    with wired(settings(data_dir, store_uri)) as parts:
        moment = None if at.strip().lower() == NOW else find_point(parts.store, at).moment
        wanted = Wanted(name, reason, moment, read_scope(parts, scope))
        taken = take_baseline(parts.ingest, wanted, actor(), dry_run)
    if taken.baseline is None:
        raise Invalid("; ".join(r.message for r in taken.refusals))
    note = "would be taken" if dry_run else "taken"
    say(f"baseline {taken.baseline.name!r} {note} at sequence {taken.baseline.moment.sequence}")


@app.command("list")
def list_(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    fields: Fields = None,
    dropped: Annotated[bool, typer.Option("--dropped", help="Also those that were dropped.")] = False,
) -> None:
    """List baselines, newest first."""
    from cmdb.baselines import list_baselines
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        print_rows((_row(b) for b in list_baselines(parts.store, dropped)), COLUMNS, output, fields)


@app.command()
def show(name: Name, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.yaml) -> None:
    """Show one baseline; one that was dropped too."""
    from cmdb.baselines import find_baseline
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        found = _row(find_baseline(parts.store, name, dropped=True))
    print_value(found, Format.yaml if output is Format.table else output)


@app.command()
def drop(
    name: Name,
    reason: OptionalReason = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Put a baseline away. Its name stays taken."""
    from cmdb.baselines import drop_baseline
    from cmdb.entrypoints.wiring import actor, wired

    with wired(settings(data_dir, store_uri)) as parts:
        dropped = drop_baseline(parts.ingest, name, actor(), reason)
    say(f"baseline {dropped.name!r} dropped")


@app.command()
def compare(
    name: Name,
    other: Annotated[str, typer.Argument(help="Later moment: a baseline, a time, a sequence, or `now`.")] = "now",
    scope: ScopeOption = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    fields: Fields = None,
) -> None:
    """Tell what differs between a baseline and another one or now; exit code 10 if anything does."""
    from cmdb.baselines import Point, find_baseline, find_point
    from cmdb.entrypoints.cli.diff import compare as compare_points
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        found = find_baseline(parts.store, name)
        one = Point(found.moment, found.scope, f"baseline {found.name}")
        compare_points(parts, one, find_point(parts.store, other), output, fields, scope)


@app.command()
def verify(
    name: Name,
    seen_since: Annotated[
        str | None,
        typer.Option(help="Also find CIs that no source has seen since this time or `start`, that of the latest run."),
    ] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    fields: Fields = None,
) -> None:
    """Hold the present against a baseline, as after a run of discovery; exit code 10 if there are findings."""
    from cmdb.baselines import find_baseline
    from cmdb.entrypoints.cli.findings import COLUMNS as FINDINGS
    from cmdb.entrypoints.cli.findings import findings, since_of
    from cmdb.entrypoints.wiring import wired

    count = 0
    with wired(settings(data_dir, store_uri)) as parts:
        baseline = find_baseline(parts.store, name)
        since = since_of(parts.store, seen_since) if seen_since else None

        def rows() -> Any:
            nonlocal count
            for row in findings(parts, baseline, since):
                count += 1
                yield row

        print_rows(rows(), FINDINGS, output, fields)
    say(f"{amount(count, 'finding') if count else 'no findings'} against the baseline {baseline.name}")
    if count:
        raise typer.Exit(FOUND)


def _row(baseline: Baseline) -> dict[str, Any]:
    from cmdb.exchange.lines import iso

    return {
        "name": baseline.name,
        "sequence": baseline.moment.sequence,
        "as_of": iso(baseline.moment.at),
        "scope": baseline.scope.text or None,
        "taken_by": baseline.by,
        "taken_at": iso(baseline.taken),
        "reason": baseline.reason or None,
        "state": baseline.state,
        "id": baseline.id,
    }
