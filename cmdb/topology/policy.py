"""The model's impact rules, compiled for quick choice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cmdb.model.registry import ImpactRule, Model
from cmdb.topology.gateways import IN_SUBNET
from cmdb.topology.live import OnLoss, Pass

CABLES = frozenset({"CONNECTED_TO", "ATTACHED_TO"})
INSTALLED_ON = "INSTALLED_ON"
PROVIDED_BY = "PROVIDED_BY"
REQUIREMENT = "Requirement"
CHASSIS = "Chassis"
INTERFACE = "Interface"
SEGMENT = "Segment"
INSIDE = frozenset({CHASSIS, "Module", INTERFACE})  # parts of a device that may hold an interface
FORWARDING = frozenset({"switch", "router", "firewall", "access_point", "load_balancer"})
# What gives power works without its management port: an access switch that fails must not take the PDU down.
NEEDS_NO_NETWORK = frozenset({"PowerDevice"})

ON_LOSS: dict[object, OnLoss] = {"none": "NONE", "at_risk": "AT_RISK", "degraded": "DEGRADED"}
PASS: dict[object, Pass] = {"never": "NEVER", "needed": "NEEDED", "any": "ANY"}
# What the topology itself asks of a CI; rules that group by attributes of the provider add theirs.
ATTRIBUTES = frozenset({"roles", "root_of", "prefix", "kind", "needed", "criticality", "on_loss", "pass"})
Key = tuple[Literal["relationship", "provider"], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """How relationships of one type become requirements. `name` is its part of the id of a group of all."""

    type: str
    name: str
    source_owns: bool
    source_classes: frozenset[str]
    target_classes: frozenset[str]
    owner_kinds: frozenset[str]
    provider_kinds: frozenset[str]
    group: Literal["each", "all", "none"] | tuple[Key, ...]
    needed: int | str
    connected: str
    on_loss: OnLoss
    passes: Pass


class Policy:
    """What the topology must know of the model."""

    def __init__(self, model: Model) -> None:
        self.version = model.version
        self.model = model
        self.internal = frozenset(name for name, c in model.classes.items() if c.internal)
        self.rules = {
            name: tuple(_compile(name, number, rule) for number, rule in enumerate(kind.impact))
            for name, kind in model.relationship_types.items()
            if kind.impact
        }
        self.kept = frozenset(self.rules) | CABLES | {INSTALLED_ON, IN_SUBNET, PROVIDED_BY}
        self.source_owns = frozenset(t for t, rules in self.rules.items() if any(r.source_owns for r in rules))
        self.target_owns = frozenset(t for t, rules in self.rules.items() if any(not r.source_owns for r in rules))
        keys = {
            name
            for rules in self.rules.values()
            for rule in rules
            if isinstance(rule.group, tuple)
            for side, name in rule.group
            if side == "provider" and name != "name"
        }
        self.attributes = ATTRIBUTES | keys
        self._fitting: dict[tuple[str, bool, str, str], tuple[Rule, ...]] = {}
        self._carrying: dict[str, bool] = {}
        self._ties: dict[str, tuple[str, bool]] = {}

    def tie(self, ci_class: str) -> tuple[str, bool]:
        """Type of the tie of a dependent class to its parent, and whether it runs from parent to child."""
        if (known := self._ties.get(ci_class)) is None:
            type_, direction = self.model.parent_tie(ci_class)
            known = self._ties[ci_class] = (type_, direction == "from_parent")
        return known

    def carries(self, ci_class: str) -> bool:
        """Whether parts of a class may be needed by what they are in."""
        if (known := self._carrying.get(ci_class)) is None:
            type_, from_parent = self.tie(ci_class)
            ancestry = self.model.ancestry(ci_class)
            known = self._carrying[ci_class] = any(
                rule.source_owns == from_parent and not wanted.isdisjoint(ancestry)
                for rule in self.rules.get(type_, ())
                for wanted in [rule.target_classes if from_parent else rule.source_classes]
            )
        return known

    def rule(
        self, type_: str, source_owns: bool, classes: tuple[str, str], kinds: tuple[object, object]
    ) -> Rule | None:
        """The first rule of a type and an owner that fits a relationship; None where nothing is needed.

        `classes` and `kinds` (the attribute `kind`) are of source and target.
        """
        key = (type_, source_owns, *classes)
        if (fitting := self._fitting.get(key)) is None:
            fitting = self._fitting[key] = tuple(self._fit(key))
        owner, provider = kinds if source_owns else kinds[::-1]
        for rule in fitting:
            if rule.owner_kinds and owner not in rule.owner_kinds:
                continue
            if not rule.provider_kinds or provider in rule.provider_kinds:
                return rule if rule.group != "none" else None
        return None

    def _fit(self, key: tuple[str, bool, str, str]) -> Iterable[Rule]:
        type_, source_owns, source_class, target_class = key
        sources, targets = self.model.ancestry(source_class), self.model.ancestry(target_class)
        for rule in self.rules.get(type_, ()):
            if rule.source_owns != source_owns:
                continue
            if rule.source_classes and rule.source_classes.isdisjoint(sources):
                continue
            if rule.target_classes and rule.target_classes.isdisjoint(targets):
                continue
            yield rule


def _compile(type_: str, number: int, rule: ImpactRule) -> Rule:
    group = rule.group
    return Rule(
        type=type_,
        name="all" if number == 0 else f"all{number}",
        source_owns=rule.owner == "source",
        source_classes=frozenset(rule.when.get("source_class", ())),
        target_classes=frozenset(rule.when.get("target_class", ())),
        owner_kinds=frozenset(rule.when.get("owner_kind", ())),
        provider_kinds=frozenset(rule.when.get("provider_kind", ())),
        group=group if group in ("each", "all", "none") else tuple(_key(text) for text in group),
        needed=rule.needed,
        connected=rule.connected or "",
        on_loss=ON_LOSS[rule.on_loss],
        passes=PASS[rule.pass_],
    )


def _key(text: str) -> Key:
    side, _, name = text.partition(".")
    return ("provider" if side == "provider" else "relationship", name)
