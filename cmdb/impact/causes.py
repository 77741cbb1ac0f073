"""Which one or two failures explain a set of alarms best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from cmdb.errors import LimitExceeded, NotFound, UsageError
from cmdb.impact.explanation import AlarmEffect, Alarms, Explanation, odds_of
from cmdb.impact.search import STEPS, Search
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from cmdb.topology.view import ref

MOST_ALARMS = 2_000
MOST_CANDIDATES = 10
MOST_CHECKS = 10
MOST_CONTAINED = 20
MOST_SHARE = 0.5
# Of two alarms of one CI the plainer one counts.
PLAINEST: tuple[AlarmEffect, ...] = ("DOWN", "UNREACHABLE", "DEGRADED")


class Alarm(msgspec.Struct, frozen=True):
    """A CI (by id) and what an alarm says of it. UNREACHABLE: it is down, or nothing leads there any more."""

    ci: str
    effect: AlarmEffect = "UNREACHABLE"


class Candidate(msgspec.Struct, frozen=True):
    """One explanation. `impact` of its roots is the proof.

    `score` is the log-likelihood gain over "all alarms are false". `silent` are CIs that should have an alarm and have
    none. `contained` are CIs that fail with the roots, and would explain the same alarms had they failed by themselves.
    """

    roots: tuple[CIRef, ...]
    score: float
    explained: tuple[CIRef, ...]
    unexplained: tuple[CIRef, ...]
    silent: tuple[CIRef, ...]
    contained: tuple[CIRef, ...]


class Check(msgspec.Struct, frozen=True):
    """A CI to look at: it has failed if one of the candidates `fails_in` is right (from 1), and works if another is."""

    ci: CIRef
    fails_in: tuple[int, ...]


class RootCause(msgspec.Struct, frozen=True):
    """Likely causes as of one sequence, best first; `as_of` is epoch milliseconds UTC.

    `complete` is False where the search ran into its limit: there may be better explanations then.
    """

    sequence: int
    as_of: int
    policy_version: str
    alarms: int
    candidates: tuple[Candidate, ...]
    checks: tuple[Check, ...]
    complete: bool


def find_causes(
    topology: Topology,
    alarms: Sequence[Alarm],
    missing: float = 0.1,
    false: float = 0.05,
    first: int = 3,
    steps: int = STEPS,
) -> RootCause:
    """Rank the explanations of some alarms by one or two failures, each judged by the exact fixpoint.

    `missing` and `false` are the shares of alarms that did not come and that mean nothing, 0 to 0.5. `first` is the
    number of explanations, 1 to 10. `steps` bounds the search, about 750,000 a second. Raises UsageError,
    LimitExceeded or NotFound.
    """
    _check(alarms, missing, false, first)
    with topology.lock:
        effects = _effects(topology, alarms)
        cis = sum(node.is_there and node.ci_class not in topology.policy.internal for node in topology.facts.nodes)
        given = Alarms(topology.facts, topology.live, effects, odds_of(len(effects), cis, missing, false))
        search = Search(topology.live, given, steps, first)
        search.run()
        return _Telling(topology, given, search).answer(first)


def _check(alarms: Sequence[Alarm], missing: float, false: float, first: int) -> None:
    if not alarms:
        raise UsageError("no alarms: name at least one CI that has one")
    if len(alarms) > MOST_ALARMS:
        raise LimitExceeded(f"{len(alarms):,} alarms; at most {MOST_ALARMS:,} fit one question")
    for name, share in (("missing", missing), ("false", false)):
        if not 0 <= share <= MOST_SHARE:
            raise UsageError(f"{name} is {share:g}; give a share of 0 to {MOST_SHARE}")
    if not 1 <= first <= MOST_CANDIDATES:
        raise LimitExceeded(f"first is {first}; give 1 to {MOST_CANDIDATES}")


def _effects(topology: Topology, alarms: Sequence[Alarm]) -> list[tuple[int, AlarmEffect]]:
    """Each CI once, by name, so that the order of the alarms changes nothing."""
    said: dict[int, AlarmEffect] = {}
    for alarm in alarms:
        ci = topology.find(alarm.ci)
        if ci is None:
            raise NotFound(f"no CI has the id {alarm.ci!r}; it may be newer than commit {topology.sequence}")
        if ci not in said or PLAINEST.index(alarm.effect) < PLAINEST.index(said[ci]):
            said[ci] = alarm.effect
    nodes = topology.facts.nodes
    return sorted(said.items(), key=lambda item: (nodes[item[0]].name, nodes[item[0]].id))


class _Telling:
    """What was found, put into names."""

    def __init__(self, topology: Topology, alarms: Alarms, search: Search) -> None:
        self._topology, self._alarms, self._search = topology, alarms, search

    def answer(self, first: int) -> RootCause:
        best = sorted(self._search.found.values(), key=self._rank)[:first]
        topology = self._topology
        return RootCause(
            topology.sequence,
            topology.at,
            topology.policy.version,
            len(self._alarms.effects),
            tuple(map(self._candidate, best)),
            self._checks(best),
            self._search.complete,
        )

    def _rank(self, found: Explanation) -> tuple[float, int, list[tuple[str, str]]]:
        nodes = self._topology.facts.nodes
        return (-round(found.score, 6), len(found.roots), sorted((nodes[ci].name, nodes[ci].id) for ci in found.roots))

    def _candidate(self, found: Explanation) -> Candidate:
        alarmed = [ci for ci, _ in self._alarms.effects]
        explained = [ci for n, ci in enumerate(alarmed) if found.explained >> n & 1]
        unexplained = [ci for n, ci in enumerate(alarmed) if not found.explained >> n & 1]
        return Candidate(
            self._named(found.roots),
            round(found.score, 3),
            self._named(explained),
            self._named(unexplained),
            self._named(ci for ci in found.expected if not self._alarms.is_reported(ci)),
            self._contained(found),
        )

    def _contained(self, found: Explanation) -> tuple[CIRef, ...]:
        single = (other for other in self._search.found.values() if len(other.roots) == 1)
        inside = (
            other.roots[0]
            for other in single
            if other.roots[0] in found.fallen
            and other.roots[0] not in found.roots
            and other.explained == found.explained
        )
        return self._named(inside)[:MOST_CONTAINED]

    def _checks(self, best: list[Explanation]) -> tuple[Check, ...]:
        """For each way in which CIs tell the candidates apart the plainest one, the way that tells most first."""
        if not best:
            return ()
        weights = [math.exp(found.score - best[0].score) for found in best]
        plainest: dict[tuple[int, ...], int] = {}
        roots = {ci for found in best for ci in found.roots}
        for ci in sorted(frozenset().union(*(found.expected for found in best)), key=lambda c: self._ease(c, roots)):
            fails_in = tuple(n for n, found in enumerate(best, 1) if ci in found.fallen)
            if len(fails_in) < len(best):
                plainest.setdefault(fails_in, ci)

        def doubt(fails_in: tuple[int, ...]) -> float:
            return abs(0.5 - sum(weights[n - 1] for n in fails_in) / sum(weights))

        ranked = sorted(plainest, key=lambda fails_in: (doubt(fails_in), fails_in))[:MOST_CHECKS]
        return tuple(Check(ref(self._topology.facts, plainest[fails_in]), fails_in) for fails_in in ranked)

    def _ease(self, ci: int, roots: set[int]) -> tuple[bool, bool, str, str]:
        """What to look at first: what nobody has heard of yet, the roots themselves before what follows."""
        node = self._topology.facts.nodes[ci]
        return (self._alarms.is_reported(ci), ci not in roots, node.name, node.id)

    def _named(self, cis: Iterable[int]) -> tuple[CIRef, ...]:
        refs = (ref(self._topology.facts, ci) for ci in cis)
        return tuple(sorted(refs, key=lambda r: (r.name, r.id)))
