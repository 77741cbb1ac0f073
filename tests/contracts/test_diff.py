"""Differences between moments, on both engines."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from cmdb.diff import Counts, count, differences
from cmdb.errors import Invalid
from cmdb.model.registry import Model
from cmdb.sorting import Sorter
from cmdb.store.bolt import BoltStore
from tests.contracts.build import changed, commit, device, interface
from tests.contracts.past import apply
from tests.contracts.past import differences as mismatches
from tests.contracts.test_history import for_many, told


def test_a_difference_applied_to_the_one_moment_gives_the_other(any_store: BoltStore, model: Model) -> None:
    def check(seed: int) -> None:
        story = told(any_store, seed)
        last = len(story.after) - 1
        for one, other in ((0, last), (0, 4), (3, 9), (5, last), (7, 8), (6, 6)):
            moments = any_store.moment(sequence=one), any_store.moment(sequence=other)
            facts = list(differences(any_store, model, *moments))
            now = copy.deepcopy(story.after[one])
            for fact in facts:
                apply(now, fact)

            assert mismatches(now, story.after[other]) == []
            assert (facts == []) == (story.after[one] == story.after[other])

    for_many(check)


def test_what_changed_and_changed_back_is_not_listed(any_store: BoltStore, model: Model) -> None:
    first = device("d1", model="A")
    commit(any_store, first, device("d2"))
    commit(any_store, changed(first, model="B", os_version="1"))
    commit(any_store, changed(changed(first, os_version="1"), unset=("os_version",), model="A"))
    facts = list(differences(any_store, model, any_store.moment(sequence=1), any_store.moment(sequence=3)))

    assert [(f.ci, f.attribute, f.before, f.after) for f in facts] == []


def test_the_moments_must_be_in_order(any_store: BoltStore, model: Model) -> None:
    commit(any_store, device("d1"))

    with pytest.raises(Invalid, match="earlier moment first"):
        list(differences(any_store, model, any_store.moment(sequence=1), any_store.moment(sequence=0)))


def test_counts(any_store: BoltStore, model: Model) -> None:
    gone = device("d1")
    commit(any_store, gone, device("d2"))
    before = any_store.moment(sequence=1)
    commit(any_store, changed(gone, status="retired"), changed(device("d2"), model="B", os_version="2"))
    commit(any_store, device("d3"), interface("i1", "d3", "e0"))
    facts = list(differences(any_store, model, before, any_store.moment(sequence=3)))

    assert count(facts) == Counts(created=2, changed=1, ended=1)


def test_more_than_fits_in_memory_is_sorted_in_files(tmp_path: Path) -> None:
    names = [(f"{n * 7919 % 1000:04d}", "", "") for n in range(3000)]
    with Sorter(tmp_path, in_memory=100) as sorter:
        for n, name in enumerate(names):
            sorter.add(name, (n,))
        found = list(sorter.sorted())

    assert [key for key, _ in found] == sorted(set(names))
    assert {key: mark for key, mark in found} == {name: (n,) for n, name in enumerate(names)}
    assert list(tmp_path.iterdir()) == []
