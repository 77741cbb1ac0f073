"""Whose alarms they are: keys resolved to CIs, and a finding for each that names none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

import msgspec

from cmdb.errors import LimitExceeded
from cmdb.impact.causes import MOST_ALARMS, Alarm
from cmdb.impact.explanation import AlarmEffect
from cmdb.store.rows import lower_name
from cmdb.topology import Topology

Effect = Literal["DOWN", "DEGRADED", "UNREACHABLE", "NONE"]
AnyEffect = TypeVar("AnyEffect", Effect, AlarmEffect)
AlarmFindingKind = Literal["UNKNOWN", "AMBIGUOUS", "RETIRED"]
SHOWN = 80  # characters of a key that a finding repeats
CANDIDATES = 5


class AskedAlarm(msgspec.Struct, frozen=True):
    """An alarm as it came: an id, identifier or unique name, and what it says of that CI. NONE says nothing.

    With `of_part` it is about a part of the CI, if that is a device: which is then degraded at most.
    """

    key: str
    effect: Effect = "UNREACHABLE"
    of_part: bool = False


class AlarmFinding(msgspec.Struct, frozen=True):
    """An alarm that could not be used, and why; the others are judged without it."""

    key: str
    kind: AlarmFindingKind
    text: str


class Resolved(msgspec.Struct, frozen=True):
    """Alarms by CI id, and what could not be used."""

    alarms: tuple[Alarm, ...]
    findings: tuple[AlarmFinding, ...]


class Lookup(Protocol):
    """What a store knows of identifiers, at the moment of the topology."""

    def by_key(self, keys: Iterable[str]) -> Mapping[str, tuple[tuple[str, bool], ...]]:
        """Identifier keys -> (CI id, strong)."""


def of_whole(effect: AnyEffect) -> AnyEffect:
    """What an alarm about a part of a device says of the device: degraded at most."""
    return "DEGRADED" if effect == "DOWN" else effect


def few(cis: Sequence[str], most: int = CANDIDATES) -> str:
    """The first of some CIs, and how many more there are."""
    return ", ".join(cis[:most]) + (f" and {len(cis) - most:,} more" if len(cis) > most else "")


def resolve_alarms(topology: Topology, lookup: Lookup, asked: Sequence[AskedAlarm]) -> Resolved:
    """Find the CIs of some alarms: ids and names in memory, identifiers in one query, however many they are."""
    if len(asked) > MOST_ALARMS:
        raise LimitExceeded(f"{len(asked):,} alarms; at most {MOST_ALARMS:,} fit one question")
    holders = _holders(topology, lookup, dict.fromkeys(a.key for a in asked if a.effect != "NONE"))
    alarms: dict[Alarm, None] = {}
    findings: dict[str, AlarmFinding] = {}
    with topology.lock:
        for alarm in asked:
            if alarm.effect == "NONE" or alarm.key in findings:
                continue
            cis = holders[alarm.key]
            finding = _finding(topology, alarm.key, cis)
            if finding is not None:
                findings[alarm.key] = finding
            else:
                node = topology.facts.nodes[cis[0]]
                is_whole = alarm.of_part and topology.policy.model.is_device(node.ci_class)
                effect: AlarmEffect = of_whole(alarm.effect) if is_whole else alarm.effect
                alarms[Alarm(node.id, effect)] = None
    return Resolved(tuple(alarms), tuple(findings.values()))


def _holders(topology: Topology, lookup: Lookup, keys: Iterable[str]) -> dict[str, list[int]]:
    """Numbers of the CIs that each key names: as an id, else as an identifier, else as a name."""
    with topology.lock:
        found = {key: [ci] for key in keys if (ci := topology.find(key)) is not None}
    further = [key for key in keys if key not in found]
    identified = lookup.by_key(further) if further else {}
    with topology.lock:
        for key, known in identified.items():
            cis = [ci for ci in (topology.find(id_) for id_, _ in known) if ci is not None]
            if cis:
                found[key] = cis
        named: dict[str, list[int]] = {lower_name(key): [] for key in further if key not in found}
        if named:
            internal = topology.policy.internal
            for ci, node in enumerate(topology.facts.nodes):
                same = named.get(lower_name(node.name))
                if same is not None and node.ci_class not in internal:
                    same.append(ci)
        holders = {key: found.get(key) or named.get(lower_name(key), []) for key in keys}
        # A name that is in use again means what uses it now.
        return {key: [ci for ci in cis if topology.facts.nodes[ci].is_there] or cis for key, cis in holders.items()}


def _finding(topology: Topology, key: str, cis: Sequence[int]) -> AlarmFinding | None:
    nodes = topology.facts.nodes
    shown = key if len(key) <= SHOWN else key[:SHOWN] + "…"
    if not cis:
        text = f"no CI is named {shown!r}; give an id, an identifier or a unique name"
        return AlarmFinding(shown, "UNKNOWN", text)
    if len(cis) > 1:
        listed = few([f"{nodes[ci].name} ({nodes[ci].id})" for ci in cis])
        return AlarmFinding(
            shown, "AMBIGUOUS", f"{shown!r} names {len(cis)} CIs: {listed}; use the id of the one meant"
        )
    if not nodes[cis[0]].is_there:
        return AlarmFinding(shown, "RETIRED", f"{nodes[cis[0]].name} ({nodes[cis[0]].id}) is retired: it can't fail")
    return None
