"""Reads of identity tasks."""

from __future__ import annotations

from collections.abc import Sequence

from cmdb.changes import PutTask
from cmdb_graphql.common import PageInfo, make
from cmdb_graphql.context import Reading
from cmdb_graphql.errors import BadInput
from cmdb_graphql.ledger_types import IdentityTask, IdentityTaskConnection
from cmdb_graphql.prefetch import fill_refs, reference
from cmdb_graphql.selection import Selection


def task_rows(reading: Reading, tasks: Sequence[PutTask], selection: Selection) -> list[IdentityTask]:
    """Tasks with the CIs that they are about."""
    if "cis" in selection:
        reading.cis(dict.fromkeys(ci for t in tasks for ci in t.cis))
    rows = []
    for task in tasks:
        refs = [reference(reading.items[ci]) for ci in task.cis[:10] if ci in reading.items]
        rows.append(make(IdentityTask, id=task.id, kind=task.kind, state=task.state, cis=refs))
    fill_refs(reading, [r.id for row in rows for r in row.cis], selection.below("cis"))
    return rows


def tasks_page(
    reading: Reading, states: Sequence[str], kinds: Sequence[str], first: int, after: str | None, selection: Selection
) -> IdentityTaskConnection:
    """A page of tasks in the order of the store; the cursor is the id of the last one."""
    found = reading.store.tasks(states, kinds)
    begin = 0
    if after is not None:
        ids = [t.id for t in found]
        if after not in ids:
            raise BadInput("after", "after: not an `endCursor` of this list, or that task is settled; start again")
        begin = ids.index(after) + 1
    shown = found[begin : begin + first]
    more = begin + first < len(found)
    position = make(PageInfo, has_next_page=more, end_cursor=shown[-1].id if more else None)
    page: IdentityTaskConnection = make(
        IdentityTaskConnection,
        nodes=task_rows(reading, shown, selection.below("nodes")),
        page_info=position,
        total_count=len(found),
    )
    return page
