"""Write one commit: the lock first, then the facts, then the link of the chain."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping

from neo4j import Transaction

from cmdb.changes import FORM, ChangeSet, link_hash
from cmdb.errors import CmdbError, Invalid
from cmdb.sealing import seal_reason, whole
from cmdb.store import cypher
from cmdb.store.connection import Connection
from cmdb.store.cypher import Statements
from cmdb.store.dispose import disposal_steps
from cmdb.store.prepare import Prepared, Step, pack_texts, parts_of, prepare, seen_rows
from cmdb.store.protocol import Commit, Conflict
from cmdb.store.rows import MAX_PART_BYTES, chunks, compress


class Writer:
    """The writing side of a store."""

    def __init__(self, connection: Connection, statements: Statements, new_salt: Callable[[], bytes]) -> None:
        self._connection, self._statements, self._new_salt = connection, statements, new_salt
        self._owner = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._turns = itertools.count()  # the embedded engine notices a lost race only where the lock's value changes

    def commit(self, change_set: ChangeSet, expected: int, actor: str, reason: str) -> int:
        """Apply a change set in one transaction; see `GraphStore.commit`."""
        prepared = prepare(change_set, self._statements, self._new_salt)
        if change_set.disposals:
            prepared.steps.extend(disposal_steps(self._connection, change_set.disposals))
        if not prepared.steps and not prepared.has_changes:
            return expected
        mark, salt = seal_reason(reason, self._new_salt())
        return self._write(_Attempt(prepared, expected, actor, reason, mark, salt))

    def replay(self, commit: Commit) -> None:
        """Apply a commit that another store made; see `GraphStore.replay`."""
        changes = whole(commit.changes(), self._statements.model.private_attributes)
        steps = prepare(ChangeSet(commit.at, changes), self._statements, self._new_salt).steps
        prepared = Prepared(commit.at, steps, commit.payload, commit.texts, True)
        sealed = commit.reason_mark, commit.reason_salt
        self._write(_Attempt(prepared, commit.sequence - 1, commit.actor, commit.reason, *sealed, commit))

    def check(self, change_set: ChangeSet) -> None:
        """Raise Invalid or LimitExceeded for what `commit` would refuse to begin with."""
        prepare(change_set, self._statements, self._new_salt)

    def _write(self, attempt: _Attempt) -> int:
        try:
            return self._connection.write(lambda tx: self._apply(tx, attempt), lambda: self._find_out(attempt))
        except CmdbError as error:
            if type(error) not in (Invalid, CmdbError):  # a contradiction, or a statement that was refused
                raise
            # The embedded engine lets two writers go on and stops the slower one only at its end: until then that one
            # sees what the other has just committed, and takes it for a contradiction.
            if (now := self._connection.rows(cypher.HEAD)) and now[0][0] != attempt.expected:
                raise Conflict(
                    f"the ledger is at {now[0][0]}, not at {attempt.expected}: read and plan again"
                ) from error
            raise

    def mark_seen(self, seen: Mapping[str, tuple[int, ...]]) -> None:
        """Note that unchanged origins were seen; see `GraphStore.mark_seen`."""
        rows = list(chunks(seen_rows(seen)))
        if not rows:
            return

        def work(tx: Transaction) -> None:
            self._lock(tx)
            for part in rows:
                tx.run(cypher.SEEN, rows=part)

        self._connection.write(work, lambda: None)  # doing it twice is doing it once

    def _lock(self, tx: Transaction) -> tuple[int, str, int]:
        """Take the ledger head's lock and return sequence, hash and time; other writers wait or fail from here on."""
        found = tx.run(cypher.LOCK, me=f"{self._owner}-{next(self._turns)}").values()
        if not found:
            raise Invalid("the store holds no ledger: it was not migrated, or it is the database of another program")
        return found[0][0], found[0][1], found[0][2]

    def _apply(self, tx: Transaction, attempt: _Attempt) -> int:
        prepared = attempt.prepared
        sequence, previous, latest = self._lock(tx)
        # A time names one commit, also where clocks are coarse or go back.
        at = attempt.made.at if attempt.made else max(prepared.at, latest + 1)
        if sequence != attempt.expected:
            raise Conflict(f"the ledger is at {sequence}, not at {attempt.expected}: read and plan again")
        # A result is fetched when the next statement runs, so nobody waits for the counts in between.
        results = [(step, tx.run(step.statement, rows=step.rows, at=at)) for step in prepared.steps]
        for step, result in results:
            _check_hits(step, result.values())
        if not prepared.has_changes:
            return sequence
        sequence += 1
        attempt.at = at
        if attempt.made is None:
            attempt.hash = link_hash(previous, sequence, at, attempt.actor, attempt.reason_mark, prepared.payload)
        elif attempt.made.link(previous) == attempt.made.hash:
            attempt.hash = attempt.made.hash
        else:
            raise Invalid(f"commit {sequence} does not continue the ledger that is here; nothing of it was written")
        self._link(tx, attempt, sequence, previous)
        return sequence

    def _link(self, tx: Transaction, attempt: _Attempt, sequence: int, previous: str) -> None:
        prepared = attempt.prepared
        form = attempt.made.form if attempt.made else FORM
        payload, texts = compress(prepared.payload), pack_texts(prepared.texts, form)
        first, *more = parts_of(payload)
        further = [("payload", n, data) for n, data in enumerate(more)]
        if len(texts) > MAX_PART_BYTES:
            further += [("texts", n, data) for n, data in enumerate(parts_of(texts))]
            texts = b""
        for kind, n, data in further:
            tx.run(cypher.COMMIT_PART, seq=sequence, n=n, kind=kind, data=data)
        tx.run(
            cypher.COMMIT,
            seq=sequence,
            at=attempt.at,
            actor=attempt.actor,
            reason=attempt.reason,
            previous=previous,
            hash=attempt.hash,
            payload=first,
            texts=texts,
            parts=len(further),
            size=len(prepared.payload),
            form=form,
            reason_mark=attempt.reason_mark,
            reason_salt=attempt.reason_salt,
        ).consume()

    def _find_out(self, attempt: _Attempt) -> int | None:
        """Whether a transaction whose end was not heard of took hold: the sequence after it, or None.

        Takes the lock first: a transaction still on its way has then either ended or can no longer win.
        """
        if not attempt.hash:
            return None  # lost before the last statement, or no link of the chain: the check of the head decides
        self._connection.settle(self._lock)
        sequence = attempt.expected + 1
        return sequence if self._connection.rows(cypher.COMMIT_HASH, seq=sequence) == [[attempt.hash]] else None


class _Attempt:
    """A commit on its way. `hash` is set as soon as its link of the chain has been computed; `made` is the commit of
    another store that is applied here as it was there.
    """

    def __init__(
        self,
        prepared: Prepared,
        expected: int,
        actor: str,
        reason: str,
        reason_mark: str,
        reason_salt: bytes,
        made: Commit | None = None,
    ) -> None:
        self.prepared, self.expected, self.actor, self.reason = prepared, expected, actor, reason
        self.reason_mark, self.reason_salt, self.made = reason_mark, reason_salt, made
        self.hash, self.at = "", prepared.at


def _check_hits(step: Step, found: list[list[object]]) -> None:
    """Compare what a statement hit with what it was given."""
    if step.statement is cypher.SHARED_STRONG:
        if found:
            raise Invalid(f"strong identifiers would name several CIs: {_listed(found)}; nothing was written")
    elif step.counted and found != [[len(step.rows)]]:
        if step.statement is cypher.SET_TARGET:
            raise Conflict("a target was written by somebody else since it was read: read and plan again")
        kind = step.statement.partition(" AS ")[2][2:90]
        hits = found[0][0] if found else 0
        raise Invalid(
            f"{len(step.rows)} changes name CIs or relationships of which {hits} are in the graph;"
            f" nothing was written ({kind}…)"
        )


def _listed(rows: list[list[object]]) -> str:
    return ", ".join(str(row[0]) for row in rows)
