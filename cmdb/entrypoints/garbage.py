"""Keeps the collector of cyclic garbage from walking through the whole graph in the middle of an answer."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A full collection looks at every object: 0.2 s with 100,000 CIs, 0.4 s with a million, while nobody is answered. What
# requests leave behind is young, and is found by the young collections; the graph itself has no cycles to find.
THRESHOLDS = (50_000, 20, 100)


@contextmanager
def seldom_in_full() -> Iterator[None]:
    """Leave alone for good what is there now, and collect in full seldom, for as long as the block runs."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
