"""Finding the record that a question names."""

from __future__ import annotations

from cmdb.service.lifecycle import record_named
from cmdb.store.protocol import StoredRecord
from cmdb_graphql.context import Reading
from cmdb_graphql.errors import BadInput


def asked_record(reading: Reading, key: str, kind: str, argument: str) -> StoredRecord:
    """The record of a kind with this id or number. Raises BadInput that names the argument."""
    found = record_named(reading.store, key, (kind,))
    if found is None:
        raise BadInput(argument, f"{argument}: there is no {kind} with the id or number {key[:80]!r}")
    return found
