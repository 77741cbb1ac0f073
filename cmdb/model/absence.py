"""Reads when what is not seen is missing or retired, and when ties end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cmdb.model.shape import Key, Map, Problems, check_keys

ABSENCE = "absence.yaml"
MAX_RUNS = 10  # of which the store keeps the times
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_FILE = {
    "default": Key("map", required=True),
    "rules": Key("maps"),
    "sightings": Key("map"),
    "endings": Key("maps"),
}
_DEFAULT = {
    "runs": Key("whole", required=True),
    "hours": Key("whole", required=True),
    "retire_after_days": Key("whole"),
}
_RULE = {
    "classes": Key("texts", required=True),
    "runs": Key("whole"),
    "hours": Key("whole"),
    "retire_after_days": Key("whole"),
    "description": Key("text", required=True),
}
_SIGHTINGS = {"default": Key("map", required=True), "methods": Key("map"), "sure_from": Key("whole")}
_SIGHTING = {"period_h": Key("whole", required=True), "belief": Key("whole", required=True)}
_ENDING = {
    "types": Key("texts", required=True),
    "methods": Key("texts"),
    "after_h": Key("whole", required=True),
    "description": Key("text", required=True),
}


@dataclass(frozen=True, slots=True)
class Absence:
    """When a CI is missing, and days after which it is retired then (None: never)."""

    runs: int = 3
    hours: int = 24
    retire_after_days: int | None = None

    @property
    def is_immediate(self) -> bool:
        """Whether the first complete run that does not see it is enough."""
        return self.runs <= 1 and self.hours <= 0

    def is_missing(self, runs: int, since: int, now: int) -> bool:
        """Whether so many runs without it, the first at `since` (ms), make a CI missing."""
        return runs >= self.runs and now - since >= self.hours * HOUR_MS


@dataclass(frozen=True, slots=True)
class AbsenceRule:
    """An exception for some classes."""

    classes: tuple[str, ...]
    absence: Absence
    description: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """How much a method is believed, 0 to 1, and how long before it should be repeated."""

    period_h: int = 48
    belief: float = 0.9


@dataclass(frozen=True, slots=True)
class Ending:
    """Ties of these types, by these methods (none: any), end when nobody repeats them for so long."""

    types: tuple[str, ...]
    methods: tuple[str, ...]
    after_h: int
    description: str


@dataclass(frozen=True, slots=True)
class AbsencePolicy:
    """What `absence.yaml` says."""

    default: Absence = Absence()
    rules: tuple[AbsenceRule, ...] = ()
    sighting: Sighting = Sighting()
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    endings: tuple[Ending, ...] = ()
    sure_from: float = 0.5  # the least confidence of a relationship that counts as certain


def read_absence(found: Map, problems: Problems) -> AbsencePolicy:
    """What an absence file says; what is wrong goes to `problems`."""
    good = check_keys(found, _FILE, ABSENCE, "", problems)
    first = check_keys(good.get("default", {}), _DEFAULT, ABSENCE, "default", problems)
    default = _absence_of(first, Absence(), "default", problems)
    sightings = check_keys(good.get("sightings", {"default": _USUAL}), _SIGHTINGS, ABSENCE, "sightings", problems)
    methods = sightings.get("methods", {})
    sure_from = sightings.get("sure_from", 50)
    if not 0 <= sure_from <= 100:
        problems.add(ABSENCE, "sightings.sure_from", f"{sure_from} is out of range; write 0 to 100")
    return AbsencePolicy(
        default,
        tuple(_rule(r, default, f"rules[{i}]", problems) for i, r in enumerate(good.get("rules", ()))),
        _sighting(sightings.get("default", _USUAL), "sightings.default", problems),
        {str(name): _sighting(m, f"sightings.methods.{name}", problems) for name, m in methods.items()},
        tuple(_ending(e, f"endings[{i}]", problems) for i, e in enumerate(good.get("endings", ()))),
        sure_from / 100,
    )


_USUAL = {"period_h": 48, "belief": 90}


def _absence_of(good: Map, usual: Absence, where: str, problems: Problems) -> Absence:
    made = Absence(
        good.get("runs", usual.runs),
        good.get("hours", usual.hours),
        good.get("retire_after_days", usual.retire_after_days),
    )
    if not 1 <= made.runs <= MAX_RUNS:
        problems.add(ABSENCE, f"{where}.runs", f"{made.runs} is out of range; write 1 to {MAX_RUNS}")
    for name, number in (("hours", made.hours), ("retire_after_days", made.retire_after_days)):
        if number is not None and not 0 <= number <= 100_000:
            problems.add(ABSENCE, f"{where}.{name}", f"{number} is out of range; write 0 to 100,000")
    return made


def _rule(found: Map, default: Absence, where: str, problems: Problems) -> AbsenceRule:
    good = check_keys(found, _RULE, ABSENCE, where, problems)
    absence = _absence_of(good, default, where, problems)
    return AbsenceRule(tuple(good.get("classes", ())), absence, str(good.get("description", "")))


def _sighting(found: Any, where: str, problems: Problems) -> Sighting:
    if not isinstance(found, dict):
        problems.add(ABSENCE, where, "must be a mapping with period_h and belief; write it so")
        return Sighting()
    good = check_keys(found, _SIGHTING, ABSENCE, where, problems)
    made = Sighting(good.get("period_h", 48), good.get("belief", 90) / 100)
    if not 0 <= made.belief < 1:
        problems.add(ABSENCE, f"{where}.belief", "is out of range; write 0 to 99")
    if made.period_h < 1:
        problems.add(ABSENCE, f"{where}.period_h", "is out of range; write 1 or more")
    return made


def _ending(found: Map, where: str, problems: Problems) -> Ending:
    good = check_keys(found, _ENDING, ABSENCE, where, problems)
    after = good.get("after_h", 1)
    if after < 1:
        problems.add(ABSENCE, f"{where}.after_h", f"{after} is out of range; write 1 or more")
    types, methods = tuple(good.get("types", ())), tuple(good.get("methods", ()))
    return Ending(types, methods, after, str(good.get("description", "")))


def named_in(policy: AbsencePolicy) -> Iterable[tuple[str, str, str]]:
    """(where, what: class or type, name) of everything of the model that the file names."""
    for i, rule in enumerate(policy.rules):
        yield from ((f"rules[{i}].classes", "class", name) for name in rule.classes)
    for i, ending in enumerate(policy.endings):
        yield from ((f"endings[{i}].types", "relationship type", name) for name in ending.types)
