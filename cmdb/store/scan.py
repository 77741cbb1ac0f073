"""Read the whole graph as a stream, in pages, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cmdb.changes import Pending
from cmdb.store import cypher, rows
from cmdb.store.connection import Connection
from cmdb.store.protocol import CIRecord, RelationshipRecord, TargetState
from cmdb.store.read import Reader, _target

PAGE = 5_000
TARGET_PAGE = 200  # a manifest of a large device is some 100 kB
SOURCES_PAGE = 1_000

_CIS = (
    f"MATCH (c:CI) WHERE c.id > $after RETURN properties(c), {cypher.IDENTIFIERS_OF.format(ci='c')}"
    " ORDER BY c.id LIMIT $limit"
)
_SOURCES = "MATCH (a:CI) WHERE a.id > $after RETURN a.id ORDER BY a.id LIMIT $limit"
_TARGETS = (
    "MATCH (t:Target) WHERE t.name > $after"
    " RETURN t.name, t.hash, t.last_seen, t.complete_at, t.tables, t.manifest ORDER BY t.name LIMIT $limit"
)


class Scanner:
    """The streams of a store. A stream is not one moment: compare the head before and after where that matters."""

    def __init__(self, connection: Connection, reader: Reader) -> None:
        self._connection, self._reader = connection, reader

    def cis(self) -> Iterator[CIRecord]:
        """All CIs, each parent before its dependents.

        Ids grow with time, so a parent's is nearly always the smaller one. A CI that comes before its parent is held
        back until that has gone out.
        """
        held: dict[str, list[CIRecord]] = {}
        held_ids: set[str] = set()
        for record in self._ci_pages():
            parent = record.parent
            if parent and (parent > record.id or parent in held_ids):
                held.setdefault(parent, []).append(record)
                held_ids.add(record.id)
            else:
                yield from _release(record, held, held_ids)
        for waiting in held.values():  # the parent is gone, which no commit of ours can do
            yield from waiting

    def relationships(self) -> Iterator[RelationshipRecord]:
        """All relationships, ties to parents included."""
        statement = (
            "UNWIND $ids AS x MATCH (a:CI {id: x})-[r]->(b:CI)"
            f" RETURN a.id, type(r), b.id, properties(r), {self._reader.ends()}"
        )
        seen: dict[str, tuple[int, dict[str, int]]] = {}
        after = ""
        while ids := [row[0] for row in self._connection.rows(_SOURCES, after=after, limit=SOURCES_PAGE)]:
            found = self._connection.rows(statement, ids=ids)
            for start in range(0, len(found), PAGE):  # decoded in small parts: a hub may bring a great many
                yield from self._reader.relationships(found[start : start + PAGE], seen)
            after = ids[-1]

    def targets(self) -> Iterator[tuple[str, TargetState]]:
        """All origins with their manifests."""
        for row in self._pages(_TARGETS, TARGET_PAGE, 0):
            yield row[0], _target(row)

    def pending(self) -> Iterator[Pending]:
        """All links that wait."""
        for row in self._pages(cypher.SCAN_PENDING, PAGE, 6):
            yield rows.unpack_pending(row)

    def _ci_pages(self) -> Iterator[CIRecord]:
        seen: dict[str, tuple[int, dict[str, int]]] = {}
        after = ""
        while found := self._connection.rows(_CIS, after=after, limit=PAGE):
            yield from self._reader.records(found, seen)
            after = found[-1][0]["id"]

    def _pages(self, statement: str, limit: int, key: int) -> Iterator[Sequence[Any]]:
        after = ""
        while found := self._connection.rows(statement, after=after, limit=limit):
            yield from found
            after = found[-1][key]


def _release(record: CIRecord, held: dict[str, list[CIRecord]], held_ids: set[str]) -> Iterator[CIRecord]:
    """A record, and behind it what was waiting for it, without recursion."""
    ready = [record]
    while ready:
        one = ready.pop()
        held_ids.discard(one.id)
        yield one
        ready += reversed(held.pop(one.id, ()))
