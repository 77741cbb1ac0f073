"""Discovery with ranges: they are swept first, so that silent addresses cost next to nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from collectors.discover import Bounds, State, Target, TargetResult, discover, spread
from collectors.targets import LiveTarget
from collectors.transport.credentials import Community, UsmUser
from collectors.transport.sweep import Spot, Sweeping, sweep

_WORTH_A_SWEEP = 16  # fewer addresses are visited without


async def discover_live(
    targets: Iterable[Target], bounds: Bounds | None = None, sweeping: Sweeping | None = None
) -> AsyncGenerator[TargetResult, None]:
    """As `discover`; addresses of ranges at which nobody answers come first, as SILENT.

    Those that are remembered from an earlier run are visited in any case. Raises UsageError where a secret is missing.
    """
    everyone = spread(targets)
    doubtful = [t for t in everyone if isinstance(t, LiveTarget) and not t.expected and not t.is_remembered]
    silent: set[str] = set()
    if len(doubtful) >= _WORTH_A_SWEEP:
        asked = [
            (Spot(t.spec.address, t.spec.port), [c for c in t.spec.credentials if isinstance(c, Community | UsmUser)])
            for t in doubtful
        ]
        heard = await sweep(asked, sweeping)
        silent = {target.name for target, (spot, _) in zip(doubtful, asked, strict=True) if spot not in heard}
    for target in everyone:
        if target.name in silent:
            yield TargetResult(target.name, target.address, State.SILENT, "probe", "TIMEOUT", "nobody answered")
    async with aclosing(discover([t for t in everyone if t.name not in silent], bounds)) as results:
        async for result in results:
            yield result
