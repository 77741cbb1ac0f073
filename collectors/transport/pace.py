"""How fast to ask: one agent as it answers, many addresses as their network allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

_GROW_AFTER = 3  # good answers before the next larger request
_TURN_S = 0.01  # shorter waits are not worth one
_BURST_S = 0.05  # so much that was missed may be caught up with
_HOPELESS_AFTER = 3  # unanswered GETBULKs, none ever answered, before they are given up


@dataclass(frozen=True)
class Timing:
    """Waiting times in seconds.

    The first wait follows the round-trip time, between `least_s` and `most_s`; each repetition waits longer by
    `growth`. A request is given up after `patience_s`, or after `attempts`.
    """

    first_s: float = 1.0
    least_s: float = 0.25
    most_s: float = 3.0
    growth: float = 1.6
    patience_s: float = 9.0
    attempts: int = 8
    round_trips: float = 4.0


class Pace:
    """Repetitions for GETBULK (RFC 3416 §4.2.3) and waiting times, remembered for one agent.

    Repetitions shrink to half when nothing comes back (twice, where as many were answered before: that may be loss) and
    grow again with good answers up to a ceiling. The ceiling falls for good when the agent itself says that it is too
    much. At 0 GETNEXT is used.
    """

    def __init__(self, timing: Timing, repetitions: int = 25) -> None:
        self.repetitions = self._ceiling = repetitions
        self._timing = timing
        self._round_trip_s: float | None = None
        self._good = self._silent = 0
        self._proven = 0  # the most repetitions that were answered
        self._bulk_silences = 0

    def waits(self) -> Iterator[float]:
        """How long to wait for each attempt of a request."""
        timing = self._timing
        wait = timing.first_s
        if self._round_trip_s is not None:
            wait = min(max(self._round_trip_s * timing.round_trips, timing.least_s), timing.most_s)
        waited = 0.0
        for _ in range(timing.attempts):
            yield wait
            waited += wait
            if waited >= timing.patience_s:
                return
            wait = min(wait * timing.growth, timing.most_s)

    def answered(self, repetitions: int | None, round_trip_s: float | None) -> None:
        """Note a good answer; `repetitions` is None for a GET, which says nothing about GETBULK."""
        if round_trip_s is not None:
            old = self._round_trip_s
            self._round_trip_s = round_trip_s if old is None else old + (round_trip_s - old) / 8  # RFC 6298 §2
        if repetitions is None:
            return
        self._proven = max(self._proven, repetitions)
        self._silent = 0
        self._good += 1
        if self._good >= _GROW_AFTER and self.repetitions < self._ceiling:
            self._good, self.repetitions = 0, min(self.repetitions * 2 or 1, self._ceiling)

    def silent(self, repetitions: int) -> None:
        """Note that a GETBULK or GETNEXT was not answered in time."""
        self._good = 0
        if repetitions == 0:
            return
        self._silent += 1
        if repetitions > self._proven or self._silent > 1:
            self.repetitions = min(self.repetitions, repetitions // 2)
        if self._proven == 0:
            self._bulk_silences += 1
            if self._bulk_silences >= _HOPELESS_AFTER:
                self._ceiling = self.repetitions = 0
            elif self._bulk_silences > 1:
                self.repetitions = 0  # soon enough: is it GETBULK, or does the agent not answer at all?

    def too_much(self, repetitions: int) -> None:
        """Note that the agent can't answer so much at once."""
        self._good = 0
        self._ceiling = min(self._ceiling, repetitions // 2)
        self.repetitions = min(self.repetitions, self._ceiling)


class Turns:
    """Gives packets their turns, so many a second in all and so many a second into one subnet ("": no limit there)."""

    def __init__(self, per_s: float, per_subnet_s: float) -> None:
        self._per_s, self._per_subnet_s = per_s, per_subnet_s
        self._next = 0.0
        self._next_in: dict[str, float] = {}

    def due(self, subnet: str, now: float) -> float:
        """When the next packet into a subnet may go; this takes its turn. What was missed is caught up with, a bit."""
        turn = max(self._next, now - _BURST_S)
        self._next = turn + 1 / self._per_s
        if subnet:
            turn = max(turn, self._next_in.get(subnet, 0.0))
            self._next_in[subnet] = turn + 1 / self._per_subnet_s
        return turn

    async def wait(self, subnet: str) -> None:
        """Wait for the turn of a packet into a subnet."""
        now = asyncio.get_running_loop().time()
        ahead = self.due(subnet, now) - now
        if ahead > _TURN_S:
            await asyncio.sleep(ahead)
