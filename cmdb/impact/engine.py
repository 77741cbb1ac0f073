"""The least fixpoint of what fails, over the live groups and planes."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cmdb.topology.live import Group, Live, ci_of, conn
from cmdb.topology.plane import Plane

SEED = -1  # it was given
SELF = -2  # connectivity of a CI that is down itself

Cause = int | Group  # SEED, SELF, the number of the island it was cut off with, or the group that broke
_NOTHING: dict[Group, int] = {}


@dataclass(slots=True)
class Cascade:
    """What falls, in order, and why; everything a proof needs.

    `trail` are literals, each after all that it rests on. `loss` is the weight each touched group lost, `moved` the
    new parent of connectivity literals that found another path.
    """

    trail: list[int]
    cause: dict[int, Cause]
    loss: dict[Group, int]
    moved: dict[int, int]
    islands: int = 0


def fail(
    live: Live,
    seeds: Iterable[int],
    pinned: AbstractSet[int] = frozenset(),
    after: Cascade | None = None,
    ill: bool = False,
    weakened: Iterable[Group] = (),
) -> Cascade:
    """Take `seeds` down and return what follows; `pinned` CIs stay up.

    With `after`, go on from where that cascade ended; only what is new enters the trail. With `ill`, judge health in
    place of function: groups break by `ill_slack`, and owners of `weakened` groups count as seeds.
    """
    trail: list[int] = []
    if after is None:
        run = Cascade(trail, {}, {}, {})
    else:
        run = Cascade(trail, dict(after.cause), dict(after.loss), dict(after.moved), after.islands)
    cause = run.cause
    for ci in seeds:
        if ci not in cause and ci not in pinned:
            cause[ci] = SEED
            trail.append(ci)
    already = (group for group, loss in run.loss.items() if loss > group.ill_slack) if ill else ()
    for group in (*weakened, *already):
        if group.owner not in cause and group.owner not in pinned:
            cause[group.owner] = group
            trail.append(group.owner)
    _follow(live, run, 0, pinned, ill)
    return run


def extend(live: Live, run: Cascade, seeds: Iterable[int], pinned: AbstractSet[int] = frozenset()) -> int:
    """Let `seeds` fail as well, in place; return where in the trail that begins."""
    begin = len(run.trail)
    for ci in seeds:
        if ci not in run.cause and ci not in pinned:
            run.cause[ci] = SEED
            run.trail.append(ci)
    _follow(live, run, begin, pinned, ill=False)
    return begin


def _follow(live: Live, run: Cascade, position: int, pinned: AbstractSet[int], ill: bool) -> None:
    """Take down what follows from the trail from `position` on, until nothing does."""
    while position < len(run.trail):
        cut = _break_groups(live, run, position, pinned, ill)
        position = len(run.trail)
        for number, cis in cut.items():
            _cut_off(live.planes[number], cis, run)


def _break_groups(live: Live, run: Cascade, position: int, pinned: AbstractSet[int], ill: bool) -> dict[int, list[int]]:
    """Work off the trail from `position`; return the transit CIs that fell, by plane."""
    trail, cause, loss = run.trail, run.cause, run.loss
    serves, planes = live.serves, live.planes
    cut: dict[int, list[int]] = {}
    while position < len(trail):
        literal = trail[position]
        position += 1
        for group, weight in serves.get(literal, _NOTHING).items():
            lost = loss.get(group, 0) + weight
            loss[group] = lost
            if lost > (group.ill_slack if ill else group.slack):
                owner = group.owner
                if owner not in cause and owner not in pinned:
                    cause[owner] = group
                    trail.append(owner)
        if literal >= 0:
            for plane in planes:
                # without roots there are no paths to lose, but what is down itself is connected to nothing;
                # where nobody needs a path nothing follows from losing one
                unknown = not plane.roots and literal in plane.watched and plane.is_alive(literal)
                if unknown or (literal in plane.parent and plane.is_judged):
                    cut.setdefault(plane.number, []).append(literal)
    return cut


def _cut_off(plane: Plane, cut: list[int], run: Cascade) -> None:
    """Take the connectivity of `cut` away; what hung below finds another parent or is an island."""
    number, cause = plane.number, run.cause
    tops = []
    for ci in cut:
        literal = conn(number, ci)
        if literal not in cause:
            cause[literal] = SELF
            run.trail.append(literal)
            tops.append(ci)
    orphans = _below(plane, tops, run)
    if not orphans:
        return
    _reattach(plane, orphans, run)
    for literal in orphans.values():
        cause[literal] = run.islands
        run.trail.append(literal)
    run.islands += bool(orphans)


def _below(plane: Plane, tops: list[int], run: Cascade) -> dict[int, int]:
    """All live CIs that hang below `tops`, each with its literal."""
    number, cause, moved = plane.number, run.cause, run.moved
    edges, parent = plane.fabric.edges, plane.parent
    orphans: dict[int, int] = {}
    stack = tops if plane.roots else []  # an unknown plane has no paths to lose
    while stack:
        top = stack.pop()
        for ci in edges[top]:
            if ci in orphans:
                continue
            literal = conn(number, ci)
            if literal not in cause and moved.get(literal, parent.get(ci)) == top:
                orphans[ci] = literal
                stack.append(ci)
    return orphans


def _reattach(plane: Plane, orphans: dict[int, int], run: Cascade) -> None:
    """Hang orphans under live neighbours, then what they reach; leave in `orphans` what is cut off."""
    number, cause, moved = plane.number, run.cause, run.moved
    edges, parent = plane.fabric.edges, plane.parent
    kept: list[int] = []
    for ci, literal in orphans.items():
        for far in edges[ci]:
            if far not in orphans and far in parent and conn(number, far) not in cause:
                moved[literal] = far
                kept.append(ci)
                break
    for ci in kept:
        del orphans[ci]
    for ci in kept:
        for far in edges[ci]:
            if far in orphans:
                moved[orphans.pop(far)] = ci
                kept.append(far)


def live_path(live: Live, run: Cascade, literal: int) -> list[int]:
    """CIs from that of a live connectivity literal to a root, both included; only itself in an unknown plane."""
    plane, moved = live.planes[~literal & 0xFFFF], run.moved
    parent_of, number = plane.parent.get, plane.number
    ci = ci_of(literal)
    path = [ci]
    while (ci := moved.get(conn(number, ci), parent_of(ci, -1)) if moved else parent_of(ci, -1)) >= 0:
        path.append(ci)
    return path
