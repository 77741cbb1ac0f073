"""The search for what explains alarms: who may explain most is judged first, until nobody left can be better."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from cmdb.impact.engine import Cascade
from cmdb.impact.explanation import Alarms, Explanation
from cmdb.impact.fixpoint import fail
from cmdb.impact.suspects import NOTHING, Choice, Spent, Suspects
from cmdb.topology.live import WAIVED, Group, Live, conn

STEPS = 1_500_000  # requirements and literals that one answer may look at; about two seconds
SINGLES = 12  # explanations by one root that are known exactly, so that parts of each other can be told
FIRST_ROOTS = 32  # roots to which a second one is sought
SAMPLE = 8  # alarms for which the second root is sought where the first has weakened what they rest on
SECOND_ROOTS = 6  # tried beside each of them

_NOTHING: dict[Group, int] = {}


class Search:
    """Finds explanations by one root exactly, those by two among the most promising.

    `found` has them by their roots. `complete` is False where the steps did not suffice.
    """

    def __init__(self, live: Live, alarms: Alarms, steps: int, first: int) -> None:
        self._live, self._alarms, self._first = live, alarms, first
        self._suspects = Suspects(live, steps)
        self._masks: dict[int, int] = {}  # suspect -> bits of the alarms that it may explain alone
        self._all: dict[int, int] = {}  # CI -> bits of the alarms for which one of two choices uses it
        self._runs: dict[int, Cascade] = {}
        self._scores: list[float] = []  # of what was found, in order
        self.found: dict[tuple[int, ...], Explanation] = {}
        self.complete = True

    def run(self) -> None:
        """Search until nothing better can be found, or the steps are used up."""
        try:
            self._gather()
            self._try_singles()
            self._try_pairs()
        except Spent:
            self.complete = False

    # ---- one root
    def _gather(self) -> None:
        numbers = range(len(self._alarms.effects))
        one, other = (self._upstream(numbers, NOTHING, choice) for choice in (Choice.FIRST, Choice.LAST))
        self._masks = _shared(one, other)
        self._all = {ci: one.get(ci, 0) | other.get(ci, 0) for ci in one.keys() | other.keys()}

    def _upstream(self, numbers: Iterable[int], base: Cascade, choice: Choice) -> dict[int, int]:
        """Suspects of alarms that are not explained by a cascade, each with the bits of its alarms."""
        plain: dict[int, int] = {}
        degraded: dict[int, int] = {}
        for n in numbers:
            ci, effect = self._alarms.effects[n]
            literals = [ci]
            if effect == "UNREACHABLE":
                literals += [conn(p.number, ci) for p in self._live.planes if p.roots and ci in p.parent]
            into = degraded if effect == "DEGRADED" else plain
            into.update((literal, into.get(literal, 0) | 1 << n) for literal in literals if literal not in base.cause)
        found = self._suspects.upstream(plain, base, choice)
        if degraded:  # ill health needs no broken requirement: the loss of a spare may do
            for literal, mask in self._suspects.upstream(degraded, base, Choice.ALL).items():
                found[literal] = found.get(literal, 0) | mask
        return {literal: mask for literal, mask in found.items() if literal >= 0}

    def _most(self, ci: int, alarms: float) -> float:
        """The most that a root can score if it explains so many alarms: nothing but its own silence is against it."""
        odds = self._alarms.odds
        return alarms * odds.hit + (0 if self._alarms.may_be_silent(ci) else odds.silent) + self._alarms.prior(ci)

    def _try_singles(self) -> None:
        ranked = sorted(((self._most(ci, mask.bit_count()), ci) for ci, mask in self._masks.items()), reverse=True)
        for most, ci in ranked:
            bar = self._worst(max(SINGLES, self._first))
            if most <= bar:
                return
            if not self._is_hopeless(ci, most - bar):
                self._judge((ci,), self._run(ci))

    def _is_hopeless(self, ci: int, margin: float, known: frozenset[int] = frozenset()) -> bool:
        """Whether a root makes so many CIs fail that have no alarm that the score falls by more than `margin`.

        Only what falls for want of one provider is followed, and no further than needed: with a central root the whole
        cascade would take longer than all others together. `known` are CIs that count already.
        """
        odds, serves = self._alarms.odds, self._live.serves
        left = margin / -odds.silent + (not self._alarms.may_be_silent(ci))  # its own silence counts already
        queue, seen = [ci], {ci}
        for provider in queue:
            if provider not in known and not self._alarms.may_be_silent(provider):
                left -= 1
                if left <= 0:
                    break
            for group, weight in serves.get(provider, _NOTHING).items():
                if weight > group.slack and group.owner not in seen:
                    seen.add(group.owner)
                    queue.append(group.owner)
        self._suspects.spend(len(seen))
        return left <= 0

    def _judge(self, roots: tuple[int, ...], run: Cascade) -> Explanation:
        self._suspects.spend(2 * len(run.cause) + len(self._alarms.effects) // 16)
        found = self._alarms.explain(roots, run)
        if found.explained and found.score > 0 and roots not in self.found:
            self.found[roots] = found
            insort(self._scores, found.score)
        return found

    def _run(self, ci: int) -> Cascade:
        run = self._runs.get(ci)
        if run is None:
            run = self._runs[ci] = fail(self._live, (ci,))
            self._suspects.spend(len(run.trail) + len(run.loss) + len(run.moved))
        return run

    def _worst(self, count: int) -> float:
        """The score that something new must beat to be among so many best; 0 while there are fewer."""
        return self._scores[-count] if len(self._scores) >= count else 0.0

    # ---- two roots
    def _try_pairs(self) -> None:
        singles = sorted((f for f in self.found.values() if len(f.roots) == 1), key=lambda f: -f.score)
        # Every port on the way to a root is below all alarms; those that send none have to be second roots.
        plausible = [ci for ci in self._all if self._alarms.speaks(ci)]
        plausible.sort(key=lambda ci: (-self._most(ci, self._all[ci].bit_count()), ci))
        reported = [ci for ci in plausible if self._alarms.is_reported(ci)]
        silent = [ci for ci in plausible if not self._alarms.is_reported(ci)]
        promising = reported[: FIRST_ROOTS // 2] + silent[: FIRST_ROOTS // 2]
        firsts = dict.fromkeys([f.roots[0] for f in singles[: self._first * 2]] + promising)
        for ci in firsts:
            self._extend(ci)

    def _extend(self, ci: int) -> None:
        """Try the most promising second roots beside a first one."""
        odds, count = self._alarms.odds, len(self._alarms.effects)
        if self._is_hopeless(ci, self._most(ci, count) + odds.further - self._worst(self._first)):
            return
        run = self._run(ci)
        alone = self._judge((ci,), run)
        left = ((1 << count) - 1) & ~alone.explained
        base = alone.score + odds.further  # what is silent after one root is silent after two
        if base + left.bit_count() * odds.hit <= self._worst(self._first):
            return
        most = {other: base + self._most(other, hits) for other, hits in self._second_roots(ci, run, left).items()}
        ranked = sorted(most, key=lambda other: (-most[other], not self._alarms.speaks(other), other))
        tries = SECOND_ROOTS
        for other in ranked[:SECOND_ROOTS]:
            margin = most[other] - self._worst(self._first)
            if margin <= 0:
                return
            roots = (min(ci, other), max(ci, other))
            if roots not in self.found and not self._is_hopeless(other, margin, alone.fallen):
                found = self._judge(roots, self._both(ci, other))
                tries -= 1 if alone.explained or found.score > 0 else SECOND_ROOTS // 2  # such as half of the core
            if tries <= 0:
                return

    def _both(self, ci: int, other: int) -> Cascade:
        base = self._run(ci)
        self._suspects.spend((len(base.cause) + len(base.loss) + len(base.moved)) // 16)
        run = fail(self._live, (other,), after=base)
        self._suspects.spend(len(run.trail) + len(run.moved) - len(base.moved))
        return run

    def _second_roots(self, ci: int, run: Cascade, left: int) -> dict[int, float]:
        """How many of the alarms that are left each second root may explain: counted, or estimated from a sample.

        Where the first has weakened nothing, or nothing that an alarm rests on, the second must explain it alone; what
        still keeps up the others is sought anew.
        """
        weakens = run.moved or any(g.owner not in run.cause and g.slack < WAIVED for g in run.loss)
        touched = left & self._all.get(ci, 0) if weakens else 0
        rest = left & ~touched
        found = {other: float((mask & rest).bit_count()) for other, mask in self._masks.items() if mask & rest}
        if touched:
            numbers = [n for n in range(touched.bit_length()) if touched >> n & 1]
            sample = numbers[:: -(-len(numbers) // SAMPLE)]
            ways = (self._upstream(sample, run, choice) for choice in (Choice.FIRST, Choice.LAST))
            for other, mask in _shared(*ways).items():
                found[other] = found.get(other, 0.0) + mask.bit_count() * len(numbers) / len(sample)
        return {other: hits for other, hits in found.items() if other not in run.cause}


def _shared(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    """The alarms that both know of a suspect."""
    both = ((ci, mask & other.get(ci, 0)) for ci, mask in one.items())
    return {ci: mask for ci, mask in both if mask}
