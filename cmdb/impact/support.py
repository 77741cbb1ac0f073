"""What suffices to keep a CI up: whatever takes the CI down takes down part of that."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from collections.abc import Set as AbstractSet

from cmdb.impact.engine import Cascade, live_path
from cmdb.topology.live import WAIVED, Group, Live, ci_of

Weights = list[tuple[int, int]]


class Upstream:
    """What literals rest on after a cascade, each found out once: many CIs of one answer rest on the same."""

    def __init__(self, live: Live, base: Cascade) -> None:
        self.live, self.base = live, base
        self._paths: dict[int, list[int]] = {}
        self._carried: dict[int, list[tuple[Group, Weights]]] = {}

    def path(self, literal: int) -> list[int]:
        """CIs from that of a live connectivity literal to a root."""
        found = self._paths.get(literal)
        if found is None:
            found = self._paths[literal] = live_path(self.live, self.base, literal)
        return found

    def carried(self, owner: int) -> list[tuple[Group, Weights]]:
        """The requirements of a CI that are not waived, each with its carriers: providers that are still true."""
        found = self._carried.get(owner)
        if found is None:
            groups = [group for group in self.live.owned.get(owner, ()) if group.slack < WAIVED]
            found = self._carried[owner] = [(group, self._carriers(group)) for group in groups]
        return found

    def _carriers(self, group: Group) -> Weights:
        cause, is_alive = self.base.cause, self.live.is_alive
        return [p for p in group.providers if p[0] not in cause and (p[0] >= 0 or is_alive(p[0]))]


class Supports:
    """Self-supporting sets of literals after a cascade; `spend` is told of the work."""

    def __init__(self, pinned: AbstractSet[int], spend: Callable[[int], None]) -> None:
        self._pinned, self._spend = pinned, spend

    def of(self, ci: int, upstream: Upstream, avoid: Container[int]) -> dict[int, None]:
        """Literals that suffice to keep `ci` up, nearest first; others than `avoid` where possible."""
        need, known = [ci], {ci}
        for literal in need:
            self._spend(1)
            if literal < 0:
                further: Iterable[int] = upstream.path(literal)
            else:
                further = () if literal in self._pinned else self._carrying(literal, upstream, avoid)
            for other in further:
                if other not in known:
                    known.add(other)
                    need.append(other)
        return dict.fromkeys(need)

    def _carrying(self, owner: int, upstream: Upstream, avoid: Container[int]) -> Iterable[int]:
        """For each requirement of a CI that is up, enough of its carriers."""
        for group, carriers in upstream.carried(owner):
            if avoid and len(carriers) > 1:
                carriers = sorted(carriers, key=lambda p: p[0] in avoid or ci_of(p[0]) in avoid)
            weight = 0
            for literal, share in carriers:
                if weight >= group.needed:
                    break
                weight += share
                yield literal
