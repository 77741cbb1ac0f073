"""A network that is cut at random points of a mixed load: the program goes on by itself. On both engines."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from cmdb.store.bolt import BoltStore
from tests.contracts.proxy import Proxy
from tests.e2e.mixed import PAST, Running, check, kinds, loads

pytestmark = pytest.mark.e2e
CUTS = int(os.environ.get("CUTS", "8"))
PATIENCE_S = 0.5  # how long the program waits for a network that is away


def cut(proxy: Proxy, load: Running, rng: random.Random, way: str) -> None:
    """Cut the network under a load that writes.

    For a moment; for longer than the load has patience; or when it commits, before or after the engine gets to know.
    """
    load.work(rng, 4)
    if way in ("moment", "long"):
        before, passed = len(load.heard.lost), proxy.slam()
        assert passed, "nothing was cut"
        if way == "long":
            load.until("lost")
            assert len(load.heard.lost) > before
        proxy.open()
    else:
        cuts, proxy.cut = proxy.cuts, "before_commit" if way == "before" else "after_commit"
        while proxy.cuts == cuts:
            load.line()
    load.until("done")


def test_a_network_that_is_cut_loses_nothing_and_doubles_nothing(any_store: BoltStore) -> None:
    rng, endpoint = random.Random(11), any_store.connection.endpoint
    ways = [("moment", "long", "before", "after")[n % 4] for n in range(CUTS)]
    rng.shuffle(ways)
    with loads() as running, Proxy(urlsplit(endpoint.uri).port or 0) as proxy:
        running.start(endpoint, "past", PAST // 2).end()
        through = replace(endpoint, uri=f"bolt://127.0.0.1:{proxy.port}", patience_s=PATIENCE_S)
        load = running.start(through, "cut")
        for way in ways:
            cut(proxy, load, rng, way)
        load.kill()
        chain = check(any_store, running.heard)
    doubtful = {said.mark for said in running.heard.lost}
    took_hold = doubtful & {c.reason for c in chain}
    print(
        f"{CUTS} cuts, {len(running.heard.done)} acknowledged, {len(doubtful)} in doubt, {len(took_hold)} of them took"
    )
    print(dict(kinds(chain)))

    assert len(doubtful) >= ways.count("long")
    assert all("does not answer: check that it runs" in said.text for said in running.heard.lost)
