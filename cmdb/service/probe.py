"""Holds the sample of an audit against what was discovered since it began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cmdb.model.registry import Model
from cmdb.observation import origin_of
from cmdb.service.completeness import Totals
from cmdb.service.examine import Examiner
from cmdb.service.lifecycle import number_of
from cmdb.service.past import Since, is_person, population, since
from cmdb.service.rules import ITEMS
from cmdb.service.scope import scope_of
from cmdb.service.verdicts import Difference, Judgement, fresh_facets, judge_one
from cmdb.store.protocol import CIRecord, Conflict, GraphStore, StoredRecord, TargetState
from cmdb.topology import Topology

SLICE = 20_000  # CIs whose past is held in memory at once
PAGE = 1_000
MOST_LISTED = 1_000  # deviations that an audit lists and makes findings of; all are counted
ATTEMPTS = 3


@dataclass
class Probed:
    """What was found. `deviations` are the first MOST_LISTED, by id; `counts` are exact."""

    counts: Counter[str] = field(default_factory=Counter)
    deviations: list[Judgement] = field(default_factory=list)
    unseen: list[Judgement] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    sequence: int = 0
    hash: str = ""

    @property
    def body(self) -> dict[str, Any]:
        """The results as they are kept in the record of the audit."""
        judged = self.counts["right"] + self.counts["different"] + self.counts["missing"]
        verdicts = ("right", "different", "missing", "unseen", "extra")
        results: dict[str, Any] = {v: self.counts[v] for v in verdicts}
        results["accuracy"] = round(self.counts["right"] / judged, 4) if judged else None
        results["listed"] = len(self.deviations)
        return {
            "results": results,
            "unseen": [{"ci": j.ci, "class": j.ci_class, "name": j.name} for j in self.unseen],
            "judged": {"sequence": self.sequence, "hash": self.hash},
            "completeness": _completeness(self.totals),
        }

    def add(self, judged: Judgement) -> None:
        """Count one CI, and keep it where it is not as expected."""
        self.counts[judged.verdict] += 1
        kept = self.unseen if judged.verdict == "unseen" else self.deviations
        if judged.verdict != "right" and len(kept) < MOST_LISTED:
            kept.append(judged)


def _completeness(totals: Totals) -> dict[str, Any]:
    rows = totals.rows()
    cis = sum(r.cis for r in rows)
    missing = {item: n for item in ITEMS if (n := sum(r.missing.get(item, 0) for r in rows))}
    return {
        "cis": cis,
        "score": round(sum(r.score * r.cis for r in rows) / cis, 4) if cis else None,
        "missing": missing,
    }


def probe(store: GraphStore, model: Model, topology: Topology, audit: StoredRecord, now: int) -> Probed:
    """Judge a running audit at one sequence; raises Conflict where writers leave no moment for it."""
    for _ in range(ATTEMPTS):
        head = store.head()
        done = Probed(sequence=head.sequence, hash=head.hash)
        _judge_all(store, model, topology, audit, now, done)
        if store.head() == head:
            return done
    raise Conflict(f"the graph changed while {number_of(audit)} was judged; try again when no discovery is running")


def _judge_all(
    store: GraphStore, model: Model, topology: Topology, audit: StoredRecord, now: int, done: Probed
) -> None:
    scope, sequence, start = scope_of(audit.body["scope"]), audit.body["expected"]["sequence"], audit.body["started"]
    sample: Sequence[str] | None = audit.body["sample"]
    if sample is None:
        sample = population(store, model, scope, sequence, now).ids
    examiner = Examiner(store, model, topology, now)
    for begin in range(0, len(sample), SLICE):
        part = sample[begin : begin + SLICE]
        past = since(store, model, scope, sequence, part)
        for ids in _pages(part):
            for judged in _judge_page(store, model, ids, past, start, examiner, done):
                done.add(judged)
        if begin + SLICE >= len(sample):
            for judged in _extras(store, past, start):
                done.add(judged)


def _pages(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(ids), PAGE):
        yield ids[begin : begin + PAGE]


def _judge_page(
    store: GraphStore,
    model: Model,
    ids: Sequence[str],
    past: Since,
    start: int,
    examiner: Examiner,
    done: Probed,
) -> Iterator[Judgement]:
    present = {ci.id: ci for ci in store.cis(ids)}
    merged = store.absorbed([i for i in ids if i not in present])
    present |= {ci.id: ci for ci in store.cis(sorted(set(merged.values())))}
    targets = _targets(store, present.values())
    names = _names(store, (end[1] for i in ids for end in past.relationships.get(i, ())))
    still_there = [present[i] for i in ids if i in present]
    for ci, complete in zip(still_there, examiner.judge(still_there), strict=True):
        done.totals.add(ci.ci_class, complete)
    for id_ in ids:
        now = present.get(merged.get(id_, id_))
        relations = list(_relations(past, id_, names))
        if id_ in merged and now is not None:
            relations.append(Difference("merged", None, f"into {now.name} ({now.id})"))
        yield judge_one(id_, past.expected[id_], now, targets, start, model, relations)


def _relations(past: Since, ci: str, names: dict[str, str]) -> Iterator[Difference]:
    for (type_, other, starts), (was, _) in sorted(past.relationships.get(ci, {}).items()):
        far = f"{'→' if starts else '←'} {names.get(other, other)}"
        yield Difference(type_, far if was else None, None if was else far)


def _targets(store: GraphStore, cis: Iterable[CIRecord]) -> dict[str, TargetState]:
    return store.targets({origin_of(f) for ci in cis for f in ci.facets if not is_person(f)})


def _names(store: GraphStore, ids: Iterable[str]) -> dict[str, str]:
    return {ci.id: ci.name for ci in store.cis(sorted(set(ids)))}


def _extras(store: GraphStore, past: Since, start: int) -> Iterator[Judgement]:
    """CIs that came into the scope and that a complete visit since the start saw."""
    for ids in _pages(sorted(past.new)):
        found = store.cis(ids)
        targets = _targets(store, found)
        for ci in found:
            if fresh := fresh_facets(ci, targets, start):
                yield Judgement(ci.id, ci.ci_class, ci.name, "extra", (), max(ci.seen[f] for f in fresh))
