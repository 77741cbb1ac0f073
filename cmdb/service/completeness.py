"""How complete what is known of a CI is: the eight items of ISO/IEC 20000-1:2011, 9.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from cmdb.model.registry import Model
from cmdb.observation import split_facet_name, split_origin
from cmdb.service.rules import ClassRules, Item, Rules
from cmdb.service.support import SERVICE, Support
from cmdb.store.protocol import CIRecord, StoredRecord
from cmdb.wording import amount

State = Literal["present", "absent", "not_applicable"]
DAY_MS = 86_400_000
CHANGE_KINDS = ("change", "release")
PROBLEM_KINDS = ("problem", "known_error")
RECORD_KINDS = CHANGE_KINDS + PROBLEM_KINDS
IN_USE = ("in_service", "missing")  # what is planned, in stock or retired carries no service


class Answer(msgspec.Struct, frozen=True):
    """One item: what answers it, or why nothing does; which source says so and when last (epoch ms)."""

    item: Item
    state: State
    text: str
    source: str = ""
    at: int | None = None


class Completeness(msgspec.Struct, frozen=True):
    """The eight items of one CI, in the order of the standard."""

    answers: tuple[Answer, ...]

    @property
    def missing(self) -> tuple[Item, ...]:
        """Items that nothing answers."""
        return tuple(a.item for a in self.answers if a.state == "absent")

    @property
    def score(self) -> float:
        """Share of the items that apply that are answered, 0 to 1."""
        applicable = [a for a in self.answers if a.state != "not_applicable"]
        return sum(a.state == "present" for a in applicable) / len(applicable) if applicable else 1.0


class Surroundings(msgspec.Struct, frozen=True):
    """What is known around a CI.

    `relationships` says how many it has, by type. `place` names where it is and what says so, `holders` are
    the CIs that hold it, the nearest first. `needs` says how many requirements it has, `altered` whether a fact under
    control has changed since it was first seen.
    """

    relationships: Mapping[str, int] = {}
    services: tuple[Support, ...] = ()
    place: str = ""
    holders: tuple[CIRecord, ...] = ()
    needs: int = 0
    altered: bool = False
    records: tuple[StoredRecord, ...] = ()


def judge(ci: CIRecord, around: Surroundings, rules: Rules, model: Model, now: int) -> Completeness:
    """Judge the eight items of a CI; `now` in epoch ms."""
    own = rules.classes[ci.ci_class]
    answers = (
        _by_attribute("description", ci, own),
        _relationships(around),
        _services(ci, around),
        _status(ci, rules, own, now),
        _by_attribute("version", ci, own),
        _location(ci, around, rules),
        _changes(ci, around, model),
        _problems(around),
    )
    return Completeness(tuple(_unless_left_out(a, own) for a in answers))


def _unless_left_out(answer: Answer, own: ClassRules) -> Answer:
    if answer.item in own.left_out:
        return Answer(answer.item, "not_applicable", "not asked of this class")
    return answer


def said_by(ci: CIRecord, attribute: str) -> tuple[str, int | None]:
    """The source whose value of an attribute holds, the freshest of several, and when it said so last."""
    value = ci.name if attribute == "name" else ci.attributes.get(attribute)
    found = ("", -1)
    for name, facet in ci.facets.items():
        if facet.gone is None and (facet.attributes or {}).get(attribute) == value:
            seen = ci.seen.get(name, facet.since)
            found = max(found, (source_of(name), seen), key=lambda f: f[1])
    return found[0], found[1] if found[0] else None


def source_of(facet_name: str) -> str:
    """The source of a facet, by its name."""
    return split_origin(split_facet_name(facet_name)[1])[0]


def _by_attribute(item: Item, ci: CIRecord, own: ClassRules) -> Answer:
    wanted = own.attributes.get(item, ())
    for name in wanted:
        if name in ci.attributes:
            value = ci.attributes[name]
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            return Answer(item, "present", f"{name}: {shown}", *said_by(ci, name))
    return Answer(item, "absent", f"none of {', '.join(wanted)} is known" if wanted else "nothing is known")


def _relationships(around: Surroundings) -> Answer:
    if not around.relationships:
        return Answer("relationships", "absent", "it has no relationship to another CI")
    counted = [f"{n} {type_}" for type_, n in sorted(around.relationships.items())]
    return Answer("relationships", "present", ", ".join(counted))


def _services(ci: CIRecord, around: Surroundings) -> Answer:
    if ci.status not in IN_USE:
        return Answer("services", "not_applicable", f"it is {ci.status}")
    if ci.ci_class == SERVICE:
        if around.needs:
            return Answer("services", "present", f"its components are in {around.needs} requirements")
        return Answer("services", "absent", "nothing says what the service needs")
    if not around.services:
        return Answer("services", "absent", "no service rests on it")
    named = [f"{s.service.name} through {s.through}" if s.through else s.service.name for s in around.services]
    return Answer("services", "present", ", ".join(named))


def _status(ci: CIRecord, rules: Rules, own: ClassRules, now: int) -> Answer:
    told = [(ci.seen.get(n, f.since), source_of(n)) for n, f in ci.facets.items() if f.gone is None]
    if not told:
        told = [(f.gone or f.since, source_of(n)) for n, f in ci.facets.items()]
    if not told:
        return Answer("status", "absent", f"{ci.status}, but no source says so")
    at, source = max(told)
    lasting = all(source.partition(":")[0] in rules.lasting_sources for _, source in told)
    days = (now - at) // DAY_MS
    if days >= own.status_days and not lasting:
        return Answer("status", "absent", f"{ci.status}, last said {amount(days, 'day')} ago", source, at)
    return Answer("status", "present", ci.status, source, at)


def _location(ci: CIRecord, around: Surroundings, rules: Rules) -> Answer:
    if around.place:
        return Answer("location", "present", around.place)
    for held_by in (ci, *around.holders):
        for name in rules.classes[held_by.ci_class].attributes.get("location", ()):
            if name in held_by.attributes:
                of = "" if held_by is ci else f" of {held_by.name}"
                return Answer("location", "present", f"{name}{of}: {held_by.attributes[name]}", *said_by(held_by, name))
    return Answer("location", "absent", "nothing says where it is")


def _changes(ci: CIRecord, around: Surroundings, model: Model) -> Answer:
    found = [r for r in around.records if r.kind in CHANGE_KINDS]
    if found:
        return Answer("changes", "present", _listed(found))
    if not any("controlled" in a.flags for a in model.classes[ci.ci_class].attributes.values()):
        return Answer("changes", "not_applicable", "nothing of this class is under control")
    if not around.altered:
        return Answer("changes", "not_applicable", "nothing under control has changed since it was first seen")
    return Answer("changes", "absent", "something under control has changed, without a request for change")


def _problems(around: Surroundings) -> Answer:
    found = [r for r in around.records if r.kind in PROBLEM_KINDS]
    if found:
        return Answer("problems", "present", _listed(found))
    return Answer("problems", "not_applicable", "no problem or known error is about it")


def _listed(records: Sequence[StoredRecord]) -> str:
    named = [str(r.body.get("number") or r.title or r.id) for r in records[:5]]
    return ", ".join(named) + (f" and {len(records) - 5} more" if len(records) > 5 else "")


class Totals:
    """Completeness summed up over CIs, by class."""

    def __init__(self) -> None:
        self.cis: dict[str, int] = {}
        self.scores: dict[str, float] = {}
        self.missing: dict[str, dict[str, int]] = {}

    def add(self, ci_class: str, found: Completeness) -> None:
        """Count one CI."""
        self.cis[ci_class] = self.cis.get(ci_class, 0) + 1
        self.scores[ci_class] = self.scores.get(ci_class, 0.0) + found.score
        missing = self.missing.setdefault(ci_class, {})
        for item in found.missing:
            missing[item] = missing.get(item, 0) + 1

    def rows(self) -> list[ClassTotal]:
        """One row a class, by name."""
        return [ClassTotal(c, n, round(self.scores[c] / n, 4), self.missing[c]) for c, n in sorted(self.cis.items())]


class ClassTotal(msgspec.Struct, frozen=True):
    """Completeness of the CIs of one class: how many, their mean score, and how many lack each item."""

    ci_class: str
    cis: int
    score: float
    missing: Mapping[str, int]
