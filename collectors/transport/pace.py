"""How fast to ask one agent, learned from how it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_GROW_AFTER = 3  # good answers before the next larger request
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
