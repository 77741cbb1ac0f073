"""Reads of the chain of commits."""

from __future__ import annotations

import time

from strawberry.types import Info

from cmdb.ledger import verify_range
from cmdb.store.protocol import Commit as StoredCommit
from cmdb.store.protocol import LedgerCheck as StoredCheck
from cmdb_graphql.changes import commit_page
from cmdb_graphql.common import PageInfo, make
from cmdb_graphql.context import Reading
from cmdb_graphql.errors import BadInput
from cmdb_graphql.history_types import FactChangeConnection
from cmdb_graphql.ledger_types import Commit, CommitConnection, CommitFilter, LedgerCheck

BEGINNING = "0" * 64
MOST_CHECKED = 1_000
COUNTED = 100_000  # `totalCount` says no more than this


class CommitRow:
    """One commit with the fields of the GraphQL type; its change set is only opened when `size` is asked."""

    def __init__(self, commit: StoredCommit) -> None:
        self._commit = commit
        self.sequence, self.at, self.actor = commit.sequence, commit.at, commit.actor
        self.reason, self.hash = commit.reason or None, commit.hash
        self.previous_hash = commit.previous or BEGINNING

    @property
    def size(self) -> int:
        """Facts changed."""
        return len(self._commit.changes())

    def changes_page(self, info: Info, first: int, after: str | None) -> FactChangeConnection:
        """A page of its fact changes."""
        return commit_page(info, self._commit, first, after)


def head_row(reading: Reading) -> Commit:
    """The newest commit; before the first one, sequence 0 with the hash that the first one continues."""
    found = commit_row(reading, reading.head.sequence)
    if found is not None:
        return found
    row: Commit = make(Commit, sequence=0, at=0, actor="", reason=None, size=0, previous_hash=BEGINNING, hash=BEGINNING)
    return row


def commit_row(reading: Reading, sequence: int) -> Commit | None:
    """One commit; None where there is none."""
    if not 1 <= sequence <= reading.head.sequence:
        return None
    found = reading.store.commits(sequence - 1, 1)
    return CommitRow(found[0]) if found else None  # type: ignore[return-value]  # it has the fields of Commit


def commits_page(reading: Reading, where: CommitFilter | None, first: int, after: str | None) -> CommitConnection:
    """A page of commits, newest first; the cursor is the last sequence of the page."""
    least = max(0, where.after_sequence or 0) if where else 0
    newest = reading.head.sequence
    if after is not None:
        if not after.isascii() or not after.isdigit() or len(after) > 18:
            raise BadInput("after", "after: not an `endCursor` of this list")
        newest = min(newest, int(after) - 1)
    begin = max(least, newest - first)
    found = reading.store.commits(begin, newest - begin) if newest > begin else []
    rows = [CommitRow(c) for c in reversed(found)]
    total = max(0, reading.head.sequence - least)
    more = bool(rows) and begin > least
    cursor = str(rows[-1].sequence) if more else None
    page: CommitConnection = make(
        CommitConnection,
        nodes=rows,
        page_info=make(PageInfo, has_next_page=more, end_cursor=cursor),
        total_count=total if total <= COUNTED else None,
    )
    return page


def last_check(reading: Reading) -> LedgerCheck | None:
    """The latest full verification."""
    found = reading.store.last_check()
    return _check_row(found) if found else None


def _check_row(check: StoredCheck) -> LedgerCheck:
    first_bad = check.first_bad or None
    row: LedgerCheck = make(
        LedgerCheck,
        first=check.first,
        last=check.last,
        at=check.at,
        intact=check.intact,
        replayed=check.replayed,
        first_bad=first_bad,
        hash=check.hash or BEGINNING,
    )
    return row


def checked_range(reading: Reading, first: int, last: int) -> LedgerCheck:
    """Some commits, verified now; raises BadInput for sequences that are not there, or too many."""
    head = reading.head.sequence
    if not 1 <= first <= head:
        raise BadInput("from", f"from: a sequence from 1 to {head}, not {first}")
    if not first <= last <= min(head, first + MOST_CHECKED - 1):
        raise BadInput("to", f"to: a sequence from {first} to {min(head, first + MOST_CHECKED - 1)}, not {last}")
    return _check_row(verify_range(reading.store, first, last, time.time_ns() // 1_000_000))
