"""The graph that the change sets of the ledger give."""

from __future__ import annotations

from collections.abc import Iterator

from cmdb.changes import (
    Change,
    EndRelationship,
    NewCI,
    NewRelationship,
    SetCI,
    SetRelationship,
    digest,
)
from cmdb.model.registry import Model
from cmdb.observation import Value
from cmdb.store.protocol import GraphStore


class Replay:
    """The graph that a series of change sets gives, kept as digests."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.cis: dict[str, bytes] = {}
        self.identifiers: dict[str, dict[str, bool]] = {}
        self.keys: dict[str, tuple[str, str, int]] = {}
        self.links: dict[tuple[str, str, str], bytes] = {}

    def apply(self, changes: list[Change]) -> None:
        """Take one change set in."""
        for change in changes:
            if isinstance(change, NewCI):
                self.identifiers[change.id] = {i.key: i.strong for i in change.identifiers}
                self.keys[change.id] = (change.parent, change.local_key, change.first_seen)
                self._put(change.id, change.ci_class, change.status, change.attributes)
            elif isinstance(change, SetCI):
                held = self.identifiers[change.id]
                held.update((i.key, i.strong) for i in change.identify)
                for key in change.forget:
                    held.pop(key, None)
                self._put(change.id, change.ci_class, change.status, change.attributes)
            elif isinstance(change, NewRelationship | SetRelationship):
                self.links[change.source, change.type, change.target] = digest(change.attributes)
            elif isinstance(change, EndRelationship):
                self.links.pop((change.source, change.type, change.target), None)

    def _put(self, ci: str, ci_class: str, status: str, attributes: dict[str, Value]) -> None:
        self.cis[ci] = digest([ci_class, status, attributes, self.identifiers[ci], self.keys[ci]])

    def differences(self, store: GraphStore, limit: int = 20) -> Iterator[str]:
        """What the graph says otherwise than the replay, at most `limit` lines of each kind."""
        left, left_links = dict(self.cis), dict(self.links)
        found = 0
        for ci in store.scan_cis():
            content = [
                ci.ci_class,
                ci.status,
                {**ci.attributes, "name": ci.name},
                {i.key: i.strong for i in ci.identifiers},
                (ci.parent, ci.local_key, ci.first_seen),
            ]
            if left.pop(ci.id, None) != digest(content) and (found := found + 1) <= limit:
                yield f"CI {ci.id} ({ci.ci_class} {ci.name}) is not as the ledger says"
        ties = {type_ for c in self.model.classes.values() if c.inside for type_ in (c.inside.relationship,)}
        for rel in store.scan_relationships():
            key = (rel.source, rel.type, rel.target)
            if rel.type in ties and not rel.facets and key not in left_links:
                continue  # the tie to a parent comes with its CI
            if left_links.pop(key, None) != digest(rel.attributes) and (found := found + 1) <= 2 * limit:
                yield f"relationship {rel.type} {rel.source} → {rel.target} is not as the ledger says"
        for ci_id in list(left)[:limit]:
            yield f"CI {ci_id} is in the ledger, but not in the graph"
        for source, type_, target in list(left_links)[:limit]:
            yield f"relationship {type_} {source} → {target} is in the ledger, but not in the graph"
