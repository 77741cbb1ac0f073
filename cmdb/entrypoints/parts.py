"""Which part of a device an alarm is about: the one that its labels name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cmdb.model.registry import Model
from cmdb.service.alarm_rules import AlarmRule, Part, plain
from cmdb.service.alarms import Effect, of_whole
from cmdb.store.protocol import CIRecord, GraphStore

# What a part is called, besides its name and the key that it has in its device.
CALLED = ("slot", "description", "alias", "if_index", "product", "mount_point", "device")


class About(NamedTuple):
    """The CI that an alarm names (id, "": none), and the rule and labels by which it may mean a part of that."""

    ci: str
    rule: AlarmRule
    labels: Mapping[str, Any]


def narrowed(store: GraphStore, model: Model, alarms: Sequence[About]) -> list[tuple[str, Effect]]:
    """For each alarm the CI that it is about and what it says of that.

    Where the rule is about parts of devices and a device is named: the part that the labels name, else the device,
    which then is degraded at most. A few queries, however many alarms.
    """
    asked = {about.ci for about in alarms if about.ci and about.rule.part is not None}
    devices = {ci.id for ci in store.cis(sorted(asked)) if model.is_device(ci.ci_class)} if asked else set()
    inside = _inside(store, devices)
    found: list[tuple[str, Effect]] = []
    for about in alarms:
        rule = about.rule
        if rule.part is None or (about.ci and about.ci not in devices):
            found.append((about.ci, rule.effect))
            continue
        fitting = _fitting(model, inside[about.ci], rule.part, about.labels)
        found.append((fitting[0], rule.effect) if len(fitting) == 1 else (about.ci, of_whole(rule.effect)))
    return found


def _inside(store: GraphStore, devices: Iterable[str]) -> defaultdict[str, list[CIRecord]]:
    """Devices -> their parts that are there, at any depth."""
    inside: defaultdict[str, list[CIRecord]] = defaultdict(list)
    wanted = sorted(devices)
    if not wanted:
        return inside
    known = {ci.id: ci for ci in store.cis(store.contents(wanted, located=False))}
    for ci in known.values():
        above = ci.parent
        while above in known and above not in devices:
            above = known[above].parent
        if ci.status != "retired" and above:
            inside[above].append(ci)
    return inside


def _fitting(model: Model, parts: Sequence[CIRecord], part: Part, labels: Mapping[str, Any]) -> list[str]:
    """The parts (ids) that the first label with a value names."""
    given = [(name, str(labels[name])) for name in part.labels if str(labels.get(name) or "").strip()]
    for name, value in given[:1]:
        names = {plain(value), plain(name + value), plain(value.removesuffix(".service"))} - {""}
        return [
            ci.id
            for ci in parts
            if part.ci_class in model.ancestry(ci.ci_class)
            and (not part.kind or ci.attributes.get("kind") == part.kind)
            and not names.isdisjoint(_names(ci))
        ]
    return []


def _names(ci: CIRecord) -> set[str]:
    called = (ci.attributes[name] for name in CALLED if name in ci.attributes)
    return {plain(str(text)) for text in (ci.name, ci.local_key, *called)}
