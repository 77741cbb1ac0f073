"""When what of a scope is read again, and who is left alone for a while. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from cmdb.entrypoints.visits import Visit
from collectors.kinds import Kind
from collectors.scopes import Scope

JITTER = 0.1  # share of its period by which a visit is put off, so that not everything comes at once
PATIENCE = 4  # visits in a row at which nobody answered, before the next one is put off
FIRST_WAIT_MS, LONGEST_WAIT_MS = 600_000, 86_400_000

Started = Mapping[tuple[str, str], int]  # (scope, kind): when it was read last, in epoch ms


def next_at(scope: Scope, kind: Kind, started: Started) -> int | None:
    """When a kind of visit is due next, in epoch ms (0: now); None for never."""
    period_s = scope.every_s.get(kind)
    if period_s is None:
        return None
    last = started.get((scope.name, kind), 0)
    if not last:
        return 0
    drawn = hashlib.sha256(f"{scope.name}\n{kind}\n{last}".encode()).digest()[:4]
    share = int.from_bytes(drawn, "big") / (1 << 32)
    return last + int(period_s * 1000 * (1 + JITTER * share))


def due(scope: Scope, started: Started, now: int) -> frozenset[Kind]:
    """The kinds of visits for which it is time."""
    times = {kind: next_at(scope, kind, started) for kind in Kind}
    return frozenset(kind for kind, at in times.items() if at is not None and at <= now)


def is_deferred(visit: Visit | None, now: int) -> bool:
    """Whether a target that was silent again and again is left alone for now: twice as long each time, a day at most.

    That is often enough to believe that it is missing.
    """
    if visit is None or visit.silent < PATIENCE:
        return False
    wait = min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(visit.silent - PATIENCE, 10))
    return now < visit.at + wait


def awake(names: Iterable[str], known: Mapping[str, Visit], now: int) -> set[str]:
    """Those targets that are not deferred."""
    return {name for name in names if not is_deferred(known.get(name), now)}
