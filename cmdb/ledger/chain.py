"""Proving that the chain of commits is whole."""

from __future__ import annotations

from collections.abc import Iterator

from cmdb.sealing import Text
from cmdb.store.protocol import Commit, Damaged, GraphStore

BATCH = 50  # commits read at once; a commit of a first load is about a megabyte


def read_chain(store: GraphStore, after: int = 0, until: int | None = None) -> Iterator[Commit]:
    """All commits behind a sequence, or those up to `until`, in order, in bounded memory.

    Raises Damaged at the first one that can't be read back; those before it have been given.
    """
    while until is None or after < until:
        size = BATCH if until is None else min(BATCH, until - after)
        try:
            batch = store.commits(after, size)
        except Damaged:
            batch = store.commits(after, 1)  # one by one up to the damaged one
        if not batch:
            return
        yield from batch
        after = batch[-1].sequence


def check_link(commit: Commit, expected: int, previous: str) -> str | None:
    """What is wrong with one link of the chain, or with the texts beside it; None if nothing is."""
    if commit.sequence != expected:
        return f"sequence {expected} is missing; the next one is {commit.sequence}"
    if commit.previous != previous:
        return f"commit {commit.sequence} does not continue commit {commit.sequence - 1}: its previous hash differs"
    if commit.hash != commit.link(previous):
        return f"commit {commit.sequence} was altered: its content does not give its hash"
    return check_texts(commit)


def check_texts(commit: Commit) -> str | None:
    """What is wrong with the texts beside a commit: each must give the mark by which the chain knows it."""
    number = commit.sequence
    if commit.form > 1 and not reason_fits(commit):
        return f"commit {number} was altered: its reason is not the one that was given"
    for mark, text in commit.texts.items():
        if text.proves(mark) is False:
            return (
                f"commit {number} was altered: the text beside it with the mark {mark} is not the one that was written"
            )
    return None


def reason_fits(commit: Commit) -> bool:
    """Whether a reason is the one that was given, or was disposed of."""
    if not commit.reason_salt:
        return not commit.reason
    return Text(commit.reason, commit.reason_salt).proves(commit.reason_mark) is True
