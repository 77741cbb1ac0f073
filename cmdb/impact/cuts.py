"""Minimal cut sets: the smallest sets of CIs whose joint failure takes a CI down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, islice

import msgspec

from cmdb.errors import LimitExceeded, UsageError
from cmdb.impact.asked import check_first, living
from cmdb.impact.engine import Cascade, fail
from cmdb.impact.region import Region
from cmdb.impact.support import Supports
from cmdb.impact.turns import Rest, TimeIsUp, Turns, onward
from cmdb.store.protocol import CIRef
from cmdb.topology import Finding, Topology
from cmdb.topology.live import Live
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
        reached: set[int] = set()
        complete = True
        try:
            for cut in _by_size(topology.live, base, targets, max_size, reached, turns.spend):
                if len(found) == first:
                    complete = False
                    break
                found.append(cut)
        except TimeIsUp:
            complete = False
        cuts = sorted((_cut(topology, ci, members) for ci, members in found), key=_rank)
        findings = tuple(islice(_findings(topology, reached), MOST_FINDINGS))
        version = topology.policy.version
        return CutSets(topology.sequence, topology.at, version, complete, tuple(cuts), findings)


def _by_size(
    live: Live, base: Cascade, targets: Iterable[int], max_size: int, reached: set[int], spend: Callable[[int], None]
) -> Iterator[tuple[int, frozenset[int]]]:
    """Cut sets of all targets, those of one CI first; what they rest on is added to `reached`."""
    searches = []
    for ci in targets:
        if ci in base.cause:
            yield ci, frozenset()
        else:
            searches.append(Search(live, base, ci, spend))
            reached |= searches[-1].region.reached
    for _ in range(max_size):
        for search in searches:
            for members in search.grow():
                yield search.target, members


class Search:
    """The minimal cut sets of one CI, size by size.

    Every cut set meets every set of CIs that by itself keeps the CI up. So such a set is found for what failed so far,
    and each of its members is tried as the next to fail.
    """

    def __init__(self, live: Live, base: Cascade, target: int, spend: Callable[[int], None]) -> None:
        self._live, self._base, self._spend = live, base, spend
        self.target = target
        self.region = Region(live, base, frozenset(), target, spend)
        self._supports = Supports(live, frozenset(), spend)
        self._cuts: set[frozenset[int]] = set()
        self._harmless: list[tuple[int, ...]] = [()]  # sets of the size reached that leave it up

    def grow(self) -> Iterator[frozenset[int]]:
        """Minimal cut sets with one member more than those before; needs to be read to the end."""
        seen: set[frozenset[int]] = set()
        grown = []
        for failed in self._harmless:
            for member in self._support(failed):
                chosen = frozenset((*failed, member))
                if member < 0 or member == self.target or chosen in seen or self._is_cut_already(chosen):
                    continue
                seen.add(chosen)
                if self._falls(tuple(chosen)):
                    yield chosen
                    self._cuts.add(chosen)
                else:
                    grown.append(tuple(chosen))
        self._harmless = grown

    def _is_cut_already(self, chosen: frozenset[int]) -> bool:
        """Whether a part of a set is a cut set."""
        sizes = range(1, len(chosen))
        return any(frozenset(part) in self._cuts for size in sizes for part in combinations(chosen, size))

    def _support(self, failed: tuple[int, ...]) -> dict[int, None]:
        """Literals that keep the target up although these CIs failed."""
        dead = self.region.fallen(failed, hit_is_lost=True)
        carried = self._supports.of(self.target, self._base, dead)
        if dead.isdisjoint(carried):
            return carried
        return self._supports.of(self.target, self._run(failed), frozenset())

    def _falls(self, failed: tuple[int, ...]) -> bool:
        verdict = self.region.falls(*failed)
        return self.target in self._run(failed).cause if verdict is None else verdict

    def _run(self, failed: tuple[int, ...]) -> Cascade:
        run = fail(self._live, failed, after=self._base)
        self._spend(10 + len(run.cause) + len(run.loss))
        return run


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
