"""Baselines, on both engines."""

from __future__ import annotations

import pytest

from cmdb.baselines import (
    Taken,
    Wanted,
    drop_baseline,
    find_baseline,
    find_point,
    list_baselines,
    take_baseline,
)
from cmdb.diff import differences
from cmdb.errors import Invalid, NotFound
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import Moment
from tests.contracts.build import AT, changed, commit, device


@pytest.fixture
def ingest(any_store: BoltStore, model: Model) -> Ingest:
    return Ingest(any_store, model, lambda: AT + 60_000, lambda: "unused")


def codes(taken: Taken) -> list[tuple[str, str]]:
    return [(r.field, r.code) for r in taken.refusals]


def test_a_baseline_names_the_moment_before_it(ingest: Ingest, model: Model) -> None:
    commit(ingest.store, device("d1"))
    taken = take_baseline(ingest, Wanted("before the move", "the rack is moved tonight"), "kim")

    assert taken.refusals == ()
    assert taken.sequence == 2
    found = find_baseline(ingest.store, "Before the MOVE")
    assert found == taken.baseline
    assert (found.moment, found.by, found.reason) == (Moment(1, AT), "kim", "the rack is moved tonight")
    assert list_baselines(ingest.store) == [found]
    assert find_baseline(ingest.store, found.id) == found
    assert verify(ingest.store, model, deep=True).problems == ()


def test_what_changed_since_a_baseline_is_told_and_nothing_else(ingest: Ingest, model: Model) -> None:
    first = device("d1", model="A")
    commit(ingest.store, first)
    take_baseline(ingest, Wanted("b"), "kim")
    unchanged = list(differences(ingest.store, model, *(find_point(ingest.store, p).moment for p in ("b", "now"))))
    commit(ingest.store, changed(first, model="B"), device("d2"), at=AT + 90_000)
    facts = list(differences(ingest.store, model, *(find_point(ingest.store, p).moment for p in ("b", "now"))))

    assert unchanged == []
    assert [(f.kind, f.ci, f.before, f.after) for f in facts] == [
        ("ATTRIBUTE_CHANGED", "d1", "A", "B"),
        ("CI_CREATED", "d2", None, None),
    ]


def test_a_name_means_one_moment_for_ever(ingest: Ingest) -> None:
    commit(ingest.store, device("d1"))
    take_baseline(ingest, Wanted("b"), "kim")
    again = take_baseline(ingest, Wanted(" B "), "kim")
    dropped = drop_baseline(ingest, "b", "kim", "taken by mistake")
    afterwards = take_baseline(ingest, Wanted("b"), "kim")

    assert codes(again) == codes(afterwards) == [("name", "TAKEN")]
    assert "dropped" in afterwards.refusals[0].message
    assert dropped.state == "dropped"
    assert list_baselines(ingest.store) == []
    assert list_baselines(ingest.store, dropped=True) == [dropped]
    with pytest.raises(NotFound, match="was dropped"):
        find_baseline(ingest.store, "b")
    with pytest.raises(NotFound, match="was dropped"):
        drop_baseline(ingest, "b", "kim")


@pytest.mark.parametrize("name", ["", "  ", "now", "17", "2026-11-23", "2026-11-23T14:00:00Z", "a\nb", "x" * 201])
def test_names_that_could_not_be_told_from_moments_are_refused(ingest: Ingest, name: str) -> None:
    refused = take_baseline(ingest, Wanted(name), "kim")

    assert [field for field, _ in codes(refused)] == ["name"]
    assert ingest.store.head().sequence == 0


def test_a_dry_run_writes_nothing(ingest: Ingest) -> None:
    commit(ingest.store, device("d1"))
    shown = take_baseline(ingest, Wanted("b"), "kim", dry_run=True)

    assert shown.baseline is not None
    assert shown.baseline.moment == Moment(1, AT)
    assert (shown.sequence, ingest.store.head().sequence) == (None, 1)


def test_moments_are_written_in_four_ways(ingest: Ingest) -> None:
    commit(ingest.store, device("d1"))
    commit(ingest.store, device("d2"), at=AT + 5000)
    take_baseline(ingest, Wanted("b", moment=Moment(1, AT)), "kim")
    found = {t: find_point(ingest.store, t).moment.sequence for t in ("b", "now", "2", "2023-11-14T22:13:24Z")}

    assert found == {"b": 1, "now": 3, "2": 2, "2023-11-14T22:13:24Z": 1}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nothing", "no baseline 'nothing'.*a sequence number"),
        ("99", "no sequence 99 yet"),
        ("9999-01-01T00:00:00Z", "in the future"),
        ("2023-11-14T22:13:24", "no time zone"),
        ("1969-01-01T00:00:00Z", "before 1970"),
    ],
)
def test_what_is_no_moment_is_told(ingest: Ingest, text: str, error: str) -> None:
    commit(ingest.store, device("d1"))

    with pytest.raises((Invalid, NotFound), match=error):
        find_point(ingest.store, text)
