"""Dropping a source, and deriving anew after a change of the policy."""

from __future__ import annotations

import dataclasses

import pytest

from cmdb.errors import Invalid, NotFound
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import Link
from cmdb.sources import drop_source, list_sources, rederive
from cmdb.store.bolt import BoltStore
from tests.contracts.test_ingest import ids, picture
from tests.reports import REPORTS, SERIAL, device, port, report
from tests.unit.world import at_once


def two_sources(store: BoltStore, model: Model) -> Ingest:
    ingest = Ingest(store, model, lambda: 1_000, ids())
    cable = Link("CONNECTED_TO", "serial:x:FAR", {"protocols": ["lldp"]}, "lldp")
    waits = Link("DEPENDS_ON", "serial:x:NOBODY")
    snmp = [device("a", SERIAL, "target:a", os_version="1", vendor="Cisco"), port(SERIAL, "1", links=(cable,))]
    ssh = [
        device("a", "target:a", os_version="2", os_name="IOS", links=(waits,)),
        device("far", "serial:x:FAR"),
        port("target:a", "1", alias="up"),
        port("target:a", "9"),
    ]
    ingest.run([report("a", 1, *snmp), report("a", 2, *ssh, source="ssh")], "test", "")
    ingest.run([report("a", 3, *ssh[:3], source="ssh")], "test", "")  # port 9 is gone
    return ingest


def test_a_dropped_source_leaves_what_the_others_say(any_store: BoltStore, model: Model) -> None:
    ingest = two_sources(any_store, model)
    told = drop_source(ingest, "ssh", "eve", "a trial", dry_run=True)
    before = any_store.head().sequence
    done = drop_source(ingest, "ssh", "eve", "a trial")
    cis = {c.name: c for c in any_store.scan_cis()}

    assert (told.sequence, told.commits, done.commits) == (before, 0, 1)
    assert cis["a"].attributes == {"os_version": "1", "vendor": "Cisco"}
    assert [set(c.facets) for c in cis.values()].count({"snmp/a"}) == 2
    assert (cis["far"].status, cis["far"].facets, cis["9"].status) == ("missing", {}, "missing")
    assert [i.key for i in cis["far"].identifiers] == ["serial:x:FAR"]
    assert list(any_store.scan_pending()) == []
    assert [r.name for r in list_sources(any_store, model)] == ["snmp"]
    assert [r.type for r in any_store.scan_relationships() if r.facets] == ["CONNECTED_TO"]
    assert verify(any_store, model, deep=True).problems == ()
    with pytest.raises(NotFound, match="there is snmp"):
        drop_source(ingest, "ssh", "eve", "again")
    with pytest.raises(Invalid, match="needs a reason"):
        drop_source(ingest, "snmp", "eve", "")


def test_what_a_dropped_source_knew_is_found_again(store: BoltStore, model: Model) -> None:
    ingest = two_sources(store, model)
    drop_source(ingest, "ssh", "eve", "a trial")
    ingest.run([report("far", 9, device("far", "serial:x:FAR"))], "test", "")

    (far,) = (c for c in store.scan_cis() if c.name == "far")
    assert (far.status, far.revision) == ("in_service", 3)


@pytest.mark.parametrize("source", ["manual", "ssh"])
def test_it_is_as_if_the_source_had_never_spoken(store: BoltStore, model: Model, source: str) -> None:
    ingest = Ingest(store, model, lambda: 1_000, ids())
    ingest.run(REPORTS, "test", "")
    drop_source(ingest, source, "eve", "a trial")
    listed, ties, waiting = picture(store, model)  # type: ignore[misc]
    left = [row for row in listed if row[5]], ties, waiting

    from tests.conftest import emptied

    emptied(store)
    Ingest(store, model, lambda: 1_000, ids()).run([r for r in REPORTS if r.source != source], "test", "")
    assert left == picture(store, model)


def test_another_precedence_changes_winners(any_store: BoltStore, model: Model) -> None:
    two_sources(any_store, model)
    kinds = dict(model.sources)
    kinds["ssh"] = dataclasses.replace(kinds["ssh"], precedence=99, rules=())
    other = dataclasses.replace(model, sources=kinds, version="other")
    ingest = Ingest(any_store, other, lambda: 2_000, ids())
    told = rederive(ingest, "eve", "why", dry_run=True)
    noted = any_store.policy()
    done = rederive(ingest, "eve", "why")
    again = rederive(ingest, "eve", "why")

    assert [row[1:] for row in told.changes] == [("os_version", "1", "2")]
    assert (noted, any_store.policy()) == ("", "other")
    assert (done.commits, again.commits) == (1, 0)
    (a,) = (c for c in any_store.scan_cis() if c.name == "a")
    assert a.attributes["os_version"] == "2"


def test_a_policy_of_one_run_is_taken_up_by_new_visits(store: BoltStore) -> None:
    model = at_once()
    ingest = Ingest(store, model, lambda: 1_000, ids())
    ingest.run([report("a", 1, device("a", SERIAL), port(SERIAL, "1"), port(SERIAL, "2"))], "test", "")
    ingest.run([report("a", 2, device("a", SERIAL), port(SERIAL, "1"))], "test", "")

    assert {c.name: c.status for c in store.scan_cis()}["2"] == "missing"
