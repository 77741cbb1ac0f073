"""Comparing the store with what the ledger says, everything that differs found in one reading of either."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from cmdb.ledger.nodes import CI_ENVELOPE, LINK_ENVELOPE, ci_envelope, fingerprint, split
from cmdb.ledger.replay import Ends, Kind, Replay, link_key
from cmdb.model.registry import Model
from cmdb.store.protocol import GraphStore
from cmdb.store.rows import pending_id, unpack_pending

BUCKETS = 4_096
MODULUS = 1 << 128
LIMIT = 20  # things of one kind that are looked at closely
Small = tuple[Kind, str]


def bucket_of(key: str | bytes) -> int:
    """Where versions of a thing are counted."""
    return zlib.crc32(key.encode() if isinstance(key, str) else key) % BUCKETS


class Sums:
    """What history holds, as one number for each bucket: versions may come in any order, and take no memory."""

    def __init__(self) -> None:
        self._sums = [0] * BUCKETS

    def add(self, key: str | bytes, content: bytes, envelope: tuple[Any, ...]) -> None:
        """Count a version in."""
        bucket = bucket_of(key)
        self._sums[bucket] = (self._sums[bucket] + int.from_bytes(fingerprint([content, envelope]))) % MODULUS

    def differing(self, other: Sums) -> frozenset[int]:
        """Buckets that do not hold the same versions."""
        return frozenset(n for n in range(BUCKETS) if self._sums[n] != other._sums[n])


class Digests(Replay):
    """A replay that keeps digests only."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.versions, self.link_versions = Sums(), Sums()
        self.unsaid: set[str] = set()  # CIs whose revision the ledger does not say

    def superseded(self, ci: str, content: Any, envelope: tuple[Any, ...]) -> None:
        self.versions.add(ci, content, envelope)
        if envelope[1] is None:
            self.unsaid.add(ci)

    def link_superseded(self, key: bytes, content: Any, envelope: tuple[Any, ...]) -> None:
        self.link_versions.add(key, content, envelope)


class Suspects:
    """What has to be looked at closely, at most LIMIT of each kind; `more` counts what goes beyond."""

    def __init__(self) -> None:
        self.cis: set[str] = set()
        self.links: dict[bytes, Ends | None] = {}
        self.small: set[Small] = set()
        self.buckets: frozenset[int] = frozenset()
        self.link_buckets: frozenset[int] = frozenset()
        self.more = 0

    def __bool__(self) -> bool:
        return bool(self.cis or self.links or self.small or self.buckets or self.link_buckets)

    def ci(self, ci: str) -> None:
        """A CI that differs, or is on one side only."""
        if len(self.cis) < LIMIT:
            self.cis.add(ci)
        else:
            self.more += ci not in self.cis

    def link(self, key: bytes, ends: Ends | None = None) -> None:
        """A relationship that differs, or is on one side only."""
        if len(self.links) < LIMIT or key in self.links:
            self.links[key] = ends or self.links.get(key)
        else:
            self.more += 1

    def node(self, kind: Kind, key: str) -> None:
        """A task, a record or an absorbed id."""
        if len(self.small) < 3 * LIMIT:
            self.small.add((kind, key))
        else:
            self.more += (kind, key) not in self.small


def find_suspects(store: GraphStore, replay: Digests) -> Suspects:
    """Read the store once and note what is not as the replay says."""
    found = Suspects()
    _compare_cis(store, replay, found)
    _compare_links(store, replay, found)
    for kind in ("task", "record", "absorbed"):
        _compare_small(store, replay, kind, found)
    versions, link_versions = Sums(), Sums()
    for properties in store.stored.versions():
        ci, content, envelope = version_of(properties, replay.unsaid)
        versions.add(ci, fingerprint(content), envelope)
    for properties in store.stored.relationship_versions():
        key, content, envelope = link_version_of(properties)
        link_versions.add(key, fingerprint(content), envelope)
    found.buckets = replay.versions.differing(versions)
    found.link_buckets = replay.link_versions.differing(link_versions)
    return found


def version_of(properties: dict[str, Any], unsaid: set[str]) -> tuple[str, dict[str, Any], tuple[Any, ...]]:
    """CI, content and envelope of a superseded version."""
    content, envelope = split(properties, CI_ENVELOPE)
    ci = str(properties.get("id"))
    return ci, content, ci_envelope(envelope, ci not in unsaid)


def link_version_of(properties: dict[str, Any]) -> tuple[bytes, dict[str, Any], tuple[Any, ...]]:
    """Key, content and envelope of a superseded relationship."""
    content, envelope = split(properties, LINK_ENVELOPE)
    return link_key((str(envelope[3]), str(envelope[5]), str(envelope[4]))), content, envelope


def _compare_cis(store: GraphStore, replay: Digests, found: Suspects) -> None:
    left = set(replay.cis)
    for properties, identifiers in store.stored.cis():
        ci = str(properties.get("id"))
        left.discard(ci)
        state = replay.cis.get(ci)
        if state is None:
            found.ci(ci)
            continue
        content, envelope = split(properties, CI_ENVELOPE)
        shown = ci_envelope(envelope, state.revision is not None)
        held = {key: strong for key, strong in identifiers}
        fits = (state.envelope(), state.identifiers, state.content) == (shown, held, fingerprint(content))
        if not fits or len(held) != len(identifiers):  # the same identifier may be tied to it twice
            found.ci(ci)
    for ci in sorted(left):
        found.ci(ci)


def _compare_links(store: GraphStore, replay: Digests, found: Suspects) -> None:
    met: set[bytes] = set()
    for source, type_, target, properties in store.stored.relationships():
        ends = source, type_, target
        key = link_key(ends)
        content, envelope = split(properties, LINK_ENVELOPE)
        state = replay.links.get(key)
        if key in met or state is None or (state.envelope(), state.content) != (envelope, fingerprint(content)):
            found.link(key, ends)
        met.add(key)
    for key in replay.links.keys() - met:
        found.link(key)


SMALL: dict[Kind, str] = {"task": "Task", "record": "Record", "absorbed": "Absorbed"}


def expected_small(replay: Replay, kind: Kind) -> dict[str, Any]:
    """What the replay holds of a kind of nodes that are few."""
    return {"task": replay.tasks, "record": replay.records, "absorbed": replay.absorbed}[str(kind)]


def small_content(kind: Kind, properties: dict[str, Any], keep: Callable[[dict[str, Any]], Any]) -> Any:
    """What was read of such a node, in the form in which a replay holds it."""
    if kind == "absorbed":
        extra = {k: v for k, v in properties.items() if k not in ("id", "into", "at")}
        return extra or (properties.get("into"), properties.get("at"))
    if kind == "task":
        return keep(properties)
    rest = {k: v for k, v in properties.items() if k not in ("at", "changed", "revision")}
    return keep(rest), properties.get("at"), properties.get("changed"), properties.get("revision")


def _compare_small(store: GraphStore, replay: Digests, kind: Kind, found: Suspects) -> None:
    expected = expected_small(replay, kind)
    met: set[str] = set()
    for properties in store.stored.nodes(SMALL[kind]):
        key = str(properties.get("id"))
        met.add(key)
        if expected.get(key) != small_content(kind, properties, fingerprint):
            found.node(kind, key)
    for key in expected.keys() - met:
        found.node(kind, key)


def loose_ends(store: GraphStore, replay: Replay) -> Iterator[str]:
    """What is wrong beside the nodes of the ledger: identifiers that name nothing, records tied to other CIs than they
    are about, waiting links that are not what their id says.
    """
    about = {
        (str(p.get("id")), str(ci))
        for p in store.stored.nodes("Record")
        for ci in p.get("about") or ()
        if ci in replay.cis
    }
    tied = list(store.stored.subjects())
    for record, ci in sorted(about.symmetric_difference(tied)):
        says = "is not tied to" if (record, ci) in about else "is tied to"
        yield f"record {record} {says} CI {ci}, against what it says"
    for record, ci in sorted(pair for pair, n in Counter(tied).items() if n > 1):
        yield f"record {record} is tied to CI {ci} more than once"
    for key in store.stored.unused_identifiers(LIMIT):
        yield f"the identifier {key} names no CI; the ledger knows no such thing"
    for properties in store.stored.nodes("Pending"):
        try:
            wait = unpack_pending([properties[n] for n in ("key", "path", "ci", "type", "origin", "facet")])
            fits = pending_id(wait) == properties.get("id")
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            yield f"the waiting link {properties.get('id')} was altered: its content does not give its id"
