"""Runs are kept, newest first, and the oldest go."""

from __future__ import annotations

import pytest

from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import RunRecord
from tests.contracts.build import AT, commit, device, interface


def test_runs_are_kept_up_to_a_number(any_store: BoltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.store.runs.MAX_RUNS", 3)
    runs = [RunRecord(f"r{n}", "because", "me", AT + n, AT + n + 1, n % 2 == 0) for n in range(5)]
    for run in (*runs, runs[4]):
        any_store.save_run(run)

    assert any_store.runs(10) == [runs[4], runs[3], runs[2]]
    assert any_store.runs(1) == [runs[4]]


def test_totals_count_by_class_and_type(any_store: BoltStore) -> None:
    commit(any_store, device("d1"), interface("i1", "d1", "a"), interface("i2", "d1", "b"))

    assert any_store.totals() == ({"NetworkDevice": 1, "Interface": 2}, {"CONTAINS": 2})
