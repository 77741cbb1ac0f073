"""Decisions about identity on real engines: what they do, and that they can be taken back."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmdb.changes import ChangeSet, PutTask
from cmdb.errors import Denied, Refused
from cmdb.identity.decide import Decided, Request, decide
from cmdb.identity.undo import undo
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import Link, Report, path
from cmdb.store.bolt import BoltStore
from tests.conftest import emptied
from tests.contracts.test_ingest import ids
from tests.reports import device, port, report
from tests.worlds import estates

A, B, C = "serial:x:A", "serial:x:B", "serial:x:C"
CASES = int(os.environ.get("IDENTITY_CASES", "10"))


@pytest.fixture
def ingest(any_store: BoltStore, model: Model) -> Ingest:
    return Ingest(any_store, model, lambda: 1_000, ids())


def state(store: BoltStore) -> dict[str, Any]:
    """All that a merge may touch, apart from revisions."""
    return {
        "cis": {
            c.id: (c.ci_class, c.name, c.status, c.parent, c.local_key, c.attributes, c.identifiers, c.facets)
            for c in store.scan_cis()
        },
        "links": {(r.source, r.type, r.target): (r.attributes, r.facets) for r in store.scan_relationships()},
        "targets": {name: (t.last_seen, t.complete_at, t.manifest) for name, t in store.scan_targets()},
        "pending": sorted((p.key, p.path, p.ci, p.type, p.origin) for p in store.scan_pending()),
    }


def by_key(store: BoltStore, key: str) -> str:
    return store.by_key([key])[key][0][0]


def merge(ingest: Ingest, *keys: str, **more: Any) -> Decided:
    cis = tuple(by_key(ingest.store, k) for k in keys)  # type: ignore[arg-type]
    return decide(ingest, Request(kind="merge", cis=cis, actor="ann", reason="the same box", **more))


def two_boxes(ingest: Ingest) -> None:
    """One switch that two sources took for two, with ports of both, and neighbours on both."""
    up = Link("CONNECTED_TO", path(C, "Interface", "1"), method="lldp")
    ingest.run(
        [
            report("a", 1, device("a", A, "sysname:a", vendor="cisco"), port(A, "1", (up,)), port(A, "2")),
            report(
                "b",
                2,
                device("b", B, "sysname:b", os_version="9"),
                port(B, "1", alias="x"),
                port(B, "3", (up,)),
                source="ssh",
            ),
            report(
                "c", 3, device("c", C), port(C, "1"), port(C, "2", (Link("CONNECTED_TO", path(B, "Interface", "3")),))
            ),
        ],
        "test",
        "",
    )


def test_a_merge_leaves_one_ci_with_what_both_had(ingest: Ingest, any_store: BoltStore, model: Model) -> None:
    two_boxes(ingest)
    a, b, c = (by_key(any_store, k) for k in (A, B, C))
    merge(ingest, A, B, despite=True)

    (record,) = any_store.cis([a])
    assert any_store.cis([b]) == []
    assert {i.key for i in record.identifiers} == {A, B, "sysname:a", "sysname:b"}
    assert record.attributes == {"vendor": "cisco", "os_version": "9"}
    assert sorted(record.facets) == [f"{b}>ssh/b", "snmp/a"]
    ports = {n.other.local_key: n.other for n in any_store.neighbours([a], ["CONTAINS"])[a].neighbours}
    assert sorted(ports) == ["1", "2", "3"]
    assert ports["1"].attributes == {"alias": "x"}
    far = {
        n.other.local_key
        for p in ("1", "2")
        for n in any_store.neighbours(
            [any_store.by_path([f"{c}|Interface|{p}"])[f"{c}|Interface|{p}"]], ["CONNECTED_TO"]
        )
        .popitem()[1]
        .neighbours
    }
    assert far == {"1", "3"}
    assert verify(any_store, model, deep=True).problems == ()


def test_after_a_merge_the_next_visits_change_nothing(ingest: Ingest, any_store: BoltStore) -> None:
    two_boxes(ingest)
    merge(ingest, A, B, despite=True)
    before = state(any_store)
    two_boxes(ingest)
    for source, target, said in (
        ("snmp", "a", (device("a", A, "sysname:a", vendor="cisco"), port(A, "1"), port(A, "2"))),
        ("ssh", "b", (device("b", B, "sysname:b", os_version="9"), port(B, "1", alias="x"), port(B, "3"))),
    ):
        ingest.run([report(target, 9, *said, source=source, complete=False)], "test", "")

    after = state(any_store)
    assert after["cis"] == before["cis"]
    assert {link: sorted(f) for link, (_, f) in after["links"].items()} == {
        link: sorted(f) for link, (_, f) in before["links"].items()
    }


def test_undoing_a_merge_gives_back_what_was_said_since(ingest: Ingest, any_store: BoltStore, model: Model) -> None:
    two_boxes(ingest)
    b = by_key(any_store, B)
    done = merge(ingest, A, B, despite=True)
    ingest.run(
        [
            report(
                "b",
                8,
                device("b", B, "sysname:b", os_version="10"),
                port(B, "1", alias="y"),
                port(B, "4"),
                source="ssh",
            ),
            report("a", 9, device("a", A, "sysname:a", vendor="hpe"), port(A, "1"), port(A, "4")),
        ],
        "test",
        "",
    )
    undo(ingest, done.id, "ann", "they are two after all")

    a = by_key(any_store, A)
    assert by_key(any_store, B) == b
    assert [(r.id, r.attributes) for r in any_store.cis([a, b])] == [(a, {"vendor": "hpe"}), (b, {"os_version": "10"})]
    ports = {
        (ci, n.other.local_key): (n.other.status, n.other.attributes)
        for ci, page in any_store.neighbours([a, b], ["CONTAINS"]).items()
        for n in page.neighbours
    }
    assert set(ports) == {(a, "1"), (a, "2"), (a, "4"), (b, "1"), (b, "3"), (b, "4")}
    assert ports[b, "1"][1] == {"alias": "y"}
    assert ports[a, "1"][1] == {}
    assert verify(any_store, model, deep=True).problems == ()
    (decision,) = any_store.records_about([b])
    assert (decision.state, decision.texts["reason"]) == ("undone", "the same box\ntaken back: they are two after all")


def test_a_split_stays_although_the_serial_is_shared(ingest: Ingest, any_store: BoltStore, model: Model) -> None:
    one, other = device("host", A, "sysname:h"), device("bmc", A, "sysname:h-bmc", ci_class="Computer")
    ingest.run(
        [report("h", 1, one, port(A, "eth0")), report("bmc", 2, other, port(A, "ipmi"), source="ssh")], "test", ""
    )
    ci = by_key(any_store, A)
    before = state(any_store)
    request = Request(kind="split", cis=(ci,), targets=("bmc",), actor="ann", reason="a controller is not its host")
    done = decide(ingest, request)
    new = done.cis[1]
    ingest.run([report("bmc", 5, other, port(A, "ipmi", mtu=1500), source="ssh")], "test", "")
    ingest.run([report("h", 6, one, port(A, "eth0", mtu=9000))], "test", "")

    assert [sorted(r.facets) for r in any_store.cis([ci, new])] == [["snmp/h"], ["ssh/bmc"]]
    ports = {c.local_key: (c.parent, c.attributes.get("mtu")) for c in any_store.scan_cis() if c.parent}
    assert ports == {"eth0": (ci, 9000), "ipmi": (new, 1500)}
    undo(ingest, done.id, "ann", "one box")
    assert {c.id for c in any_store.scan_cis()} == before["cis"].keys()
    assert verify(any_store, model, deep=True).problems == ()


def test_a_reclassified_ci_keeps_its_id_and_comes_back(ingest: Ingest, any_store: BoltStore) -> None:
    two_boxes(ingest)
    before = state(any_store)
    ci = by_key(any_store, A)
    done = decide(
        ingest, Request(kind="reclassify", cis=(ci,), ci_class="Computer", actor="ann", reason="it is a host")
    )

    assert any_store.cis([ci])[0].ci_class == "Computer"
    undo(ingest, done.id, "ann", "no")
    assert state(any_store) == before


@pytest.mark.parametrize(
    ("kind", "keys", "more", "code", "says"),
    [
        ("merge", (A, B), {}, "IDENTITY_CONFLICT", "contradict each other: serial:x:A, serial:x:B"),
        ("merge", (A, A), {}, "INVALID", "2 to 10 different CIs"),
        ("merge", (A, "service:web"), {"despite": True}, "INVALID", "classes that can't be one thing"),
        ("merge", (A,), {}, "INVALID", "2 to 10"),
        ("split", (A,), {}, "INVALID", "say what belongs to the new CI"),
        ("split", (A,), {"targets": ("nowhere",)}, "INVALID", "nowhere says nothing of"),
        ("split", (A,), {"targets": ("a",)}, "INVALID", "nothing would be left of it"),
        ("split", (A,), {"identifiers": ("mac:x",)}, "INVALID", "nothing says mac:x"),
        ("reclassify", (A,), {"ci_class": "Interface"}, "INVALID", "must stand alone"),
        ("reclassify", (A,), {"ci_class": "NetworkDevice"}, "INVALID", "is a NetworkDevice already"),
        ("keep_apart", (A,), {}, "INVALID", "2 to 10"),
        ("ignore", (), {}, "INVALID", "which task"),
        ("merge", (A, B), {"despite": True, "task": "none"}, "NOT_FOUND", "no identity task 'none'"),
        ("merge", (A, B), {"despite": True, "expected_revision": 7}, "VERSION_CONFLICT", "revision 1, not 7"),
        ("merge", (A, B), {"despite": True, "reason": " "}, "INVALID", "say why"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_changes_nothing(
    kind: Any, keys: tuple[str, ...], more: dict[str, Any], code: str, says: str, ingest: Ingest, any_store: BoltStore
) -> None:
    two_boxes(ingest)
    ingest.run([report("m", 1, device("web", "service:web", ci_class="Service"), source="manual")], "test", "")
    before = state(any_store)
    cis = tuple(by_key(any_store, k) for k in keys)
    with pytest.raises(Refused, match=says) as refused:
        decide(ingest, Request(**{"kind": kind, "cis": cis, "actor": "ann", "reason": "because", **more}))

    assert refused.value.code == code
    assert state(any_store) == before


def test_merges_do_not_go_in_circles_and_are_undone_in_order(ingest: Ingest, any_store: BoltStore) -> None:
    two_boxes(ingest)
    before = state(any_store)
    a, b, c = (by_key(any_store, k) for k in (A, B, C))
    ask = {"kind": "merge", "actor": "ann", "reason": "one", "despite": True}
    first = decide(ingest, Request(cis=(a, b), **ask))
    with pytest.raises(Refused, match=f"was absorbed by {a}"):
        decide(ingest, Request(cis=(b, a), **ask))
    second = decide(ingest, Request(cis=(c, a), **ask))
    with pytest.raises(Refused, match=f"absorbed by {c} since: undo that merge first"):
        undo(ingest, first.id, "ann", "no")

    assert any_store.absorbed([a, b]) == {a: c, b: c}
    undo(ingest, second.id, "ann", "no")
    undo(ingest, first.id, "ann", "no")
    assert state(any_store) == before
    with pytest.raises(Refused, match="was taken back before"):
        undo(ingest, first.id, "ann", "no")
    with pytest.raises(Refused, match="no identity decision 'x'"):
        undo(ingest, "x", "ann", "no")


def test_a_dry_run_tells_and_writes_nothing(ingest: Ingest, any_store: BoltStore) -> None:
    two_boxes(ingest)
    before, head = state(any_store), any_store.head()
    cis = (by_key(any_store, A), by_key(any_store, B))
    told = decide(ingest, Request(kind="merge", cis=cis, actor="ann", reason="x", despite=True), dry_run=True)

    assert told.changes
    assert (state(any_store), any_store.head()) == (before, head)


def test_a_dropped_target_takes_its_half_along(ingest: Ingest, any_store: BoltStore) -> None:
    """Undo after one half was retired: it comes back as what it is now."""
    two_boxes(ingest)
    b = by_key(any_store, B)
    done = merge(ingest, A, B, despite=True)
    ingest.run([report("b", 8, source="ssh")], "test", "")
    undo(ingest, done.id, "ann", "two")

    assert {r.status for r in any_store.cis([b])} <= {"missing", "in_service"}
    assert [f.gone for f in any_store.cis([b])[0].facets.values()] == [8]


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(reports=estates(), order=st.permutations(range(4)))
def test_merge_then_undo_is_the_identity(
    reports: list[Report], order: list[int], any_store: BoltStore, model: Model
) -> None:
    emptied(any_store)
    ingest = Ingest(any_store, model, lambda: 1_000, ids())
    for one in reports:
        ingest.run([one], "test", "")
    devices = sorted(c.id for c in any_store.scan_cis() if c.ci_class == "NetworkDevice")
    if len(devices) < 2:
        return
    before = state(any_store)
    pair = tuple([devices[n] for n in order if n < len(devices)][:2])
    done = decide(ingest, Request(kind="merge", cis=pair, actor="ann", reason="one", despite=True))
    merged = state(any_store)
    undo(ingest, done.id, "ann", "two")

    assert pair[1] not in merged["cis"]
    assert state(any_store) == before
    assert verify(any_store, model, deep=True).problems == ()


def test_a_merge_under_another_one_is_not_taken_back_first(ingest: Ingest, any_store: BoltStore) -> None:
    two_boxes(ingest)
    before = state(any_store)
    first, second = merge(ingest, A, B, despite=True), merge(ingest, A, C, despite=True)
    with pytest.raises(Refused, match=f"decided about again: undo decision {second.id} first"):
        undo(ingest, first.id, "ann", "no")
    undo(ingest, second.id, "ann", "no")
    undo(ingest, first.id, "ann", "no")

    assert state(any_store) == before


def test_a_class_that_a_person_decides_beats_what_a_file_says(ingest: Ingest, any_store: BoltStore) -> None:
    ingest.run([report("site", 1, device("a", A), source="manual")], "test", "")
    decide(
        ingest, Request(kind="reclassify", cis=(by_key(any_store, A),), ci_class="Computer", actor="ann", reason="x")
    )

    assert any_store.cis([by_key(any_store, A)])[0].ci_class == "Computer"


def test_a_merge_answers_the_question_about_its_cis(ingest: Ingest, any_store: BoltStore) -> None:
    two_boxes(ingest)
    both = tuple(sorted((by_key(any_store, A), by_key(any_store, B))))
    task = PutTask("t1", "duplicate", "open", "snmp/a", A, (), both, "one?")
    ingest.decide(lambda head: ChangeSet(head.at + 1, [task]), "test", "ask")
    merge(ingest, A, B, despite=True)

    assert [t.state for t in any_store.tasks(())] == ["decided"]


def test_who_may_only_read_decides_nothing(any_store: BoltStore, model: Model) -> None:
    ingest = Ingest(any_store, model, lambda: 1_000, ids(), role=lambda actor: "viewer")
    two_boxes(ingest)
    before = state(any_store)
    with pytest.raises(Denied, match="ann is viewer and may only read"):
        merge(ingest, A, B, despite=True)

    assert state(any_store) == before


def test_a_neighbour_that_spoke_of_both_is_not_confused_by_the_undo(ingest: Ingest, any_store: BoltStore) -> None:
    """What it said of the one port and of the other become one tie, and two again with the times of each."""
    for at, far in ((2, B), (6, A)):
        link = Link("CONNECTED_TO", path(far, "Interface", "3"), method="lldp")
        ingest.run([report("c", at, device("c", C), port(C, "1", (link,)), complete=False)], "test", "")
        ingest.run([report(far, at + 1, device(far, far), port(far, "3"))], "test", "")
    before = state(any_store)
    assert sum(type_ == "CONNECTED_TO" for _, type_, _ in before["links"]) == 2
    undo(ingest, merge(ingest, A, B, despite=True).id, "ann", "two")

    assert state(any_store) == before
