"""All that one CI rests on, so that a further failure can be tried without following it through the whole estate."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from cmdb.impact.support import Upstream
from cmdb.topology.live import Group, ci_of


class Region:
    """The requirements upstream of `target`, after a cascade.

    Connectivity is known by its present path only. So a try can end in "don't know": a path is hit, and only the
    whole plane can say whether there is another one. A `thin` region has all providers of the target, but further
    up just as many as suffice: what falls in it falls, and about the rest it knows nothing.
    """

    def __init__(
        self,
        upstream: Upstream,
        pinned: AbstractSet[int],
        target: int,
        spend: Callable[[int], None],
        thin: bool = False,
    ) -> None:
        self._loss, self._target, self._pinned, self._spend = upstream.base.loss, target, pinned, spend
        self._users: dict[int, list[tuple[Group, int]]] = {}  # literal -> groups of this region that it provides
        self._paths: dict[int, list[int]] = {}  # CI -> connectivity literals of this region whose path uses it
        queue = [target]
        known = {target}
        for literal in queue:
            if literal < 0:
                rests_on = upstream.path(literal)
                for ci in rests_on:
                    self._paths.setdefault(ci, []).append(literal)
            else:
                enough = thin and literal != target
                rests_on = [] if literal in pinned else self._requirements(upstream, literal, enough)
            spend(1 + len(rests_on))
            for further in rests_on:
                if further not in known:
                    known.add(further)
                    queue.append(further)

    def _requirements(self, upstream: Upstream, owner: int, enough: bool) -> list[int]:
        found, users = [], self._users
        for group, carriers in upstream.carried(owner):
            held = 0
            for literal, weight in carriers:
                if enough and held >= group.needed:
                    break
                held += weight
                if literal in users:
                    users[literal].append((group, weight))
                else:
                    users[literal] = [(group, weight)]
                found.append(literal)
        return found

    def falls(self, *failures: int) -> bool | None:
        """Whether the target falls if these CIs fail as well; None if only the whole estate can tell."""
        if self._target in self.fallen(failures, hit_is_lost=False):
            return True
        return None if self._target in self.fallen(failures, hit_is_lost=True) else False

    def fallen(self, failures: tuple[int, ...], hit_is_lost: bool) -> set[int]:
        """Literals that fall: at least these, or with `hit_is_lost` (no path is replaced) at most these."""
        dead = set(failures)
        queue = list(dead)
        loss: dict[Group, int] = {}
        for literal in queue:
            users = self._users.get(literal, ())
            for group, weight in users:
                lost = loss.get(group, self._loss.get(group, 0)) + weight
                loss[group] = lost
                if lost > group.slack and group.owner not in dead and group.owner not in self._pinned:
                    dead.add(group.owner)
                    queue.append(group.owner)
            for hit in self._paths.get(literal, ()):
                if hit not in dead and (hit_is_lost or ci_of(hit) == literal):
                    dead.add(hit)
                    queue.append(hit)
            self._spend(1 + len(users))
        return dead
