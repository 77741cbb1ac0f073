"""What two descriptions share and where they contradict, by the rules of their classes. Pure, the same both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from cmdb.changes import Evidence
from cmdb.model.definitions import IdentifierScheme
from cmdb.model.registry import Model
from cmdb.model.shared import tells_apart
from cmdb.model.spelling import common
from cmdb.observation import Identifier, Value, split_origin

TARGET = "target"
MOST_EVIDENCE = 50  # keys shown for one question: a person reads no more
State = Literal["agrees", "disagrees", "silent"]
Described = dict[str, dict[str, bool]]  # scheme -> value -> whether it is strong


class Party(msgspec.Struct, frozen=True):
    """One of two that may be the same thing: a CI, or (with an empty id) an observation.

    `attributes` are those of each facet. `told_by` are the origins that call it their own (role self) and still say so;
    `sources` says who told of a key.
    """

    id: str
    ci_class: str
    identifiers: tuple[Identifier, ...]
    told_by: tuple[str, ...] = ()
    attributes: tuple[Mapping[str, Value], ...] = ()
    sources: Mapping[str, str] = {}


class Weighed(msgspec.Struct, frozen=True):
    """What speaks for and against two parties being one: identifier keys, those of the strongest scheme first.

    `strong` decide, `unsure` would if other evidence did not fail them, `weak` propose; `against` contradict, the keys
    of both sides. `states` tells of each scheme what it says; `shares` how much (0 to 1) of the first party's own
    values of exclusive schemes the other has.
    """

    id: str
    strong: tuple[str, ...]
    unsure: tuple[str, ...]
    weak: tuple[str, ...]
    against: tuple[str, ...]
    states: Mapping[str, State]
    shares: float

    @property
    def decides(self) -> bool:
        """Whether they are one for certain."""
        return bool(self.strong) and not self.against

    @property
    def asks(self) -> bool:
        """Whether they share something strong and can't be taken for one."""
        return bool(self.unsure) or (bool(self.strong) and bool(self.against))


class _Values(msgspec.Struct, frozen=True):
    """The values of one scheme on both sides with their strength, and those of the first that the second has too."""

    one: Mapping[str, bool]
    other: Mapping[str, bool]
    both: tuple[str, ...]


def scheme(key: str) -> str:
    """The part of an identifier key that names its kind: `serial` of `serial:cisco:FOC1234X0AB`."""
    return key.partition(":")[0]


def telling(identifiers: Iterable[Identifier]) -> list[Identifier]:
    """Identifiers that tell things apart; of a thing that has no such ones (a virtual router), all."""
    given = list(identifiers)
    return [i for i in given if _tells(i.key)] or given


@lru_cache(maxsize=65_536)
def _tells(key: str) -> bool:
    name, _, value = key.partition(":")
    return tells_apart(name, value)


def is_strong(identifier: Identifier, rules: Mapping[str, IdentifierScheme]) -> bool:
    """Whether an identifier decides: as its scheme says or, where sources judge single values, as they said."""
    rule = rules.get(scheme(identifier.key))
    if rule is None:
        return identifier.strong
    return rule.strong and (identifier.strong or not rule.judged)


def has_strong(party: Party, model: Model) -> bool:
    """Whether any identifier of a party decides."""
    rules = model.identifier_rules(party.ci_class)
    return any(is_strong(i, rules) for i in party.identifiers)


def rules_for(one_class: str, other_class: str, model: Model) -> Mapping[str, IdentifierScheme]:
    """The rules by which two parties are compared: those of the first one's class, and what only the other's has."""
    own = model.identifier_rules(one_class)
    return own if one_class == other_class else {**own, **model.identifier_rules(other_class), **own}


def compare(one: Party, other: Party, model: Model, same_target: bool = False) -> Weighed:
    """Weigh what two parties say of themselves. `same_target` says that both answered under one target."""
    rules = rules_for(one.ci_class, other.ci_class, model)
    return weigh(other.id, described(one, rules), described(other, rules), rules, same_target)


def weigh(
    id_: str, one: Described, other: Described, rules: Mapping[str, IdentifierScheme], same_target: bool = False
) -> Weighed:
    """As `compare`, of parties that were described by these rules; `id_` is that of the other one."""
    found = _by_scheme(one, other, rules)
    states = {name: _state(values, rules.get(name)) for name, values in found.items()}
    if same_target:
        states[TARGET] = "agrees"
    against = [n for n in found if states[n] == "disagrees" and n in rules and rules[n].exclusive]
    if against and _only_renewed(against, rules, states):
        against = []
    strong: list[str] = []
    unsure: list[str] = []
    weak: list[str] = []
    for name, values in found.items():
        if states[name] != "agrees" or not values.both:
            continue
        rule = rules.get(name)
        keys = [f"{name}:{v}" for v in values.both]
        decisive = [k for k, v in zip(keys, values.both, strict=True) if _decides(v, values, rule)]
        if rule is not None and rule.least and len(keys) >= rule.least:
            decisive = keys
        verified = rule is None or _verified(rule, states)
        if decisive:
            (strong if verified else unsure).extend(decisive)
        if verified and (rule is None or rule.proposes):
            weak += [k for k in keys if k not in decisive]
    opposed = tuple(f"{n}:{v}" for n in against for v in (*found[n].one, *found[n].other) if v not in found[n].both)
    return Weighed(id_, tuple(strong), tuple(unsure), tuple(weak), opposed, states, _share(found, rules))


def _by_scheme(one: Described, other: Described, rules: Mapping[str, IdentifierScheme]) -> dict[str, _Values]:
    """The schemes of which both sides have values, in the order of the rules, then by name."""
    names = one.keys() & other.keys()
    found: dict[str, _Values] = {}
    for name in (*(n for n in rules if n in names), *sorted(names - rules.keys())):
        a, b = one[name], other[name]
        spelling = rules[name].spelling if name in rules else ""
        both = a.keys() & b.keys() if a.keys() == b.keys() or not spelling else common(spelling, a, b)
        found[name] = _Values(a, b, tuple(sorted(both) if len(both) > 1 else both))
    return found


def described(party: Party, rules: Mapping[str, IdentifierScheme]) -> Described:
    """Scheme → value → strong: from identifiers, and weak ones from attributes that hold such values."""
    found: Described = {}
    for identifier in telling(party.identifiers):
        name, _, value = identifier.key.partition(":")
        rule = rules.get(name)
        strong = identifier.strong if rule is None or (rule.strong and rule.judged) else rule.strong
        held = found.setdefault(name, {})
        held[value] = strong or held.get(value, False)
    for name, rule in rules.items() if party.attributes else ():
        for attribute in rule.values_in:
            for attributes in party.attributes:
                given = attributes.get(attribute, ())
                for value in given if isinstance(given, list | tuple) else (given,):
                    if tells_apart(name, value):
                        found.setdefault(name, {}).setdefault(value, False)
    return found


def _state(values: _Values, rule: IdentifierScheme | None) -> State:
    """Whether a scheme agrees. Only what a thing keeps (exclusive values, sets) can disagree: names change."""
    keeps = rule is not None and (rule.exclusive or rule.share > 0)
    if not values.both:
        return "disagrees" if keeps and (rule is None or not rule.exclusive or _both_strong(values)) else "silent"
    smaller = min(len(values.one), len(values.other))
    share, least = (rule.share, rule.least) if rule else (0, 0)
    if len(values.both) * 100 >= smaller * share and len(values.both) >= min(smaller, least):
        return "agrees"
    return "disagrees" if rule is not None and rule.exclusive else "silent"


def _both_strong(values: _Values) -> bool:
    """Whether both sides are sure of a value: doubtful ones contradict nothing."""
    return any(values.one.values()) and any(values.other.values())


def _decides(value: str, values: _Values, rule: IdentifierScheme | None) -> bool:
    """Whether a common value is strong on both sides, however it is spelled there."""
    if not values.one[value]:
        return False
    if value in values.other:
        return values.other[value]
    kind = rule.spelling if rule else ""
    return any(s for v, s in values.other.items() if common(kind, [value], [v]))


def _only_renewed(against: list[str], rules: Mapping[str, IdentifierScheme], states: Mapping[str, State]) -> bool:
    """Whether all that contradicts may be new on the same thing: it answers under the same target, and more agrees."""
    if not all(rules[name].renewable for name in against) or states.get(TARGET) != "agrees":
        return False
    return any(state == "agrees" for name, state in states.items() if name != TARGET)


def _verified(rule: IdentifierScheme, states: Mapping[str, State]) -> bool:
    """Whether other evidence lets a match of this scheme count."""
    if rule.confirmed_by and not any(states.get(n) == "agrees" for n in rule.confirmed_by):
        return False
    checks = {states.get(n, "silent") for n in rule.checked_by}
    return "agrees" in checks or "disagrees" not in checks


def _share(found: Mapping[str, _Values], rules: Mapping[str, IdentifierScheme]) -> float:
    """How much of the first party's exclusive values the other has; 1 where there is nothing to compare."""
    known = [v for name, v in found.items() if name in rules and rules[name].exclusive]
    shares = [len(values.both) / len(values.one) for values in known]
    return max(shares, default=1.0)


def passes(rule: IdentifierScheme | None, weighed: Weighed) -> bool:
    """Whether a match by this rule would count, given what all schemes say."""
    return rule is None or _verified(rule, weighed.states)


def evidence(one: Party, other: Party, weighed: Weighed) -> list[Evidence]:
    """The keys that speak for and against, as a person is shown them."""
    sources = {**other.sources, **one.sources}
    holders = [(p.id, {i.key for i in p.identifiers}) for p in (one, other)]

    def shown(keys: Iterable[str], weight: str, strong: bool) -> list[Evidence]:
        return [
            Evidence(
                key,
                weight,
                strong,
                split_origin(sources.get(key, ""))[0],
                tuple(ci for ci, held in holders if key in held or (weight == "supports")),
            )
            for key in keys
        ]

    return [
        *shown(weighed.strong, "supports", True),
        *shown(weighed.unsure, "supports", True),
        *shown(weighed.against, "contradicts", True),
        *shown(_disagreeing(one, other, weighed), "contradicts", False),
        *shown(weighed.weak, "supports", False),
        *shown(_silent(one, other), "silent", False),
    ][:MOST_EVIDENCE]


def _disagreeing(one: Party, other: Party, weighed: Weighed) -> list[str]:
    """Keys of sets that have nothing in common."""
    names = {n for n, s in weighed.states.items() if s == "disagrees"}
    known = set(weighed.against)
    keys = dict.fromkeys(i.key for p in (one, other) for i in p.identifiers)
    return [k for k in keys if scheme(k) in names and k not in known]


def _silent(one: Party, other: Party) -> list[str]:
    """Keys that both have and that say nothing, such as the address of a group."""
    return sorted(k for k in {i.key for i in one.identifiers} & {i.key for i in other.identifiers} if not _tells(k))
