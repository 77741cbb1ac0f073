"""Pushed items that wait for a person, kept as nodes beside the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from neo4j import Transaction

from cmdb.store.connection import Connection
from cmdb.store.protocol import Quarantined
from cmdb.store.rows import compress, decompress

MAX_PAGE = 1_000
_FIELDS = ("id", "adapter", "source", "host", "ref", "item", "code", "message", "path", "first", "last", "times")
_ROW = ", ".join(f"q.{f}" for f in _FIELDS)
KNOWN = "UNWIND $ids AS id MATCH (q:Quarantined {id: id}) RETURN q.id, q.first, q.times"
TOTAL = "MATCH (q:Quarantined) RETURN count(q.id)"
SAVE = (
    "UNWIND $rows AS row MERGE (q:Quarantined {id: row.id}) SET "
    + ", ".join(f"q.{f} = row.{f}" for f in _FIELDS[1:])
    + " RETURN count(q)"
)
PAGE = f"MATCH (q:Quarantined) WHERE q.first >= $since RETURN {_ROW} ORDER BY q.first, q.id LIMIT $most"
NAMED = f"UNWIND $ids AS id MATCH (q:Quarantined {{id: id}}) RETURN {_ROW} ORDER BY q.first, q.id"
RELEASE = "UNWIND $ids AS id MATCH (q:Quarantined {id: id}) DETACH DELETE q"


class Quarantine:
    """The queue of items that nobody could place."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, entries: Sequence[Quarantined], most: int) -> set[str]:
        """Keep what is new up to `most` in all, replace what is there; return the ids that were kept."""
        if not entries:
            return set()
        latest = {e.id: e for e in entries}

        def work(tx: Transaction) -> set[str]:
            known = {row[0]: row[1:] for row in tx.run(KNOWN, ids=list(latest)).values()}
            room = most - tx.run(TOTAL).values()[0][0]
            fresh = [i for i in latest if i not in known][: max(0, room)]
            rows = [_row(latest[i], known.get(i)) for i in (*known, *fresh)]
            tx.run(SAVE, rows=rows).consume()
            return {*known, *fresh}

        return self._connection.write(work, lambda: None)

    def page(self, first: int, after: str | None) -> list[Quarantined]:
        """The oldest ones, behind the one with the id `after`; none where that one has left."""
        since, behind = 0, ""
        if after is not None:
            found = self.named([after])
            if not found:
                return []
            since, behind = found[0].first, after
        # Those of one moment stand together, so that a page is short by them at most.
        rows = self._connection.rows(PAGE, since=since, most=min(first, MAX_PAGE) + self._at(since, bool(behind)))
        entries = [_entry(row) for row in rows]
        return [e for e in entries if not behind or (e.first, e.id) > (since, behind)][:first]

    def _at(self, first: int, wanted: bool) -> int:
        """How many came in at one moment."""
        if not wanted:
            return 0
        found = self._connection.rows("MATCH (q:Quarantined) WHERE q.first = $first RETURN count(q)", first=first)
        return int(found[0][0])

    def named(self, ids: Sequence[str]) -> list[Quarantined]:
        """Those with these ids."""
        return [_entry(row) for row in self._connection.rows(NAMED, ids=list(dict.fromkeys(ids))[:MAX_PAGE])]

    def release(self, ids: Sequence[str]) -> int:
        """Let go of these; return how many were there."""
        wanted = list(dict.fromkeys(ids))

        def work(tx: Transaction) -> int:
            there = len(tx.run(KNOWN, ids=wanted).values())
            tx.run(RELEASE, ids=wanted).consume()
            return there

        return self._connection.write(work, lambda: None)

    def total(self) -> int:
        """How many there are."""
        return int(self._connection.rows(TOTAL)[0][0])


def _row(entry: Quarantined, known: Sequence[Any] | None) -> dict[str, Any]:
    row = msgspec.structs.asdict(entry) | {"item": compress(entry.item)}
    return row if known is None else row | {"first": known[0], "times": known[1] + 1}


def _entry(row: Sequence[Any]) -> Quarantined:
    given = dict(zip(_FIELDS, row, strict=True))
    return Quarantined(**given | {"item": decompress(bytes(given["item"]))})
