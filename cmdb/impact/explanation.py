"""How well a failure explains alarms: what it makes fail, held against what is reported."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from cmdb.impact.engine import Cascade
from cmdb.impact.judge import Seeds, health
from cmdb.topology.facts import Facts
from cmdb.topology.live import Live, ci_of, conn
from cmdb.topology.policy import INSIDE, SEGMENT

AlarmEffect = Literal["DOWN", "DEGRADED", "UNREACHABLE"]
# What most monitoring does not watch by itself. That it is silent says something only where another one of its class is
# not: else a failure of what holds much would seem unlikely for all that nobody listens to.
SELDOM_WATCHED = frozenset(
    {"Certificate", "Cluster", "Container", "Endpoint", "Filesystem", "IPAddress", "Supply", "SoftwareInstance"}
    | {"Subnet", "VLAN", "VRF"}
)
LEAST_MISSING = 0.001  # "no alarm is ever missing" would let one silent CI outweigh any number of alarms


@dataclass(frozen=True, slots=True)
class Odds:
    """What alarms are worth, in natural logarithms of a likelihood ratio.

    `hit` is won by an alarm that is explained, `silent` (negative) by a CI that fails without one, `further`
    (negative) by each root beyond the first. Source: design of the impact analysis, section 14.
    """

    hit: float
    silent: float
    further: float


def odds_of(alarms: int, cis: int, missing: float, false: float) -> Odds:
    """The odds for so many alarms in an estate of so many CIs; `missing` and `false` are shares, 0 to 0.5."""
    spurious = max(false * alarms, 0.5) / max(cis, alarms, 1)
    missing = max(missing, LEAST_MISSING)
    return Odds(math.log((1 - missing) / spurious), math.log(missing), -math.log(10 * max(cis, 1)))


@dataclass(frozen=True, slots=True)
class Explanation:
    """Roots that failed by themselves (CI numbers), and what that says about the alarms.

    `explained` has bit n set if the n-th alarm follows. `fallen` are all CIs that are down or cut off then, `expected`
    those of them that should have an alarm.
    """

    roots: tuple[int, ...]
    score: float
    explained: int
    fallen: frozenset[int]
    expected: frozenset[int]


class Alarms:
    """Alarms to explain: CIs in a fixed order, and what is said of each."""

    def __init__(self, facts: Facts, live: Live, effects: Sequence[tuple[int, AlarmEffect]], odds: Odds) -> None:
        self._facts, self._live, self.odds = facts, live, odds
        self.effects = effects
        self.cis = {ci: n for n, (ci, _) in enumerate(effects)}
        self._mute = INSIDE | (SELDOM_WATCHED - {facts.nodes[ci].ci_class for ci in self.cis})
        self._priors: dict[str, float] = {}
        self._ill = any(effect == "DEGRADED" for _, effect in effects)

    def explain(self, roots: tuple[int, ...], run: Cascade) -> Explanation:
        """Score roots by the cascade that they set off."""
        explained = self._explained(roots, run)
        expected = frozenset(self._expected(run))
        silent = sum(ci not in self.cis for ci in expected)
        score = explained.bit_count() * self.odds.hit + silent * self.odds.silent
        score += (len(roots) - 1) * self.odds.further + sum(map(self.prior, roots))
        return Explanation(roots, score, explained, frozenset(map(ci_of, run.cause)), expected)

    def prior(self, ci: int) -> float:
        """What speaks against a root for all alarms, besides that it is one more: 0, or less where it seldom fails."""
        ci_class = self._facts.nodes[ci].ci_class
        known = self._priors.get(ci_class)
        if known is None:
            found = self._facts.policy.model.classes.get(ci_class)
            known = self._priors[ci_class] = ((found.rarity if found else 1.0) - 1) * self.odds.further
        return known

    def is_reported(self, ci: int) -> bool:
        """Whether a CI has an alarm."""
        return ci in self.cis

    def speaks(self, ci: int) -> bool:
        """Whether a CI has an alarm, or would be expected to have one if it failed."""
        return ci in self.cis or self._facts.nodes[ci].ci_class not in self._mute

    def may_be_silent(self, ci: int) -> bool:
        """Whether nothing speaks against the failure of a CI if it has no alarm of its own."""
        return ci in self.cis or self._facts.nodes[ci].ci_class in self._mute

    def _explained(self, roots: tuple[int, ...], run: Cascade) -> int:
        cause, planes = run.cause, self._live.planes
        sick: AbstractSet[int] = cause.keys()
        if self._ill:
            sick = health(self._live, Seeds(down=roots), run).cause.keys()
        near: Iterable[int] = range(len(self.effects))
        if len(sick) < len(self.effects):  # a small failure can't concern more alarms than it has CIs
            near = {n for literal in sick if (n := self.cis.get(ci_of(literal))) is not None}
        explained = 0
        for n in near:
            ci, effect = self.effects[n]
            if (
                ci in cause
                or (effect == "DEGRADED" and ci in sick)
                or (effect == "UNREACHABLE" and any(conn(plane.number, ci) in cause for plane in planes))
            ):
                explained |= 1 << n
        return explained

    def _expected(self, run: Cascade) -> Iterable[int]:
        """CIs that should be reported: what is down, and devices that are cut off.

        A part of a device says nothing where its device is silent too: nobody is left to report it. What is seldom
        watched counts where another one of its class has an alarm.
        """
        nodes, cause = self._facts.nodes, run.cause
        for literal in cause:
            ci = ci_of(literal)
            node = nodes[ci]
            if node.ci_class in self._mute and node.ci_class not in INSIDE:
                continue
            if literal < 0:
                if ci not in cause and node.ci_class not in INSIDE and node.ci_class != SEGMENT:
                    yield ci
            elif node.ci_class not in INSIDE or not self._is_lost(self._facts.holder(ci), ci, run):
                yield ci

    def _is_lost(self, holder: int, part: int, run: Cascade) -> bool:
        if holder == part:
            return False
        return holder in run.cause or any(conn(plane.number, holder) in run.cause for plane in self._live.planes)
