"""How long words count: when a source is stale, a CI missing or retired, a tie ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from cmdb.model.absence import DAY_MS, HOUR_MS, Absence, AbsencePolicy, Sighting
from cmdb.model.definitions import SourceKind


class Policy:
    """The policy as the program asks it, for the classes and sources of a model."""

    def __init__(
        self, said: AbsencePolicy, sources: Mapping[str, SourceKind], ancestry: Callable[[str], tuple[str, ...]]
    ) -> None:
        self.said, self._sources, self._ancestry = said, sources, ancestry
        self.absence = cache(self._absence)
        self._stale_after_kind = cache(self._stale_after)
        self.ends_after = cache(self._ends_after)

    def kind(self, source: str) -> SourceKind | None:
        """The kind of a source, the part of its name before `:`."""
        return self._sources.get(source.partition(":")[0])

    def presence(self, source: str) -> str:
        """What the word of a source says of whether a thing is there: `seen`, `stated`, or `none`."""
        kind = self.kind(source)
        return kind.presence if kind else "seen"

    def _absence(self, ci_class: str) -> Absence:
        names = self._ancestry(ci_class)
        for rule in self.said.rules:
            if not set(rule.classes).isdisjoint(names):
                return rule.absence
        return self.said.default

    def stale_after(self, source: str, ci_class: str) -> int | None:
        """After how long (ms) what a source said of a class is stale; None: never."""
        return self._stale_after_kind(source.partition(":")[0], ci_class)

    def _stale_after(self, source_kind: str, ci_class: str) -> int | None:
        kind = self.kind(source_kind)
        if kind is None:
            return None
        names = self._ancestry(ci_class)
        hours = next((r.after_h for r in kind.stale_rules if not set(r.classes).isdisjoint(names)), kind.stale_after_h)
        return None if hours is None else hours * HOUR_MS

    def stale_periods(self, source: str) -> tuple[int, ...]:
        """All periods (ms) that what a source says of any class may have, the shortest first."""
        kind = self.kind(source)
        if kind is None:
            return ()
        hours = {h for h in (kind.stale_after_h, *(r.after_h for r in kind.stale_rules)) if h is not None}
        return tuple(sorted(h * HOUR_MS for h in hours))

    def first_stale(self) -> int | None:
        """The shortest time (ms) after which what any source said may be stale."""
        return min((p for name in self._sources for p in self.stale_periods(name)), default=None)

    def first_unsure(self) -> int:
        """The shortest time (ms) after which a relationship may be in doubt that nobody repeated."""
        hours = (s.period_h for s in (self.said.sighting, *self.said.sightings.values()))
        return min(hours) * HOUR_MS

    def may_be_missing(self, runs: int, since: int, now: int) -> bool:
        """Whether a CI of any class is missing after so many runs without it, the first at `since`."""
        return any(a.is_missing(runs, since, now) for a in self._absences())

    def first_retirement(self) -> int | None:
        """The shortest time (ms) after which a missing CI of any class may be retired."""
        days = (a.retire_after_days for a in self._absences())
        return min((d * DAY_MS for d in days if d is not None), default=None)

    def _absences(self) -> list[Absence]:
        return [self.said.default, *(rule.absence for rule in self.said.rules)]

    @property
    def sure_from(self) -> float:
        """The least confidence, 0 to 1, of a relationship that counts as certain."""
        return self.said.sure_from

    def sighting(self, method: str) -> Sighting:
        """Belief in a method and its period."""
        return self.said.sightings.get(method, self.said.sighting)

    def _ends_after(self, type_: str, method: str) -> int | None:
        """After how long (ms) a tie ends that a method no longer says; None: never."""
        for ending in self.said.endings:
            if type_ in ending.types and (not ending.methods or method in ending.methods):
                return ending.after_h * HOUR_MS
        return None

    def endings(self) -> tuple[int, ...]:
        """All times (ms) after which ties may end, the shortest first."""
        return tuple(sorted({e.after_h * HOUR_MS for e in self.said.endings}))
