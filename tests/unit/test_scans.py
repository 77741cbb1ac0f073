"""What changed between two scans, and when the scan of the day is due."""

from __future__ import annotations

import msgspec
import pytest

from cmdb.service.scans import Entry, Result, difference, is_due
from cmdb.store.protocol import CIRef

DAY, HOUR = 86_400_000, 3_600_000


def entry(name: str, services: int = 1) -> Entry:
    return Entry(name, (CIRef(name, "Computer", name),), services, 2, services)


def result(*entries: Entry, complete: bool = True, truncated: bool = False) -> Result:
    return Result(DAY, 7, "v", complete, truncated, len(entries), entries)


def test_new_gone_and_changed() -> None:
    before = result(entry("a"), entry("b"), entry("c"))
    found = difference(before, result(entry("b", 3), entry("c"), entry("d")))

    assert [e.key for e in found.new] == ["d"]
    assert [e.key for e in found.gone] == ["a"]
    assert [(c.before.services, c.after.services) for c in found.changed] == [(1, 3)]
    assert found.whole
    assert difference(before, before) == msgspec.structs.replace(found, new=(), gone=(), changed=())


@pytest.mark.parametrize("lacks", [{"complete": False}, {"truncated": True}])
def test_what_may_only_have_been_left_out_is_not_told(lacks: dict[str, bool]) -> None:
    whole, part = result(entry("a"), entry("b")), result(entry("b", 2), entry("c"), **lacks)
    later, earlier = difference(whole, part), difference(part, whole)

    assert ([e.key for e in later.new], later.gone, later.whole) == (["c"], (), False)
    assert (earlier.new, [e.key for e in earlier.gone], earlier.whole) == ((), ["c"], False)
    assert len(later.changed) == len(earlier.changed) == 1


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (3 * DAY + 3 * HOUR, 4 * DAY + 2 * HOUR, False),  # before the time of the day
        (3 * DAY + 3 * HOUR, 4 * DAY + 3 * HOUR, True),
        (4 * DAY + 3 * HOUR, 4 * DAY + 23 * HOUR, False),  # made
        (4 * DAY + 2 * HOUR, 4 * DAY + 3 * HOUR, True),  # by hand, an hour before
        (DAY, 4 * DAY + 2 * HOUR, True),  # missed for days
    ],
)
def test_once_a_day(last: int, now: int, due: bool) -> None:
    assert is_due(last, now, 180) == due
