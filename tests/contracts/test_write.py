"""What a commit writes, on both engines."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cmdb.changes import (
    ChangeSet,
    EndRelationship,
    Evidence,
    LinkFacet,
    ManifestEntry,
    NewCI,
    Pending,
    PutTask,
    SetRelationship,
)
from cmdb.errors import Invalid, LimitExceeded
from cmdb.model.registry import Model
from cmdb.observation import Identifier
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import Conflict
from tests.contracts.build import AT, ORIGIN, changed, commit, device, facet, interface, relationship, target


def test_a_device_with_parts_is_read_back_as_written(any_store: BoltStore) -> None:
    serial = Identifier("serial:cisco:FOC1", True)
    commit(
        any_store,
        device(
            "d1", "Core-1", (serial, Identifier("sysname:core-1", False)), vendor="cisco", roles=["switch", "router"]
        ),
        interface("i1", "d1", "Gi1|0/1", if_index=1, speed_bps=10_000_000_000),
        targets=[target()],
    )

    record = any_store.cis(["i1", "nowhere", "d1"])

    assert [r.id for r in record] == ["i1", "d1"]
    assert record[0].parent == "d1"
    assert record[0].local_key == "Gi1|0/1"
    assert record[0].attributes == {"if_index": 1, "speed_bps": 10_000_000_000}
    assert record[1].name == "Core-1"
    assert record[1].attributes == {"vendor": "cisco", "roles": ["switch", "router"]}
    assert record[1].identifiers == (serial, Identifier("sysname:core-1", False))
    assert record[1].seen == {ORIGIN: AT}
    assert (record[1].revision, record[1].status, record[1].first_seen) == (1, "in_service", AT)


def test_the_tie_to_the_parent_comes_with_the_dependent(any_store: BoltStore) -> None:
    commit(
        any_store,
        device("d1"),
        interface("i1", "d1", "ge-0"),
        NewCI("a1", "IPAddress", "i1", "192.0.2.1", "in_service", {"name": "192.0.2.1"}, (), {ORIGIN: facet()}, AT),
        NewCI("s1", "SoftwareInstance", "d1", "sshd", "in_service", {"name": "sshd"}, (), {ORIGIN: facet()}, AT),
        targets=[target()],
    )

    ties = {(r.source, r.type, r.target): r for r in any_store.scan_relationships()}

    assert set(ties) == {("d1", "CONTAINS", "i1"), ("i1", "HAS_ADDRESS", "a1"), ("s1", "RUNS_ON", "d1")}
    assert all(r.facets == {} and r.seen == {ORIGIN: AT} for r in ties.values())
    assert any_store.by_path(["d1|Interface|ge-0", "i1|IPAddress|192.0.2.1", "d1|Interface|ge-9"]) == {
        "d1|Interface|ge-0": "i1",
        "i1|IPAddress|192.0.2.1": "a1",
    }
    assert any_store.known(["d1"])["d1"].links == {}


def test_a_change_keeps_the_old_version_and_counts(any_store: BoltStore) -> None:
    born = device("d1", vendor="cisco", model="C9300", sys_location="rack 1")
    commit(any_store, born)
    commit(any_store, changed(born, ("sys_location",), name="Renamed", model="C9400"), at=AT + 5)

    now = any_store.cis(["d1"])[0]
    versions = any_store.connection.rows("MATCH (v:CIVersion {id: 'd1'}) RETURN properties(v)")

    assert now.name == "Renamed"
    assert now.attributes == {"vendor": "cisco", "model": "C9400"}
    assert now.revision == 2
    assert len(versions) == 1
    old = versions[0][0]
    assert (old["from"], old["to"], old["model"], old["sys_location"], old["revision"]) == (
        AT,
        AT + 5,
        "C9300",
        "rack 1",
        1,
    )
    assert any_store.connection.rows("MATCH (c:CI {id: 'd1'}) RETURN c.from, c.name_lc") == [[AT + 5, "renamed"]]


def test_relationships_change_and_end_with_a_version_each(any_store: BoltStore) -> None:
    commit(any_store, device("d1"), interface("i1", "d1", "a"), interface("i2", "d1", "b"), targets=[target()])
    commit(any_store, relationship("i1", "CONNECTED_TO", "i2", protocols=["lldp"]), at=AT + 1)
    both = {ORIGIN: LinkFacet(AT, "lldp", {}), "ssh/core-1": LinkFacet(AT, "cdp", {})}
    commit(any_store, SetRelationship("i1", "CONNECTED_TO", "i2", {"protocols": ["cdp", "lldp"]}, both), at=AT + 2)

    kept = any_store.relationship("i1", "CONNECTED_TO", "i2")
    candidate = any_store.known(["i2"])["i2"].links
    commit(any_store, EndRelationship("i1", "CONNECTED_TO", "i2"), at=AT + 3)
    versions = any_store.connection.rows(
        "MATCH (v:RelVersion) RETURN v.source_id, v.rel_type, v.target_id, v.from, v.to, v.protocols ORDER BY v.to"
    )

    assert kept is not None
    assert kept.attributes == {"protocols": ["cdp", "lldp"]}
    assert kept.facets == both
    assert candidate == {("i1", "CONNECTED_TO", "i2"): (kept.attributes, both)}
    assert any_store.relationship("i1", "CONNECTED_TO", "i2") is None
    assert versions == [
        ["i1", "CONNECTED_TO", "i2", AT + 1, AT + 2, ["lldp"]],
        ["i1", "CONNECTED_TO", "i2", AT + 2, AT + 3, ["cdp", "lldp"]],
    ]


def test_a_weak_key_names_several_and_a_strong_one_only_one(any_store: BoltStore) -> None:
    weak, strong = Identifier("sysname:sw", False), Identifier("serial:cisco:1", True)
    commit(any_store, device("d1", identifiers=(weak, strong)), device("d2", identifiers=(weak,)))

    with pytest.raises(Invalid, match="serial:cisco:1"):
        commit(any_store, device("d3", identifiers=(strong,)))

    assert any_store.by_key([weak.key, strong.key, "x:y"]) == {
        weak.key: (("d1", False), ("d2", False)),
        strong.key: (("d1", True),),
    }
    assert any_store.cis(["d3"]) == []
    assert any_store.head().sequence == 1


def test_identifiers_are_gained_lost_and_moved(any_store: BoltStore) -> None:
    key = Identifier("serial:cisco:1", True)
    one, two = device("d1", identifiers=(key,)), device("d2")
    commit(any_store, one, two)
    gives, takes = changed(one), changed(two)
    gives.forget, takes.identify = (key.key,), (key, Identifier("mac:00:00:5e:00:53:01", False))
    commit(any_store, takes, gives)

    assert any_store.by_key([key.key]) == {key.key: (("d2", True),)}
    weaker = changed(two)
    weaker.identify, weaker.forget = (Identifier(key.key, False),), ("mac:00:00:5e:00:53:01",)
    commit(any_store, weaker)
    assert any_store.by_key([key.key]) == {key.key: (("d2", False),)}
    assert any_store.connection.rows("MATCH (i:Identifier)-[:IDENTIFIES]->() RETURN i.key") == [[key.key]]


def test_a_head_that_moved_is_a_conflict_and_writes_nothing(any_store: BoltStore) -> None:
    commit(any_store, device("d1"))

    with pytest.raises(Conflict):
        any_store.commit(ChangeSet(AT, [device("d2")]), 0, "test", "too late")

    assert any_store.head().sequence == 1
    assert any_store.cis(["d2"]) == []


def test_a_target_written_meanwhile_is_a_conflict_and_writes_nothing(any_store: BoltStore) -> None:
    commit(any_store, device("d1"), targets=[target()])

    with pytest.raises(Conflict):
        commit(any_store, device("d2"), targets=[target(was=AT - 1, at=AT + 1)])

    assert any_store.cis(["d2"]) == []
    assert commit(any_store, targets=[target(was=AT, at=AT + 1)]) == 1, "working state alone does not move the head"
    assert any_store.targets([ORIGIN])[ORIGIN].last_seen == AT + 1


def test_changes_of_what_is_not_there_are_refused_as_a_whole(any_store: BoltStore) -> None:
    for change in (
        interface("i1", "nowhere", "a"),
        relationship("d1", "DEPENDS_ON", "nowhere"),
        changed(device("nowhere")),
    ):
        with pytest.raises(Invalid, match="nothing was written"):
            commit(any_store, device("d1"), change)

    assert any_store.head().sequence == 0
    assert list(any_store.scan_cis()) == []


def test_a_second_ci_with_the_same_id_is_refused(any_store: BoltStore) -> None:
    commit(any_store, device("d1"))

    with pytest.raises(Invalid, match="duplicate"):
        commit(any_store, device("d1", "other"))

    assert any_store.head().sequence == 1


def test_the_chain_verifies_and_keeps_private_values_beside_it(any_store: BoltStore, model: Model) -> None:
    private = sorted(model.private_attributes("NetworkDevice"))
    assert private, "the test needs a class with free text"
    text: dict[str, Any] = {private[0]: "secret words"}
    commit(any_store, device("d1", **text))
    commit(any_store, changed(device("d1"), vendor="cisco"), at=AT + 1)

    commits = any_store.commits(0)
    previous = ""
    for link in commits:
        assert link.previous == previous
        assert link.hash == link.link(previous)
        previous = link.hash

    assert [c.sequence for c in commits] == [1, 2]
    assert b"secret words" not in commits[0].payload
    assert commits[0].changes()[0].attributes[private[0]] == "secret words"  # type: ignore[union-attr] # it is a NewCI
    assert any_store.head().hash == previous
    assert any_store.commits(1, 1)[0].sequence == 2
    assert any_store.commits(2) == []


def test_a_payload_beyond_one_property_is_split_and_joined(
    any_store: BoltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmdb.store.prepare.MAX_PART_BYTES", 100)
    monkeypatch.setattr("cmdb.store.write.MAX_PART_BYTES", 100)
    many = [device(f"d{n:03}", sys_description=f"text number {n * 7919}") for n in range(50)]
    commit(any_store, *many)

    link = any_store.commits(0)[0]

    assert any_store.connection.rows("MATCH (p:CommitPart) RETURN count(p)")[0][0] > 3
    assert link.hash == link.link("")
    assert [c.id for c in link.changes()] == [c.id for c in many]  # type: ignore[union-attr] # all are NewCI


def test_what_waits_is_found_by_its_key_and_goes_when_it_arrives(any_store: BoltStore) -> None:
    commit(any_store, device("d1"), device("d2"))
    waits = [
        Pending("serial:x:1", "", "d1", "DEPENDS_ON", ORIGIN, LinkFacet(AT, "file", {})),
        Pending("serial:x:1", "Interface|ge-0", "d2", "DEPENDS_ON", ORIGIN, LinkFacet(AT, "file", {"group_key": "g"})),
    ]
    commit(any_store, pending=waits)
    commit(any_store, pending=waits, at=AT + 1)  # a partial visit says it again

    assert set(any_store.named([], ["serial:x:1", "serial:x:2"])[1]) == {"serial:x:1"}
    assert sorted(any_store.scan_pending(), key=lambda w: w.ci) == waits
    commit(any_store, arrived=[waits[0]])
    assert any_store.named([], ["serial:x:1"])[1] == {"serial:x:1": (waits[1],)}
    assert {id_: ci.waiting for id_, ci in any_store.known(["d1", "d2"]).items()} == {"d1": set(), "d2": {ORIGIN}}
    commit(any_store, settled=[("d2", "ssh/other"), ("d1", ORIGIN)])
    assert len(list(any_store.scan_pending())) == 1
    commit(any_store, settled=[("d2", ORIGIN)])
    assert list(any_store.scan_pending()) == []


def test_targets_keep_what_they_said_and_what_older_visits_said(any_store: BoltStore) -> None:
    manifest = {"k1": ManifestEntry(b"h1", "d1"), "k2": ManifestEntry(b"h2", "d2", AT - 500)}
    commit(any_store, device("d1"), device("d2"), targets=[target(manifest=manifest)])

    state = any_store.targets([ORIGIN, "snmp/none"], manifests=True)
    any_store.mark_seen({ORIGIN: (AT + 9,), "snmp/none": (AT,)})
    later = any_store.targets([ORIGIN])[ORIGIN]

    assert set(state) == {ORIGIN}
    assert state[ORIGIN].manifest == manifest
    assert state[ORIGIN].tables == ("ifTable",)
    assert (later.last_seen, later.complete_at, later.manifest) == (AT + 9, AT + 9, {})
    assert {c.id: c.seen[ORIGIN] for c in any_store.cis(["d1", "d2"])} == {"d1": AT + 9, "d2": AT - 500}
    any_store.mark_seen({ORIGIN: (AT,)})
    assert any_store.targets([ORIGIN])[ORIGIN].last_seen == AT + 9, "an older visit turns no clock back"
    assert dict(any_store.scan_targets())[ORIGIN].manifest == manifest


def test_a_target_last_seen_in_part_is_not_complete_when_seen_again(any_store: BoltStore) -> None:
    partial = target()
    partial.complete_at = AT - 100
    commit(any_store, device("d1"), targets=[partial])
    any_store.mark_seen({ORIGIN: (AT + 9,)})

    state = any_store.targets([ORIGIN])[ORIGIN]

    assert (state.last_seen, state.complete_at) == (AT + 9, AT - 100)


def test_gone_facets_keep_the_time_they_were_seen(any_store: BoltStore) -> None:
    born = device("d1")
    gone = changed(born, status="missing")
    gone.facets = {ORIGIN: facet(None, gone=AT + 7, seen=AT + 3)}
    commit(any_store, born, device("d2"), relationship("d1", "DEPENDS_ON", "d2"), targets=[target(at=AT + 7)])
    commit(any_store, gone, at=AT + 7)

    kept = any_store.relationship("d1", "DEPENDS_ON", "d2")

    assert any_store.cis(["d1"])[0].seen == {ORIGIN: AT + 3}
    assert any_store.known(["d1"])["d1"].facets[ORIGIN].attributes == {"name": "d1"}
    assert kept is not None
    assert kept.seen == {ORIGIN: AT + 3}


def test_tasks_are_put_once_and_change_state(any_store: BoltStore) -> None:
    task = PutTask("t1", "ambiguous", "open", ORIGIN, "target:x", ("sysname:a",), ("d1", "d2"), "which?")
    commit(any_store, task)
    commit(any_store, PutTask("t1", "ambiguous", "done", ORIGIN, "target:x", ("sysname:a",), ("d1", "d2"), "which?"))

    assert any_store.tasks() == []
    assert [t.state for t in any_store.tasks(())] == ["done"]
    assert any_store.tasks(("done",), ("conflict",)) == []


def test_tasks_keep_their_evidence_and_are_found_by_what_they_are_about(any_store: BoltStore) -> None:
    shown = (Evidence("serial:x:A", "contradicts", True, "snmp", ("d1",)), Evidence("mac:m", "silent", False, "ssh"))
    first = PutTask("t1", "duplicate", "open", ORIGIN, "k", (), ("d1", "d2"), "which?", "merge", shown, 5)
    second = PutTask("t2", "conflict", "obsolete", "ssh/b", "k", (), ("d3",), "which?")
    commit(any_store, first, second)

    assert any_store.tasks(()) == [first, second]
    assert any_store.tasks((), about=["d2", "d9"]) == [first]
    assert any_store.tasks((), about=["ssh/b"]) == [second]
    assert any_store.tasks(("open",), about=["d3"]) == []
    assert any_store.tasks((), about=["d9"]) == []
    assert any_store.tasks_by_id(["t2", "t9", "t1", "t2"]) == [first, second]
    assert any_store.tasks_by_id([]) == []


def test_a_ci_may_begin_with_a_later_revision(any_store: BoltStore) -> None:
    commit(any_store, msgspec.structs.replace(device("d1"), revision=17), device("d2"))

    assert {c.id: c.revision for c in any_store.cis(["d1", "d2"])} == {"d1": 17, "d2": 1}


@pytest.mark.parametrize("value", [{"a": 1}, [1, "a"], [[1]], 2**63, None, b"x"])
def test_values_that_one_engine_would_change_are_refused(any_store: BoltStore, value: object) -> None:
    with pytest.raises(Invalid, match="vendor"):
        commit(any_store, device("d1", vendor=value))

    assert any_store.head().sequence == 0


def test_keys_too_long_for_an_index_are_refused(any_store: BoltStore) -> None:
    with pytest.raises(LimitExceeded, match="4096"):
        commit(any_store, device("d1", identifiers=(Identifier("x:" + "é" * 3000, True),)))
    with pytest.raises(LimitExceeded, match="4096"):
        commit(any_store, device("d1"), interface("i1", "d1", "x" * 5000))


def test_long_names_are_kept_in_full_and_found(any_store: BoltStore) -> None:
    name = "İ" * 2000
    commit(any_store, device("d1", name))

    assert any_store.cis(["d1"])[0].name == name
    assert [c.id for c in any_store.resolve(name)] == ["d1"]


def test_unknown_names_never_reach_a_statement(any_store: BoltStore) -> None:
    odd = device("d1")
    odd.ci_class = "X}) DETACH DELETE"
    unknown: dict[str, Any] = {"a`: 1}) //": 1}

    for changes in (
        [odd],
        [device("d1", **unknown)],
        [device("d1"), relationship("d1", "X`]->() //", "d1")],
        [device("d1"), device("d2"), relationship("d1", "DEPENDS_ON", "d2", **unknown)],
    ):
        with pytest.raises(Invalid):
            commit(any_store, *changes)

    assert any_store.head().sequence == 0


def test_a_large_change_set_goes_in_messages_the_engines_take(any_store: BoltStore) -> None:
    big = [device(f"d{n:05}", sys_description="x" * 3_900) for n in range(3_000)]  # 12 MB of text
    commit(any_store, *big)

    assert any_store.connection.rows("MATCH (c:CI) RETURN count(c.id), sum(size(c.sys_description))") == [
        [3_000, 11_700_000]
    ]
    assert len(any_store.commits(0)[0].changes()) == 3_000


def test_a_row_beyond_a_message_is_refused(any_store: BoltStore) -> None:
    with pytest.raises(LimitExceeded, match="message"):
        commit(any_store, device("d1", roles=["x" * 1000] * 5000))
