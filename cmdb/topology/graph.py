"""The topology: facts, groups and planes as of one sequence of the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from itertools import islice

from cmdb.changes import (
    Change,
    EndCI,
    EndRelationship,
    MoveCI,
    NewCI,
    NewRelationship,
    PutRecord,
    PutTask,
    SetCI,
    SetRelationship,
)
from cmdb.errors import CmdbError
from cmdb.model.registry import Model
from cmdb.observation import Value
from cmdb.store.protocol import CIRecord, CIRef, RelationshipRecord
from cmdb.topology.doubt import Doubt
from cmdb.topology.facts import NO_PARENT, NONE, Facts, Node
from cmdb.topology.gateways import IN_SUBNET, ROUTERS
from cmdb.topology.live import Live, Origin
from cmdb.topology.plane import LAN, Fabric, Plane
from cmdb.topology.policy import CABLES, INSIDE, PROVIDED_BY, REQUIREMENT, Policy
from cmdb.topology.rules import groups_of
from cmdb.topology.view import (
    Finding,
    PlaneView,
    Requirement,
    all_findings,
    finding_views,
    plane_view,
    requirement_view,
    title,
)
from cmdb.topology.witnesses import IsSure, Witnesses


class Gap(CmdbError):
    """The feed does not continue where the topology ends: load it again from the store."""


class Topology:
    """Requirement groups and planes of all CIs, from the store's records and then from the change feed.

    One lock, `lock`, guards it: `apply` holds it while it writes, and whoever reads `facts` and `live` holds it for as
    long as one answer takes, so that the answer belongs to exactly one `sequence`. Times are epoch milliseconds.
    """

    def __init__(self, model: Model) -> None:
        self.lock = threading.RLock()
        self.policy = Policy(model)
        self.sequence, self.at = 0, 0
        self.facts, self.live, self.fabric = Facts(self.policy), Live(), Fabric()
        self.doubt, self.witnesses = Doubt(self.facts, self.live), Witnesses()
        self._judged: tuple[IsSure, int, Mapping[str, int] | None] | None = None  # by whom and as of when words were
        self._planes: dict[str, Plane] = {}
        self._owners: set[int] = set()  # whose groups must be derived again
        self._transits: set[int] = set()  # whose edges and roots must be derived again
        self._routers: set[int] = set()  # of which must be derived again whether they are gateways
        self._plane(LAN)

    # ---- filling
    def load(
        self, cis: Iterable[CIRecord], relationships: Iterable[RelationshipRecord], sequence: int, at: int = 0
    ) -> None:
        """Start afresh from all CIs (parents first) and relationships as of `sequence`, committed at `at`.

        Until all of them have come, readers get what was there before.
        """
        fresh = Topology(self.policy.model)
        fresh._fill(cis, relationships)
        self.take(fresh.facts, fresh.live, fresh.fabric, fresh.witnesses, sequence, at)

    def take(self, facts: Facts, live: Live, fabric: Fabric, witnesses: Witnesses, sequence: int, at: int) -> None:
        """Take over all that is known as of `sequence`, committed at `at`."""
        with self.lock:
            self.facts, self.live, self.fabric = facts, live, fabric
            self.doubt, self.witnesses = Doubt(facts, live), witnesses
            self._planes = {plane.name: plane for plane in live.planes}
            self.sequence, self.at = sequence, at
            if self._judged is not None:
                self.judge_words(*self._judged)

    def _fill(self, cis: Iterable[CIRecord], relationships: Iterable[RelationshipRecord]) -> None:
        for ci in cis:
            self._node(ci.id, ci.ci_class, ci.name, ci.status, ci.parent, ci.attributes, ci.facets)
        for r in relationships:
            if r.type in self.policy.kept:
                source, target = self._number(r.source), self._number(r.target)
                if not self.facts.is_tie(source, r.type, target):
                    self.facts.relate(source, r.type, target, r.attributes)
                    self.witnesses.load((source, r.type, target), r.facets, r.seen)
        self._owners.update(range(len(self.facts.nodes)))
        self._transits.update(range(len(self.facts.nodes)))
        self._routers.update(ci for ci, node in enumerate(self.facts.nodes) if node.ci_class in ROUTERS)
        self._derive()

    def apply(self, sequence: int, at: int, changes: Iterable[Change]) -> bool:
        """Follow one commit; False if it was known already.

        Raises Gap, and changes nothing, if commits between are missing or a CI is named that nobody has heard of.
        """
        with self.lock:
            if sequence <= self.sequence:
                return False
            if sequence != self.sequence + 1:
                raise Gap(
                    f"the change feed jumped from commit {self.sequence} to {sequence}; "
                    "load the topology again from the store"
                )
            listed = list(changes)
            self._check(listed)
            for change in listed:
                if isinstance(change, NewCI):
                    self._new_ci(change)
            for change in listed:
                self._follow(change)
            self._derive()
            self.doubt.forget()
            self.sequence, self.at = sequence, at
            return True

    def judge_words(self, is_sure: IsSure, now: int, silent: Mapping[str, int] | None = None) -> None:
        """Find out which relationships are in doubt as of `now` (epoch ms); until this is called, none is.

        `silent` maps origins to when they spoke last, all others spoke just now; None: nobody spoke since the load.
        """
        with self.lock:
            self._judged = is_sure, now, silent
            witnesses = self.witnesses
            since = witnesses.since()
        found = witnesses.doubtful(since, is_sure, now, silent)
        with self.lock:
            if witnesses is self.witnesses:
                self.doubt.set_ties(found - witnesses.changed(since))

    def _check(self, changes: Iterable[Change]) -> None:
        new: set[str] = set()
        named: set[str] = set()
        for change in changes:
            match change:
                case NewCI():
                    if change.parent and change.parent not in new:  # parents come first
                        self._number(change.parent)
                    new.add(change.id)
                case SetCI() | EndCI():
                    named.add(change.id)
                case MoveCI():
                    named.update((change.id, change.parent))
                case NewRelationship() | SetRelationship() | EndRelationship():
                    named.update((change.source, change.target))
        for id_ in named - new:
            self._number(id_)

    def _follow(self, change: Change) -> None:
        match change:
            case NewCI() | PutTask() | PutRecord():
                pass
            case MoveCI():
                self._move_ci(self._number(change.id), self._number(change.parent))
            case EndCI():
                self._end_ci(self._number(change.id))
            case SetCI():
                self._set_ci(change)
            case NewRelationship() | SetRelationship() | EndRelationship():
                if change.type in self.policy.kept:
                    self._relationship(change)

    def _new_ci(self, change: NewCI) -> None:
        name = str(change.attributes.get("name", ""))
        ci = self._node(
            change.id, change.ci_class, name, change.status, change.parent, change.attributes, change.facets
        )
        self._touch(ci)

    def _set_ci(self, change: SetCI) -> None:
        ci = self._number(change.id)
        before = self.facts.nodes[ci]
        name = str(change.attributes.get("name", ""))
        parent = "" if before.parent == NO_PARENT else self.facts.nodes[before.parent].id
        self._node(change.id, change.ci_class, name, change.status, parent, change.attributes, change.facets)
        after = self.facts.nodes[ci]
        if before.shape() != after.shape():
            self._touch(ci, _stance(before) != _stance(after))
        elif before.name != after.name:
            self._addressed(ci)

    def _move_ci(self, ci: int, parent: int) -> None:
        before = self.facts.nodes[ci].parent
        self._touch(ci)
        self.facts.move(ci, parent)
        self._touch(ci)
        for above in (before, parent):
            self._touch(above, and_ports=False)

    def _end_ci(self, ci: int) -> None:
        self._touch(ci)
        above = self.facts.nodes[ci].parent
        self.facts.end(ci)
        if above != NO_PARENT:
            self._touch(above, and_ports=False)

    def _relationship(self, change: NewRelationship | SetRelationship | EndRelationship) -> None:
        source, target = self._number(change.source), self._number(change.target)
        if self.facts.is_tie(source, change.type, target):
            return
        tie = (source, change.type, target)
        self.doubt.ties.discard(tie)  # somebody spoke of it just now
        if isinstance(change, EndRelationship):
            self.facts.unrelate(*tie)
            self.witnesses.forget(tie)
        else:
            self.facts.relate(*tie, change.attributes)
            self.witnesses.follow(tie, change.facets)
        if change.type == IN_SUBNET:
            self._addressed(source)
            self._addressed(target)
        elif change.type == PROVIDED_BY:
            self._owner(source)
        elif change.type in CABLES:
            self._cabled(source)
            self._cabled(target)
        else:
            if change.type in self.policy.source_owns:
                self._owners.add(source)
            if change.type in self.policy.target_owns:
                self._owners.add(target)

    def _node(
        self,
        id_: str,
        ci_class: str,
        name: str,
        status: str,
        parent: str,
        attributes: Mapping[str, Value],
        facets: Mapping[str, object],
    ) -> int:
        wanted = self.policy.attributes.intersection(attributes)
        values = {name: attributes[name] for name in wanted} if wanted else NONE
        origins = tuple(sorted(facets)) if ci_class == REQUIREMENT else ()
        above = self._number(parent) if parent else NO_PARENT
        return self.facts.set_node(Node(id_, ci_class, name, status, above, values, origins))

    def _number(self, id_: str) -> int:
        number = self.facts.numbers.get(id_)
        if number is None:
            raise Gap(f"the change feed names CI {id_}, which is not known; load the topology again from the store")
        return number

    # ---- what a change touches
    def _touch(self, ci: int, and_ports: bool = True) -> None:
        """Note all that must be derived again when the shape of a CI changed."""
        facts = self.facts
        self._owner(ci)
        self._cabled(ci)
        self._addressed(ci)
        for _, user, _ in facts.users.get(ci, ()):
            self._owner(user)
        both = CABLES | (self.policy.source_owns & self.policy.target_owns)
        for type_, far, _ in facts.ends.get(ci, ()):
            if type_ in both:
                self._cabled(far)
        for child in facts.children.get(ci, ()):
            self._owners.add(child)
        node = facts.nodes[ci]
        if node.parent != NO_PARENT and self.policy.carries(node.ci_class):
            self._owners.add(node.parent)
        if and_ports:
            stack = list(facts.children.get(ci, ()))
            while stack:
                part = stack.pop()
                if facts.nodes[part].ci_class in INSIDE:
                    self._transits.add(part)
                    self._owners.add(part)  # in a chassis it needs the device too
                    stack.extend(facts.children.get(part, ()))

    def _owner(self, ci: int) -> None:
        node = self.facts.nodes[ci]
        self._owners.add(node.parent if node.ci_class == REQUIREMENT else ci)

    def _cabled(self, ci: int) -> None:
        self._transits.add(ci)
        self._owners.add(ci)
        self._owners.add(self.facts.holder(ci))

    def _addressed(self, ci: int) -> None:
        """Note the routers that an address, a network or a part of a device bears on."""
        facts = self.facts
        self._routers |= facts.gateways.beside(ci)
        device = facts.at(ci)
        if facts.nodes[device].ci_class in ROUTERS or device in facts.gateways.standing:
            self._routers.add(device)

    # ---- deriving
    def _derive(self) -> None:
        self._derive_gateways()
        self._derive_planes()
        live = self.live
        for owner in self._owners:
            wanted = groups_of(self.facts, self._plane_number, owner)
            for group in list(live.owned.get(owner, ())):
                new = wanted.get(group.id)
                if new is None:
                    live.remove(group.id)
                elif group.same(new):
                    del wanted[group.id]
            for group in wanted.values():
                live.put(group)
        self._owners.clear()

    def _derive_gateways(self) -> None:
        facts, gateways = self.facts, self.facts.gateways
        for ci in self._routers:
            if gateways.judge(facts.nodes, ci, facts.addresses):
                self._transits.add(ci)
        self._routers.clear()
        said, known = bool(facts.rooted.get(LAN)), bool(gateways.standing)
        if (said, known) != (gateways.is_said, gateways.is_known):
            gateways.is_said, gateways.is_known = said, known
            self._transits.update(gateways.standing, gateways.unread)

    def _derive_planes(self) -> None:
        facts, fabric = self.facts, self.fabric
        gained: dict[str, set[int]] = {}
        lost: dict[str, set[int]] = {}
        transits = [ci for ci in self._transits if facts.is_transit(ci)]
        for ci in transits:
            fabric.add(ci)
        for ci in transits:
            wanted, present = facts.neighbours(ci), fabric.edges[ci]
            if len(wanted) != len(present) or not wanted.issuperset(present):
                for far in set(present) - wanted:
                    fabric.unlink(ci, far)
                for far in wanted.difference(present):
                    fabric.add(far)
                    fabric.link(ci, far)
        for ci in self._transits:
            names = facts.roots(ci)
            for name in names - self._planes.keys():
                self._plane(name)
            for name, plane in self._planes.items():
                if (ci in plane.roots) != (name in names):
                    (gained if name in names else lost).setdefault(name, set()).add(ci)
        for name in gained.keys() | lost.keys():
            self._planes[name].set_roots(gained.get(name, ()), lost.get(name, ()))
        for ci in self._transits.difference(transits):
            fabric.remove(ci)
        self._transits.clear()

    def _plane(self, name: str) -> Plane:
        if (plane := self._planes.get(name)) is None:
            plane = self._planes[name] = self.live.add_plane(name, self.fabric)
        return plane

    def _plane_number(self, name: str) -> int:
        return self._plane(name).number

    # ---- reading
    def find(self, ci: str) -> int | None:
        """Number of a CI, None if it is unknown or internal."""
        number = self.facts.numbers.get(ci)
        if number is None or self.facts.nodes[number].ci_class in self.policy.internal:
            return None
        return number

    def ref(self, ci: int) -> CIRef:
        """A CI by number, named."""
        node = self.facts.nodes[ci]
        return CIRef(node.id, node.ci_class, node.name)

    def title(self, ci: CIRef) -> str:
        """What a CI is called in a table: `device / part`; its name alone where nobody knows it."""
        with self.lock:
            number = self.facts.numbers.get(ci.id)
            return title(self.facts, number) if number is not None else ci.name

    def requirements_of(self, ci: str) -> tuple[Requirement, ...]:
        """What must hold for a CI to work, defaults included, ordered by id; empty for an unknown CI."""
        with self.lock:
            number = self.facts.numbers.get(ci, -1)
            groups = sorted(self.live.owned.get(number, ()), key=lambda g: g.id)
            return tuple(requirement_view(self.facts, self.live, group) for group in groups)

    def requirements(self, origin: Origin | None = None) -> tuple[Requirement, ...]:
        """All requirements, or those of one origin, ordered by id."""
        with self.lock:
            groups = sorted(self.live.groups.values(), key=lambda g: g.id)
            wanted = (group for group in groups if origin in (None, group.origin))
            return tuple(requirement_view(self.facts, self.live, group) for group in wanted)

    def requirement(self, id_: str) -> Requirement | None:
        """The requirement of an id, stated or default."""
        with self.lock:
            group = self.live.groups.get(id_)
            return requirement_view(self.facts, self.live, group) if group is not None else None

    def planes(self) -> tuple[PlaneView, ...]:
        """Planes that have a root or that somebody needs, by name, and the LAN; one without roots is not judged."""
        with self.lock:
            used = {name for name, plane in self._planes.items() if plane.watched}
            names = sorted({LAN} | used | {name for name, cis in self.facts.rooted.items() if cis})
            views = [plane_view(self.facts, name) for name in names]
            return tuple(views)

    def find_findings(self, limit: int = 1_000) -> tuple[Finding, ...]:
        """Defects of the data all over the estate, at most `limit`: planes first, then ordered by the owner's name."""
        with self.lock:
            return tuple(islice(all_findings(self.facts, self.live), limit))

    def findings_of(self, ci: str) -> tuple[Finding, ...]:
        """Defects of the requirements of one CI; none for an unknown one."""
        with self.lock:
            groups = sorted(self.live.owned.get(self.facts.numbers.get(ci, -1), ()), key=lambda g: g.id)
            return tuple(finding for group in groups for finding in finding_views(self.facts, self.live, group))


def _stance(node: Node) -> tuple[object, ...]:
    """What the interfaces of a device inherit from it."""
    return (node.is_there, node.forwards, node.texts("root_of"))
