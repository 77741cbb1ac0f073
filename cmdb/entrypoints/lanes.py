"""Threads for blocking work, bounded also when nobody waits for the outcome any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cmdb.entrypoints.problems import unavailable

T = TypeVar("T")


class Lane:
    """`width` threads and room for `line` pieces of work, running ones included.

    Work that was given up keeps its place until it ends: a thread can't be stopped, so it must not be counted as free.
    """

    def __init__(self, name: str, width: int, line: int) -> None:
        self.pool, self.line = ThreadPoolExecutor(width, thread_name_prefix=name), line
        self._inside, self._lock = 0, threading.Lock()

    async def run(self, work: Callable[[], T], timeout_s: float | None = None) -> T:
        """Run in a thread. Raises Refusal 503 when there is no room, TimeoutError when it takes too long."""
        with self._lock:
            if self._inside >= self.line:
                raise unavailable("Too many requests stand in line; come back in a moment.")
            self._inside += 1
        future = self.pool.submit(work)
        future.add_done_callback(self._leave)
        return await asyncio.wait_for(asyncio.wrap_future(future), timeout_s)

    def _leave(self, future: Future[T]) -> None:
        with self._lock:
            self._inside -= 1
