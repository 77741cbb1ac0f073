"""Reads of completeness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cmdb.service.completeness import Completeness as Judged
from cmdb.service.examine import BATCH, Examiner
from cmdb.store.protocol import Condition, Filter
from cmdb_graphql.common import PageInfo, make
from cmdb_graphql.completeness_types import Completeness, CompletenessAnswer, IncompleteCiConnection
from cmdb_graphql.context import Reading
from cmdb_graphql.errors import BadInput
from cmdb_graphql.items import ConfigurationItem
from cmdb_graphql.prefetch import fill
from cmdb_graphql.selection import Selection


def judge_items(reading: Reading, items: Sequence[ConfigurationItem]) -> list[Judged]:
    """The completeness of some CIs, in a constant number of store queries."""
    estate = reading.estate
    examiner = Examiner(reading.store, estate.model, reading.topology, estate.clock_ms(), estate.closure)
    return examiner.judge([i.__dict__["record"] for i in items])


def fill_completeness(reading: Reading, items: Sequence[ConfigurationItem]) -> None:
    """Put the completeness of CIs on them."""
    for item, judged in zip(items, judge_items(reading, items), strict=True):
        item.__dict__["completeness"] = _row(judged)


def _row(judged: Judged) -> Completeness:
    rows = [
        make(
            CompletenessAnswer, item=a.item, state=a.state, text=a.text, source=a.source or None, last_seen=a.at or None
        )
        for a in judged.answers
    ]
    row: Completeness = make(Completeness, score=round(judged.score, 4), missing=list(judged.missing), answers=rows)
    return row


def incomplete_page(
    reading: Reading, where: Filter, missing: Sequence[str] | None, first: int, after: str | None, selection: Selection
) -> IncompleteCiConnection:
    """CIs of a filter that lack one of these items (None: any), by id; the cursor is the id of the last one judged."""
    if missing is not None and not missing:
        raise BadInput("missing", "missing: at least one item, or null for any")
    wanted = set(missing or ())
    behind = (Condition("id", "gte", after),) if after else ()
    page = reading.store.find(
        Filter((*where.conditions, *behind), where.all_of, where.any_of, where.none_of, where.related), first=BATCH
    )
    records = [r for r in page.cis if r.id != after]
    items = reading.take(records)
    found: list[ConfigurationItem] = []
    last, more = after, page.more
    for item, judged in zip(items, judge_items(reading, items), strict=True):
        lacking = set(judged.missing)
        if lacking & wanted if wanted else lacking:
            if len(found) == first:
                more = True
                break
            found.append(item)
            item.__dict__["completeness"] = _row(judged)
        last = item.id
    fill(reading, found, selection.below("nodes"))
    position: Any = make(PageInfo, has_next_page=more, end_cursor=last if more else None)
    made: IncompleteCiConnection = make(IncompleteCiConnection, nodes=found, page_info=position)
    return made
