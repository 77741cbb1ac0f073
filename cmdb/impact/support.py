"""What suffices to keep a CI up: whatever takes the CI down takes down part of that."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from collections.abc import Set as AbstractSet

from cmdb.impact.engine import Cascade, live_path
from cmdb.topology.live import WAIVED, Live, ci_of


class Supports:
    """Self-supporting sets of literals after a cascade; `spend` is told of the work."""

    def __init__(self, live: Live, pinned: AbstractSet[int], spend: Callable[[int], None]) -> None:
        self._live, self._pinned, self._spend = live, pinned, spend

    def of(self, ci: int, base: Cascade, avoid: Container[int]) -> dict[int, None]:
        """Literals that suffice to keep `ci` up, nearest first; others than `avoid` where possible."""
        need, known = [ci], {ci}
        for literal in need:
            self._spend(1)
            if literal < 0:
                further: Iterable[int] = live_path(self._live, base, literal)
            else:
                further = () if literal in self._pinned else self._carrying(literal, base, avoid)
            for other in further:
                if other not in known:
                    known.add(other)
                    need.append(other)
        return dict.fromkeys(need)

    def carriers(self, weights: tuple[tuple[int, int], ...], base: Cascade) -> list[tuple[int, int]]:
        """Providers that are still true, heaviest first."""
        return [
            (literal, weight)
            for literal, weight in weights
            if literal not in base.cause and (literal >= 0 or self._live.is_alive(literal))
        ]

    def _carrying(self, owner: int, base: Cascade, avoid: Container[int]) -> Iterable[int]:
        """For each requirement of a CI that is up, enough of its carriers."""
        for group in self._live.owned.get(owner, ()):
            if group.slack >= WAIVED:
                continue
            carriers = self.carriers(group.providers, base)
            if avoid:
                carriers.sort(key=lambda p: p[0] in avoid or ci_of(p[0]) in avoid)
            weight = 0
            for literal, share in carriers:
                if weight >= group.needed:
                    break
                weight += share
                yield literal
