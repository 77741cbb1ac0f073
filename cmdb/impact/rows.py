"""Rows of numbers in one pool that grows."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[Any]


class Rows:
    """Each row is a start and a count; one that is full moves to the end, with room for as much again."""

    def __init__(self, *columns: type[np.integer[Any]]) -> None:
        self.start, self.count, self._room = np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32)
        self.pools: list[Numbers] = [np.zeros(0, column) for column in columns]
        self._end = 0

    def fill(self, size: int, places: Numbers, counts: Numbers, *values: Numbers) -> None:
        """Become `size` rows; those at `places` have so many entries each, given one row after the other."""
        self.start, self.count = np.zeros(size, np.int64), np.zeros(size, np.int32)
        self.count[places] = counts
        self.start[places] = np.cumsum(counts) - counts
        self._room = self.count.copy()
        self.pools = [given.astype(pool.dtype, copy=False) for given, pool in zip(values, self.pools, strict=True)]
        self._end = len(values[0])

    def widen(self, old: tuple[int, int], new: tuple[int, int]) -> None:
        """Lay the rows out in a table of another shape, by bands of so many; none of them changes."""
        self.start, self.count = widened(self.start, old, new), widened(self.count, old, new)
        self._room = widened(self._room, old, new)

    def append(self, row: int, *values: int) -> None:
        """Put one more entry at the end of a row."""
        if self.count[row] == self._room[row]:
            self._move(row)
        at = self.start[row] + self.count[row]
        for pool, value in zip(self.pools, values, strict=True):
            pool[at] = value
        self.count[row] += 1

    def remove(self, row: int, value: int) -> None:
        """Take the entry out that begins with a value; the order of the others stays."""
        start, count = int(self.start[row]), int(self.count[row])
        at = start + int(np.flatnonzero(self.pools[0][start : start + count] == value)[0])
        for pool in self.pools:
            pool[at : start + count - 1] = pool[at + 1 : start + count].copy()
        self.count[row] -= 1

    def _move(self, row: int) -> None:
        start, count = int(self.start[row]), int(self.count[row])
        room = max(2, 2 * count)
        if self._end + room > len(self.pools[0]):
            more = max(room, len(self.pools[0]) // 4, 1024)
            self.pools = [np.concatenate((pool, np.zeros(more, pool.dtype))) for pool in self.pools]
        for pool in self.pools:
            pool[self._end : self._end + count] = pool[start : start + count]
        self.start[row], self._room[row] = self._end, room
        self._end += room


def widened(values: Numbers, old: tuple[int, int], new: tuple[int, int], fill: int = 0) -> Numbers:
    """A table of `old` (bands, width), flat, laid out in a larger one."""
    found = np.full(new, fill, values.dtype)
    found[: old[0], : old[1]] = values.reshape(old)
    return found.reshape(-1)
