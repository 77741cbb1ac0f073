"""The definition of impact, word for word and as slow as it is plain; shares no code with the engine."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import combinations

from tests.impact.estate import Estate, Ground, Literal, Need


def connected(ground: Ground, down: set[str]) -> set[str]:
    """Members with a path to an up root over up members; without any root nobody is cut off."""
    up = ground.members - down
    if not ground.roots:
        return up
    reached = ground.roots & up
    while True:
        more = {ci for link in ground.links if link & reached for ci in link if ci in up} | reached
        if more == reached:
            return reached
        reached = more


def truth(estate: Estate, down: set[str]) -> set[Literal]:
    """All literals that are true while `down` is down."""
    true: set[Literal] = {ci for ci in estate.cis if ci not in down}
    for name, ground in estate.planes.items():
        true |= {(name, ci) for ci in connected(ground, down)}
    return true


def holds(need: Need, true: set[Literal]) -> bool:
    """Whether providers of enough weight are true."""
    return sum(weight for literal, weight in need.weights.items() if literal in true) >= need.needed


def in_force(estate: Estate) -> list[Need]:
    """Groups that hold with everything up; the others are waived."""
    true = truth(estate, set())
    return [need for need in estate.needs if holds(need, true)]


def step(estate: Estate, seeds: set[str], pinned: AbstractSet[str], down: set[str]) -> set[str]:
    """F of the definition."""
    true = truth(estate, down)
    return (seeds | {need.owner for need in in_force(estate) if not holds(need, true)}) - pinned


def down(estate: Estate, seeds: set[str], pinned: AbstractSet[str] = frozenset()) -> set[str]:
    """The least fixpoint, from below."""
    current: set[str] = set()
    while (more := current | step(estate, seeds, pinned, current)) != current:
        current = more
    return current


def smallest_closed(estate: Estate, seeds: set[str]) -> set[str]:
    """The definition itself: the intersection of all sets that are closed under F (2^n of them)."""
    smallest = set(estate.cis)
    for size in range(len(estate.cis) + 1):
        for chosen in combinations(estate.cis, size):
            if step(estate, seeds, set(), set(chosen)) <= set(chosen):
                smallest &= set(chosen)
    return smallest


def lost(need: Need, true: set[Literal], before: set[Literal]) -> int:
    """Weight of the providers that were true before and are no more."""
    return sum(weight for literal, weight in need.weights.items() if literal in before and literal not in true)


def unhealthy(estate: Estate, fallen: set[str], degraded: set[str], pinned: set[str]) -> set[str]:
    """All that is down or ill."""
    before, true = truth(estate, set()), truth(estate, fallen)
    current = fallen | (degraded - pinned)
    current |= {
        n.owner for n in in_force(estate) if n.on_loss == "DEGRADED" and lost(n, true, before) and n.owner not in pinned
    }
    while True:
        true, more = truth(estate, current), set(current)
        for need in in_force(estate):
            if need.owner in pinned:
                continue
            if need.passes == "NEEDED" and not holds(need, true):
                more.add(need.owner)
            if need.passes == "ANY" and lost(need, true, before):
                more.add(need.owner)
        if more == current:
            return current
        current = more


def states(estate: Estate, kinds: dict[str, str]) -> dict[str, str]:
    """State of each impacted CI; `kinds` maps seeds to what happens to them. RELEASE is left to `retest`."""

    def of(kind: str) -> set[str]:
        return {ci for ci, k in kinds.items() if k == kind}

    pinned, windows = of("PINNED_UP"), of("MAINTENANCE")
    unplanned = down(estate, of("DOWN"), pinned)
    fallen = down(estate, of("DOWN") | windows, pinned)
    ill = unhealthy(estate, fallen, of("DEGRADED"), pinned)
    before, true = truth(estate, set()), truth(estate, fallen)
    found: dict[str, str] = {}
    for need in in_force(estate):
        if need.on_loss == "AT_RISK" and need.owner not in ill | pinned and lost(need, true, before):
            found[need.owner] = "AT_RISK"
    found |= dict.fromkeys(ill - fallen, "DEGRADED")
    named = {literal for need in estate.needs for literal in need.weights}
    found |= {
        literal[1]: "ISOLATED"
        for literal in before - true
        if isinstance(literal, tuple) and literal[1] in true and (literal[0] == "lan" or literal in named)
    }
    found |= dict.fromkeys(fallen - unplanned, "DOWN_PLANNED")
    found |= dict.fromkeys((fallen - unplanned) & windows, "MAINTENANCE")
    return found | dict.fromkeys(unplanned, "DOWN")


def retest(estate: Estate, released: set[str]) -> set[str]:
    """Everything that relies on what is released, over any number of requirements."""
    reached = set(released)
    while True:
        more = {n.owner for n in estate.needs if any((x if isinstance(x, str) else x[1]) in reached for x in n.weights)}
        if more <= reached:
            return reached
        reached |= more


def n_more(estate: Estate, seeds: set[str], pinned: set[str], ci: str) -> int:
    """Size of the smallest set of further failures that takes a CI down, 3 for three or more."""
    others = [other for other in estate.cis if other != ci and other not in pinned]
    for size in (1, 2):
        for extra in combinations(others, size):
            if ci in down(estate, seeds | set(extra), pinned):
                return size
    return 3


def startable(estate: Estate, dark: set[str], wholes: Mapping[str, str] | None = None) -> dict[str, int]:
    """Stage of each CI of `dark` that can start again while the others run, from 1: the least fixpoint of up.

    `wholes` maps parts to what they are parts of: they start as soon as it has all that does not come through them.
    """
    wholes = wholes or {}
    up, stage, found = set(estate.cis) - dark, 0, dict[str, int]()

    def is_through(need: Need) -> bool:
        return any(wholes.get(x if isinstance(x, str) else x[1]) == need.owner for x in need.weights)

    def is_for_whole(need: Need) -> bool:
        return need.weights.keys() == {wholes.get(need.owner)}

    while True:
        stage += 1
        started = set(up)
        before = truth(estate, set(estate.cis) - up)
        powered: set[str] = set(up)
        while True:
            now = truth(estate, set(estate.cis) - started)
            more_powered, more_started = set(powered), set(started)
            for ci in dark - started:
                needs = [need for need in in_force(estate) if need.owner == ci]
                own = [n for n in needs if not is_through(n)]
                with_whole = before | {wholes[ci]} if wholes.get(ci) in powered else before - {wholes.get(ci, "")}
                if all(holds(n, with_whole if is_for_whole(n) else before) for n in own):
                    more_powered.add(ci)
                    if all(holds(n, now) for n in needs if is_through(n)):
                        more_started.add(ci)
            if (more_powered, more_started) == (powered, started):
                break
            powered, started = more_powered, more_started
        if started == up:
            return found
        found |= dict.fromkeys(started - up, stage)
        up = started
