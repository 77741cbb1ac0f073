"""The graph over Bolt: one store for Neo4j and for the embedded engine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from cmdb.changes import ChangeSet, Pending, PutTask
from cmdb.model.registry import Model
from cmdb.store import cypher
from cmdb.store.altered import Alterations
from cmdb.store.connection import Connection
from cmdb.store.cypher import Statements
from cmdb.store.dialect import Dialect, dialect_of
from cmdb.store.engine import Endpoint, Engine
from cmdb.store.find import Finder
from cmdb.store.first_slots import take_first_slots
from cmdb.store.household import Household
from cmdb.store.migrate import migrate, read_migrations
from cmdb.store.moments import Moments
from cmdb.store.neighbours import Neighbourhood
from cmdb.store.pages import Walker
from cmdb.store.past import Past
from cmdb.store.past_edges import PastEdges
from cmdb.store.protocol import (
    CIRecord,
    CIRef,
    Commit,
    Direction,
    Filter,
    Head,
    KnownCI,
    LedgerCheck,
    Moment,
    NeighbourPage,
    Order,
    Page,
    Quarantined,
    RelationshipRecord,
    RunRecord,
    StoredRecord,
    TargetDue,
    TargetState,
)
from cmdb.store.quarantine import Quarantine
from cmdb.store.read import Reader
from cmdb.store.runs import Runs
from cmdb.store.scan import Scanner
from cmdb.store.states import CommitHead, Label, LinkKey, LinkState, State
from cmdb.store.stored import Stored
from cmdb.store.ties import Ties
from cmdb.store.versions import Versions
from cmdb.store.write import Writer


class BoltStore:
    """`GraphStore` on the official driver. Closing it also stops the engine that was started for it."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: Model,
        engine: Engine | None = None,
        new_salt: Callable[[], bytes] = lambda: os.urandom(16),
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Raises UsageError for an impossible address; connects at the first use."""
        self.connection = Connection(endpoint)
        self._engine, self._clock_ms = engine, clock_ms
        self._known_dialect: Dialect | None = None
        statements = Statements(model)
        self._types = tuple(model.relationship_types)
        self._reader = Reader(self.connection, statements)
        self._writer = Writer(self.connection, statements, new_salt)
        self._versions = Versions(self.connection, statements)
        self._moments = Moments(self.connection, clock_ms)
        self._past = Past(self.connection, statements, self._reader)
        self._past_edges = PastEdges(self.connection, statements, self._past)
        self._scanner = Scanner(self.connection, self._reader, self._past, self._past_edges)
        walker = Walker(self.connection, self._dialect)
        self._finder = Finder(self.connection, statements, self._reader, self._past, self._past_edges, walker)
        self._runs = Runs(self.connection)
        self._stored = Stored(self.connection)
        self._quarantine = Quarantine(self.connection)
        self._household = Household(self.connection)
        self._alterations = Alterations(self.connection, statements)
        self._ties = Ties(self.connection, statements)
        self._neighbourhood = Neighbourhood(self.connection, statements, self._reader)

    def migrate(self) -> list[str]:
        """Bring the schema up to date; return the migrations applied, refuse a schema newer than the program."""
        dialect = self._dialect()
        done = migrate(self.connection, dialect, read_migrations(dialect), self._clock_ms())
        if dialect.reuses_first_slot:
            take_first_slots(self.connection, self._types)
        return done

    def _dialect(self) -> Dialect:
        """The dialect of the engine; it is asked for once."""
        if self._known_dialect is None:
            self._known_dialect = dialect_of(self.ping())
        return self._known_dialect

    def ping(self) -> str:
        """Say which engine and version answers; raise Unreachable."""
        return self.connection.agent()

    def close(self) -> None:
        """Give back connections, and stop the engine if it is ours."""
        self.connection.close()
        if self._engine is not None:
            self._engine.stop()

    def together(self) -> AbstractContextManager[None]:
        """Let the reads of this thread share a transaction."""
        return self.connection.together()

    # ---- writing
    def head(self) -> Head:
        """The end of the chain."""
        return self._reader.head()

    def targets(self, origins: Iterable[str], manifests: bool = False) -> dict[str, TargetState]:
        """State of the origins that are known."""
        return self._reader.targets(origins, manifests)

    def head_and_targets(self, origins: Iterable[str], manifests: bool = False) -> tuple[Head, dict[str, TargetState]]:
        """The end of the chain and, read after it, the state of the origins that are known."""
        return self._reader.head_and_targets(origins, manifests)

    def by_key(self, keys: Iterable[str], at: int | None = None) -> dict[str, tuple[tuple[str, bool], ...]]:
        """Identifier keys -> (CI id, strong), for those that name something."""
        return self._reader.by_key(keys) if at is None else self._past.by_key(keys, at)

    def by_path(self, paths: Iterable[str]) -> dict[str, str]:
        """`<parent id>|<class>|<escaped local key>` -> CI id."""
        return self._reader.by_path(paths)

    def known(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs as candidates."""
        return self._reader.known(ids)

    def known_facets(self, ids: Iterable[str], attributes: bool = True) -> dict[str, KnownCI]:
        """CIs as candidates in part: without identifiers and links, or with nothing but class, status and facets."""
        return self._reader.known_facets(ids) if attributes else self._reader.bare_facets(ids)

    def named(
        self, keys: Iterable[str], arriving: Iterable[str]
    ) -> tuple[dict[str, tuple[tuple[str, bool], ...]], dict[str, tuple[Pending, ...]]]:
        """As `by_key` for some keys, and the links that wait for others."""
        return self._reader.named(keys, arriving)

    def targets_due(self, before: int) -> list[TargetDue]:
        """Origins that a sweep may have to look at."""
        return self._reader.targets_due(before)

    def commit(self, change_set: ChangeSet, expected: int, actor: str, reason: str) -> int:
        """Apply a change set in one transaction and return the sequence after it."""
        return self._writer.commit(change_set, expected, actor, reason)

    def replay(self, commit: Commit) -> None:
        """Apply a commit that another store made, with its time, hash and texts."""
        self._writer.replay(commit)

    def check(self, change_set: ChangeSet) -> None:
        """Raise Invalid or LimitExceeded for a change set that `commit` would refuse to begin with."""
        self._writer.check(change_set)

    def mark_seen(self, seen: Mapping[str, tuple[int, ...]]) -> None:
        """Note that these unchanged origins were seen (epoch ms); no commit."""
        self._writer.mark_seen(seen)

    def policy(self) -> str:
        """Version of the model for which the values were derived, as it was noted."""
        found = self.connection.rows(cypher.POLICY)
        return str(found[0][0]) if found else ""

    def note_policy(self, version: str) -> None:
        """Note the version of the model for which the values hold."""
        self.connection.write(lambda tx: tx.run(cypher.NOTE_POLICY, version=version).consume(), lambda: None)

    def save_run(self, run: RunRecord) -> None:
        """Keep how a run ended."""
        self._runs.save(run)

    def runs(self, first: int = 20) -> list[RunRecord]:
        """The latest runs, newest first."""
        return self._runs.latest(first)

    def quarantine(self, entries: Sequence[Quarantined], most: int) -> set[str]:
        """Keep items for a person and return the ids that were kept."""
        return self._quarantine.keep(entries, most)

    def quarantined(self, first: int = 50, after: str | None = None, ids: Sequence[str] = ()) -> list[Quarantined]:
        """Items in quarantine, oldest first."""
        return self._quarantine.named(ids) if ids else self._quarantine.page(first, after)

    def release(self, ids: Sequence[str]) -> int:
        """Let items leave the quarantine; return how many did."""
        return self._quarantine.release(ids)

    def quarantine_total(self) -> int:
        """How many items are in quarantine."""
        return self._quarantine.total()

    # ---- the chain
    @property
    def stored(self) -> Stored:
        """What lies in the store, property by property, for verification."""
        return self._stored

    def commits(self, after: int, limit: int = 100) -> list[Commit]:
        """Commits behind a sequence, in order; at most 10,000 at once."""
        return self._reader.commits(after, limit)

    def save_check(self, check: LedgerCheck) -> None:
        """Keep the outcome of the latest full verification."""
        self._runs.save_check(check)

    def last_check(self) -> LedgerCheck | None:
        """The latest full verification; None where none was made."""
        return self._runs.last_check()

    def moment(self, sequence: int | None = None, at: int | None = None) -> Moment:
        """The moment after a commit, or at a time (epoch ms)."""
        return self._moments.find(sequence, at)

    # ---- the past
    def change_times(self, ids: Sequence[str], before: int, limit: int) -> list[int]:
        """Commit times (ms) before one, latest first, at which these CIs or their relationships changed."""
        return self._versions.change_times(ids, before, limit)

    def heads(self, sequences: Sequence[int]) -> dict[int, CommitHead]:
        """Commits by sequence, without what they wrote."""
        return self._versions.heads(sequences)

    def commits_at(self, times: Sequence[int]) -> list[Commit]:
        """The commits that were made at these times (ms), in order."""
        return self._versions.commits_at(times)

    def superseded(self, ids: Iterable[str], times: Sequence[int]) -> dict[tuple[str, int], State]:
        """What held of CIs until these commit times (ms), by CI and time."""
        return self._versions.superseded(ids, times)

    def superseded_links(self, keys: Iterable[LinkKey], times: Sequence[int]) -> dict[tuple[LinkKey, int], LinkState]:
        """What held of relationships until these commit times (ms)."""
        return self._versions.superseded_links(keys, times)

    def states(self, ids: Iterable[str], at: int) -> dict[str, State]:
        """What held of CIs after the last commit at or before a time (ms)."""
        return self._versions.states(ids, at)

    def links(self, keys: Iterable[LinkKey], at: int) -> dict[LinkKey, LinkState]:
        """What held of relationships after the last commit at or before a time (ms)."""
        return self._versions.links(keys, at)

    def labels(self, ids: Iterable[str]) -> dict[str, Label]:
        """CIs as they are called now or, where they are no more, were called last."""
        return self._versions.labels(ids)

    def inside(self, ids: Iterable[str], container: str, at: int) -> set[str]:
        """Those of some CIs that, at a time (ms), were part of a CI or located in it, or are it."""
        return self._versions.inside(ids, container, at)

    def contents(self, ids: Sequence[str], located: bool) -> list[str]:
        """These CIs and their parts; with `located` also what is located in them, and the parts of that."""
        return self._versions.contents(ids, located)

    def lineage(self, ids: Sequence[str]) -> list[str]:
        """These CIs, those that they have absorbed, and the requirements of all of them."""
        return self._versions.lineage(ids)

    # ---- reading
    def resolve(self, key: str, at: int | None = None) -> list[CIRef]:
        """CIs named by an id, an identifier, or a name (case ignored), in this order of preference; at most 11."""
        return self._reader.resolve(key) if at is None else self._past.resolve(key, at)

    def cis(self, ids: Sequence[str], at: int | None = None) -> list[CIRecord]:
        """CIs by id, in the order asked; unknown ids are left out."""
        return self._reader.cis(ids) if at is None else self._past.cis(ids, at)

    def find(
        self,
        where: Filter,
        order: Sequence[Order] = (),
        first: int = 50,
        after: str | None = None,
        at: int | None = None,
    ) -> Page:
        """A page of CIs that match; classes marked internal never match."""
        return self._finder.find(where, order, first, after, at)

    def count(self, where: Filter, limit: int = 100_000, at: int | None = None) -> int | None:
        """How many match; None when there are more than `limit`."""
        return self._finder.count(where, limit, at)

    def neighbours(
        self,
        ids: Sequence[str],
        types: Sequence[str] = (),
        direction: Direction = "both",
        first: int = 50,
        after: str | None = None,
        at: int | None = None,
    ) -> dict[str, NeighbourPage]:
        """A page of relationships for each CI, in a constant number of queries."""
        if at is not None:
            return self._past_edges.pages(ids, types, direction, first, after, at)
        return self._neighbourhood.pages(ids, types, direction, first, after)

    def relationship(self, source: str, type_: str, target: str, at: int | None = None) -> RelationshipRecord | None:
        """One relationship."""
        if at is not None:
            return self._past_edges.relationship(source, type_, target, at)
        return self._reader.relationship(source, type_, target)

    def scan_cis(self, at: int | None = None) -> Iterator[CIRecord]:
        """All CIs, internal ones too, each parent before its dependents."""
        return self._scanner.cis(at)

    def scan_relationships(self, at: int | None = None) -> Iterator[RelationshipRecord]:
        """All relationships, ties to parents included."""
        return self._scanner.relationships(at)

    def scan_targets(self) -> Iterator[tuple[str, TargetState]]:
        """All origins with their manifests."""
        return self._scanner.targets()

    def scan_pending(self) -> Iterator[Pending]:
        """All links that wait."""
        return self._scanner.pending()

    def totals(self) -> tuple[dict[str, int], dict[str, int]]:
        """CIs by class and relationships by type."""
        return self._runs.totals()

    def tasks(
        self, states: Sequence[str] = ("open",), kinds: Sequence[str] = (), about: Sequence[str] = ()
    ) -> list[PutTask]:
        """Identity tasks."""
        return self._reader.tasks(states, kinds, about)

    def tasks_by_id(self, ids: Iterable[str]) -> list[PutTask]:
        """Identity tasks with these ids, in any state."""
        return self._reader.tasks_by_id(ids)

    def records(
        self, kinds: Sequence[str] = (), states: Sequence[str] = (), ids: Sequence[str] = ()
    ) -> list[StoredRecord]:
        """Records, the oldest first, or those with these ids."""
        return self._reader.put_records(kinds, states, ids)

    def ties(self, ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """How many relationships these CIs have, by type."""
        return self._ties.of(ids)

    def altered(self, ids: Sequence[str]) -> set[str]:
        """Those of these CIs of which an earlier version differs in what is under control."""
        return self._alterations.of(ids)

    def absorbed(self, ids: Iterable[str]) -> dict[str, str]:
        """CI ids that other CIs have absorbed -> the CI that stands for them now."""
        return self._reader.absorbed(ids)

    def apart(self, ids: Iterable[str]) -> dict[str, frozenset[str]]:
        """CIs -> those that a standing identity decision keeps apart from them."""
        return self._household.apart(ids)

    def household(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs with all their dependents and the relationships of both directions."""
        return self._household.read(ids)

    def pending_of(self, ids: Iterable[str]) -> list[Pending]:
        """Links of these CIs that wait."""
        return self._household.pending(ids)

    def records_about(self, ids: Sequence[str], kinds: Sequence[str] = ()) -> list[StoredRecord]:
        """Records about any of these CIs, the oldest first."""
        return self._household.records(ids, kinds)
