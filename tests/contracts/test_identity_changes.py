"""Changes that move, absorb and return CIs, on both engines."""

from __future__ import annotations

from cmdb.changes import EndCI, EndRelationship, MoveCI, NewCI, NewRelationship, PutRecord, SetCI
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import Identifier
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from tests.contracts.build import AT, ORIGIN, changed, commit, device, facet, interface, relationship

KEY = Identifier("serial:cisco:FOC1")


def two_devices(store: BoltStore) -> None:
    commit(
        store,
        device("d1"),
        device("d2", identifiers=(KEY,)),
        interface("i1", "d2", "ge-0"),
        interface("i2", "d2", "ge-1"),
        device("d3"),
        relationship("i1", "CONNECTED_TO", "d3"),
    )


def absorb(store: BoltStore) -> None:
    commit(
        store,
        MoveCI("i1", "Interface", "d1", "ge-0"),
        MoveCI("i2", "Interface", "d1", "ge-1"),
        SetCI("d1", "NetworkDevice", "in_service", {}, (), {"name": "d1"}, {ORIGIN: facet()}, (KEY,), ()),
        EndCI("d2", "d1"),
    )


def test_an_absorbed_ci_leaves_its_parts_its_keys_and_its_id_to_the_other(any_store: BoltStore, model: Model) -> None:
    two_devices(any_store)
    absorb(any_store)

    assert [r.id for r in any_store.cis(["d2", "i1"])] == ["i1"]
    assert any_store.cis(["i1"])[0].parent == "d1"
    assert any_store.by_path(["d1|Interface|ge-0", "d2|Interface|ge-0"]) == {"d1|Interface|ge-0": "i1"}
    assert any_store.by_key([KEY.key]) == {KEY.key: (("d1", True),)}
    assert any_store.absorbed(["d2", "d1"]) == {"d2": "d1"}
    assert any_store.resolve("d2") == [CIRef("d1", "NetworkDevice", "d1")]
    assert {n.other.id for n in any_store.neighbours(["d1"])["d1"].neighbours} == {"i1", "i2"}
    assert any_store.cis(["i1"])[0].revision == 2
    assert verify(any_store, model, deep=True).problems == ()


def test_an_absorbed_ci_comes_back_under_its_id(any_store: BoltStore, model: Model) -> None:
    two_devices(any_store)
    absorb(any_store)
    commit(
        any_store,
        SetCI("d1", "NetworkDevice", "in_service", {}, (), {"name": "d1"}, {ORIGIN: facet()}, (), (KEY.key,)),
        NewCI("d2", "NetworkDevice", "", "", "in_service", {"name": "d2"}, (KEY,), {ORIGIN: facet()}, AT, 3),
        MoveCI("i1", "Interface", "d2", "ge-0"),
        changed(interface("i2", "d1", "ge-1"), mtu=1500),
        MoveCI("i2", "Interface", "d2", "ge-1"),
    )

    d2, i1, i2 = any_store.cis(["d2", "i1", "i2"])
    assert (d2.revision, d2.first_seen, d2.identifiers) == (3, AT, (KEY,))
    assert (i1.parent, i2.parent, i2.revision, i2.attributes) == ("d2", "d2", 3, {"mtu": 1500})
    assert any_store.absorbed(["d2"]) == {}
    assert verify(any_store, model, deep=True).problems == ()


def test_the_topology_follows(any_store: BoltStore, model: Model) -> None:
    two_devices(any_store)
    topology = Topology(model)
    head = any_store.head()
    topology.load(any_store.scan_cis(), any_store.scan_relationships(), head.sequence, head.at)
    absorb(any_store)
    for one in any_store.commits(head.sequence):
        topology.apply(one.sequence, one.at, one.changes())
    fresh = Topology(model)
    fresh.load(any_store.scan_cis(), any_store.scan_relationships(), head.sequence + 1)

    assert topology.find("d2") is None
    assert [topology.facts.holder(topology.facts.numbers[i]) for i in ("i1", "i2")] == [topology.find("d1")] * 2
    assert topology.requirements() == fresh.requirements()


def test_commits_have_strictly_increasing_times(any_store: BoltStore) -> None:
    for at in (AT, AT, AT - 5):
        commit(any_store, device(f"d{any_store.head().sequence}"), at=at)

    assert [c.at for c in any_store.commits(0)] == [AT, AT + 1, AT + 2]


def test_a_record_is_kept_and_its_texts_stay_out_of_the_chain(any_store: BoltStore, model: Model) -> None:
    record = PutRecord(
        "r1", "baseline", "taken", "before the move", ("d1",), {"sequence": 1}, {"reason": "secret plan"}
    )
    commit(any_store, device("d1"), record)
    commit(any_store, PutRecord("r1", "baseline", "dropped", "before the move", ("d1",), {"sequence": 1}))

    (found,) = any_store.records(kinds=["baseline"])
    assert (found.state, found.revision, found.at, found.changed, found.texts) == ("dropped", 2, AT, AT + 1, {})
    assert any_store.records(states=["taken"]) == []
    assert [r.id for r in any_store.records(ids=["nothing", "r1"])] == ["r1"]
    first = any_store.commits(0, 1)[0]
    assert b"secret plan" not in first.payload
    assert record in first.changes()
    assert verify(any_store, model, deep=True).problems == ()


def test_moving_keeps_the_old_tie(any_store: BoltStore) -> None:
    two_devices(any_store)
    commit(any_store, EndRelationship("i1", "CONNECTED_TO", "d3"), NewRelationship("d3", "CONNECTED_TO", "i2", {}, {}))
    absorb(any_store)
    found = any_store.connection.rows(
        "MATCH (v:RelVersion {source_id: 'd2'}) RETURN v.rel_type, v.target_id, v.from, v.to ORDER BY v.target_id"
    )

    assert found == [["CONTAINS", "i1", AT, AT + 2], ["CONTAINS", "i2", AT, AT + 2]]
