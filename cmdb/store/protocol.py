"""What the rest of the program may ask of a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from cmdb.changes import (
    Absent,
    Change,
    ChangeSet,
    Facet,
    LinkFacet,
    ManifestEntry,
    Pending,
    PutRecord,
    PutTask,
    decode_changes,
    unseal,
)
from cmdb.errors import CmdbError
from cmdb.observation import Identifier, Value

Direction = Literal["out", "in", "both"]
OrderField = Literal["name", "class", "first_seen"]


class Conflict(CmdbError):
    """Somebody committed since the candidates were read: read and plan again."""


class Head(msgspec.Struct, frozen=True):
    """The end of the chain: sequence of the latest commit (0: none), its hash (hex, "" at 0) and its time in ms."""

    sequence: int
    hash: str
    at: int


class TargetState(msgspec.Struct):
    """What is known of one origin. `manifest` and what stands behind it are empty unless asked for. Times in epoch ms.

    See `SetTarget` for `visits`, `absent`, `swept` and `unsaid`.
    """

    hash: bytes
    last_seen: int
    complete_at: int
    tables: tuple[str, ...] = ()
    manifest: dict[str, ManifestEntry] = {}
    visits: tuple[int, ...] = ()
    absent: dict[str, Absent] = {}
    swept: int = 0
    unsaid: dict[str, int] = {}


class TargetDue(msgspec.Struct, frozen=True):
    """An origin that a sweep may have to look at. `carried` maps CI ids to the older visits that said them last."""

    origin: str
    last_seen: int
    swept: int
    visits: tuple[int, ...]
    absent: dict[str, Absent]
    carried: dict[str, int]
    unsaid: dict[str, int] = {}


class KnownCI(msgspec.Struct):
    """One CI as a candidate: everything that planning may change.

    `attributes` includes `name`. `facets[…].attributes` is filled in also where the store leaves it out.
    `links` maps (type, source, target) to its attributes and facets, for all relationships that start here and, for
    symmetric types, also those that end here; the tie to the parent is not among them. One that `is_partial` was read
    without identifiers and links: planning must leave both as they are.
    """

    id: str
    ci_class: str
    parent: str
    local_key: str
    status: str
    attributes: dict[str, Value]
    identifiers: tuple[Identifier, ...]
    facets: dict[str, Facet]
    links: dict[tuple[str, str, str], tuple[dict[str, Value], dict[str, LinkFacet]]]
    is_partial: bool = False


class Candidates(msgspec.Struct):
    """What planning needs to know, read at one sequence.

    `by_key` maps identifier keys to (CI id, strong), `by_path` maps `<parent id>|<class>|<escaped local key>` to CI
    ids,
    `pending` maps keys to the links that wait for them.
    """

    sequence: int
    by_key: dict[str, tuple[tuple[str, bool], ...]] = {}
    by_path: dict[str, str] = {}
    cis: dict[str, KnownCI] = {}
    pending: dict[str, tuple[Pending, ...]] = {}


class CIRecord(msgspec.Struct, frozen=True):
    """One CI as it is read. `attributes` leaves out `name`. `seen` maps origins to when they said it last (ms)."""

    id: str
    ci_class: str
    name: str
    status: str
    revision: int
    first_seen: int
    parent: str
    local_key: str
    attributes: dict[str, Value]
    identifiers: tuple[Identifier, ...]
    facets: dict[str, Facet]
    seen: dict[str, int]


class RelationshipRecord(msgspec.Struct, frozen=True):
    """One relationship as it is read. A tie to a parent has no facets of its own: `seen` is that of the child.

    `facets` maps origins to what they said; `seen` maps them to when they said it last (ms); `first_seen` in ms.
    """

    source: str
    type: str
    target: str
    attributes: dict[str, Value]
    facets: dict[str, LinkFacet]
    first_seen: int
    seen: dict[str, int]


class CIRef(msgspec.Struct, frozen=True):
    """A CI named, not read."""

    id: str
    ci_class: str
    name: str


class Neighbour(msgspec.Struct, frozen=True):
    """One relationship as seen from `ci`, with the CI at the other end."""

    ci: str
    relationship: RelationshipRecord
    other: CIRecord


class NeighbourPage(msgspec.Struct, frozen=True):
    """A page of relationships of one CI, ordered by type, then by the name and the id of the other end.

    `cursor` continues behind the last one; None for an empty page.
    """

    neighbours: tuple[Neighbour, ...]
    more: bool
    total: int
    cursor: str | None = None


class Condition(msgspec.Struct, frozen=True):
    """One comparison. `field` is name, class, status, id, first_seen, identifier, source, target, or an attribute.

    `operator` is one of eq, in, starts_with, contains, lt, gte, known. Text is compared without case.
    """

    field: str
    operator: str
    value: Value
    is_attribute: bool = False


class Filter(msgspec.Struct, frozen=True):
    """Conditions that must all hold; `any_of` and `none_of` nest (at most 3 deep), `related` is (CI id, types,
    direction).
    """

    conditions: tuple[Condition, ...] = ()
    all_of: tuple[Filter, ...] = ()
    any_of: tuple[Filter, ...] = ()
    none_of: tuple[Filter, ...] = ()
    related: tuple[str, tuple[str, ...], Direction] | None = None


class Order(msgspec.Struct, frozen=True):
    """One sort key; the id is always added as the last one."""

    field: OrderField
    descending: bool = False


class Page(msgspec.Struct, frozen=True):
    """A page of CIs; `cursor` continues behind the last one."""

    cis: tuple[CIRecord, ...]
    more: bool
    cursor: str | None


class Commit(msgspec.Struct, frozen=True):
    """One link of the chain. `payload` is the canonical change set (uncompressed, private values sealed), `texts`
    those values.
    """

    sequence: int
    at: int
    actor: str
    reason: str
    previous: str
    hash: str
    payload: bytes
    texts: dict[str, Value]

    def changes(self) -> list[Change]:
        """Decode the change set, private values put back."""
        return unseal(decode_changes(self.payload), self.texts)


class TargetOutcome(msgspec.Struct, frozen=True, array_like=True):
    """How the visit of one target ended: its state, and what went wrong at which stage."""

    target: str
    state: str
    stage: str
    reason: str
    detail: str


class RunRecord(msgspec.Struct, frozen=True):
    """One run: times in epoch ms; `complete`: every target was visited. `outcomes` are those that went wrong."""

    id: str
    reason: str
    actor: str
    started: int
    finished: int
    complete: bool
    outcomes: tuple[TargetOutcome, ...] = ()


class Quarantined(msgspec.Struct, frozen=True):
    """A pushed item that a person has to look at: what it was, who sent it, and why it was not taken.

    `item` is JSON, `host` what the sender said it was about, `ref` how the sender calls it; `code`, `message` and
    `path` say why. Times in epoch ms; `times` counts how often it came.
    """

    id: str
    adapter: str
    source: str
    host: str
    ref: str
    item: bytes
    code: str
    message: str
    path: str
    first: int
    last: int
    times: int = 1


class StoredRecord(PutRecord, array_like=True, tag_field="op", tag="rec"):
    """A record as it is read: when it was made and changed (epoch ms), and how many commits changed it."""

    at: int = 0
    changed: int = 0
    revision: int = 1


class GraphStore(Protocol):
    """A graph of CIs with its ledger. All calls block; every call is safe from several threads."""

    def migrate(self) -> list[str]:
        """Bring the schema up to date and return the names of the migrations applied; refuse one newer than the
        program.
        """

    def ping(self) -> str:
        """Say which engine and version answers; raise Unreachable."""

    def close(self) -> None:
        """Give back connections."""

    # ---- writing
    def head(self) -> Head:
        """The end of the chain."""

    def targets(self, origins: Iterable[str], manifests: bool = False) -> dict[str, TargetState]:
        """State of the origins that are known."""

    def by_key(self, keys: Iterable[str]) -> dict[str, tuple[tuple[str, bool], ...]]:
        """Identifier keys -> (CI id, strong), for those that name something."""

    def by_path(self, paths: Iterable[str]) -> dict[str, str]:
        """`<parent id>|<class>|<escaped local key>` -> CI id."""

    def known(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs as candidates."""

    def known_facets(self, ids: Iterable[str], attributes: bool = True) -> dict[str, KnownCI]:
        """CIs as candidates in part: without identifiers and links, which take most of the time.

        Without `attributes` only class, status and facets are read, three times as fast: enough to find what is due.
        """

    def pending(self, keys: Iterable[str]) -> dict[str, tuple[Pending, ...]]:
        """Links that wait for these keys."""

    def targets_due(self, before: int) -> list[TargetDue]:
        """Origins that were not seen since `before` (ms), that no longer see something, or whose latest visits left
        something out.
        """

    def commit(self, change_set: ChangeSet, expected: int, actor: str, reason: str) -> int:
        """Apply a change set in one transaction and return the sequence after it.

        Without `changes` the sequence does not move. Raises Conflict when the head is no longer at `expected` or a
        target was written by somebody else since.
        """

    def mark_seen(self, seen: Mapping[str, tuple[int, ...]]) -> None:
        """Note that these unchanged origins were seen (epoch ms); no commit."""

    def restore(self, change_set: ChangeSet, expected: int, actor: str, reason: str, revisions: dict[str, int]) -> int:
        """As `commit`, for `import` only: sets the revisions of the CIs as given."""

    def policy(self) -> str:
        """Version of the model for which the values were derived, as it was noted; "" where it never was."""

    def note_policy(self, version: str) -> None:
        """Note the version of the model for which the values hold. Working state, not in the chain."""

    def save_run(self, run: RunRecord) -> None:
        """Keep how a run ended. Working state, not in the chain; old runs beyond the latest 1,000 are dropped."""

    def runs(self, first: int = 20) -> list[RunRecord]:
        """The latest runs, newest first."""

    def quarantine(self, entries: Sequence[Quarantined], most: int) -> set[str]:
        """Keep items for a person and return the ids that were kept: all but new ones beyond `most` in number.

        One that is there is replaced, and counted once more. Working state, not in the chain.
        """

    def quarantined(self, first: int = 50, after: str | None = None, ids: Sequence[str] = ()) -> list[Quarantined]:
        """Items in quarantine, oldest first, behind the one with the id `after`; or those with these ids."""

    def release(self, ids: Sequence[str]) -> int:
        """Let items leave the quarantine; return how many did."""

    def quarantine_total(self) -> int:
        """How many items are in quarantine."""

    # ---- the chain
    def commits(self, after: int, limit: int = 100) -> list[Commit]:
        """Commits behind a sequence, in order."""

    # ---- reading
    def resolve(self, key: str) -> list[CIRef]:
        """CIs named by an id, an identifier, or a name (case ignored), in this order of preference; at most 11."""

    def cis(self, ids: Sequence[str]) -> list[CIRecord]:
        """CIs by id, in the order asked; unknown ids are left out."""

    def find(self, where: Filter, order: Sequence[Order] = (), first: int = 50, after: str | None = None) -> Page:
        """A page of CIs that match; classes marked internal never match."""

    def count(self, where: Filter, limit: int = 100_000) -> int | None:
        """How many match; None when there are more than `limit`."""

    def neighbours(
        self,
        ids: Sequence[str],
        types: Sequence[str] = (),
        direction: Direction = "both",
        first: int = 50,
        after: str | None = None,
    ) -> dict[str, NeighbourPage]:
        """A page of relationships for each CI, in a constant number of queries. Direction is ignored for symmetric
        types.
        """

    def relationship(self, source: str, type_: str, target: str) -> RelationshipRecord | None:
        """One relationship."""

    def scan_cis(self) -> Iterator[CIRecord]:
        """All CIs, internal ones too, each parent before its dependents."""

    def scan_relationships(self) -> Iterator[RelationshipRecord]:
        """All relationships, ties to parents included."""

    def scan_targets(self) -> Iterator[tuple[str, TargetState]]:
        """All origins with their manifests."""

    def scan_pending(self) -> Iterator[Pending]:
        """All links that wait."""

    def totals(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many CIs there are by class, internal ones too, and how many relationships by type, ties to parents
        included.
        """

    def tasks(self, states: Sequence[str] = ("open",), kinds: Sequence[str] = ()) -> list[PutTask]:
        """Identity tasks in these states; no states: in any."""

    def records(
        self, kinds: Sequence[str] = (), states: Sequence[str] = (), ids: Sequence[str] = ()
    ) -> list[StoredRecord]:
        """Records by id, the oldest first; no kinds or states: of any. With `ids` those, in the order asked."""

    def absorbed(self, ids: Iterable[str]) -> dict[str, str]:
        """CI ids that other CIs have absorbed -> the CI that stands for them now."""
