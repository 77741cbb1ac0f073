"""Classic mistakes, planted one at a time: each must give a wrong answer somewhere, or the tests are blind to it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from random import Random
from types import ModuleType
from typing import Any

import pytest

from cmdb.impact import engine
from cmdb.topology.live import Group, Live
from tests.impact import oracle
from tests.impact.ask import draw
from tests.impact.assemble import assemble

SOURCE = inspect.getsource(engine)
MUTANTS = {
    "slack off by one": ("if lost > (group", "if lost >= (group"),
    "weights ignored": ("loss.get(group, 0) + weight", "loss.get(group, 0) + 1"),
    "a ring holds itself up": (
        "for literal in orphans.values():",
        "for literal in [x for c, x in orphans.items() if not any(f in orphans for f in plane.fabric.edges[c])]:",
    ),
    "paths judged once": (
        "for number, cis in cut.items():",
        "for number, cis in cut.items() if not run.islands else ():",
    ),
    "no other parent is sought": ("    _reattach(plane, orphans, run)\n", ""),
    "the new parent is forgotten": ("moved.get(literal, parent.get(ci)) == top", "parent.get(ci) == top"),
    "what is cut off hurts nobody": (
        "        run.trail.append(literal)\n    run.islands",
        "        pass\n    run.islands",
    ),
    "a dead neighbour may be the parent": (" and conn(number, far) not in cause", ""),
    "the second hop is not re-attached": ("                kept.append(far)\n", ""),
}


def wrong(fail: Callable[..., Any], estates: int) -> int:
    """Number of estates about which `fail` errs."""
    rng, count = Random(5), 0
    for number in range(estates):
        estate = draw(rng, number)
        seeds = rng.sample(estate.cis, rng.randint(1, min(3, len(estate.cis))))
        topology = assemble(estate)
        nodes, numbers = topology.facts.nodes, topology.facts.numbers
        try:
            found = {nodes[x].id for x in fail(topology.live, [numbers[s] for s in seeds]).cause if x >= 0}
        except (KeyError, RuntimeError):
            found = set()
        count += found != oracle.down(estate, set(seeds))
    return count


def test_engine_errs_nowhere() -> None:
    assert wrong(engine.fail, 1_000) == 0


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_of_the_engine_dies(name: str) -> None:
    old, new = MUTANTS[name]
    module = ModuleType("mutant")
    module.__dict__["__name__"] = engine.__name__
    exec(SOURCE.replace(old, new), module.__dict__)  # noqa: S102 # our own source with one mistake in it

    assert SOURCE.count(old) == 1
    assert wrong(module.fail, 3_000) > 0


def test_mutant_without_waivers_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    def weigh(group: Group, up: int) -> None:
        group.up, group.slack = up, max(0, up - group.needed)

    monkeypatch.setattr(Group, "weigh", weigh)

    assert wrong(engine.fail, 300) > 0


def test_mutant_that_counts_what_never_had_a_path_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Live, "is_alive", lambda live, literal: True)

    assert wrong(engine.fail, 1_000) > 0
