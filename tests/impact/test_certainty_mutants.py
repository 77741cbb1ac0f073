"""Mistakes about certainty, planted one at a time: each must give a wrong bound somewhere, or the tests are blind."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from random import Random
from types import ModuleType

import pytest

from cmdb.impact import certain
from cmdb.topology import bounds, doubt, graph
from tests.impact import generate
from tests.impact.ask import ask
from tests.impact.assemble import from_world
from tests.impact.reading import Reading
from tests.impact.test_certainty import (
    KINDS,
    MODEL,
    check,
    consistent,
    down,
    may_be_inexact,
    put_in_doubt,
    redundant_world,
    some_ties,
    wired_world,
)

CASES = 240
USED: dict[ModuleType, list[tuple[ModuleType, str]]] = {
    bounds: [(doubt, "best"), (doubt, "worst")],
    doubt: [(graph, "Doubt")],
    certain: [(import_module("cmdb.impact.evaluate"), "judge_all")],
}
MUTANTS = {
    "all that is in doubt is dropped at best": (
        bounds,
        "        return everything, base.slack\n",
        "        return certain, sum(certain.values()) - base.needed\n",
    ),
    "a need in doubt is there at best": (
        bounds,
        "    if not base.holds or sure is None or not sure.providers:\n        return ()\n",
        "    if sure is None:\n        return (base,)\n",
    ),
    "nothing is dropped at worst": (bounds, "        if held >= base.needed:\n", "        if False:\n"),
    "what can't do without is waived at worst": (bounds, "everything, 0 if base.holds else -1\n", "everything, -1\n"),
    "a majority is of all at best": (bounds, "+ _extra(base, sure, is_alive) - sure.total - 1", "- sure.total - 1"),
    "a majority loses one more at worst": (
        bounds,
        "slack = 2 * (sure.total - dark) - sure.total - 1",
        "slack = sure.total",
    ),
    "who is in doubt counts in full": (bounds, "weight + certain.get(lit, 0) for lit", "2 * weight for lit"),
    "a loss of what is in doubt is no risk": (
        bounds,
        "    yield breaks\n",
        "    yield breaks\n    counted = weights\n",
    ),
    "a risk in doubt is sure": (
        bounds,
        "_parts(base, dict(sure.providers), *_at_best",
        "_parts(base, dict(base.providers), *_at_best",
    ),
    "links in doubt carry at worst": (doubt, "links - kept))", "set()))"),
    "the worst case is taken for sure": (certain, "        best.states,\n", "        worst.states,\n"),
    "the best case is the whole answer": (
        certain,
        "retest, worst.states), certainty",
        "retest, best.states), certainty",
    ),
}


def errs(rng: Random, cases: int) -> bool:
    """Whether the bounds are wrong about any of so many estates."""
    for number in range(cases):
        is_wired = number % 3 == 0
        made = wired_world(rng) if is_wired else redundant_world(rng)
        ties = some_ties(rng, made, 1 if is_wired else 3)
        kinds = generate.kinds(rng, Reading(made, MODEL).estate, KINDS)
        try:
            answer = ask(put_in_doubt(from_world(made), ties), kinds)
            surely, perhaps = check(answer, kinds, consistent(made, ties))
            if not is_wired and not may_be_inexact(made, ties):
                assert down(answer, "SURE", "POSSIBLE") == perhaps
                assert {n.ci.id for n in answer.nodes if n.ci.id in surely} == down(answer, "SURE")
        except (AssertionError, KeyError):
            return True
    return False


def test_bounds_err_nowhere() -> None:
    assert not errs(Random(3), CASES)


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_of_certainty_dies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, old, new = MUTANTS[name]
    source = inspect.getsource(module)
    assert source.count(old) == 1
    mutant = ModuleType("mutant")
    mutant.__dict__["__name__"] = "mutant"
    monkeypatch.setitem(sys.modules, "mutant", mutant)  # dataclasses look for it there
    exec(source.replace(old, new), mutant.__dict__)  # noqa: S102 # our own source with one mistake in it
    for place, attribute in USED[module]:
        monkeypatch.setattr(place, attribute, getattr(mutant, attribute))

    assert errs(Random(3), CASES)
