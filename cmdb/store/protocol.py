"""What the rest of the program may ask of a store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal, Protocol

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
    SetTarget,
    decode_changes,
    link_hash,
)
from cmdb.errors import CmdbError, Invalid
from cmdb.observation import Identifier, Value
from cmdb.sealing import Text, unseal
from cmdb.store.states import CommitHead, Label, LinkKey, LinkState, State

if TYPE_CHECKING:
    from cmdb.store.stored import Stored  # it brings the driver, which most readers of this module never need

Direction = Literal["out", "in", "both"]
OrderField = Literal["name", "class", "first_seen"]


class Conflict(CmdbError):
    """Somebody committed since the candidates were read: read and plan again."""


class Damaged(Invalid):
    """A commit can't be read back; `sequence` says which."""

    def __init__(self, sequence: int, what: str) -> None:
        self.sequence = sequence
        super().__init__(f"commit {sequence} is damaged: {what}")


class Head(msgspec.Struct, frozen=True):
    """The end of the chain: sequence of the latest commit (0: none), its hash (hex, "" at 0) and its time in ms."""

    sequence: int
    hash: str
    at: int


class Moment(msgspec.Struct, frozen=True):
    """A point of recorded time: after commit `sequence` (0: before the first), which was made at `at` (epoch ms)."""

    sequence: int
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


def set_target(origin: str, state: TargetState, was: int | None = None) -> SetTarget:
    """The change that makes an origin's state this one; `was` is its last visit as it was read, if that is another."""
    head = origin, state.hash, state.last_seen, state.complete_at, state.tables, state.manifest
    beside = state.visits, state.absent, state.swept, state.unsaid
    return SetTarget(*head, state.last_seen if was is None else was, *beside)


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
    symmetric types, also those that end here; the tie to the parent is not among them. `waiting` are the facets whose
    links from here wait for their far ends. One that `is_partial` was read without identifiers and links: planning must
    leave both as they are.
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
    waiting: frozenset[str] = frozenset()


class Candidates(msgspec.Struct):
    """What planning needs to know, read at one sequence.

    `by_key` maps identifier keys to (CI id, strong), `by_path` maps `<parent id>|<class>|<escaped local key>` to CI
    ids, `pending` maps keys to the links that wait for them, `apart` CIs to those that a person keeps apart from them;
    `tasks` are the identity tasks about these CIs, in any state.
    """

    sequence: int
    by_key: dict[str, tuple[tuple[str, bool], ...]] = {}
    by_path: dict[str, str] = {}
    cis: dict[str, KnownCI] = {}
    pending: dict[str, tuple[Pending, ...]] = {}
    apart: dict[str, frozenset[str]] = {}
    tasks: dict[str, PutTask] = {}


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
    those values by their marks.

    From form 2 on the reason is such a text too: `reason_mark` is in the hash ("" where no reason was given), and
    `reason_salt` is empty once the reason was disposed of.
    """

    sequence: int
    at: int
    actor: str
    reason: str
    previous: str
    hash: str
    payload: bytes
    texts: dict[str, Text]
    form: int = 1
    reason_mark: str = ""
    reason_salt: bytes = b""

    def changes(self, about: Collection[str] = ()) -> list[Change]:
        """Decode the change set, private values put back; with `about` only what may concern these ids."""
        return unseal(decode_changes(self.payload, about), self.texts)

    def sealed(self) -> list[Change]:
        """Decode the change set as it is in the chain."""
        return decode_changes(self.payload)

    def link(self, previous: str) -> str:
        """The hash that this content gives behind `previous`."""
        reason = self.reason if self.form == 1 else self.reason_mark
        return link_hash(previous, self.sequence, self.at, self.actor, reason, self.payload, self.form)


class LedgerCheck(msgspec.Struct, frozen=True):
    """Outcome of verifying the commits `first` to `last`, made at a time (epoch ms). `replayed`: replaying them gave
    the graph. `first_bad` is the first sequence that does not fit (0: none), `hash` that of `last`.
    """

    first: int
    last: int
    at: int
    intact: bool
    replayed: bool
    first_bad: int
    hash: str


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
    """A graph of CIs with its ledger. All calls block; every call is safe from several threads.

    What reads takes `at`, a recorded time in epoch ms: then it reads the graph as it was after the last commit at or
    before that time. CIs that are no more are there, what came later is not, filters and orders see the values of then.
    Sightings without a change are not kept, so `seen` is what is known today, but never later than `at`.
    """

    def migrate(self) -> list[str]:
        """Bring the schema up to date and return the names of the migrations applied; refuse one newer than the
        program.
        """

    def ping(self) -> str:
        """Say which engine and version answers; raise Unreachable."""

    def close(self) -> None:
        """Give back connections."""

    def together(self) -> AbstractContextManager[None]:
        """Let the reads of this thread share a transaction, which is quicker; it promises no more than separate ones.

        Nothing is written in it.
        """

    # ---- writing
    def head(self) -> Head:
        """The end of the chain."""

    def targets(self, origins: Iterable[str], manifests: bool = False) -> dict[str, TargetState]:
        """State of the origins that are known."""

    def head_and_targets(self, origins: Iterable[str], manifests: bool = False) -> tuple[Head, dict[str, TargetState]]:
        """The end of the chain and, read after it, the state of the origins that are known."""

    def by_key(self, keys: Iterable[str], at: int | None = None) -> dict[str, tuple[tuple[str, bool], ...]]:
        """Identifier keys -> (CI id, strong), for those that name something."""

    def by_path(self, paths: Iterable[str]) -> dict[str, str]:
        """`<parent id>|<class>|<escaped local key>` -> CI id."""

    def known(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs as candidates."""

    def known_facets(self, ids: Iterable[str], attributes: bool = True) -> dict[str, KnownCI]:
        """CIs as candidates in part: without identifiers and links, which take most of the time.

        Without `attributes` only class, status and facets are read, three times as fast: enough to find what is due.
        """

    def named(
        self, keys: Iterable[str], arriving: Iterable[str]
    ) -> tuple[dict[str, tuple[tuple[str, bool], ...]], dict[str, tuple[Pending, ...]]]:
        """As `by_key` for some keys, and the links that wait for others."""

    def targets_due(self, before: int) -> list[TargetDue]:
        """Origins that were not seen since `before` (ms), that no longer see something, or whose latest visits left
        something out.
        """

    def commit(self, change_set: ChangeSet, expected: int, actor: str, reason: str) -> int:
        """Apply a change set in one transaction and return the sequence after it.

        Without `changes` the sequence does not move. Raises Conflict when the head is no longer at `expected` or a
        target was written by somebody else since.
        """

    def replay(self, commit: Commit) -> None:
        """Apply a commit that another store made, with its time, hash and texts; what the chain does not hold stays
        out. Raises Conflict or Invalid where it does not continue the ledger that is here.
        """

    def check(self, change_set: ChangeSet) -> None:
        """Raise Invalid or LimitExceeded for a change set that `commit` would refuse to begin with."""

    def mark_seen(self, seen: Mapping[str, tuple[int, ...]]) -> None:
        """Note that these unchanged origins were seen (epoch ms); no commit."""

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
    @property
    def stored(self) -> Stored:
        """What lies in the store, property by property, for verification."""

    def commits(self, after: int, limit: int = 100) -> list[Commit]:
        """Commits behind a sequence, in order."""

    def save_check(self, check: LedgerCheck) -> None:
        """Keep the outcome of the latest full verification. Working state, not in the chain."""

    def last_check(self) -> LedgerCheck | None:
        """The latest full verification; None where none was made."""

    def moment(self, sequence: int | None = None, at: int | None = None) -> Moment:
        """The moment after a commit, or at a time (epoch ms); exactly one is given.

        Raises Invalid, and says where the head is, for a sequence that is not there yet or a time to come.
        """

    # ---- the past
    def change_times(self, ids: Sequence[str], before: int, limit: int) -> list[int]:
        """Commit times (ms) before one, latest first, at which these CIs or their relationships changed."""

    def heads(self, sequences: Sequence[int]) -> dict[int, CommitHead]:
        """Commits by sequence, without what they wrote."""

    def commits_at(self, times: Sequence[int]) -> list[Commit]:
        """The commits that were made at these times (ms), in order."""

    def superseded(self, ids: Iterable[str], times: Sequence[int]) -> dict[tuple[str, int], State]:
        """What held of CIs until these commit times (ms), by CI and time."""

    def superseded_links(self, keys: Iterable[LinkKey], times: Sequence[int]) -> dict[tuple[LinkKey, int], LinkState]:
        """What held of relationships until these commit times (ms)."""

    def states(self, ids: Iterable[str], at: int) -> dict[str, State]:
        """What held of CIs after the last commit at or before a time (ms); those that were not there are left out."""

    def links(self, keys: Iterable[LinkKey], at: int) -> dict[LinkKey, LinkState]:
        """What held of relationships after the last commit at or before a time (ms); ties to parents have no state."""

    def labels(self, ids: Iterable[str]) -> dict[str, Label]:
        """CIs as they are called now or, where they are no more, were called last."""

    def inside(self, ids: Iterable[str], container: str, at: int) -> set[str]:
        """Those of some CIs that, at a time (ms), were part of a CI or located in it, or are it."""

    def contents(self, ids: Sequence[str], located: bool) -> list[str]:
        """These CIs and their parts; with `located` also what is located in them, and the parts of that."""

    def lineage(self, ids: Sequence[str]) -> list[str]:
        """These CIs, those that they have absorbed, and the requirements of all of them."""

    # ---- reading
    def resolve(self, key: str, at: int | None = None) -> list[CIRef]:
        """CIs named by an id, an identifier, or a name (case ignored), in this order of preference; at most 11."""

    def cis(self, ids: Sequence[str], at: int | None = None) -> list[CIRecord]:
        """CIs by id, in the order asked; unknown ids are left out."""

    def find(
        self,
        where: Filter,
        order: Sequence[Order] = (),
        first: int = 50,
        after: str | None = None,
        at: int | None = None,
    ) -> Page:
        """A page of CIs that match; classes marked internal never match."""

    def count(self, where: Filter, limit: int = 100_000, at: int | None = None) -> int | None:
        """How many match; None when there are more than `limit`."""

    def neighbours(
        self,
        ids: Sequence[str],
        types: Sequence[str] = (),
        direction: Direction = "both",
        first: int = 50,
        after: str | None = None,
        at: int | None = None,
    ) -> dict[str, NeighbourPage]:
        """A page of relationships for each CI, in a constant number of queries. Direction is ignored for symmetric
        types.
        """

    def relationship(self, source: str, type_: str, target: str, at: int | None = None) -> RelationshipRecord | None:
        """One relationship."""

    def scan_cis(self, at: int | None = None) -> Iterator[CIRecord]:
        """All CIs, internal ones too, each parent before its dependents."""

    def scan_relationships(self, at: int | None = None) -> Iterator[RelationshipRecord]:
        """All relationships, ties to parents included."""

    def scan_targets(self) -> Iterator[tuple[str, TargetState]]:
        """All origins with their manifests."""

    def scan_pending(self) -> Iterator[Pending]:
        """All links that wait."""

    def totals(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many CIs there are by class, internal ones too, and how many relationships by type, ties to parents
        included.
        """

    def tasks(
        self, states: Sequence[str] = ("open",), kinds: Sequence[str] = (), about: Sequence[str] = ()
    ) -> list[PutTask]:
        """Identity tasks in these states; no states: in any. `about` leaves only those about one of these CIs, or
        asked by one of these origins.
        """

    def tasks_by_id(self, ids: Iterable[str]) -> list[PutTask]:
        """Identity tasks with these ids, in any state, by id; unknown ids are left out."""

    def records(
        self, kinds: Sequence[str] = (), states: Sequence[str] = (), ids: Sequence[str] = ()
    ) -> list[StoredRecord]:
        """Records by id, the oldest first; no kinds or states: of any. With `ids` those, in the order asked."""

    def ties(self, ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """How many relationships these CIs have, by type, in either direction; one without any is left out."""

    def altered(self, ids: Sequence[str]) -> set[str]:
        """Those of these CIs of which an earlier version has another class or another value under control."""

    def absorbed(self, ids: Iterable[str]) -> dict[str, str]:
        """CI ids that other CIs have absorbed -> the CI that stands for them now."""

    def apart(self, ids: Iterable[str]) -> dict[str, frozenset[str]]:
        """CIs -> those that a standing identity decision keeps apart from them."""

    def household(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs with all their dependents, as `known` gives them, but with the relationships of both directions."""

    def pending_of(self, ids: Iterable[str]) -> list[Pending]:
        """Links of these CIs that wait."""

    def records_about(self, ids: Sequence[str], kinds: Sequence[str] = ()) -> list[StoredRecord]:
        """Records about any of these CIs, the oldest first."""
