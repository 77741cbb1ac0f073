"""Going over the graph now and then: what nobody confirmed becomes stale, missing, retired; ties end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from cmdb.candidates import contested
from cmdb.changes import STALE, ChangeSet, EndRelationship, SetCI
from cmdb.ingest import Ingest
from cmdb.observation import RUN, split_origin
from cmdb.reconcile.ageing import Ageing, is_due, siblings, silence_confidence, wanted
from cmdb.reconcile.draft import Draft
from cmdb.store.protocol import Candidates, GraphStore, Head, KnownCI, TargetDue

BATCH = 60  # targets in one commit; a device has some sixty things
COUNTED = ("stale", "missing", "retired", "ended", "commits")
T = TypeVar("T")


class Swept(msgspec.Struct, frozen=True):
    """What a sweep did: how many facets became stale, how many CIs missing and retired, how many ties ended."""

    stale: int = 0
    missing: int = 0
    retired: int = 0
    ended: int = 0
    commits: int = 0
    sequence: int = 0


def targets_due(store: GraphStore, ingest: Ingest, now: int) -> list[TargetDue]:
    """Origins of which a sweep at `now` (ms) may make something."""
    policy = ingest.model.policy
    soonest = [p for p in (policy.first_stale(), *policy.endings()[:1]) if p is not None]
    found = store.targets_due(now - min(soonest, default=now))
    return [due for due in found if is_due(due, policy, now)]


def sweep(ingest: Ingest, now: int, actor: str, reason: str = "sweep", dry_run: bool = False) -> Swept:
    """Age what is in the graph as of `now` (epoch ms); in commits of a bounded size, none where nothing is due.

    With `dry_run` only tell. A sweep that is interrupted is taken up by the next one.
    """
    tally = Counter[str]()
    sequence = ingest.store.head().sequence
    for batch in chunked(targets_due(ingest.store, ingest, now), BATCH):
        planned = _Batch(ingest, batch, now, dry_run)
        sequence, change_set = ingest.decide(planned.make, actor, reason, dry_run, by_person=False)
        if change_set is not None:
            tally += planned.tally(change_set)
            tally["commits"] += bool(change_set.changes) and not dry_run  # others may commit meanwhile
    return Swept(**{name: tally[name] for name in COUNTED}, sequence=sequence)


class _Batch:
    """Some targets that are aged in one commit."""

    def __init__(self, ingest: Ingest, due: Sequence[TargetDue], now: int, only_find: bool) -> None:
        self.store, self.model, self.due, self.now = ingest.store, ingest.model, due, now
        self.only_find = only_find
        self.known: dict[str, KnownCI] = {}

    def make(self, head: Head) -> ChangeSet | None:
        """Read what the targets said, and plan."""
        policy, now = self.model.policy, self.now
        states = self.store.targets([d.origin for d in self.due], manifests=True)
        there = [d for d in self.due if d.origin in states]
        full: set[str] = set()
        facets: set[str] = set()
        for due in there:
            more = wanted(states[due.origin], due, policy, now)
            full, facets = full | more[0], facets | more[1]
        self.known = self.store.known(sorted(full)) if full else {}
        if facets := facets - full:
            self.known |= self.store.known_facets(sorted(facets), attributes=not self.only_find)
        draft = Draft(Candidates(head.sequence, contested(self.store, self.known.values()), cis=self.known), states)
        ageing = Ageing(draft, self.model, now)
        for due in there:
            if split_origin(due.origin)[0] == RUN:
                self._lose_silent(head, due, draft, ageing)
            else:
                ageing.age(due)
        change_set = ageing.change_set(now)
        return change_set if change_set.changes or change_set.targets else None

    def _lose_silent(self, head: Head, due: TargetDue, draft: Draft, ageing: Ageing) -> None:
        """A target that did not answer for long enough: what it said is lost, with all that is part of it."""
        lost: set[str] = set()
        for ci, absent in draft.targets[due.origin].absent.items():
            known = draft.known.get(ci)
            if known is None or not (missed := ageing.is_silent(known, due.visits, absent.since)):
                continue
            origins = siblings(list(known.facets), split_origin(due.origin)[1], self.model.policy)
            states = self.store.targets(origins, manifests=True)
            draft.targets |= states
            whole = {ci for ci, k in draft.known.items() if not k.is_partial}
            more = {e.ci for s in states.values() for e in s.manifest.values()} - whole
            read = self.store.known(sorted(more)) if more else {}
            draft.add_known(read)
            self.known |= read
            belief = self._belief(known, due, missed[0], absent.since)
            for origin in states:
                ageing.lose(origin, absent.since, *missed, belief)
            lost.add(ci)
        ageing.leave(due.origin, lost)

    def _belief(self, known: KnownCI, due: TargetDue, runs: int, since: int) -> int:
        """How sure it is that a silent device is gone, in percent."""
        ports = [c.id for c in self.known.values() if c.parent == known.id and c.ci_class == "Interface"]
        pages = self.store.neighbours([known.id, *ports], ("CONNECTED_TO", "SEEN_ON"), "both", 50) if ports else {}
        ties = [n for page in pages.values() for n in page.neighbours]
        target = split_origin(due.origin)[1]
        others = [at for n in ties for o, at in n.relationship.seen.items() if split_origin(o)[1] != target]
        reached = any(
            d.last_seen >= since and not d.absent for d in self.store.targets_due(2**53) if _is_run(d, target)
        )
        return silence_confidence(
            runs,
            neighbours_up=any(n.other.status == "in_service" for n in ties),
            others_reached=reached,
            still_heard=any(at > since for at in others),
        )

    def tally(self, change_set: ChangeSet) -> Counter[str]:
        """Count what a change set does."""
        found = Counter[str]()
        for change in change_set.changes:
            found["ended"] += isinstance(change, EndRelationship)
            if isinstance(change, SetCI):
                before = self.known[change.id]
                found[change.status] += change.status != before.status
                marked = (o for o, f in change.facets.items() if STALE in f.marks)
                found["stale"] += sum(STALE not in before.facets[o].marks for o in marked)
        return found


def _is_run(due: TargetDue, target: str) -> bool:
    source, other = split_origin(due.origin)
    return source == RUN and other != target


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items in lists of at most `size`."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
