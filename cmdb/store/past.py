"""Read CIs as they were at a time, from the current graph and the versions that it has superseded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from cmdb.store import cypher, rows
from cmdb.store.connection import Connection
from cmdb.store.cypher import SINCE, THEN, Statements
from cmdb.store.protocol import CIRecord, CIRef, RelationshipRecord
from cmdb.store.read import MAX_CANDIDATES, Reader, SeenSoFar

State = Mapping[str, Any]  # the properties of a CI at a time

_FORMER = "UNWIND $keys AS x MATCH (f:FormerIdentifier {key: x}) RETURN f.key, f.ci"
_ABSORBED = (
    "MATCH (a:Absorbed {id: $id}) WHERE a.at <= $at RETURN a.into"
    " UNION MATCH (a:FormerAbsorbed {id: $id}) WHERE a.at <= $at AND a.to > $at RETURN a.into"
)
_NAMED = "MATCH (c:CI) WHERE c.by_name STARTS WITH $name AND c.named <= $at RETURN c.id"
_NAMED_THEN = "MATCH (c:CIVersion) WHERE c.past_name STARTS WITH $name AND c.named <= $at AND c.to > $at RETURN c.id"
_ALL = f"MATCH (c:CI) WHERE {SINCE} RETURN c.id"
_ALL_THEN = f"MATCH (c:CIVersion) WHERE {THEN} RETURN c.id"


class Past:
    """The states of CIs at a recorded time (epoch ms), read in one transaction, whatever the number of CIs."""

    def __init__(self, connection: Connection, statements: Statements, reader: Reader) -> None:
        self._connection, self._statements, self._reader = connection, statements, reader

    def states(self, ids: Iterable[str], at: int, condition: str = "", **parameters: Any) -> dict[str, State]:
        """Properties by id of the CIs that were there; with a condition on `c` only of those that met it."""
        tail = f"{f' AND ({condition})' if condition else ''} RETURN properties(c)"
        return {state["id"]: state for (state,) in self._rows(ids, at, tail, parameters)}

    def names(self, ids: Iterable[str], at: int) -> dict[str, str]:
        """Names as they are ordered, by id, of the CIs that were there."""
        return dict(self._rows(ids, at, " RETURN c.id, c.name_lc", {}))

    def ends(self, ids: Iterable[str], at: int) -> dict[str, State]:
        """What the relationships of these CIs have to know of them."""
        found = self._rows(ids, at, " RETURN c.id, c.gone, c.facets, c.first_seen", {})
        return {ci: {"gone": gone, "facets": facets, "first_seen": first} for ci, gone, facets, first in found}

    def rows_of(self, statements: Sequence[str], **parameters: Any) -> list[list[Any]]:
        """The rows of some statements."""
        return self._connection.rows_of(statements, **parameters)

    def all_ids(self, at: int) -> list[str]:
        """The ids of all CIs that were there, in order."""
        return sorted({row[0] for row in self._connection.rows_of((_ALL, _ALL_THEN), at=at)})

    def _rows(self, ids: Iterable[str], at: int, tail: str, parameters: Mapping[str, Any]) -> list[list[Any]]:
        found: list[list[Any]] = []
        for part in rows.text_chunks(dict.fromkeys(ids)):
            both = [cypher.BY_ID_SINCE + tail, cypher.BY_ID_THEN + tail]
            found += self._connection.rows_of(both, ids=part, at=at, **parameters)
        return found

    # ---- records

    def cis(self, ids: Sequence[str], at: int) -> list[CIRecord]:
        """CIs by id, in the order asked."""
        states = self.states(ids, at)
        return self.records([states[ci] for ci in ids if ci in states], at)

    def records(self, states: Iterable[State], at: int, seen: SeenSoFar | None = None) -> list[CIRecord]:
        """Records of these states; nothing in them was seen later than `at`."""
        found = self._reader.records(states, seen)
        return [msgspec.structs.replace(record, seen=_until(at, record.seen)) for record in found]

    def relationships(
        self, found: Iterable[Sequence[Any]], ends: Mapping[str, State], at: int, seen: SeenSoFar | None = None
    ) -> list[RelationshipRecord]:
        """Records from `[source, type, target, properties]` rows and what is known of their ends."""
        full = [[*row[:4], *self._beside(row, ends)] for row in found]
        records = self._reader.relationships(full, seen)
        return [msgspec.structs.replace(record, seen=_until(at, record.seen)) for record in records]

    def _beside(self, row: Sequence[Any], ends: Mapping[str, State]) -> tuple[Any, Any, Any]:
        """What `Reader.ends` gives: gone facets of both ends and, for a tie to a parent, its dependent end."""
        source, target = ends.get(row[0], {}), ends.get(row[2], {})
        child = None
        if row[3].get("facets") is None:
            upward = row[1] in self._statements.to_parent
            end = source if upward else target
            child = [row[0] if upward else row[2], end.get("facets"), end.get("first_seen", row[3]["from"])]
        return source.get("gone"), target.get("gone"), child

    # ---- look-ups

    def holders(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """Identifier keys -> CIs that have or had them, at whatever time."""
        wanted = list(keys)
        found = {key: [ci for ci, _ in cis] for key, cis in self._reader.by_key(wanted).items()}
        for part in rows.text_chunks(wanted):
            for key, ci in self._connection.rows(_FORMER, keys=part):
                found.setdefault(key, []).append(ci)
        return found

    def by_key(self, keys: Iterable[str], at: int) -> dict[str, tuple[tuple[str, bool], ...]]:
        """Identifier keys -> (CI id, strong), for those that named something, strong ones first."""
        wanted = list(dict.fromkeys(keys))
        states = self.states({ci for cis in self.holders(wanted).values() for ci in cis}, at)
        found: dict[str, list[tuple[str, bool]]] = {}
        for ci, state in states.items():
            for named in rows.unpack_keys(state.get("keys")):
                found.setdefault(named.key, []).append((ci, named.strong))
        return {key: tuple(sorted(found[key], key=lambda c: (not c[1], c[0]))) for key in wanted if key in found}

    def resolve(self, key: str, at: int) -> list[CIRef]:
        """CIs named by an id, else by an identifier, else by a name, as they were; see `GraphStore.resolve`."""
        if (by_id := self.states([key], at)) or (by_id := self._absorber(key, at)):
            return self._refs(by_id)
        named = [ci for ci, _ in self.by_key([key], at).get(key, ())]
        if named and (found := self._refs(self.states(named, at))):
            return found
        name = rows.lower_name(key) + rows.SEPARATOR
        ids = [row[0] for row in self._connection.rows_of((_NAMED, _NAMED_THEN), name=name, at=at)]
        return self._refs(self.states(ids, at))

    def _absorber(self, ci: str, at: int) -> dict[str, State]:
        """The CI that stood for an absorbed one, however many steps away."""
        followed = {ci}
        while found := self._connection.rows(_ABSORBED, id=ci, at=at):
            ci = found[0][0]
            if ci in followed:
                return {}
            followed.add(ci)
        return self.states([ci], at) if len(followed) > 1 else {}

    def _refs(self, states: Mapping[str, State]) -> list[CIRef]:
        shown = [s for s in states.values() if s["class"] not in self._statements.internal_classes]
        refs = [CIRef(s["id"], s["class"], s["name"]) for s in shown]
        return sorted(refs, key=lambda ref: (ref.name, ref.id))[:MAX_CANDIDATES]


def _until(at: int, seen: Mapping[str, int]) -> dict[str, int]:
    return {origin: min(time, at) for origin, time in seen.items()}
