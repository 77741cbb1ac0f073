"""Goes through the moments of a period at which different work goes on, and says what is down only together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from cmdb.impact.fixpoint import fail, fallen
from cmdb.impact.standing import Standing
from cmdb.impact.work import Task, Window
from cmdb.topology.live import Live, ci_of, conn, plane_of
from cmdb.topology.plane import Plane

STEPS = 2_000_000  # literals that one answer may look at; about three seconds
BRANCH = 8  # what a branch costs, in such steps
_NONE: frozenset[int] = frozenset()


class Moment(NamedTuple):
    """A stretch of time in which the same work goes on.

    `active` are positions of the tasks, `extra` the literals that are down only together, `down` is the number of all
    that are down; the sets are only good until the next moment is asked for. `judged` is False where the limit was hit
    first.
    """

    start: int
    end: int
    active: AbstractSet[int]
    extra: AbstractSet[int]
    down: int
    judged: bool


class Judge(Protocol):
    """Says what is down only together while tasks begin, and end in the opposite order."""

    @property
    def spent(self) -> int:
        """Steps taken so far."""

    @property
    def down(self) -> int:
        """Number of literals that are down, `extra` aside."""

    def enter(self, outs: Sequence[tuple[int, ...]]) -> None:
        """Some tasks begin: each takes CIs out of service."""

    def leave(self) -> None:
        """Those that began last end."""

    def extra(self) -> AbstractSet[int]:
        """What is down only together; good until the next call."""


class OnTop:
    """What some work (`base`) adds to what all tasks together take down, and what it takes down alone."""

    def __init__(self, live: Live, pinned: AbstractSet[int], base: Sequence[int]) -> None:
        self._base = base
        alone = fail(live, base, pinned)
        self._alone = frozenset(alone.trail)
        self._touched = [group for group, loss in alone.loss.items() if loss]
        self._is_on_paths = any(_carries(plane, self._alone) for plane in live.planes if plane.roots)
        self._others = Standing(live, pinned)
        self._cut = 0
        self._down, self._own = len(self._alone), len(alone.trail)

    @property
    def spent(self) -> int:
        """Steps taken so far."""
        return self._own + self._others.spent

    @property
    def down(self) -> int:
        """Number of literals that are down, `extra` aside."""
        return self._down

    def enter(self, outs: Sequence[tuple[int, ...]]) -> None:
        """Some tasks begin."""
        self._count(self._others.add(ci for out in outs for ci in out), 1)

    def leave(self) -> None:
        """Those that began last end."""
        self._count(self._others.take_back(), -1)

    def _count(self, literals: Sequence[int], sign: int) -> None:
        self._cut += sign * sum(literal < 0 for literal in literals)
        self._down += sign * sum(literal not in self._alone for literal in literals)

    def extra(self) -> AbstractSet[int]:
        """What the work adds. Nothing, if no group lost by both and both are not on the way of paths: both sets are
        closed then, and so is their union.
        """
        shared = any(map(self._others.run.loss.get, self._touched))
        self._own += 1 + len(self._touched) // 16  # a look-up each
        if not shared and not (self._cut and self._is_on_paths):
            return _NONE
        found = {literal for literal in self._others.add(self._base) if literal not in self._alone}
        self._others.take_back()
        return found


class AnyOf:
    """What at least one of several judges says, of which each looks at another reading of what is in doubt."""

    def __init__(self, judges: Sequence[Judge]) -> None:
        self._judges = judges

    @property
    def spent(self) -> int:
        """Steps taken so far."""
        return sum(judge.spent for judge in self._judges)

    @property
    def down(self) -> int:
        """Number of literals that are down in the worst reading, `extra` aside."""
        return max(judge.down for judge in self._judges)

    def enter(self, outs: Sequence[tuple[int, ...]]) -> None:
        """Some tasks begin."""
        for judge in self._judges:
            judge.enter(outs)

    def leave(self) -> None:
        """Those that began last end."""
        for judge in self._judges:
            judge.leave()

    def extra(self) -> AbstractSet[int]:
        """What is down only together by any of them."""
        first, *others = (judge.extra() for judge in self._judges)
        return frozenset(first).union(*others) if any(others) else first


def _carries(plane: Plane, lost: AbstractSet[int]) -> bool:
    """Whether paths of others to a root may lead over what is lost here: it has a root, or more than one neighbour."""
    mine = {ci_of(literal) for literal in lost if literal < 0 and plane_of(literal) == plane.number}
    while mine:
        ends, part = set(), [mine.pop()]
        for ci in part:
            if ci in plane.roots:
                return True
            for far in plane.fabric.edges[ci]:
                if far in mine:
                    mine.remove(far)
                    part.append(far)
                elif plane.is_alive(far) and conn(plane.number, far) not in lost:
                    ends.add(far)
        if len(ends) > 1:
            return True
    return False


class OneByOne:
    """What tasks take down together, and none of them alone."""

    def __init__(self, live: Live, pinned: AbstractSet[int]) -> None:
        self._live, self._pinned = live, pinned
        self._all = Standing(live, pinned)
        self._alone: dict[tuple[int, ...], list[int]] = {}
        self._explained: dict[int, int] = {}
        self._extra: set[int] = set()
        self._outs: list[Sequence[tuple[int, ...]]] = []
        self._own = 0

    @property
    def spent(self) -> int:
        """Steps taken so far."""
        return self._own + self._all.spent

    @property
    def down(self) -> int:
        """Number of literals that are down, `extra` aside."""
        return len(self._all.run.trail) - len(self._extra)

    def enter(self, outs: Sequence[tuple[int, ...]]) -> None:
        """Some tasks begin."""
        self._outs.append(outs)
        explained, extra = self._explained, self._extra
        extra.update(
            literal for literal in self._all.add(ci for out in outs for ci in out) if not explained.get(literal)
        )
        for literal in self._reasons(outs):
            explained[literal] = explained.get(literal, 0) + 1
            extra.discard(literal)

    def leave(self) -> None:
        """Those that began last end."""
        explained, extra = self._explained, self._extra
        extra.difference_update(self._all.take_back())
        for literal in self._reasons(self._outs.pop()):
            explained[literal] -= 1
            if not explained[literal] and literal in self._all:
                extra.add(literal)

    def extra(self) -> AbstractSet[int]:
        """What none of them takes down alone."""
        return self._extra

    def _reasons(self, outs: Sequence[tuple[int, ...]]) -> Iterator[int]:
        """What each of these takes down alone, with repeats."""
        for out in outs:
            if out not in self._alone:
                self._alone[out] = fallen(self._live, out, self._pinned)
            self._own += len(self._alone[out])
            yield from self._alone[out]


class Sweep:
    """The moments of a period, each judged while exactly the tasks of that moment are entered.

    Each task is entered once for each of the few branches of a binary tree over the moments that its time covers, so
    that n tasks cost n log n entries, however much they overlap.
    """

    def __init__(self, tasks: Sequence[Task], judge: Judge, steps: int = STEPS) -> None:
        self._tasks, self._judge, self._steps = tasks, judge, steps
        self._spent = 0
        self._active: dict[int, None] = {}

    @property
    def spent(self) -> int:
        """Steps taken so far."""
        return self._spent + self._judge.spent

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
            yield Moment(self._times[first], self._times[last], _NONE, _NONE, 0, False)
            return
        self._spent += BRANCH
        if tasks:
            self._active.update(dict.fromkeys(tasks))
            self._judge.enter([self._tasks[number].out for number in tasks])
        if width == 1:
            start, end = self._times[first], self._times[first + 1]
            extra = self._judge.extra()
            yield Moment(start, end, self._active.keys(), extra, self._judge.down + len(extra), True)
        else:
            half = width // 2
            yield from self._below(2 * branch, first, half)
            yield from self._below(2 * branch + 1, first + half, half)
        if tasks:
            self._judge.leave()
            for number in tasks:
                del self._active[number]


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
