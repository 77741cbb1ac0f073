"""Requirement groups and their slack, kept exact by every edit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from cmdb.topology.journal import Journal
from cmdb.topology.plane import Fabric, Plane

WAIVED = 1 << 60  # slack of a group that nothing may break
_BITS = 16  # planes share a number with the CI; 65,536 of them are more than anybody names
_MASK = (1 << _BITS) - 1

OnLoss = Literal["NONE", "AT_RISK", "DEGRADED"]
Pass = Literal["NEVER", "NEEDED", "ANY"]
Origin = Literal["DEFAULT", "DISCOVERED", "MANUAL"]
# How what is needed follows from the providers: not at all, all of them, all but the heaviest, more than half.
Counts = Literal["FIXED", "ALL", "ALL_BUT_ONE", "MAJORITY"]


def conn(plane: int, ci: int) -> int:
    """Number of the literal "this CI has a path to a root of the plane"; the literal "it is up" is the CI itself."""
    return ~(ci << _BITS | plane)


def ci_of(literal: int) -> int:
    """The CI a literal is about."""
    return literal if literal >= 0 else ~literal >> _BITS


def plane_of(literal: int) -> int:
    """The plane of a literal of connectivity, -1 for "is up"."""
    return -1 if literal >= 0 else ~literal & _MASK


@dataclass(slots=True, eq=False)
class Group:
    """One requirement: it holds while providers of weight `needed` are true.

    `providers` are (literal, weight), heaviest first, each literal once and never the owner. `up` is the weight that
    is true while no CI is down; `slack` and `ill_slack` say how much may be lost before the owner is down, or ill.
    `gone` are providers that are retired and count no more. `number` is small and its own while it is in force.
    """

    id: str
    owner: int
    needed: int
    providers: tuple[tuple[int, int], ...]
    on_loss: OnLoss = "NONE"
    passes: Pass = "NEEDED"
    origin: Origin = "DEFAULT"
    gone: tuple[int, ...] = ()
    counts: Counts = "FIXED"
    up: int = 0
    slack: int = 0
    ill_slack: int = 0
    number: int = -1

    @property
    def total(self) -> int:
        """Weight of all providers."""
        return sum(weight for _, weight in self.providers)

    @property
    def holds(self) -> bool:
        """Whether it holds with everything up."""
        return self.up >= self.needed

    def same(self, other: Group) -> bool:
        """Whether both say the same, slack aside."""
        return self._said() == other._said()

    def _said(self) -> tuple[object, ...]:
        rules = (self.needed, self.on_loss, self.passes, self.origin, self.counts)
        return (self.owner, self.providers, self.gone, *rules)

    def weigh(self, up: int) -> None:
        """Set the weight that is true with everything up; a group it does not satisfy is waived."""
        self.up = up
        if up < self.needed:
            self.slack = self.ill_slack = WAIVED
            return
        self.slack = up - self.needed
        self.ill_slack = {"NEVER": WAIVED, "NEEDED": self.slack, "ANY": 0}[self.passes]


def providers(weights: Iterable[tuple[int, int]], owner: int) -> tuple[tuple[int, int], ...]:
    """Merge several mentions of a provider (the largest weight wins), leave out the owner, put the heaviest first."""
    weights = tuple(weights)
    if len(weights) == 1:  # by far the most
        return () if weights[0][0] == owner else weights
    best: dict[int, int] = {}
    for literal, weight in weights:
        if literal != owner:
            best[literal] = max(weight, best.get(literal, 0))
    return tuple(sorted(best.items(), key=lambda p: (-p[1], p[0])))


@dataclass(slots=True)
class Live:
    """All groups and planes. CIs are numbers here.

    `serves` maps a literal to the groups it provides and its weight there; `defects` are the groups that are waived or
    have lost a provider for good. `journal` is kept while somebody keeps a copy.
    """

    groups: dict[str, Group] = field(default_factory=dict)
    owned: dict[int, list[Group]] = field(default_factory=dict)
    serves: dict[int, dict[Group, int]] = field(default_factory=dict)
    defects: dict[int, set[Group]] = field(default_factory=dict)
    planes: list[Plane] = field(default_factory=list)
    journal: Journal | None = None
    numbered: list[Group] = field(default_factory=list)  # by number; what was removed stands there until replaced
    mirror: object = None  # the copy
    free: list[int] = field(default_factory=list)

    def add_plane(self, name: str, fabric: Fabric) -> Plane:
        """Open a plane over a fabric; without roots it is unknown and its paths are not judged."""
        plane = Plane(len(self.planes), name, fabric)
        plane.on_flip = lambda ci, sign: self._flip(plane, ci, sign)
        self.planes.append(plane)
        fabric.planes.append(plane)
        return plane

    def is_alive(self, literal: int) -> bool:
        """Whether a literal is true with everything up."""
        return literal >= 0 or self.planes[plane_of(literal)].is_alive(ci_of(literal))

    def put(self, group: Group) -> None:
        """Add a group, or replace the one of this id."""
        if group.id in self.groups:
            self.remove(group.id)
        self.groups[group.id] = group
        self._number(group)
        self.owned.setdefault(group.owner, []).append(group)
        up = 0
        for literal, weight in group.providers:
            self.serves.setdefault(literal, {})[group] = weight
            if self.journal is not None:
                self.journal.serve(literal, group.number, weight)
            if literal < 0:
                self.planes[plane_of(literal)].watched.add(ci_of(literal))
            if literal >= 0 or self.is_alive(literal):
                up += weight
        self._weigh(group, up)

    def remove(self, id_: str) -> None:
        """Take a group away."""
        group = self.groups.pop(id_)
        _drop(self.owned, group.owner, group)
        for literal, _ in group.providers:
            served = self.serves[literal]
            del served[group]
            if self.journal is not None:
                self.journal.serve(literal, group.number, -1)
            if not served:
                del self.serves[literal]
                if literal < 0:
                    self.planes[plane_of(literal)].watched.discard(ci_of(literal))
        self._defect(group, False)
        self.free.append(group.number)

    def _number(self, group: Group) -> None:
        if self.free:
            group.number = self.free.pop()
            self.numbered[group.number] = group
        else:
            group.number = len(self.numbered)
            self.numbered.append(group)

    def _flip(self, plane: Plane, ci: int, sign: int) -> None:
        for group, weight in self.serves.get(conn(plane.number, ci), {}).items():
            self._weigh(group, group.up + sign * weight)

    def _weigh(self, group: Group, up: int) -> None:
        group.weigh(up)
        if self.journal is not None:
            self.journal.weighed[group.number] = None
        self._defect(group, up < group.needed or bool(group.gone))

    def _defect(self, group: Group, is_one: bool) -> None:
        if is_one:
            self.defects.setdefault(group.owner, set()).add(group)
        elif (known := self.defects.get(group.owner)) is not None:
            known.discard(group)
            if not known:
                del self.defects[group.owner]


def _drop(rows: dict[int, list[Group]], owner: int, group: Group) -> None:
    row = rows[owner]
    row.remove(group)
    if not row:
        del rows[owner]
