"""Finds out at which of many addresses a TCP port is open, before anybody logs in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from collectors.ranges import subnet_of
from collectors.transport.pace import Turns
from collectors.transport.sweep import Spot

AT_ONCE = 1_000
WAIT_S = 1.5


async def listening(
    spots: Iterable[Spot], at_once: int = AT_ONCE, wait_s: float = WAIT_S, turns: Turns | None = None
) -> set[Spot]:
    """Spots that take a connection within `wait_s` seconds. Nothing is sent, and the connection is let go at once."""
    found: set[Spot] = set()
    waiting = iter(list(dict.fromkeys(spots)))

    async def knock() -> None:
        for spot in waiting:
            if turns is not None:
                await turns.wait(subnet_of(spot.address))
            try:
                async with asyncio.timeout(wait_s):
                    _, writer = await asyncio.open_connection(spot.address, spot.port)
            except OSError:  # refused, no way there, or nobody in time
                continue
            writer.transport.abort()
            found.add(spot)

    await asyncio.gather(*(knock() for _ in range(at_once)))
    return found
