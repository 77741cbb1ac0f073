"""The few kinds of change a write is made of, and the hash that chains them: the second narrow waist."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from cmdb.observation import Identifier, Role, Value

STATUSES = ("planned", "in_stock", "in_service", "missing", "retired")


class Facet(msgspec.Struct, array_like=True, omit_defaults=True):
    """The latest observation of one origin about one CI, kept as it was said.

    `attributes` is None in the store where this is the only facet: the CI's own attributes are it.
    `gone` is the time of the complete visit that no longer said it, and `seen` (only set then) when it was said last;
    otherwise the target knows when that was. Times are epoch milliseconds UTC.
    """

    since: int
    hash: str
    role: Role = "self"
    ci_class: str = ""
    attributes: dict[str, Value] | None = None
    identifiers: tuple[Identifier, ...] = ()
    gone: int | None = None
    seen: int | None = None


class LinkFacet(msgspec.Struct, array_like=True, omit_defaults=True):
    """What one origin says about one relationship."""

    since: int
    method: str = ""
    attributes: dict[str, Value] = {}


class Pending(msgspec.Struct, array_like=True, frozen=True):
    """A link of CI `ci` whose far end nobody has seen yet, or whose key several CIs share.

    The far end is the CI that the identifier `key` names or, where `path` is not empty, the dependent CI
    `<key>|<path>` below it. The store looks waiting links up by `key` alone.
    """

    key: str
    path: str
    ci: str
    type: str
    origin: str
    facet: LinkFacet


class NewCI(msgspec.Struct, array_like=True, tag_field="op", tag="ci+"):
    """A CI appears. A dependent one has a `parent` (id) and a `local_key`; the tie to the parent comes with it.

    `attributes` includes `name`; `facets` maps origins to what they said.
    """

    id: str
    ci_class: str
    parent: str
    local_key: str
    status: str
    attributes: dict[str, Value]
    identifiers: tuple[Identifier, ...]
    facets: dict[str, Facet]
    first_seen: int


class SetCI(msgspec.Struct, array_like=True, tag_field="op", tag="ci="):
    """A CI changes: `set` and `unset` are what differs, `attributes` and `facets` the whole of what holds after it.

    `ci_class` is the class after the change. `identify` and `forget` are identifiers gained and lost.
    """

    id: str
    ci_class: str
    status: str
    set: dict[str, Value]
    unset: tuple[str, ...]
    attributes: dict[str, Value]
    facets: dict[str, Facet]
    identify: tuple[Identifier, ...] = ()
    forget: tuple[str, ...] = ()


class NewRelationship(msgspec.Struct, array_like=True, tag_field="op", tag="rel+"):
    """A relationship appears; for symmetric types `source` is the smaller id."""

    source: str
    type: str
    target: str
    attributes: dict[str, Value]
    facets: dict[str, LinkFacet]


class SetRelationship(msgspec.Struct, array_like=True, tag_field="op", tag="rel="):
    """A relationship changes: what holds after it."""

    source: str
    type: str
    target: str
    attributes: dict[str, Value]
    facets: dict[str, LinkFacet]


class EndRelationship(msgspec.Struct, array_like=True, tag_field="op", tag="rel-"):
    """A relationship ends."""

    source: str
    type: str
    target: str


class Evidence(msgspec.Struct, array_like=True, frozen=True):
    """One key that speaks for or against CIs being one thing.

    `weight` is supports, contradicts or silent (a placeholder, an address of a group); `strong` says that it would
    decide alone. `source` is who says so, `cis` are the CIs that have it.
    """

    key: str
    weight: str
    strong: bool
    source: str
    cis: tuple[str, ...] = ()


class PutTask(msgspec.Struct, array_like=True, tag_field="op", tag="task"):
    """An identity task for a person appears or changes. Its id derives from its CIs, so that asking twice makes one
    task.

    `kind` is ambiguous, conflict, duplicate or reclassify, `state` open, decided or obsolete (later observations
    settled it); `cis` are the CIs concerned, `origin` and `observed` the report and the path in it that first asked.
    `proposal` is what the rules would do if they were surer: merge, split, keep_apart or none. `created_at` in epoch
    ms.
    """

    id: str
    kind: str
    state: str
    origin: str
    observed: str
    keys: tuple[str, ...]
    cis: tuple[str, ...]
    text: str
    proposal: str = "none"
    evidence: tuple[Evidence, ...] = ()
    created_at: int = 0


Change = NewCI | SetCI | NewRelationship | SetRelationship | EndRelationship | PutTask


class ManifestEntry(msgspec.Struct, array_like=True):
    """What an origin said of one CI last: content hash, CI id, and the time of that visit (0: its latest visit)."""

    hash: bytes
    ci: str
    at: int = 0


class SetTarget(msgspec.Struct):
    """What an origin said last, so that an unchanged device costs one write. Working state, not in the chain.

    `was` is `last_seen` as it was read; the store checks it under the lock.
    """

    origin: str
    hash: bytes
    last_seen: int
    complete_at: int
    tables: tuple[str, ...]
    manifest: dict[str, ManifestEntry]
    was: int


class ChangeSet(msgspec.Struct):
    """What one commit writes. `changes` go into the chain; the rest is working state beside it."""

    at: int
    changes: list[Change] = []
    targets: list[SetTarget] = []
    pending: list[Pending] = []  # links that begin to wait
    arrived: list[Pending] = []  # links that wait no longer
    settled: list[tuple[str, str]] = []  # (CI, origin) whose older pending links are void
    seen: dict[str, int] = {}  # unchanged origins and when they were seen


_canonical = msgspec.msgpack.Encoder(order="deterministic")


_changes = msgspec.msgpack.Decoder(list[Change])


def decode_changes(payload: bytes) -> list[Change]:
    """Read a canonical change set back."""
    return _changes.decode(payload)


def canonical(value: Any) -> bytes:
    """Encode a value so that equal values give equal bytes (msgpack, keys sorted)."""
    return _canonical.encode(value)


def digest(value: Any, size: int = 8) -> bytes:
    """Short content hash of a value, for comparison only (BLAKE2b, `size` bytes)."""
    return hashlib.blake2b(_canonical.encode(value), digest_size=size).digest()


Private = Callable[[str], frozenset[str]]  # class -> names of attributes whose values stay out of the chain


def seal(changes: Iterable[Change], private: Private, salt: bytes) -> tuple[list[Change], dict[str, Value]]:
    """Replace private values by salted digests, so that they can be disposed of while the chain still verifies.

    Returns the changes as they enter the chain, and the values by digest, which are stored beside it.
    """
    texts: dict[str, Value] = {}

    def close(ci_class: str, attributes: dict[str, Value] | None) -> dict[str, Value] | None:
        names = private(ci_class)
        if not attributes or not names or names.isdisjoint(attributes):
            return attributes
        out = dict(attributes)
        for name in names & attributes.keys():
            mark = hashlib.blake2b(_canonical.encode([name, attributes[name]]), digest_size=16, key=salt).hexdigest()
            texts[mark] = attributes[name]
            out[name] = {SEALED: mark}
        return out

    return [_map_attributes(change, close) for change in changes], texts


def unseal(changes: Iterable[Change], texts: dict[str, Value]) -> list[Change]:
    """Put private values back; one that was disposed of is left out."""

    def open_(_: str, attributes: dict[str, Value] | None) -> dict[str, Value] | None:
        if not attributes or not any(type(v) is dict for v in attributes.values()):
            return attributes
        out: dict[str, Value] = {}
        for name, value in attributes.items():
            if type(value) is not dict:
                out[name] = value
            elif value[SEALED] in texts:
                out[name] = texts[value[SEALED]]
        return out

    return [_map_attributes(change, open_) for change in changes]


SEALED = "sealed"  # values are never mappings, so a mapping with this key is a digest


def _map_attributes(change: Change, by: Callable[[str, dict[str, Value] | None], dict[str, Value] | None]) -> Change:
    """A change with every set of CI attributes in it replaced; the same object where nothing differs."""
    if not isinstance(change, NewCI | SetCI):
        return change
    new: dict[str, Any] = {}
    fields = ("attributes", "set") if isinstance(change, SetCI) else ("attributes",)
    for field in fields:
        before = getattr(change, field)
        if (after := by(change.ci_class, before)) is not before:
            new[field] = after
    facets = {}
    for origin, facet in change.facets.items():
        attributes = by(change.ci_class, facet.attributes)
        facets[origin] = (
            facet if attributes is facet.attributes else msgspec.structs.replace(facet, attributes=attributes)
        )
    if any(facets[o] is not f for o, f in change.facets.items()):
        new["facets"] = facets
    return msgspec.structs.replace(change, **new) if new else change


def link_hash(previous: str, sequence: int, at: int, actor: str, reason: str, payload: bytes) -> str:
    """SHA-256 (hex) of one commit: over the previous hash, its head data and the digest of its canonical change set."""
    head = _canonical.encode([sequence, at, actor, reason])
    return hashlib.sha256(previous.encode() + head + hashlib.sha256(payload).digest()).hexdigest()
