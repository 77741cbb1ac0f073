"""What goes along when a part of a CI becomes another one: ties, and what its targets remember. On both engines."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from cmdb.changes import ChangeSet, ManifestEntry
from cmdb.identity.decide import Request, decide
from cmdb.identity.undo import undo
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import LINKS, Identifier, Link, Observation, Report, path
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import set_target
from tests.contracts.replay import astray
from tests.contracts.test_decisions import A, B, C, by_key, merge, state
from tests.contracts.test_ingest import ids
from tests.reports import device, port, report


@pytest.fixture
def ingest(any_store: BoltStore, model: Model) -> Ingest:
    return Ingest(any_store, model, lambda: 1_000, ids())


def cables(target: str, key: str, at: int, *ports: str) -> Report:
    """Ports of a switch that are cabled to the ports of the same number of switch c."""
    tied = [
        Observation(
            "Interface",
            p,
            {},
            (),
            key,
            (Link("CONNECTED_TO", path(C, "Interface", p), method="lldp"),),
            role="mentioned",
        )
        for p in ports
    ]
    named = Observation("NetworkDevice", key, {}, (Identifier(key),), role="mentioned")
    return Report("snmp", target, at, (named, *tied), part=LINKS)


def visits(at: int, mtu: int = 1500) -> list[Report]:
    """Switches a and b with one port each, and c to which both are cabled."""
    found = [report(t, at, device(t, k), port(k, "1", mtu=mtu)) for t, k in (("a", A), ("b", B))]
    far = report("c", at, device("c", C), port(C, "1"), port(C, "2"))
    return [*found, far, cables("a", A, at, "1"), cables("b", B, at, "1", "2")]


def split(ingest: Ingest, key: str, target: str) -> str:
    """Give a CI of its own to what a target said; its decision's id."""
    cis = (ingest.store.by_key([key])[key][0][0],)
    return decide(ingest, Request(kind="split", cis=cis, targets=(target,), actor="ann", reason="two boxes")).id


def ends(store: BoltStore) -> set[tuple[str, str]]:
    """Who is cabled to whom: names of switches, with the number of the port of the far one."""
    names = {c.id: c for c in store.scan_cis()}
    ties = [(names[r.source], names[r.target]) for r in store.scan_relationships() if r.type == "CONNECTED_TO"]
    both = [sorted(((names[c.parent].name, c.local_key) for c in tie), reverse=True) for tie in ties]
    return {(f"{far[0]}{far[1]}", near[0]) for far, near in both}


def test_what_was_absorbed_and_split_off_is_met_again_where_it_is(
    ingest: Ingest, any_store: BoltStore, model: Model
) -> None:
    """Its targets knew it as part of the first one, which was absorbed itself since: a visit failed for good."""
    ingest.run(visits(1), "test", "")
    merge(ingest, A, B, despite=True)
    split(ingest, A, "b")
    merge(ingest, C, A, despite=True)

    assert astray(any_store) == []
    ingest.run(visits(5, mtu=9000), "test", "")
    b = by_key(any_store, B)
    assert {(c.parent == b, c.attributes.get("mtu")) for c in any_store.scan_cis() if c.parent} == {
        (True, 9000),
        (False, 9000),
        (False, None),
    }
    assert len({by_key(any_store, k) for k in (A, B, C)}) == 2
    assert verify(any_store, model, deep=True).problems == ()


def test_cables_go_along_with_the_port_that_leaves(ingest: Ingest, any_store: BoltStore) -> None:
    ingest.run(visits(1), "test", "")
    apart = ends(any_store)
    merge(ingest, A, B, despite=True)
    ingest.run(visits(3, mtu=9000), "test", "")
    before = state(any_store)["links"].keys()
    done = split(ingest, A, "b")

    assert ends(any_store) == apart == {("c1", "a"), ("c1", "b")}
    ingest.run(visits(5, mtu=9000), "test", "")
    assert ends(any_store) == apart
    undo(ingest, done, "ann", "one box")
    assert state(any_store)["links"].keys() == before


def test_a_cable_to_a_port_that_stays_stays(ingest: Ingest, any_store: BoltStore) -> None:
    """It was said by the switch that leaves, of a port that only the other one has."""
    up = Link("CONNECTED_TO", path(A, "Interface", "1"), method="lldp")
    ingest.run([report("a", 1, device("a", A), port(A, "1")), report("c", 1, device("c", C), port(C, "3"))], "test", "")
    done = merge(ingest, A, C, despite=True)
    ingest.run([report("c", 5, device("c", C), port(C, "3", (up,)))], "test", "")
    tied = ends(any_store)
    undo(ingest, done.id, "ann", "two boxes")
    apart = ends(any_store)
    merge(ingest, A, C, despite=True)
    split(ingest, A, "c")

    assert (tied, apart, ends(any_store)) == ({("a3", "a")}, {("c3", "a")}, {("c3", "a")})


def test_what_is_missed_is_missed_of_the_one_that_leaves(ingest: Ingest, any_store: BoltStore) -> None:
    ingest.run(visits(1), "test", "")
    merge(ingest, A, B, despite=True)
    ingest.run([report("b", 3, device("b", B))], "test", "")
    split(ingest, A, "b")
    there = {c.id: c for c in any_store.scan_cis()}
    missed = [there[ci] for ci in any_store.targets(["snmp/b"], manifests=True)["snmp/b"].absent]

    assert [(there[c.parent].name, c.local_key) for c in missed] == [("b", "1")]
    assert astray(any_store) == []


def test_who_is_remembered_and_not_there_is_found_anew(ingest: Ingest, any_store: BoltStore, model: Model) -> None:
    """As earlier versions could leave it behind, see above."""
    ingest.run(visits(1), "test", "")
    before = {c.id for c in any_store.scan_cis()}
    told = any_store.targets(["snmp/a"], manifests=True)["snmp/a"]
    nowhere = {name: ManifestEntry(b"", f"no-{line.ci}") for name, line in told.manifest.items()}
    broken = set_target("snmp/a", replace(told, hash=b"", manifest=nowhere))
    any_store.commit(ChangeSet(2, [], [broken]), any_store.head().sequence, "test", "")
    assert len(astray(any_store)) == 2
    ingest.run(visits(5, mtu=9000), "test", "")

    assert astray(any_store) == []
    assert {c.id for c in any_store.scan_cis()} == before
    assert {c.attributes.get("mtu") for c in any_store.scan_cis() if c.parent == by_key(any_store, A)} == {9000}
    assert verify(any_store, model, deep=True).problems == ()
