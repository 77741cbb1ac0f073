"""Who said relationships, and which of them are in doubt."""

from __future__ import annotations

import pytest
from msgspec import DecodeError

from cmdb.changes import LinkFacet
from cmdb.model.registry import load_model
from cmdb.reconcile.belief import sure_by
from cmdb.topology.witnesses import Tie, Witnesses

HOUR = 3_600_000
NOW = 1_000 * HOUR
IS_SURE = sure_by(load_model().policy)
CABLE, SESSION, FILE, TIE = (1, "CONNECTED_TO", 2), (3, "CONNECTS_TO", 4), (3, "DEPENDS_ON", 1), (5, "CONTAINS", 6)


@pytest.fixture
def witnesses() -> Witnesses:
    made = Witnesses()
    seen = {"snmp/a": NOW - HOUR, "snmp/b": NOW - 50 * HOUR}
    made.load(CABLE, {"snmp/a": LinkFacet(0, "lldp"), "snmp/b": LinkFacet(0, "lldp")}, seen)
    made.load(SESSION, {"ssh/c": LinkFacet(0, "sessions")}, {"ssh/c": NOW - 50 * HOUR})
    made.load(FILE, {"manual/site": LinkFacet(0, "file")}, {"manual/site": NOW - 5_000 * HOUR})
    made.load(TIE, {}, {"snmp/a": 0})
    return made


def doubtful(of: Witnesses, now: int = NOW, silent: dict[str, int] | None = None) -> set[Tie]:
    return of.doubtful(of.since(), IS_SURE, now, silent)


def test_one_witness_that_spoke_in_time_is_enough_and_a_file_counts_for_years(witnesses: Witnesses) -> None:
    assert doubtful(witnesses) == {SESSION}
    assert doubtful(witnesses, NOW + 60 * HOUR) == {SESSION, CABLE}


def test_who_is_not_silent_has_said_all_again(witnesses: Witnesses) -> None:
    assert doubtful(witnesses, NOW, {}) == set()
    assert doubtful(witnesses, NOW, {"snmp/a": NOW - 60 * HOUR}) == set()  # the other end was heard
    assert doubtful(witnesses, NOW, {"snmp/a": NOW - 60 * HOUR, "snmp/b": NOW - 60 * HOUR}) == {CABLE}


def test_what_an_origin_left_out_when_it_spoke_last_stays_as_old_as_it_was() -> None:
    made = Witnesses()
    made.load(CABLE, {"snmp/a": LinkFacet(0, "lldp")}, {"snmp/a": NOW - 90 * HOUR})
    made.load(FILE, {"snmp/a": LinkFacet(0, "lldp")}, {"snmp/a": NOW})

    assert doubtful(made) == doubtful(made, NOW, {}) == {CABLE}


def test_the_feed_goes_before_what_was_loaded(witnesses: Witnesses) -> None:
    before = witnesses.since()
    witnesses.follow(SESSION, {"ssh/c": LinkFacet(0, "sessions")})
    witnesses.follow(CABLE, {"snmp/a": LinkFacet(0, "lldp", {}, NOW - 60 * HOUR)})
    witnesses.forget(FILE)

    assert witnesses.changed(before) == {SESSION, CABLE, FILE}
    assert witnesses.changed(witnesses.since()) == set()
    assert doubtful(witnesses) == {CABLE}
    assert doubtful(witnesses, NOW, {"ssh/c": NOW - 50 * HOUR}) == {CABLE, SESSION}
    assert FILE not in doubtful(witnesses, NOW + 200_000 * HOUR)


def test_packed_and_unpacked_it_is_the_same(witnesses: Witnesses) -> None:
    witnesses.follow((7, "RUNS_ON", 8), {"ssh/c": LinkFacet(0, "", {}, NOW - 60 * HOUR)})
    witnesses.forget(FILE)
    again = Witnesses.unpack(witnesses.pack())

    for now in (NOW, NOW + 60 * HOUR, NOW + 200_000 * HOUR):
        for silent in (None, {}, {"snmp/a": NOW - 60 * HOUR, "snmp/b": NOW}):
            assert doubtful(again, now, silent) == doubtful(witnesses, now, silent)
    assert again.pack() == witnesses.pack()
    with pytest.raises(DecodeError):
        Witnesses.unpack(b"\x93\x01\x02\x03")
