"""Read the whole graph as a stream, in pages, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

from cmdb.changes import Pending
from cmdb.store import cypher, rows
from cmdb.store.connection import Connection
from cmdb.store.past import Past
from cmdb.store.past_edges import PastEdges
from cmdb.store.protocol import CIRecord, RelationshipRecord, TargetState
from cmdb.store.read import Reader, SeenSoFar, _target

PAGE = 5_000
TARGET_PAGE = 200  # a manifest of a large device is some 100 kB
SOURCES_PAGE = 1_000

# Keys are read once and ordered here, pages are read by exact keys: with `WHERE n.id > $after ORDER BY n.id LIMIT …`
# the embedded engine reads and sorts all nodes anew for each page, which took 200 s at 100,000 CIs.
_CI_IDS = "MATCH (c:CI) WHERE c.id IS NOT NULL RETURN c.id"
_TARGET_NAMES = "MATCH (t:Target) WHERE t.name IS NOT NULL RETURN t.name"
_PENDING_IDS = "MATCH (p:Pending) WHERE p.id IS NOT NULL RETURN p.id"


class Scanner:
    """The streams of a store. A stream is not one moment: compare the head before and after where that matters."""

    def __init__(self, connection: Connection, reader: Reader, past: Past, edges: PastEdges) -> None:
        self._connection, self._reader, self._past, self._past_edges = connection, reader, past, edges

    def cis(self, at: int | None = None) -> Iterator[CIRecord]:
        """All CIs, now or at a time, each parent before its dependents.

        Ids grow with time, so a parent's is nearly always the smaller one. A CI that comes before its parent is held
        back until that has gone out.
        """
        held: dict[str, list[CIRecord]] = {}
        held_ids: set[str] = set()
        for record in self._ci_pages() if at is None else self._past_pages(at):
            parent = record.parent
            if parent and (parent > record.id or parent in held_ids):
                held.setdefault(parent, []).append(record)
                held_ids.add(record.id)
            else:
                yield from _release(record, held, held_ids)
        for waiting in held.values():  # the parent is gone, which no commit of ours can do
            yield from waiting

    def relationships(self, at: int | None = None) -> Iterator[RelationshipRecord]:
        """All relationships, now or at a time, ties to parents included."""
        if at is not None:
            yield from self._past_relationships(at)
            return
        statement = (
            "UNWIND $ids AS x MATCH (a:CI {id: x})-[r]->(b:CI)"
            f" RETURN a.id, type(r), b.id, properties(r), {self._reader.ends()}"
        )
        seen: dict[str, tuple[int, dict[str, int]]] = {}
        for ids in self._keys(_CI_IDS, SOURCES_PAGE):
            found = self._connection.rows(statement, ids=ids)
            for start in range(0, len(found), PAGE):  # decoded in small parts: a hub may bring a great many
                yield from self._reader.relationships(found[start : start + PAGE], seen)

    def targets(self) -> Iterator[tuple[str, TargetState]]:
        """All origins with their manifests."""
        for names in self._keys(_TARGET_NAMES, TARGET_PAGE):
            for row in self._connection.rows(cypher.TARGETS_IN_FULL, names=names):
                yield row[0], _target(row)

    def pending(self) -> Iterator[Pending]:
        """All links that wait."""
        for ids in self._keys(_PENDING_IDS, PAGE):
            yield from map(rows.unpack_pending, self._connection.bulk(cypher.PENDING_BY_ID, ids=ids))

    def _ci_pages(self) -> Iterator[CIRecord]:
        seen: dict[str, tuple[int, dict[str, int]]] = {}
        for ids in self._keys(_CI_IDS, PAGE):
            found = self._connection.bulk(cypher.BY_ID, ids=ids)
            yield from self._reader.records(sorted((row[0] for row in found), key=lambda own: str(own["id"])), seen)

    def _past_pages(self, at: int) -> Iterator[CIRecord]:
        seen: SeenSoFar = {}
        for ids in _parts(self._past.all_ids(at), PAGE):
            states = self._past.states(ids, at)
            yield from self._past.records([states[ci] for ci in ids if ci in states], at, seen)

    def _past_relationships(self, at: int) -> Iterator[RelationshipRecord]:
        seen: SeenSoFar = {}
        for ids in _parts(self._past.all_ids(at), SOURCES_PAGE):
            found = list(self._past_edges.from_sources(ids, at))
            for start in range(0, len(found), PAGE):
                yield from self._past_edges.records(found[start : start + PAGE], at, seen)

    def _keys(self, statement: str, size: int) -> Iterator[list[str]]:
        """All keys that a statement returns, in order, as many at a time. A million ids are some 80 MB."""
        return _parts(sorted(row[0] for row in self._connection.bulk(statement)), size)


def _parts(keys: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _release(record: CIRecord, held: dict[str, list[CIRecord]], held_ids: set[str]) -> Iterator[CIRecord]:
    """A record, and behind it what was waiting for it, without recursion."""
    ready = [record]
    while ready:
        one = ready.pop()
        held_ids.discard(one.id)
        yield one
        ready += reversed(held.pop(one.id, ()))
