"""Reads of identity tasks."""

from __future__ import annotations

from collections.abc import Sequence

from cmdb.changes import PutTask
from cmdb_graphql.common import PageInfo, make
from cmdb_graphql.context import Reading
from cmdb_graphql.errors import BadInput
from cmdb_graphql.identity import decisions_on, evidence_rows, fill_evidence, standing
from cmdb_graphql.ledger_types import IdentityTask, IdentityTaskConnection
from cmdb_graphql.prefetch import fill_refs
from cmdb_graphql.selection import Selection


def task_rows(reading: Reading, tasks: Sequence[PutTask], selection: Selection) -> list[IdentityTask]:
    """Tasks with the CIs that they are about."""
    named = {ci for t in tasks for ci in t.cis} if "cis" in selection else set()
    named |= {ci for t in tasks for e in t.evidence for ci in e.cis} if "evidence" in selection else set()
    refs = standing(reading, named)
    asked = selection.below("decision")
    decisions = decisions_on(reading, tasks, asked) if "decision" in selection else {}
    rows = [
        make(
            IdentityTask,
            id=task.id,
            kind=task.kind,
            state=task.state,
            cis=refs(task.cis)[:10],
            text=task.text,
            evidence=evidence_rows(task.evidence, refs),
            proposal=None if task.proposal == "none" else task.proposal,
            created_at=task.created_at,
            decision=decisions.get(task.id),
        )
        for task in tasks
    ]
    fill_refs(reading, [r.id for row in rows for r in row.cis], selection.below("cis"))
    fill_evidence(reading, rows, selection)
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
