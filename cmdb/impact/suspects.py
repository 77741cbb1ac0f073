"""Who may have caused an alarm: the CIs without which it could still not be, found upstream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto

from cmdb.impact.engine import Cascade, live_path
from cmdb.topology.live import WAIVED, Group, Live, ci_of, conn, plane_of
from cmdb.topology.plane import Plane

NOTHING = Cascade([], {}, {}, {})


class Spent(Exception):
    """The search ran into its limit."""


class Choice(Enum):
    """Which carriers of a requirement count, the first or the last that suffice, or all; and which of two paths."""

    FIRST = auto()
    LAST = auto()
    ALL = auto()


class Suspects:
    """Finds for alarms the sets of CIs that hold every further failure which alone gives them.

    What keeps a CI up is a set of carriers and paths that suffices by itself. A failure outside of it changes nothing,
    so every single cause is inside: of the set of any choice, and so among those that two choices share. `steps`
    bounds all of the work; `spend` raises Spent when it is used up.
    """

    def __init__(self, live: Live, steps: int) -> None:
        self._live, self._left = live, steps
        self._hops: dict[int, int] = {}  # connectivity literal -> a CI that is another way up, -1: there is none
        self._depths: dict[int, int] = {}

    def spend(self, steps: int) -> None:
        """Take off steps; raises Spent."""
        self._left -= steps
        if self._left < 0:
            raise Spent

    def upstream(self, alarms: Mapping[int, int], base: Cascade, choice: Choice) -> dict[int, int]:
        """For each CI (and literal) the bits of the alarms that rest on it after a cascade.

        `alarms` are literals that are true, each with its bits. All alarms are followed at once: most of what they
        rest on they share.
        """
        self._hops.clear()
        self._depths.clear()
        masks = dict(alarms)
        below: dict[int, tuple[int, ...]] = {}
        wave = set(masks)
        while wave:
            reached = set()
            for literal in wave:
                further = below.get(literal)
                if further is None:
                    further = below[literal] = tuple(self._rests_on(literal, base, choice))
                self.spend(1 + len(further))
                mask = masks[literal]
                for other in further:
                    before = masks.get(other, 0)
                    if before | mask != before:
                        masks[other] = before | mask
                        reached.add(other)
            wave = reached
        return masks

    def _rests_on(self, literal: int, base: Cascade, choice: Choice) -> Iterable[int]:
        if literal < 0:
            is_last = choice is Choice.LAST
            yield from self._other_path(literal, base) if is_last else live_path(self._live, base, literal)
            return
        for group in self._live.owned.get(literal, ()):
            if group.slack < WAIVED:
                yield from self._carriers(group, base, choice)

    def _carriers(self, group: Group, base: Cascade, choice: Choice) -> Iterable[int]:
        held = 0
        for literal, weight in reversed(group.providers) if choice is Choice.LAST else group.providers:
            if held >= group.needed and choice is not Choice.ALL:
                return
            if literal not in base.cause and self._live.is_alive(literal):
                held += weight
                yield literal

    def _other_path(self, literal: int, base: Cascade) -> list[int]:
        """A path to a root that at each CI leaves the usual one where a neighbour is just as near to a root."""
        plane = self._live.planes[plane_of(literal)]
        ci = ci_of(literal)
        path = [ci]
        while ci in plane.parent:  # in an unknown plane nothing is
            other = self._hop(plane, ci, base)
            ci = other if other >= 0 else _usual(plane, ci, base)
            if ci < 0:
                break
            path.append(ci)
        return path

    def _hop(self, plane: Plane, ci: int, base: Cascade) -> int:
        """A neighbour of a connected CI that is nearer to a root and not the usual one."""
        literal = conn(plane.number, ci)
        if (known := self._hops.get(literal)) is not None:
            return known
        usual, depth = _usual(plane, ci, base), self._depth(plane, ci, base)
        others = (
            far
            for far in plane.fabric.edges[ci]
            if far != usual and far in plane.parent and conn(plane.number, far) not in base.cause
        )
        other = next((far for far in others if self._depth(plane, far, base) < depth), -1)
        self.spend(1 + len(plane.fabric.edges[ci]))
        self._hops[literal] = other
        return other

    def _depth(self, plane: Plane, ci: int, base: Cascade) -> int:
        """How many hops a connected CI is below a root."""
        path, depths = [], self._depths
        while ci >= 0 and (literal := conn(plane.number, ci)) not in depths:
            path.append(literal)
            ci = _usual(plane, ci, base)
        depth = depths[literal] if ci >= 0 else -1
        for literal in reversed(path):
            depth = depths[literal] = depth + 1
        return depth


def _usual(plane: Plane, ci: int, base: Cascade) -> int:
    """The CI that another one hangs on, -1 for a root."""
    return base.moved.get(conn(plane.number, ci), plane.parent[ci])
