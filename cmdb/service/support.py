"""Which services rest on which CIs: the closure of requirements, networks included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from cmdb.topology.live import Live, ci_of, plane_of
from cmdb.topology.plane import Plane

SERVICE = "Service"
MOST_SHOWN = 20  # services that are named for one CI


@dataclass(frozen=True)
class Support:
    """A service that rests on a CI; `through` is the CI in between, "" for a requirement of the service itself."""

    service: CIRef
    through: str


@dataclass
class Blocks:
    """The two-connected parts of one plane, numbered from `first`.

    A CI with a path to a root may use any path: those on one are the members of its own block (`own`), of the block
    above that, and so on (`above`) to the root. Loops make a block; a lone uplink is a block of two.
    """

    first: int
    own: dict[int, int] = field(default_factory=dict)
    members: list[tuple[int, ...]] = field(default_factory=list)
    above: list[int] = field(default_factory=list)  # -1: the block hangs on a root


class Closure:
    """All services of a topology at one sequence, and what each of them rests on.

    Reading it costs one walk over all requirements and edges; it is kept as long as the sequence stays.
    """

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self.sequence = -1
        self._services: list[CIRef] = []
        self._masks: dict[int, int] = {}

    def services_of(self, ci: str) -> list[Support]:
        """Services that rest on a CI, at most MOST_SHOWN, by name; of a part those that rest on its whole."""
        with self._topology.lock:
            self._follow()
            number = self._topology.find(ci)
            if number is None:
                return []
            mask = self._masks.get(number, 0)
            found = [i for i in _bits(mask) if self._services[i].id != ci]
            chosen = sorted(found, key=lambda i: (self._services[i].name, self._services[i].id))[:MOST_SHOWN]
            return [Support(self._services[i], self._through(number, i)) for i in chosen]

    def _follow(self) -> None:
        topology = self._topology
        if self.sequence == topology.sequence:
            return
        nodes = topology.facts.nodes
        services = [n for n, node in enumerate(nodes) if node.ci_class == SERVICE and node.is_there]
        self._services = [topology.ref(n) for n in services]
        self._masks = _spread(topology.live, len(nodes), services)
        self.sequence = topology.sequence

    def _through(self, number: int, service: int) -> str:
        """The CI between: one that itself needs this one and carries the service."""
        live, facts = self._topology.live, self._topology.facts
        nodes = facts.nodes
        # The ports of a switch need it too; what goes through them is the network.
        users = [g.owner for g in live.serves.get(number, ()) if facts.holder(g.owner) != number]
        carrying = sorted({u for u in users if self._masks.get(u, 0) >> service & 1}, key=lambda u: nodes[u].name)
        if any(nodes[u].id == self._services[service].id for u in carrying):
            return ""
        return nodes[carrying[0]].name if carrying else "the network"


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _spread(live: Live, count: int, services: Iterable[int]) -> dict[int, int]:
    """A mask of services for each CI (and block) that any of them rests on; bit n is the n-th service."""
    planes = [_blocks(plane, count) if plane.roots else None for plane in live.planes]
    start = count
    for blocks in planes:
        if blocks is not None:
            blocks.first = start
            start += len(blocks.members)
    owner_of = {b.first + n: (b, n) for b in planes if b is not None for n in range(len(b.members))}

    def needs(node: int) -> Iterator[int]:
        if node >= count:
            blocks, n = owner_of[node]
            yield from blocks.members[n]
            if blocks.above[n] >= 0:
                yield blocks.first + blocks.above[n]
            return
        for group in live.owned.get(node, ()):
            for literal, _ in group.providers:
                ci = ci_of(literal)
                yield ci
                if literal < 0 and (plane := planes[plane_of(literal)]) is not None and ci in plane.own:
                    yield plane.first + plane.own[ci]

    masks = {ci: 1 << n for n, ci in enumerate(services)}
    same: dict[int, int] = {}  # most CIs carry one of few masks: each is kept once
    wave = set(masks)
    while wave:
        reached = set()
        for node in wave:
            mask = masks[node]
            for provider in needs(node):
                before = masks.get(provider, 0)
                if (after := before | mask) != before:
                    masks[provider] = same.setdefault(after, after)
                    reached.add(provider)
        wave = reached
    return masks


def _blocks(plane: Plane, root: int) -> Blocks:
    """Two-connected parts of a plane below an artificial root that all roots hang on (Tarjan, Hopcroft 1973)."""
    edges = plane.fabric.edges
    out = Blocks(0)
    seen, low, tops = {root: 0}, {root: 0}, list[int]()
    waiting: list[int] = []  # visited, not in a block yet
    roots = sorted(plane.roots)
    stack: list[tuple[int, int, Iterator[int]]] = [(root, -1, iter(roots))]
    while stack:
        node, parent, further = stack[-1]
        far = next(further, None)
        if far is None:
            stack.pop()
            if parent < 0:
                continue
            low[parent] = min(low[parent], low[node])
            if low[node] >= seen[parent]:
                popped = []
                while True:
                    popped.append(waiting.pop())
                    if popped[-1] == node:
                        break
                out.own.update(dict.fromkeys(popped, len(out.members)))
                out.members.append(tuple(popped) if parent == root else (*popped, parent))
                tops.append(parent)
        elif far not in seen:
            seen[far] = low[far] = len(seen)
            waiting.append(far)
            ends = edges.get(far, [])
            stack.append((far, node, iter([*ends, root] if far in plane.roots else ends)))
        elif far != parent:
            low[node] = min(low[node], seen[far])
    out.above = [-1 if top == root else out.own[top] for top in tops]
    return out
