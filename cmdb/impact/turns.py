"""Long scans in turns, so that the feed and other questions get the topology in between."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from cmdb.errors import CmdbError
from cmdb.topology import Topology

TURN = 20_000  # literals and requirements looked at before others may have the topology; some ten milliseconds

Rest = Callable[[], bool]  # called between turns, without the lock; False: time is up


class Overtaken(CmdbError):
    """The graph changed while it was scanned: an answer would belong to two sequences. Ask again."""


class TimeIsUp(Exception):
    """The time for a scan is over; what was found until then is told, and that it is not all."""


def onward() -> bool:
    """Take all the time that is needed."""
    return True


class Turns:
    """The lock of a topology, held while a scan looks at it and given away between turns of bounded work."""

    def __init__(self, topology: Topology, rest: Rest = onward, turn: int | None = None) -> None:
        self._topology, self._rest = topology, rest
        self._turn = TURN if turn is None else turn
        self._left = self._turn

    def __enter__(self) -> Turns:
        self._topology.lock.acquire()
        self._live, self.sequence = self._topology.live, self._topology.sequence
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._topology.lock.release()

    def spend(self, steps: int) -> None:
        """Note work done; at the end of a turn let others have the topology. Raises TimeIsUp or Overtaken."""
        self._left -= steps
        if self._left >= 0:
            return
        self._left = self._turn
        topology = self._topology
        topology.lock.release()
        try:
            goes_on = self._rest()
        finally:
            topology.lock.acquire()
        if topology.sequence != self.sequence or topology.live is not self._live:
            raise Overtaken(f"commit {topology.sequence} came in while commit {self.sequence} was scanned; ask again")
        if not goes_on:
            raise TimeIsUp
