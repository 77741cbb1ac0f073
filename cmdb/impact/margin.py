"""How many further failures break a CI that lost redundancy, common causes seen through."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from cmdb.impact.engine import Cascade
from cmdb.impact.fixpoint import fail
from cmdb.impact.region import Region
from cmdb.impact.support import Supports, Upstream
from cmdb.topology.live import Live, ci_of

STEPS = 20_000  # requirements and literals that one answer may look at for this; about ten milliseconds
DEEPEST = 50  # single providers in a row that are followed
MANY = 3  # three or more: finding the exact number is NP-hard


class _Spent(Exception):
    """The search ran into its limit."""


class Margins:
    """The size, up to MANY, of the smallest set of further failures that takes a CI down.

    Every such set meets every set of CIs that by itself keeps the CI up. So such sets are found, and only their
    members are tried: among what the CI rests on first, by a true fixpoint where that leaves a doubt.
    """

    def __init__(self, live: Live, down: Cascade, pinned: AbstractSet[int], steps: int = STEPS) -> None:
        self._live, self._down, self._pinned, self._steps = live, down, pinned, steps
        self._supports, self._upstream = Supports(pinned, self._spend), Upstream(live, down)
        self._runs: dict[tuple[int, ...], Cascade] = {}
        self._needed: dict[int, frozenset[int]] = {}

    def of(self, ci: int) -> int | None:
        """Further failures that take `ci` down: 1, 2 or MANY; None if the search would take too long."""
        bound = self.bound(ci)
        if bound == 1:
            return 1
        try:
            if self._has_a_common_cause(ci):
                return 1
            carried = self._supports.of(ci, self._upstream, frozenset())
            others = self._supports.of(ci, self._upstream, carried)
            common = [single for single in self._members(ci, carried) if single in others]
            if not common and bound == 2:
                return 2
            thin = Region(self._upstream, self._pinned, ci, self._spend, thin=True)
            if any(ci in thin.fallen((single,), hit_is_lost=False) for single in common):
                return 1
            region = Region(self._upstream, self._pinned, ci, self._spend)
            if any(self._falls(region, ci, (single,)) for single in common):
                return 1
            if bound == 2:
                return 2
            return 2 if any(self._falls_with(region, ci, single) for single in self._members(ci, carried)) else MANY
        except _Spent:
            return None

    def bound(self, ci: int) -> int:
        """Provider failures that break one of its requirements, seen alone: never less than the true number."""
        best = MANY
        for group, carriers in self._upstream.carried(ci):
            left = group.slack - self._down.loss.get(group, 0)
            failable = (p for p in carriers if ci_of(p[0]) != ci and ci_of(p[0]) not in self._pinned)
            for count, (_, weight) in enumerate(failable, 1):
                left -= weight
                if left < 0 or count >= best:
                    best = min(best, count)
                    break
        return best

    def _has_a_common_cause(self, ci: int) -> bool:
        """Whether one failure takes away too much of a requirement, over providers that each need what failed.

        That is by far the most common reason for 1, and found without all that the CI rests on. No says nothing.
        """
        for group, carriers in self._upstream.carried(ci):
            left, lost = group.slack - self._down.loss.get(group, 0), dict[int, int]()
            for literal, weight in carriers:
                causes = self._needed_by(literal)
                self._spend(1 + len(causes) // 8)
                for cause in causes:
                    lost[cause] = lost.get(cause, 0) + weight
                    if lost[cause] > left and cause != ci:
                        return True
        return False

    def _needed_by(self, literal: int, depth: int = 0) -> frozenset[int]:
        """CIs that a literal can't be true without, itself one: those found over single providers that are needed."""
        ci = ci_of(literal)
        known = self._needed.get(ci)
        if known is not None:
            return known
        own = frozenset(() if ci in self._pinned else (ci,))
        if depth == DEEPEST or not own:
            return own
        self._needed[ci] = own  # for who comes here again, in a circle
        found = set(own)
        for group, carriers in self._upstream.carried(ci):
            left = group.slack - self._down.loss.get(group, 0)
            for provider, weight in carriers:
                if weight > left:
                    found |= self._needed_by(provider, depth + 1)
                    self._spend(1)
        self._needed[ci] = known = frozenset(found)
        return known

    def _falls(self, region: Region, ci: int, failures: tuple[int, ...]) -> bool:
        verdict = region.falls(*failures)
        return ci in self._run(failures).cause if verdict is None else verdict

    def _falls_with(self, region: Region, ci: int, first: int) -> bool:
        """Whether a second failure after `first` takes `ci` down."""
        dead = region.fallen((first,), hit_is_lost=True)
        carried = self._supports.of(ci, self._upstream, dead)
        if not dead.isdisjoint(carried):
            carried = self._supports.of(ci, Upstream(self._live, self._run((first,))), frozenset())
        return any(self._falls(region, ci, (first, second)) for second in self._members(ci, carried))

    def _members(self, ci: int, support: Iterable[int]) -> Iterable[int]:
        """The CIs of a support that may fail."""
        return (lit for lit in support if lit >= 0 and lit != ci and lit not in self._pinned)

    def _run(self, failures: tuple[int, ...]) -> Cascade:
        """What further failures do to the whole estate."""
        if failures not in self._runs:
            base = self._run(failures[:-1]) if len(failures) > 1 else self._down
            self._spend(1 + (len(base.cause) + len(base.loss)) // 16)  # copying is quicker than finding
            run = fail(self._live, failures[-1:], self._pinned, after=base)
            self._spend(len(run.trail) + len(run.loss) - len(base.loss))
            self._runs[failures] = run
        return self._runs[failures]

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise _Spent
