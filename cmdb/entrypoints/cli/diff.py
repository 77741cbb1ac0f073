"""`cmdb diff`"""

from __future__ import annotations

from typing import Annotated

import typer

from cmdb.entrypoints.cli.changes import COLUMNS, FACT, ScopeOption
from cmdb.entrypoints.cli.options import DataDir, Fields, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say
from cmdb.entrypoints.exits import FOUND
from cmdb.wording import amount


def diff(
    earlier: Annotated[
        str, typer.Argument(help="Earlier moment: a time in ISO 8601, a sequence, a baseline, or `now`.")
    ],
    later: Annotated[str, typer.Argument(help="Later moment, in the same ways.")] = "now",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    fields: Fields = None,
    scope: ScopeOption = None,
) -> None:
    """Tell what differs between two moments; exit code 10 if anything does."""
    from cmdb.baselines import find_point
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        compare(parts, find_point(parts.store, earlier), find_point(parts.store, later), output, fields, scope)


def compare(parts, one, other, output: Format, fields: str | None, scope: list[str] | None) -> None:  # type: ignore[no-untyped-def] # the imports behind these types are slow
    """Print what differs between two points, in the scope given, else in that of the baselines among them."""
    from cmdb.diff import differences
    from cmdb.entrypoints.cli.changes import counted, read_scope, rows
    from cmdb.scope import in_scope_at

    wanted = read_scope(parts, scope) if scope else one.scope if not one.scope.is_everything else other.scope
    moments = one.moment, other.moment
    facts = differences(parts.store, parts.model, *moments, in_scope_at(parts.store, wanted, moments))
    found = 0

    def tell(n: int) -> None:
        nonlocal found
        found = n

    shown = fields or (",".join(FACT) if output is Format.table else None)
    print_rows(counted(rows(parts.store, facts), tell), COLUMNS, output, shown)
    inside = f" in {wanted.text}" if wanted.text else ""
    say(f"{amount(found, 'difference') if found else 'no differences'} between {one.name} and {other.name}{inside}")
    if found:
        raise typer.Exit(FOUND)
