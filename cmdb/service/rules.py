"""Reads what answers the items of completeness, class by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from cmdb.errors import Invalid
from cmdb.model.load import BUILT_IN
from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.model.shape import Key, Map, Problems, check_keys, read_mapping

Item = Literal["description", "relationships", "services", "status", "version", "location", "changes", "problems"]
ITEMS: tuple[Item, ...] = (
    "description",
    "relationships",
    "services",
    "status",
    "version",
    "location",
    "changes",
    "problems",
)
BY_ATTRIBUTES = frozenset(("description", "version", "location"))
FILE = "completeness.yaml"

_TOP = {
    "status_days": Key("whole", required=True),
    "lasting_sources": Key("texts", required=True),
    "classes": Key("map", required=True),
}
_CLASS: dict[str, Key] = {item: Key("any") for item in ITEMS} | {"status_days": Key("whole")}


@dataclass(frozen=True, slots=True)
class ClassRules:
    """What answers the items for one class: attributes by item, the items that do not apply, days a status holds."""

    attributes: Mapping[str, tuple[str, ...]]
    left_out: frozenset[str]
    status_days: int


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for every class that is not internal. What only `lasting_sources` say needs no repetition."""

    classes: Mapping[str, ClassRules]
    lasting_sources: frozenset[str]


@cache
def built_in_rules(model: Model) -> Rules:
    """The rules that come with the model."""
    return read_rules(BUILT_IN / FILE, model)


def read_rules(file: Path, model: Model) -> Rules:
    """Read rules; raises Invalid that lists all that is wrong, unknown classes and attributes with near names."""
    problems = Problems()
    good = check_keys(read_mapping(file, file.name, problems), _TOP, file.name, "", problems)
    said: dict[str, Map] = {}
    for name, raw in good.get("classes", {}).items():
        at = f"classes.{name}"
        if str(name) not in model.classes:
            problems.add(file.name, at, f"there is no such class; {near(name, model.classes)}")
        elif not isinstance(raw, dict):
            problems.add(file.name, at, "must be a mapping of items to attributes; write it so")
        else:
            said[str(name)] = _checked(raw, model, str(name), file.name, problems)
    if problems.lines:
        raise Invalid("the rules of completeness can't be used:\n" + "\n".join(problems.lines))
    classes = {
        name: _class_rules([said.get(c, {}) for c in reversed(model.ancestry(name))], good["status_days"])
        for name, found in model.classes.items()
        if not found.internal
    }
    return Rules(MappingProxyType(classes), frozenset(good["lasting_sources"]))


def _checked(raw: Map, model: Model, ci_class: str, file: str, problems: Problems) -> Map:
    at = f"classes.{ci_class}"
    good = check_keys(raw, _CLASS, file, at, problems)
    for item in ITEMS:
        value = good.get(item, "none")
        if value == "none":
            continue
        if item not in BY_ATTRIBUTES:
            problems.add(file, f"{at}.{item}", "is answered by relationships and records; it can only be `none`")
        elif not isinstance(value, list):
            problems.add(file, f"{at}.{item}", "must be a list of attributes, or none; correct it")
        else:
            known = model.classes[ci_class].attributes
            for name in value:
                if name not in known:
                    problems.add(file, f"{at}.{item}", f"{ci_class} has no attribute {name!r}; {near(name, known)}")
    return good


def _class_rules(line: list[Map], status_days: int) -> ClassRules:
    merged: dict[str, Any] = {"version": "none"}
    for said in line:
        merged.update(said)
    attributes = {item: tuple(merged.get(item, ())) for item in BY_ATTRIBUTES if merged.get(item) != "none"}
    left_out = frozenset(item for item in ITEMS if merged.get(item) == "none")
    return ClassRules(MappingProxyType(attributes), left_out, merged.get("status_days", status_days))
