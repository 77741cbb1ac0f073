"""Proving that the ledger was not altered, and that replaying it gives the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from cmdb.changes import Change, PutRecord
from cmdb.ledger.chain import check_link, read_chain
from cmdb.ledger.deep import LIMIT, Digests, find_suspects, loose_ends
from cmdb.ledger.detail import Detail, differences
from cmdb.ledger.disposal import KIND as DISPOSAL
from cmdb.model.registry import Model
from cmdb.sealing import places, unseal
from cmdb.store.protocol import Commit, Conflict, Damaged, GraphStore, Head, LedgerCheck

TakeIn = Callable[[Commit], None]


class Verification(msgspec.Struct, frozen=True):
    """Outcome of a check. `first_bad` is the first sequence that does not fit (0: none), `problems` says what is
    wrong. `disposed` counts texts whose content was disposed of; only a deep check counts those of change sets.
    """

    commits: int
    head: str
    first_bad: int
    problems: tuple[str, ...]
    disposed: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(store: GraphStore, model: Model, deep: bool = False) -> Verification:
    """Recompute the hash chain from the first commit to the head; with `deep` also replay it and compare with the
    graph and its history.

    The deep check holds digests in memory, about 400 bytes for each CI and 200 for each relationship. Only what
    differs makes it read ledger and store once more. Raises Conflict where somebody committed meanwhile.
    """
    texts = TextsBeside()
    replay = Digests(model)

    def take(commit: Commit) -> None:
        replay.apply(commit, texts.opened(commit))

    found = _verify_chain(store, take if deep else texts.count_reason)
    if not found.intact or not deep:
        return msgspec.structs.replace(found, disposed=texts.disposed)
    problems = [*texts.unexplained(), *loose_ends(store, replay)]
    suspects = find_suspects(store, replay)
    if suspects:
        detail = Detail(model, suspects)
        for commit in read_chain(store, until=found.commits):
            detail.apply(commit, commit.changes())
        problems += differences(store, detail)
    if store.head().sequence != found.commits:
        raise Conflict("the ledger grew while it was compared with the graph; verify again, or stop what writes to it")
    return msgspec.structs.replace(found, problems=tuple(problems), disposed=texts.disposed)


def verify_range(store: GraphStore, first: int, last: int, at: int) -> LedgerCheck:
    """Recompute the hashes of the commits from `first` to `last`, which must both be there. The hash before the first
    one is taken as it is.
    """
    previous = ""
    bad, expected = 0, first
    try:
        for before in read_chain(store, first - 2, first - 1) if first > 1 else ():
            previous = before.hash
        for commit in read_chain(store, first - 1, last):
            if check_link(commit, expected, previous) is not None:
                bad = expected
                break
            previous, expected = commit.hash, commit.sequence + 1
        else:
            bad = expected if expected <= last else 0
    except Damaged as error:
        bad = max(first, error.sequence)
    return LedgerCheck(first, last, at, not bad, False, bad, previous)


class TextsBeside:
    """Keeps an eye on the texts that are gone: each must be one that a disposal names."""

    def __init__(self) -> None:
        self.disposed = 0
        self._missing: dict[str, int] = {}
        self._reasons: set[int] = set()

    def count_reason(self, commit: Commit) -> None:
        """Note whether the reason of a commit is gone."""
        if commit.reason_mark and not commit.reason_salt:
            self.disposed += 1
            self._reasons.add(commit.sequence)

    def opened(self, commit: Commit) -> list[Change]:
        """The changes of a commit; what is missing beside it is noted."""
        self.count_reason(commit)
        sealed = commit.sealed()
        for change in sealed:
            for mark, name in places(change):
                # A content hash goes with the texts that it covers.
                if name and mark not in commit.texts and mark not in self._missing:
                    self._missing[mark] = commit.sequence
                    self.disposed += 1
            if isinstance(change, PutRecord) and change.kind == DISPOSAL:
                self._explain(change)
        return unseal(sealed, commit.texts)

    def _explain(self, disposal: PutRecord) -> None:
        for mark in disposal.body.get("marks", ()):
            self._missing.pop(mark, None)
        self._reasons.difference_update(disposal.body.get("reasons", ()))

    def unexplained(self) -> Iterator[str]:
        """What is gone without having been disposed of."""
        for sequence in sorted(self._reasons)[:LIMIT]:
            yield f"the reason of commit {sequence} is gone, and no disposal says so"
        for mark, sequence in list(self._missing.items())[:LIMIT]:
            yield f"the text {mark} of commit {sequence} is gone, and no disposal says so"


def _verify_chain(store: GraphStore, take: TakeIn) -> Verification:
    """Verify up to the head as it is now; commits that come in meanwhile are no matter."""
    head = store.head()
    previous, count, at = "", 0, 0
    try:
        for commit in read_chain(store, until=head.sequence):
            problem = check_link(commit, count + 1, previous)
            if problem:
                return Verification(count, previous, count + 1, (problem,))
            take(commit)
            previous, count, at = commit.hash, commit.sequence, commit.at
        beyond = store.commits(head.sequence, 1)
    except Damaged as error:
        return Verification(count, previous, error.sequence, (str(error),))
    if head != Head(count, previous, at):
        problem = (
            f"the head is not the end of the chain: it says sequence {head.sequence}, hash {head.hash[:16]} at"
            f" {head.at}; the chain ends at {count}, hash {previous[:16]} at {at}"
        )
        return Verification(count, previous, count + 1, (problem,))
    if beyond and store.head() == head:
        problem = f"the head says sequence {count}, but commit {beyond[0].sequence} is there"
        return Verification(count, previous, count + 1, (problem,))
    return Verification(count, previous, 0, ())
