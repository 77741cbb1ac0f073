"""Reads who may edit what: the policy of control, checked against the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from cmdb.errors import Invalid
from cmdb.model.load import BUILT_IN
from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.model.shape import Key, Map, Problems, check_keys, read_mapping

FILE = "control.yaml"
ROLES = ("viewer", "operator", "change_manager", "auditor", "administrator", "feeder")
LEVELS = ("automatic", "review")
Level = Literal["automatic", "review"]

_RULE = {"edit": Key("texts", words=ROLES), "reason": Key("flag"), "level": Key("text", words=LEVELS)}
_DEFAULT = {name: Key(key.kind, required=True, words=key.words) for name, key in _RULE.items()}
_CLASS = {**_RULE, "attributes": Key("map")}
_TOP = {
    "sources": Key("texts", required=True),
    "approve": Key("texts", required=True, words=ROLES),
    "default": Key("map", required=True),
    "classes": Key("map", required=True),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Which roles may edit, whether a reason is needed, and whether it waits for another person."""

    edit: frozenset[str]
    reason: bool
    level: Level


@dataclass(frozen=True)
class ControlPolicy:
    """The rules for the kinds of source that are controlled. `approve` are the roles that may settle what waits."""

    model: Model
    sources: frozenset[str]
    approve: frozenset[str]
    default: Map
    classes: Mapping[str, Map]
    _rules: dict[tuple[str, str], Rule] = field(default_factory=dict)

    def controls(self, source: str) -> bool:
        """Whether what a source says is under control."""
        return source.partition(":")[0] in self.sources

    def rule(self, ci_class: str, attribute: str = "") -> Rule:
        """The rule for an attribute of a class, or for the class itself; the nearest word on each point holds."""
        known = self._rules.get((ci_class, attribute))
        if known is None:
            known = self._rules[ci_class, attribute] = self._rule(ci_class, attribute)
        return known

    def _rule(self, ci_class: str, attribute: str) -> Rule:
        line = [self.classes.get(name, {}) for name in self.model.ancestry(ci_class)]
        said = [found["attributes"][attribute] for found in line if attribute in found.get("attributes", {})]
        merged: dict[str, Any] = {}
        for rule in reversed([*said, *line, self.default]):
            merged.update({name: rule[name] for name in _RULE if name in rule})
        return Rule(frozenset(merged["edit"]), merged["reason"], merged["level"])


@cache
def built_in_policy(model: Model) -> ControlPolicy:
    """The policy that comes with the model: everything automatic."""
    return read_policy(BUILT_IN / FILE, model)


def read_policy(file: Path, model: Model) -> ControlPolicy:
    """Read a policy; raises Invalid that lists all that is wrong, unknown words with near ones."""
    problems = Problems()
    good = check_keys(read_mapping(file, file.name, problems), _TOP, file.name, "", problems)
    default = check_keys(good.get("default", {}), _DEFAULT, file.name, "default", problems)
    for source in good.get("sources", ()):
        if source not in model.sources:
            problems.add(file.name, "sources", f"there is no kind of source {source!r}; {near(source, model.sources)}")
    public = {n: c for n, c in model.classes.items() if not c.internal}
    classes: dict[str, Map] = {}
    for name, raw in good.get("classes", {}).items():
        at = f"classes.{name}"
        if name not in public:
            problems.add(file.name, at, f"there is no such class; {near(name, public)}")
        elif not isinstance(raw, dict):
            problems.add(file.name, at, "must be a mapping of edit, reason, level and attributes; write it so")
        else:
            classes[name] = _checked(raw, model, name, file.name, problems)
    if problems.lines:
        raise Invalid("the policy of control can't be used:\n" + "\n".join(problems.lines))
    return ControlPolicy(
        model, frozenset(good["sources"]), frozenset(good["approve"]), default, MappingProxyType(classes)
    )


def _checked(raw: Map, model: Model, ci_class: str, file: str, problems: Problems) -> Map:
    at = f"classes.{ci_class}"
    good = check_keys(raw, _CLASS, file, at, problems)
    known = {"name", *model.classes[ci_class].attributes}
    attributes: Map = {}
    for name, rule in good.get("attributes", {}).items():
        where = f"{at}.attributes.{name}"
        if name not in known:
            problems.add(file, where, f"{ci_class} has no such attribute; {near(name, known)}")
        elif not isinstance(rule, dict):
            problems.add(file, where, "must be a mapping of edit, reason and level; write it so")
        else:
            attributes[name] = check_keys(rule, _RULE, file, where, problems)
    return {**good, "attributes": attributes}
