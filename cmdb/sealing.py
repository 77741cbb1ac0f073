"""What enters the chain instead of free text and personal values, so that these can be disposed of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from cmdb.changes import Change, Facet, NewCI, PutRecord, SetCI, canonical
from cmdb.observation import Value

SEALED = "sealed"  # values are never mappings, so a mapping with this key is a mark
HASH_MARK = "*"  # before the mark of a facet's content hash, which is else 16 hexadecimal digits
MARK_BYTES, SALT_BYTES = 20, 16

Private = Callable[[str], frozenset[str]]  # class -> names of attributes whose values stay out of the chain
_json = msgspec.json.Encoder(order="deterministic")


class Text(msgspec.Struct, frozen=True, array_like=True):
    """A value that stays out of the chain. With the salt it can be shown to be the one whose mark is in the chain;
    once both are gone, nobody can find it by trying. Commits of form 1 kept no salt.
    """

    value: Any
    salt: bytes = b""

    def proves(self, mark: str) -> bool | None:
        """Whether this is the value that a mark stands for; None where that can't be told any more."""
        return mark_of(as_text(self.value), self.salt) == mark if self.salt else None


def as_text(value: Any) -> str:
    """A value as the text that is marked: JSON without spaces."""
    return _json.encode(value).decode()


def mark_of(text: str, salt: bytes) -> str:
    """What stands for a text in the chain: BLAKE2b keyed with the salt, 160 bits, in hexadecimal."""
    return hashlib.blake2b(text.encode(), digest_size=MARK_BYTES, key=salt).hexdigest()


class Sealer:
    """Takes values out of the changes of one commit. `secret` is random and thrown away with the sealer.

    Salts derive from the secret, the owner and the value: what is said twice of one attribute is kept once, and two
    values never share a salt, so that disposing of one leaves nothing to guess it by.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.texts: dict[str, Text] = {}

    def mark(self, owner: str, name: str, value: Any) -> str:
        """Keep a value beside the chain and return what stands for it."""
        seed = canonical([owner, name, value])
        salt = hashlib.blake2b(seed, digest_size=SALT_BYTES, key=self._secret).digest()
        mark = mark_of(as_text(value), salt)
        self.texts[mark] = Text(value, salt)
        return mark

    def change(self, change: Change, private: Private) -> Change:
        """A change as it enters the chain; the same object where it holds nothing private."""
        if isinstance(change, PutRecord) and change.texts:
            marks = {name: self.mark(change.id, name, text) for name, text in change.texts.items()}
            return msgspec.structs.replace(change, texts=marks)
        if not isinstance(change, NewCI | SetCI) or not (names := private(change.ci_class)):
            return change
        new: dict[str, Any] = {}
        if not names.isdisjoint(change.attributes):
            new["attributes"] = self._attributes(change.id, names, change.attributes)
        if isinstance(change, SetCI) and not names.isdisjoint(change.set):
            new["set"] = self._attributes(change.id, names, change.set)
        facets = {o: self._facet(change, names, o, f) for o, f in change.facets.items()}
        if any(facets[o] is not f for o, f in change.facets.items()):
            new["facets"] = facets
        return msgspec.structs.replace(change, **new) if new else change

    def _attributes(self, owner: str, names: frozenset[str], attributes: Mapping[str, Value]) -> dict[str, Value]:
        out = dict(attributes)
        for name in names & attributes.keys():
            out[name] = {SEALED: self.mark(owner, name, attributes[name])}
        return out

    def _facet(self, change: NewCI | SetCI, names: frozenset[str], origin: str, facet: Facet) -> Facet:
        """A facet without its private values. Its content hash covers them, so it is no less private."""
        said = change.attributes if facet.attributes is None else facet.attributes
        if names.isdisjoint(said):
            return facet
        new: dict[str, Any] = {"hash": HASH_MARK + self.mark(change.id, f"hash of {origin}", facet.hash)}
        if facet.attributes is not None:
            new["attributes"] = self._attributes(change.id, names, facet.attributes)
        return msgspec.structs.replace(facet, **new)


def seal(changes: Iterable[Change], private: Private, secret: bytes) -> tuple[list[Change], dict[str, Text]]:
    """Replace private values by marks, so that they can be disposed of while the chain still verifies.

    Returns the changes as they enter the chain, and the values by mark, which are stored beside it.
    """
    sealer = Sealer(secret)
    return [sealer.change(change, private) for change in changes], sealer.texts


def seal_reason(reason: str, secret: bytes) -> tuple[str, bytes]:
    """Mark and salt of a reason; nothing where none was given."""
    if not reason:
        return "", b""
    sealer = Sealer(secret)
    mark = sealer.mark("", "reason", reason)
    return mark, sealer.texts[mark].salt


def unseal(changes: Iterable[Change], texts: Mapping[str, Text]) -> list[Change]:
    """Put private values back; one that was disposed of is left out."""
    return [_open(change, texts) for change in changes]


def whole(changes: Iterable[Change], private: Private) -> list[Change]:
    """The same changes, to be applied anew after some private values were disposed of: what differs from the version
    before is no longer what it was, so each says all private values that hold after it, and takes the others away.
    """
    out: list[Change] = []
    for change in changes:
        if isinstance(change, SetCI) and (names := private(change.ci_class)):
            held = {name: change.attributes[name] for name in names & change.attributes.keys()}
            unset = {*change.unset, *(names - held.keys())}
            change = msgspec.structs.replace(change, set={**change.set, **held}, unset=tuple(sorted(unset)))
        out.append(change)
    return out


def with_hashes(changes: Iterable[Change], marks: frozenset[str]) -> frozenset[str]:
    """These marks, and those of the content hashes that would give their values away."""
    found = set(marks)
    for change in changes:
        if isinstance(change, NewCI | SetCI):
            for facet in change.facets.values():
                said = change.attributes if facet.attributes is None else facet.attributes
                held = {value[SEALED] for value in said.values() if type(value) is dict}
                if facet.hash.startswith(HASH_MARK) and not held.isdisjoint(marks):
                    found.add(facet.hash[len(HASH_MARK) :])
    return frozenset(found)


def places(change: Change) -> Iterable[tuple[str, str]]:
    """The marks in a sealed change, each with the attribute that it stands in. The hash of a facet has none: it goes
    with the first attribute of that facet.
    """
    if isinstance(change, PutRecord):
        yield from ((mark, name) for name, mark in change.texts.items())
    if not isinstance(change, NewCI | SetCI):
        return
    parts = [change.attributes, *((change.set,) if isinstance(change, SetCI) else ())]
    parts += [f.attributes for f in change.facets.values() if f.attributes]
    for attributes in parts:
        for name, value in attributes.items():
            if type(value) is dict:
                yield value[SEALED], name
    for facet in change.facets.values():
        if facet.hash.startswith(HASH_MARK):
            yield facet.hash[len(HASH_MARK) :], ""


def _open(change: Change, texts: Mapping[str, Text]) -> Change:
    if isinstance(change, PutRecord) and change.texts:
        kept = {name: texts[mark].value for name, mark in change.texts.items() if mark in texts}
        return msgspec.structs.replace(change, texts=kept)
    if not isinstance(change, NewCI | SetCI):
        return change
    new: dict[str, Any] = {}
    for field in ("attributes", "set") if isinstance(change, SetCI) else ("attributes",):
        before = getattr(change, field)
        if (after := _opened(before, texts)) is not before:
            new[field] = after
    facets = {o: _open_facet(f, texts) for o, f in change.facets.items()}
    if any(facets[o] is not f for o, f in change.facets.items()):
        new["facets"] = facets
    return msgspec.structs.replace(change, **new) if new else change


def _opened(attributes: dict[str, Value], texts: Mapping[str, Text]) -> dict[str, Value]:
    if not any(type(v) is dict for v in attributes.values()):
        return attributes
    out: dict[str, Value] = {}
    for name, value in attributes.items():
        if type(value) is not dict:
            out[name] = value
        elif (text := texts.get(value[SEALED])) is not None:
            out[name] = text.value
    return out


def _open_facet(facet: Facet, texts: Mapping[str, Text]) -> Facet:
    attributes = _opened(facet.attributes, texts) if facet.attributes else facet.attributes
    hash_ = facet.hash
    if hash_.startswith(HASH_MARK):
        text = texts.get(hash_[len(HASH_MARK) :])
        hash_ = text.value if text is not None else ""
    if attributes is facet.attributes and hash_ is facet.hash:
        return facet
    return msgspec.structs.replace(facet, attributes=attributes, hash=hash_)
