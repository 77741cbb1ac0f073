"""`cmdb ci …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.moments import AsOfTime, AtSequence, asked_moment
from cmdb.entrypoints.cli.options import DataDir, Fields, Format, Output, StoreUri, check_words, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.errors import Invalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cmdb.entrypoints.wiring import Wired
    from cmdb.store.as_of import AsOf
    from cmdb.store.protocol import CIRecord, Filter
    from cmdb.timeline import Period

app = typer.Typer(help="Configuration items.", no_args_is_help=True)
COLUMNS = ("id", "class", "name", "status", "vendor", "model", "serial_number", "management_address", "last_seen")
PAGE = 500


@app.callback()
def group() -> None:
    """Configuration items."""


@app.command("list")
def list_(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    fields: Fields = None,
    ci_class: Annotated[list[str] | None, typer.Option("--class", help="Only these classes; may be repeated.")] = None,
    name: Annotated[str | None, typer.Option(help="Only names that start so.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="Only in these states.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 1000,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
) -> None:
    """List CIs by name."""
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        where = _filter(parts, ci_class, name, status)
        columns = _columns(parts, fields)
        store = _as_of(parts, as_of, sequence)
        rows = (_row(ci) for ci in _pages(store, where, limit))
        print_rows(rows, columns, output, fields)
        if (total := store.count(where)) is not None and total > limit:
            say(f"showed {limit} of {total}; ask for more with --limit")


@app.command()
def get(
    key: Annotated[str, typer.Argument(help="Id, identifier or unique name.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.yaml,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
) -> None:
    """Show one CI with its identifiers, sources, attributes and relationships."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import wired
    from cmdb.store.as_of import AsOf

    with wired(settings(data_dir, store_uri)) as parts:
        moment = asked_moment(parts.store, as_of, sequence)
        ref = find_one(parts.store, key, moment)
        store = AsOf(parts.store, moment.at if moment else None)
        print_value(_whole(store, ref.id), Format.yaml if output is Format.table else output)


def _as_of(parts: Wired, as_of: str | None, sequence: int | None) -> AsOf:
    from cmdb.store.as_of import AsOf

    moment = asked_moment(parts.store, as_of, sequence)
    return AsOf(parts.store, moment.at if moment else None)


@app.command()
def history(
    key: Annotated[str, typer.Argument(help="Id, identifier or unique name; the id of an absorbed CI too.")],
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    fields: Fields = None,
    attribute: Annotated[
        list[str] | None, typer.Option("--attribute", help="Only changes of these attributes; may be repeated.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only what was recorded at or after this time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only what was recorded before this time.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 1000,
) -> None:
    """Tell what changed of a CI and its relationships, newest first, with who said so and since when."""
    from cmdb.entrypoints.cli.changes import COLUMNS as FACTS
    from cmdb.entrypoints.cli.changes import SHORT
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import wired
    from cmdb.timeline import END_OF_TIME, Period

    period = Period(_time(since, "--since") if since else 0, _time(until, "--until") if until else END_OF_TIME)
    if period.since >= period.until:
        raise UsageError(f"--since {since} is not before --until {until}: there is no time between them")
    with wired(settings(data_dir, store_uri)) as parts:
        _check_attributes(parts, attribute)
        rows = _history(parts, find_one(parts.store, key).id, period, frozenset(attribute or ()), limit)
        print_rows(rows, FACTS, output, fields or (",".join(SHORT) if output is Format.table else None))


def _history(parts: Wired, ci: str, period: Period, attributes: frozenset[str], limit: int) -> Iterator[dict[str, Any]]:
    from cmdb.entrypoints.cli.changes import row
    from cmdb.timeline import ci_history

    after: str | None = None
    while limit > 0:
        page = ci_history(
            parts.store,
            parts.model,
            [ci],
            min(PAGE, limit),
            after,
            period,
            lambda fact, labels: not attributes or fact.attribute in attributes,
        )
        yield from (row(fact, page.labels) for fact in page.changes)
        limit, after = limit - len(page.changes), page.cursor
        if after is None:
            return
    say("there is more; ask for it with --limit or --until")


def _time(text: str, option: str) -> int:
    from cmdb.exchange.lines import from_iso

    try:
        return from_iso(text)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text!r}: write a time in ISO 8601 with a zone, as 2026-11-23T14:00:00Z") from None


def _check_attributes(parts: Wired, names: list[str] | None) -> None:
    known = {a for c in parts.model.classes.values() for a in c.attributes} | {"name", "class", "status", "parent"}
    for name in names or ():
        if name.rpartition(".")[2] not in known:
            raise Invalid(f"no class has an attribute {name!r}; `cmdb ci get` shows those of a CI")


def _filter(parts: Wired, classes: list[str] | None, name: str | None, status: list[str] | None) -> Filter:
    from cmdb.changes import STATUSES
    from cmdb.store.protocol import Condition, Filter

    check_words(status or (), STATUSES, "status")
    conditions = []
    if classes:
        for ci_class in classes:
            parts.model.ci_class(ci_class)
        conditions.append(Condition("class", "in", classes))
    if name:
        conditions.append(Condition("name", "starts_with", name))
    conditions.append(Condition("status", "in", status or ["planned", "in_stock", "in_service", "missing"]))
    return Filter(tuple(conditions))


def _columns(parts: Wired, fields: str | None) -> list[str]:
    """The usual columns, and any attribute of the model that is asked for by name."""
    known = {a for c in parts.model.classes.values() for a in c.attributes}
    asked = [f.strip() for f in (fields or "").split(",") if f.strip()]
    for name in asked:
        if name not in COLUMNS and name not in known:
            raise UsageError(f"there is no field {name!r}; use {', '.join(COLUMNS)} or an attribute of the model")
    return [*COLUMNS, *(f for f in asked if f not in COLUMNS)]


def _pages(store: AsOf, where: Filter, limit: int) -> Iterator[CIRecord]:
    from cmdb.store.protocol import Order

    after: str | None = None
    while limit > 0:
        page = store.find(where, [Order("name")], min(PAGE, limit), after)
        yield from page.cis
        limit -= len(page.cis)
        after = page.cursor
        if not page.more:
            return


def _row(ci: CIRecord) -> dict[str, Any]:
    from cmdb.exchange.lines import iso, last_seen

    head = {"id": ci.id, "class": ci.ci_class, "name": ci.name, "status": ci.status, "last_seen": iso(last_seen(ci))}
    return {**ci.attributes, **head}


def _whole(store: AsOf, ci_id: str) -> dict[str, Any]:
    from cmdb.exchange.lines import ci_line, iso

    ci = store.cis([ci_id])[0]
    line = ci_line(ci)
    del line["kind"]
    line["relationships"] = []
    for page in store.neighbours([ci_id], (), "both", 200).values():
        for n in page.neighbours:
            out = n.relationship.source == ci_id
            other = n.other
            line["relationships"].append(
                {
                    "type": n.relationship.type,
                    "direction": "out" if out else "in",
                    "other": {"id": other.id, "class": other.ci_class, "name": other.name},
                    "attributes": n.relationship.attributes,
                    "last_seen": iso(max(n.relationship.seen.values(), default=n.relationship.first_seen)),
                }
            )
        if page.more:
            line["relationships_more"] = page.total - len(page.neighbours)
    return line
