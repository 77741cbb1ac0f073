"""Two programs that write the mixed load into one store at once: no word of either is lost. On both engines."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest

from cmdb.store.bolt import BoltStore
from tests.e2e.mixed import check, kinds, loads

pytestmark = pytest.mark.e2e
WRITES = int(os.environ.get("WRITES", "40"))  # of each


def test_two_writers_at_once_lose_no_word_of_either(any_store: BoltStore) -> None:
    with loads() as running:
        writers = [running.start(any_store.connection.endpoint, seed, WRITES) for seed in ("one", "two")]
        for writer in writers:
            writer.end()
        chain = check(any_store, running.heard)
    actors = [c.actor for c in chain]
    turns = sum(one != other for one, other in pairwise(actors))
    print(f"{WRITES} writes each, {len(chain)} commits, {turns} turns: {dict(kinds(chain))}")

    assert running.heard.lost == []
    assert len(running.heard.done) == len(chain), "all that was written was acknowledged"
    assert min(actors.count(seed) for seed in ("one", "two")) >= WRITES / 4
    assert turns > 1, "they never met"
