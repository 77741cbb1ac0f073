"""What is taken back was never there: merges and splits of random estates, in memory.

IDENTITY_CASES says how many are tried.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmdb.identity.decide import Request, decide
from cmdb.identity.undo import undo
from cmdb.observation import Report, origin_of, split_origin
from tests.unit.decided import decider, picture
from tests.unit.world import World
from tests.worlds import estates

CASES = int(os.environ.get("IDENTITY_CASES", "100"))
ANY = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))


def told(reports: list[Report]) -> tuple[World, list[str]]:
    """A world after some reports, and its devices."""
    world = World()
    for one in reports:
        world.ingest(one)
    return world, sorted(c.id for c in world.cis.values() if not c.parent)


@ANY
@given(reports=estates(2, 12), order=st.permutations(range(4)))
def test_a_merge_that_is_undone_leaves_no_trace(reports: list[Report], order: list[int]) -> None:
    world, devices = told(reports)
    pair = tuple([devices[n] for n in order if n < len(devices)][:2])
    if len(pair) < 2:
        return
    before, ingest = picture(world), decider(world)
    done = decide(ingest, Request(kind="merge", cis=pair, actor="ann", reason="one", despite=True))
    assert pair[1] not in world.cis
    undo(ingest, done.id, "ann", "two")

    assert picture(world) == before


@ANY
@given(reports=estates(3, 12), order=st.permutations(range(4)))
def test_merges_undone_from_the_last_to_the_first_leave_no_trace(reports: list[Report], order: list[int]) -> None:
    world, devices = told(reports)
    some = [devices[n] for n in order if n < len(devices)][:3]
    if len(some) < 3:
        return
    before, ingest = picture(world), decider(world)
    ask = {"kind": "merge", "actor": "ann", "reason": "one", "despite": True}
    first = decide(ingest, Request(cis=(some[0], some[1]), **ask))  # type: ignore[arg-type]
    second = decide(ingest, Request(cis=(some[2], some[0]), **ask))  # type: ignore[arg-type]
    undo(ingest, second.id, "ann", "two")
    undo(ingest, first.id, "ann", "three")

    assert picture(world) == before


@ANY
@given(reports=estates(2, 12), order=st.permutations(range(4)))
def test_a_split_that_is_undone_leaves_one_ci_again(reports: list[Report], order: list[int]) -> None:
    world, devices = told(reports)
    pair = tuple([devices[n] for n in order if n < len(devices)][:2])
    if len(pair) < 2:
        return
    target = {split_origin(o)[1] for o in world.cis[pair[1]].facets}
    ingest = decider(world)
    decide(ingest, Request(kind="merge", cis=pair, actor="ann", reason="one", despite=True))
    before = {ci.id: (ci.attributes, sorted(map(origin_of, ci.facets))) for ci in world.cis.values()}
    request = Request(kind="split", cis=pair[:1], targets=tuple(target), actor="ann", reason="two")
    done = decide(ingest, request)
    assert done.cis[1] in world.cis
    undo(ingest, done.id, "ann", "one")

    assert {ci.id: (ci.attributes, sorted(map(origin_of, ci.facets))) for ci in world.cis.values()} == before
