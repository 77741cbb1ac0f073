"""Commits as earlier versions of the program wrote them."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from cmdb.changes import NewCI, PutRecord, canonical, link_hash
from cmdb.store.bolt import BoltStore
from cmdb.store.rows import compress

SALT = b"thrown away then"


def rewrite_as_form_1(store: BoltStore, reason: str = "by hand") -> None:
    """Turn all commits into those of form 1: the reason in the hash, one salt for all texts, and that not kept."""
    previous = ""
    for commit in store.commits(0):
        texts: dict[str, Any] = {}
        changes = [_sealed(change, texts) for change in commit.changes()]
        payload = canonical(changes)
        hash_ = link_hash(previous, commit.sequence, commit.at, commit.actor, reason, payload, form=1)
        values = {
            "previous": previous,
            "hash": hash_,
            "payload": compress(payload),
            "size": len(payload),
            "texts": compress(canonical(texts)) if texts else b"",
            "reason": reason,
        }
        statement = (
            "MATCH (c:Commit {seq: $seq}) SET c.prev_hash = $previous, c.hash = $hash, c.payload = $payload,"
            " c.size = $size, c.texts = $texts, c.reason = $reason"
            " REMOVE c.form REMOVE c.reason_mark REMOVE c.reason_salt"
        )
        alter(store, statement, seq=commit.sequence, **values)
        previous = hash_
    alter(store, "MATCH (h:Ledger {id: 'head'}) SET h.hash = $hash", hash=previous)


def _sealed(change: Any, texts: dict[str, Any]) -> Any:
    if isinstance(change, PutRecord):
        marks = {n: hashlib.blake2b(t.encode(), digest_size=16, key=SALT).hexdigest() for n, t in change.texts.items()}
        texts.update((marks[name], text) for name, text in change.texts.items())
        return msgspec.structs.replace(change, texts=marks)
    if not isinstance(change, NewCI) or "sys_contact" not in change.attributes:
        return change
    value = change.attributes["sys_contact"]
    mark = hashlib.blake2b(canonical(["sys_contact", value]), digest_size=16, key=SALT).hexdigest()
    texts[mark] = value
    return msgspec.structs.replace(change, attributes={**change.attributes, "sys_contact": {"sealed": mark}})


def alter(store: BoltStore, statement: str, **parameters: Any) -> None:
    """Change the store behind the program's back."""
    store.connection.write(lambda tx: tx.run(statement, parameters).consume(), lambda: None)
