"""Discovery with ranges: they are swept first, so that silent addresses cost next to nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

from collectors.discover import Bounds, State, Target, TargetResult, discover, spread
from collectors.scopes_file import Protocol
from collectors.targets import LiveTarget
from collectors.transport.credentials import Community, UsmUser
from collectors.transport.sweep import Spot, Sweeping, sweep
from collectors.transport.tcp import listening

_WORTH_A_SWEEP = 16  # fewer addresses are visited without
_LOGINS: tuple[Protocol, ...] = ("ssh", "netmiko")


async def discover_live(
    targets: Iterable[Target], bounds: Bounds | None = None, sweeping: Sweeping | None = None
) -> AsyncGenerator[TargetResult, None]:
    """As `discover`; addresses of ranges at which nobody answers come first, as SILENT.

    Those that are remembered from an earlier run are visited in any case. Raises UsageError where a secret is missing.
    """
    everyone = spread(targets)
    doubtful = [t for t in everyone if isinstance(t, LiveTarget) and not t.expected and not t.is_remembered]
    silent: dict[str, frozenset[str]] = {}
    if len(doubtful) >= _WORTH_A_SWEEP:
        silent = await _silent(doubtful, sweeping)
    worth: list[Target] = []
    for target in everyone:
        if isinstance(target, LiveTarget) and target.name in silent:
            target = replace(target, silent=silent[target.name])
            if not any(map(target.speaks, target.spec.protocols)):
                yield TargetResult(target.name, target.address, State.SILENT, "probe", "TIMEOUT", "nobody answered")
                continue
        worth.append(target)
    async with aclosing(discover(worth, bounds)) as results:
        async for result in results:
            yield result


async def _silent(targets: Sequence[LiveTarget], sweeping: Sweeping | None) -> dict[str, frozenset[str]]:
    """By target the protocols that nobody speaks there."""
    agents = [
        (Spot(t.spec.address, t.spec.port), [c for c in t.spec.credentials if isinstance(c, Community | UsmUser)])
        for t in targets
        if t.speaks("snmp")
    ]
    doors = [Spot(t.spec.address, t.spec.ssh_port) for t in targets if any(map(t.speaks, _LOGINS))]
    sweeping = sweeping or Sweeping()
    heard = await sweep(agents, sweeping)
    open_doors = await listening(doors, turns=sweeping.turns())
    return {
        t.name: frozenset(
            [
                *(() if Spot(t.spec.address, t.spec.port) in heard else ("snmp",)),
                *(() if Spot(t.spec.address, t.spec.ssh_port) in open_doors else _LOGINS),
            ]
        )
        for t in targets
    }
