"""Minimal cut sets: the smallest sets of CIs whose joint failure takes a CI down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, islice

import msgspec

from cmdb.errors import LimitExceeded, UsageError
from cmdb.impact.asked import check_first, living
from cmdb.impact.engine import Cascade, live_path
from cmdb.impact.fixpoint import fail
from cmdb.impact.region import Region
from cmdb.impact.support import Supports, Upstream
from cmdb.impact.turns import Rest, TimeIsUp, Turns, onward
from cmdb.store.protocol import CIRef
from cmdb.topology import Finding, Topology
from cmdb.topology.live import WAIVED, Live, ci_of
from cmdb.topology.view import finding_views

MOST_SERVICES = 20
MOST_SIZE = 3  # larger sets are too many to read, and finding them is NP-hard
MOST_CUTS = 1_000
MOST_DOWN = 1_000
MOST_FINDINGS = 200


class CutSet(msgspec.Struct, frozen=True):
    """CIs whose joint failure takes a service down; no part of them does. No members: it is down already."""

    service: CIRef
    members: tuple[CIRef, ...]


class CutSets(msgspec.Struct, frozen=True):
    """Minimal cut sets as of one sequence, smallest first. `as_of` is epoch milliseconds UTC.

    `complete` is False if `first` or the time cut the list. `findings` are defects of the data on which it hangs.
    """

    sequence: int
    as_of: int
    policy_version: str
    complete: bool
    cuts: tuple[CutSet, ...]
    findings: tuple[Finding, ...]


def cut_sets(
    topology: Topology,
    services: Sequence[str],
    max_size: int = 1,
    down: Sequence[str] = (),
    first: int = 200,
    rest: Rest = onward,
) -> CutSets:
    """Find all minimal cut sets of up to `max_size` CIs for each of `services` (CI ids); the CI itself is none.

    `down` are CIs that are down already. When `rest` says that time is up, the answer says that it is not complete.
    Raises UsageError, NotFound, Invalid, LimitExceeded or Overtaken.
    """
    check_first(first, MOST_CUTS)
    if not services:
        raise UsageError("no services: name at least one CI to take down")
    if len(services) > MOST_SERVICES:
        raise LimitExceeded(f"{len(services):,} services; at most {MOST_SERVICES} fit one question")
    if not 1 <= max_size <= MOST_SIZE:
        raise LimitExceeded(f"sets of {max_size} CIs; give 1 to {MOST_SIZE}")
    if len(down) > MOST_DOWN:
        raise LimitExceeded(f"{len(down):,} CIs that are down already; at most {MOST_DOWN:,} fit one question")
    with Turns(topology, rest) as turns:
        targets = list(dict.fromkeys(living(topology, ci) for ci in services))
        base = fail(topology.live, [living(topology, ci) for ci in down])
        found: list[tuple[int, frozenset[int]]] = []
        complete, reached = True, set(targets)
        try:
            for cut in _by_size(topology.live, base, targets, max_size, turns.spend):
                if len(found) == first:
                    complete = False
                    break
                found.append(cut)
            reached = upstream(topology.live, base, targets, turns.spend)
        except TimeIsUp:
            complete = False
        cuts = sorted((_cut(topology, ci, members) for ci, members in found), key=_rank)
        findings = tuple(islice(_findings(topology, reached), MOST_FINDINGS))
        version = topology.policy.version
        return CutSets(topology.sequence, topology.at, version, complete, tuple(cuts), findings)


def _by_size(
    live: Live, base: Cascade, targets: Iterable[int], max_size: int, spend: Callable[[int], None]
) -> Iterator[tuple[int, frozenset[int]]]:
    """Cut sets of all targets, smallest first."""
    searches = []
    for ci in targets:
        if ci in base.cause:
            yield ci, frozenset()
        else:
            searches.append(Search(live, base, ci, spend))
    for size in range(1, max_size + 1):
        for search in searches:
            for members in search.grow(is_last=size == max_size):
                yield search.target, members


class Search:
    """The minimal cut sets of one CI, size by size.

    A set of CIs that by itself keeps the CI up is a witness: what fails beside it does no harm, and every cut set
    meets it. So the members of one that is left are tried as the next to fail, and a fixpoint is only needed where
    every witness so far is hit: it ends in a cut set, or in a new witness.
    """

    def __init__(self, live: Live, base: Cascade, target: int, spend: Callable[[int], None]) -> None:
        self._live, self._base, self._spend = live, base, spend
        self.target = target
        self._thin = Region(Upstream(live, base), frozenset(), target, spend, thin=True)
        self._supports = Supports(frozenset(), spend)
        self._witnesses: list[list[int]] = []
        self._hits: dict[int, int] = {}  # CI -> the witnesses it is in, as bits
        self._cuts: set[frozenset[int]] = set()
        self._harmless: list[tuple[int, ...]] = [()]  # sets of the size reached that leave it up

    def grow(self, is_last: bool) -> Iterator[frozenset[int]]:
        """Minimal cut sets with one member more than those before; needs to be read to the end."""
        seen: set[frozenset[int]] = set()
        grown = []
        for failed in self._harmless:
            for member in self._witness(failed) or ():
                self._spend(1)
                chosen = frozenset((*failed, member))
                if chosen in seen or self._is_cut_already(chosen):
                    continue
                seen.add(chosen)
                if self._witness(tuple(chosen)) is None:
                    yield chosen
                    self._cuts.add(chosen)
                elif not is_last:
                    grown.append(tuple(chosen))
        self._harmless = grown

    def _is_cut_already(self, chosen: frozenset[int]) -> bool:
        """Whether a part of a set is a cut set."""
        sizes = range(1, len(chosen))
        return any(frozenset(part) in self._cuts for size in sizes for part in combinations(chosen, size))

    def _witness(self, failed: tuple[int, ...]) -> list[int] | None:
        """CIs, the target aside, that keep it up although these failed; None: it falls with them."""
        hit = 0
        for ci in failed:
            hit |= self._hits.get(ci, 0)
        free = ~hit & ((1 << len(self._witnesses)) - 1)
        if free:
            return self._witnesses[(free & -free).bit_length() - 1]
        if self.target in self._thin.fallen(failed, hit_is_lost=False):
            return None
        run = fail(self._live, failed, after=self._base)
        self._spend(10 + len(run.cause) + len(run.loss) + len(run.moved))
        if self.target in run.cause:
            return None
        avoid = self._witnesses[0] if self._witnesses else ()  # the less two have in common, the fewer are needed
        rests_on = self._supports.of(self.target, Upstream(self._live, run), set(avoid))
        found = [ci for ci in rests_on if ci >= 0 and ci != self.target]
        for ci in found:
            self._hits[ci] = self._hits.get(ci, 0) | 1 << len(self._witnesses)
        self._witnesses.append(found)
        return found


def upstream(live: Live, base: Cascade, targets: Iterable[int], spend: Callable[[int], None]) -> set[int]:
    """All CIs that these rest on, over requirements that are not waived and over present paths; and they themselves."""
    queue = list(targets)
    found, seen = set(queue), set[int]()
    for ci in queue:
        groups = [group for group in live.owned.get(ci, ()) if group.slack < WAIVED]
        for literal in [literal for group in groups for literal, _ in group.providers]:
            if literal in seen:
                continue
            seen.add(literal)
            alive = literal < 0 and live.is_alive(literal) and literal not in base.cause
            for further in live_path(live, base, literal) if alive else (ci_of(literal),):
                if further not in found:
                    found.add(further)
                    queue.append(further)
        spend(1 + len(groups))
    return found


def _cut(topology: Topology, service: int, members: Iterable[int]) -> CutSet:
    refs = sorted(map(topology.ref, members), key=lambda ref: (ref.name, ref.id))
    return CutSet(topology.ref(service), tuple(refs))


def _rank(cut: CutSet) -> tuple[int, str, str, list[tuple[str, str]]]:
    return (len(cut.members), cut.service.name, cut.service.id, [(ref.name, ref.id) for ref in cut.members])


def _findings(topology: Topology, reached: Iterable[int]) -> Iterator[Finding]:
    """What is wrong with the requirements of these CIs."""
    defects, nodes = topology.live.defects, topology.facts.nodes
    for owner in sorted((ci for ci in reached if ci in defects), key=lambda ci: (nodes[ci].name, nodes[ci].id)):
        for group in sorted(defects[owner], key=lambda g: g.id):
            yield from finding_views(topology.facts, topology.live, group)
