"""The CIs and relationships that bear on impact, as they stand now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cmdb.observation import Value
from cmdb.topology.gateways import ADDRESS, IN_SUBNET, Gateways
from cmdb.topology.plane import LAN
from cmdb.topology.policy import (
    CABLES,
    FORWARDING,
    INSIDE,
    INSTALLED_ON,
    INTERFACE,
    PROVIDED_BY,
    REQUIREMENT,
    SEGMENT,
    Policy,
)

NONE: Mapping[str, Value] = {}
NO_PARENT = -1
End = tuple[str, int, bool]  # type, the CI at the other end, whether the relationship starts here


@dataclass(frozen=True, slots=True)
class Node:
    """One CI. `values` are the attributes that rules ask for; `origins` are kept for requirements only."""

    id: str
    ci_class: str
    name: str
    status: str
    parent: int
    values: Mapping[str, Value]
    origins: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether it counts at all; what is missing does, absence is not failure."""
        return self.status != "retired" and not (self.ci_class == REQUIREMENT and self.status == "missing")

    def shape(self) -> tuple[Any, ...]:
        """What requirements and planes depend on: no change here, nothing to derive again."""
        origins = self.origins if self.ci_class == REQUIREMENT else ()
        return (self.ci_class, self.is_there, self.values, origins)

    def texts(self, attribute: str) -> tuple[str, ...]:
        """A list of texts, whatever was stored."""
        value = self.values.get(attribute)
        if isinstance(value, str):
            return (value,)
        return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list | tuple) else ()

    @property
    def forwards(self) -> bool:
        """Whether it passes traffic of others on."""
        roles = self.values.get("roles")
        return bool(roles) and self.is_there and not FORWARDING.isdisjoint(self.texts("roles"))


@dataclass(slots=True)
class Facts:
    """CIs by number.

    `ends` holds each relationship at the ends that may own a requirement of it, `users` at the others. `rooted` are
    the CIs that are named as roots, by plane; `missing` those that were not seen any more; `gateways` where the LAN is
    grounded while nobody names a root of it.
    """

    policy: Policy
    nodes: list[Node] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    children: dict[int, list[int]] = field(default_factory=dict)
    ends: dict[int, dict[End, Mapping[str, Value]]] = field(default_factory=dict)
    users: dict[int, dict[End, None]] = field(default_factory=dict)
    rooted: dict[str, set[int]] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    gateways: Gateways = field(default_factory=Gateways)

    def set_node(self, node: Node) -> int:
        """Add or replace a CI and return its number."""
        number = self.numbers.get(node.id)
        if number is None:
            number = self.numbers[node.id] = len(self.nodes)
            self.nodes.append(node)
            if node.parent != NO_PARENT:
                self.children.setdefault(node.parent, []).append(number)
        else:
            self._root(number, self.nodes[number], False)
            self.nodes[number] = node
        self._root(number, node, True)
        if node.status == "missing":
            self.missing.add(number)
        else:
            self.missing.discard(number)
        return number

    def move(self, number: int, parent: int) -> None:
        """Make a CI part of another parent, or of none."""
        node = self.nodes[number]
        if node.parent != NO_PARENT:
            self.children[node.parent].remove(number)
        if parent != NO_PARENT:
            self.children.setdefault(parent, []).append(number)
        self.nodes[number] = replace(node, parent=parent)

    def end(self, number: int) -> None:
        """Forget a CI that another one has absorbed; its number is not used again."""
        node = self.nodes[number]
        self._root(number, node, False)
        self.move(number, NO_PARENT)
        self.nodes[number] = replace(self.nodes[number], status="retired")
        self.missing.discard(number)
        del self.numbers[node.id]

    def _root(self, number: int, node: Node, is_one: bool) -> None:
        if "root_of" in node.values and node.is_there:
            for plane in node.texts("root_of"):
                if is_one:
                    self.rooted.setdefault(plane, set()).add(number)
                else:
                    self.rooted[plane].discard(number)

    def relate(self, source: int, type_: str, target: int, attributes: Mapping[str, Value]) -> None:
        """Add a relationship or set its attributes."""
        if type_ == IN_SUBNET:
            self.gateways.put(source, target)
            return
        at_source, at_target = self._owning(type_)
        kept = attributes or NONE
        if at_source:
            self.ends.setdefault(source, {})[(type_, target, True)] = kept
        if at_target:
            self.ends.setdefault(target, {})[(type_, source, False)] = kept
        if not at_source:
            self.users.setdefault(source, {})[(type_, target, True)] = None
        if not at_target:
            self.users.setdefault(target, {})[(type_, source, False)] = None

    def unrelate(self, source: int, type_: str, target: int) -> None:
        """Take a relationship away."""
        if type_ == IN_SUBNET:
            self.gateways.drop(source, target)
            return
        for rows in (self.ends, self.users):
            for ci, end in ((source, (type_, target, True)), (target, (type_, source, False))):
                row = rows.get(ci)
                if row is not None and row.pop(end, 0) != 0 and not row:
                    del rows[ci]

    def _owning(self, type_: str) -> tuple[bool, bool]:
        if type_ in CABLES:
            return True, True
        if type_ in (PROVIDED_BY, INSTALLED_ON):
            return True, False
        return type_ in self.policy.source_owns, type_ in self.policy.target_owns

    def is_tie(self, source: int, type_: str, target: int) -> bool:
        """Whether a relationship is the tie of a dependent to its parent, which the record of the dependent tells."""
        for child, parent, from_parent in ((target, source, True), (source, target, False)):
            node = self.nodes[child]
            if node.parent == parent and self.policy.tie(node.ci_class) == (type_, from_parent):
                return True
        return False

    # ---- what follows from the records
    def holder(self, ci: int) -> int:
        """The device an interface (chassis, module) is part of; the CI itself for all others."""
        nodes = self.nodes
        while nodes[ci].ci_class in INSIDE and nodes[ci].parent != NO_PARENT:
            ci = nodes[ci].parent
        return ci

    def at(self, ci: int) -> int:
        """The device that an address or another part is on; the CI itself for all others."""
        node = self.nodes[ci]
        return self.holder(node.parent if node.ci_class == ADDRESS and node.parent != NO_PARENT else ci)

    def addresses(self, ci: int) -> Iterator[int]:
        """Addresses that are there on the interfaces of a device that are there."""
        for interface in self.interfaces(ci):
            for part in self.children.get(interface, ()):
                if self.nodes[part].ci_class == ADDRESS and self.nodes[part].is_there:
                    yield part

    def cables(self, ci: int) -> Iterator[int]:
        """Far ends that are there of the cables and segments at a CI; cables inside one device are none."""
        for (type_, far, _), attributes in self.ends.get(ci, {}).items():
            if type_ in CABLES and self.nodes[far].is_there and attributes.get("internal") is not True:
                yield far

    def is_transit(self, ci: int) -> bool:
        """Whether a CI stands in the planes: what forwards, its interfaces, segments, cabled ports of all others."""
        node = self.nodes[ci]
        if not node.is_there:
            return False
        if node.ci_class == INTERFACE:
            return self.nodes[self.holder(ci)].forwards or any(True for _ in self.cables(ci))
        return node.ci_class == SEGMENT or node.forwards

    def interfaces(self, ci: int) -> Iterator[int]:
        """Interfaces of a device that are there, those of its chassis and modules included."""
        stack = list(self.children.get(ci, ()))
        while stack:
            part = stack.pop()
            node = self.nodes[part]
            if node.ci_class in INSIDE:
                stack.extend(self.children.get(part, ()))
                if node.ci_class == INTERFACE and node.is_there:
                    yield part

    def neighbours(self, ci: int) -> set[int]:
        """Edges of a CI in the planes."""
        if not self.is_transit(ci):
            return set()
        found = {far for far in self.cables(ci) if far != ci and self.is_transit(far)}
        if self.nodes[ci].ci_class == INTERFACE:
            holder = self.holder(ci)
            if holder != ci and self.nodes[holder].forwards:
                found.add(holder)
        elif self.nodes[ci].forwards:
            found.update(self.interfaces(ci))
        return found

    def roots(self, ci: int) -> set[str]:
        """Planes a transit CI is a root of. A root that does not forward is one through its cabled ports.

        The LAN is grounded at its gateways where nobody names a root of it.
        """
        if not self.is_transit(ci):
            return set()
        names = set(self.nodes[ci].texts("root_of"))
        if self.gateways.is_root(ci):
            names.add(LAN)
        holder = self.nodes[self.holder(ci)]
        if holder.is_there and not holder.forwards:
            names.update(holder.texts("root_of"))
        return names
