"""`cmdb discover …` and `cmdb record`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.entrypoints.discovery import Errand, Following, Progress
    from cmdb.entrypoints.visits import Visit
    from cmdb.entrypoints.wiring import Wired
    from cmdb.store.protocol import TargetOutcome
    from collectors.discover import Target

app = typer.Typer(help="Find out what is there.", no_args_is_help=True)
ScopesFile = Annotated[
    Path | None, typer.Option("--scopes", help="File with scopes and credentials.", show_default=False)
]
NewKeys = Annotated[
    bool,
    typer.Option("--accept-new-host-keys", help="Take down the SSH keys of hosts and devices never seen before."),
]
VISITED = ("snmp", "ssh", "netmiko")  # sources that a discovery run asks
ENDING = ("state", "stage", "reason", "detail")  # how a visit ended
STATUS_COLUMNS = (
    "origin",
    "last_seen",
    "complete_at",
    "things",
    "visited_at",
    "state",
    "stage",
    "reason",
    "silent",
    "detail",
)


@app.callback()
def group() -> None:
    """Find out what is there."""


@app.command()
def run(
    targets: Annotated[
        list[str] | None, typer.Argument(help="address[:port], a range, or the name of a target.")
    ] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Only this scope; may be repeated.")] = None,
    scopes: ScopesFile = None,
    accept_new_host_keys: NewKeys = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Discover live targets over SNMP, SSH and command lines; exit code 6 if some were not read, 7 if none answered."""
    from cmdb.entrypoints.discovery import Errand
    from cmdb.entrypoints.live import live
    from cmdb.entrypoints.scoping import followed, scopes_of, with_followed
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.errors import UsageError

    values = settings(data_dir, store_uri, scopes=scopes)
    known = scopes_of(values)
    if targets and scope:
        raise UsageError("give targets or --scope, not both")
    if targets:
        specs = [s for t in targets for s in known.resolve(t)]
    else:
        specs = with_followed(known, known.targets(scope or ()), scope or (), values)
    if not specs:
        raise UsageError("nothing to discover: name a target, or write a [[scope]] into cmdb.toml or a --scopes file")
    with wired(values) as parts, live(specs, values, accept_new_host_keys) as found:
        reason = f"discovery of {', '.join(scope or targets or ['all scopes'])}"
        whole = () if targets else tuple(scope or (one.name for one in known.scopes))
        errand = Errand(actor(), reason, not targets, scopes=whole)
        _finish(_discover(parts, found.targets, errand, followed(known, specs, found)))


@app.command()
def replay(
    paths: Annotated[list[Path], typer.Argument(help="Recordings, or folders of recordings.")],
    targets: Annotated[
        Path | None, typer.Option(help="Names and addresses; else targets.tsv beside the recordings.")
    ] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """The same run, but recordings answer."""
    from cmdb.entrypoints.discovery import Errand
    from cmdb.entrypoints.live import recorded
    from cmdb.entrypoints.wiring import actor, wired

    found = recorded(paths, targets)
    with wired(settings(data_dir, store_uri)) as parts:
        _finish(_discover(parts, found, Errand(actor(), f"replay of {', '.join(p.name for p in paths)}")))


@app.command()
def status(data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.table) -> None:
    """What each target said last, and how its last visit ended."""
    from cmdb.entrypoints.visits import known_visits
    from cmdb.entrypoints.wiring import wired
    from cmdb.exchange.lines import iso
    from cmdb.observation import RUN, part_of

    values = settings(data_dir, store_uri)
    with wired(values) as parts:
        ended = {o.target: _outcome(o) for run in reversed(parts.store.runs(20)) for o in run.outcomes}
        ended |= {name: _visited(visit) for name, visit in known_visits(values.data_dir).items()}
        rows = []
        known = set()
        for origin, target in parts.store.scan_targets():
            source, _, name = origin.partition("/")
            if part_of(origin) or source == RUN:
                continue  # how its parts are tied to others, and whether it answered, comes with the same visit
            is_visited = source in VISITED
            known |= {name} if is_visited else set()
            row = {"origin": origin, "last_seen": iso(target.last_seen), "things": len(target.manifest)}
            row["complete_at"] = iso(target.complete_at) if target.complete_at else None
            rows.append(row | (ended.get(name, {}) if is_visited else {}))
        rows += [
            {"origin": name, "things": 0} | how
            for name, how in ended.items()
            if name not in known and how["state"] != "SILENT"
        ]
        print_rows(sorted(rows, key=lambda r: str(r["origin"])), STATUS_COLUMNS, output)


@app.command()
def schedule(scopes: ScopesFile = None, data_dir: DataDir = None, output: Output = Format.table) -> None:
    """What a server reads of which scope, how often, when it did last and when it will next."""
    from cmdb.entrypoints.schedule import next_at
    from cmdb.entrypoints.scoping import scopes_of
    from cmdb.entrypoints.visits import known_rounds
    from cmdb.exchange.lines import iso
    from collectors.kinds import Kind

    values = settings(data_dir, scopes=scopes)
    started = known_rounds(values.data_dir)
    rows = []
    for scope in scopes_of(values).scopes:
        for kind in (kind for kind in Kind if kind in scope.every_s):
            last, following = started.get((scope.name, kind)), next_at(scope, kind, started)
            row: dict[str, object] = {"scope": scope.name, "kind": kind.value, "every_s": scope.every_s[kind]}
            row |= {"last": iso(last) if last else None, "next": iso(following) if following else "now"}
            rows.append(row)
    print_rows(rows, ("scope", "kind", "every_s", "last", "next"), output)


@app.command()
def confirm(
    run: Annotated[str, typer.Argument(help="The run that asked, as it said.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Believe that what did not answer a run is really silent, although it is much of its scope at once."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.reachability import confirm as believe

    with wired(settings(data_dir, store_uri)) as parts:
        noted = believe(parts.ingest, run, actor())
    say(f"the ledger is at sequence {noted.sequence}")


def _outcome(outcome: TargetOutcome) -> dict[str, object]:
    return {name: getattr(outcome, name) for name in ENDING}


def _visited(visit: Visit) -> dict[str, object]:
    """The latest visit, as it was noted on this machine."""
    from cmdb.exchange.lines import iso

    found = {name: getattr(visit, name) for name in ENDING}
    return found | {"visited_at": iso(visit.at), "silent": visit.silent or None}


def record(
    target: Annotated[str, typer.Argument(help="address[:port], or the name of a target.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the recording.")],
    scopes: ScopesFile = None,
    accept_new_host_keys: NewKeys = False,
    data_dir: DataDir = None,
) -> None:
    """Save the raw answers of a live target as a recording, secrets scrubbed; nothing is written to the graph."""
    from cmdb.entrypoints.recording import record_target
    from cmdb.entrypoints.scoping import scopes_of

    values = settings(data_dir, scopes=scopes)
    written = record_target(scopes_of(values).resolve(target), output, values, accept_new_host_keys)
    for file in written:
        print(file)


def _discover(parts: Wired, targets: Sequence[Target], errand: Errand, following: Following | None = None) -> Progress:
    import asyncio

    from cmdb.entrypoints.discovery import Progress, discover_into
    from cmdb.entrypoints.progress import shown

    progress = Progress(len(targets), sequence=parts.store.head().sequence)
    try:
        with shown(progress) as tell:
            asyncio.run(discover_into(parts, targets, progress, errand, tell, following))
    except KeyboardInterrupt:
        done = f"{progress.done} of {amount(progress.total, 'target')}"
        say(f"stopped at {done}: what was read is kept, the next run goes on")
        raise
    return progress


def _finish(progress: Progress) -> None:
    """Say how a run ended, and set the exit code."""
    for outcome in progress.outcomes:
        say(f"{outcome.state}: {outcome.target}: {outcome.stage}: {outcome.reason}: {outcome.detail}")
    counts = ", ".join(f"{n} {state}" for state, n in sorted(progress.states.items()))
    say(
        f"{progress.done} of {amount(progress.total, 'target')} ({counts}); {amount(progress.changes, 'change')} in "
        f"{amount(progress.commits, 'commit')}, the ledger is at sequence {progress.sequence}; "
        f"{amount(len(progress.problems), 'value')} not taken"
    )
    if progress.asked:
        say(f"much of the scope did not answer; if that is right: cmdb discover confirm {progress.asked}")
    if code := progress.exit_code():
        raise typer.Exit(code)
