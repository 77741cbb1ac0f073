"""All commands by noun; each module is imported when its command is asked for, so that starting stays quick."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
import typer.core

from cmdb import __version__
from cmdb.entrypoints.cli import (
    alarm,
    audit,
    baseline,
    change,
    ci,
    completeness,
    config,
    diff,
    discover,
    edit,
    exchange,
    identity,
    impact,
    incident,
    ingest,
    known_error,
    ledger,
    plan,
    quarantine,
    release,
    requirement,
    review,
    scan,
    serve,
    source,
    sweep,
)


class Commands(typer.core.TyperGroup):
    """All commands: what they printed is written out before they end, so that a lost output is their error."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        finally:
            sys.stdout.flush()


app = typer.Typer(
    name="cmdb",
    cls=Commands,
    help="A configuration management database that fills itself and proves what it answers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(alarm.app, name="alarm")
app.add_typer(audit.app, name="audit")
edit.add_to(ci.app)
app.add_typer(ci.app, name="ci")
app.add_typer(baseline.app, name="baseline")
plan.add_to(change.app)
app.add_typer(change.app, name="change")
app.add_typer(discover.app, name="discover")
app.add_typer(ingest.app, name="ingest")
app.add_typer(ledger.app, name="ledger")
app.add_typer(identity.app, name="identity")
app.add_typer(incident.app, name="incident")
app.add_typer(known_error.app, name="known-error")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(requirement.app, name="requirement")
app.add_typer(release.app, name="release")
app.add_typer(review.app, name="review")
app.add_typer(scan.app, name="scan")
app.add_typer(source.app, name="source")
app.add_typer(config.app, name="config")
app.command("sweep")(sweep.sweep)
app.command("record")(discover.record)
app.command("diff")(diff.diff)
app.command("impact")(impact.impact)
app.command("completeness")(completeness.completeness)
app.command("export")(exchange.export)
app.command("import")(exchange.import_)
app.command("serve")(serve.serve)
app.command("demo")(serve.demo)
app.command("doctor")(config.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cmdb {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A configuration management database that fills itself and proves what it answers."""
