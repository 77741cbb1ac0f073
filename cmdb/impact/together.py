"""What a piece of work does alone, and what it does only together with others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from cmdb.errors import LimitExceeded
from cmdb.impact.answer import ImpactedService, ImpactSummary
from cmdb.impact.engine import fail
from cmdb.impact.evaluate import SERVICE, criticality, summarize
from cmdb.impact.judge import judge
from cmdb.impact.sweep import STEPS, Moment, Sweep, guilty
from cmdb.impact.work import FOREVER, Task, UnknownCI, Window, Work, all_seeds, task_of, tasks_of
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from cmdb.topology.live import ci_of
from cmdb.topology.view import ref

MOST_SHOWN = 20


class Collision(msgspec.Struct, frozen=True):
    """Work that is harmless one by one and harmful together.

    `keys` are those of the other work: together with the work in question they break what is listed, and without
    any one of them they do not. `services` and `cis` are the worst `MOST_SHOWN` of what breaks only together, in all
    `extra_down` CIs that are down or cut off.
    """

    keys: tuple[str, ...]
    overlap: Window
    services: tuple[ImpactedService, ...]
    cis: tuple[CIRef, ...]
    extra_down: int


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

    What breaks is judged for each moment of its window: `Down(all active) \\ union of Down(each)`, never pairwise. A
    window without an end is judged until the last other work has ended. Raises UsageError, NotFound, Invalid, or
    LimitExceeded where more than `steps` literals would have to be looked at.
    """
    last = max((other.end or other.start for other in others), default=work.start) + 1
    within = Window(work.start, max(last, work.start + 1) if work.end is None else work.end).check()
    with topology.lock:
        unknown: list[UnknownCI] = []
        task = task_of(topology, work)
        tasks = tasks_of(topology, others, within, unknown)
        alone = all_seeds([task])
        seen = _Seen(topology, task, tasks, within, steps)
        return Assessment(
            topology.sequence,
            topology.policy.version,
            summarize(topology, alone),
            summarize(topology, all_seeds([task, *(tasks[number] for number in sorted(seen.worst))])),
            tuple(sorted(seen.collisions(), key=_rank)),
            _bearers(topology, judge(topology.facts, topology.live, alone).states, task),
            tuple(unknown),
        )


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


class _Seen:
    """The moments of a window, with what collides in them."""

    def __init__(self, topology: Topology, task: Task, tasks: Sequence[Task], within: Window, steps: int) -> None:
        self._topology, self._task, self._tasks, self._within = topology, task, tasks, within
        self._pinned = task.seeds.pinned
        self._found: dict[tuple[int, ...], _Together] = {}
        self._reasons: dict[int, list[tuple[int, ...]]] = {}  # literal -> tasks that explain why it falls
        self.worst: frozenset[int] = frozenset()
        most = -1
        self._sweep = Sweep(topology.live, self._pinned, task.out, tasks, jointly=False, steps=steps)
        for moment in self._sweep.moments(within):
            if not moment.judged or self._sweep.spent > steps:
                raise LimitExceeded(
                    f"so much is planned in this window that more than {steps:,} steps are needed to judge it; "
                    "ask for a shorter window or for fewer CIs"
                )
            if len(moment.fallen) > most:
                most, self.worst = len(moment.fallen), frozenset(moment.active)
            self._sweep.spend(len(moment.extra))
            for literal in sorted(moment.extra):
                if not self._is_explained(moment, literal):
                    self._explain(moment, literal)

    def collisions(self) -> list[Collision]:
        """What collides, each smallest set once."""
        return [self._collision(together) for together in self._found.values()]

    def _is_explained(self, moment: Moment, literal: int) -> bool:
        return any(moment.active >= set(tasks) for tasks in self._reasons.get(literal, ()))

    def _explain(self, moment: Moment, literal: int) -> None:
        """Find out who takes a literal down; where the work in question is not needed for it, it is no matter here."""
        active = sorted(moment.active)
        positions, spent = guilty(
            self._topology.live, self._pinned, self._task.out, [self._tasks[n] for n in active], literal
        )
        self._sweep.spend(spent)
        tasks = tuple(active[position] for position in positions)
        together = self._only(tasks)
        self._reasons.setdefault(literal, []).append(tasks)
        if literal in together.literals:
            self._found[tasks] = together
            for other in together.literals:
                if other != literal:
                    self._reasons.setdefault(other, []).append(tasks)

    def _only(self, tasks: tuple[int, ...]) -> _Together:
        """What these tasks and the work in question take down, and all but one of them do not."""
        sets = [self._task.out, *(self._tasks[number].out for number in tasks)]

        def down(without: int) -> set[int]:
            seeds = [ci for position, out in enumerate(sets) if position != without for ci in out]
            trail = fail(self._topology.live, seeds, self._pinned).trail
            self._sweep.spend(len(trail))
            return set(trail)

        literals = down(-1)
        for position in range(len(sets)):
            literals -= down(position)
        return _Together(tasks, frozenset(literals))

    def _collision(self, together: _Together) -> Collision:
        topology, tasks = self._topology, [self._tasks[number] for number in together.tasks]
        states = judge(topology.facts, topology.live, all_seeds([self._task, *tasks])).states
        cis = by_weight(topology, together.literals)
        services = [ci for ci in cis if topology.facts.nodes[ci].ci_class == SERVICE]
        start = max(self._within.start, *(task.start for task in tasks))
        end = min(self._within.end, *(min(task.end, FOREVER) for task in tasks))
        return Collision(
            tuple(task.key for task in tasks),
            Window(start, end),
            tuple(
                ImpactedService(ref(topology.facts, ci), states[ci], criticality(topology.facts, ci))
                for ci in services[:MOST_SHOWN]
            ),
            tuple(ref(topology.facts, ci) for ci in cis[:MOST_SHOWN]),
            len(cis),
        )


def by_weight(topology: Topology, literals: Iterable[int]) -> list[int]:
    """The CIs of literals: services first, the most critical in front."""
    facts = topology.facts

    def rank(ci: int) -> tuple[bool, int, str, str]:
        node = facts.nodes[ci]
        return (node.ci_class != SERVICE, -criticality(facts, ci), node.name, node.id)

    return sorted({ci_of(literal) for literal in literals}, key=rank)
