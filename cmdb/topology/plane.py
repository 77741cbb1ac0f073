"""Connectivity: who has a path to a root, kept as one forest per plane."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cmdb.topology.journal import Links

ROOT = -1
LAN = "lan"  # the plane of everything that nobody put elsewhere


def _nobody(ci: int, sign: int) -> None:
    """Take a flip that nobody waits for."""


@dataclass(slots=True)
class Fabric:
    """The transit CIs and the undirected edges between them; several planes may lie over one fabric.

    `links` is kept while somebody keeps a copy.
    """

    edges: dict[int, list[int]] = field(default_factory=dict)
    planes: list[Plane] = field(default_factory=list)
    links: Links | None = None

    def add(self, ci: int) -> None:
        """Let a CI forward."""
        if ci not in self.edges:
            self.edges[ci] = []
            if self.links is not None:
                self.links.cis.add(ci)
            for plane in self.planes:
                plane.appeared(ci)

    def remove(self, ci: int) -> None:
        """Take a CI and its edges out."""
        for far in list(self.edges.get(ci, ())):
            self.unlink(ci, far)
        if ci in self.edges:
            for plane in self.planes:
                plane.vanishes(ci)
            del self.edges[ci]
            if self.links is not None:
                self.links.cis.add(ci)

    def link(self, a: int, b: int) -> None:
        """Join two transit CIs; joining twice is joining once."""
        rows = self.edges
        near, far = (a, b) if len(rows[a]) <= len(rows[b]) else (b, a)
        if a == b or far in rows[near]:
            return
        rows[a].append(b)
        rows[b].append(a)
        if self.links is not None:
            self.links.note(a, b, True)
        for plane in self.planes:
            plane.linked(a, b)

    def unlink(self, a: int, b: int) -> None:
        """Part two transit CIs."""
        if b in self.edges.get(a, ()):
            self.edges[a].remove(b)
            self.edges[b].remove(a)
            if self.links is not None:
                self.links.note(a, b, False)
            for plane in self.planes:
                plane.parted(a, b)


@dataclass(slots=True)
class Plane:
    """One kind of connectivity over a fabric.

    `parent` holds the connected CIs and where each hangs (ROOT: it is a root). While there is no root at all the
    plane is unknown: every transit CI counts as connected. `watched` are the CIs whose connectivity somebody needs.
    """

    number: int
    name: str
    fabric: Fabric
    roots: set[int] = field(default_factory=set)
    parent: dict[int, int] = field(default_factory=dict)
    watched: set[int] = field(default_factory=set)
    on_flip: Callable[[int, int], None] = _nobody

    def is_alive(self, ci: int) -> bool:
        """Whether a CI is connected with everything up."""
        return ci in self.parent if self.roots else ci in self.fabric.edges

    @property
    def is_judged(self) -> bool:
        """Whether it matters who is cut off: there is a root, and somebody needs a path; in the LAN everything does."""
        return bool(self.roots) and (self.name == LAN or bool(self.watched))

    def set_roots(self, gained: Iterable[int], lost: Iterable[int] = ()) -> None:
        """Name and un-name roots; all of them are transit CIs."""
        gained, lost = set(gained) - self.roots, set(lost) & self.roots
        known = bool(self.roots)
        self.roots |= gained
        self.roots -= lost
        if known and self.roots:
            for ci in gained:
                if ci in self.parent:
                    self.parent[ci] = ROOT  # a root never hangs under another CI
                else:
                    self._attach(ci, ROOT)
            self._detach([ci for ci in lost if ci in self.parent])
        elif self.roots:
            self._grow()
            self._flip_dark(-1)
        elif known:
            self._flip_dark(+1)
            self.parent.clear()

    def appeared(self, ci: int) -> None:
        """Note a new transit CI, still without edges."""
        if not self.roots and ci in self.watched:
            self.on_flip(ci, +1)

    def vanishes(self, ci: int) -> None:
        """Note that a transit CI, already without edges, goes."""
        self.set_roots((), (ci,))
        if not self.roots and ci in self.watched:
            self.on_flip(ci, -1)

    def linked(self, a: int, b: int) -> None:
        """Note a new edge."""
        if a in self.parent:
            if b not in self.parent:
                self._attach(b, a)
        elif b in self.parent:
            self._attach(a, b)

    def parted(self, a: int, b: int) -> None:
        """Note a lost edge."""
        if self.parent.get(b) == a:
            self._detach([b])
        elif self.parent.get(a) == b:
            self._detach([a])

    def _flip(self, ci: int, sign: int) -> None:
        if ci in self.watched:
            self.on_flip(ci, sign)

    def _flip_dark(self, sign: int) -> None:
        """Change what the plane says of the CIs that no root reaches."""
        for ci in self.watched:
            if ci in self.fabric.edges and ci not in self.parent:
                self.on_flip(ci, sign)

    def _grow(self) -> None:
        """Build the forest from nothing, level by level.

        Where several CIs of one level may be the parent, an arbitrary but repeatable one of them is: were it always
        the first, the loss of one of two cores would tear off everything below both.
        """
        edges, parent = self.fabric.edges, self.parent
        parent.clear()
        level = dict.fromkeys(sorted(self.roots), ROOT)
        while level:
            parent.update(level)
            below: dict[int, int] = {}
            for ci in level:
                for far in edges[ci]:
                    if far not in parent and (far not in below or (ci * 31 + far) * 40503 & 64):
                        below[far] = ci
            level = below

    def _attach(self, ci: int, parent: int) -> None:
        """Light a dark CI and all that it reaches."""
        self.parent[ci] = parent
        self._flip(ci, +1)
        reached = [ci]
        for near in reached:
            for far in self.fabric.edges[near]:
                if far not in self.parent:
                    self.parent[far] = near
                    self._flip(far, +1)
                    reached.append(far)

    def _detach(self, tops: list[int]) -> None:
        """Find another parent for what hung below `tops`; what has none goes dark."""
        edges, parent = self.fabric.edges, self.parent
        orphans = dict.fromkeys(tops)
        stack = list(tops)
        while stack:
            top = stack.pop()
            for ci in edges[top]:
                if ci not in orphans and parent.get(ci) == top:
                    orphans[ci] = None
                    stack.append(ci)
        kept = [ci for ci in orphans if self._hang(ci, orphans)]
        for ci in kept:
            del orphans[ci]
        for ci in kept:
            for far in edges[ci]:
                if far in orphans:
                    parent[far] = ci
                    del orphans[far]
                    kept.append(far)
        for ci in orphans:
            del parent[ci]
            self._flip(ci, -1)

    def _hang(self, ci: int, orphans: dict[int, None]) -> bool:
        """Hang an orphan under a neighbour that is not one."""
        if ci in self.roots:
            self.parent[ci] = ROOT
            return True
        for far in self.fabric.edges[ci]:
            if far not in orphans and far in self.parent:
                self.parent[ci] = far
                return True
        return False
