"""Items in quarantine stay until somebody lets them go, and their number is bounded."""

from __future__ import annotations

import msgspec

from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import Quarantined
from tests.contracts.build import AT


def entry(number: int, at: int = AT) -> Quarantined:
    item = b'{"labels":{"instance":"web-%d"}}' % number
    return Quarantined(
        f"q{number}",
        "alertmanager",
        "alertmanager:prod",
        "",
        f"ref-{number}",
        item,
        "UNKNOWN_INSTANCE",
        "who?",
        "",
        at,
        at,
    )


def test_entries_are_kept_oldest_first(any_store: BoltStore) -> None:
    entries = [entry(3, AT), entry(1, AT + 1), entry(2, AT + 1)]
    kept = any_store.quarantine(entries[::-1], 10)

    assert kept == {"q1", "q2", "q3"}
    assert any_store.quarantined() == entries
    assert any_store.quarantined(first=2) == entries[:2]
    assert any_store.quarantined(first=2, after="q3") == entries[1:]
    assert any_store.quarantined(first=2, after="q1") == entries[2:]
    assert any_store.quarantined(after="gone") == []
    assert any_store.quarantined(ids=["q2", "gone"]) == [entries[2]]
    assert any_store.quarantine_total() == 3


def test_the_same_again_is_counted(any_store: BoltStore) -> None:
    any_store.quarantine([entry(1)], 10)
    any_store.quarantine([msgspec.structs.replace(entry(1, AT + 5), item=b"{}")], 10)
    (found,) = any_store.quarantined()

    assert (found.first, found.last, found.times, found.item) == (AT, AT + 5, 2, b"{}")


def test_a_full_quarantine_takes_what_it_knows_only(any_store: BoltStore) -> None:
    any_store.quarantine([entry(1), entry(2)], 2)
    kept = any_store.quarantine([entry(3), entry(2)], 2)

    assert kept == {"q2"}
    assert [e.id for e in any_store.quarantined()] == ["q1", "q2"]
    assert any_store.quarantine([], 2) == set()


def test_what_is_released_is_gone(any_store: BoltStore) -> None:
    any_store.quarantine([entry(1), entry(2)], 10)

    assert any_store.release(["q1", "q1", "gone"]) == 1
    assert any_store.release(["q1"]) == 0
    assert [e.id for e in any_store.quarantined()] == ["q2"]


def test_quarantine_does_not_move_the_ledger(any_store: BoltStore) -> None:
    any_store.quarantine([entry(1)], 10)

    assert any_store.head().sequence == 0
    assert any_store.totals() == ({}, {})
