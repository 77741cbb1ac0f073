"""`cmdb ci …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.moments import AsOfTime, AtSequence, asked_moment
from cmdb.entrypoints.cli.options import DataDir, Fields, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cmdb.entrypoints.wiring import Wired
    from cmdb.store.as_of import AsOf
    from cmdb.store.protocol import CIRecord, Filter

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


def _filter(parts: Wired, classes: list[str] | None, name: str | None, status: list[str] | None) -> Filter:
    from cmdb.changes import STATUSES
    from cmdb.store.protocol import Condition, Filter

    for wanted in status or ():
        if wanted not in STATUSES:
            raise UsageError(f"there is no status {wanted!r}; use {', '.join(STATUSES)}")
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
