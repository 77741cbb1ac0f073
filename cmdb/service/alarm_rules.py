"""Reads what alarms say of their CIs: the mapping rules, first fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from cmdb.errors import Invalid
from cmdb.model.load import BUILT_IN
from cmdb.model.shape import Key, Map, Problems, check_keys, read_mapping
from cmdb.service.alarms import Effect

FILE = "alarms.yaml"
EFFECTS = ("down", "degraded", "unreachable", "none")
MOST_RULES = 1_000
NAME = "alertname"  # the label that holds the name of an alarm, as Prometheus has it

_RULE = {
    "effect": Key("text", required=True, words=EFFECTS),
    "names": Key("texts"),
    "labels": Key("map"),
    "part": Key("map"),
}
_PART = {"class": Key("text", required=True), "kind": Key("text"), "labels": Key("texts", required=True)}
_TOP = {"rules": Key("maps", required=True), "otherwise": Key("text", required=True, words=EFFECTS)}


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a device is meant: its class, its kind ("": any), and the labels that may name it."""

    ci_class: str
    kind: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """One rule: plain names (empty: any) and label values (empty: any) of the alarms that it is about.

    With `part` they are about a part of the device that they name.
    """

    effect: Effect
    names: frozenset[str] = frozenset()
    labels: tuple[tuple[str, str], ...] = ()
    part: Part | None = None

    def fits(self, name: str, labels: Mapping[str, object]) -> bool:
        """Whether an alarm of this plain name is meant."""
        return (not self.names or name in self.names) and all(str(labels.get(k)) == v for k, v in self.labels)


@dataclass(frozen=True, slots=True)
class AlarmRules:
    """What alarms say of their CIs."""

    rules: tuple[AlarmRule, ...]
    otherwise: Effect

    def rule(self, labels: Mapping[str, object]) -> AlarmRule:
        """The rule for an alarm with these labels; the label `alertname` is its name."""
        name = plain(str(labels.get(NAME, "")))
        return next((rule for rule in self.rules if rule.fits(name, labels)), AlarmRule(self.otherwise))

    def effect(self, labels: Mapping[str, object]) -> Effect:
        """What an alarm with these labels says of what it is about."""
        return self.rule(labels).effect


def plain(name: str) -> str:
    """A name as names of alarms are compared: letters and digits, lower case."""
    return "".join(c for c in name.casefold() if c.isalnum())


@cache
def built_in_rules() -> AlarmRules:
    """The rules that come with the model."""
    return read_rules(BUILT_IN / FILE)


def read_rules(file: Path) -> AlarmRules:
    """Read mapping rules; raises Invalid that lists all that is wrong."""
    problems = Problems()
    good = check_keys(read_mapping(file, file.name, problems), _TOP, file.name, "", problems)
    rules = []
    for n, raw in enumerate(good.get("rules", ())[:MOST_RULES]):
        rules.append(_rule(raw, f"rules[{n}]", file.name, problems))
    if len(good.get("rules", ())) > MOST_RULES:
        problems.add(file.name, "rules", f"at most {MOST_RULES:,} rules are read; take some out")
    if problems.lines:
        raise Invalid("the rules about alarms can't be used:\n" + "\n".join(problems.lines))
    return AlarmRules(tuple(rules), _effect(good["otherwise"]))


def _rule(raw: Map, at: str, file: str, problems: Problems) -> AlarmRule:
    good = check_keys(raw, _RULE, file, at, problems)
    labels = good.get("labels", {})
    for name, value in labels.items():
        if not isinstance(name, str) or not isinstance(value, str | int | bool):
            problems.add(file, f"{at}.labels.{name}", "must be a text; write it in quotes")
    names = frozenset(plain(name) for name in good.get("names", ()))
    if "" in names:
        problems.add(file, f"{at}.names", "a name without letters fits nothing; take it out")
    if "names" not in raw and "labels" not in raw:
        problems.add(file, at, "fits every alarm; say that with `otherwise`")
    part = _part(good["part"], f"{at}.part", file, problems) if "part" in good else None
    return AlarmRule(
        _effect(good.get("effect", "none")), names, tuple((str(k), str(v)) for k, v in labels.items()), part
    )


def _part(raw: Map, at: str, file: str, problems: Problems) -> Part:
    good = check_keys(raw, _PART, file, at, problems)
    return Part(good.get("class", ""), good.get("kind", ""), tuple(good.get("labels", ())))


def _effect(word: str) -> Effect:
    return cast("Effect", word.upper())
