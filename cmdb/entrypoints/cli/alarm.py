"""`cmdb alarm …`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say

app = typer.Typer(help="Alarms that came in: what fires, and on which CI.", no_args_is_help=True)
COLUMNS = ("state", "started", "ended", "severity", "alarm", "effect", "class", "name", "incident", "source", "id")


@app.callback()
def group() -> None:
    """Alarms that came in: what fires, and on which CI."""


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that ended too.")] = False,
    unknown: Annotated[bool, typer.Option("--unknown", help="Only those of which nobody knows the CI.")] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """List alarms, the latest first."""
    from cmdb.entrypoints.keys import titles
    from cmdb.entrypoints.wiring import wired
    from cmdb.exchange.lines import iso
    from cmdb.service.alarm_records import FIRING, alarms_in, incidents_of
    from cmdb.service.lifecycle import number_of

    with wired(settings(data_dir, store_uri)) as parts:
        found = [r for r in alarms_in(parts.store, () if everything else (FIRING,)) if not (unknown and r.body["ci"])]
        incidents = incidents_of(parts.store)
        cis = {ci.id: ci for ci in parts.store.cis(list({r.body["ci"] for r in found if r.body["ci"]}))}
        names = titles(parts.store, list(cis)) if output is Format.table else {ci.id: ci.name for ci in cis.values()}
    rows: list[dict[str, Any]] = []
    for alarm in found:
        body, ci, incident = alarm.body, cis.get(alarm.body["ci"]), incidents.get(alarm.id)
        row = {"state": alarm.state, "started": iso(body["started"]), "severity": body["severity"] or None}
        row |= {"ended": iso(body["ended"]) if body["ended"] is not None else None, "id": alarm.id}
        row |= {"alarm": alarm.title, "effect": body["effect"].lower(), "source": body["source"]}
        row |= {"class": ci.ci_class if ci else None, "name": names[ci.id] if ci else _sought(body)}
        rows.append(row | {"incident": number_of(incident) if incident else None})
    print_rows(rows, COLUMNS, output)
    strange = sum(r.body["ci"] == "" for r in found)
    if strange:
        say(f"{strange} of these name no CI that is known; they are tied to it once it appears")


def _sought(body: dict[str, Any]) -> str:
    words = ", ".join(word for words in body["sought"].values() for word in words)
    return f"? {words}" if words else "?"


@app.command()
def link(data_dir: DataDir = None, store_uri: StoreUri = None) -> None:
    """Look again for the CIs of alarms that nobody could place; a server does so by itself."""
    from cmdb.entrypoints.alerts import link_alarms
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.alarm_records import Alarms

    with wired(settings(data_dir, store_uri)) as parts:
        say(f"{link_alarms(Alarms(parts.ingest), parts.store, parts.model, actor())} alarms were tied to their CIs")
