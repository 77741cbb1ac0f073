"""Holding reports against the model: values in their normal form, and a problem for each that does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from cmdb.changes import ManifestEntry, content_of
from cmdb.model.names import is_placeholder
from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.model.spelling import PLAIN
from cmdb.observation import Identifier, Link, Observation, Report, Value, path_of
from cmdb.reconcile.draft import Problem
from cmdb.reconcile.merge import STATUS
from cmdb.reconcile.status import CLAIMS

MANUAL = "manual"
MAX_REFUSED = 200  # characters kept of a value that was not taken
MAX_KEY_BYTES = 2_000  # paths are made of several keys, and an indexed text has at most 4 kB on Neo4j


def check_report(
    report: Report, model: Model, problems: list[Problem], manifest: Mapping[str, ManifestEntry] | None = None
) -> Report:
    """Bring the values of a report to their normal form; what does not fit the model is left out and noted.

    What is word for word as it was taken the last time, by the `manifest` of its origin, fits and has its normal form.
    """
    checked: list[Observation] = []
    classes: dict[str, str] = {}
    for observation in report.observations:
        if (problem := _misplaced(observation, classes, model)) is not None:
            problems.append(Problem(report.origin, path_of(observation), *problem))
            continue
        name = path_of(observation)
        classes[name] = observation.ci_class
        entry = manifest.get(name) if manifest else None
        if entry is not None and entry.hash == content_of(observation):
            checked.append(observation)
            continue
        said = observation.attributes
        if STATUS in said:
            said = {attribute: value for attribute, value in said.items() if attribute != STATUS}
        attributes, wrong = model.check_attributes(observation.ci_class, said)
        for attribute, value, message in wrong:
            text = f"{message} (got {str(value)[:80]!r})"
            problems.append(Problem(report.origin, name, f"attributes.{attribute}", text))
        if STATUS in observation.attributes:
            attributes |= _check_status(report, observation, model, problems)
        refused = _refused(observation, attributes, wrong, model)
        if refused != observation.refused:
            observation = msgspec.structs.replace(observation, refused=refused)
        if observation.locks:
            observation = _check_locks(report, observation, attributes, model, problems)
        identifiers = observation.identifiers
        if identifiers:
            identifiers = _plainly_spelled(observation, model)
        if identifiers != observation.identifiers:
            observation = msgspec.structs.replace(observation, identifiers=identifiers)
        if any(len(i.key.encode()) > MAX_KEY_BYTES for i in identifiers):
            problems.append(Problem(report.origin, name, "identifiers", f"longer than {MAX_KEY_BYTES} bytes"))
            identifiers = tuple(i for i in identifiers if len(i.key.encode()) <= MAX_KEY_BYTES)
            observation = msgspec.structs.replace(observation, identifiers=identifiers)
        links = observation.links
        if links:
            links = tuple(_check_links(report, observation, model, problems))
        if attributes != observation.attributes or links != observation.links:
            observation = msgspec.structs.replace(observation, attributes=attributes, links=links)
        checked.append(observation)
    return msgspec.structs.replace(report, observations=tuple(checked))


def _check_status(report: Report, observation: Observation, model: Model, problems: list[Problem]) -> dict[str, Value]:
    """A status that is claimed, if it may be."""
    said = observation.attributes[STATUS]
    where = report.origin, path_of(observation), f"attributes.{STATUS}"
    if model.policy.presence(report.source) != "stated":
        who = " and ".join(sorted(s.name for s in model.sources.values() if s.presence == "stated"))
        problems.append(Problem(*where, f"only the sources {who} claim a status; it follows from what others see"))
    elif said not in CLAIMS:
        problems.append(Problem(*where, f"{str(said)[:80]!r} is no status to claim; {near(said, CLAIMS)}"))
    else:
        return {STATUS: said}
    return {}


def _check_locks(
    report: Report, observation: Observation, attributes: dict[str, Value], model: Model, problems: list[Problem]
) -> Observation:
    """Locks hold a value that was said with them, and only people lock."""
    kept = tuple(sorted({name for name in observation.locks if name in attributes}))
    where = report.origin, path_of(observation), "locks"
    if report.source.partition(":")[0] != MANUAL:
        kept = ()
        problems.append(Problem(*where, f"only the source {MANUAL} locks attributes"))
    elif lost := sorted(set(observation.locks) - set(kept)):
        problems.append(Problem(*where, f"{lost[0]!r} is locked without a value; say one"))
    return observation if kept == observation.locks else msgspec.structs.replace(observation, locks=kept)


def _refused(
    observation: Observation, accepted: dict[str, Value], wrong: list[tuple[str, Value, str]], model: Model
) -> dict[str, tuple[str, str]]:
    """What was said of attributes of the class and could not be taken; values that are private are left out."""
    known = model.classes[observation.ci_class].attributes
    private = model.private_attributes(observation.ci_class)
    return {
        name: (str(value)[:MAX_REFUSED], "PLACEHOLDER" if is_placeholder(str(value)) else "INVALID")
        for name, value, _ in wrong
        if name in known and name not in accepted and name not in private
    }


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
