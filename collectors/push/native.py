"""The native push format, shaped like OpenTelemetry's entity events: one item becomes one report. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from cmdb.model.registry import Model
from cmdb.observation import Link, Observation, Report, Value
from collectors.push.entities import (
    MAX_ENTRIES,
    Entity,
    Note,
    Rejected,
    attribute_of,
    entity,
    fitting,
    mapping,
    says_nothing,
)
from collectors.push.item import MAX_TIME_MS, Context, Item, clamped, iso_ms, read_with


def split(document: object) -> list[object]:
    """The items of a document: a list, `{"items": […]}`, or one item."""
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        document = document["items"]
    return document if isinstance(document, list) else [document]


def read_item(index: int, raw: object, context: Context) -> Item:
    """Turn one item into a report about the thing itself; never raises.

    A time later than `now + future_ms` is taken as `now`, with a warning.
    """
    return read_with(_read, index, raw, context)


def _read(item: Item, given: Mapping[str, Any], context: Context) -> None:
    model = context.model
    at = _time(given, item, context)
    thing = entity(given, "", model, item.warnings)
    _interval(given, item)
    observations = [thing.observation]
    if thing.parent is not None:
        observations.insert(0, thing.parent)
    item.path = thing.path
    links = tuple(_links(given.get("relationships"), model, item))
    described = _description(given, thing, model, item)
    observations[-1] = Observation(
        thing.observation.ci_class,
        thing.observation.key,
        described,
        thing.observation.identifiers,
        thing.observation.parent,
        links,
    )
    item.report = Report(context.source, thing.path, at, tuple(observations), complete=True)


def _description(given: Mapping[str, Any], thing: Entity, model: Model, item: Item) -> dict[str, Value]:
    """The attributes: those of the id, and over them those of `description`; what has no place here is noted."""
    ci_class = model.ci_class(thing.observation.ci_class)
    out = dict(thing.observation.attributes)
    described = given.get("description", given.get("entity.description"))
    if described is None:
        return out
    entries = mapping(described, "description")
    if len(entries) > MAX_ENTRIES:
        raise Rejected("TOO_MANY", f"description: at most {MAX_ENTRIES:,} attributes", "description")
    for name, value in entries.items():
        where = f"description.{name}"
        attribute = attribute_of(ci_class, name)
        if not attribute:
            item.warnings.append(
                Note("UNKNOWN_ATTRIBUTE", f"a {ci_class.name} has no attribute {name!r}; it was left out", where)
            )
        elif value is None or value in ("", []):
            continue  # not known is not a value
        elif not is_value(value):
            item.warnings.append(
                Note("BAD_VALUE", "text, a number, true, false, or a list of these; it was left out", where)
            )
        elif says_nothing(attribute, value):
            item.warnings.append(Note("PLACEHOLDER", f"{value[:80]!r} says nothing; it was left out", where))
        else:
            out[attribute] = fitting(ci_class, attribute, value)
    return out


def is_value(value: object) -> bool:
    entries = value if isinstance(value, list) else [value]
    return len(entries) <= MAX_ENTRIES and all(isinstance(e, str | int | float | bool) for e in entries)


def _links(given: object, model: Model, item: Item) -> Iterable[Link]:
    """The relationships: from the item to far ends that are named, each noted if it makes no sense."""
    if given is None:
        return
    if not isinstance(given, list) or len(given) > MAX_ENTRIES:
        raise Rejected("BAD_RELATIONSHIPS", f"relationships: a list of at most {MAX_ENTRIES:,}", "relationships")
    for n, entry in enumerate(given):
        where = f"relationships[{n}]"
        try:
            yield _link(mapping(entry, where), where, model, item)
        except Rejected as rejected:
            item.warnings.append(rejected.note)


def _link(given: Mapping[str, Any], where: str, model: Model, item: Item) -> Link:
    kind = given.get("type", given.get("relationship.type"))
    name = re.sub(r"[^A-Z0-9]+", "_", str(kind).upper()) if isinstance(kind, str) else ""
    type_ = model.relationship_types.get(name)
    if type_ is None or type_.internal:
        known = ", ".join(sorted(t.name for t in model.relationship_types.values() if not t.internal))
        raise Rejected("UNKNOWN_RELATIONSHIP", f"{str(kind)[:80]!r}: use one of {known}", f"{where}.type")
    attributes = mapping(given.get("attributes") or {}, f"{where}.attributes")
    if not all(is_value(v) for v in attributes.values()):
        raise Rejected("BAD_VALUE", "attributes: text, numbers, true, false, or lists of these", f"{where}.attributes")
    if isinstance(key := given.get("key"), str) and ":" in key:
        return Link(name, key, dict(attributes), "push")
    far = given.get("entity", given.get("target"))
    far = given if far is None and "entity.id" in given else far
    named = {"type": given.get("entity.type"), "id": given.get("entity.id")} if far is given else far
    found = entity(mapping(named, f"{where}.entity"), f"{where}.entity.", model, item.warnings)
    return Link(name, found.path, dict(attributes), "push")


def _time(given: Mapping[str, Any], item: Item, context: Context) -> int:
    """When it was observed, in epoch milliseconds: `timestamp` (ISO 8601 or ms), or OpenTelemetry's `timeUnixNano`."""
    name = "timestamp" if "timestamp" in given else "timeUnixNano"
    value = given.get(name)
    if value is None:
        return context.now
    at: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        at = value if name == "timestamp" else value // 1_000_000
    elif isinstance(value, str) and name == "timeUnixNano" and value.isdecimal() and len(value) < 20:
        at = int(value) // 1_000_000
    elif isinstance(value, str):
        at = iso_ms(value)
    if at is None or not 0 <= at < MAX_TIME_MS:
        raise Rejected("BAD_TIME", f"{name}: ISO 8601 with a zone, or milliseconds since 1970", name)
    return clamped(at, item, context, name)


def _interval(given: Mapping[str, Any], item: Item) -> None:
    """`report.interval` (ms) promises the next word; it is checked, and not used yet."""
    report = given.get("report")
    value = report.get("interval") if isinstance(report, dict) else given.get("report.interval")
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value <= 0):
        item.warnings.append(
            Note("BAD_INTERVAL", "report.interval: whole milliseconds, more than 0", "report.interval")
        )
