"""The estate at best and at worst, as far as relationships are in doubt: derived where a question touches it only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cmdb.observation import Value
from cmdb.topology.bounds import Parts, best, worst
from cmdb.topology.facts import End, Facts
from cmdb.topology.live import NO_MIRROR, Group, Live
from cmdb.topology.plane import Fabric, Plane
from cmdb.topology.policy import CABLES, PROVIDED_BY, REQUIREMENT
from cmdb.topology.rules import NO_ENDS, groups_of
from cmdb.topology.witnesses import Tie

Bound = Callable[[Group, Group | None], Parts]
Link = tuple[int, int]
Row = dict[Group, int]
_NOTHING: Row = {}


@dataclass(slots=True)
class Doubt:
    """Which relationships are in doubt, and by that whose requirements and, with `has_links`, paths.

    `best` and `worst` are views of the live groups and planes for the engine; they are good until the topology changes.
    """

    facts: Facts
    live: Live
    ties: set[Tie] = field(default_factory=set)
    owners: set[int] = field(default_factory=set)
    has_links: bool = False
    base: dict[Group, Group] = field(default_factory=dict)  # part of a bound -> the requirement it is a bound of
    _views: dict[str, View] = field(default_factory=dict)
    _sure: Facts | None = None

    def set_ties(self, ties: Iterable[Tie]) -> None:
        """Say anew which relationships are in doubt; those that the topology does not have count for nothing."""
        facts, policy = self.facts, self.facts.policy
        self.ties, self.owners, self.has_links = set(), set(), False
        for tie in ties:
            source, type_, target = tie
            at_source = (type_, target, True) in facts.ends.get(source, NO_ENDS)
            if not at_source and (type_, source, False) not in facts.ends.get(target, NO_ENDS):
                continue
            self.ties.add(tie)
            if type_ == PROVIDED_BY:
                self.owners.add(facts.nodes[source].parent)
            elif type_ in CABLES:
                self.has_links = True
                self.owners.update((source, target, facts.holder(source), facts.holder(target)))
            else:
                self.owners.update([source] if type_ in policy.source_owns else [])
                self.owners.update([target] if type_ in policy.target_owns else [])
        self.forget()

    def about(self, owner: int) -> list[Tie]:
        """Relationships in doubt that bear on what a CI needs."""
        facts = self.facts
        stated = [c for c in facts.children.get(owner, ()) if facts.nodes[c].ci_class == REQUIREMENT]
        found = []
        for ci in (owner, *stated, *(facts.interfaces(owner) if self.has_links else ())):
            for type_, far, out in facts.ends.get(ci, NO_ENDS):
                tie = (ci, type_, far) if out else (far, type_, ci)
                if tie in self.ties and (ci in (owner, *stated) or type_ in CABLES):
                    found.append(tie)
        return found

    def forget(self) -> None:
        """Derive anew whatever is asked for next: the topology changed."""
        self._views.clear()
        self.base.clear()
        self._sure = None

    def touches(self, loss: Mapping[Group, int], fallen: Iterable[int]) -> bool:
        """Whether a cascade comes near anything in doubt; where it does not, best and worst are the same."""
        if not self.ties:
            return False
        if any(group.owner in self.owners for group in loss):
            return True
        return self.has_links and any(literal < 0 for literal in fallen)

    @property
    def sure_facts(self) -> Facts:
        """The facts without what is in doubt."""
        if self._sure is None:
            self._sure = replace(self.facts, ends=_SureEnds(self.facts.ends, self.ties))
        return self._sure

    @property
    def best(self) -> View:
        """What surely holds. Links that are in doubt are taken to be there."""
        return self._view("best", lambda base, sure: best(base, sure, self.live.is_alive))

    @property
    def worst(self) -> View:
        """What perhaps holds. Of links in doubt only those are there without which something would be cut off now."""
        return self._view("worst", lambda base, sure: worst(base, sure, self.live.is_alive))

    @property
    def sure(self) -> View:
        """Requirements as they follow without what is in doubt: who surely uses whom."""
        return self._view("sure", lambda _, sure: () if sure is None else (sure,))

    def _view(self, name: str, bound: Bound) -> View:
        if (known := self._views.get(name)) is None:
            links = self._doubtful_links() if name == "worst" and self.has_links else None
            known = self._views[name] = View(self, bound, links)
        return known

    def _doubtful_links(self) -> set[Link]:
        """Edges of the planes that hang on ties in doubt alone, both ways round."""
        ends = {(a, b) for s, type_, t in self.ties if type_ in CABLES for a, b in ((s, t), (t, s))}
        sure = self.sure_facts
        return {(a, b) for a, b in ends if b not in sure.cables(a)}


class View(Live):
    """Live groups and planes with other requirements for the owners that are in doubt, made when they are touched."""

    def __init__(self, doubt: Doubt, bound: Bound, links: set[Link] | None) -> None:
        live = doubt.live
        parts = _Bounds(doubt, bound)
        planes = live.planes if links is None else [_thinned(plane, links) for plane in live.planes]
        super().__init__(live.groups, live.owned, _Serves(live.serves, doubt.owners, parts), live.defects, planes)
        self.mirror = NO_MIRROR  # a view is made as it is asked: nothing may copy it as a whole


class _Bounds:
    """Bounds of the requirements of owners in doubt, by id; each is derived once."""

    def __init__(self, doubt: Doubt, bound: Bound) -> None:
        self._doubt, self._bound, self._facts = doubt, bound, doubt.sure_facts
        self._numbers = {plane.name: plane.number for plane in doubt.live.planes}
        self._sure: dict[int, dict[str, Group]] = {}
        self._parts: dict[Group, list[tuple[Group, dict[int, int]]]] = {}

    def of(self, group: Group) -> list[tuple[Group, dict[int, int]]]:
        """The parts that stand for a group, each with its weights."""
        if (known := self._parts.get(group)) is None:
            made = self._bound(group, self._surely(group.owner).get(group.id))
            known = self._parts[group] = [(part, dict(part.providers)) for part in made]
            self._doubt.base.update((part, group) for part, _ in known if part is not group)
        return known

    def _surely(self, owner: int) -> dict[str, Group]:
        if (known := self._sure.get(owner)) is None:
            known = groups_of(self._facts, self._numbers.__getitem__, owner)
            live = self._doubt.live
            for group in known.values():
                group.weigh(sum(weight for literal, weight in group.providers if live.is_alive(literal)))
            self._sure[owner] = known
        return known


class _Serves(dict[int, Row]):
    """Who is served by a literal, with bounds in place of the requirements in doubt."""

    def __init__(self, base: Mapping[int, Row], owners: set[int], bounds: _Bounds) -> None:
        super().__init__()
        self._base, self._owners, self._bounds = base, owners, bounds

    def get(self, literal: int, default: Any = None) -> Any:
        row = self._base.get(literal)
        if row is None:
            return default
        if self._owners.isdisjoint([group.owner for group in row]):
            return row
        if literal not in self:
            self[literal] = dict(self._bent(literal, row))
        return self[literal]

    def _bent(self, literal: int, row: Row) -> Iterator[tuple[Group, int]]:
        for group, weight in row.items():
            if group.owner not in self._owners:
                yield group, weight
                continue
            for part, weights in self._bounds.of(group):
                if literal in weights:
                    yield part, weights[literal]


class _SureEnds(dict[int, dict[End, Mapping[str, Value]]]):
    """Relationships at their owners without those in doubt."""

    def __init__(self, base: Mapping[int, dict[End, Mapping[str, Value]]], ties: set[Tie]) -> None:
        super().__init__()
        self._base, self._ties = base, ties
        self._touched = {ci for source, _, target in ties for ci in (source, target)}

    def get(self, ci: int, default: Any = None) -> Any:
        row = self._base.get(ci)
        if row is None:
            return default
        if ci not in self._touched:
            return row
        ties = self._ties
        return {
            (type_, far, out): attributes
            for (type_, far, out), attributes in row.items()
            if ((ci, type_, far) if out else (far, type_, ci)) not in ties
        }


class _Edges(dict[int, list[int]]):
    """Edges of a fabric without some links."""

    def __init__(self, base: Mapping[int, list[int]], links: set[Link]) -> None:
        super().__init__()
        self._base, self._links = base, links
        self._touched = {a for a, _ in links}

    def __getitem__(self, ci: int) -> list[int]:
        row = self._base[ci]
        return [far for far in row if (ci, far) not in self._links] if ci in self._touched else row

    def get(self, ci: int, default: Any = None) -> Any:
        return self[ci] if ci in self._base else default

    def __contains__(self, ci: object) -> bool:
        return ci in self._base


class _Parents(dict[int, int]):
    """Where connected CIs hang, some of them elsewhere."""

    def __init__(self, base: Mapping[int, int], new: Mapping[int, int]) -> None:
        super().__init__()
        self._base, self._new = base, new

    def get(self, ci: int, default: Any = None) -> Any:
        return self._new[ci] if ci in self._new else self._base.get(ci, default)

    def __contains__(self, ci: object) -> bool:
        return ci in self._base


def _thinned(plane: Plane, links: set[Link]) -> Plane:
    """A plane with as few of some links as keep all connected that is."""
    if not plane.roots or not links:
        return plane
    new = _hung_anew(plane, [ci for ci, far in links if plane.parent.get(ci) == far], links)
    kept = {link for ci, parent in new.items() for link in ((ci, parent), (parent, ci))}
    fabric = Fabric(_Edges(plane.fabric.edges, links - kept))
    return Plane(plane.number, plane.name, fabric, plane.roots, _Parents(plane.parent, new), plane.watched)


def _hung_anew(plane: Plane, torn: list[int], links: set[Link]) -> dict[int, int]:
    """New parents of all below `torn`: over links that are not in doubt first, then over as few others as it takes."""
    edges, parent = plane.fabric.edges, plane.parent
    orphans = dict.fromkeys(torn)
    below = list(orphans)
    for top in below:
        for far in edges[top]:
            if far not in orphans and parent.get(far) == top:
                orphans[far] = None
                below.append(far)
    new: dict[int, int] = {}
    later: deque[Link] = deque()

    def spread(kept: list[int]) -> None:
        for near in kept:
            for far in edges[near]:
                if far not in orphans:
                    continue
                if (near, far) in links:
                    later.append((near, far))
                else:
                    new[far] = near
                    del orphans[far]
                    kept.append(far)

    spread(list(dict.fromkeys(far for ci in below for far in edges[ci] if far in parent and far not in orphans)))
    while later:
        near, far = later.popleft()
        if far in orphans:
            new[far] = near
            del orphans[far]
            spread([far])
    return new
