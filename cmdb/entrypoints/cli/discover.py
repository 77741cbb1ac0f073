"""`cmdb discover …` and `cmdb record`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.entrypoints.discovery import Progress
    from cmdb.entrypoints.settings import Settings
    from cmdb.entrypoints.wiring import Wired
    from collectors.discover import Target
    from collectors.scopes import Scopes

app = typer.Typer(help="Find out what is there.", no_args_is_help=True)
ScopesFile = Annotated[
    Path | None, typer.Option("--scopes", help="File with scopes and credentials.", show_default=False)
]
NewKeys = Annotated[
    bool,
    typer.Option("--accept-new-host-keys", help="Take down the SSH keys of hosts and devices never seen before."),
]
VISITED = ("snmp", "ssh", "netmiko")  # sources that a discovery run asks
STATUS_COLUMNS = ("origin", "last_seen", "complete_at", "things", "state", "reason", "detail")


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
    from cmdb.entrypoints.discovery import live
    from cmdb.entrypoints.wiring import wired
    from cmdb.errors import UsageError

    values = settings(data_dir, store_uri, scopes=scopes)
    known = _scopes(values)
    if targets and scope:
        raise UsageError("give targets or --scope, not both")
    specs = [s for t in targets for s in known.resolve(t)] if targets else known.targets(scope or ())
    if not specs:
        raise UsageError("nothing to discover: name a target, or write a [[scope]] into cmdb.toml or a --scopes file")
    with wired(values) as parts, live(specs, values, accept_new_host_keys) as found:
        reason = f"discovery of {', '.join(scope or targets or ['all scopes'])}"
        _finish(_discover(parts, found, len(specs), reason, whole=not targets))


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
    from cmdb.entrypoints.discovery import recorded
    from cmdb.entrypoints.wiring import wired

    found = recorded(paths, targets)
    with wired(settings(data_dir, store_uri)) as parts:
        _finish(_discover(parts, found, len(found), f"replay of {', '.join(p.name for p in paths)}"))


@app.command()
def status(data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.table) -> None:
    """What each target said last, and how its last visit ended."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.exchange.lines import iso
    from cmdb.observation import part_of

    with wired(settings(data_dir, store_uri)) as parts:
        ended = {outcome.target: outcome for run in reversed(parts.store.runs(20)) for outcome in run.outcomes}
        rows = []
        known = set()
        for origin, target in parts.store.scan_targets():
            if part_of(origin):
                continue  # how its parts are tied to others comes with the same visit
            source, _, name = origin.partition("/")
            is_visited = source in VISITED
            known |= {name} if is_visited else set()
            row = {"origin": origin, "last_seen": iso(target.last_seen), "things": len(target.manifest)}
            row["complete_at"] = iso(target.complete_at) if target.complete_at else None
            rows.append(row | _ending(ended.get(name) if is_visited else None))
        rows += [
            {"origin": name, "things": 0} | _ending(o)
            for name, o in ended.items()
            if name not in known and o.state != "SILENT"
        ]
        print_rows(sorted(rows, key=lambda r: str(r["origin"])), STATUS_COLUMNS, output)


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


def _ending(outcome: object) -> dict[str, object]:
    if outcome is None:
        return {}
    return {name: getattr(outcome, name) for name in ("state", "reason", "detail")}


def record(
    target: Annotated[str, typer.Argument(help="address[:port], or the name of a target.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the recording.")],
    scopes: ScopesFile = None,
    accept_new_host_keys: NewKeys = False,
    data_dir: DataDir = None,
) -> None:
    """Save the raw answers of a live target as a recording, secrets scrubbed; nothing is written to the graph."""
    from cmdb.entrypoints.discovery import record_target

    values = settings(data_dir, scopes=scopes)
    written = record_target(_scopes(values).resolve(target), output, values, accept_new_host_keys)
    for file in written:
        print(file)


def _scopes(values: Settings) -> Scopes:
    """The scopes file, or what the strongest settings file with scopes or credentials says beside the settings."""
    from cmdb.entrypoints.settings import files
    from collectors.scopes import Scopes, load_scopes

    if values.scopes is not None:
        return load_scopes(values.scopes)
    said = (load_scopes(file, beside_settings=True) for file in files() if file.is_file())
    return next((scopes for scopes in said if scopes != Scopes()), Scopes())


def _discover(parts: Wired, targets: Iterable[Target], total: int, reason: str, whole: bool = True) -> Progress:
    import asyncio

    from cmdb.entrypoints.discovery import Progress, discover_into
    from cmdb.entrypoints.progress import shown
    from cmdb.entrypoints.wiring import actor

    progress = Progress(total, sequence=parts.store.head().sequence)
    with shown(progress) as tell:
        asyncio.run(discover_into(parts, targets, progress, actor(), reason, tell, whole))
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
