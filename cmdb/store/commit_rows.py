"""Commits as the store keeps them, turned back into links of the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from cmdb.changes import FORM
from cmdb.sealing import Text
from cmdb.store import cypher, rows
from cmdb.store.connection import Connection
from cmdb.store.protocol import Commit, Damaged

_TYPES = {"at": int, "actor": str, "prev_hash": str, "hash": str, "parts": int, "size": int}
_UNREADABLE = (rows.ZstdError, msgspec.DecodeError, TypeError, ValueError, AttributeError)
_sealed_texts = msgspec.msgpack.Decoder(dict[str, Text])


def read_commits(connection: Connection, found: Sequence[Sequence[Any]]) -> list[Commit]:
    """Commits from rows of `COMMITS`, their further parts read in one query. Raises Damaged."""
    split = [row[0] for row in found if row[8]]
    parts: dict[int, list[tuple[str, bytes]]] = {}
    for sequence, kind, data in connection.rows(cypher.COMMIT_PARTS, seqs=split) if split else ():
        parts.setdefault(sequence, []).append((kind, data))
    return [read_commit(row, parts.get(row[0], [])) for row in found]


def read_commit(row: Sequence[Any], parts: Sequence[tuple[str, bytes]]) -> Commit:
    """A commit from a row of `COMMITS`, and its parts in order. Raises Damaged where the store no longer gives what
    was written.
    """
    sequence, at, actor, reason, previous, hash_, payload, texts, count, size, form, mark, salt = row
    for (name, type_), value in zip(_TYPES.items(), (at, actor, previous, hash_, count, size), strict=True):
        if type(value) is not type_:
            raise Damaged(sequence, f"its {name} is no {type_.__name__}")
    if form not in (None, 1, FORM):
        raise Damaged(sequence, f"its form {form!r} is not known to this program")
    if len(parts) != count:
        raise Damaged(sequence, f"it has {len(parts)} further parts, not {count}")
    try:
        content = rows.decompress(bytes(payload) + _joined(parts, "payload"))
    except _UNREADABLE as error:
        raise Damaged(sequence, "its change set can't be unpacked") from error
    if len(content) != size:
        raise Damaged(sequence, f"its change set has {len(content)} bytes, not {size}")
    try:
        values = _texts(bytes(texts or b"") + _joined(parts, "texts"), form or 1)
        sealed_reason = reason or "", mark or "", bytes(salt or b"")
    except _UNREADABLE as error:
        raise Damaged(sequence, "the texts beside it can't be unpacked") from error
    head = sequence, at, actor, sealed_reason[0], previous, hash_
    return Commit(*head, content, values, form or 1, *sealed_reason[1:])


def _joined(parts: Sequence[tuple[str, bytes]], kind: str) -> bytes:
    return b"".join(bytes(data) for of, data in parts if of == kind)


def _texts(packed: bytes, form: int) -> dict[str, Text]:
    """Private values by mark; a commit of form 1 kept them without a salt."""
    if not packed:
        return {}
    data = rows.decompress(packed)
    if form == 1:
        return {mark: Text(value) for mark, value in msgspec.msgpack.decode(data).items()}
    return _sealed_texts.decode(data)
