"""Rules of identifiers: their shape in YAML, what they may refer to, and other rules in their place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from cmdb.model.definitions import CiClass, IdentifierScheme
from cmdb.model.near import near
from cmdb.model.shape import Key, Map, Problems, check_keys
from cmdb.model.spelling import SPELLINGS

_SCHEME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_RULE = {
    "exclusive": Key("flag"),
    "judged": Key("flag"),
    "renewable": Key("flag"),
    "confirmed_by": Key("texts"),
    "checked_by": Key("texts"),
    "share": Key("whole"),
    "least": Key("whole"),
    "spelling": Key("text", words=tuple(SPELLINGS)),
    "values_in": Key("texts"),
    "proposes": Key("flag"),
}
_WHOLE_RULE = {
    "scheme": Key("text", required=True),
    "strong": Key("flag", required=True),
    **_RULE,
    "description": Key("text", required=True),
}
_CHANGED_RULE = {"scheme": Key("text", required=True), "strong": Key("flag"), **_RULE, "description": Key("text")}
_CLASS = {"identifiers": Key("maps", required=True)}


def read_scheme(found: Map, file: str, where: str, problems: Problems) -> IdentifierScheme | None:
    """One entry of `identifiers` of a class; None where it lacks what it must have."""
    good = check_keys(found, _WHOLE_RULE, file, where, problems)
    if "scheme" not in good or "strong" not in good:
        return None
    rest = _given(good)
    rest.pop("description", None)
    blank = IdentifierScheme(good["scheme"], good["strong"], False, " ".join(str(good.get("description", "")).split()))
    return replace(blank, **rest)


def _given(good: Map) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in good.items()}


def check_schemes(
    c: CiClass, inherited: Iterable[CiClass], file: str, problems: Problems, where: str = "identifiers"
) -> None:
    """Note what does not fit in the rules of one class; `inherited` are the classes above it."""
    schemes = [s.scheme for s in c.identifiers]
    attributes = {name for one in (c, *inherited) for name in one.attributes}
    for i, rule in enumerate(c.identifiers):
        at = f"{where}[{i}]"
        if not _SCHEME.fullmatch(rule.scheme):
            text = f"{rule.scheme!r} must be lower case with hyphens; write it as in engine-id"
            problems.add(file, f"{at}.scheme", text)
        if rule.scheme in schemes[:i]:
            problems.add(file, f"{at}.scheme", f"{rule.scheme!r} stands here twice; keep the first")
        for key, names in (("confirmed_by", rule.confirmed_by), ("checked_by", rule.checked_by)):
            for name in names:
                if name == rule.scheme or name not in schemes:
                    text = f"{name!r} is no other identifier of the class; {near(name, schemes)}"
                    problems.add(file, f"{at}.{key}", text)
        for name in rule.values_in:
            if name not in attributes:
                problems.add(file, f"{at}.values_in", f"there is no attribute {name!r}; {near(name, attributes)}")
        if not 0 <= rule.share <= 100:
            problems.add(file, f"{at}.share", f"{rule.share} is no percentage; write 0 to 100")
        if not 0 <= rule.least <= 1000:
            problems.add(file, f"{at}.least", f"{rule.least} is out of range; write 0 (never) to 1000")
        if rule.renewable and not rule.exclusive:
            problems.add(
                file, f"{at}.renewable", "only another value of an exclusive identifier contradicts; leave it out"
            )


def with_rules(
    classes: Mapping[str, CiClass], found: Mapping[str, Any], file: str, problems: Problems
) -> dict[str, CiClass]:
    """The classes with other rules: `found` maps classes to what is different in some entries of their `identifiers`.

    What is not given stays as it is. Classes that take their identifiers over from one above change with it.
    """
    rules = {name: c.identifiers for name, c in classes.items()}
    for name, raw in found.items():
        if name not in classes or classes[name].internal:
            public = [c.name for c in classes.values() if not c.internal]
            problems.add(file, str(name), f"there is no class {str(name)!r}; {near(str(name), public)}")
        elif not isinstance(raw, dict):
            problems.add(file, str(name), "must be a mapping with identifiers; write it so")
        else:
            changed = _changed(classes[name], raw, file, problems)
            for heir, own in rules.items():
                if heir == name or (own == classes[name].identifiers and _is_heir(classes, heir, name)):
                    rules[heir] = changed
    after = {name: replace(c, identifiers=rules[name]) for name, c in classes.items()}
    for name in found:
        if name in after:
            check_schemes(after[name], (), file, problems, f"{name}.identifiers")
    return after


def _changed(c: CiClass, raw: Map, file: str, problems: Problems) -> tuple[IdentifierScheme, ...]:
    rules = {rule.scheme: rule for rule in c.identifiers}
    entries = check_keys(raw, _CLASS, file, c.name, problems).get("identifiers", ())
    seen: set[str] = set()
    for i, entry in enumerate(entries):
        at = f"{c.name}.identifiers[{i}]"
        good = _given(check_keys(entry, _CHANGED_RULE, file, at, problems))
        scheme = good.get("scheme", "")
        if scheme in seen:
            problems.add(file, f"{at}.scheme", f"{scheme!r} stands here twice; keep the first")
        elif scheme in rules:
            rules[scheme] = replace(rules[scheme], **good)
        elif scheme:
            problems.add(file, f"{at}.scheme", f"{scheme!r} does not identify a {c.name}; {near(scheme, rules)}")
        seen.add(scheme)
    return tuple(rules.values())


def _is_heir(classes: Mapping[str, CiClass], name: str, of: str) -> bool:
    above = classes[name].extends
    while above is not None and above != of:
        above = classes[above].extends
    return above == of
