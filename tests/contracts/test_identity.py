"""The torture set of identity on real engines, told as written and backwards."""

from __future__ import annotations

from itertools import count

import pytest

from cmdb.ingest import Ingest
from cmdb.model.registry import Model, load_model
from cmdb.observation import Report
from cmdb.store.bolt import BoltStore
from tests.identity_cases import Case, Found, expected_groups, expected_questions, read_cases

CASES = read_cases(load_model())


def tell(case: Case, order: tuple[Report, ...] | list[Report], store: BoltStore, model: Model) -> Found:
    numbers, clock = count(1), count(1000)
    ingest = Ingest(store, model, lambda: next(clock), lambda: f"{next(numbers):026}")
    found = Found({}, [])
    for report in order:
        outcomes = ingest.run([report], "tester", "a case", explain=True).outcomes
        found.note(case, report, {o.path: o.ci for o in outcomes[report.origin]})
    found.tasks = store.tasks(())
    return found


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_the_story_as_told(any_store: BoltStore, model: Model, case: Case) -> None:
    found = tell(case, list(case.reports), any_store, model)

    assert found.groups() == expected_groups(case)
    assert found.questions() == expected_questions(case)
    assert all(task.evidence and task.created_at for task in found.tasks)


@pytest.mark.parametrize("case", [c for c in CASES if c.order != "as_written"], ids=lambda c: c.name)
def test_told_backwards_it_comes_to_the_same(store: BoltStore, model: Model, case: Case) -> None:
    found = tell(case, list(case.reports)[::-1], store, model)

    if case.order == "settled":
        assert found.settled() == frozenset({frozenset(found.cis)})
    else:
        assert found.groups() == expected_groups(case)
        assert found.questions() == expected_questions(case)
