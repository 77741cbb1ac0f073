"""What resolvers read from: one request sees the estate at one sequence of the ledger, or is read again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from cmdb.errors import Denied, Invalid, Unreachable
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.reconcile.belief import sure_by
from cmdb.service.alarm_rules import AlarmRules, built_in_rules
from cmdb.service.support import Closure
from cmdb.store.as_of import AsOf
from cmdb.store.protocol import CIRecord, GraphStore, Head, Moment
from cmdb.timeline import stood_for
from cmdb.topology import Topology
from cmdb.topology.past import PastTopologies
from cmdb_graphql.errors import BadInput, Moved, TimedOut

if TYPE_CHECKING:
    from cmdb_graphql.guard import Limits
    from cmdb_graphql.items import ConfigurationItem


@dataclass(frozen=True)
class Estate:
    """What a server answers from.

    `catch_up` applies the commits that the topology has not seen yet. `hold` keeps the writers of this process waiting:
    it is only taken when commits came in between several attempts to read. `clock_ms` gives epoch milliseconds.
    `closure` says which services rest on a CI; it is derived again once the topology has moved on.
    """

    store: GraphStore
    model: Model
    topology: Topology
    catch_up: Callable[[], None] = lambda: None
    hold: Callable[[], AbstractContextManager[object]] = nullcontext
    ingest: Ingest | None = None  # None: nobody may write here
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    alarm_rules: AlarmRules = field(default_factory=built_in_rules)
    closure: Closure = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "closure", Closure(self.topology))

    @cached_property
    def past(self) -> PastTopologies:
        """The topologies of moments that were asked for."""
        return PastTopologies(self.store, self.model, is_sure=sure_by(self.model.policy))


class Reading:
    """The reads of one answer, or of the part of it that is about a moment of the past.

    `deadline` is in the seconds of `clock`; `items` are the CIs that were read, by id.
    """

    def __init__(self, estate: Estate, limits: Limits, deadline: float, clock: Callable[[], float]) -> None:
        self.estate, self.limits, self.deadline, self.clock = estate, limits, deadline, clock
        self.items: dict[str, ConfigurationItem] = {}
        self.actor = "graphql"  # who writes, until there is authentication
        self.histories = 0  # pages of history in this answer
        self.moment: Moment | None = None
        self._head: Head | None = None
        self._past: dict[int, Reading] = {}

    @property
    def head(self) -> Head:
        """The sequence that the whole answer belongs to, read with the first fact."""
        if self._head is None:
            self._head = self.estate.store.head()
        return self._head

    @property
    def model(self) -> Model:
        """The model with the policies that the settings give it."""
        return self.estate.model

    @property
    def store(self) -> GraphStore:
        """The store, once it is clear at which sequence it is read; raises TimedOut when time is up."""
        _ = self.head
        self.check_time()
        return self.estate.store

    @property
    def graph(self) -> AsOf:
        """CIs and relationships as they are, or as they were at the moment of this reading."""
        return AsOf(self.store, self.moment.at if self.moment else None)

    def as_of(self, at: int | None, sequence: int | None, path: str = "") -> Reading:
        """The reads at a time (epoch ms) or after a commit; this one where neither is given. Raises BadInput."""
        if at is None and sequence is None:
            return self
        if at is not None and sequence is not None:
            raise BadInput(f"{path}sequence", f"{path}sequence: give asOf or sequence, not both")
        try:
            moment = self.store.moment(sequence, at)
        except Invalid as error:
            name = f"{path}{'asOf' if sequence is None else 'sequence'}"
            raise BadInput(name, f"{name}: {error}") from error
        past = self._past.get(moment.sequence)
        if past is None:
            past = self._past[moment.sequence] = Reading(self.estate, self.limits, self.deadline, self.clock)
            past.moment, past._head = moment, self.head
        return past

    @property
    def topology(self) -> Topology:
        """The topology at the sequence of this answer."""
        if self.moment:
            return self.estate.past.at(self.moment)
        if self.estate.topology.sequence < self.head.sequence:
            self.estate.catch_up()
        self.at(self.estate.topology.sequence)
        return self.estate.topology

    def writer(self) -> Ingest:
        """What writes go through; what is read after it is read anew. Raises Denied where nobody may write."""
        if self.estate.ingest is None:
            raise Denied("nothing can be written here: this server only answers questions")
        self.check_time()
        self._head = None
        self.items.clear()
        return self.estate.ingest

    def at(self, sequence: int) -> None:
        """Check that a partial answer was read at the sequence of the whole."""
        if self.moment:
            return  # what is past does not move
        if sequence > self.head.sequence:
            raise Moved("the graph changed while it was read; ask again")
        if sequence < self.head.sequence:
            raise Unreachable(
                f"the topology is at sequence {sequence} and the ledger at {self.head.sequence}; ask again in a moment"
            )

    def check_time(self) -> None:
        """Raise TimedOut when the time limit of the request has passed."""
        if self.clock() > self.deadline:
            raise TimedOut(f"the answer took longer than {self.limits.timeout_s:g} s; ask for less at once")

    def settle(self) -> None:
        """Raise Moved if a commit came in since the first read."""
        if self._head is not None and self.estate.store.head() != self._head:
            raise Moved("the graph changes faster than this could be read; ask for less at once, or again later")

    def take(self, records: Iterable[CIRecord]) -> list[ConfigurationItem]:
        """The CIs of these records, one object for each id; classes that users do not see are left out."""
        from cmdb_graphql.items import CLASSES, item_of

        out = []
        for record in records:
            if record.ci_class in CLASSES:
                item = self.items.get(record.id)
                if item is None:
                    item = self.items[record.id] = item_of(record)
                    item.__dict__["moment"] = self.moment
                out.append(item)
        return out

    def stands_for(self, ci: str) -> str | None:
        """The CI that has absorbed another one, now or at the moment of this reading."""
        if self.moment is not None:
            return stood_for(self.store, ci, self.moment)
        return self.store.absorbed([ci]).get(ci)

    def cis(self, ids: Iterable[str]) -> list[ConfigurationItem]:
        """CIs by id, in this order, read in one query unless they were read before; unknown ids are left out."""
        wanted = list(ids)
        missing = list(dict.fromkeys(i for i in wanted if i not in self.items))
        if missing:
            self.take(self.graph.cis(missing))
        return [self.items[i] for i in wanted if i in self.items]
