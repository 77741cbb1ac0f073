"""Runs what blocks in threads of its own, so that it can be given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


class Threads:
    """At most `size` threads, made when they are needed."""

    def __init__(self, size: int, name: str) -> None:
        self._size, self._name = size, name
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[[], _T], give_up: Callable[[], None]) -> _T:
        """Run blocking work; where the waiting task is cancelled, `give_up` makes the work end soon."""
        self._pool = self._pool or ThreadPoolExecutor(self._size, thread_name_prefix=self._name)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except asyncio.CancelledError:
            give_up()
            raise

    def close(self) -> None:
        """Let the threads go; safe to repeat."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
