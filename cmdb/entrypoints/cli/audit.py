"""`cmdb audit …`"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli import finding
from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.exits import FOUND
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.entrypoints.wiring import Wired
    from cmdb.store.protocol import StoredRecord

app = typer.Typer(help="Audits at planned intervals.", no_args_is_help=True)
app.add_typer(finding.app, name="finding")
PLAN_COLUMNS = ("number", "name", "state", "scope", "size", "period_days", "auditor", "owner", "due", "overdue")
AUDIT_COLUMNS = ("number", "plan", "name", "state", "started", "reported", "right", "deviations", "unseen")
DUE_COLUMNS = ("number", "kind", "title", "who", "due", "overdue")
Audit = Annotated[str, typer.Argument(help="Number or id of an audit.")]
Plan = Annotated[str, typer.Argument(help="Name, number or id of a plan.")]


class Paper(StrEnum):
    """How a report is printed."""

    markdown = "markdown"
    json = "json"
    yaml = "yaml"


@app.callback()
def group() -> None:
    """Audits at planned intervals."""


@app.command()
def plan(
    name: Annotated[str, typer.Argument(help="Name of the plan.")],
    auditor: Annotated[str, typer.Option(help="Login of who audits; not the owner, nor who edits what is audited.")],
    owner: Annotated[str, typer.Option(help="Login of who owns what is audited, and settles findings.")],
    every_days: Annotated[int, typer.Option(help="Days from one audit to the next.")],
    reason: Reason,
    ci_class: Annotated[
        list[str] | None, typer.Option("--class", help="Only this class, or those that extend it; may be repeated.")
    ] = None,
    name_prefix: Annotated[str, typer.Option(help="Only CIs whose names start so.")] = "",
    sample: Annotated[int, typer.Option(help="CIs that are drawn for each audit; 0: all.")] = 0,
    seed: Annotated[str, typer.Option(help="Seed of the draw; else the hash of the ledger's head.")] = "",
    due_days: Annotated[int, typer.Option(help="Days to settle a finding.")] = 30,
    replace: Annotated[bool, typer.Option("--replace", help="Change the plan of this name.")] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Plan audits of a scope."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.audits import Audits, PlanRequest
    from cmdb.service.lifecycle import number_of
    from cmdb.service.scope import Scope

    asked = PlanRequest(
        name, Scope(tuple(ci_class or ()), name_prefix), auditor, owner, every_days, sample, seed, due_days
    )
    with wired(settings(data_dir, store_uri)) as parts:
        print(number_of(Audits(parts.ingest).plan(asked, actor(), reason, replace)))


@app.command()
def retire(key: Plan, reason: Reason, data_dir: DataDir = None, store_uri: StoreUri = None) -> None:
    """Let a plan be due no more."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.audits import Audits

    with wired(settings(data_dir, store_uri)) as parts:
        finding.tell(Audits(parts.ingest).retire(key, actor(), reason))


@app.command("list")
def list_(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    plans: Annotated[bool, typer.Option("--plans", help="List plans instead, with when each is due.")] = False,
    output: Output = Format.table,
) -> None:
    """List audits, the oldest first."""
    from cmdb.entrypoints.wiring import clock_ms, wired

    with wired(settings(data_dir, store_uri)) as parts:
        if plans:
            print_rows(_plan_rows(parts, clock_ms()), PLAN_COLUMNS, output)
        else:
            print_rows([_audit_row(a) for a in parts.store.records(kinds=("audit",))], AUDIT_COLUMNS, output)


@app.command()
def run(
    key: Plan,
    reason: Reason,
    expected: Annotated[
        str | None,
        typer.Option(help="What is expected: the graph at this sequence or baseline; else as it is now."),
    ] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Begin an audit: draw the sample. Discover the scope anew afterwards, then finish the audit."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.audits import Audits

    with wired(settings(data_dir, store_uri)) as parts:
        audit = Audits(parts.ingest).start(key, actor(), reason, _sequence(parts, expected))
        drawn = audit.body["sample"]
        many = f"{len(drawn)} drawn from" if drawn is not None else "all of"
        say(f"{many} {amount(audit.body['population'], 'CI')}, with the seed {audit.body['seed']}")
        finding.tell(audit)


@app.command()
def finish(key: Audit, reason: Reason, data_dir: DataDir = None, store_uri: StoreUri = None) -> None:
    """Hold a running audit against what was discovered since it began; each deviation becomes a finding."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.audits import Audits

    with wired(settings(data_dir, store_uri)) as parts:
        audit = Audits(parts.ingest).finish(key, actor(), reason, parts.topology())
        results = audit.body["results"]
        say(", ".join(f"{results[v]} {v}" for v in ("right", "different", "missing", "unseen", "extra")))
        finding.tell(audit)


@app.command()
def close(
    key: Audit,
    reason: Reason,
    unseen_accepted: Annotated[
        str, typer.Option(metavar="REASON", help="Why it may close although some CIs were unseen; the report shows it.")
    ] = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Close a reported audit, all of whose findings are closed and all of whose CIs were judged."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.audits import Audits

    with wired(settings(data_dir, store_uri)) as parts:
        finding.tell(Audits(parts.ingest).close(key, actor(), reason, unseen_accepted))


@app.command()
def cancel(key: Audit, reason: Reason, data_dir: DataDir = None, store_uri: StoreUri = None) -> None:
    """Give up an audit that is not reported."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.audits import Audits

    with wired(settings(data_dir, store_uri)) as parts:
        finding.tell(Audits(parts.ingest).cancel(key, actor(), reason))


@app.command()
def show(key: Audit, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.yaml) -> None:
    """Show one audit as it is recorded."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.lifecycle import AUDIT, find_record

    with wired(settings(data_dir, store_uri)) as parts:
        found = find_record(parts.store, AUDIT, key)
        value = {"id": found.id, "state": found.state, "title": found.title, "revision": found.revision, **found.body}
        print_value(value, Format.yaml if output is Format.table else output)


@app.command()
def report(
    key: Audit,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Annotated[Paper, typer.Option("-o", "--output", help="How to print the report.")] = Paper.markdown,
) -> None:
    """Print the report of an audit; of a running one what it has found by now."""
    from cmdb.entrypoints.terminal import plain
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.service.audits import Audits
    from cmdb.service.lifecycle import AUDIT, find_record
    from cmdb.service.report import markdown
    from cmdb.service.report import report as make

    with wired(settings(data_dir, store_uri)) as parts:
        audits = Audits(parts.ingest)
        audit = find_record(parts.store, AUDIT, key)
        (planned,) = parts.store.records(ids=[audit.body["plan"]])
        probed = audits.probe(audit, parts.topology()) if audit.state == "running" else None
        made = make(audit, planned, audits.findings(audit), clock_ms(), probed)
    if output is Paper.markdown:
        print(plain(markdown(made)), end="")
    else:
        print_value(made, Format(output.value))


@app.command()
def due(data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.table) -> None:
    """List audits and findings that are due, the most urgent first; exit code 10 if something is overdue."""
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.exchange.lines import iso
    from cmdb.service.due import due_list
    from cmdb.service.lifecycle import AUDIT, FINDING, PLAN

    with wired(settings(data_dir, store_uri)) as parts:
        plans, audits, findings = (parts.store.records(kinds=(kind,)) for kind in (PLAN, AUDIT, FINDING))
        rows = due_list(plans, audits, findings, clock_ms())
    named = [
        {"number": r.number, "kind": r.kind, "title": r.title, "who": r.who, "due": iso(r.due), "overdue": r.overdue}
        for r in rows
    ]
    print_rows(named, DUE_COLUMNS, output)
    if any(r.overdue for r in rows):
        raise typer.Exit(FOUND)


def _sequence(parts: Wired, expected: str | None) -> int | None:
    """The sequence that a number or the name of a baseline means. Raises NotFound."""
    if expected is None or expected.isdecimal():
        return int(expected) if expected else None
    from cmdb.baselines import find_baseline

    return find_baseline(parts.store, expected).moment.sequence


def _plan_rows(parts: Wired, now: int) -> list[dict[str, Any]]:
    from cmdb.exchange.lines import iso
    from cmdb.service.due import next_audit
    from cmdb.service.lifecycle import AUDIT, PLAN, number_of
    from cmdb.service.scope import scope_of

    audits = parts.store.records(kinds=(AUDIT,))
    rows = []
    for found in parts.store.records(kinds=(PLAN,)):
        until = next_audit(found, audits)
        row = {n: found.body[n] for n in ("size", "period_days", "auditor", "owner")}
        row |= {"number": number_of(found), "name": found.title, "state": found.state}
        row |= {"scope": scope_of(found.body["scope"]).words()}
        if found.state == "active":
            row |= {"due": iso(until), "overdue": now > until}
        rows.append(row)
    return rows


def _audit_row(audit: StoredRecord) -> dict[str, Any]:
    from cmdb.exchange.lines import iso
    from cmdb.service.lifecycle import number_of

    row = {"number": number_of(audit), "plan": audit.body["plan_number"], "name": audit.title, "state": audit.state}
    row |= {name: iso(audit.body[name]) for name in ("started", "reported") if name in audit.body}
    if "results" in audit.body:
        results = audit.body["results"]
        deviations = results["different"] + results["missing"] + results["extra"]
        row |= {"right": results["right"], "deviations": deviations, "unseen": results["unseen"]}
    return row
