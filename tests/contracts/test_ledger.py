"""The chain in the store: what it proves, and what it keeps out."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from tests.contracts.build import AT, changed, commit, device
from tests.contracts.old_form import alter, rewrite_as_form_1


def told(store: BoltStore) -> None:
    """Three commits about one device with a contact."""
    born = device("d1", sys_contact="Ada", vendor="cisco")
    commit(store, born, at=AT)
    commit(store, changed(born, sys_contact="Bob"), at=AT + 1)
    commit(store, device("d2"), at=AT + 2)


def test_reasons_and_texts_are_beside_the_chain(any_store: BoltStore, model: Model) -> None:
    told(any_store)
    raw = any_store.connection.rows("MATCH (c:Commit) RETURN c.reason, c.reason_mark, c.form ORDER BY c.seq")

    commits = any_store.commits(0)

    assert [(c.reason, c.form, len(c.reason_salt)) for c in commits] == [("by hand", 2, 16)] * 3
    assert len({row[1] for row in raw}) == 3  # equal reasons do not look equal
    assert [t.value for t in commits[1].texts.values() if t.value == "Bob"] == ["Bob"]
    assert verify(any_store, model, deep=True).problems == ()


def test_a_store_of_an_earlier_version_verifies_and_goes_on(any_store: BoltStore, model: Model) -> None:
    told(any_store)
    rewrite_as_form_1(any_store)
    commit(any_store, device("d3", sys_contact="Eve"), at=AT + 9)

    found = verify(any_store, model, deep=True)

    assert (found.commits, found.problems) == (4, ())
    assert [c.form for c in any_store.commits(0)] == [1, 1, 1, 2]
    assert any_store.commits(0)[0].changes()[0].attributes["sys_contact"] == "Ada"  # type: ignore[union-attr]
    alter(any_store, "MATCH (c:Commit {seq: 2}) SET c.reason = 'other'")
    assert verify(any_store, model).first_bad == 2


ALTERED: list[tuple[str, Any, str]] = [
    ("at", 5, "its content does not give its hash"),
    ("at", "soon", "its at is no int"),
    ("actor", "mallory", "its content does not give its hash"),
    ("actor", None, "its actor is no str"),
    ("reason", "another one", "its reason is not the one that was given"),
    ("reason", None, "its reason is not the one that was given"),
    ("reason_mark", "00" * 20, "its content does not give its hash"),
    ("reason_salt", b"x" * 16, "its reason is not the one that was given"),
    ("reason_salt", b"", "its reason is not the one that was given"),
    ("prev_hash", "00" * 32, "its previous hash differs"),
    ("hash", "00" * 32, "its content does not give its hash"),
    ("payload", b"nonsense", "its change set can't be unpacked"),
    ("texts", b"nonsense", "the texts beside it can't be unpacked"),
    ("parts", 1, "it has 0 further parts, not 1"),
    ("size", 1, "bytes, not 1"),
    ("form", 1, "its content does not give its hash"),
    ("form", 3, "its form 3 is not known"),
    ("seq", 70, "sequence 2 is missing"),
]


@pytest.mark.parametrize(("name", "value", "message"), ALTERED)
def test_every_altered_property_of_a_commit_is_found(
    any_store: BoltStore, model: Model, name: str, value: Any, message: str
) -> None:
    told(any_store)
    alter(any_store, f"MATCH (c:Commit {{seq: 2}}) SET c.{name} = $value", value=value)

    found = verify(any_store, model)

    assert found.first_bad == 2
    assert len(found.problems) == 1
    assert message in found.problems[0]
    assert "2" in found.problems[0]


def test_every_flipped_byte_of_a_change_set_is_found(store: BoltStore, model: Model) -> None:
    told(store)
    payload = bytes(store.connection.rows("MATCH (c:Commit {seq: 2}) RETURN c.payload")[0][0])

    for place in range(0, len(payload), 7):
        flipped = payload[:place] + bytes([payload[place] ^ 1]) + payload[place + 1 :]
        alter(store, "MATCH (c:Commit {seq: 2}) SET c.payload = $value", value=flipped)
        assert verify(store, model).first_bad == 2, place

    alter(store, "MATCH (c:Commit {seq: 2}) SET c.payload = $value", value=payload)
    assert verify(store, model).intact


def test_the_head_must_be_the_end_of_the_chain(any_store: BoltStore, model: Model) -> None:
    told(any_store)
    for change in ("h.seq = 2", "h.hash = 'x'", "h.at = 1"):
        kept = any_store.connection.rows("MATCH (h:Ledger {id: 'head'}) RETURN h.seq, h.hash, h.at")[0]
        alter(any_store, f"MATCH (h:Ledger {{id: 'head'}}) SET {change}")
        assert "the head" in verify(any_store, model).problems[0]
        back = "MATCH (h:Ledger {id: 'head'}) SET h.seq = $seq, h.hash = $hash, h.at = $at"
        alter(any_store, back, seq=kept[0], hash=kept[1], at=kept[2])

    assert verify(any_store, model).intact
