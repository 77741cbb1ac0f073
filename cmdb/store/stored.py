"""Read nodes and relationships just as they lie in the store, property by property, to be held against the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cmdb.errors import Invalid
from cmdb.store.connection import Connection

Properties = dict[str, Any]
PAGE = 2_000
LABELS = ("Task", "Record", "Absorbed", "Pending")  # of nodes that are few, or small

_CI_IDS = "MATCH (c:CI) WHERE c.id IS NOT NULL OR c.class IS NOT NULL RETURN c.id"
_CIS = (
    "UNWIND $keys AS x MATCH (c:CI {id: x})"
    " RETURN properties(c), [(c)<-[k:IDENTIFIES]-(i:Identifier) | [i.key, k.strong]]"
)
_VERSION_IDS = "MATCH (v:CIVersion) RETURN DISTINCT v.id"
_VERSIONS = "UNWIND $keys AS x MATCH (v:CIVersion {id: x}) RETURN properties(v)"
_RELATIONSHIPS = (
    "UNWIND $keys AS x MATCH (a:CI {id: x})-[r]->(b) RETURN a.id, type(r), coalesce(b.id, ''), properties(r)"
)
_RELATIONSHIP_VERSION_IDS = "MATCH (v:RelVersion) RETURN DISTINCT v.source_id"
_RELATIONSHIP_VERSIONS = "UNWIND $keys AS x MATCH (v:RelVersion {source_id: x}) RETURN properties(v)"
_UNUSED = (
    "MATCH (i:Identifier) WHERE i.key IS NOT NULL AND NOT (i)-[:IDENTIFIES]->(:CI)"
    " RETURN i.key ORDER BY i.key LIMIT $most"
)

_SUBJECTS = "MATCH (n:Record)-[:ABOUT]->(c:CI) RETURN n.id, c.id"


class Stored:
    """The raw content of a store, as streams in bounded memory. `ids` narrows a stream to some CIs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def cis(self, ids: Iterable[str] | None = None) -> Iterator[tuple[Properties, list[list[Any]]]]:
        """Properties of CIs, each with its identifiers as `[key, strong]`."""
        for row in self._pages(_CI_IDS, _CIS, ids):
            yield row[0], row[1]

    def versions(self, ids: Iterable[str] | None = None) -> Iterator[Properties]:
        """Properties of superseded versions of CIs."""
        return (row[0] for row in self._pages(_VERSION_IDS, _VERSIONS, ids))

    def relationships(self, ids: Iterable[str] | None = None) -> Iterator[tuple[str, str, str, Properties]]:
        """Source, type, target and properties of relationships that start at CIs."""
        for row in self._pages(_CI_IDS, _RELATIONSHIPS, ids):
            yield row[0], row[1], row[2], row[3]

    def relationship_versions(self, ids: Iterable[str] | None = None) -> Iterator[Properties]:
        """Properties of superseded or ended relationships that started at CIs."""
        return (row[0] for row in self._pages(_RELATIONSHIP_VERSION_IDS, _RELATIONSHIP_VERSIONS, ids))

    def nodes(self, label: str) -> Iterator[Properties]:
        """Properties of all nodes of one of LABELS; raises Invalid for another one."""
        if label not in LABELS:
            raise Invalid(f"{label!r} is none of {', '.join(LABELS)}")
        found = (row[0] for row in self._connection.rows(f"MATCH (n:{label}) RETURN properties(n)"))
        return (properties for properties in found if properties)  # see `first_slots.py`

    def subjects(self) -> Iterator[tuple[str, str]]:
        """Records, each with the id of a CI that it is tied to."""
        return ((str(row[0]), str(row[1])) for row in self._connection.rows(_SUBJECTS))

    def unused_identifiers(self, most: int) -> list[str]:
        """Identifiers that name no CI."""
        return [str(row[0]) for row in self._connection.rows(_UNUSED, most=most)]

    def _pages(self, every: str, statement: str, keys: Iterable[str] | None) -> Iterator[Sequence[Any]]:
        if keys is None:
            keys = (row[0] for row in self._connection.rows(every))
        ordered = sorted(keys, key=str)  # a key that was taken away is null
        for start in range(0, len(ordered), PAGE):
            yield from self._connection.rows(statement, keys=ordered[start : start + PAGE])
