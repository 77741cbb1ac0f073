"""Cyclic garbage while a server runs: collected when young, and seldom in full."""

from __future__ import annotations

import gc
import weakref

from cmdb.entrypoints.garbage import THRESHOLDS, seldom_in_full


class Knot:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.own = self


def test_what_is_there_is_left_alone_and_what_comes_is_collected() -> None:
    before, held = gc.get_threshold(), [Knot() for _ in range(100)]
    with seldom_in_full():
        frozen, during = gc.get_freeze_count(), gc.get_threshold()
        knot = weakref.ref(Knot())
        for _ in range(2):
            gc.collect(1)

        assert knot() is None
        assert frozen >= len(held)
        assert during == THRESHOLDS
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
