"""What changed lately on the CIs that may have caused something."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from cmdb.history import FactChange
from cmdb.impact.suspects import NOTHING, Choice, Spent, Suspects
from cmdb.model.registry import Model
from cmdb.service.completeness import DAY_MS
from cmdb.store.protocol import CIRef, GraphStore
from cmdb.timeline import Period, ci_history
from cmdb.topology import Topology

HOURS = 72
HOUR_MS = DAY_MS // 24
MOST_UPSTREAM = 500  # CIs whose history is read, the suspects first
STEPS = 200_000


class RecentChange(msgspec.Struct, frozen=True):
    """One change on a suspect, or on what it rests on (`is_suspect` False); `fact.at` is epoch ms."""

    ci: CIRef
    is_suspect: bool
    fact: FactChange


class RecentChanges(msgspec.Struct, frozen=True):
    """Changes, those on suspects first, then the latest; `complete` is False where there are more CIs or changes."""

    changes: tuple[RecentChange, ...]
    cis: int
    complete: bool


def recent_changes(
    store: GraphStore,
    model: Model,
    topology: Topology,
    suspects: Sequence[str],
    now: int,
    hours: int = HOURS,
    first: int = 50,
) -> RecentChanges:
    """Changes of the last hours on some CIs and on all that they rest on; `now` is epoch ms.

    Most incidents come from a change. What happened on a CI whose failure explains the alarms comes first.
    """
    ids, whole = _closure(topology, suspects)
    page = ci_history(store, model, ids, first, period=Period(now - hours * HOUR_MS, now + 1))
    wanted = set(suspects)
    found = [
        RecentChange(CIRef(label.id, label.ci_class, label.name), fact.ci in wanted, fact)
        for fact in page.changes
        if (label := page.labels.get(fact.ci)) is not None
    ]
    found.sort(key=lambda change: not change.is_suspect)
    return RecentChanges(tuple(found), len(ids), whole and not page.more)


def _closure(topology: Topology, suspects: Iterable[str]) -> tuple[list[str], bool]:
    """Suspects and what they rest on, the nearest kept where it is too much."""
    with topology.lock:
        start = {ci: 1 for id_ in suspects if (ci := topology.find(id_)) is not None}
        whole = True
        try:
            above = Suspects(topology.live, STEPS).upstream(start, NOTHING, Choice.ALL)
        except Spent:
            above, whole = dict(start), False
        nodes = topology.facts.nodes
        ids = dict.fromkeys(nodes[ci].id for ci in above if ci >= 0)
    kept = list(dict.fromkeys([*(i for i in suspects if i in ids), *ids]))
    return kept[:MOST_UPSTREAM], whole and len(kept) <= MOST_UPSTREAM
