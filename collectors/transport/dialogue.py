"""Questions to one agent, repeated until there is an answer or the patience is used up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from collectors.transport.link import Failure, Fault, Link, Reply, Request, Step

_MOST_GARBAGE = 3  # undecodable answers to one question


async def ask(link: Link, request: Callable[[int], Request], waits: Iterable[float]) -> Reply | Failure:
    """Ask, and repeat after each of `waits` (seconds); `request` makes the request of the n-th attempt.

    The failure of the last attempt is returned, but garbage counts more than silence: something is there.
    """
    loop = asyncio.get_running_loop()
    step = Step(loop.create_future())
    last = Failure(Fault.SILENCE)
    garbage = 0
    try:
        for attempt, wait in enumerate(waits):
            if attempt:
                step.future = loop.create_future()
            timer = loop.call_later(wait, step.settle, Failure(Fault.SILENCE))
            try:
                link.send(step, request(attempt))
                result = await step.future
            finally:
                timer.cancel()
            if isinstance(result, Reply):
                return result
            if result.fault is Fault.GARBAGE:
                garbage += 1
            if garbage >= _MOST_GARBAGE or result.fault not in (Fault.SILENCE, Fault.GARBAGE):
                return result
            if result.fault is Fault.GARBAGE or last.fault is Fault.SILENCE:
                last = result
    finally:
        link.finish(step)
    if last.fault is Fault.SILENCE and step.strays:
        return Failure(Fault.SILENCE, f"{step.strays} responses had another request id")
    return last
