"""The few kinds of change a write is made of, and the hash that chains them: the second narrow waist."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

import msgspec

from cmdb.observation import Identifier, Observation, Role, Value

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


class Disposal(msgspec.Struct, frozen=True):
    """Texts of one commit that go, by their marks, and its reason where `reason` says so. `spans` maps the CIs that
    they are about to the times since when the versions are that hold them.
    """

    sequence: int
    marks: frozenset[str]
    reason: bool
    spans: dict[str, list[int]]


class ChangeSet(msgspec.Struct):
    """What one commit writes. `changes` go into the chain; the rest is working state beside it."""

    at: int
    changes: list[Change] = []
    targets: list[SetTarget] = []
    pending: list[Pending] = []  # links that begin to wait
    arrived: list[Pending] = []  # links that wait no longer
    settled: list[tuple[str, str]] = []  # (CI, origin) whose older pending links are void
    disposals: list[Disposal] = []  # texts of earlier commits that go
    seen: dict[str, tuple[int, ...]] = {}  # unchanged origins and when they were seen
    dropped: list[str] = []  # origins whose every word is taken back


_canonical = msgspec.msgpack.Encoder(order="deterministic")


_changes = msgspec.msgpack.Decoder(list[Change])
_change = msgspec.msgpack.Decoder(Change)
_raw = msgspec.msgpack.Decoder(list[msgspec.Raw])
_FEW = 16  # ids that are quicker looked for in the bytes of a change than in the change


def decode_changes(payload: bytes, about: Collection[str] = ()) -> list[Change]:
    """Read a canonical change set back; with `about` what may concern these ids, in a tenth of the time for a few."""
    if not about or len(about) > _FEW:
        return _changes.decode(payload)
    needles = [ci.encode() for ci in about]
    if not any(needle in payload for needle in needles):
        return []
    parts = [bytes(raw) for raw in _raw.decode(payload)]
    return [_change.decode(part) for part in parts if any(needle in part for needle in needles)]


def canonical(value: Any) -> bytes:
    """Encode a value so that equal values give equal bytes (msgpack, keys sorted)."""
    return _canonical.encode(value)


def digest(value: Any, size: int = 8) -> bytes:
    """Short content hash of a value, for comparison only (BLAKE2b, `size` bytes)."""
    return hashlib.blake2b(_canonical.encode(value), digest_size=size).digest()


def content_of(observation: Observation) -> bytes:
    """The digest of an observation; computed once, for it is asked for where it is checked, looked for and taken in."""
    kept = observation.__dict__
    found = kept.get("content")
    if found is None:
        found = kept["content"] = digest(observation)
    return bytes(found)


FORM = 2  # of the hash of commits made now


def link_hash(previous: str, sequence: int, at: int, actor: str, reason: str, payload: bytes, form: int = FORM) -> str:
    """SHA-256 (hex) of one commit: over the previous hash, its head data and the digest of its canonical change set.

    Form 2 joins texts, each behind its length in four bytes, so that anybody can compute it; `reason` is the mark of
    the reason. Form 1 has the reason itself in it, and packs the head with msgpack.
    """
    if form == 1:
        head = _canonical.encode([sequence, at, actor, reason])
        return hashlib.sha256(previous.encode() + head + hashlib.sha256(payload).digest()).hexdigest()
    parts = [previous, str(sequence), str(at), actor, reason, hashlib.sha256(payload).hexdigest()]
    joined = b"".join(len(part).to_bytes(4, "big") + part for part in (text.encode() for text in parts))
    return hashlib.sha256(b"cmdb commit 2" + joined).hexdigest()
