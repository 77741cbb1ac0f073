"""Proving that the ledger was not altered, and that replaying it gives the graph."""

from __future__ import annotations

import msgspec

from cmdb.ledger.chain import check_link, read_chain
from cmdb.ledger.replay import Replay
from cmdb.model.registry import Model
from cmdb.store.protocol import Damaged, GraphStore, Head


class Verification(msgspec.Struct, frozen=True):
    """Outcome of a check. `first_bad` is the first sequence that does not fit (0: none), `problems` says what is
    wrong.
    """

    commits: int
    head: str
    first_bad: int
    problems: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(store: GraphStore, model: Model, deep: bool = False) -> Verification:
    """Recompute the hash chain from the first commit to the head; with `deep` also replay it and compare with the
    graph.

    The deep check holds a digest of each CI and relationship in memory, about 200 bytes each.
    """
    previous, count, at = "", 0, 0
    replayed = Replay(model)
    try:
        for commit in read_chain(store):
            problem = check_link(commit, count + 1, previous)
            if problem:
                return Verification(count, previous, count + 1, (problem,))
            if deep:
                replayed.apply(commit.changes())
            previous, count, at = commit.hash, commit.sequence, commit.at
    except Damaged as error:
        return Verification(count, previous, error.sequence, (str(error),))
    head = store.head()
    if head != Head(count, previous, at):
        problem = (
            f"the head is not the end of the chain: it says sequence {head.sequence}, hash {head.hash[:16]} at"
            f" {head.at}; the chain ends at {count}, hash {previous[:16]} at {at}"
        )
        return Verification(count, previous, count + 1, (problem,))
    problems = tuple(replayed.differences(store)) if deep else ()
    return Verification(count, previous, 0, problems)
