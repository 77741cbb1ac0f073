"""Slots in which a piece of work harms nothing beyond what it harms alone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cmdb.errors import Invalid, LimitExceeded
from cmdb.impact.fixpoint import fallen
from cmdb.impact.sweep import STEPS, AnyOf, Moment, OnTop, Sweep, guilty
from cmdb.impact.together import by_weight, cases
from cmdb.impact.work import Task, UnknownCI, Window, Work, task_of, tasks_of
from cmdb.topology import Topology
from cmdb.topology.live import Live, ci_of
from cmdb.topology.view import listed

MINUTE_MS = 60_000
MOST_MINUTES = 10_080
MOST_DAYS = 92
MOST_SLOTS = MOST_BLOCKED = 50
NOT_JUDGED = "too much is planned at these times to judge it in one answer; ask for a shorter period"


class Blocked(msgspec.Struct, frozen=True):
    """A time that is not safe: the work in the way (`keys`, empty where the time was not judged), and why."""

    window: Window
    keys: tuple[str, ...]
    text: str


class SafeWindows(msgspec.Struct, frozen=True):
    """Safe slots, earliest first, each as long as possible: the work may lie anywhere in one.

    `blocked` are the unsafe times up to the end of the last slot that was asked for; times beyond the 50th are part
    of that one. `unknown` are CIs of other work that are not there, and so were not judged.
    """

    sequence: int
    windows: tuple[Window, ...]
    blocked: tuple[Blocked, ...]
    unknown: tuple[UnknownCI, ...]


def find_windows(
    topology: Topology,
    work: Work,
    minutes: int,
    within: Window,
    others: Sequence[Work] = (),
    first: int = 5,
    steps: int = STEPS,
) -> SafeWindows:
    """The first slots of a period in which `work` (its own window aside) may be done, next to other work.

    A moment is safe if what is down then is no more than what the others take down together, and the work alone, by
    all that is known and at the worst of what is in doubt.
    What was not judged within `steps` literals counts as unsafe and says so. Raises UsageError, NotFound, Invalid or
    LimitExceeded.
    """
    _check(minutes, within, first)
    with topology.lock:
        unknown: list[UnknownCI] = []
        search = _Search(topology, task_of(topology, work), tasks_of(topology, others, within, unknown), steps)
        search.run(within, minutes * MINUTE_MS, first)
        return SafeWindows(topology.sequence, tuple(search.slots), tuple(search.blocked), tuple(unknown))


def _check(minutes: int, within: Window, first: int) -> None:
    if not 1 <= minutes <= MOST_MINUTES:
        raise Invalid(f"the work takes {minutes:,} minutes; give 1 to {MOST_MINUTES:,}")
    within.check("the period")
    if within.end - within.start > MOST_DAYS * 24 * 60 * MINUTE_MS:
        raise LimitExceeded(f"the period is longer than {MOST_DAYS} days; search part after part")
    if not 1 <= first <= MOST_SLOTS:
        raise LimitExceeded(f"first is {first}; give 1 to {MOST_SLOTS}")


class _Search:
    """The slots and what blocks the rest, as they are found."""

    def __init__(self, topology: Topology, task: Task, tasks: Sequence[Task], steps: int) -> None:
        self._topology, self._task, self._tasks = topology, task, tasks
        self._pinned, self._steps = task.seeds.pinned, steps
        self.slots: list[Window] = []
        self.blocked: list[Blocked] = []
        self._cases = cases(topology)
        self._reasons: dict[int, list[tuple[int, ...]]] = {}  # literal -> tasks that take it down with this work

    def run(self, within: Window, length: int, first: int) -> None:
        """Go through the period until there are enough slots; times in epoch ms."""
        judges = [OnTop(live, self._pinned, self._task.out) for live in self._cases]
        sweep = Sweep(self._tasks, judges[0] if len(judges) == 1 else AnyOf(judges), self._steps)
        since = None
        for moment in sweep.moments(within):
            if moment.judged and not moment.extra:
                since = moment.start if since is None else since
                continue
            if since is not None and moment.start - since >= length:
                self.slots.append(Window(since, moment.start))
                if len(self.slots) == first:
                    return
            since = None
            self._block(sweep, moment)
        if since is not None and within.end - since >= length:
            self.slots.append(Window(since, within.end))

    def _block(self, sweep: Sweep, moment: Moment) -> None:
        """Note an unsafe moment; one of the same work that follows it at once is the same time."""
        last = self.blocked[-1] if self.blocked else None
        if last is not None and len(self.blocked) == MOST_BLOCKED:
            self.blocked[-1] = msgspec.structs.replace(last, window=Window(last.window.start, moment.end))
            return
        keys: tuple[str, ...] = ()
        text = NOT_JUDGED
        if moment.judged:
            tasks = self._guilty(sweep, moment)
            keys = tuple(dict.fromkeys(self._tasks[number].key for number in tasks))
            text = self._text(tasks, moment)
        if last is not None and (last.window.end, last.keys, last.text) == (moment.start, keys, text):
            self.blocked[-1] = msgspec.structs.replace(last, window=Window(last.window.start, moment.end))
        else:
            self.blocked.append(Blocked(Window(moment.start, moment.end), keys, text))

    def _guilty(self, sweep: Sweep, moment: Moment) -> tuple[int, ...]:
        """Who is in the way of the worst that would break; most often it is known from a moment before."""
        worst = by_weight(self._topology, moment.extra)[0]
        literal = min(lit for lit in moment.extra if ci_of(lit) == worst)
        sweep.spend(len(moment.extra))
        known = self._reasons.setdefault(literal, [])
        for tasks in known:
            if moment.active >= set(tasks):
                return tasks
        active = sorted(moment.active)
        candidates = [self._tasks[number] for number in active]
        live = self._case(candidates, literal)
        positions, spent = guilty(live, self._pinned, self._task.out, candidates, literal)
        sweep.spend(spent)
        known.append(tuple(active[position] for position in positions))
        return known[-1]

    def _case(self, tasks: Sequence[Task], literal: int) -> Live:
        """The reading in which these, with this work, take a literal down: by all that is known, or else the worst."""
        seeds = [*self._task.out, *(ci for task in tasks for ci in task.out)]
        usual, *others = self._cases
        return usual if not others or literal in fallen(usual, seeds, self._pinned) else others[0]

    def _text(self, tasks: Sequence[int], moment: Moment) -> str:
        names = listed(list(dict.fromkeys(self._tasks[number].name for number in tasks)))
        hit = by_weight(self._topology, moment.extra)
        what = listed([self._topology.facts.nodes[ci].name for ci in hit])
        return f"together with {names}, {what} would fail"
