"""`cmdb impact`"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.moments import AsOfTime, AtSequence, asked_moment
from cmdb.entrypoints.cli.options import DataDir, StoreUri, settings
from cmdb.entrypoints.cli.output import print_value
from cmdb.entrypoints.exits import FOUND

if TYPE_CHECKING:
    from collections.abc import Callable

    from cmdb.impact.answer import Impact
    from cmdb.store.protocol import CIRef


class Picture(StrEnum):
    """How the answer is printed."""

    table = "table"
    json = "json"
    yaml = "yaml"
    dot = "dot"
    mermaid = "mermaid"
    svg = "svg"


class Kind(StrEnum):
    """What happens to the CIs named."""

    down = "down"
    maintenance = "maintenance"
    degraded = "degraded"
    release = "release"
    pinned_up = "pinned_up"


class FailOn(StrEnum):
    """The least that makes the exit code 10."""

    any = "any"
    service = "service"
    service_down = "service_down"


def impact(
    keys: Annotated[
        list[str] | None, typer.Argument(help="What fails: ids, identifiers or unique names.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    kind: Annotated[Kind, typer.Option(help="What happens to them.")] = Kind.down,
    output: Annotated[Picture, typer.Option("-o", "--output", help="How to print the answer.")] = Picture.table,
    first: Annotated[int, typer.Option(min=1, max=10_000, help="Entries in each list.")] = 200,
    skip: Annotated[int, typer.Option(min=0, help="Entries to pass over in each list.")] = 0,
    proof: Annotated[bool, typer.Option("--proof", help="Print every step of the proof.")] = False,
    fail_on: Annotated[FailOn | None, typer.Option(help="Exit with 10 if the impact is at least this.")] = None,
    incident: Annotated[
        str | None, typer.Option(help="What this incident says is affected fails as well.", show_default=False)
    ] = None,
    change: Annotated[
        str | None, typer.Option(help="What this change does to its CIs happens as well.", show_default=False)
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            help="The CIs of this release are out of service, and what uses them is to be tested.", show_default=False
        ),
    ] = None,
    include_open: Annotated[
        bool, typer.Option("--include-open", help="Only what comes on top of what incidents say is down already.")
    ] = False,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
) -> None:
    """Say exactly what fails if these CIs fail, with proof."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import wired
    from cmdb.impact import Seed, evaluate
    from cmdb.service.calendar import seeds_of_record
    from cmdb.service.incidents import open_seeds
    from cmdb.service.lifecycle import CHANGE, INCIDENT, RELEASE, find_record

    with wired(settings(data_dir, store_uri)) as parts:
        moment = asked_moment(parts.store, as_of, sequence)
        seeds = [Seed(find_one(parts.store, key, moment).id, kind.value.upper()) for key in keys or ()]  # type: ignore[arg-type] # same words
        asked = ((INCIDENT, incident), (CHANGE, change), (RELEASE, release))
        records = [find_record(parts.store, word, key) for word, key in asked if key is not None]
        for record in records:
            seeds += seeds_of_record(parts.store, record)
        at, own = moment.at if moment else None, next((r.id for r in records if r.kind == INCIDENT), "")
        already = open_seeds(parts.store, at, but=own) if include_open else None
        topology = parts.topology_at(moment)
        answer = evaluate(topology, seeds, first=first, skip=skip, already=already)
    show(answer, output, topology.title, proof)
    if fail_on is not None and _reaches(answer, fail_on, {s.ci for s in seeds}):
        raise typer.Exit(FOUND)


def show(answer: Impact, output: Picture, title: Callable[[CIRef], str], proof: bool = False) -> None:
    """Print an answer; `title` names the CIs of tables."""
    if output in (Picture.json, Picture.yaml):
        from cmdb.entrypoints.cli.options import Format

        print_value(as_json(answer), Format(output.value))
    elif output in (Picture.dot, Picture.mermaid):
        from cmdb.entrypoints.pictures import dot, mermaid

        print(dot(answer) if output is Picture.dot else mermaid(answer))
    elif output is Picture.svg:
        from cmdb.entrypoints.drawing import svg

        print(svg(answer))
    else:
        from cmdb.entrypoints.pictures import table

        table(answer, proof, title)


def as_json(answer: Impact) -> dict[str, Any]:
    """The answer with the names of the API."""
    import msgspec

    built: dict[str, Any] = with_api_names(msgspec.to_builtins(answer))
    return built


def with_api_names(value: Any) -> Any:
    """A plain value with fields called as the API calls them, and its time in ISO 8601."""
    from cmdb.exchange.lines import iso

    if isinstance(value, dict):
        out = {_camel(k): with_api_names(v) for k, v in value.items()}
        if isinstance(out.get("asOf"), int):
            out["asOf"] = iso(out["asOf"])
        return out
    return [with_api_names(v) for v in value] if isinstance(value, list | tuple) else value


def _camel(name: str) -> str:
    if name == "ci_class":
        return "class"
    head, *rest = name.split("_")
    return head + "".join(w.capitalize() for w in rest)


def _reaches(answer: Impact, limit: FailOn, seeds: set[str]) -> bool:
    if limit is FailOn.any:
        return any(n.ci.id not in seeds for n in answer.nodes)
    states = [s.state for s in answer.summary.services]
    return bool(states) if limit is FailOn.service else any(s in ("DOWN", "DOWN_PLANNED") for s in states)
