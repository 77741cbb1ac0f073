"""Latent loss of redundancy: what runs on its last leg, and because of what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from cmdb.errors import LimitExceeded
from cmdb.impact.answer import ProofStep
from cmdb.impact.asked import all_living, check_first, living
from cmdb.impact.engine import Cascade
from cmdb.impact.fixpoint import fail
from cmdb.impact.judge import Seeds, Verdict, judge
from cmdb.impact.proof import Proof
from cmdb.impact.singles import Toll, Weighing, cost
from cmdb.impact.turns import Rest, TimeIsUp, Turns, onward
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from cmdb.topology.live import WAIVED, Group, ci_of
from cmdb.topology.view import listed

NOT_IN_SERVICE = ("planned", "in_stock", "missing")
MOST_DOWN = 1_000
MOST_STEPS = 20  # of a proof that are given for one CI

Wear = Literal["BROKEN", "LAST_LEG", "WEAKENED"]
STATUS_WORDS = {"in_stock": "in stock", "no path": "without a path"}
WEARS: tuple[Wear, ...] = ("BROKEN", "LAST_LEG", "WEAKENED")


class Lost(msgspec.Struct, frozen=True):
    """A provider that is lost now, and the status of its CI; "no path": it is up, and cut off."""

    ci: CIRef
    status: str


class Leg(msgspec.Struct, frozen=True):
    """A requirement that lost providers, by what is not in service now.

    LAST_LEG: one further failure breaks it; WEAKENED: it takes more; BROKEN: it does not hold without what is lost, so
    either the owner is down or what is lost is still there. `margin` is the weight that can still be lost, negative
    where it broke. `roots` are the CIs behind the loss, `toll` is what falls with the owner, `proof` leads from the
    roots to what is lost; its numbers are those of one proof for the whole scan.
    """

    ci: CIRef
    requirement: str
    wear: Wear
    needed: int
    total: int
    margin: int
    lost: tuple[Lost, ...]
    left: tuple[CIRef, ...]
    roots: tuple[CIRef, ...]
    toll: Toll
    text: str
    proof: tuple[ProofStep, ...]


class Legs(msgspec.Struct, frozen=True):
    """Requirements that lost redundancy, worst first, as of one sequence. `as_of` is epoch milliseconds UTC.

    `broken`, `last_leg` and `weakened` count all of them. `truncated`: `first` cut the list. `complete` is False if
    the time was up before what falls with each was known; then the order is that of what is known.
    """

    sequence: int
    as_of: int
    policy_version: str
    complete: bool
    truncated: bool
    broken: int
    last_leg: int
    weakened: int
    legs: tuple[Leg, ...]


def last_legs(
    topology: Topology,
    down: Sequence[str] = (),
    first: int = 200,
    weakened: bool = False,
    rest: Rest = onward,
) -> Legs:
    """List what runs on its last leg, because providers are retired, missing, not in service yet, or without a path.

    `down` are CIs (by id) that are down besides. With `weakened`, also what can still lose more than one provider.
    Raises NotFound, Invalid, LimitExceeded or Overtaken.
    """
    check_first(first)
    if len(down) > MOST_DOWN:
        raise LimitExceeded(f"{len(down):,} CIs that are down; at most {MOST_DOWN:,} fit one question")
    with Turns(topology, rest) as turns:
        scan = _Scan(topology, [living(topology, ci) for ci in down])
        found = scan.worn()
        broken, last, merely = (sum(wear == one for wear, _ in found) for one in WEARS)
        shown = [row for row in found if weakened or row[0] != "WEAKENED"]
        complete, ranked = True, []
        try:
            tolls: dict[int, tuple[int, int, int]] = {}
            for wear, group in shown:
                if group.owner not in tolls:
                    run = fail(topology.live, (group.owner,), after=scan.down)
                    turns.spend(cost(run))
                    tolls[group.owner] = scan.weighing.weigh(run.trail)
                ranked.append((wear, group))
        except TimeIsUp:
            complete = False
        ranked += shown[len(ranked) :]
        nothing = (0, 0, 0)

        def rank(row: tuple[Wear, Group]) -> tuple[object, ...]:
            node = topology.facts.nodes[row[1].owner]
            weight = tolls.get(row[1].owner, nothing)
            return (WEARS.index(row[0]), *(-n for n in weight), node.name, node.id, row[1].id)

        ranked.sort(key=rank)
        legs = tuple(scan.leg(wear, group) for wear, group in ranked[:first])
        at, version = (topology.sequence, topology.at), topology.policy.version
        return Legs(*at, version, complete, len(shown) > first, broken, last, merely, legs)


class _Scan:
    """The state of now: what is not in service counts as down."""

    def __init__(self, topology: Topology, down: Iterable[int]) -> None:
        self._topology, self._facts, self._live = topology, topology.facts, topology.live
        nodes = self._facts.nodes
        away = [ci for ci in all_living(topology) if nodes[ci].status in NOT_IN_SERVICE]
        self._verdict: Verdict = judge(self._facts, self._live, Seeds(tuple(dict.fromkeys((*away, *down)))))
        self.down: Cascade = self._verdict.down
        self.weighing = Weighing(topology)
        self._seeds = set(self._verdict.seeds.down)
        self._proof = Proof(self._facts, self._live, self._verdict)

    def worn(self) -> list[tuple[Wear, Group]]:
        """Requirements in force that lost a provider, of CIs that are not away themselves."""
        lost = {group: None for group, loss in self.down.loss.items() if loss > 0}
        lost.update(dict.fromkeys(group for groups in self._live.defects.values() for group in groups))
        lost.update(dict.fromkeys(self._dark()))
        found = []
        for group in lost:
            if group.slack < WAIVED and group.owner not in self._seeds and self._facts.nodes[group.owner].is_there:
                found.append((self._wear(group), group))
        return found

    def _dark(self) -> Iterable[Group]:
        """Requirements of which a provider has no path although everything is up."""
        return (group for group in self._live.groups.values() if group.up < group.total)

    def _margin(self, group: Group) -> int:
        return group.slack - self.down.loss.get(group, 0)

    def _left(self, group: Group) -> list[tuple[int, int]]:
        """Providers that are true now, heaviest first."""
        cause, live = self.down.cause, self._live
        return [p for p in group.providers if p[0] not in cause and live.is_alive(p[0])]

    def _wear(self, group: Group) -> Wear:
        margin = self._margin(group)
        if margin < 0:
            return "BROKEN"
        heaviest = max((weight for _, weight in self._left(group)), default=0)
        return "LAST_LEG" if heaviest > margin else "WEAKENED"

    def leg(self, wear: Wear, group: Group) -> Leg:
        """One requirement, with the way from what is not in service to what it lost."""
        ref, nodes = self._topology.ref, self._facts.nodes
        left = self._left(group)
        gone = [provider[0] for provider in group.providers if provider not in left]
        lost = [Lost(ref(ci_of(lit)), self._status(lit)) for lit in gone]
        lost += [Lost(ref(ci), nodes[ci].status) for ci in group.gone]
        steps = [self._proof.step(n) for n in self._proof.closure(self._proof.numbers(gone))]
        seeds = {step.ci.id: step.ci for step in steps if step.kind == "SEED"}
        roots = (*seeds.values(), *(ref(ci) for ci in group.gone))
        fallen = fail(self._live, (group.owner,), after=self.down).trail
        return Leg(
            ref(group.owner),
            group.id,
            wear,
            group.needed,
            group.total,
            self._margin(group),
            tuple(lost),
            tuple(ref(ci_of(literal)) for literal, _ in left),
            roots,
            self.weighing.toll(literal for literal in fallen if literal != group.owner),
            self._text(wear, group, lost, left, roots),
            tuple(steps[:MOST_STEPS]),
        )

    def _status(self, literal: int) -> str:
        """Why a provider counts no more: the status of its CI, or what it follows from."""
        ci = ci_of(literal)
        if ci in self._seeds:
            status = self._facts.nodes[ci].status
            return status if status in NOT_IN_SERVICE else "down"
        return "down" if ci in self.down.cause else "no path"

    def _text(
        self, wear: Wear, group: Group, lost: list[Lost], left: list[tuple[int, int]], roots: Sequence[CIRef]
    ) -> str:
        name = self._facts.nodes[group.owner].name
        carriers = listed([self._facts.nodes[ci_of(literal)].name for literal, _ in left]) or "nothing"
        why = listed([f"{one.ci.name} is {STATUS_WORDS.get(one.status, one.status)}" for one in lost])
        named = {one.ci.id for one in lost}
        behind = [root.name for root in roots if root.id not in named]
        if behind:
            why = f"{why} (through {listed(behind)})"
        if wear == "BROKEN":
            return f"{name} cannot work as is known: it needs {group.needed} and has {carriers}, because {why}."
        if wear == "LAST_LEG":
            return f"{name} runs on its last leg: it needs {group.needed} and has {carriers} left, because {why}."
        return f"{name} has lost redundancy: it can still lose {self._margin(group)}, because {why}."
