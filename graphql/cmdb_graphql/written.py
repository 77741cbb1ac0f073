"""What a write changed or would change, fact by fact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cmdb.changes import Change
from cmdb.store.states import CommitHead
from cmdb.timeline import commit_history, planned_changes
from cmdb_graphql.changes import fact_row
from cmdb_graphql.context import Reading
from cmdb_graphql.prefetch import fill_refs
from cmdb_graphql.selection import Selection

MOST_CHANGES = 200


def changes_made(reading: Reading, sequences: Iterable[int], selection: Selection) -> list[Any]:
    """What these commits changed, as the ledger has it."""
    rows: list[Any] = []
    for sequence in sequences if selection.fields else ():
        found = reading.store.commits(sequence - 1, 1)
        page = commit_history(reading.store, reading.model, found[0], MOST_CHANGES)
        rows += [fact_row(f, page.labels) for f in page.changes]
    return _filled(reading, rows[:MOST_CHANGES], selection)


def changes_planned(
    reading: Reading, changes: Sequence[Change], at: int, reason: str, selection: Selection
) -> list[Any]:
    """What a write would change if it were done now, in the commit that would be next."""
    if not selection.fields or not changes:
        return []
    commit = CommitHead(reading.head.sequence + 1, at, reading.actor, reason)
    facts, labels = planned_changes(reading.store, reading.model, changes, commit, MOST_CHANGES)
    return _filled(reading, [fact_row(f, labels) for f in facts], selection)


def _filled(reading: Reading, rows: list[Any], selection: Selection) -> list[Any]:
    for end in ("ci", "other"):
        fill_refs(reading, [r.__dict__[end].id for r in rows if r.__dict__[end] is not None], selection.below(end))
    return rows
