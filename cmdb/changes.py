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

    `marks` is what sweeps found out since: from when it counts as `stale`, from when the CI counts as `lost` to this
    origin (with the number of complete `runs` that did not see it) and as `retired`. A new word lifts them. `locks` are
    attributes whose value holds whatever others say, `refused` what was said and could not be taken: [value, verdict].
    """

    since: int
    hash: str
    role: Role = "self"
    ci_class: str = ""
    attributes: dict[str, Value] | None = None
    identifiers: tuple[Identifier, ...] = ()
    gone: int | None = None
    seen: int | None = None
    marks: dict[str, int] = {}
    locks: tuple[str, ...] = ()
    refused: dict[str, tuple[str, str]] = {}


STALE, LOST, RETIRED, RUNS, SILENT = "stale", "lost", "retired", "runs", "silent"  # marks of facets


class LinkFacet(msgspec.Struct, array_like=True, omit_defaults=True):
    """What one origin says about one relationship.

    `seen` is when it was said last, where the origin has spoken of its near end since without it.
    """

    since: int
    method: str = ""
    attributes: dict[str, Value] = {}
    seen: int | None = None


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

    `attributes` includes `name`; `facets` maps origins to what they said. `revision` is above 1 where a CI comes back
    that another one had absorbed.
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
    revision: int = 1


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


class MoveCI(msgspec.Struct, array_like=True, tag_field="op", tag="ci>"):
    """A dependent CI becomes part of another parent; the tie to the parent moves with it."""

    id: str
    ci_class: str
    parent: str
    local_key: str


class EndCI(msgspec.Struct, array_like=True, tag_field="op", tag="ci-"):
    """A CI is absorbed by another one, `into`, whose id the old id leads to from now on.

    Its facets, identifiers, dependents and relationships have moved in the same commit.
    """

    id: str
    into: str


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


class PutTask(msgspec.Struct, array_like=True, tag_field="op", tag="task"):
    """An identity task for a person appears or changes. Its id derives from its content, so that asking twice makes
    one task.

    `kind` is `ambiguous` or `conflict`; `cis` are the candidates; `observed` is the path and the origin that asks.
    """

    id: str
    kind: str
    state: str
    origin: str
    observed: str
    keys: tuple[str, ...]
    cis: tuple[str, ...]
    text: str


class PutRecord(msgspec.Struct, array_like=True, tag_field="op", tag="rec"):
    """A record about CIs appears or changes: a decision, a baseline, an audit. What holds after it.

    `about` are ids of CIs, the main one first. `body` holds what a program reads, plain JSON values; `texts` what
    people wrote, which enters the chain as digests.
    """

    id: str
    kind: str
    state: str
    title: str
    about: tuple[str, ...]
    body: dict[str, Any]
    texts: dict[str, str] = {}


Change = NewCI | SetCI | MoveCI | EndCI | NewRelationship | SetRelationship | EndRelationship | PutTask | PutRecord


class ManifestEntry(msgspec.Struct, array_like=True, omit_defaults=True):
    """What an origin said of one CI last: content hash, CI id, and the time of that visit (0: its latest visit).

    `own` is the CI that was meant before `ci` absorbed it.
    """

    hash: bytes
    ci: str
    at: int = 0
    own: str = ""


class Absent(msgspec.Struct, array_like=True, omit_defaults=True):
    """A CI that an origin no longer sees: since which visit, and since when it counts as lost (0: not yet)."""

    since: int
    lost: int = 0


MAX_VISITS = 10  # latest complete visits whose times are kept; policies count no more runs


class SetTarget(msgspec.Struct):
    """What an origin said last, so that an unchanged device costs one write. Working state, not in the chain.

    `was` is `last_seen` as it was read; the store checks it under the lock. `visits` are the times of the latest
    complete visits, `absent` what the origin no longer sees, by CI id, as long as a sweep may make something of it, and
    `swept` is when a sweep last looked at what it said (0: not since its latest visit). `unsaid` are CIs of which it
    still speaks, but no longer of all their relationships, with when it last did of the oldest of these.
    """

    origin: str
    hash: bytes
    last_seen: int
    complete_at: int
    tables: tuple[str, ...]
    manifest: dict[str, ManifestEntry]
    was: int
    visits: tuple[int, ...] = ()
    absent: dict[str, Absent] = {}
    swept: int = 0
    unsaid: dict[str, int] = {}


class ChangeSet(msgspec.Struct):
    """What one commit writes. `changes` go into the chain; the rest is working state beside it."""

    at: int
    changes: list[Change] = []
    targets: list[SetTarget] = []
    pending: list[Pending] = []  # links that begin to wait
    arrived: list[Pending] = []  # links that wait no longer
    settled: list[tuple[str, str]] = []  # (CI, origin) whose older pending links are void
    seen: dict[str, tuple[int, ...]] = {}  # unchanged origins and when they were seen
    dropped: list[str] = []  # origins whose every word is taken back


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

    def hide(text: str) -> str:
        mark = hashlib.blake2b(_canonical.encode(text), digest_size=16, key=salt).hexdigest()
        texts[mark] = text
        return mark

    return [
        msgspec.structs.replace(change, texts={name: hide(text) for name, text in change.texts.items()})
        if isinstance(change, PutRecord) and change.texts
        else _map_attributes(change, close)
        for change in changes
    ], texts


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

    return [
        msgspec.structs.replace(change, texts={n: texts[mark] for n, mark in change.texts.items() if mark in texts})
        if isinstance(change, PutRecord) and change.texts
        else _map_attributes(change, open_)
        for change in changes
    ]


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
