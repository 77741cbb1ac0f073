"""The one function for what fails: the kernel answers where it is ready and pays, else the reference engine.

Both give the same cascade, in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cmdb.impact import engine
from cmdb.impact.engine import Cascade
from cmdb.topology.live import Group, Live

if TYPE_CHECKING:
    from cmdb.impact.mirror import Mirror

MOST_PLANES = 16  # the kernel's arrays are as wide as the estate for each
FEW = 4  # groups that rest on the seeds: the reference engine is done before the kernel is called

_kernel: type[Mirror] | None = None


def has_kernel() -> bool:
    """Whether the extra `fast` is installed."""
    return find_spec("numba") is not None and find_spec("numpy") is not None


def use_kernel(is_used: bool = True) -> None:
    """Answer with the kernel from now on, or no longer; it is compiled here and now, not in somebody's question.

    Takes seconds the first time, about one later: the machine code is kept on disk. Raises ImportError where the
    extra `fast` is missing.
    """
    global _kernel
    if is_used:
        from cmdb.impact.mirror import Mirror, warm_up

        warm_up()
        _kernel = Mirror
    else:
        _kernel = None


def fail(
    live: Live,
    seeds: Iterable[int],
    pinned: AbstractSet[int] = frozenset(),
    after: Cascade | None = None,
    ill: bool = False,
    weakened: Iterable[Group] = (),
) -> Cascade:
    """Take `seeds` down and return what follows; see `engine.fail`."""
    if _kernel is None or after is not None or ill:
        return engine.fail(live, seeds, pinned, after, ill, weakened)
    seeds = tuple(seeds)
    mirror = mirror_of(live)
    if mirror is None or not _is_worth_it(live, seeds):
        return engine.fail(live, seeds, pinned)
    return mirror.fail(seeds, pinned)


def fallen(live: Live, seeds: Iterable[int], pinned: AbstractSet[int] = frozenset()) -> list[int]:
    """The trail alone of what follows from `seeds`: quicker than the whole cascade, where much falls."""
    seeds = tuple(seeds)
    mirror = mirror_of(live)
    if mirror is None or not _is_worth_it(live, seeds):
        return engine.fail(live, seeds, pinned).trail
    return mirror.fallen(seeds, pinned)


def services_hit(live: Live, ci: int, services: Mapping[int, int]) -> list[int]:
    """Which of `services` (with their criticality, 1 or more) fail if a CI does, itself aside."""
    mirror = mirror_of(live)
    if mirror is not None:
        return mirror.hit(ci, services)
    return [literal for literal in engine.fail(live, (ci,)).trail[1:] if literal in services]


def mirror_of(live: Live) -> Mirror | None:
    """The copy that the kernel works on; it keeps itself current from now on.

    None while there is no kernel, or more planes than it has memory for.
    """
    if _kernel is None or len(live.planes) > MOST_PLANES:
        return None
    if live.mirror is None:
        live.mirror = _kernel(live)
    return live.mirror if isinstance(live.mirror, _kernel) else None


def _is_worth_it(live: Live, seeds: Collection[int]) -> bool:
    """Whether more rests on the seeds than the reference engine looks at while the kernel is called."""
    count = 0
    for seed in seeds:
        count += 1 + len(live.serves.get(seed, ()))
        if count > FEW or any(seed in plane.parent for plane in live.planes):
            return True
    return False
