"""Chooses the profile of a device, and takes values by its rules."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.snmp.catalogue import Catalogue
from collectors.snmp.entities import MODULE, Inventory
from collectors.snmp.profile import Match, Profile, Rule
from collectors.snmp.reads import ENTITIES
from collectors.snmp.rows import is_unread
from collectors.snmp.text import known, mac, text
from collectors.transport.answers import Answers, Oid, Value, parse_oid


@dataclass(frozen=True)
class Facts:
    """What profiles look at."""

    sys_object_id: str
    sys_descr: str
    sys_name: str
    answers: Answers
    inventory: Inventory


_parse = functools.lru_cache(maxsize=4096)(parse_oid)
_compile = functools.lru_cache(maxsize=4096)(lambda pattern: re.compile(pattern, re.IGNORECASE | re.DOTALL))


def below(dotted: str, prefix: str) -> bool:
    """Whether an OID is a prefix or lies below it."""
    return dotted == prefix or dotted.startswith(prefix + ".")


def candidates(catalogue: Catalogue, facts: Facts) -> list[tuple[Profile, Match]]:
    """Profiles whose conditions on the system group hold, whatever the agent answers to others."""
    return [(p, m) for p in catalogue.profiles.values() for m in p.match if _system_fits(m, facts)]


def probes(catalogue: Catalogue, facts: Facts) -> list[Oid]:
    """OIDs that decide between the candidates."""
    return sorted({_parse(m.answers) for _, m in candidates(catalogue, facts) if m.answers})


def choose(catalogue: Catalogue, facts: Facts) -> Profile:
    """The profile that fits best: by priority, then by length of the OID prefix, then by number of conditions."""
    fitting = [(p, m) for p, m in candidates(catalogue, facts) if _answers_fit(m, facts)]
    return max(fitting, key=lambda pm: _rank(*pm))[0] if fitting else catalogue.generic


def _rank(profile: Profile, match: Match) -> tuple[int, int, int, str]:
    arcs = match.sys_object_id.count(".") if match.sys_object_id else 0
    conditions = sum(c is not None for c in (match.sys_object_id, match.sys_descr, match.answers, match.value))
    return profile.priority, arcs, conditions, profile.name


def _system_fits(match: Match, facts: Facts) -> bool:
    if match.sys_object_id is not None and not below(facts.sys_object_id, match.sys_object_id):
        return False
    return match.sys_descr is None or _compile(match.sys_descr).search(facts.sys_descr) is not None


def _answers_fit(match: Match, facts: Facts) -> bool:
    if match.answers is None:
        return True
    value = text(facts.answers.get(_parse(match.answers)))
    return bool(value) if match.value is None else _compile(match.value).search(value) is not None


def is_decided(catalogue: Catalogue, facts: Facts) -> bool:
    """Whether every OID that decides between profiles was answered, if only by saying that it is not there."""
    return not any(is_unread(facts.answers, o) for o in probes(catalogue, facts))


@dataclass(frozen=True)
class Taken:
    """What rules found, in their order; `is_open` where one could not be applied: what comes after it may be wrong."""

    values: tuple[str, ...]
    is_open: bool = False


def take(rules: tuple[Rule, ...], facts: Facts) -> Taken:
    """What the rules find, in their order; the caller takes the first that is good enough.

    A rule whose source was not read to its end ends the search: a lesser rule must not speak in its place.
    """
    values: list[str] = []
    for rule in rules:
        found = _apply(rule, facts)
        if found:
            values.append(found)
        elif any(is_unread(facts.answers, root) for root in _roots(rule)):
            return Taken(tuple(values), is_open=True)
    return Taken(tuple(values))


def _roots(rule: Rule) -> list[Oid]:
    """What a rule reads from."""
    if rule.entity is not None:
        return list(ENTITIES.columns.values())
    return [_parse(dotted) for dotted in (rule.scalar, rule.column) if dotted is not None]


def _apply(rule: Rule, facts: Facts) -> str | None:
    value = next((narrowed for v in _sources(rule, facts) if (narrowed := _narrow(rule, v))), None)
    if value is not None and rule.values is not None:
        value = rule.values.get(value)
    if value is not None and rule.format is not None:
        value = rule.format.replace("{}", value)
    return value.strip() or None if value else None


def _narrow(rule: Rule, value: str | None) -> str | None:
    return value if value is None or rule.pattern is None else _first_group(rule.pattern, value)


def _sources(rule: Rule, facts: Facts) -> Iterator[str | None]:
    """The values that a rule may take: one, or those of a column in order."""
    if rule.column is None:
        yield _source(rule, facts)
        return
    for value in facts.answers.column(_parse(rule.column)).values():
        yield _readable(value)


def _source(rule: Rule, facts: Facts) -> str | None:
    if rule.scalar is not None:
        return _readable(facts.answers.get(_parse(rule.scalar)))
    if rule.entity is not None:
        return _entity(facts.inventory, rule.entity)
    if rule.sys_descr is not None:
        return _first_group(rule.sys_descr, facts.sys_descr)
    if rule.sys_name is not None:
        return _first_group(rule.sys_name, facts.sys_name)
    if rule.sys_object_id is not None:
        fitting = [prefix for prefix in rule.sys_object_id if below(facts.sys_object_id, prefix)]
        return rule.sys_object_id[max(fitting, key=len)] if fitting else None
    return rule.text


def _readable(value: Value) -> str | None:
    """A value as text; six octets that are no text are a MAC address, which some makers use as serial number."""
    if isinstance(value, bytes) and len(value) == 6 and not all(32 <= b < 127 for b in value):
        return mac(value)
    return known(value)


def _first_group(pattern: str, value: str) -> str | None:
    found = _compile(pattern).search(value)
    if found is None:
        return None
    return next((g for g in found.groups() if g is not None), None) if found.re.groups else found[0]


def _entity(tree: Inventory, column: str) -> str | None:
    """A column of the row that speaks for the device; versions also from the first module that has one."""
    main = tree.main()
    if main is None:
        return None
    found: str = getattr(main, column)
    if not found and column in ("software", "firmware"):
        found = next((v for e in tree.of_class(MODULE) if (v := getattr(e, column))), "")
    if not found and column in ("model", "maker"):
        found = next((v for e in tree.chassis() if (v := getattr(e, column))), "")
    return found or None
