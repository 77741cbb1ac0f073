"""Take the content of texts out of the store, wherever it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cmdb.changes import Disposal, NewCI, SetCI
from cmdb.sealing import SEALED, unseal, with_hashes
from cmdb.store import cypher
from cmdb.store.commit_rows import read_commit
from cmdb.store.connection import Connection
from cmdb.store.prepare import Rows, Step, pack_texts, parts_of
from cmdb.store.protocol import Commit
from cmdb.store.rows import MAX_PART_BYTES, chunks, pack_facets


def disposal_steps(connection: Connection, disposals: Iterable[Disposal]) -> list[Step]:
    """Statements that write commits and versions anew without some texts. Commits never change otherwise, so what is
    read here still holds when the lock has been taken and nobody committed in between.
    """
    commits: Rows = []
    parts: Rows = []
    nodes: Rows = []
    latest = 0
    for disposal in disposals:
        commit, payload_parts = _read(connection, disposal.sequence)
        sealed = commit.sealed()
        marks = with_hashes(sealed, disposal.marks)
        texts = {mark: text for mark, text in commit.texts.items() if mark not in marks}
        packed = pack_texts(texts, commit.form)
        further = parts_of(packed) if len(packed) > MAX_PART_BYTES else []
        parts += [[commit.sequence, n, data] for n, data in enumerate(further)]
        reason, salt = ("", b"") if disposal.reason else (commit.reason, commit.reason_salt)
        count = payload_parts + len(further)
        commits.append([commit.sequence, b"" if further else packed, count, reason, salt])
        latest = max(latest, commit.at if disposal.reason else 0)
        for before, after in zip(sealed, unseal(sealed, texts), strict=True):
            if isinstance(before, NewCI | SetCI) and isinstance(after, NewCI | SetCI) and before.id in disposal.spans:
                nodes.append([before.id, disposal.spans[before.id], _left(before, after)])
    steps = [
        Step(cypher.DISPOSE_PARTS, [row[:1] for row in commits], counted=False),
        Step(cypher.DISPOSE_TEXTS, commits),
        Step(cypher.ADD_PARTS, parts, counted=False),
        Step(cypher.DISPOSE_VERSIONS, nodes, counted=False),
        Step(cypher.DISPOSE_CIS, nodes, counted=False),
        Step(cypher.DISPOSE_RUN_REASONS, [[latest]] if latest else [], counted=False),
    ]
    return [Step(s.statement, part, s.counted) for s in steps for part in chunks(s.rows)]


def _read(connection: Connection, sequence: int) -> tuple[Commit, int]:
    """A commit, and in how many further parts its change set is kept."""
    row = connection.rows(cypher.COMMITS, after=sequence - 1, limit=1)[0]
    parts = [(kind, data) for _, kind, data in connection.rows(cypher.COMMIT_PARTS, seqs=[sequence])]
    return read_commit(row, parts), sum(kind == "payload" for kind, _ in parts)


def _left(before: NewCI | SetCI, after: NewCI | SetCI) -> dict[str, Any]:
    """The properties of a version that differ once texts are gone; null takes one away."""
    gone = {n for n, value in before.attributes.items() if type(value) is dict and SEALED in value}
    facets, _ = pack_facets(after.facets)
    return {**dict.fromkeys(gone - after.attributes.keys()), "facets": facets}
