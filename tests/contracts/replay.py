"""Replaying the ledger must give the graph."""

from __future__ import annotations

from typing import Any

from cmdb.changes import EndRelationship, NewCI, NewRelationship, SetCI, SetRelationship
from cmdb.store.bolt import BoltStore

Facts = tuple[dict[str, Any], dict[tuple[str, str, str], Any]]


def replayed(store: BoltStore) -> Facts:
    """CIs and relationships as the commits tell them, the chain checked on the way."""
    cis: dict[str, Any] = {}
    relationships: dict[tuple[str, str, str], Any] = {}
    previous, after = "", 0
    while commits := store.commits(after):
        for commit in commits:
            assert commit.sequence == after + 1
            assert commit.previous == previous
            assert commit.hash == commit.link(previous)
            previous, after = commit.hash, commit.sequence
            for change in commit.changes():
                _apply(change, cis, relationships)
    assert (store.head().sequence, store.head().hash) == (after, previous)
    return cis, relationships


def stored(store: BoltStore) -> Facts:
    """CIs and relationships as the graph has them, each exactly once."""
    cis: dict[str, Any] = {}
    for ci in store.scan_cis():
        assert ci.id not in cis
        keys = frozenset((i.key, i.strong) for i in ci.identifiers)
        cis[ci.id] = (
            ci.ci_class,
            ci.parent,
            ci.local_key,
            ci.status,
            {**ci.attributes, "name": ci.name},
            keys,
            ci.revision,
        )
    relationships: dict[tuple[str, str, str], Any] = {}
    for r in store.scan_relationships():
        assert (r.source, r.type, r.target) not in relationships
        if r.facets:  # the others are ties, which come with their CIs
            relationships[r.source, r.type, r.target] = (r.attributes, set(r.facets))
    return cis, relationships


def _apply(change: Any, cis: dict[str, Any], relationships: dict[tuple[str, str, str], Any]) -> None:
    match change:
        case NewCI():
            keys = frozenset((i.key, i.strong) for i in change.identifiers)
            head = (change.ci_class, change.parent, change.local_key, change.status)
            cis[change.id] = (*head, change.attributes, keys, 1)
        case SetCI():
            _, parent, local_key, _, _, keys, revision = cis[change.id]
            lost = {*change.forget, *(i.key for i in change.identify)}
            kept = frozenset(k for k in keys if k[0] not in lost) | {(i.key, i.strong) for i in change.identify}
            head = (change.ci_class, parent, local_key, change.status)
            cis[change.id] = (*head, change.attributes, kept, revision + 1)
        case NewRelationship() | SetRelationship():
            relationships[change.source, change.type, change.target] = (change.attributes, set(change.facets))
        case EndRelationship():
            del relationships[change.source, change.type, change.target]


def astray(store: BoltStore) -> list[str]:
    """Lines of what targets said last, and what they miss, that name no CI."""
    there = {c.id for c in store.scan_cis()}
    states = dict(store.scan_targets())
    lines = [f"{o}: {n}" for o, s in states.items() for n, e in s.manifest.items() if e.ci not in there]
    return [*lines, *(f"{o}: {ci}" for o, s in states.items() for ci in {*s.absent, *s.unsaid} - there)]
