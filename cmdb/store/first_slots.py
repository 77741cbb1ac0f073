"""Keep the first place of every file of the embedded engine taken.

The engine writes a record that outgrows its page in chunks, each with the place of the next one, and zero means that
there is none. Zero is also the place of the first record of a file. ArcadeDB 26.10.2 knows that, and yet gives that
place to a chunk in two cases (`LocalBucket.findAvailableSpace`: the page of the chunk before, and the last page): once
the first record was deleted, a record may lose all that follows such a chunk. A record there that nobody deletes makes
this impossible. It has no properties, so that no index and no condition finds it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from neo4j import Transaction

from cmdb.store.connection import Connection

# Labels of nodes that get deleted, and grow or are large. Nodes that nobody deletes keep the place themselves.
LABELS = ("CI", "CommitPart", "Identifier", "Manifest", "Pending", "Quarantined", "Run", "Target")
OWN_TYPES = ("ABOUT", "IDENTIFIES")  # relationship types beside those of the model

_TAKEN = "MATCH (l:Ledger {id: 'first slots'}) RETURN l.taken"
_NOTE = "MERGE (l:Ledger {id: 'first slots'}) SET l.taken = $taken"

log = logging.getLogger(__name__)


def take_first_slots(connection: Connection, types: Iterable[str]) -> None:
    """Put a record into the first place of the file of each label and of each of these relationship types, once.

    Where a store made by an earlier version has something else there, a line in the log says so.
    """
    found = connection.rows(_TAKEN)
    taken = set(found[0][0]) if found else set[str]()
    nodes = [label for label in LABELS if label not in taken]
    edges = [type_ for type_ in sorted({*types, *OWN_TYPES}) if type_ not in taken]
    if not nodes and not edges:
        return

    def work(tx: Transaction) -> list[str]:
        made = {label: tx.run(f"CREATE (n:`{label}`) RETURN elementId(n)").values() for label in nodes}
        for type_ in edges:
            made[type_] = tx.run(f"CREATE (:FirstSlot)-[r:`{type_}`]->(:FirstSlot) RETURN elementId(r)").values()
        tx.run(_NOTE, taken=sorted(taken | made.keys())).consume()
        return [name for name, ((place,),) in made.items() if not str(place).endswith(":0")]

    if late := connection.write(work, lambda: None):
        log.warning(
            "the store was made by an earlier version, so records of %s may lose values when they grow: write it"
            " with `cmdb export --full` and read that into an empty folder with `cmdb import`",
            ", ".join(late),
        )
