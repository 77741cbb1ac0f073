"""`cmdb incident …`"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli import causes
from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import naming, print_rows, print_value, say
from cmdb.errors import Invalid, NotFound, UsageError

if TYPE_CHECKING:
    from cmdb.entrypoints.wiring import Wired
    from cmdb.service.incidents import Effect
    from cmdb.store.protocol import StoredRecord

app = typer.Typer(help="Incidents: what failed, what it hits.", no_args_is_help=True)
app.command("causes")(causes.causes)
COLUMNS = ("number", "state", "priority", "title", "assignee", "started", "services", "customers", "affected")
CHANGE_COLUMNS = ("at", "suspect", "class", "name", "kind", "attribute", "before", "after", "actor", "sequence")
Incident = Annotated[str, typer.Argument(help="Number or id of an incident.")]
DownNow = Annotated[list[str] | None, typer.Option("--down", help="A CI that does not work; may be repeated.")]
DegradedNow = Annotated[list[str] | None, typer.Option("--degraded", help="A CI that works badly; may be repeated.")]
Urgency = Annotated[int, typer.Option(help="1: now, and no workaround; 2: soon, or a workaround; 3: neither.")]


class Step(StrEnum):
    """Where an incident can be moved to."""

    assigned = "assigned"
    in_progress = "in_progress"
    pending = "pending"
    resolved = "resolved"
    closed = "closed"
    cancelled = "cancelled"


# Steps that need a text, and what that is.
TOLD = {
    Step.resolved: "resolution",
    Step.pending: "reason to wait",
    Step.cancelled: "reason to cancel it",
}


@app.callback()
def group() -> None:
    """Incidents: what failed, what it hits."""


@app.command("open")
def open_(
    title: Annotated[str, typer.Argument(help="What is disturbed, in a few words.")],
    reason: Reason,
    down: DownNow = None,
    degraded: DegradedNow = None,
    reported: Annotated[
        list[str] | None, typer.Option(help="A CI that is said not to answer: evidence, no effect; may be repeated.")
    ] = None,
    firing: Annotated[
        bool, typer.Option("--firing", help="Take what the alarms say that fire now and are in no open incident.")
    ] = False,
    alarm: Annotated[list[str] | None, typer.Option(help="Take what this alarm (id) says; may be repeated.")] = None,
    urgency: Urgency = 1,
    channel: Annotated[str, typer.Option(help="alarm, phone, mail, portal or external.")] = "",
    description: Annotated[str, typer.Option(help="What people say of it.")] = "",
    assignee: Annotated[str, typer.Option(help="Login or group that works on it.")] = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Record an incident; what it hits and its priority are computed."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.alarm_records import Evidence, evidence_of
    from cmdb.service.incidents import Incidents, Told

    if firing and alarm:
        raise UsageError("give --firing for all alarms, or --alarm for some")
    with wired(settings(data_dir, store_uri)) as parts:
        said = evidence_of(parts.store, alarm or ()) if firing or alarm else Evidence({}, [], [], [])
        for lost in said.lost:
            say(f"finding: UNKNOWN: nobody knows the CI of the alarm {lost.title} ({lost.id})")
        if firing and not said.alarms:
            raise NotFound("no alarm fires that is not in an open incident")
        affected = said.affected | _effects(parts, down, degraded)
        evidence = [*said.reported, *(find_one(parts.store, key).id for key in reported or ())]
        told = Told(
            title,
            affected,
            [ci for ci in evidence if ci not in affected],
            urgency,
            channel or ("alarm" if said.alarms else "phone"),
            description,
            assignee,
            alarms=said.alarms,
        )
        _tell(Incidents(parts.ingest).open(told, parts.topology(), actor(), reason))


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that are closed or cancelled too.")] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """List incidents, the most pressing first."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.lifecycle import INCIDENT, is_open

    with wired(settings(data_dir, store_uri)) as parts:
        records = [r for r in parts.store.records(kinds=(INCIDENT,)) if everything or is_open(r)]
    rows = sorted(map(_row, records), key=lambda row: (row["priority"] or 9, row["number"]))
    print_rows(rows, COLUMNS, output)


@app.command()
def show(key: Incident, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.yaml) -> None:
    """Show one incident as it is recorded."""
    from cmdb.entrypoints.cli.times import as_record
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.incidents import priority
    from cmdb.service.lifecycle import INCIDENT, find_record

    with wired(settings(data_dir, store_uri)) as parts:
        found = find_record(parts.store, INCIDENT, key)
        named = {ci.id: ci.name for ci in parts.store.cis(found.about)}
    body = as_record(found.body)
    value = {"id": found.id, "state": found.state, "title": found.title, "revision": found.revision}
    value |= {"priority_that_holds": priority(found), **body, **found.texts, "names": named}
    print_value(value, Format.yaml if output is Format.table else output)


@app.command()
def affect(
    key: Incident,
    reason: Reason,
    down: DownNow = None,
    degraded: DegradedNow = None,
    works: Annotated[list[str] | None, typer.Option(help="A CI that works again; may be repeated.")] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Note what else does not work, or works again; what it hits is computed anew."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.incidents import Incidents

    if not (down or degraded or works):
        raise UsageError("nothing to note: give --down, --degraded or --works")
    with wired(settings(data_dir, store_uri)) as parts:
        again = [find_one(parts.store, name).id for name in works or ()]
        effects = _effects(parts, down, degraded)
        _tell(Incidents(parts.ingest).affect(key, parts.topology(), actor(), reason, effects, again))


@app.command()
def move(
    key: Incident,
    to: Annotated[Step, typer.Argument(help="Its next state.")],
    reason: Reason,
    tell: Annotated[str, typer.Option(help="The resolution, or why it waits or is cancelled.")] = "",
    cause: Annotated[str | None, typer.Option(help="The CI that caused it.", show_default=False)] = None,
    assignee: Annotated[str, typer.Option(help="Login or group that works on it.")] = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Step an incident on; resolving it needs a resolution, and that all it affected works again."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.incidents import Incidents

    if to in TOLD and not tell.strip():
        raise Invalid(f"the {TOLD[to]} is missing; say it with --tell")
    if to is Step.assigned and not assignee.strip():
        raise Invalid("the assignee is missing; say who works on it with --assignee")
    with wired(settings(data_dir, store_uri)) as parts:
        found = find_one(parts.store, cause).id if cause else None
        _tell(Incidents(parts.ingest).move(key, to.value, actor(), reason, tell, found, assignee))


@app.command()
def rate(
    key: Incident,
    reason: Reason,
    priority: Annotated[int | None, typer.Option(help="1 (highest) to 4; 0: as computed.", show_default=False)] = None,
    urgency: Annotated[int | None, typer.Option(help="1 to 3.", show_default=False)] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Set the priority or the urgency; what was computed stays beside it."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.incidents import Incidents

    if priority is None and urgency is None:
        raise UsageError("nothing to set: give --priority or --urgency")
    with wired(settings(data_dir, store_uri)) as parts:
        _tell(Incidents(parts.ingest).rate(key, actor(), reason, priority, urgency))


@app.command()
def changes(
    keys: Annotated[
        list[str] | None, typer.Argument(help="Suspects: ids, identifiers or unique names.", show_default=False)
    ] = None,
    incident: Annotated[
        str | None, typer.Option(help="Take the CIs of this incident for suspects.", show_default=False)
    ] = None,
    hours: Annotated[int, typer.Option(min=1, max=8_784, help="How far to look back.")] = 72,
    first: Annotated[int, typer.Option(min=1, max=1_000, help="Changes to show.")] = 50,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """List what changed lately on suspects, and on all that they rest on."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.exchange.lines import iso
    from cmdb.service.lifecycle import INCIDENT, find_record
    from cmdb.service.recent import recent_changes

    with wired(settings(data_dir, store_uri)) as parts:
        suspects = [find_one(parts.store, key).id for key in keys or ()]
        if incident is not None:
            suspects += find_record(parts.store, INCIDENT, incident).about
        if not suspects:
            raise UsageError("no suspects: name a CI, or an incident that has some with --incident")
        topology = parts.topology()
        found = recent_changes(parts.store, parts.model, topology, suspects, clock_ms(), hours, first)
    title = naming(topology, output)
    rows = [
        {
            "at": iso(change.fact.at),
            "suspect": change.is_suspect,
            "class": change.ci.ci_class,
            "name": title(change.ci),
            "kind": change.fact.kind,
            "attribute": change.fact.attribute or change.fact.relationship_type,
            "before": change.fact.before,
            "after": change.fact.after,
            "actor": change.fact.actor,
            "sequence": change.fact.sequence,
        }
        for change in found.changes
    ]
    print_rows(rows, CHANGE_COLUMNS, output)
    if not found.complete:
        say(f"there is more: {found.cis} CIs were looked at; ask for more with --first, or name fewer suspects")


def _effects(parts: Wired, down: list[str] | None, degraded: list[str] | None) -> dict[str, Effect]:
    from cmdb.entrypoints.keys import find_one

    effects: dict[str, Effect] = {find_one(parts.store, key).id: "degraded" for key in degraded or ()}
    for key in down or ():
        if effects.setdefault(find_one(parts.store, key).id, "down") == "degraded":
            raise UsageError(f"{key} is given with --down and with --degraded; give it with one of them")
    return effects


def _row(record: StoredRecord) -> dict[str, Any]:
    from cmdb.exchange.lines import iso
    from cmdb.service.incidents import priority
    from cmdb.service.lifecycle import number_of

    computed = record.body["computed"] or {}
    return {
        "number": number_of(record),
        "id": record.id,
        "state": record.state,
        "priority": priority(record),
        "title": record.title,
        "assignee": record.body.get("assignee"),
        "started": iso(record.body["started"]),
        "services": computed.get("service_count"),
        "customers": computed.get("customers"),
        "affected": sum(entry["to"] is None for entry in record.body["affected"]),
    }


def _tell(record: StoredRecord) -> None:
    row = _row(record)
    pressing = f"priority {row['priority']}" if row["priority"] else "no priority: nothing is said to be down"
    say(f"{row['number']} is {record.state}, {pressing}; it hits {row['services'] or 0} services")
    print(row["number"])
