"""Read relationships as they were at a time, a page for each of many CIs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from cmdb.errors import LimitExceeded
from cmdb.store.connection import Connection
from cmdb.store.cypher import THEN_R, Statements
from cmdb.store.neighbours import MAX_NEIGHBOURS, check_page, page_of, read_behind
from cmdb.store.past import Past, State
from cmdb.store.protocol import Direction, Neighbour, NeighbourPage, RelationshipRecord
from cmdb.store.read import SeenSoFar

_TIE = tuple[str, str, str]  # source, type, target

_SINCE = (
    "UNWIND $ids AS x MATCH (c:CI {{id: x}}){left}[r:{types}]{right}(o:CI) WHERE r.from <= $at"
    " RETURN x, startNode(r).id, type(r), endNode(r).id, properties(r) LIMIT $most"
)
_THEN = (
    f"UNWIND $ids AS x MATCH (r:RelVersion {{{{{{end}}: x}}}}) WHERE {THEN_R} AND r.rel_type IN $types"
    " RETURN x, r.source_id, r.rel_type, r.target_id, properties(r) LIMIT $most"
)


class PastEdges:
    """Relationships at a recorded time: those that are older than it, and the versions that held then."""

    def __init__(self, connection: Connection, statements: Statements, past: Past) -> None:
        self._connection, self._statements, self._past = connection, statements, past

    def pages(
        self, ids: Sequence[str], types: Sequence[str], direction: Direction, first: int, after: str | None, at: int
    ) -> dict[str, NeighbourPage]:
        """A page of relationships for each CI that was there; see `GraphStore.neighbours`."""
        check_page(ids, first)
        wanted = self._past.ends(ids, at)
        behind = read_behind(after)
        found = self.edges(list(wanted), types, direction, at)
        names = self._past.names({far for edges in found.values() for far, _ in edges.values()}, at)
        chosen = {}
        for ci, edges in found.items():
            keyed = sorted(((tie[1], names.get(far, ""), far, tie[0]), tie) for tie, (far, _) in edges.items())
            chosen[ci] = [k for k in keyed if behind is None or k[0] > behind][: first + 1]
        others = self._past.states({key[2] for keyed in chosen.values() for key, _ in keyed}, at)
        ends: dict[str, State] = {**wanted, **others}
        seen: SeenSoFar = {}
        records = {record.id: record for record in self._past.records(others.values(), at, seen)}
        listed = [(ci, key[2], tie) for ci, keyed in chosen.items() for key, tie in keyed]
        told = self._past.relationships([[*tie, found[ci][tie][1]] for ci, _, tie in listed], ends, at, seen)
        neighbours: dict[str, list[Neighbour]] = {ci: [] for ci in wanted}
        for (ci, far, _), relationship in zip(listed, told, strict=True):
            neighbours[ci].append(Neighbour(ci, relationship, records[far]))
        return {ci: page_of(page, first, len(found.get(ci, ()))) for ci, page in neighbours.items()}

    def edges(
        self, ids: list[str], types: Sequence[str], direction: Direction, at: int
    ) -> dict[str, dict[_TIE, tuple[str, Mapping[str, Any]]]]:
        """By CI: its relationships, each with the other end and its properties."""
        found: dict[str, dict[_TIE, tuple[str, Mapping[str, Any]]]] = {}
        for ci, source, type_, target, properties in self._rows(ids, types, direction, at):
            far = target if ci == source else source
            found.setdefault(ci, {})[source, type_, target] = far, properties
        return found

    def _rows(self, ids: list[str], types: Sequence[str], direction: Direction, at: int) -> list[list[Any]]:
        named = list(types) or sorted(self._statements.types.keys() - self._statements.internal_types)
        symmetric = [t for t in named if t in self._statements.symmetric]
        ways: list[tuple[str, str, str, Collection[str]]] = []
        if direction in ("out", "both") or symmetric:
            ways.append(("-", "->", "source_id", named if direction != "in" else symmetric))
        if direction in ("in", "both") or symmetric:
            ways.append(("<-", "-", "target_id", named if direction != "out" else symmetric))
        found: list[list[Any]] = []
        statements = [
            (_SINCE.format(left=left, right=right, types=self._statements.pattern(list(chosen))), chosen)
            for left, right, _, chosen in ways
        ] + [(_THEN.format(end=end), chosen) for _, _, end, chosen in ways]
        for statement, chosen in statements:
            parameters = {"ids": ids, "at": at, "types": list(chosen), "most": MAX_NEIGHBOURS + 1}
            found += self._connection.rows(statement, **parameters)
            if len(found) > MAX_NEIGHBOURS:
                raise LimitExceeded(
                    f"{len(ids)} CIs had more than {MAX_NEIGHBOURS} relationships at that time: ask for fewer of them"
                )
        return found

    def relationship(self, source: str, type_: str, target: str, at: int) -> RelationshipRecord | None:
        """One relationship."""
        match = self._statements.one_relationship(type_, "$source", "$target")
        parameters = {"source": source, "target": target, "type": type_, "at": at}
        near = self._statements.near_end(type_)
        versions = f"MATCH (r:RelVersion {{{near}_id: ${near}}}) WHERE {THEN_R} AND r.rel_type = $type"
        found = self._connection.rows(f"{match} AND r.from <= $at RETURN properties(r)", **parameters)
        found += self._connection.rows(
            f"{versions} AND r.source_id = $source AND r.target_id = $target RETURN properties(r)", **parameters
        )
        listed = [[source, type_, target, row[0]] for row in found[:1]]
        return next(iter(self.records(listed, at)), None)

    def records(
        self, found: Sequence[Sequence[Any]], at: int, seen: SeenSoFar | None = None
    ) -> list[RelationshipRecord]:
        """Records from `[source, type, target, properties]` rows."""
        ends = self._past.ends({end for row in found for end in (row[0], row[2])}, at)
        return self._past.relationships(found, ends, at, seen)

    def from_sources(self, ids: list[str], at: int) -> Iterable[list[Any]]:
        """`[source, type, target, properties]` rows of all relationships that started at these CIs, of any type."""
        since = "UNWIND $ids AS x MATCH (a:CI {id: x})-[r]->(b:CI) WHERE r.from <= $at"
        found = self._connection.rows(f"{since} RETURN a.id, type(r), b.id, properties(r)", ids=ids, at=at)
        then = f"UNWIND $ids AS x MATCH (r:RelVersion {{source_id: x}}) WHERE {THEN_R}"
        found += self._connection.rows(
            f"{then} RETURN r.source_id, r.rel_type, r.target_id, properties(r)", ids=ids, at=at
        )
        unique = {(row[0], row[1], row[2]): row for row in found}
        return unique.values()
