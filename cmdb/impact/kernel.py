"""The fixpoint in machine code: the reference engine, step by step, on the arrays of a mirror.

Whatever `engine.fail` does, in whatever order, is done here too, so that both give the same cascade. Only this module
imports numba; the extra `fast` brings it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int32]
Longs: TypeAlias = NDArray[np.int64]
F = TypeVar("F", bound=Callable[..., object])

DARK, UNKNOWN, ROOT = -2, -3, -1  # in `parent`: not connected; counts as connected, there is no root at all; a root
SEED, SELF, BROKEN = -1, -2, -3  # in `cause`; a group n that broke is BROKEN - n, an island its own number
EPOCH, MARK = 0, 1  # in `state`


class Arrays(NamedTuple):
    """All that the kernel reads and writes.

    A literal is a number here, too: `ci` for "is up", `(1 + plane) * width + ci` for connectivity. Rows are
    (start, count) into a pool. What is stamped with an epoch counts only in the question of that epoch, so that
    nothing is reset.
    """

    serve_start: Longs  # by literal: the groups it provides
    serve_count: Ints
    serve_group: Ints
    serve_weight: Longs
    owner: Ints  # by group
    slack: Longs
    loss: Longs
    group_epoch: Ints
    edge_start: Longs  # by fabric and CI
    edge_count: Ints
    edge_far: Ints
    fabric: Ints  # by plane
    parent: Ints  # by plane and CI
    moved: Ints  # the same, while one question is answered
    moved_epoch: Ints
    dead: Ints  # by literal: epoch
    cause: Longs
    pinned: Ints  # by CI: epoch
    orphan: Longs  # by CI: mark
    trail: Longs  # literals in the order in which they fall
    touched: Ints  # groups that lost something
    shifted: Longs  # literals that found another parent
    stack: Ints
    orphans: Ints
    kept: Ints
    seen: Ints  # planes in the order in which they lose something
    state: Longs
    width: int


class Counts(NamedTuple):
    """How much of `trail`, `touched` and `shifted` is filled; islands; and entries looked at."""

    fallen: int
    touched: int
    shifted: int
    islands: int
    steps: int


def compiled(function: F) -> F:
    """Compile on the first call, and keep the machine code on disk where there is a place for it."""
    try:
        made: Any = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither the folder of the package nor that of the user can be written
        made = njit(nogil=True)(function)
    return cast(F, made)


@compiled
def cascade(a: Arrays, seeds: Ints, pins: Ints) -> Counts:
    """Take `seeds` down and let all follow that does; CIs of `pins` stay up."""
    a.state[EPOCH] += 1
    epoch, width = a.state[EPOCH], a.width
    for ci in pins:
        a.pinned[ci] = epoch
    n = touched = shifted = islands = steps = 0
    for ci in seeds:
        if a.dead[ci] != epoch and a.pinned[ci] != epoch:
            a.dead[ci] = epoch
            a.cause[ci] = SEED
            a.trail[n] = ci
            n += 1
    position = 0
    while position < n:
        begin, planes = position, 0
        while position < n:
            literal = a.trail[position]
            position += 1
            row = a.serve_start[literal]
            for at in range(row, row + a.serve_count[literal]):
                group = a.serve_group[at]
                if a.group_epoch[group] != epoch:
                    a.group_epoch[group] = epoch
                    a.loss[group] = 0
                    a.touched[touched] = group
                    touched += 1
                a.loss[group] += a.serve_weight[at]
                if a.loss[group] > a.slack[group]:
                    owner = a.owner[group]
                    if a.dead[owner] != epoch and a.pinned[owner] != epoch:
                        a.dead[owner] = epoch
                        a.cause[owner] = BROKEN - group
                        a.trail[n] = owner
                        n += 1
            steps += 1 + a.serve_count[literal]
            if literal < width:
                for plane in range(len(a.fabric)):
                    if a.parent[plane * width + literal] != DARK:
                        is_new = True
                        for known in range(planes):
                            is_new = is_new and a.seen[known] != plane
                        if is_new:
                            a.seen[planes] = plane
                            planes += 1
        end = position
        for known in range(planes):
            n, shifted, islands, walked = cut_off(a, a.seen[known], begin, end, n, shifted, islands)
            steps += walked
    return Counts(n, touched, shifted, islands, steps)


@compiled
def cut_off(
    a: Arrays, plane: int, begin: int, end: int, n: int, shifted: int, islands: int
) -> tuple[int, int, int, int]:
    """Take the connectivity of the CIs that fell from `begin` to `end` away; what hung below finds another parent."""
    epoch, width = a.state[EPOCH], a.width
    base, trees = (1 + plane) * width, plane * width
    top = steps = 0
    for at in range(begin, end):
        ci = a.trail[at]
        if ci < width and a.parent[trees + ci] != DARK and a.dead[base + ci] != epoch:
            a.dead[base + ci] = epoch
            a.cause[base + ci] = SELF
            a.trail[n] = base + ci
            n += 1
            if a.parent[trees + ci] != UNKNOWN:
                a.stack[top] = ci
                top += 1
    a.state[MARK] += 1
    mark, rows = a.state[MARK], a.fabric[plane] * width
    count = 0
    while top > 0:
        top -= 1
        above = a.stack[top]
        row = a.edge_start[rows + above]
        for at in range(row, row + a.edge_count[rows + above]):
            ci = a.edge_far[at]
            steps += 1
            if a.orphan[ci] == mark or a.dead[base + ci] == epoch:
                continue
            hangs = a.moved[trees + ci] if a.moved_epoch[trees + ci] == epoch else a.parent[trees + ci]
            if hangs == above:
                a.orphan[ci] = mark
                a.orphans[count] = ci
                a.stack[top] = ci
                count += 1
                top += 1
    if count == 0:
        return n, shifted, islands, steps
    shifted, walked = reattach(a, plane, count, shifted)
    is_island = 0
    for at in range(count):
        ci = a.orphans[at]
        if a.orphan[ci] == mark:
            a.dead[base + ci] = epoch
            a.cause[base + ci] = islands
            a.trail[n] = base + ci
            n += 1
            is_island = 1
    return n, shifted, islands + is_island, steps + walked


@compiled
def reattach(a: Arrays, plane: int, count: int, shifted: int) -> tuple[int, int]:
    """Hang orphans under live neighbours, then what they reach; those that stay marked are cut off."""
    epoch, mark, width = a.state[EPOCH], a.state[MARK], a.width
    base, trees, rows = (1 + plane) * width, plane * width, a.fabric[plane] * width
    kept = steps = 0
    for place in range(count):
        ci = a.orphans[place]
        row = a.edge_start[rows + ci]
        for at in range(row, row + a.edge_count[rows + ci]):
            far = a.edge_far[at]
            steps += 1
            if a.orphan[far] != mark and a.parent[trees + far] != DARK and a.dead[base + far] != epoch:
                shifted = move(a, plane, ci, far, shifted)
                a.kept[kept] = ci
                kept += 1
                break
    for place in range(kept):
        a.orphan[a.kept[place]] = 0
    place = 0
    while place < kept:
        near = a.kept[place]
        place += 1
        row = a.edge_start[rows + near]
        for at in range(row, row + a.edge_count[rows + near]):
            far = a.edge_far[at]
            steps += 1
            if a.orphan[far] == mark:
                a.orphan[far] = 0
                shifted = move(a, plane, far, near, shifted)
                a.kept[kept] = far
                kept += 1
    return shifted, steps


@compiled
def move(a: Arrays, plane: int, ci: int, parent: int, shifted: int) -> int:
    """Note the new parent of a CI."""
    at = plane * a.width + ci
    if a.moved_epoch[at] != a.state[EPOCH]:
        a.moved_epoch[at] = a.state[EPOCH]
        a.shifted[shifted] = a.width + at
        shifted += 1
    a.moved[at] = parent
    return shifted


@compiled
def is_needed(a: Arrays, ci: int) -> bool:
    """Whether a CI provides anything, or stands in a plane."""
    if a.serve_count[ci] > 0:
        return True
    for plane in range(len(a.fabric)):  # noqa: SIM110 # numba compiles no generators
        if a.parent[plane * a.width + ci] != DARK:
            return True
    return False


@compiled
def singles(
    a: Arrays, tried: Ints, begin: int, most_steps: int, services: NDArray[np.int8], tolls: Longs
) -> tuple[int, int]:
    """Let each of `tried` from `begin` on fail alone; return where it stopped and the entries looked at.

    `services` has the criticality of each service, 0 for other CIs. Row n of `tolls` gets of tried[n]: services that
    fall with it, the worst criticality of these, CIs that fall with it.
    """
    nobody = np.zeros(0, np.int32)
    steps, at = 0, begin
    while at < len(tried) and steps <= most_steps:
        if not is_needed(a, tried[at]):
            steps += 1
            at += 1
            continue
        counts = cascade(a, tried[at : at + 1], nobody)
        hits = worst = down = 0
        for place in range(1, counts.fallen):
            literal = a.trail[place]
            if literal < a.width:
                down += 1
                if services[literal] > 0:
                    hits += 1
                    worst = max(worst, services[literal])
        tolls[at, 0], tolls[at, 1], tolls[at, 2] = hits, worst, down
        steps += counts.steps
        at += 1
    return at, steps
