"""`cmdb completeness`"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.entrypoints.wiring import Wired
    from cmdb.service.completeness import Totals
    from cmdb.store.protocol import CIRecord

COLUMNS = ("id", "class", "name", "score", "missing")
TOTALS = ("class", "cis", "score")
FIND_PAGE = 1_000


class ItemName(StrEnum):
    """The items of ISO/IEC 20000-1:2011, 9.1."""

    description = "description"
    relationships = "relationships"
    services = "services"
    status = "status"
    version = "version"
    location = "location"
    changes = "changes"
    problems = "problems"


def completeness(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    ci_class: Annotated[list[str] | None, typer.Option("--class", help="Only these classes; may be repeated.")] = None,
    missing: Annotated[
        list[ItemName] | None, typer.Option(help="Only CIs that lack one of these items; may be repeated.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print every item of every CI, with what answers it.")
    ] = False,
    totals: Annotated[bool, typer.Option("--totals", help="Print the totals of each class only.")] = False,
) -> None:
    """List what is missing of the eight items that ISO/IEC 20000-1:2011, 9.1 asks of each CI; what is retired aside."""
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.service.completeness import Totals
    from cmdb.service.examine import Examiner

    with wired(settings(data_dir, store_uri)) as parts:
        for name in ci_class or ():
            parts.model.ci_class(name)
        examiner = Examiner(parts.store, parts.model, parts.topology(), clock_ms())
        summed = Totals()
        rows = _rows(examiner, _cis(parts, ci_class or []), {m.value for m in missing or ()}, summed, explain)
        if totals:
            for _ in rows:
                pass
            items = [m.value for m in ItemName]
            print_rows(_total_rows(summed), (*TOTALS, *items), output)
            return
        print_rows(
            rows, ("id", "class", "name", "item", "state", "text", "source", "at") if explain else COLUMNS, output
        )
    for row in summed.rows():
        lacking = ", ".join(f"{n} {item}" for item, n in row.missing.items())
        say(f"{row.ci_class}: {amount(row.cis, 'CI')}, {row.score:.0%} complete; missing: {lacking or 'nothing'}")


def _cis(parts: Wired, classes: list[str]) -> Iterator[CIRecord]:
    """CIs that are not retired; a whole graph is read as a stream, some classes in pages."""
    if not classes:
        return (ci for ci in parts.store.scan_cis() if ci.status != "retired")
    return _pages(parts, classes)


def _pages(parts: Wired, classes: list[str]) -> Iterator[CIRecord]:
    from cmdb.changes import STATUSES
    from cmdb.store.protocol import Condition, Filter

    living = [s for s in STATUSES if s != "retired"]
    where = Filter((Condition("class", "in", classes), Condition("status", "in", living)))
    after: str | None = None
    while True:
        page = parts.store.find(where, first=FIND_PAGE, after=after)
        yield from page.cis
        after = page.cursor
        if not page.more:
            return


def _rows(
    examiner: Any, cis: Iterator[CIRecord], wanted: set[str], totals: Totals, explain: bool
) -> Iterator[dict[str, Any]]:
    from cmdb.exchange.lines import iso

    for ci, found in examiner.stream(cis):
        totals.add(ci.ci_class, found)
        lacking = set(found.missing)
        if not (lacking & wanted if wanted else lacking or explain):
            continue
        head = {"id": ci.id, "class": ci.ci_class, "name": ci.name}
        if explain:
            for answer in found.answers:
                at = iso(answer.at) if answer.at is not None else None
                row = {"item": answer.item, "state": answer.state, "text": answer.text}
                yield {**head, **row, "source": answer.source or None, "at": at}
        else:
            yield {**head, "score": round(found.score, 2), "missing": list(found.missing)}


def _total_rows(totals: Totals) -> list[dict[str, Any]]:
    return [
        {"class": t.ci_class, "cis": t.cis, "score": t.score, **{m.value: t.missing.get(m.value, 0) for m in ItemName}}
        for t in totals.rows()
    ]
