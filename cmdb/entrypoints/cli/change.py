"""`cmdb change …`"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.cli.times import as_answer, read_window
from cmdb.errors import Invalid

if TYPE_CHECKING:
    from cmdb.entrypoints.wiring import Wired
    from cmdb.store.protocol import StoredRecord

app = typer.Typer(help="Changes: what they do, alone and together.", no_args_is_help=True)
COLUMNS = ("number", "title", "type", "state", "from", "to", "cis", "class", "collisions", "stale", "lapsed")
Key = Annotated[str, typer.Argument(help="Number, id or title of a change.")]
Cis = Annotated[list[str] | None, typer.Option("--ci", help="CI that is out of service meanwhile; may be repeated.")]
Degrades = Annotated[list[str] | None, typer.Option(help="CI that works badly meanwhile; may be repeated.")]
Releases = Annotated[
    list[str] | None, typer.Option(help="CI that gets a new version and is restarted; may be repeated.")
]
Touches = Annotated[list[str] | None, typer.Option(help="CI that goes on working meanwhile; may be repeated.")]
From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Begin: ISO 8601 with a zone.", show_default=False)
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="End, excluded.", show_default=False)]


class Type(StrEnum):
    """How a change is decided."""

    standard = "standard"
    normal = "normal"
    emergency = "emergency"


class Shown(StrEnum):
    """How an answer is printed."""

    table = "table"
    json = "json"
    yaml = "yaml"


AnswerOutput = Annotated[Shown, typer.Option("-o", "--output", help="How to print the answer.")]


@app.callback()
def group() -> None:
    """Changes: what they do, alone and together."""


@app.command("list")
def list_(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    state: Annotated[list[str] | None, typer.Option(help="Only in this state; may be repeated.")] = None,
    ci: Annotated[str, typer.Option(help="Only those about this CI.")] = "",
    output: Output = Format.table,
) -> None:
    """List changes, the oldest first."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.service.changes import Changes

    with wired(settings(data_dir, store_uri)) as parts:
        about = find_one(parts.store, ci).id if ci else ""
        found = Changes(parts.ingest).list(state or (), about)
        print_rows([_row(r, clock_ms()) for r in found], COLUMNS, output)


@app.command()
def create(
    title: Annotated[str, typer.Argument(help="What is done, in a few words.")],
    reason: Reason,
    ci: Cis = None,
    degrades: Degrades = None,
    releases: Releases = None,
    touches: Touches = None,
    start: From = None,
    end: To = None,
    type_: Annotated[Type, typer.Option("--type", help="How it is decided.")] = Type.normal,
    description: Annotated[str, typer.Option(help="What is done, at length.")] = "",
    backout: Annotated[str, typer.Option(help="How to go back.")] = "",
    risk: Annotated[str, typer.Option(help="What could go wrong.")] = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Write a change down, as a draft."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.changes import ChangeRequest, Changes

    window = read_window(start, end)
    if not (ci or degrades or releases or touches):
        raise Invalid("a change is about at least one CI: give --ci, --degrades, --releases or --touches")
    with wired(settings(data_dir, store_uri)) as parts:
        named = {"MAINTENANCE": ci, "DEGRADED": degrades, "RELEASE": releases, "NONE": touches}
        asked = ChangeRequest(title, items_of(parts, named), window, type_.value, description, backout, risk)
        _tell(Changes(parts.ingest).create(asked, actor(), reason))


@app.command()
def edit(
    key: Key,
    reason: Reason,
    title: Annotated[str, typer.Option(help="Another title.")] = "",
    ci: Cis = None,
    degrades: Degrades = None,
    releases: Releases = None,
    touches: Touches = None,
    start: From = None,
    end: To = None,
    type_: Annotated[Type | None, typer.Option("--type", help="How it is decided.", show_default=False)] = None,
    description: Annotated[str, typer.Option(help="What is done, at length.")] = "",
    backout: Annotated[str, typer.Option(help="How to go back.")] = "",
    risk: Annotated[str, typer.Option(help="What could go wrong.")] = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Change what is given; CIs that are given replace all. With other CIs or another window it is a draft again."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.changes import ChangeRequest, Changes

    window = read_window(start, end)
    with wired(settings(data_dir, store_uri)) as parts:
        named = {"MAINTENANCE": ci, "DEGRADED": degrades, "RELEASE": releases, "NONE": touches}
        type_word = type_.value if type_ else ""
        asked = ChangeRequest(title, items_of(parts, named), window, type_word, description, backout, risk)
        _tell(Changes(parts.ingest).edit(key, asked, actor(), reason))


@app.command()
def show(
    key: Key,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: AnswerOutput = Shown.table,
) -> None:
    """Print a change with what was written, its steps and its latest assessment."""
    from cmdb.entrypoints.keys import titles
    from cmdb.entrypoints.plan_tables import show_statement
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.service.lifecycle import CHANGE, find_record
    from cmdb.service.statements import is_stale, statements_of

    with wired(settings(data_dir, store_uri)) as parts:
        change = find_record(parts.store, CHANGE, key)
        names = titles(parts.store, change.about)
    kept = statements_of(change)
    row = _row(change, clock_ms()) | {"revision": change.revision, **change.texts}
    row["cis"] = [f"{names.get(i['ci'], i['ci'])}: {i['effect'].lower()}" for i in change.body["items"]]
    row["steps"] = [f"{step['to']} by {step['by']}" for step in change.body["steps"]]
    if output is not Shown.table:
        said = [as_answer(one) | {"stale": is_stale(change, one)} for one in kept]
        print_value(row | {"assessments": said}, Format(output.value))
        return
    print_rows([{"field": name, "value": value} for name, value in row.items()], ("field", "value"), Format.table)
    if kept:
        if is_stale(change, kept[0]):
            say(f"what follows is stale: other CIs or another window since; `cmdb change assess {row['number']}`")
        show_statement(kept[0])


@app.command()
def move(
    key: Key,
    to: Annotated[str, typer.Argument(help="State after it, such as approved or scheduled.")],
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Take a change to another state."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.changes import Changes

    with wired(settings(data_dir, store_uri)) as parts:
        _tell(Changes(parts.ingest).step(key, to, actor(), reason))


def items_of(parts: Wired, named: dict[str, list[str] | None]) -> tuple[tuple[str, str], ...]:
    from cmdb.entrypoints.keys import find_one

    return tuple((find_one(parts.store, key).id, effect) for effect, keys in named.items() for key in keys or ())


def _tell(change: StoredRecord) -> None:
    from cmdb.service.lifecycle import number_of

    print(f"{number_of(change)} {change.state}")


def _row(change: StoredRecord, now: int) -> dict[str, Any]:
    from cmdb.exchange.lines import iso
    from cmdb.service.calendar import is_lapsed, window_of
    from cmdb.service.lifecycle import number_of
    from cmdb.service.statements import is_stale, statements_of

    window, kept = window_of(change), statements_of(change)[:1]
    return {
        "number": number_of(change),
        "title": change.title,
        "type": change.body["type"],
        "state": change.state,
        "from": iso(window.start) if window else None,
        "to": iso(window.end) if window else None,
        "cis": len(change.about),
        "class": kept[0].severity_class if kept else None,
        "collisions": kept[0].collision_count if kept else None,
        "stale": is_stale(change, kept[0]) if kept else None,
        "lapsed": is_lapsed(change, now),
    }
