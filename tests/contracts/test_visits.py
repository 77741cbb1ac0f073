"""How often a target was read completely, kept also where nothing is read."""

from __future__ import annotations

from cmdb.changes import MAX_VISITS, Absent
from cmdb.store.bolt import BoltStore
from tests.contracts.build import AT, ORIGIN, commit, device, target


def test_unchanged_complete_visits_are_counted_and_the_latest_kept(any_store: BoltStore) -> None:
    commit(any_store, device("d1"), targets=[target()])
    for step in range(1, MAX_VISITS + 5):
        any_store.mark_seen({ORIGIN: (AT + step,)})
    any_store.mark_seen({ORIGIN: (AT + 3,)})
    state = any_store.targets([ORIGIN], manifests=True)[ORIGIN]

    assert state.visits == tuple(range(AT + 5, AT + MAX_VISITS + 5))
    assert (state.last_seen, state.complete_at) == (AT + MAX_VISITS + 4, AT + MAX_VISITS + 4)


def test_partial_visits_are_not_counted(any_store: BoltStore) -> None:
    one = target()
    one.complete_at = AT - 5
    commit(any_store, device("d1"), targets=[one])
    any_store.mark_seen({ORIGIN: (AT + 1,)})

    assert any_store.targets([ORIGIN], manifests=True)[ORIGIN].visits == ()


def test_targets_due_are_those_that_were_silent_or_lack_something(any_store: BoltStore) -> None:
    old, lacking, fresh = target("snmp/old"), target("snmp/lacking", at=AT + 9), target("snmp/fresh", at=AT + 9)
    lacking.absent, lacking.visits, lacking.swept = {"d1": Absent(AT, AT + 1)}, (AT, AT + 9), AT + 2
    commit(any_store, device("d1"), targets=[old, lacking, fresh])
    due = any_store.targets_due(AT + 5)

    assert [d.origin for d in due] == ["snmp/lacking", "snmp/old"]
    assert (due[0].absent, due[0].visits, due[0].swept) == ({"d1": Absent(AT, AT + 1)}, (AT, AT + 9), AT + 2)
