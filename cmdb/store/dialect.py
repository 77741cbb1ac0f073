"""What differs between the engines, in one place each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """An engine. `name` is also the word by which a migration may be for it alone (`V0002__x.<name>.cypher`)."""

    name: str
    after_schema: tuple[str, ...] = ()  # statements to run when the schema has changed
    orders_by_index: bool = True  # whether ORDER BY … LIMIT over a range of an index stops at the limit
    reuses_first_slot: bool = False  # see `first_slots.py`


NEO4J = Dialect("neo4j", ("CALL db.awaitIndexes(60)",))  # indexes fill in the background there
EMBEDDED = Dialect("embedded", orders_by_index=False, reuses_first_slot=True)  # it sorts all of the range


def dialect_of(agent: str) -> Dialect:
    """The dialect of a server by the name it gives itself, such as `Neo4j/5.26.0 compatible (ArcadeDB 26.10.2)`."""
    return EMBEDDED if "ArcadeDB" in agent else NEO4J
