"""What is down while pieces of work begin and end: one cascade that grows in place and is taken back."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from cmdb.impact.engine import Cascade, extend
from cmdb.topology.live import Live

_ABSENT = object()


class _Noted(dict[Any, Any]):
    """A dictionary that notes what each of its entries was before it was set."""

    def __init__(self, log: list[tuple[_Noted, Any, Any]]) -> None:
        super().__init__()
        self._log = log

    def __setitem__(self, key: Any, value: Any) -> None:
        self._log.append((self, key, self.get(key, _ABSENT)))
        super().__setitem__(key, value)

    def put_back(self, key: Any, value: Any) -> None:
        """Set an entry to what it was, without a note."""
        if value is _ABSENT:
            super().__delitem__(key)
        else:
            super().__setitem__(key, value)


class Standing:
    """All that is down through the seeds added so far; the last ones added can be taken back.

    Adding costs what follows from it, taking back as much: neither costs what is down already.
    """

    def __init__(self, live: Live, pinned: AbstractSet[int] = frozenset()) -> None:
        self._live, self._pinned = live, pinned
        self._log: list[tuple[_Noted, Any, Any]] = []
        self.run = Cascade([], _Noted(self._log), _Noted(self._log), _Noted(self._log))
        self._marks: list[tuple[int, int, int]] = []
        self.spent = 0  # entries written so far, over all additions

    def add(self, seeds: Iterable[int]) -> list[int]:
        """Let seeds fail; return the literals that fall with them, in order."""
        run, written = self.run, len(self._log)
        self._marks.append((written, len(run.trail), run.islands))
        begin = extend(self._live, run, seeds, self._pinned)
        self.spent += 1 + len(self._log) - written
        return run.trail[begin:]

    def take_back(self) -> list[int]:
        """Undo the last addition; return the literals that are up again."""
        written, length, islands = self._marks.pop()
        log = self._log
        while len(log) > written:
            entries, key, value = log.pop()
            entries.put_back(key, value)
        again = self.run.trail[length:]
        del self.run.trail[length:]
        self.run.islands = islands
        return again

    def __contains__(self, literal: int) -> bool:
        return literal in self.run.cause
