"""Classic mistakes, planted in the scans one at a time: each must give a wrong answer somewhere."""

from __future__ import annotations

import inspect
import sys
from itertools import combinations
from random import Random
from types import ModuleType
from typing import Any

import pytest

from cmdb.impact import cuts, legs, pairs, start
from tests.impact import oracle
from tests.impact.ask import draw
from tests.impact.assemble import assemble
from tests.impact.estate import Estate
from tests.impact.test_cuts import members, minimal
from tests.impact.test_legs import away_now, expected_wear

MUTANTS = {
    "pairs: no path is moved": (pairs, "for edge, after in self.ways.items():", "for edge, after in ():"),
    "pairs: no requirement is weakened": (
        pairs,
        "for group, by_loss in self.weakened.items():",
        "for group, by_loss in ():",
    ),
    "pairs: the old path counts": (pairs, "above = run.moved.get(literal, plane.parent", "above = (plane.parent"),
    "pairs: one more is needed": (pairs, "one | other) > group.slack", "one | other) > group.slack + 1"),
    "pairs: the sum is not taken off": (pairs, "if literal not in alone]\n\n    def", "]\n\n    def"),
    "cuts: witnesses are never hit": (cuts, "free = ~hit &", "free = ~0 &"),
    "cuts: they are not minimal": (cuts, "self._is_cut_already(chosen)", "False"),
    "cuts: only a part of a witness is tried": (
        cuts,
        "for member in self._witness(failed) or ()",
        "for member in (self._witness(failed) or ())[1:]",
    ),
    "start: connected without a root": (start, "ci in plane.roots or self._reaches(plane, ci)", "True"),
    "start: what is down forwards": (start, "beyond in dark and far not in dark", "beyond in dark"),
    "start: one more is needed": (start, "self._lacking[group] <= 0", "self._lacking[group] < 0"),
    "start: waivers are in force": (start, "if group.slack < WAIVED and lacks > 0", "if lacks > 0"),
    "legs: one more can be lost": (legs, "if heaviest > margin", "if heaviest >= margin"),
    "legs: what never had a path is no loss": (legs, "if group.up < group.total)", "if False)"),
    "legs: waivers are in force": (legs, "if group.slack < WAIVED and", "if"),
}


def planted(module: ModuleType, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module with one mistake in it."""
    source = inspect.getsource(module)
    assert source.count(old) == 1

    mutant = ModuleType("mutant")
    mutant.__dict__["__name__"] = "mutant"
    monkeypatch.setitem(sys.modules, "mutant", mutant)  # dataclasses look for it there
    exec(source.replace(old, new), mutant.__dict__)  # noqa: S102 # our own source with one mistake in it
    return mutant


def is_right(kind: ModuleType, module: Any, rng: Random, estate: Estate) -> bool:
    """Whether a module of some kind says what the definition does."""
    topology = assemble(estate)
    if kind is pairs:
        alone = {ci: oracle.down(estate, {ci}) for ci in estate.cis}
        both = combinations(estate.cis, 2)
        expected = {frozenset(p) for p in both if oracle.down(estate, set(p)) - alone[p[0]] - alone[p[1]]}
        return {frozenset(r.id for r in p.cis) for p in module.pairs(topology, 10_000, only_services=False).pairs} == (
            expected
        )
    if kind is cuts:
        service = rng.choice(estate.cis)
        return set(members(module.cut_sets(topology, [service], 2, first=1_000), service)) == (
            minimal(estate, service, 2)
        )
    if kind is start:
        plan = module.cold_start(topology, first=10_000)
        return {s.ci.id: s.stage for s in plan.steps} == oracle.startable(estate, set(estate.cis))
    away = set(rng.sample(estate.cis, 2))
    away_now(topology, away, rng)
    answer = module.last_legs(topology, first=10_000, weakened=True)
    return {int(leg.requirement[1:]): leg.wear for leg in answer.legs} == expected_wear(estate, away)


def errs(kind: ModuleType, module: Any, estates: int) -> bool:
    """Whether it is wrong about one of so many estates; one that breaks down is wrong."""
    rng = Random(5)
    for number in range(estates):
        estate = draw(rng, number)
        try:
            if not is_right(kind, module, rng, estate):
                return True
        except (KeyError, IndexError, AssertionError):
            return True
    return False


@pytest.mark.parametrize("kind", [pairs, cuts, start, legs], ids=lambda module: module.__name__)
def test_scans_err_nowhere(kind: ModuleType) -> None:
    assert not errs(kind, kind, 60)


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_of_a_scan_dies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, old, new = MUTANTS[name]

    assert errs(kind, planted(kind, old, new, monkeypatch), 1_500)
