"""Checks that the definitions of a model fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cmdb.model.absence import ABSENCE, AbsencePolicy, named_in
from cmdb.model.definitions import Attribute, CiClass, ImpactRule, RelationshipType, SourceKind
from cmdb.model.identifiers import check_schemes
from cmdb.model.near import near
from cmdb.model.shape import Problems
from cmdb.model.values import Unfit, normaliser

# Names that the store, the export or the GraphQL interface of every CI uses for something else.
RESERVED = frozenset(
    {"id", "class", "name", "name_lc", "status", "from", "to", "key", "facets", "first_seen", "last_seen", "revision"}
    | {"parent", "identifiers", "origins", "attributes", "relationships", "requirements", "history", "records"}
    | {"identity_decisions", "by_name", "by_class", "past_name", "past_class", "named", "keys"}
)
RELATIONSHIPS = "relationships.yaml"
PRECEDENCE = "precedence.yaml"
MAX_PRECEDENCE = 1000
MAX_HOURS = 100_000
_NEEDED = ("all", "all_but_one", "majority", "attribute")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_UPPER_SNAKE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
_GROUP_KEY = re.compile(r"(relationship|provider)\.([a-z][a-z0-9_]*)")


def check_definitions(
    classes: Mapping[str, CiClass],
    types: Mapping[str, RelationshipType],
    sources: Mapping[str, SourceKind],
    absence: AbsencePolicy,
    problems: Problems,
) -> None:
    """Note all that does not fit. `classes` is by file, each class without what it inherits."""
    by_name: dict[str, CiClass] = {}
    for file, c in classes.items():
        if c.name in by_name:
            problems.add(file, "class", f"{c.name} is defined in another file already; give it another name")
        by_name.setdefault(c.name, c)
    for file, c in classes.items():
        _check_class(c, by_name, types, file, problems)
    for name, type_ in types.items():
        _check_type(type_, by_name, name, problems)
    _check_types_agree(((f, "attributes", c.attributes) for f, c in classes.items()), problems)
    _check_types_agree(((RELATIONSHIPS, f"{n}.attributes", t.attributes) for n, t in types.items()), problems)
    for name, source in sources.items():
        _check_source(source, by_name, types, name, problems)
    for where, what, name in named_in(absence):
        known: Mapping[str, object] = by_name if what == "class" else types
        if name not in known:
            problems.add(ABSENCE, where, f"there is no {what} {name!r}; {near(name, known)}")


def _check_class(
    c: CiClass, classes: Mapping[str, CiClass], types: Mapping[str, RelationshipType], file: str, problems: Problems
) -> None:
    if not _PASCAL.fullmatch(c.name):
        problems.add(file, "class", f"{c.name!r} is not PascalCase; write it as in NetworkDevice")
    line = _line(c, classes, file, problems)
    if not c.abstract and line and not any(one.identifiers or one.inside for one in line):
        problems.add(file, "identifiers", "the class has neither identifiers nor inside; say how a CI of it is known")
    if c.independent and c.inside and not c.identifiers:
        problems.add(file, "identifiers", "independent CIs need identifiers; add them or leave out independent")
    if c.inside:
        _known(c.inside.parents, classes, file, "inside.parents", problems)
        if c.inside.relationship not in types:
            text = f"there is no relationship type {c.inside.relationship!r}; {near(c.inside.relationship, types)}"
            problems.add(file, "inside.relationship", text)
    check_schemes(c, line[1:], file, problems)
    _check_attributes(c.attributes, file, "attributes", problems)
    for above in line[1:]:
        for name in sorted(c.attributes.keys() & above.attributes.keys()):
            problems.add(file, f"attributes.{name}", f"comes from {above.name} already; leave it out here")


def _line(c: CiClass, classes: Mapping[str, CiClass], file: str, problems: Problems) -> list[CiClass]:
    """A class and what it extends; empty where that leads nowhere."""
    line = [c]
    while (above := line[-1].extends) is not None:
        if above not in classes:
            if line[-1] is c:
                problems.add(file, "extends", f"there is no class {above!r}; {near(above, classes)}")
            return []
        if classes[above] in line:
            names = " → ".join([*(one.name for one in line), above])
            problems.add(file, "extends", f"goes in a circle ({names}); break it")
            return []
        line.append(classes[above])
    return line


def _check_type(t: RelationshipType, classes: Mapping[str, CiClass], name: str, problems: Problems) -> None:
    if not _UPPER_SNAKE.fullmatch(name):
        problems.add(RELATIONSHIPS, name, "is not UPPER_SNAKE; write it as in CONNECTED_TO")
    _known(t.sources, classes, RELATIONSHIPS, f"{name}.from", problems)
    _known(t.targets, classes, RELATIONSHIPS, f"{name}.to", problems)
    _check_attributes(t.attributes, RELATIONSHIPS, f"{name}.attributes", problems)
    for i, rule in enumerate(t.impact):
        _check_rule(rule, t, classes, f"{name}.impact[{i}]", problems)


def _check_rule(
    rule: ImpactRule, t: RelationshipType, classes: Mapping[str, CiClass], where: str, problems: Problems
) -> None:
    for key in ("source_class", "target_class"):
        _known(rule.when.get(key, ()), classes, RELATIONSHIPS, f"{where}.when.{key}", problems)
    if t.symmetric:
        problems.add(RELATIONSHIPS, f"{where}.owner", "a symmetric type has no source and target; leave the rule out")
    if isinstance(rule.needed, bool) or not (
        (isinstance(rule.needed, int) and rule.needed >= 1) or rule.needed in _NEEDED
    ):
        text = f"{rule.needed!r} is not allowed; write 1, 2, … or {', '.join(_NEEDED)}"
        problems.add(RELATIONSHIPS, f"{where}.needed", text)
    if isinstance(rule.group, tuple):
        for key in rule.group:
            _check_group_key(key, t, classes, where, problems)
    elif rule.group not in ("each", "all", "none"):
        text = f"{rule.group!r} is not allowed; write each, all, none, or a list such as [relationship.group_key]"
        problems.add(RELATIONSHIPS, f"{where}.group", text)


def _check_group_key(
    key: str, t: RelationshipType, classes: Mapping[str, CiClass], where: str, problems: Problems
) -> None:
    matched = _GROUP_KEY.fullmatch(key)
    if not matched:
        text = f"{key!r} must be relationship.<attribute> or provider.<attribute>; write it so"
        problems.add(RELATIONSHIPS, f"{where}.group", text)
        return
    side, name = matched.groups()
    of_any_class = {"name", *(a for c in classes.values() for a in c.attributes)}
    known = set(t.attributes) if side == "relationship" else of_any_class
    if name not in known:
        problems.add(RELATIONSHIPS, f"{where}.group", f"there is no attribute {key!r}; {near(name, known)}")


def _check_attributes(attributes: Mapping[str, Attribute], file: str, where: str, problems: Problems) -> None:
    for name, a in attributes.items():
        at = f"{where}.{name}"
        if not _SNAKE.fullmatch(name):
            problems.add(file, at, "is not snake_case; write it as in serial_number")
        if name in RESERVED:
            problems.add(file, at, f"{name} is a reserved name; choose another")
        if (a.type == "enum") != bool(a.values):
            text = f"only an enum has values, not a {a.type}; make it an enum or leave them out"
            problems.add(file, f"{at}.values", "an enum needs its values; list them" if a.type == "enum" else text)
        if a.minimum is not None and a.type not in ("integer", "integer_list"):
            problems.add(file, f"{at}.range", f"a {a.type} has no range; leave it out")
        for i, value in enumerate(a.values):
            if not _SNAKE.fullmatch(value):
                problems.add(file, f"{at}.values[{i}]", f"{value!r} is not snake_case; write it as in power_supply")
        _check_example(a, file, at, problems)


def _check_example(a: Attribute, file: str, at: str, problems: Problems) -> None:
    if a.example is None or (a.type == "enum") != bool(a.values):
        return
    try:
        if normaliser(a)(a.example) == a.example:
            return
        text = "is not in its normal form"
    except Unfit as error:
        text = str(error)
    problems.add(file, f"{at}.example", f"{a.example!r}: {text}; correct it")


def _check_types_agree(places: Iterable[tuple[str, str, Mapping[str, Attribute]]], problems: Problems) -> None:
    """An attribute means the same everywhere: one index in the store, one type of field in GraphQL."""
    first: dict[str, tuple[str, str]] = {}
    for file, where, attributes in places:
        for name, a in attributes.items():
            type_, there = first.setdefault(name, (a.type, f"{file} {where}.{name}"))
            if type_ != a.type:
                text = f"is {a.type} here and {type_} in {there}; use one type, or another name"
                problems.add(file, f"{where}.{name}.type", text)


def _check_source(
    source: SourceKind,
    classes: Mapping[str, CiClass],
    types: Mapping[str, RelationshipType],
    name: str,
    problems: Problems,
) -> None:
    where = f"sources.{name}"
    numbers = [(where, source.precedence), *((f"{where}.rules[{i}]", r.precedence) for i, r in enumerate(source.rules))]
    for at, number in numbers:
        if not 0 <= number <= MAX_PRECEDENCE:
            problems.add(PRECEDENCE, f"{at}.precedence", f"{number} is out of range; write 0 to {MAX_PRECEDENCE}")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        problems.add(PRECEDENCE, where, "must be lower case, the part of a source before `:`; correct it")
    hours = [("stale_after_h", source.stale_after_h)]
    hours += [(f"stale_rules[{i}].after_h", rule.after_h) for i, rule in enumerate(source.stale_rules)]
    for at, after in hours:
        if after is not None and not 1 <= after <= MAX_HOURS:
            problems.add(PRECEDENCE, f"{where}.{at}", f"{after} is out of range; write 1 to {MAX_HOURS:,}")
    for i, stale in enumerate(source.stale_rules):
        _known(stale.classes, classes, PRECEDENCE, f"{where}.stale_rules[{i}].classes", problems)
    known = {"class", "name", "status", *(a for c in classes.values() for a in c.attributes)}
    for i, rule in enumerate(source.rules):
        _known(rule.classes, {**classes, **types}, PRECEDENCE, f"{where}.rules[{i}].classes", problems)
        for attribute in rule.attributes:
            if attribute not in known:
                text = f"there is no attribute {attribute!r}; {near(attribute, known)}"
                problems.add(PRECEDENCE, f"{where}.rules[{i}].attributes", text)


def _known(names: Iterable[str], known: Mapping[str, object], file: str, where: str, problems: Problems) -> None:
    for name in names:
        if name != "*" and name not in known:
            problems.add(file, where, f"there is no class {name!r}; {near(name, known)}")
