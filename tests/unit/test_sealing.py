"""Private values outside the chain: what stands for them, and what is left once they are gone."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.changes import Change, Facet, NewCI, SetCI, canonical, decode_changes, link_hash
from cmdb.sealing import Text, seal, seal_reason, unseal

SECRET = b"0123456789abcdef"
WORDS = st.text(max_size=8)


def private(ci_class: str) -> frozenset[str]:
    return frozenset({"contact", "note"}) if ci_class == "Thing" else frozenset()


def new(ci: str = "a", ci_class: str = "Thing", **attributes: Any) -> NewCI:
    facets = {"x/1": Facet(1, "ab" * 8), "y/2": Facet(1, "cd" * 8, attributes=dict(attributes))}
    return NewCI(ci, ci_class, "", "", "in_service", {"name": ci, **attributes}, (), facets, 1)


def changed(**values: Any) -> SetCI:
    return SetCI("a", "Thing", "in_service", values, (), {"name": "a", **values}, {"x/1": Facet(2, "ef" * 8)})


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["contact", "note", "model"]), st.one_of(WORDS, st.lists(WORDS, max_size=2))))
def test_what_is_sealed_comes_back_as_it_was(values: dict[str, Any]) -> None:
    changes: list[Change] = [new(**values), changed(**values), new("b", "Other", **values)]

    sealed, texts = seal(changes, private, SECRET)

    assert unseal(decode_changes(canonical(sealed)), texts) == changes
    assert all(text.proves(mark) for mark, text in texts.items())


def test_nothing_private_is_in_what_enters_the_chain() -> None:
    sealed, texts = seal([new(contact="Ada", note="call first"), changed(contact="Bob")], private, SECRET)
    payload = canonical(sealed)

    assert not any(word in payload for word in (b"Ada", b"Bob", b"call first"))
    assert {t.value for t in texts.values()} >= {"Ada", "Bob", "call first"}
    # A content hash without salt could be found by trying names: it is sealed as well.
    assert not any(hash_ in payload for hash_ in (b"ab" * 8, b"cd" * 8, b"ef" * 8))


def test_a_thing_without_private_values_is_not_touched() -> None:
    other, bare = new("b", "Other", contact="Ada"), new("c", model="x")

    sealed, texts = seal([other, bare], private, SECRET)

    assert sealed[0] is other
    assert sealed[1] is bare
    assert texts == {}


def test_what_was_disposed_of_is_left_out() -> None:
    sealed, texts = seal([new(contact="Ada", model="m1")], private, SECRET)

    (opened,) = unseal(sealed, {})

    assert isinstance(opened, NewCI)
    assert opened.attributes == {"name": "a", "model": "m1"}
    assert opened.facets["y/2"].attributes == {"model": "m1"}
    assert [f.hash for f in opened.facets.values()] == ["", ""]
    assert len(texts) == 3  # the value once, and the hash of each facet


def test_equal_values_of_two_things_can_not_be_told_to_be_equal() -> None:
    _, texts = seal([new("a", contact="Ada"), new("b", contact="Ada")], private, SECRET)
    of_ada = {mark: text.salt for mark, text in texts.items() if text.value == "Ada"}

    assert len(of_ada) == 2
    assert len(set(of_ada.values())) == 2


def test_a_disclosed_text_can_be_proven_with_nothing_but_a_hash_function() -> None:
    sealed, texts = seal([new(contact="Zoë")], private, SECRET)
    (mark,) = (m for m, t in texts.items() if t.value == "Zoë")
    disclosed = json.dumps("Zoë", ensure_ascii=False)

    assert isinstance(sealed[0], NewCI)
    assert sealed[0].attributes["contact"] == {"sealed": mark}
    assert hashlib.blake2b(disclosed.encode(), digest_size=20, key=texts[mark].salt).hexdigest() == mark
    assert Text("Zoe", texts[mark].salt).proves(mark) is False
    assert Text("Zoë").proves(mark) is None


def test_the_reason_of_a_commit_is_sealed_too() -> None:
    mark, salt = seal_reason("Ada asked for it", SECRET)

    assert Text("Ada asked for it", salt).proves(mark)
    assert seal_reason("Ada asked for it", b"another secret")[0] != mark
    assert seal_reason("", SECRET) == ("", b"")


def test_a_hash_of_form_2_is_computed_without_msgpack() -> None:
    parts = [
        b"p" * 64,
        b"7",
        b"1700000000000",
        "Zoë".encode(),
        b"mark",
        hashlib.sha256(b"changes").hexdigest().encode(),
    ]
    joined = b"".join(len(part).to_bytes(4, "big") + part for part in parts)

    expected = hashlib.sha256(b"cmdb commit 2" + joined).hexdigest()

    assert link_hash("p" * 64, 7, 1_700_000_000_000, "Zoë", "mark", b"changes") == expected
    # Lengths stand before the parts: no text can pass for two.
    assert link_hash("", 1, 2, "ab", "c", b"") != link_hash("", 1, 2, "a", "bc", b"")
