"""Tells which CIs have changed in what is under control."""

from __future__ import annotations

from collections.abc import Sequence

from cmdb.store import rows
from cmdb.store.connection import Connection
from cmdb.store.cypher import Statements


class Alterations:
    """Compares CIs with their earlier versions."""

    def __init__(self, connection: Connection, statements: Statements) -> None:
        controlled = {
            name
            for ci_class in statements.model.classes.values()
            for name, attribute in ci_class.attributes.items()
            if "controlled" in attribute.flags and not ci_class.internal
        }
        # A value that was not known before is no change of it: `<>` of null is null.
        differs = " OR ".join(
            f"v.{statements.quote(name)} <> c.{statements.quote(name)}" for name in sorted(controlled)
        )
        self._connection = connection
        self._statement = (
            "UNWIND $ids AS x MATCH (v:CIVersion {id: x}) MATCH (c:CI {id: x})"
            f" WHERE v.class <> c.class OR {differs} RETURN DISTINCT c.id"
        )

    def of(self, ids: Sequence[str]) -> set[str]:
        """Those of these CIs that have changed; see `GraphStore.altered`."""
        found = (row for part in rows.text_chunks(ids) for row in self._connection.rows(self._statement, ids=part))
        return {row[0] for row in found}
