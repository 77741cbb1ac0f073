"""Read CIs with everything that hangs on them, for decisions that move it all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cmdb.changes import Pending
from cmdb.store import cypher, rows
from cmdb.store.connection import Connection
from cmdb.store.protocol import KnownCI, StoredRecord
from cmdb.store.read import known_ci, stored_record

DECISION = "identity_decision"
_PARTS = (
    "UNWIND $ids AS x MATCH (c:CI {id: x})-[t]-(o:CI) WHERE t.facets IS NULL AND o.key STARTS WITH x + '|' RETURN o.id"
)
_APART = (
    f"UNWIND $ids AS x MATCH (c:CI {{id: x}})<-[:ABOUT]-(n:Record) WHERE n.kind = '{DECISION}'"
    " AND n.state = 'keeps_apart' RETURN x, n.about"
)
_ABOUT = (
    "UNWIND $ids AS x MATCH (c:CI {id: x})<-[:ABOUT]-(n:Record) WHERE $kinds = [] OR n.kind IN $kinds"
    f" {cypher.RECORD} ORDER BY n.id"
)


class Household:
    """Reads of CIs with their surroundings."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        end = "WHERE r.facets IS NOT NULL | [type(r), m.id, properties(r)]"
        self._known = (
            f"UNWIND $ids AS x MATCH (c:CI {{id: x}}) RETURN properties(c),"
            f" [(c)-[r]->(m:CI) {end}], [(c)<-[r]-(m:CI) {end}]"
        )

    def read(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs and all their dependents, a query for each level; see `GraphStore.household`."""
        found: dict[str, KnownCI] = {}
        level = list(dict.fromkeys(ids))
        while level:
            for part in rows.text_chunks(level):
                found |= {row[0]["id"]: known_ci(*row) for row in self._connection.rows(self._known, ids=part)}
            below = (r[0] for part in rows.text_chunks(level) for r in self._connection.rows(_PARTS, ids=part))
            level = sorted({ci for ci in below if ci not in found})
        return found

    def pending(self, ids: Iterable[str]) -> list[Pending]:
        """Links of these CIs that wait, always in the same order."""
        found = [row for part in rows.text_chunks(ids) for row in self._connection.rows(cypher.PENDING_OF, ids=part)]
        return sorted(map(rows.unpack_pending, found), key=rows.pending_id)

    def apart(self, ids: Iterable[str]) -> dict[str, frozenset[str]]:
        """CIs that a person keeps apart from these."""
        found: dict[str, frozenset[str]] = {}
        for part in rows.text_chunks(ids):
            for ci, about in self._connection.rows(_APART, ids=part):
                found[ci] = found.get(ci, frozenset()) | set(about) - {ci}
        return found

    def records(self, ids: Sequence[str], kinds: Sequence[str]) -> list[StoredRecord]:
        """Records about these CIs, each once."""
        found = self._connection.rows(_ABOUT, ids=list(ids), kinds=list(kinds))
        return list({row[0]: stored_record(row) for row in found}.values())
