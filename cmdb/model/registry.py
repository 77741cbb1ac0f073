"""The class catalogue as the program asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from cmdb.errors import Invalid
from cmdb.model.absence import ABSENCE, AbsencePolicy
from cmdb.model.definitions import (
    Attribute,
    CiClass,
    Definitions,
    IdentifierScheme,
    ImpactRule,
    Inside,
    PrecedenceRule,
    RelationshipType,
    SourceKind,
    TieDirection,
)
from cmdb.model.identifiers import with_rules
from cmdb.model.load import BUILT_IN, PRECEDENCE, read_definitions
from cmdb.model.near import near
from cmdb.model.policy import Policy
from cmdb.model.shape import Problems
from cmdb.model.spelling import SPELLINGS
from cmdb.model.values import Unfit, normaliser, string

__all__ = [
    "Attribute",
    "CiClass",
    "Definitions",
    "IdentifierScheme",
    "ImpactRule",
    "Inside",
    "Model",
    "PrecedenceRule",
    "RelationshipType",
    "SourceKind",
    "load_model",
]

Values = dict[str, Any]
Problem = tuple[str, Any, str]  # attribute, value as it was given, what is wrong
Check = Callable[[Mapping[str, Any]], tuple[Values, list[Problem]]]
_MAX_CACHE = 100_000  # entries; sources and classes are few, but foreign input names them
_MAX_HINTS = 1_000  # for each class: looking for similar names takes long, and foreign input may hold many unknown ones


@dataclass(frozen=True, eq=False)
class Model:
    """Classes, relationship types and precedence of sources. `version` changes with any of them."""

    classes: Mapping[str, CiClass]
    relationship_types: Mapping[str, RelationshipType]
    sources: Mapping[str, SourceKind]
    default_precedence: int
    version: str
    absence: AbsencePolicy
    policy: Policy = field(init=False, repr=False)
    _checks: dict[str, Check] = field(init=False, repr=False)
    _link_checks: dict[str, Check] = field(init=False, repr=False)
    _private: dict[str, frozenset[str]] = field(init=False, repr=False)
    _ranks: dict[tuple[str, str, str], int] = field(init=False, repr=False, default_factory=dict)
    _ends: dict[tuple[str, str, str], str | None] = field(init=False, repr=False, default_factory=dict)
    _ancestry: dict[str, tuple[str, ...]] = field(init=False, repr=False)
    _rules: dict[str, dict[str, IdentifierScheme]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        put("_checks", {n: _compile(n, c.attributes, "name") for n, c in self.classes.items()})
        put("_link_checks", {n: _compile(n, t.attributes) for n, t in self.relationship_types.items()})
        put("_private", {n: _private(c.attributes) for n, c in self.classes.items()})
        put("_ancestry", {n: tuple(_ancestry(self.classes, n)) for n in self.classes})
        put("_rules", {n: {s.scheme: s for s in c.identifiers} for n, c in self.classes.items()})
        put("policy", Policy(self.absence, self.sources, self.ancestry))

    # ---- what there is

    def ci_class(self, name: str) -> CiClass:
        """The class of this name; raises Invalid that names similar ones."""
        found = self.classes.get(name)
        if found is None:
            raise Invalid(f"there is no class {name!r}; {near(name, self._public_classes())}")
        return found

    def relationship_type(self, name: str) -> RelationshipType:
        """The relationship type of this name; raises Invalid that names similar ones."""
        found = self.relationship_types.get(name)
        if found is None:
            raise Invalid(self._no_type(name))
        return found

    def ancestry(self, ci_class: str) -> tuple[str, ...]:
        """A class and the classes it extends, itself first."""
        return self._ancestry.get(ci_class, (ci_class,))

    def same_kind(self, one: str, other: str) -> bool:
        """Whether a thing may be taken for the other class by another source: the same class, or both devices."""
        if one == other:
            return True
        return self.is_device(one) and self.is_device(other)

    def is_device(self, ci_class: str) -> bool:
        """Whether things of a class are devices; nothing of an unknown class is."""
        known = self.classes.get(ci_class)
        return known is not None and known.is_device

    def parent_tie(self, ci_class: str) -> tuple[str, TieDirection]:
        """Relationship type and direction of the tie of a dependent CI to its parent; raises Invalid if it has none."""
        inside = self.ci_class(ci_class).inside
        if inside is None:
            raise Invalid(f"{ci_class} is not part of another CI")
        return inside.relationship, inside.direction

    # ---- identity

    def identifier_rules(self, ci_class: str) -> Mapping[str, IdentifierScheme]:
        """The identifiers of a class by their scheme, the strongest first; none for an unknown class."""
        return self._rules.get(ci_class, {})

    def other_spellings(self, ci_class: str, key: str) -> list[str]:
        """Other texts under which the same value of an identifier may be known."""
        scheme, _, value = key.partition(":")
        rule = self.identifier_rules(ci_class).get(scheme)
        if rule is None or not rule.spelling:
            return []
        other = SPELLINGS[rule.spelling](value)
        return [f"{scheme}:{other}"] if other != value else []

    def with_rules(self, found: Mapping[str, Any], file: str) -> Model:
        """The model with other rules of identifiers: classes with the entries that differ, as in a class file.

        Raises Invalid that lists all that is wrong.
        """
        problems = Problems()
        classes = with_rules(self.classes, found, file, problems)
        if problems.lines:
            raise Invalid("the rules can't be used:\n" + "\n".join(problems.lines))
        return replace(self, classes=classes)

    # ---- who is right

    def precedence(self, source: str, ci_class: str, attribute: str) -> int:
        """How much the word of a source counts, 0 to 1,000; larger wins.

        `ci_class` may be a relationship type, and `attribute` may be `class` or empty.
        """
        key = (source, ci_class, attribute)
        rank = self._ranks.get(key)
        if rank is None:
            if len(self._ranks) >= _MAX_CACHE:
                self._ranks.clear()
            rank = self._ranks[key] = self._precedence(*key)
        return rank

    def _precedence(self, source: str, ci_class: str, attribute: str) -> int:
        kind = self.sources.get(source.partition(":")[0])
        if kind is None:
            return self.default_precedence
        names = self.ancestry(ci_class)
        for rule in kind.rules:
            fits_class = not rule.classes or not set(rule.classes).isdisjoint(names)
            if fits_class and (not rule.attributes or attribute in rule.attributes):
                return rule.precedence
        return kind.precedence

    # ---- values

    def private_attributes(self, ci_class: str) -> frozenset[str]:
        """Attributes that hold free text or personal data: their values stay out of the hash chain."""
        return self._private.get(ci_class, frozenset())

    def check_attributes(self, ci_class: str, attributes: Mapping[str, Any]) -> tuple[Values, list[Problem]]:
        """Bring attributes of a CI, `name` included, to their normal form.

        Returns those that say something, and a problem (attribute, value, message) for each that does not fit.
        Raises Invalid for an unknown class.
        """
        check = self._checks.get(ci_class)
        if check is None:
            self.ci_class(ci_class)  # says what is wrong
            raise KeyError(ci_class)
        return check(attributes)

    def check_link(self, type_: str, attributes: Mapping[str, Any]) -> tuple[Values | None, list[tuple[str, str]]]:
        """Bring attributes of a relationship to their normal form; problems are (attribute, message).

        An unknown type gives None and one problem with an empty name.
        """
        check = self._link_checks.get(type_)
        if check is None:
            return None, [("", self._no_type(type_))]
        accepted, wrong = check(attributes)
        return accepted, [(name, message) for name, _, message in wrong]

    def check_ends(self, type_: str, source_class: str, target_class: str) -> str | None:
        """Say why a relationship of this type can't tie these two classes; None if it can.

        For a symmetric type the order of the two does not matter.
        """
        key = (type_, source_class, target_class)
        if key not in self._ends:
            if len(self._ends) >= _MAX_CACHE:
                self._ends.clear()
            self._ends[key] = self._check_ends(*key)
        return self._ends[key]

    def check_relationship(
        self, type_: str, source_class: str, target_class: str, attributes: Mapping[str, Any]
    ) -> tuple[Values | None, list[tuple[str, str]]]:
        """Check ends and attributes of a relationship at once; None for attributes means that it can't be."""
        accepted, problems = self.check_link(type_, attributes)
        misfit = self.check_ends(type_, source_class, target_class) if accepted is not None else None
        return (None, [("", misfit), *problems]) if misfit else (accepted, problems)

    def check_parent(self, ci_class: str, parent_class: str) -> str | None:
        """Say why a CI of a class can't be part of one of the other; None if it can."""
        inside = self.ci_class(ci_class).inside
        if inside is None:
            return f"{ci_class} is not part of another CI"
        if self._fits(parent_class, inside.parents):
            return None
        return f"{ci_class} can't be part of {parent_class}, only of {_listed(inside.parents)}"

    def _check_ends(self, type_: str, source_class: str, target_class: str) -> str | None:
        found = self.relationship_types.get(type_)
        if found is None:
            return self._no_type(type_)
        for name in (source_class, target_class):
            if name not in self.classes:
                return f"there is no class {name!r}; {near(name, self._public_classes())}"
        orders = [(source_class, target_class)]
        if found.symmetric:
            orders.append((target_class, source_class))
        if any(self._fits(s, found.sources) and self._fits(t, found.targets) for s, t in orders):
            return None
        arrow = "and" if found.symmetric else "→"
        return (
            f"{type_} can't tie {source_class} to {target_class}; it ties "
            f"{_listed(found.sources)} {arrow} {_listed(found.targets)}"
        )

    def _fits(self, ci_class: str, allowed: tuple[str, ...]) -> bool:
        if "*" in allowed:
            found = self.classes.get(ci_class)
            return found is not None and not found.internal
        return not set(self.ancestry(ci_class)).isdisjoint(allowed)

    def _public_classes(self) -> list[str]:
        return [c.name for c in self.classes.values() if not c.internal and not c.abstract]

    def _no_type(self, name: str) -> str:
        public = [t.name for t in self.relationship_types.values() if not t.internal]
        return f"there is no relationship type {name!r}; {near(name, public)}"


def load_model(folder: Path | None = None, precedence: Path | None = None, absence: Path | None = None) -> Model:
    """Read and check a model folder; without one, the built-in model (read once).

    `precedence` and `absence` are files of one's own, of the form of the model's: what they say holds instead of what
    the model says under the same key, of sources under the same name.

    Raises Invalid that lists all that is wrong, one line each: `file: key: what, what to do`.
    """
    own = {name: file for name, file in ((PRECEDENCE, precedence), (ABSENCE, absence)) if file is not None}
    return _model(read_definitions(folder or BUILT_IN, own)) if folder or own else _built_in()


@cache
def _built_in() -> Model:
    return _model(read_definitions(BUILT_IN))


def _model(read: Definitions) -> Model:
    who = read.sources, read.default_precedence
    return Model(read.classes, read.relationship_types, *who, read.version, read.absence)


def _compile(owner: str, attributes: Mapping[str, Attribute], *texts: str) -> Check:
    """One function that checks all attributes of a class: it runs for every CI of every report."""
    rules = {name: normaliser(a) for name, a in attributes.items()} | dict.fromkeys(texts, string)
    rule_of = rules.get
    hints: dict[str, str] = {}

    def unknown(name: str) -> str:
        if name not in hints and len(hints) < _MAX_HINTS:
            hints[name] = f"; {near(name, rules)}"
        return f"{owner} has no such attribute{hints.get(name, '')}"

    def check(given: Mapping[str, Any]) -> tuple[Values, list[Problem]]:
        accepted: Values = {}
        problems: list[Problem] = []
        for name, value in given.items():
            rule = rule_of(name)
            if rule is None:
                problems.append((name, value, unknown(name)))
            elif value is not None:
                try:
                    value = rule(value)
                except Unfit as error:
                    problems.append((name, value, str(error)))
                    value = error.kept
                if value is not None:
                    accepted[name] = value
        return accepted, problems

    return check


def _private(attributes: Mapping[str, Attribute]) -> frozenset[str]:
    return frozenset(a.name for a in attributes.values() if a.flags & {"free_text", "personal"})


def _ancestry(classes: Mapping[str, CiClass], name: str | None) -> list[str]:
    found: list[str] = []
    while name is not None:
        found.append(name)
        name = classes[name].extends
    return found


def _listed(names: tuple[str, ...]) -> str:
    return "anything" if "*" in names else " or ".join(names)
