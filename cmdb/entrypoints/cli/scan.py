"""`cmdb scan`"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli import scan_results
from cmdb.entrypoints.cli.moments import AsOfTime, AtSequence, asked_moment
from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import naming, print_rows, print_value, say
from cmdb.entrypoints.exits import PARTIAL
from cmdb.errors import UsageError

if TYPE_CHECKING:
    from cmdb.impact.legs import Legs
    from cmdb.service.scans import ScanKind
    from cmdb.store.protocol import CIRef
    from cmdb.topology import Topology

app = typer.Typer(name="scan", help="What is fragile, and what can't be started again.", no_args_is_help=True)
scan_results.add_to(app)

First = Annotated[int, typer.Option(min=1, max=10_000, help="Entries in each list.")]
Classes = Annotated[
    list[str] | None, typer.Option("--class", help="Only let these classes fail; may be repeated.", show_default=False)
]
TimeLimit = Annotated[float, typer.Option(min=0.1, help="Seconds after which it ends with what it has found.")]
SinceLast = Annotated[
    bool,
    typer.Option("--since-last", help="Only what is new, gone or changed since the last result that was kept."),
]
All = Annotated[bool, typer.Option("--all", help="Also those that take no service down.")]
Find = Callable[[str], str]
Title = Callable[["CIRef"], str]


@contextmanager
def _asked(
    data_dir: Any, store_uri: str | None, as_of: str | None, sequence: int | None
) -> Iterator[tuple[Topology, Find]]:
    """The topology of the moment asked for, and what finds the id that a key means in it."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        moment = asked_moment(parts.store, as_of, sequence)
        yield parts.topology_at(moment), lambda key: find_one(parts.store, key, moment).id


def _since(
    kind: ScanKind, is_limited: bool, time_limit: float, data_dir: Any, store_uri: str | None, output: Format
) -> None:
    """What changed since the last result; only the whole of now can be compared with that."""
    from cmdb.entrypoints.cli.scan_results import since_last

    if is_limited:
        raise UsageError("--since-last compares all of now with the last result: leave out what limits or dates it")
    since_last(kind, time_limit, data_dir, store_uri, output)


def _until(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _show(
    answer: Any, rows: Sequence[dict[str, Any]], columns: Sequence[str], output: Format, count: int | None = None
) -> None:
    """Print a whole answer as JSON or YAML, or its list as rows; `count` is how many there are, where it is known."""
    from cmdb.entrypoints.cli.impact import as_json

    if output in (Format.json, Format.yaml):
        print_value(as_json(answer), output)
    else:
        print_rows(rows, columns, output)
    if getattr(answer, "truncated", False) if count is None else len(rows) < count:
        say("the list is cut; ask for more with --first")
    for finding in getattr(answer, "findings", ()):
        say(f"finding: {finding.kind}: {finding.text}")


def _end(is_complete: bool, seconds: float) -> None:
    """Say loudly if there may be more."""
    if not is_complete:
        say(f"not complete: --first or the time of {seconds:g} s ended the scan; ask for more, or with --time-limit")
        raise typer.Exit(PARTIAL)


@app.command("cold-start")
def cold_start(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    within: Annotated[
        str | None, typer.Option(help="Only what is part of this CI or located in it; the rest runs.")
    ] = None,
    deadlocks: Annotated[bool, typer.Option("--deadlocks", help="Print what never starts, and why.")] = False,
    first: First = 200,
    output: Output = Format.table,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
) -> None:
    """In which order CIs start when all is dark, and which never do, because they wait for each other."""
    from cmdb.impact.start import cold_start as plan

    with _asked(data_dir, store_uri, as_of, sequence) as (topology, find):
        answer = plan(topology, find(within) if within else "", first)
    title = naming(topology, output)
    if deadlocks:
        stuck = [
            {**_ref(d.ci, title), "loop": d.in_loop, "waits_for": list(map(title, d.waits_for)), "why": d.text}
            for d in answer.deadlocked
        ]
        columns = ("id", "class", "name", "loop", "waits_for", "why")
        _show(answer, stuck, columns, output, answer.deadlocked_count)
    else:
        steps = [{"stage": s.stage, **_ref(s.ci, title)} for s in answer.steps]
        _show(answer, steps, ("stage", "class", "name", "id"), output, answer.start_count)
    say(f"{answer.start_count} start in {answer.stage_count} stages; {answer.deadlocked_count} never start")


@app.command("cuts")
def cuts(
    services: Annotated[list[str], typer.Argument(help="Services or other CIs: ids, identifiers or unique names.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    size: Annotated[int, typer.Option(min=1, max=3, help="Largest set.")] = 2,
    down: Annotated[list[str] | None, typer.Option(help="A CI that is down already; may be repeated.")] = None,
    first: Annotated[int, typer.Option(min=1, max=1_000, help="Sets at most.")] = 200,
    time_limit: TimeLimit = 60.0,
    output: Output = Format.table,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
) -> None:
    """The smallest sets of CIs whose joint failure takes a service down; sets of one are single points of failure."""
    from cmdb.impact.cuts import cut_sets

    with _asked(data_dir, store_uri, as_of, sequence) as (topology, find):
        ids, already = [find(key) for key in services], [find(key) for key in down or ()]
        answer = cut_sets(topology, ids, size, already, first, _until(time_limit))
    title = naming(topology, output)
    rows = [
        {"service": c.service.name, "size": len(c.members), "members": list(map(title, c.members)), "id": c.service.id}
        for c in answer.cuts
    ]
    _show(answer, rows, ("service", "size", "members"), output)
    _end(answer.complete, time_limit)


@app.command("single-points")
def singles(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    ci_class: Classes = None,
    everything: All = False,
    since: SinceLast = False,
    first: First = 200,
    time_limit: TimeLimit = 300.0,
    output: Output = Format.table,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
) -> None:
    """Each CI that takes services down when it fails alone, worst first, over the whole estate."""
    from cmdb.impact.singles import single_points

    if since:
        _since(
            "single_points",
            bool(ci_class or everything or as_of or sequence is not None),
            time_limit,
            data_dir,
            store_uri,
            output,
        )
        return
    with _asked(data_dir, store_uri, as_of, sequence) as (topology, _):
        answer = single_points(topology, first, ci_class or (), not everything, _until(time_limit))
    title = naming(topology, output)
    rows = [{**_ref(p.ci, title), **_toll(p.toll)} for p in answer.points]
    _show(answer, rows, ("id", "class", "name", "services", "criticality", "cis", "of_them"), output)
    say(f"{answer.scanned} tried; {answer.critical} take a service down, {answer.harmful} any other CI")
    _end(answer.complete, time_limit)


@app.command("pairs")
def doubles(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    ci_class: Classes = None,
    everything: All = False,
    since: SinceLast = False,
    first: First = 200,
    time_limit: TimeLimit = 600.0,
    output: Output = Format.table,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
) -> None:
    """Each pair of CIs that together takes down services that neither takes down alone, over the whole estate."""
    from cmdb.impact.pairs import pairs

    if since:
        _since(
            "pairs",
            bool(ci_class or everything or as_of or sequence is not None),
            time_limit,
            data_dir,
            store_uri,
            output,
        )
        return
    with _asked(data_dir, store_uri, as_of, sequence) as (topology, _):
        answer = pairs(topology, first, ci_class or (), not everything, _until(time_limit))
    title = naming(topology, output)
    rows = [
        {"id": one.id, "one": title(one), "other": title(other), "other_id": other.id, **_toll(p.toll)}
        for p in answer.pairs
        for one, other in [p.cis]
    ]
    _show(answer, rows, ("one", "other", "services", "criticality", "cis", "of_them"), output)
    say(
        f"{answer.scanned} CIs, {answer.tried} of {answer.candidates} candidate pairs tried; "
        f"{answer.critical} take a service down, {answer.harmful} any other CI"
    )
    _end(answer.complete, time_limit)


@app.command("last-leg")
def last_leg(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    down: Annotated[list[str] | None, typer.Option(help="A CI that is down besides; may be repeated.")] = None,
    weakened: Annotated[bool, typer.Option("--weakened", help="Also what can still lose more than one.")] = False,
    proof: Annotated[bool, typer.Option("--proof", help="Print the steps that lead to each loss.")] = False,
    since: SinceLast = False,
    first: First = 200,
    time_limit: TimeLimit = 60.0,
    output: Output = Format.table,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
) -> None:
    """What runs on its last leg, because what it could fall back on is retired, missing or not in service yet."""
    from cmdb.impact.legs import last_legs

    if since:
        _since(
            "last_leg",
            bool(down or weakened or proof or as_of or sequence is not None),
            time_limit,
            data_dir,
            store_uri,
            output,
        )
        return
    with _asked(data_dir, store_uri, as_of, sequence) as (topology, find):
        answer = last_legs(topology, [find(key) for key in down or ()], first, weakened, _until(time_limit))
    _show(
        answer,
        list(_legs(answer, proof, naming(topology, output))),
        ("wear", "class", "name", "services", "why"),
        output,
    )
    say(
        f"{answer.last_leg} requirements on their last leg, {answer.weakened} can lose more, "
        f"{answer.broken} don't hold as is known"
    )
    _end(answer.complete, time_limit)


def _legs(answer: Legs, proof: bool, title: Title) -> Iterator[dict[str, Any]]:
    for leg in answer.legs:
        yield {"wear": leg.wear, **_ref(leg.ci, title), "services": leg.toll.service_count, "why": leg.text}
        for step in leg.proof if proof else ():
            yield {"wear": f"step {step.number}", **_ref(step.ci, title), "services": None, "why": step.text}


def _ref(ref: CIRef, title: Title) -> dict[str, Any]:
    return {"id": ref.id, "class": ref.ci_class, "name": title(ref)}


def _toll(toll: Any) -> dict[str, Any]:
    named = [ref.name for ref in toll.services]
    more = toll.service_count - len(named)
    return {
        "services": toll.service_count,
        "criticality": toll.criticality or None,
        "cis": toll.down,
        "of_them": [*named, f"{more} more"] if more > 0 else named,
    }
