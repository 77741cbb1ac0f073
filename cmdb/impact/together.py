"""What a piece of work does alone, and what it does only together with others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from cmdb.errors import LimitExceeded
from cmdb.impact.answer import Certainty, ImpactedService, ImpactSummary
from cmdb.impact.certain import judge_all
from cmdb.impact.evaluate import summarize
from cmdb.impact.fixpoint import fallen
from cmdb.impact.ranking import SERVICE, criticality
from cmdb.impact.standing import Standing
from cmdb.impact.sweep import STEPS, Judge, Moment, OneByOne, OnTop, Sweep, guilty
from cmdb.impact.work import FOREVER, Task, UnknownCI, Window, Work, all_seeds, task_of, tasks_of
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from cmdb.topology.live import Live, ci_of
from cmdb.topology.view import ref

MOST_SHOWN = 20


class Collision(msgspec.Struct, frozen=True):
    """Work that is harmless one by one and harmful together.

    `keys` are those of the other work: together with the work in question, if there is one, they break what is listed,
    and without any one of them they do not. `services` and `cis` are the worst `MOST_SHOWN` of what breaks only
    together, in all `extra_down` CIs that are down or cut off. It is POSSIBLE where nothing of that is sure.
    """

    keys: tuple[str, ...]
    overlap: Window
    services: tuple[ImpactedService, ...]
    cis: tuple[CIRef, ...]
    extra_down: int
    certainty: Certainty = "SURE"


class Assessment(msgspec.Struct, frozen=True):
    """What work does, as of one sequence; collisions worst first.

    `together` counts what is impacted while most is down. `hangs_on` are the CIs (ids) that bear the answer: its own,
    and what they take down. `unknown` are CIs of other work that are not there, and so were not judged.
    """

    sequence: int
    policy_version: str
    alone: ImpactSummary
    together: ImpactSummary
    collisions: tuple[Collision, ...]
    hangs_on: tuple[str, ...]
    unknown: tuple[UnknownCI, ...]


def assess(topology: Topology, work: Work, others: Sequence[Work] = (), steps: int = STEPS) -> Assessment:
    """Say what work does, alone and with all other work of the same time.

    For each moment of its window that is `Down(all active) \\ (Down(all others) | Down(work))`, never pairwise; and
    what it breaks with any single other one, also where others break that anyway; by all that is known, and at the
    worst of what is in doubt. A window without an end is judged until the last other work has ended. Raises UsageError,
    NotFound, Invalid, or LimitExceeded where more than `steps` literals would have to be looked at.
    """
    last = max((other.end or other.start for other in others), default=work.start) + 1
    within = Window(work.start, max(last, work.start + 1) if work.end is None else work.end).check()
    with topology.lock:
        unknown: list[UnknownCI] = []
        task = task_of(topology, work)
        tasks = tasks_of(topology, others, within, unknown)
        alone = all_seeds([task])
        search, *possible = (_Search(topology, live, task, tasks, within, steps) for live in cases(topology))
        for one in (search, *possible):
            one.pairs()
            one.moments(OnTop(one.live, task.seeds.pinned, task.out))
        return Assessment(
            topology.sequence,
            topology.policy.version,
            summarize(topology, alone),
            summarize(topology, all_seeds([task, *(tasks[number] for number in sorted(search.worst))])),
            search.collisions(*possible),
            _bearers(topology, judge_all(topology, alone)[0].states, task),
            tuple(unknown),
        )


def find_collisions(
    topology: Topology, works: Sequence[Work], within: Window, steps: int = STEPS
) -> tuple[Collision, ...]:
    """All that works break only together in a period, worst first: `Down(all active) \\ union of Down(each)`.

    Everything in that set, at any moment, is in a collision of the smallest set of works that takes it down. CIs that
    are not there are left out. Raises Invalid or LimitExceeded.
    """
    within.check("the period")
    with topology.lock:
        tasks = tasks_of(topology, works, within)
        search, *possible = (_Search(topology, live, None, tasks, within, steps) for live in cases(topology))
        for one in (search, *possible):
            one.moments(OneByOne(one.live, frozenset()))
        return search.collisions(*possible)


def cases(topology: Topology) -> list[Live]:
    """What is judged: all that is known, and where something is in doubt, the worst of that."""
    return [topology.live, *([topology.doubt.worst] if topology.doubt.ties else [])]


def _bearers(topology: Topology, impacted: Iterable[int], task: Task) -> tuple[str, ...]:
    return tuple(topology.facts.nodes[ci].id for ci in dict.fromkeys((*task.out, *impacted)))


def _rank(found: Collision) -> tuple[int, int, tuple[str, ...]]:
    worst = max((service.criticality for service in found.services), default=0)
    return (-worst, -found.extra_down, found.keys)


@dataclass
class _Together:
    """Tasks that take `literals` down with the work in question, and without any one of them do not."""

    tasks: tuple[int, ...]
    literals: frozenset[int]


class _Search:
    """Collisions with one task (`base`), or among all of them, as they are found."""

    def __init__(
        self, topology: Topology, live: Live, base: Task | None, tasks: Sequence[Task], within: Window, steps: int
    ) -> None:
        self.live = live
        self._topology, self._base, self._tasks, self._within, self._steps = topology, base, tasks, within, steps
        self._pinned = base.seeds.pinned if base else frozenset[int]()
        self._out = base.out if base else ()
        self._found: dict[tuple[int, ...], _Together] = {}
        self._reasons: dict[int, list[frozenset[int]]] = {}  # literal -> tasks that explain why it falls
        self._spent = 0
        self.worst: frozenset[int] = frozenset()  # what is active while most is down

    def pairs(self) -> None:
        """What the base breaks with any single other task."""
        standing = Standing(self.live, self._pinned)
        standing.add(self._out)
        alone: dict[tuple[int, ...], set[int]] = {}
        for number, task in enumerate(self._tasks):
            fell = standing.add(task.out)
            standing.take_back()
            if task.out not in alone:
                alone[task.out] = set(fallen(self.live, task.out, self._pinned))
            self._spend(len(fell) + len(alone[task.out]) + 1)
            literals = frozenset(literal for literal in fell if literal not in alone[task.out])
            if literals:
                self._keep(_Together((number,), literals))

    def moments(self, judged_by: Judge) -> None:
        """What breaks in each moment of the period, and is not explained yet."""
        most = -1
        sweep = Sweep(self._tasks, judged_by, self._steps - self._spent)
        for moment in sweep.moments(self._within):
            if not moment.judged:
                raise self._too_much()
            if moment.down > most:
                most, self.worst = moment.down, frozenset(moment.active)
            before = self._spent
            for literal in sorted(moment.extra):
                if not any(moment.active >= tasks for tasks in self._reasons.get(literal, ())):
                    self._explain(moment, literal)
            self._spend(len(moment.extra))
            sweep.spend(self._spent - before)

    def _explain(self, moment: Moment, literal: int) -> None:
        """Find out who takes a literal down, and what else these take down only together."""
        active = sorted(moment.active)
        tasks = [self._tasks[number] for number in active]
        positions, spent = guilty(self.live, self._pinned, self._out, tasks, literal)
        self._spend(spent)
        self._keep(self._only(tuple(active[position] for position in positions)))

    def _keep(self, together: _Together) -> None:
        self._found[together.tasks] = together
        tasks = frozenset(together.tasks)
        for literal in together.literals:
            self._reasons.setdefault(literal, []).append(tasks)

    def _only(self, tasks: tuple[int, ...]) -> _Together:
        """What these tasks and the base take down, and all but one of them do not."""
        sets = [*([self._out] if self._base else []), *(self._tasks[number].out for number in tasks)]

        def down(without: int) -> set[int]:
            seeds = [ci for position, out in enumerate(sets) if position != without for ci in out]
            trail = fallen(self.live, seeds, self._pinned)
            self._spend(len(trail) + 1)
            return set(trail)

        literals = down(-1)
        for position in range(len(sets)):
            literals -= down(position)
        return _Together(tasks, frozenset(literals))

    def _spend(self, steps: int) -> None:
        self._spent += steps
        if self._spent > self._steps:
            raise self._too_much()

    def _too_much(self) -> LimitExceeded:
        return LimitExceeded(
            f"so much is planned in this time that more than {self._steps:,} steps are needed to judge it; "
            "ask for a shorter window or for fewer CIs"
        )

    def collisions(self, *others: _Search) -> tuple[Collision, ...]:
        """What collides by this search or by others, each smallest set once, worst first."""
        found = dict(self._found)
        for tasks, more in (item for other in others for item in other._found.items()):
            known = found.get(tasks)
            found[tasks] = _Together(tasks, more.literals | known.literals) if known else more
        return tuple(sorted(map(self._collision, found.values()), key=_rank))

    def _collision(self, together: _Together) -> Collision:
        topology, tasks = self._topology, [self._tasks[number] for number in together.tasks]
        all_ = [*([self._base] if self._base else []), *tasks]
        verdict, certainty = judge_all(topology, all_seeds(all_))
        states = verdict.states
        cis = by_weight(topology, together.literals)
        services = [ci for ci in cis if topology.facts.nodes[ci].ci_class == SERVICE]
        start = max(self._within.start, *(task.start for task in tasks))
        end = min(self._within.end, *(min(task.end, FOREVER) for task in tasks))
        return Collision(
            tuple(task.key for task in tasks),
            Window(start, end),
            tuple(
                ImpactedService(
                    ref(topology.facts, ci),
                    states[ci],
                    criticality(topology.facts, ci),
                    "SURE" if certainty is None or certainty.is_sure(ci, states[ci]) else "POSSIBLE",
                )
                for ci in services[:MOST_SHOWN]
            ),
            tuple(ref(topology.facts, ci) for ci in cis[:MOST_SHOWN]),
            len(cis),
            "POSSIBLE" if certainty is not None and certainty.down.isdisjoint(together.literals) else "SURE",
        )


def by_weight(topology: Topology, literals: Iterable[int]) -> list[int]:
    """The CIs of literals: services first, the most critical in front."""
    facts = topology.facts

    def rank(ci: int) -> tuple[bool, int, str, str]:
        node = facts.nodes[ci]
        return (node.ci_class != SERVICE, -criticality(facts, ci), node.name, node.id)

    return sorted({ci_of(literal) for literal in literals}, key=rank)
