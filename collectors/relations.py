"""What was told in one run, joined into what ties its devices together. Pure but for what it recalls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import msgspec

from cmdb.observation import SESSIONS, Identifier, Link, Observation, Report, path_of
from collectors.discover import Told
from collectors.facts import Facts, Named
from collectors.links.relate import relate
from collectors.sessions import connect

Recall = Callable[[Iterable[str]], list[Report]]


def related(told: Sequence[Told], whole: bool, recall: Recall) -> Iterator[Report]:
    """Reports of cables, end points, segments, VLANs and sessions, for each target that saw some.

    `recall` gives what is known of devices by their identifiers: those that this run did not visit are named as they
    are known. Without `whole` forwarding tables, VLANs and pools are left aside: a bridge that was not asked may stand
    between, a VLAN is one of a whole layer-2 domain, and servers are found by addresses that only a whole run has.
    """
    facts = [one.facts if whole else _alone(one.facts) for one in told if one.facts is not None]
    if not facts:
        return
    reports = [one.report for one in told]
    own = {i.key for r in reports for o in r.observations if o.parent is None for i in o.identifiers}
    far = named(facts) - own
    yield from relate([*reports, *(recall(sorted(far)) if far else ())], facts)
    yield from _sessions(reports, _recalled_software(reports, recall), facts)


def _alone(facts: Facts) -> Facts:
    return replace(facts, forwarded=(), vlans={}, vlan_ports=(), pools=())


def named(facts: Iterable[Facts]) -> set[str]:
    """Identifiers by which the neighbours of devices may be known."""
    found: set[str] = set()
    for neighbour in (n for fact in facts for n in fact.neighbours):
        found |= _chassis_keys(neighbour.chassis)
        if neighbour.name:
            found.add(f"sysname:{neighbour.name.lower()}")
    return found


def _chassis_keys(chassis: Named) -> set[str]:
    keys = {f"chassis-id:{chassis.subtype}:{chassis.value}"}
    return keys | {f"mac:{chassis.value}"} if chassis.subtype == "mac" else keys


def _names_software(report: Report) -> bool:
    return any(o.ci_class == "SoftwareInstance" for o in report.observations)


def _recalled_software(reports: Sequence[Report], recall: Recall) -> list[Report]:
    """What is known of devices that were visited, but whose software nobody described in this run."""
    described = {i.key for r in reports if _names_software(r) for i in _strong(r)}
    mute = {i.key for r in reports if not _names_software(r) for i in _strong(r)} - described
    # A device may have been described under other identifiers of its own: what is known of it has all of them.
    known = recall(sorted(mute)) if described and mute else []
    return [r for r in known if _names_software(r) and described.isdisjoint(i.key for i in _strong(r))]


def _strong(report: Report) -> list[Identifier]:
    return [i for i in report.observations[0].identifiers if i.strong] if report.observations else []


def _sessions(reports: Sequence[Report], known: Sequence[Report], facts: Sequence[Facts]) -> Iterator[Report]:
    """Who talks to whom, said by the client's host. Sessions come and go: what is not seen again is not gone."""
    by_origin = {(r.source, r.target): r for r in reports}
    for (source, target), ties in sorted(connect([*reports, *known], facts).items()):
        report = by_origin.get((source, target))
        if report is None:
            continue  # one that was only recalled says nothing now
        device = report.observations[0]
        by_path: dict[str, list[Link]] = {device.key: []}
        said: dict[str, Observation] = {}
        for near, link, inside, listen in ties:
            by_path.setdefault(near, []).append(link)
            if inside is not None:
                said |= _assumed(inside, link, listen)
        parts = {path_of(o): o for o in report.observations if o.parent == device.key}
        for near, links in by_path.items():
            said[near] = _mentioned(device if near == device.key else parts[near], tuple(links))
        ordered = sorted(said.items(), key=lambda item: (item[1].parent is not None, item[0]))
        yield Report(source, target, report.at, tuple(o for _, o in ordered), complete=False, part=SESSIONS)


def _assumed(inside: Observation, link: Link, listen: tuple[str, ...]) -> dict[str, Observation]:
    """A far end of which only sessions tell, in the device that it is in."""
    device, _, key = link.to.split("|")
    port = key.partition("-")[2]
    attributes = {"name": f"port {port}", "kind": "other", "listen": list(listen)}
    named = msgspec.structs.replace(inside, key=device, attributes={}, links=(), role="mentioned")
    software = Observation("SoftwareInstance", key, attributes, parent=device, role="reported")
    return {device: named, path_of(software): software}


def _mentioned(observation: Observation, links: tuple[Link, ...]) -> Observation:
    """A thing that is only named, with its links; without links it serves to name its parts."""
    return msgspec.structs.replace(observation, attributes={}, links=links, role="mentioned")
