"""Work in threads is bounded, also when it was given up."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cmdb.entrypoints.lanes import Lane
from cmdb.entrypoints.problems import Refusal


@pytest.mark.asyncio
async def test_work_that_was_given_up_keeps_its_place() -> None:
    lane, go = Lane("test", 1, 2), threading.Event()
    with pytest.raises(TimeoutError):
        await lane.run(go.wait, 0.01)
    waiting = asyncio.create_task(lane.run(lambda: 7))
    await asyncio.sleep(0)
    with pytest.raises(Refusal) as caught:
        await lane.run(lambda: 8)
    go.set()

    assert caught.value.status == 503
    assert await waiting == 7
    assert await lane.run(lambda: 9) == 9
