"""What is down while pieces of work begin and end: one cascade that grows in place and is taken back."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from cmdb.impact.engine import Cascade, extend
from cmdb.topology.live import Live

_NEVER = -2  # a literal that had not moved


class _Noted(dict[int, int]):
    """New parents of connectivity, with a note of what each was before."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[tuple[int, int]] = []

    def __setitem__(self, literal: int, parent: int) -> None:
        self.notes.append((literal, self.get(literal, _NEVER)))
        super().__setitem__(literal, parent)

    def put_back(self, length: int) -> None:
        """Undo all but the first notes."""
        while len(self.notes) > length:
            literal, parent = self.notes.pop()
            if parent == _NEVER:
                del self[literal]
            else:
                super().__setitem__(literal, parent)


class Standing:
    """All that is down through the seeds added so far; the last ones added can be taken back.

    Adding costs what follows from it, taking back as much: neither costs what is down already. A group that lost
    something once stays in `run.loss`, perhaps with 0.
    """

    def __init__(self, live: Live, pinned: AbstractSet[int] = frozenset()) -> None:
        self._live, self._pinned = live, pinned
        self._moved = _Noted()
        self.run = Cascade([], {}, {}, self._moved)
        self._marks: list[tuple[int, int, int]] = []
        self.spent = 0  # literals that fell, over all additions, and what moved

    def add(self, seeds: Iterable[int]) -> list[int]:
        """Let seeds fail; return the literals that fall with them, in order."""
        run, notes = self.run, len(self._moved.notes)
        self._marks.append((notes, len(run.trail), run.islands))
        begin = extend(self._live, run, seeds, self._pinned)
        self.spent += 1 + 2 * (len(run.trail) - begin) + len(self._moved.notes) - notes
        return run.trail[begin:]

    def take_back(self) -> list[int]:
        """Undo the last addition; return the literals that are up again."""
        notes, length, islands = self._marks.pop()
        run, serves, loss = self.run, self._live.serves, self.run.loss
        again = run.trail[length:]
        del run.trail[length:]
        for literal in again:
            del run.cause[literal]
            for group, weight in serves.get(literal, {}).items():
                loss[group] -= weight
        self._moved.put_back(notes)
        run.islands = islands
        return again

    def __contains__(self, literal: int) -> bool:
        return literal in self.run.cause
