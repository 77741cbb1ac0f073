"""The net differences between two moments: what changed in between and did not change back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from cmdb.changes import (
    Change,
    EndCI,
    EndRelationship,
    MoveCI,
    NewCI,
    NewRelationship,
    PutRecord,
    PutTask,
    SetCI,
    SetRelationship,
)
from cmdb.errors import Invalid
from cmdb.history import Before, FactChange, differs, fact_changes, link_key
from cmdb.model.registry import Model
from cmdb.observation import Identifier
from cmdb.sorting import Sorter
from cmdb.store.protocol import Commit, GraphStore, Moment
from cmdb.store.states import CommitHead, Label, LinkKey, LinkState, State

COMMITS = 50  # read at once
BATCH = 500  # touched things whose states are read at once

InScope = Callable[[set[str]], set[str]]  # ids -> those of them that are in the scope at either moment
Touched = tuple[tuple[str, str, str], tuple[int, int, str, str]]  # (id, type, other end); (sequence, at, actor, into)


class Counts(msgspec.Struct):
    """How many CIs are new, changed and gone; relationships count as a change of their source end."""

    created: int = 0
    changed: int = 0
    ended: int = 0


def differences(
    store: GraphStore,
    model: Model,
    earlier: Moment,
    later: Moment,
    in_scope: InScope = lambda ids: ids,
    folder: Path | None = None,
) -> Iterator[FactChange]:
    """What differs between two moments, by CI id; each fact names the last commit that touched its CI.

    Reads the commits in between and the states of what they touched, not the graph. In memory are at most 200,000 names
    of touched things (about 60 MB); more are sorted in files in `folder` (default: that of the system), about 100 bytes
    each. Raises Invalid where the moments are in the wrong order.
    """
    if earlier.sequence > later.sequence:
        raise Invalid(
            f"sequence {earlier.sequence} is later than sequence {later.sequence}: name the earlier moment first"
        )
    with Sorter(folder) as sorter:
        for commit in _between(store, earlier.sequence, later.sequence):
            for key, into in _touched(commit):
                sorter.add(key, (commit.sequence, commit.at, commit.actor, into))
        touched = sorter.sorted()
        while batch := list(itertools.islice(touched, BATCH)):
            yield from _batch(store, model, batch, earlier, later, in_scope)


def count(facts: Iterable[FactChange]) -> Counts:
    """Count the CIs of differences, given in their order."""
    counts = Counts()
    for _, of_ci in itertools.groupby(facts, lambda f: f.ci):
        add(counts, list(of_ci))
    return counts


def add(counts: Counts, of_ci: list[FactChange]) -> None:
    """Count the differences of one CI."""
    if any(f.kind == "CI_CREATED" for f in of_ci):
        counts.created += 1
    elif any(f.attribute == "absorbed_by" or (f.attribute == "status" and f.after == "retired") for f in of_ci):
        counts.ended += 1
    else:
        counts.changed += 1


def _between(store: GraphStore, after: int, last: int) -> Iterator[Commit]:
    while after < last:
        batch = store.commits(after, min(COMMITS, last - after))
        if not batch:
            raise Invalid(f"the ledger has no commit {after + 1}: verify it with `cmdb ledger verify`")
        yield from batch
        after = batch[-1].sequence


def _touched(commit: Commit) -> Iterator[tuple[tuple[str, str, str], str]]:
    for change in commit.changes():
        match change:
            case NewRelationship() | SetRelationship() | EndRelationship():
                yield link_key(change), ""
            case EndCI():
                yield (change.id, "", ""), change.into
            case PutTask() | PutRecord():
                pass  # no part of the graph
            case _:
                yield (change.id, "", ""), ""


def _batch(
    store: GraphStore, model: Model, batch: list[Touched], earlier: Moment, later: Moment, in_scope: InScope
) -> Iterator[FactChange]:
    """The differences of some touched things, in their order."""
    ids = [key[0] for key, _ in batch if not key[1]]
    ties = [(key[0], key[1], key[2]) for key, _ in batch if key[1]]
    was, now = (store.states(ids, m.at) if ids else {} for m in (earlier, later))
    was_tied, now_tied = (store.links(ties, m.at) if ties else {} for m in (earlier, later))
    differing = [
        (key, mark)
        for key, mark in batch
        if (was_tied.get(key) != now_tied.get(key) if key[1] else was.get(key[0]) != now.get(key[0]))
    ]
    labels = store.labels({end for key, _ in differing for end in (key[0], key[2]) if end})
    facts: list[FactChange] = []
    for key, (sequence, at, actor, into) in differing:
        if key[1]:
            changes = list(_tie_changes(key, was_tied.get(key), now_tied.get(key)))
            before = Before({}, {key: was_tied[key]} if key in was_tied else {}, labels)
        else:
            changes = list(_ci_changes(was.get(key[0]), now.get(key[0]), into))
            before = Before({key[0]: was[key[0]]} if key[0] in was else {}, {}, labels)
        facts += fact_changes(CommitHead(sequence, at, actor), changes, before, model)
    wanted = in_scope({end for f in facts for end in _ends(f)})
    yield from (f for f in facts if not wanted.isdisjoint(_ends(f)))


def _ends(fact: FactChange) -> tuple[str, ...]:
    """The CIs of which one must be in the scope."""
    return (fact.ci, fact.other) if fact.relationship_type else (fact.ci,)


def _ci_changes(was: State | None, now: State | None, into: str) -> Iterator[Change]:
    """The changes that would have led from one state of a CI to another one in one step."""
    if now is None:
        if was is not None:
            yield EndCI(was.id, into)
        return
    if was is None:
        keys = tuple(Identifier(k, s) for k, s in now.identifiers.items())
        yield NewCI(
            now.id, now.ci_class, now.parent, now.local_key, now.status, now.attributes, keys, now.facets, now.since
        )
        return
    if (was.parent, was.local_key) != (now.parent, now.local_key):
        yield MoveCI(now.id, now.ci_class, now.parent, now.local_key)
    yield SetCI(
        now.id,
        now.ci_class,
        now.status,
        {n: v for n, v in now.attributes.items() if differs(was.attributes.get(n), v)},
        tuple(n for n in was.attributes if n not in now.attributes),
        now.attributes,
        now.facets,
        tuple(Identifier(k, s) for k, s in sorted(now.identifiers.items()) if was.identifiers.get(k) is not s),
        tuple(k for k in sorted(was.identifiers) if k not in now.identifiers),
    )


def _tie_changes(key: LinkKey, was: LinkState | None, now: LinkState | None) -> Iterator[Change]:
    if now is None:
        yield EndRelationship(*key)
    elif was is None:
        yield NewRelationship(*key, now.attributes, now.facets)
    else:
        yield SetRelationship(*key, now.attributes, now.facets)


def labels_of(store: GraphStore, facts: Iterable[FactChange]) -> dict[str, Label]:
    """The names of all CIs in some fact changes."""
    return store.labels({ci for f in facts for ci in (f.ci, f.other) if ci})
