"""When what is read again: periods with jitter, the fewest visits, and patience with the silent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cmdb.entrypoints.live import live
from cmdb.entrypoints.schedule import FIRST_WAIT_MS, LONGEST_WAIT_MS, PATIENCE, due, is_deferred, next_at
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.visits import Seen, Visit, Visits, after, visits_in
from cmdb.errors import Invalid, UsageError
from cmdb.observation import Report
from collectors.discover import State, TargetResult, Told
from collectors.kinds import EVERYTHING, Kind, errands
from collectors.scopes import Scope, TargetSpec, parse_scopes

HOUR_MS = 3_600_000
NOW = 1_795_000_000_000
SILENT = TargetResult("a", "192.0.2.1", State.FAILED, "probe", "TIMEOUT", "nobody")


def scope(name: str = "site", **every: str) -> Scope:
    (found,) = parse_scopes({"scope": [{"name": name, "every": every}]}, "here").scopes
    return found


def test_what_has_no_period_is_never_due() -> None:
    assert due(scope(), {}, NOW) == frozenset()
    assert next_at(scope(), Kind.IDENTITY, {}) is None


def test_what_was_never_read_is_due_at_once() -> None:
    assert due(scope(identity="1d", neighbours="15m"), {}, NOW) == {Kind.IDENTITY, Kind.NEIGHBOURS}


def test_each_kind_has_its_own_period() -> None:
    given = scope(identity="1d", neighbours="1h")
    started = {("site", "identity"): NOW, ("site", "neighbours"): NOW}

    assert due(given, started, NOW + HOUR_MS - 1) == frozenset()
    assert due(given, started, NOW + 2 * HOUR_MS) == {Kind.NEIGHBOURS}
    assert due(given, started, NOW + 30 * HOUR_MS) == {Kind.IDENTITY, Kind.NEIGHBOURS}


def test_visits_are_put_off_by_up_to_a_tenth_and_not_all_alike() -> None:
    waits = set()
    for name in map(str, range(40)):
        at = next_at(scope(name, identity="10h"), Kind.IDENTITY, {(name, "identity"): NOW})
        assert at is not None
        waits.add((at - NOW) / HOUR_MS)

    assert len(waits) == 40
    assert min(waits) >= 10
    assert max(waits) <= 11


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], []),
        (["identity"], [{"identity"}]),
        (["identity", "neighbours"], [{"identity"}, {"neighbours"}]),
        (["inventory"], [{"identity", "inventory"}]),
        (["inventory", "neighbours"], [{"identity", "inventory", "neighbours"}]),
        (["forwarding", "identity"], [set(EVERYTHING)]),
    ],
)
def test_what_is_due_together_is_read_together(kinds: list[str], expected: list[set[str]]) -> None:
    assert errands(map(Kind, kinds)) == expected


@pytest.mark.parametrize("text", ["", "15", "0m", "1w", "1.5h", "-1h", "400d", 900, "9999999m"])
def test_a_period_that_is_none_is_refused_with_its_place(text: str | int) -> None:
    with pytest.raises(UsageError, match=r"here: scope\[0\].every.identity: a period is"):
        parse_scopes({"scope": [{"name": "site", "every": {"identity": text}}]}, "here")


def test_silence_is_met_with_patience_then_with_longer_and_longer_waits() -> None:
    def wait(silent: int) -> int:
        visit = Visit("a", at=NOW, silent=silent)
        found = 0
        while is_deferred(visit, NOW + found):
            found += FIRST_WAIT_MS // 2
        return found

    assert [wait(n) for n in range(PATIENCE + 3)] == [0] * PATIENCE + [FIRST_WAIT_MS << n for n in range(3)]
    assert wait(1_000) == LONGEST_WAIT_MS
    assert not is_deferred(None, NOW)


def told(reason: str = "") -> tuple[Told, ...]:
    return (Told(Report("snmp", "a", 1, ()), reason=reason, identity="who", around="whom"),)


def test_a_visit_remembers_what_the_last_one_did_not_tell() -> None:
    good = after(None, TargetResult("a", "192.0.2.1", State.OK, told=told()), NOW, Seen("site", "v2c", "ops"))
    assert good == Visit("a", "site", "192.0.2.1", NOW, "OK", read_at=NOW, snmp="v2c", ssh="ops", identity="who")

    gone = after(good, SILENT, NOW + 1, Seen())
    assert gone == Visit(
        "a", "site", "192.0.2.1", NOW + 1, "FAILED", "probe", "TIMEOUT", "nobody", NOW, 1, "v2c", "ops", "who"
    )
    again = after(gone, SILENT, NOW + 2, Seen())
    assert again is not None
    assert again.silent == 2

    refused = TargetResult("a", "192.0.2.1", State.FAILED, "auth", "WRONG_CREDENTIAL", "no")
    answered = after(again, refused, NOW + 3, Seen())
    assert answered is not None
    assert (answered.silent, answered.reason, answered.read_at) == (0, "WRONG_CREDENTIAL", NOW)


def test_addresses_at_which_nobody_ever_was_are_not_noted() -> None:
    assert after(None, TargetResult("a", "192.0.2.1", State.SILENT, "probe", "TIMEOUT"), NOW, Seen()) is None


def test_visits_are_on_the_disk_when_they_are_noted(tmp_path: Path) -> None:
    visits = {name: Visit(name, at=NOW, detail="ümlaut") for name in "abc"}
    first, second = Visits(tmp_path / "new" / "visits"), Visits(tmp_path / "new" / "visits")
    first.note(visits.values())
    first.note([Visit("a", at=NOW + 1)])
    first.begin("site", ["identity", "inventory"], NOW)
    first.begin("site", ["identity"], NOW + 1)
    found: tuple[Mapping[str, Visit], object] = second.all(), second.started()
    second.forget(NOW + 181 * 24 * HOUR_MS)
    left = first.all()
    for book in (first, second):
        book.close()

    assert found == (
        visits | {"a": Visit("a", at=NOW + 1)},
        {("site", "identity"): NOW + 1, ("site", "inventory"): NOW},
    )
    assert left == {}
    assert (tmp_path / "new" / "visits").stat().st_mode & 0o077 == 0


def test_a_file_that_is_none_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "visits").write_text("something else" * 100)

    with pytest.raises(Invalid, match=r"visits can't be used"):
        Visits(tmp_path / "visits")


def test_what_was_silent_for_long_is_swept_as_any_other_address(tmp_path: Path) -> None:
    """Who answered lately is visited in any case, with the credential that worked."""
    silent = {"a": PATIENCE - 1, "b": PATIENCE}
    with visits_in(tmp_path) as book:
        book.note([Visit(name, at=NOW, silent=times, snmp="v2c") for name, times in silent.items()])
    specs = [TargetSpec(name, "192.0.2.1", expected=False) for name in "abc"]
    with live(specs, Settings(data_dir=tmp_path)) as found:
        remembered = {target.name: (target.is_remembered, target.worked[0]) for target in found.targets}

    assert remembered == {"a": (True, "v2c"), "b": (False, ""), "c": (False, "")}
