"""`cmdb config …` and `cmdb doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say
from cmdb.errors import CmdbError

app = typer.Typer(help="Settings.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Settings."""


@app.command()
def show(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    origin: Annotated[bool, typer.Option("--origin", help="Also say where each value came from.")] = False,
    output: Output = Format.table,
) -> None:
    """Show all settings as they hold here."""
    from cmdb.entrypoints.settings import Settings, load

    values, origins = load({"data_dir": data_dir, "store_uri": store_uri})
    columns = ["setting", "value", *(["origin"] if origin else [])]
    shown = {n: getattr(values, n) for n in Settings.model_fields}
    rows = ({"setting": n, "value": None if v is None else str(v), "origin": origins[n]} for n, v in shown.items())
    print_rows(rows, columns, output)


def doctor(data_dir: DataDir = None, store_uri: StoreUri = None) -> None:
    """Check what this program needs, one line each; exit code 1 if something is wrong."""
    from cmdb.entrypoints.doctor import checks

    failed = 0
    for check in checks(lambda: settings(data_dir, store_uri)):
        mark = "ok" if check.ok else "FAILED"
        failed += not check.ok
        print(f"{mark:<7} {check.name}: {check.detail}")
    if failed:
        say(f"{failed} of the checks failed")
        raise typer.Exit(CmdbError.exit_code)
