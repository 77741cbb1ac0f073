"""One edit of one record: refused where somebody else changed it, or only drawn."""

from __future__ import annotations

from collections.abc import Callable

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Refused
from cmdb.ingest import Ingest
from cmdb.service.lifecycle import as_stored, number_of
from cmdb.store.protocol import Head, StoredRecord


class Drawn(Exception):
    """An edit that was only to be drawn is planned."""


class OneEdit(Ingest):
    """What a service that edits records writes through: the same as `behind`, for one commit.

    With `expected` the record (id) must be at that revision then. With `dry_run` nothing is written: `decide` raises
    Drawn once it is planned. `put` is the record as planned, `sequence` the commit, None where there is none.
    """

    def __init__(self, behind: Ingest, record: str = "", expected: int | None = None, dry_run: bool = False) -> None:
        super().__init__(behind.store, behind.model, behind.clock_ms, behind.new_id, role=behind.role)
        self._behind, self._record, self._expected, self._dry_run = behind, record, expected, dry_run
        self.put: PutRecord | None = None
        self.sequence: int | None = None

    def decide(
        self,
        make: Callable[[Head], ChangeSet | None],
        actor: str,
        reason: str,
        dry_run: bool = False,
        by_person: bool = True,
    ) -> tuple[int, ChangeSet | None]:
        """Write or draw; see `Ingest.decide`. Raises Refused where the record has another revision, and Drawn."""

        def checked(head: Head) -> ChangeSet | None:
            self._check()
            return make(head)

        sequence, done = self._behind.decide(checked, actor, reason, dry_run or self._dry_run, by_person)
        puts = [change for change in done.changes if isinstance(change, PutRecord)] if done is not None else []
        self.put = puts[0] if puts else None
        if self._dry_run:
            raise Drawn
        self.sequence = sequence if done is not None else None
        return sequence, done

    def drawn(self) -> StoredRecord | None:
        """The record as it would be; None for a new one."""
        known = self.store.records(ids=[self._record]) if self._record else []
        if not known:
            return None
        return as_stored(self.put, known[0].at) if self.put is not None else known[0]

    def _check(self) -> None:
        if self._expected is None:
            return
        (latest,) = self.store.records(ids=[self._record])
        if latest.revision != self._expected:
            text = f"{number_of(latest)} is at revision {latest.revision}, not {self._expected}: read it again"
            raise Refused("VERSION_CONFLICT", "expectedVersion", text)
