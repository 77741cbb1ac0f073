"""Start from dark: what can start in which order, and what waits for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from cmdb.impact.asked import all_living, check_first, living
from cmdb.impact.engine import SEED, SELF, Cascade, Cause
from cmdb.impact.fixpoint import fail
from cmdb.impact.turns import Rest, Turns, onward
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from cmdb.topology.facts import NO_PARENT, Facts
from cmdb.topology.live import WAIVED, Group, Live, ci_of, conn, plane_of
from cmdb.topology.plane import Plane
from cmdb.topology.policy import INSIDE
from cmdb.topology.view import listed

LOCATED_IN = "LOCATED_IN"


class StartStep(msgspec.Struct, frozen=True):
    """A CI and when it can start: CIs of one stage, from 1, may start together."""

    ci: CIRef
    stage: int


class Deadlock(msgspec.Struct, frozen=True):
    """A CI that never starts; with `in_loop` it waits, over others, for itself, else for such CIs."""

    ci: CIRef
    in_loop: bool
    waits_for: tuple[CIRef, ...]
    text: str


class ColdStart(msgspec.Struct, frozen=True):
    """The start-up plan as of one sequence. `as_of` is epoch milliseconds UTC.

    The lists are cut by `first`, then `truncated` is True; the counts are complete all the same.
    """

    sequence: int
    as_of: int
    policy_version: str
    truncated: bool
    start_count: int
    stage_count: int
    deadlocked_count: int
    steps: tuple[StartStep, ...]
    deadlocked: tuple[Deadlock, ...]


def cold_start(topology: Topology, within: str = "", first: int = 200, rest: Rest = onward) -> ColdStart:
    """Say in which order CIs can start when all of them are down, and which never can.

    With `within` (a CI id) only that CI, its parts and what is located in it are down, with all that follows from it;
    the answer is about them. Raises NotFound, Invalid, LimitExceeded, Overtaken, or TimeIsUp when `rest` says so.
    Source: the least fixpoint of "up", a device and its parts taken together; what does not hold with everything up is
    waived.
    """
    check_first(first)
    with Turns(topology, rest) as turns:
        facts, live = topology.facts, topology.live
        scope = inside(topology, living(topology, within)) if within else all_living(topology)
        fallen = fail(live, scope) if within else all_dark(live, scope, turns.spend)
        started = Start(facts, live, fallen, turns.spend)
        nodes = facts.nodes
        ordered = sorted(
            (ci for ci in scope if ci in started.stages),
            key=lambda ci: (started.stages[ci], nodes[ci].name, nodes[ci].id),
        )
        stuck = [ci for ci in scope if ci not in started.stages]
        loops = started.loops(stuck)
        stuck.sort(key=lambda ci: (ci not in loops, nodes[ci].name, nodes[ci].id))
        return ColdStart(
            topology.sequence,
            topology.at,
            topology.policy.version,
            max(len(ordered), len(stuck)) > first,
            len(ordered),
            len({started.stages[ci] for ci in ordered}),
            len(stuck),
            tuple(StartStep(topology.ref(ci), started.stages[ci]) for ci in ordered[:first]),
            tuple(_deadlock(topology, started, ci, ci in loops) for ci in stuck[:first]),
        )


def all_dark(live: Live, cis: Iterable[int], spend: Callable[[int], None]) -> Cascade:
    """The cascade of all CIs at once, which needs no fixpoint, and so can be made in turns."""
    cause: dict[int, Cause] = dict.fromkeys(cis, SEED)
    for plane in live.planes:
        connected = plane.parent if plane.roots else plane.watched & plane.fabric.edges.keys()
        cause.update((conn(plane.number, ci), SELF) for ci in connected)
    loss: dict[Group, int] = {}
    for group in live.groups.values():
        loss[group] = group.up
        spend(1)
    return Cascade([], cause, loss, {})


def inside(topology: Topology, container: int) -> list[int]:
    """A CI, its parts, what is located in any of them, and so on; what is retired or internal aside."""
    facts = topology.facts
    found = {container: None}
    queue = [container]
    for ci in queue:
        for part in (*facts.children.get(ci, ()), *_located(facts, ci)):
            node = facts.nodes[part]
            if part not in found and node.is_there and node.ci_class not in topology.policy.internal:
                found[part] = None
                queue.append(part)
    return list(found)


def _located(facts: Facts, place: int) -> Iterator[int]:
    for rows in (facts.users, facts.ends):
        for type_, far, starts_here in rows.get(place, ()):
            if type_ == LOCATED_IN and not starts_here:
                yield far


class Start:
    """The least fixpoint of "up" that goes on from a cascade: `stages` says when each CI that fell can start again.

    A device and its parts start together: a port needs its device, and the device needs what is connected to its
    ports. So parts wait only until the device has all that does not come through its own parts.
    """

    def __init__(self, facts: Facts, live: Live, fallen: Cascade, spend: Callable[[int], None]) -> None:
        self._nodes, self._live, self._spend = facts.nodes, live, spend
        self._dark = set(fallen.cause)
        self._lacking: dict[Group, int] = {}  # requirements that do not hold yet, and the weight that they lack
        self._through: set[Group] = set()  # those of them that come through parts of their owner
        self._unmet: dict[int, int] = {}
        self._unmet_through: dict[int, int] = {}
        self._met_at: dict[int, int] = {}  # stage at which the last of the others was met
        self.stages: dict[int, int] = {}
        for ci in fallen.cause:
            if ci >= 0:
                self._count(ci, fallen)
        cis = [ci for ci in fallen.cause if ci >= 0]
        up = [ci for ci in cis if not self._unmet.get(ci)]
        powered = [ci for ci in cis if self._unmet.get(ci) == self._unmet_through.get(ci)]
        stage = 1
        while up or powered:
            up, powered = self._pass(up, powered, stage)
            stage += 1

    def _count(self, owner: int, fallen: Cascade) -> None:
        """Note the requirements that keep a CI from starting."""
        for group in self._live.owned.get(owner, ()):
            lacks = group.needed - group.up + fallen.loss.get(group, 0)
            if group.slack < WAIVED and lacks > 0:
                self._lacking[group] = lacks
                self._unmet[owner] = self._unmet.get(owner, 0) + 1
                if any(self._is_part(ci_of(literal), owner) for literal, _ in group.providers):
                    self._through.add(group)
                    self._unmet_through[owner] = self._unmet_through.get(owner, 0) + 1
        self._spend(1)

    def _is_part(self, ci: int, whole: int) -> bool:
        nodes = self._nodes
        while nodes[ci].ci_class in INSIDE and nodes[ci].parent != NO_PARENT:
            ci = nodes[ci].parent
            if ci == whole:
                return True
        return False

    def _pass(self, up: list[int], powered: list[int], stage: int) -> tuple[list[int], list[int]]:
        """Start all that can start now, and return what is up, and what is powered, at the next stage.

        A CI is powered once it has all that does not come through its own parts: that is when its parts start.
        """
        later_up: list[int] = []
        later_powered: list[int] = []
        while up or powered:
            self.stages.update(dict.fromkeys(up, stage))
            self._dark.difference_update(up)
            raised = up + [literal for plane in self._live.planes for literal in self._connect(plane, up)]
            events = [(literal, False) for literal in raised] + [(ci, True) for ci in powered]
            up, powered = [], []
            for literal, to_parts in events:
                for group in self._met(literal, to_parts):
                    owner, is_through = group.owner, group in self._through
                    now = (to_parts or is_through) and self._met_at.get(owner, 0) < stage
                    self._unmet[owner] -= 1
                    if is_through:
                        self._unmet_through[owner] -= 1
                    elif not to_parts:
                        self._met_at[owner] = stage
                    if not self._unmet[owner]:
                        (up if now else later_up).append(owner)
                    if not is_through and self._unmet[owner] == self._unmet_through.get(owner, 0):
                        (powered if now else later_powered).append(owner)
        return later_up, later_powered

    def _met(self, literal: int, to_parts: bool) -> Iterator[Group]:
        """Requirements that hold from now on; those of parts for their whole are met by its power."""
        served = self._live.serves.get(literal, {})
        self._spend(1 + len(served))
        for group, weight in served.items():
            if group in self._lacking and self._is_for_part(group, literal) == to_parts:
                self._lacking[group] -= weight
                if self._lacking[group] <= 0:
                    del self._lacking[group]
                    yield group

    def _is_for_part(self, group: Group, whole: int) -> bool:
        owner = self._nodes[group.owner]
        return owner.parent == whole and owner.ci_class in INSIDE and len(group.providers) == 1

    def _connect(self, plane: Plane, wave: list[int]) -> list[int]:
        """Connectivity that comes with CIs that start, for themselves and for what waited behind them."""
        number, dark, edges = plane.number, self._dark, plane.fabric.edges
        connected: list[int] = []
        for ci in wave:
            literal = conn(number, ci)
            if literal in dark and (not plane.roots or ci in plane.roots or self._reaches(plane, ci)):
                dark.discard(literal)
                connected.append(literal)
        for literal in connected if plane.roots else ():
            for far in edges[ci_of(literal)]:
                beyond = conn(number, far)
                if beyond in dark and far not in dark:
                    dark.discard(beyond)
                    connected.append(beyond)
        return connected

    def _reaches(self, plane: Plane, ci: int) -> bool:
        return any(far in plane.parent and conn(plane.number, far) not in self._dark for far in plane.fabric.edges[ci])

    # ---- what never starts
    def waits_for(self, literal: int) -> list[int]:
        """Literals that would have to come true before one that never does."""
        dark = self._dark
        if literal >= 0:
            groups = [group for group in self._live.owned.get(literal, ()) if group in self._lacking]
            return list(dict.fromkeys(lit for group in groups for lit, _ in group.providers if lit in dark))
        ci, plane = ci_of(literal), self._live.planes[plane_of(literal)]
        if ci in dark:
            return [ci]
        return [beyond for far in plane.fabric.edges[ci] if (beyond := conn(plane.number, far)) in dark]

    def loops(self, stuck: list[int]) -> set[int]:
        """Those CIs that wait for themselves: in strongly connected components of waiting (Tarjan 1972)."""
        order: dict[int, int] = {}
        found: set[int] = set()
        for top in stuck:
            if top not in order:
                self._walk(top, order, found)
        return found

    def _walk(self, top: int, order: dict[int, int], found: set[int]) -> None:
        low: dict[int, int] = {}  # of those that are in no component yet
        waiting: list[int] = []
        stack = [self._enter(top, order, low, waiting)]
        while stack:
            literal, further = stack[-1]
            far = next(further, None)
            if far is None:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[literal])
                if low[literal] == order[literal]:
                    is_alone = waiting[-1] == literal
                    while literal in low:
                        member = waiting.pop()
                        del low[member]
                        if member >= 0 and not is_alone:
                            found.add(member)
            elif far not in order:
                stack.append(self._enter(far, order, low, waiting))
            elif far in low:
                low[literal] = min(low[literal], order[far])

    def _enter(
        self, literal: int, order: dict[int, int], low: dict[int, int], waiting: list[int]
    ) -> tuple[int, Iterator[int]]:
        self._spend(1)
        order[literal] = low[literal] = len(order)
        waiting.append(literal)
        return literal, iter(self.waits_for(literal))


def _deadlock(topology: Topology, started: Start, ci: int, in_loop: bool) -> Deadlock:
    waited = started.waits_for(ci)
    refs = tuple(topology.ref(n) for n in dict.fromkeys(map(ci_of, waited)))
    names = [_named(topology, started, literal) for literal in waited]
    why = "and they wait for it" if in_loop and len(refs) > 1 else "and that waits for it" if in_loop else ""
    text = f"{topology.facts.nodes[ci].name} never starts: it waits for {listed(names)}"
    return Deadlock(topology.ref(ci), in_loop, refs, f"{text}, {why}." if why else f"{text}.")


def _named(topology: Topology, started: Start, literal: int) -> str:
    name = topology.facts.nodes[ci_of(literal)].name
    return name if literal >= 0 or ci_of(literal) not in started.stages else f"a path from {name}"
