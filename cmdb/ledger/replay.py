"""The graph that the change sets of the ledger give."""

from __future__ import annotations

from collections.abc import Iterator

from cmdb.changes import (
    Change,
    EndCI,
    EndRelationship,
    MoveCI,
    NewCI,
    NewRelationship,
    PutRecord,
    SetCI,
    SetRelationship,
    digest,
)
from cmdb.model.registry import Model
from cmdb.store.protocol import GraphStore


class Replay:
    """The graph that a series of change sets gives, kept as digests."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.identifiers: dict[str, dict[str, bool]] = {}
        self.keys: dict[str, tuple[str, str, int]] = {}
        self.links: dict[tuple[str, str, str], bytes] = {}
        self.content: dict[str, tuple[str, str, bytes]] = {}  # class, status, digest of the attributes
        self.records: dict[str, bytes] = {}

    def apply(self, changes: list[Change]) -> None:
        """Take one change set in."""
        for change in changes:
            if isinstance(change, NewCI):
                self.identifiers[change.id] = {i.key: i.strong for i in change.identifiers}
                self.keys[change.id] = (change.parent, change.local_key, change.first_seen)
                self._put(change)
            elif isinstance(change, SetCI):
                held = self.identifiers[change.id]
                held.update((i.key, i.strong) for i in change.identify)
                for key in change.forget:
                    held.pop(key, None)
                self._put(change)
            elif isinstance(change, MoveCI):
                self.keys[change.id] = (change.parent, change.local_key, self.keys[change.id][2])
            elif isinstance(change, EndCI):
                for held_of in (self.content, self.identifiers, self.keys):
                    held_of.pop(change.id, None)
            elif isinstance(change, NewRelationship | SetRelationship):
                self.links[change.source, change.type, change.target] = digest(change.attributes)
            elif isinstance(change, EndRelationship):
                self.links.pop((change.source, change.type, change.target), None)
            elif isinstance(change, PutRecord):
                self.records[change.id] = record_digest(change)

    def _put(self, change: NewCI | SetCI) -> None:
        self.content[change.id] = change.ci_class, change.status, digest(change.attributes)

    def differences(self, store: GraphStore, limit: int = 20) -> Iterator[str]:
        """What the graph says otherwise than the replay, at most `limit` lines of each kind."""
        left, left_links, left_records = set(self.content), dict(self.links), dict(self.records)
        found = 0
        for ci in store.scan_cis():
            left.discard(ci.id)
            held = (
                self.content.get(ci.id),
                self.identifiers.get(ci.id),
                self.keys.get(ci.id),
            )
            shown = (
                (ci.ci_class, ci.status, digest({**ci.attributes, "name": ci.name})),
                {i.key: i.strong for i in ci.identifiers},
                (ci.parent, ci.local_key, ci.first_seen),
            )
            if held != shown and (found := found + 1) <= limit:
                yield f"CI {ci.id} ({ci.ci_class} {ci.name}) is not as the ledger says"
        ties = {type_ for c in self.model.classes.values() if c.inside for type_ in (c.inside.relationship,)}
        for rel in store.scan_relationships():
            key = (rel.source, rel.type, rel.target)
            if rel.type in ties and not rel.facets and key not in left_links:
                continue  # the tie to a parent comes with its CI
            if left_links.pop(key, None) != digest(rel.attributes) and (found := found + 1) <= 2 * limit:
                yield f"relationship {rel.type} {rel.source} → {rel.target} is not as the ledger says"
        for record in store.records():
            if left_records.pop(record.id, None) != record_digest(record) and (found := found + 1) <= 3 * limit:
                yield f"record {record.id} ({record.kind} {record.title}) is not as the ledger says"
        for record_id in list(left_records)[:limit]:
            yield f"record {record_id} is in the ledger, but not in the graph"
        for ci_id in sorted(left)[:limit]:
            yield f"CI {ci_id} is in the ledger, but not in the graph"
        for source, type_, target in list(left_links)[:limit]:
            yield f"relationship {type_} {source} → {target} is in the ledger, but not in the graph"


def record_digest(record: PutRecord) -> bytes:
    """What is compared of a record; its texts may have been disposed of."""
    return digest([record.kind, record.state, record.title, record.about, record.body])
