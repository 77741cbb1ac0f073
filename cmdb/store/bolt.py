"""The graph over Bolt: one store for Neo4j and for the embedded engine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cmdb.changes import ChangeSet, Pending, PutTask
from cmdb.model.registry import Model
from cmdb.store import cypher
from cmdb.store.connection import Connection
from cmdb.store.cypher import Statements
from cmdb.store.dialect import dialect_of
from cmdb.store.engine import Endpoint, Engine
from cmdb.store.find import Finder
from cmdb.store.migrate import migrate, read_migrations
from cmdb.store.neighbours import Neighbourhood
from cmdb.store.protocol import (
    CIRecord,
    CIRef,
    Commit,
    Direction,
    Filter,
    Head,
    KnownCI,
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
        statements = Statements(model)
        self._reader = Reader(self.connection, statements)
        self._writer = Writer(self.connection, statements, new_salt)
        self._scanner = Scanner(self.connection, self._reader)
        self._finder = Finder(self.connection, statements, self._reader)
        self._runs = Runs(self.connection)
        self._quarantine = Quarantine(self.connection)
        self._neighbourhood = Neighbourhood(self.connection, statements, self._reader)

    def migrate(self) -> list[str]:
        """Bring the schema up to date; return the migrations applied, refuse a schema newer than the program."""
        dialect = dialect_of(self.ping())
        return migrate(self.connection, dialect, read_migrations(dialect), self._clock_ms())

    def ping(self) -> str:
        """Say which engine and version answers; raise Unreachable."""
        return self.connection.agent()

    def close(self) -> None:
        """Give back connections, and stop the engine if it is ours."""
        self.connection.close()
        if self._engine is not None:
            self._engine.stop()

    # ---- writing
    def head(self) -> Head:
        """The end of the chain."""
        return self._reader.head()

    def targets(self, origins: Iterable[str], manifests: bool = False) -> dict[str, TargetState]:
        """State of the origins that are known."""
        return self._reader.targets(origins, manifests)

    def by_key(self, keys: Iterable[str]) -> dict[str, tuple[tuple[str, bool], ...]]:
        """Identifier keys -> (CI id, strong), for those that name something."""
        return self._reader.by_key(keys)

    def by_path(self, paths: Iterable[str]) -> dict[str, str]:
        """`<parent id>|<class>|<escaped local key>` -> CI id."""
        return self._reader.by_path(paths)

    def known(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs as candidates."""
        return self._reader.known(ids)

    def known_facets(self, ids: Iterable[str], attributes: bool = True) -> dict[str, KnownCI]:
        """CIs as candidates in part: without identifiers and links, or with nothing but class, status and facets."""
        return self._reader.known_facets(ids) if attributes else self._reader.bare_facets(ids)

    def pending(self, keys: Iterable[str]) -> dict[str, tuple[Pending, ...]]:
        """Links that wait for these keys."""
        return self._reader.pending(keys)

    def targets_due(self, before: int) -> list[TargetDue]:
        """Origins that a sweep may have to look at."""
        return self._reader.targets_due(before)

    def commit(self, change_set: ChangeSet, expected: int, actor: str, reason: str) -> int:
        """Apply a change set in one transaction and return the sequence after it."""
        return self._writer.commit(change_set, expected, actor, reason)

    def mark_seen(self, seen: Mapping[str, tuple[int, ...]]) -> None:
        """Note that these unchanged origins were seen (epoch ms); no commit."""
        self._writer.mark_seen(seen)

    def restore(self, change_set: ChangeSet, expected: int, actor: str, reason: str, revisions: dict[str, int]) -> int:
        """As `commit`, for `import` only: sets the revisions of the CIs as given."""
        return self._writer.commit(change_set, expected, actor, reason, revisions)

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
    def commits(self, after: int, limit: int = 100) -> list[Commit]:
        """Commits behind a sequence, in order; at most 10,000 at once."""
        return self._reader.commits(after, limit)

    # ---- reading
    def resolve(self, key: str) -> list[CIRef]:
        """CIs named by an id, an identifier, or a name (case ignored), in this order of preference; at most 11."""
        return self._reader.resolve(key)

    def cis(self, ids: Sequence[str]) -> list[CIRecord]:
        """CIs by id, in the order asked; unknown ids are left out."""
        return self._reader.cis(ids)

    def find(self, where: Filter, order: Sequence[Order] = (), first: int = 50, after: str | None = None) -> Page:
        """A page of CIs that match; classes marked internal never match."""
        return self._finder.find(where, order, first, after)

    def count(self, where: Filter, limit: int = 100_000) -> int | None:
        """How many match; None when there are more than `limit`."""
        return self._finder.count(where, limit)

    def neighbours(
        self,
        ids: Sequence[str],
        types: Sequence[str] = (),
        direction: Direction = "both",
        first: int = 50,
        after: str | None = None,
    ) -> dict[str, NeighbourPage]:
        """A page of relationships for each CI, in a constant number of queries."""
        return self._neighbourhood.pages(ids, types, direction, first, after)

    def relationship(self, source: str, type_: str, target: str) -> RelationshipRecord | None:
        """One relationship."""
        return self._reader.relationship(source, type_, target)

    def scan_cis(self) -> Iterator[CIRecord]:
        """All CIs, internal ones too, each parent before its dependents."""
        return self._scanner.cis()

    def scan_relationships(self) -> Iterator[RelationshipRecord]:
        """All relationships, ties to parents included."""
        return self._scanner.relationships()

    def scan_targets(self) -> Iterator[tuple[str, TargetState]]:
        """All origins with their manifests."""
        return self._scanner.targets()

    def scan_pending(self) -> Iterator[Pending]:
        """All links that wait."""
        return self._scanner.pending()

    def totals(self) -> tuple[dict[str, int], dict[str, int]]:
        """CIs by class and relationships by type."""
        return self._runs.totals()

    def tasks(self, states: Sequence[str] = ("open",), kinds: Sequence[str] = ()) -> list[PutTask]:
        """Identity tasks."""
        return self._reader.tasks(states, kinds)

    def records(
        self, kinds: Sequence[str] = (), states: Sequence[str] = (), ids: Sequence[str] = ()
    ) -> list[StoredRecord]:
        """Records, the oldest first, or those with these ids."""
        return self._reader.put_records(kinds, states, ids)

    def absorbed(self, ids: Iterable[str]) -> dict[str, str]:
        """CI ids that other CIs have absorbed -> the CI that stands for them now."""
        return self._reader.absorbed(ids)
