"""The order of a release in waves, so that each wave harms no more than its members one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from cmdb.errors import Invalid, LimitExceeded, UsageError
from cmdb.impact.answer import Seed
from cmdb.impact.engine import Cascade
from cmdb.impact.evaluate import resolve
from cmdb.impact.fixpoint import fail
from cmdb.impact.standing import Standing
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from cmdb.topology.live import WAIVED, Group, Live, ci_of
from cmdb.topology.view import plane_name, ref

MOST_CIS = 5_000
STEPS = 1_000_000  # literals that the search may look at, over all orders that it tries


class WaveItem(msgspec.Struct, frozen=True):
    """A CI and its wave, from 1; `text` says why not an earlier one, "" in the first."""

    ci: CIRef
    wave: int
    text: str


class ReleaseWaves(msgspec.Struct, frozen=True):
    """A plan in `waves` waves; no plan has fewer than `lower_bound`. `items` are in the order of the waves."""

    sequence: int
    waves: int
    lower_bound: int
    items: tuple[WaveItem, ...]


def plan_waves(
    topology: Topology, cis: Sequence[str], wave_size: int | None = None, steps: int = STEPS
) -> ReleaseWaves:
    """Put CIs (by id) into few waves that are each safe: `Down(wave) = union of Down({ci})`, what is cut off included.

    Several orders are tried, each CI goes into the first wave where it fits; the best plan counts. Where more than
    `steps` literals would have to be looked at the plan is still safe, but may have more waves than it needs.
    Raises UsageError, NotFound, Invalid, or LimitExceeded where even the CIs one by one are more than that.
    """
    wanted = list(dict.fromkeys(cis))
    if not wanted:
        raise UsageError("no CIs: name at least one that is to be released")
    if len(wanted) > MOST_CIS:
        raise LimitExceeded(f"{len(wanted):,} CIs; a release in waves has at most {MOST_CIS:,}: split it")
    if wave_size is not None and wave_size < 1:
        raise Invalid(f"a wave of {wave_size} CIs; give 1 or more, or no size for no bound")
    with topology.lock:
        targets = resolve(topology, [Seed(ci, "RELEASE") for ci in wanted]).release
        planner = _Planner(topology.live, targets, wave_size or len(targets), steps)
        plan = planner.best()
        return ReleaseWaves(
            topology.sequence,
            len(plan.waves),
            planner.bound,
            tuple(
                WaveItem(ref(topology.facts, ci), number, _text(topology, plan.why.get(ci)))
                for number, wave in enumerate(plan.waves, 1)
                for ci in wave.cis
            ),
        )


@dataclass(frozen=True, slots=True)
class _Alone:
    """What one CI does alone: the literals that fall, and the weight that each group loses without breaking."""

    down: frozenset[int]
    loss: dict[Group, int]


@dataclass(slots=True)
class _Wave:
    standing: Standing
    cis: list[int] = field(default_factory=list)


FULL, NOT_TRIED = "FULL", "NOT_TRIED"
Why = Group | int | str  # the group that would break, the literal that would be cut off, or one of these words


@dataclass(slots=True)
class _Plan:
    """Waves, and why a CI is not in the wave before its own."""

    waves: list[_Wave] = field(default_factory=list)
    why: dict[int, tuple[int, Why]] = field(default_factory=dict)  # CI -> (number of that wave, from 0; reason)


class _Planner:
    def __init__(self, live: Live, targets: Sequence[int], size: int, steps: int) -> None:
        self._live, self._targets, self._size, self._steps = live, targets, size, steps
        self._alone: dict[int, _Alone] = {}
        self._spent = 0
        for ci in targets:
            self._alone[ci] = self._judge_alone(ci)
            if self._spent > steps:
                raise LimitExceeded(f"one by one these CIs take down more than {steps:,} in all; release them in parts")
        self._spent = 0
        self.bound = self._lower_bound()

    def _judge_alone(self, ci: int) -> _Alone:
        run = fail(self._live, (ci,))
        self._spent += 1 + len(run.trail) + len(run.loss)
        kept = {g: loss for g, loss in run.loss.items() if loss and g.slack < WAIVED and g.owner not in run.cause}
        return _Alone(frozenset(run.trail), kept)

    def _lower_bound(self) -> int:
        """No wave may take down an owner that none of the CIs takes down alone, so each wave leaves it its slack.

        What all of them take from a group must therefore be spread over that many waves. An owner that one of them
        takes down alone sets no bound: in the wave of that one its groups may break.
        """
        down = set(chain.from_iterable(alone.down for alone in self._alone.values()))
        lost: dict[Group, int] = {}
        for literal in down:
            for group, weight in self._live.serves.get(literal, {}).items():
                if 0 < group.slack < WAIVED and group.owner not in down:
                    lost[group] = lost.get(group, 0) + weight
        spread = max((-(-weight // group.slack) for group, weight in lost.items()), default=1)
        return max(1, spread, -(-len(self._targets) // self._size))

    def best(self) -> _Plan:
        """The plan with the fewest waves of several orders; stops where no plan can be better."""
        plan = None
        for order in self._orders():
            if plan is not None and (len(plan.waves) <= self.bound or self._spent > self._steps):
                break
            tried = self._first_fit(order)
            if plan is None or len(tried.waves) < len(plan.waves):
                plan = tried
        assert plan is not None  # noqa: S101 - there is at least one order
        return plan

    def _orders(self) -> Iterable[Sequence[int]]:
        """The most contended first; the largest first; as given, and the other way round."""
        pressure: dict[Group, float] = {}
        for alone in self._alone.values():
            for group, loss in alone.loss.items():
                pressure[group] = pressure.get(group, 0.0) + loss / max(1, group.slack)

        def contention(ci: int) -> float:
            return -max((pressure[group] for group in self._alone[ci].loss), default=0.0)

        def footprint(ci: int) -> int:
            return -len(self._alone[ci].down)

        rank: Callable[[int], tuple[float, ...]]
        for rank in (lambda ci: (contention(ci), footprint(ci)), lambda ci: (footprint(ci), contention(ci))):
            yield sorted(self._targets, key=rank)
        yield self._targets
        yield self._targets[::-1]

    def _first_fit(self, order: Sequence[int]) -> _Plan:
        """Each CI into the first wave where it fits.

        A wave that was too full of a group for one CI is passed over by the others that would take as much from it.
        """
        plan = _Plan()
        full: dict[tuple[Group, int], int] = {}
        with_room = 0
        for ci in order:
            shares = [share for share in self._alone[ci].loss.items() if full.get(share, 0) > with_room]
            tightest = max(shares, key=lambda share: full[share], default=None)
            start: tuple[int, Why] = (full[tightest], tightest[0]) if tightest else (with_room, FULL)
            number, why = self._place(plan, ci, *start, full)
            if number:
                plan.why[ci] = (number - 1, why)
            while with_room < len(plan.waves) and len(plan.waves[with_room].cis) >= self._size:
                with_room += 1
        return plan

    def _place(
        self, plan: _Plan, ci: int, number: int, why: Why, full: dict[tuple[Group, int], int]
    ) -> tuple[int, Why]:
        """Put a CI into the first wave from `number` on where it fits; say which, and why not the one before."""
        while number < len(plan.waves):
            if self._spent > self._steps:
                number, why = len(plan.waves), NOT_TRIED
                break
            found = self._try(plan.waves[number], ci)
            if found is None:
                return number, why
            why = found
            number += 1
            if isinstance(why, Group) and (loss := self._alone[ci].loss.get(why, 0)):
                full[why, loss] = number
        plan.waves.append(_Wave(Standing(self._live)))
        self._spent += len(plan.waves[-1].standing.add((ci,)))
        plan.waves[-1].cis.append(ci)
        return number, why

    def _try(self, wave: _Wave, ci: int) -> Why | None:
        """Put a CI into a wave if it fits; else say why not."""
        self._spent += 1
        if len(wave.cis) >= self._size:
            return FULL
        fallen = wave.standing.add((ci,))
        self._spent += len(fallen)
        more = next((literal for literal in fallen if literal not in self._alone[ci].down), None)
        if more is None:
            wave.cis.append(ci)
            return None
        why = _reason(wave.standing.run, more)
        wave.standing.take_back()
        return why


def _reason(run: Cascade, literal: int) -> Why:
    """The group that broke, or the literal itself where it lost its path."""
    cause = run.cause[literal]
    return cause if isinstance(cause, Group) else literal


def _text(topology: Topology, why: tuple[int, Why] | None) -> str:
    """Why a CI is not in an earlier wave; "" for the first."""
    if why is None:
        return ""
    wave, reason = why[0] + 1, why[1]
    nodes = topology.facts.nodes
    if reason == FULL:
        return f"wave {wave} is full"
    if isinstance(reason, str):
        return "the search ended at its limit; it may fit into an earlier wave"
    if isinstance(reason, int):
        plane = plane_name(topology.live, reason)
        return f"in wave {wave}, {nodes[ci_of(reason)].name} would have no path to a root of plane {plane} any more"
    owner = nodes[reason.owner].name
    return f"in wave {wave}, {owner} would fail: it needs {reason.needed} of {reason.total}"
