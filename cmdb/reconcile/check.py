"""Holding reports against the model: values in their normal form, and a problem for each that does not fit."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cmdb.model.registry import Model
from cmdb.model.spelling import PLAIN
from cmdb.observation import Identifier, Link, Observation, Report, path_of
from cmdb.reconcile.draft import Problem

MAX_KEY_BYTES = 2_000  # paths are made of several keys, and an indexed text has at most 4 kB on Neo4j


def check_report(report: Report, model: Model, problems: list[Problem]) -> Report:
    """Bring the values of a report to their normal form; what does not fit the model is left out and noted."""
    checked: list[Observation] = []
    classes: dict[str, str] = {}
    for observation in report.observations:
        if (problem := _misplaced(observation, classes, model)) is not None:
            problems.append(Problem(report.origin, path_of(observation), *problem))
            continue
        classes[path_of(observation)] = observation.ci_class
        attributes, wrong = model.check_attributes(observation.ci_class, observation.attributes)
        for name, value, message in wrong:
            text = f"{message} (got {str(value)[:80]!r})"
            problems.append(Problem(report.origin, path_of(observation), f"attributes.{name}", text))
        identifiers = observation.identifiers
        if identifiers:
            identifiers = _plainly_spelled(observation, model)
        if identifiers != observation.identifiers:
            observation = msgspec.structs.replace(observation, identifiers=identifiers)
        if any(len(i.key.encode()) > MAX_KEY_BYTES for i in identifiers):
            problems.append(
                Problem(report.origin, path_of(observation), "identifiers", f"longer than {MAX_KEY_BYTES} bytes")
            )
            identifiers = tuple(i for i in identifiers if len(i.key.encode()) <= MAX_KEY_BYTES)
            observation = msgspec.structs.replace(observation, identifiers=identifiers)
        links = observation.links
        if links:
            links = tuple(_check_links(report, observation, model, problems))
        if attributes != observation.attributes or links != observation.links:
            observation = msgspec.structs.replace(observation, attributes=attributes, links=links)
        checked.append(observation)
    return msgspec.structs.replace(report, observations=tuple(checked))


def _misplaced(observation: Observation, classes: dict[str, str], model: Model) -> tuple[str, str] | None:
    """(field, message) if an observation has no known class or does not fit into its parent."""
    if len(observation.key.encode()) > MAX_KEY_BYTES:
        return "key", f"longer than {MAX_KEY_BYTES} bytes"
    known = model.classes.get(observation.ci_class)
    if known is None or known.abstract:
        return "class", f"there is no class {observation.ci_class!r}"
    if observation.parent is None:
        return (
            None
            if known.independent
            else ("parent", f"a {observation.ci_class} is part of another CI; name its parent")
        )
    parent = classes.get(observation.parent)
    if parent is None:
        return "parent", f"{observation.parent!r} does not stand before it in the report, or was not taken"
    problem = model.check_parent(observation.ci_class, parent)
    return ("parent", problem) if problem else None


def _plainly_spelled(observation: Observation, model: Model) -> tuple[Identifier, ...]:
    """The identifiers, and those in their plain spelling too, by which other sources may know the thing."""
    rules = model.identifier_rules(observation.ci_class)
    found = {i.key: i for i in observation.identifiers}
    for one in observation.identifiers:
        rule = rules.get(one.key.partition(":")[0])
        if rule is not None and rule.spelling in PLAIN:
            for key in model.other_spellings(observation.ci_class, one.key):
                found.setdefault(key, Identifier(key, one.strong))
    return tuple(found.values()) if len(found) > len(observation.identifiers) else observation.identifiers


def _check_links(report: Report, observation: Observation, model: Model, problems: list[Problem]) -> Iterable[Link]:
    for link in observation.links:
        attributes, wrong = model.check_link(link.type, link.attributes)
        for name, message in wrong:
            field = f"links[{link.type} {link.to}]{'.' + name if name else ''}"
            problems.append(Problem(report.origin, path_of(observation), field, message))
        if attributes is not None:
            yield link if attributes == link.attributes else msgspec.structs.replace(link, attributes=attributes)
