"""Silent targets: an attribute at once, missing after enough runs, and no belief in a scope that shrank."""

from __future__ import annotations

import pytest

from cmdb.errors import Invalid, NotFound
from cmdb.identity.decide import Request, decide
from cmdb.identity.undo import undo
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.absence import HOUR_MS
from cmdb.model.registry import Model
from cmdb.observation import Report
from cmdb.reachability import Reach, confirm, note_reached
from cmdb.store.bolt import BoltStore
from cmdb.sweep import sweep
from tests.contracts.test_ingest import ids
from tests.reports import device, port, report


class Site:
    """Five switches with a port each, and runs that reach some of them."""

    def __init__(self, store: BoltStore, model: Model) -> None:
        self.store, self.hour = store, 1
        self.ingest = Ingest(store, model, lambda: self.hour * HOUR_MS, ids())

    def visit(self, name: str) -> Report:
        key = f"serial:x:{name}"
        return report(name, self.hour * HOUR_MS, device(name, key, f"target:{name}"), port(key, f"port of {name}"))

    def run(self, silent: str = "", **others: Reach) -> str:
        """A complete run an hour later; returns the record that asks."""
        self.hour += 1
        found: dict[str, Reach] = {n: "unreachable" if n in silent else "reachable" for n in "abcde"}
        found |= others
        told = [self.visit(n) for n, reach in found.items() if reach == "reachable"]
        self.ingest.run(told, "test", "")
        return note_reached(self.ingest, found, f"run {self.hour}", "test", "discovery of the site").asked

    def shown(self, attribute: str = "reachability") -> dict[str, object]:
        return {c.name: c.attributes.get(attribute) for c in self.store.scan_cis() if not c.parent}

    def statuses(self) -> dict[str, str]:
        return {c.name: c.status for c in self.store.scan_cis()}


@pytest.fixture
def site(any_store: BoltStore, model: Model) -> Site:
    return Site(any_store, model)


def test_reachability_stands_beside_the_status(site: Site, model: Model) -> None:
    site.run()
    before = site.store.head().sequence
    site.run()
    unchanged = site.store.head().sequence
    site.run(silent="a", b="access_lost")
    found = site.shown()
    site.run()

    assert unchanged == before
    assert found == {"a": "unreachable", "b": "access_lost", "c": "reachable", "d": "reachable", "e": "reachable"}
    assert set(site.statuses().values()) == {"in_service"}
    assert set(site.shown().values()) == {"reachable"}
    assert verify(site.store, model, deep=True).problems == ()


def test_a_silent_device_is_missing_with_its_parts_and_comes_back(site: Site) -> None:
    site.run()
    site.run(silent="a")
    for _ in range(3):
        site.run(silent="a")
    sweep(site.ingest, site.hour * HOUR_MS, "test")
    early = site.statuses()["a"]
    site.hour += 30
    site.run(silent="a")
    done = sweep(site.ingest, site.hour * HOUR_MS, "test")
    again = sweep(site.ingest, site.hour * HOUR_MS, "test")
    late = site.statuses()
    (gone,) = (c for c in site.store.scan_cis() if c.name == "a")
    site.run()
    back = site.statuses()

    assert early == "in_service"
    assert (done.missing, done.commits, again.commits) == (2, 1, 0)
    assert (late["a"], late["port of a"], late["b"]) == ("missing", "missing", "in_service")
    marks = gone.facets["snmp/a"].marks
    assert (marks["runs"], marks["silent"]) == (5, 3 * HOUR_MS)
    assert marks["confidence"] == 84  # 1 - 0.8 ** 5 / 2: the others answered, nobody is known to be beside it
    assert gone.attributes["reachability"] == "unreachable"
    assert set(back.values()) == {"in_service"}


def test_a_device_that_was_absorbed_is_still_noted_and_missed(site: Site, model: Model) -> None:
    """Two targets that are one device: each of them tells, and when both are silent for long enough it is missing."""
    site.run()
    cis = tuple(site.store.by_key([f"serial:x:{n}"])[f"serial:x:{n}"][0][0] for n in "ab")
    request = Request(kind="merge", cis=cis, actor="ann", reason="one box", despite=True)
    done = decide(site.ingest, request)
    site.run(b="access_lost")
    told = {n for c in site.store.cis(cis[:1]) for n in c.facets}
    for _ in range(26):  # hours
        site.run(silent="ab")
        for record in site.store.records(kinds=["shrink"], states=["open"]):
            confirm(site.ingest, record.id, "ann")
    sweep(site.ingest, site.hour * HOUR_MS, "test")

    assert told == {"snmp/a", "discovery/a", f"{cis[1]}>snmp/b", f"{cis[1]}>discovery/b"}
    assert site.statuses()["a"] == "missing"
    undo(site.ingest, done.id, "ann", "two boxes")
    assert {site.statuses()[n] for n in "ab"} == {"missing"}
    assert verify(site.store, model, deep=True).problems == ()


def test_a_scope_that_shrank_asks_and_changes_nothing(site: Site) -> None:
    site.run()
    asked = site.run(silent="abc")
    shown = site.shown()
    (record,) = site.store.records(kinds=["shrink"])
    confirm(site.ingest, record.body["run"], "eve")
    believed = site.shown()

    assert asked == record.id
    assert set(shown.values()) == {"reachable"}
    assert (record.state, record.title) == ("open", "3 of 5 targets did not answer")
    assert [name for name, reach in believed.items() if reach == "unreachable"] == ["a", "b", "c"]
    with pytest.raises(Invalid, match="settled: confirmed"):
        confirm(site.ingest, record.id, "eve")
    with pytest.raises(NotFound, match="no run 'nobody' asked"):
        confirm(site.ingest, "nobody", "eve")


def test_the_next_usual_run_settles_the_question(site: Site) -> None:
    site.run()
    site.run(silent="abc")
    site.run()

    assert [r.state for r in site.store.records(kinds=["shrink"])] == ["settled"]


def test_targets_that_nobody_knows_are_left_out(site: Site) -> None:
    site.run(z="unreachable")

    assert len(site.shown()) == 5
