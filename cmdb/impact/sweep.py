"""Goes through the moments of a period at which different work goes on, and says what only together is down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from cmdb.impact.engine import fail
from cmdb.impact.standing import Standing
from cmdb.impact.work import Task, Window
from cmdb.topology.live import Live

STEPS = 1_000_000  # literals and requirements that one answer may look at; about three seconds
BRANCH = 8  # what a branch costs, in such steps


class Moment(NamedTuple):
    """A stretch of time in which the same work goes on.

    `active` are positions of the other tasks, `extra` the literals that no reason of its own explains; both are only
    good until the next moment is asked for. `judged` is False where the limit was hit first.
    """

    start: int
    end: int
    active: AbstractSet[int]
    extra: AbstractSet[int]
    fallen: Sequence[int]
    judged: bool


class Sweep:
    """What is down in each moment of a period while `base` is out of service, and other tasks are in their time.

    `extra` is what is down and neither base alone explains, nor the other tasks: each of them alone, or with
    `jointly` all of them together. Each task is added once for each of the few branches of a binary tree over the
    moments that its time covers, so that n tasks cost n log n additions, however much they overlap.
    """

    def __init__(
        self,
        live: Live,
        pinned: AbstractSet[int],
        base: Sequence[int],
        tasks: Sequence[Task],
        jointly: bool,
        steps: int = STEPS,
    ) -> None:
        self._live, self._pinned, self._tasks, self._steps = live, pinned, tasks, steps
        self._all, self._others = Standing(live, pinned), Standing(live, pinned)
        self._jointly = jointly
        self._alone: dict[tuple[int, ...], list[int]] = {}
        self._spent = 0
        self._explained = dict.fromkeys(self._all.add(base), 1)
        self._extra: set[int] = set()
        self._active: dict[int, None] = {}

    @property
    def spent(self) -> int:
        """Steps taken so far."""
        return self._spent + self._all.spent + self._others.spent

    def spend(self, steps: int) -> None:
        """Take steps of the caller's into account."""
        self._spent += steps

    def moments(self, within: Window) -> Iterator[Moment]:
        """The moments of a period, earliest first; together they cover it."""
        times = {within.start, within.end}
        for task in self._tasks:
            times.update(at for at in (task.start, task.end) if within.start < at < within.end)
        self._times = sorted(times)
        position = {at: number for number, at in enumerate(self._times)}
        self._count = len(self._times) - 1
        self._size = 1 << max(0, self._count - 1).bit_length()
        self._at: dict[int, list[int]] = {}
        for number, task in enumerate(self._tasks):
            first = position[max(task.start, within.start)]
            last = position[min(task.end, within.end)]
            self._cover(number, first + self._size, last + self._size)
        return self._below(1, 0, self._size)

    def _cover(self, task: int, low: int, high: int) -> None:
        """Note a task at the largest branches that together make up its time."""
        while low < high:
            if low & 1:
                self._at.setdefault(low, []).append(task)
                low += 1
            if high & 1:
                high -= 1
                self._at.setdefault(high, []).append(task)
            low, high = low >> 1, high >> 1

    def _below(self, branch: int, first: int, width: int) -> Iterator[Moment]:
        if first >= self._count:
            return
        tasks = self._at.get(branch, ())
        if self.spent + sum(len(self._tasks[number].out) for number in tasks) > self._steps:
            last = min(first + width, self._count)
            yield Moment(self._times[first], self._times[last], frozenset(), frozenset(), (), False)
            return
        self._spent += BRANCH
        explained = self._enter(tasks) if tasks else None
        if width == 1:
            start, end = self._times[first], self._times[first + 1]
            yield Moment(start, end, self._active.keys(), self._extra, self._all.run.trail, True)
        else:
            half = width // 2
            yield from self._below(2 * branch, first, half)
            yield from self._below(2 * branch + 1, first + half, half)
        if explained is not None:
            self._leave(tasks, explained)

    def _enter(self, tasks: Sequence[int]) -> list[int]:
        out = [ci for number in tasks for ci in self._tasks[number].out]
        self._active.update(dict.fromkeys(tasks))
        explained, extra = self._explained, self._extra
        extra.update(literal for literal in self._all.add(out) if not explained.get(literal))
        reasons = self._others.add(out) if self._jointly else self._each(tasks)
        self._spent += len(reasons)
        for literal in reasons:
            explained[literal] = explained.get(literal, 0) + 1
            extra.discard(literal)
        return reasons

    def _leave(self, tasks: Sequence[int], reasons: Sequence[int]) -> None:
        explained, extra = self._explained, self._extra
        for literal in self._all.take_back():
            extra.discard(literal)
        if self._jointly:
            self._others.take_back()
        for literal in reasons:
            explained[literal] -= 1
            if not explained[literal] and literal in self._all:
                extra.add(literal)
        for number in tasks:
            del self._active[number]

    def _each(self, tasks: Sequence[int]) -> list[int]:
        """What each of these takes down alone, with repeats."""
        found = []
        for number in tasks:
            out = self._tasks[number].out
            if out not in self._alone:
                self._alone[out] = fail(self._live, out, self._pinned).trail
                self._spent += len(self._alone[out])
            found.extend(self._alone[out])
        return found


def guilty(
    live: Live, pinned: AbstractSet[int], base: Sequence[int], tasks: Sequence[Task], literal: int
) -> tuple[list[int], int]:
    """Positions of the tasks that, with `base`, take a literal down and without any one of them do not; and the steps.

    They are added one by one until it falls: the last one is needed, and what comes after it is not. Then again with
    the needed ones in front. All of them together must take it down.
    """
    standing = Standing(live, pinned)
    standing.add(base)
    needed: list[int] = []
    left: Sequence[int] = range(len(tasks))
    while literal not in standing:
        tried = 0
        for number in left:
            tried += 1
            standing.add(tasks[number].out)
            if literal in standing:
                break
        else:
            raise AssertionError("these tasks do not take it down")
        for _ in range(tried):
            standing.take_back()
        needed.append(left[tried - 1])
        standing.add(tasks[needed[-1]].out)
        left = left[: tried - 1]
    return sorted(needed), standing.spent
