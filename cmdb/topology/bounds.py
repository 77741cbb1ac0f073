"""What a requirement is at best and at worst, where some relationships that make it are in doubt.

A requirement is then one of several. At best it breaks only if each of them does, at worst as soon as one does. That is
not the same as leaving out what is in doubt: a second feed that is not sure makes a loss worse where it is missing, a
second need that is not sure makes it worse where it is there. Section 8 of the design of the impact analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from cmdb.topology.live import WAIVED, Group, Pass

IsAlive = Callable[[int], bool]
Weights = Mapping[int, int]
Parts = tuple[Group, ...]


def best(base: Group, sure: Group | None, is_alive: IsAlive) -> Parts:
    """What surely holds of a requirement; `sure` is the one that follows without what is in doubt."""
    if not base.holds or sure is None or not sure.providers:
        return ()
    if sure.providers == base.providers and sure.needed == base.needed:
        return (base,)
    return tuple(_parts(base, dict(sure.providers), *_at_best(base, sure, is_alive)))


def worst(base: Group, sure: Group | None, is_alive: IsAlive) -> Parts:
    """What perhaps holds of a requirement, with `sure` as before."""
    if sure is not None and sure.providers == base.providers and sure.needed == base.needed:
        return (base,)
    weights, slack = _at_worst(base, sure, is_alive)
    return tuple(_parts(base, dict(base.providers), weights, slack)) if slack >= 0 else ()


def _parts(base: Group, counted: Weights, weights: Weights, slack: int) -> Iterator[Group]:
    """One group that breaks after losing `slack` of `weights`, one that says what the loss of any of `counted` does."""
    passes: Pass = "NEVER" if base.passes == "NEVER" else "NEEDED"
    breaks = replace(base, providers=tuple(weights.items()), on_loss="NONE", passes=passes)
    breaks.slack, breaks.ill_slack = slack, slack if passes == "NEEDED" else WAIVED
    yield breaks
    if base.on_loss != "NONE" or base.passes == "ANY":
        tells = replace(base, providers=tuple(counted.items()))
        tells.slack, tells.ill_slack = WAIVED - 1, 0 if base.passes == "ANY" else WAIVED
        yield tells


def _at_best(base: Group, sure: Group, is_alive: IsAlive) -> tuple[Weights, int]:
    """The weights that count, and how much of them may be lost in the best case."""
    certain, everything = dict(sure.providers), dict(base.providers)
    if base.counts == "FIXED":
        return everything, base.slack
    dark = sum(weight for lit, weight in sure.providers if not is_alive(lit))
    if base.counts == "MAJORITY":  # who is in doubt counts while up, and is no member once down
        return _doubled(certain, everything), 2 * (sure.total - dark) + _extra(base, sure, is_alive) - sure.total - 1
    spare = max(everything.values()) if base.counts == "ALL_BUT_ONE" and len(everything) > 1 else 0
    return certain, max(spare - dark, _lone_slack(base, certain))


def _at_worst(base: Group, sure: Group | None, is_alive: IsAlive) -> tuple[Weights, int]:
    """The weights that count, and how much of them may be lost in the worst case; less than 0: it is waived."""
    everything = dict(base.providers)
    certain = dict(sure.providers) if sure is not None else {}
    up = sum(weight for lit, weight in base.providers if is_alive(lit))
    if base.counts == "FIXED":
        held = sum(weight for lit, weight in certain.items() if is_alive(lit))
        if held >= base.needed:
            return certain, held - base.needed
        return everything, 0 if base.holds else -1
    if not certain or sure is None:
        return everything, 0 if up else -1
    dark = sum(weight for lit, weight in certain.items() if not is_alive(lit))
    if base.counts == "MAJORITY":  # who is in doubt is a member once down, and none while up
        slack = 2 * (sure.total - dark) - sure.total - 1
        unsure = 2 * (sure.total - dark) + _extra(base, sure, is_alive) > sure.total
        more_dark = base.total - up - dark
        return _doubled(certain, everything), max(0, slack - more_dark) if unsure else -1
    spare, least = 0, 0
    if base.counts == "ALL_BUT_ONE":
        spare = max(everything.values()) if len(everything) > 1 else 0
        least = max(certain.values()) if len(certain) > 1 else _lone_slack(base, certain)
    return everything, max(0, least - (base.total - up)) if spare >= dark else -1


def _lone_slack(base: Group, certain: Weights) -> int:
    """What a requirement that counts all but the heaviest may lose while it has a single provider: all but 1."""
    return next(iter(certain.values())) - 1 if base.counts == "ALL_BUT_ONE" and len(certain) == 1 else 0


def _doubled(certain: Weights, everything: Weights) -> Weights:
    """Twice what is certain and once what is in doubt: more than half of all holds by these weights."""
    return {lit: weight + certain.get(lit, 0) for lit, weight in everything.items()}


def _extra(base: Group, sure: Group, is_alive: IsAlive) -> int:
    """The weight in doubt that is up."""
    certain = dict(sure.providers)
    return sum(weight - certain.get(lit, 0) for lit, weight in base.providers if is_alive(lit))
