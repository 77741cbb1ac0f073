"""`cmdb identity …`"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, check_words, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.exits import FOUND
from cmdb.errors import NotFound
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.changes import PutTask
    from cmdb.entrypoints.wiring import Wired
    from cmdb.identity.decide import Decided
    from cmdb.reconcile.simulate import Simulated
    from cmdb.store.protocol import StoredRecord

app = typer.Typer(help="Decide who is who: duplicates, conflicts, ambiguous matches.", no_args_is_help=True)
STATES = ("open", "decided", "obsolete")
TASKS = ("id", "kind", "state", "proposal", "observed", "cis", "text")
DECISIONS = ("id", "kind", "state", "title", "cis", "actor", "sequence", "reason")
SIMULATED = ("outcome", "names", "rule", "supports", "contradicts", "parts", "cis")
Keys = Annotated[list[str], typer.Argument(help="CIs: ids, identifiers or unique names; or the id of one task.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would change, write nothing.")]


class Printed(StrEnum):
    """How outcomes are printed."""

    table = "table"
    json = "json"
    ndjson = "ndjson"


@app.callback()
def group() -> None:
    """Decide who is who: duplicates, conflicts, ambiguous matches."""


@app.command("list")
def list_(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    state: Annotated[list[str] | None, typer.Option(help="Tasks in these states: open, decided, obsolete.")] = None,
    decided: Annotated[bool, typer.Option("--decided", help="List decisions, not tasks.")] = False,
) -> None:
    """List the questions that wait for a person, or with --decided what was decided."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.identity.decisions import RECORD

    states = tuple(state or ("open",))
    check_words(states, STATES, "state")
    with wired(settings(data_dir, store_uri)) as parts:
        if decided:
            print_rows(map(_decision_row, parts.store.records(kinds=(RECORD,))), DECISIONS, output)
        else:
            print_rows(map(_task_row, parts.store.tasks(states)), TASKS, output)


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="Id of a task or of a decision.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.yaml,
) -> None:
    """Show one task or decision with its CIs and what speaks for and against."""
    import msgspec

    from cmdb.entrypoints.wiring import wired
    from cmdb.identity.decisions import RECORD, read

    with wired(settings(data_dir, store_uri)) as parts:
        task = _task(parts, key)
        if task is not None:
            cis = parts.store.known(task.cis)
            shown = _task_row(task) | {
                "cis": [{"id": c.id, "class": c.ci_class, "name": c.attributes["name"]} for c in cis.values()],
                "proposal": task.proposal,
                "evidence": [msgspec.structs.asdict(e) for e in task.evidence],
            }
        else:
            records = [r for r in parts.store.records(ids=[key]) if r.kind == RECORD]
            if not records:
                raise NotFound(f"there is no identity task or decision {key!r}; `cmdb identity list` shows them")
            shown = _decision_row(records[0]) | {
                "evidence": [msgspec.structs.asdict(e) for e in read(records[0]).evidence]
            }
        print_value(shown, Format.yaml if output is Format.table else output)


@app.command()
def merge(
    keys: Keys,
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    despite: Annotated[
        bool, typer.Option("--despite", help="Although strong identifiers contradict, or a decision keeps them apart.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Make one CI of several; the first one named is kept. With a task: of its CIs, the oldest is kept."""
    _decide("merge", keys, (data_dir, store_uri, output), reason=reason, despite=despite, dry_run=dry_run)


@app.command()
def split(
    keys: Keys,
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    target: Annotated[list[str] | None, typer.Option(help="Targets that speak of the other thing.")] = None,
    identifier: Annotated[list[str] | None, typer.Option(help="Identifiers of the other thing, whole keys.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Give a new CI what some targets said of this one, or what came with some identifiers."""
    chosen = {"targets": tuple(target or ()), "identifiers": tuple(identifier or ())}
    _decide("split", keys, (data_dir, store_uri, output), reason=reason, dry_run=dry_run, **chosen)


@app.command()
def apart(
    keys: Keys,
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    dry_run: DryRun = False,
) -> None:
    """Say that CIs are different things, so that nobody asks again."""
    _decide("keep_apart", keys, (data_dir, store_uri, output), reason=reason, dry_run=dry_run)


@app.command()
def reclassify(
    key: Annotated[str, typer.Argument(help="Id, identifier or unique name.")],
    ci_class: Annotated[str, typer.Argument(help="The class that it is of.")],
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    dry_run: DryRun = False,
) -> None:
    """Say of which class a CI is; its id stays."""
    _decide("reclassify", [key], (data_dir, store_uri, output), reason=reason, dry_run=dry_run, ci_class=ci_class)


@app.command()
def ignore(
    task: Annotated[str, typer.Argument(help="Id of the task.")],
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Settle a task without a decision about its CIs."""
    _decide("ignore", [task], (data_dir, store_uri, output), reason=reason)


@app.command()
def undo(
    decision: Annotated[str, typer.Argument(help="Id of the decision, from `cmdb identity list --decided`.")],
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    dry_run: DryRun = False,
) -> None:
    """Take a decision back: what was merged is two again, what was split is one again."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.identity.undo import undo as take_back

    with wired(settings(data_dir, store_uri)) as parts:
        _tell(parts, take_back(parts.ingest, decision, actor(), reason, dry_run), output, dry_run)


@app.command()
def simulate(
    rules: Annotated[Path, typer.Argument(help="Other rules, in YAML: class, then the identifiers that differ.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Annotated[Printed, typer.Option("-o", "--output", help="How to print data.")] = Printed.table,
) -> None:
    """Show which CIs would be one, fall apart or be asked about under other rules; exit code 10 if there are any."""
    from cmdb.entrypoints.rules import read_rules
    from cmdb.entrypoints.wiring import wired
    from cmdb.reconcile.simulate import simulate as compare

    with wired(settings(data_dir, store_uri)) as parts:
        proposed = read_rules(rules, parts.model)
        found = list(compare(parts.store.scan_cis(), parts.model, proposed))
    print_rows(map(_simulated_row, found), SIMULATED, Format(output.value))
    counts = {kind: sum(one.outcome == kind for one in found) for kind in ("merge", "split", "ask")}
    say(f"{counts['merge']} would merge, {counts['split']} would split, {counts['ask']} would be asked about")
    if found:
        raise typer.Exit(FOUND)


def _decide(kind: str, keys: list[str], where: tuple[Any, Any, Format], dry_run: bool = False, **chosen: Any) -> None:
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.identity.decide import Request, decide

    data_dir, store_uri, output = where
    with wired(settings(data_dir, store_uri)) as parts:
        task = _task(parts, keys[0]) if len(keys) == 1 else None
        if task is not None:
            cis = tuple(sorted(task.cis)) if kind != "ignore" else task.cis
        elif kind == "ignore":
            raise NotFound(f"there is no identity task {keys[0]!r}; `cmdb identity list` shows them")
        else:
            cis = tuple(find_one(parts.store, key).id for key in keys)
        request = Request(kind=kind, cis=cis, actor=actor(), task=task.id if task else "", **chosen)  # type: ignore[arg-type]  # one of the kinds
        _tell(parts, decide(parts.ingest, request, dry_run), output, dry_run)


def _tell(parts: Wired, done: Decided, output: Format, dry_run: bool) -> None:
    rows = [{"id": c.id, "class": c.ci_class, "name": c.name, "status": c.status} for c in parts.store.cis(done.cis)]
    print_rows(rows, ("id", "class", "name", "status"), output)
    facts = amount(len(done.changes), "change")
    say(f"would make {facts}" if dry_run else f"decision {done.id}: {facts}, commit {done.sequence}")


def _task(parts: Wired, key: str) -> PutTask | None:
    return next(iter(parts.store.tasks_by_id([key])), None)


def _task_row(task: PutTask) -> dict[str, Any]:
    observed = f"{task.origin} {task.observed}"
    row = {"id": task.id, "kind": task.kind, "state": task.state, "observed": observed}
    row["proposal"] = task.proposal
    return row | {"cis": list(task.cis), "keys": list(task.keys), "text": task.text}


def _decision_row(record: StoredRecord) -> dict[str, Any]:
    from cmdb.identity.decisions import read

    decision = read(record)
    row: dict[str, Any] = {"id": record.id, "kind": decision.kind, "state": record.state, "title": record.title}
    row |= {"cis": list(decision.cis), "actor": decision.actor, "sequence": decision.sequence}
    return row | {"reason": record.texts.get("reason")}


def _simulated_row(one: Simulated) -> dict[str, Any]:
    parts = [" ".join(part) for part in one.parts]
    return {
        "outcome": one.outcome,
        "names": list(one.names),
        "rule": one.rule,
        "supports": list(one.supports),
        "contradicts": list(one.contradicts),
        "parts": parts,
        "cis": list(one.cis),
    }
