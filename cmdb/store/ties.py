"""Counts the relationships of many CIs by type, without reading them."""

from __future__ import annotations

from collections.abc import Sequence

from cmdb.store import rows
from cmdb.store.connection import Connection
from cmdb.store.cypher import Statements


class Ties:
    """Counts relationships."""

    def __init__(self, connection: Connection, statements: Statements) -> None:
        self._connection = connection
        self._statement = (
            f"UNWIND $ids AS x MATCH (c:CI {{id: x}})-[r:{statements.pattern(())}]-(:CI) RETURN x, type(r), count(r)"
        )

    def of(self, ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Relationship types and how many there are; see `GraphStore.ties`."""
        found: dict[str, dict[str, int]] = {}
        for part in rows.text_chunks(ids):
            for ci, type_, count in self._connection.rows(self._statement, ids=part):
                found.setdefault(ci, {})[type_] = count
        return found
