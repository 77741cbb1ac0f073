"""Reads as of a time or a sequence give the graph that was there then, on both engines.

PAST_CASES says how many random histories are tried on each engine, PAST_MIXED how many long ones with decisions.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmdb.changes import EndCI, EndRelationship, MoveCI, NewCI, SetCI
from cmdb.errors import Invalid, Refused
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Link, Report, path
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import CIRecord, CIRef, Condition, Filter, Moment, Neighbour, Order, RelationshipRecord
from tests.conftest import emptied
from tests.contracts.build import AT, ORIGIN, changed, commit, device, facet, interface, relationship
from tests.e2e.mixed_load import KINDS, Load, hasty
from tests.e2e.mixed_load import Order as LoadOrder
from tests.reports import device as said_device
from tests.reports import port, report

CASES = int(os.environ.get("PAST_CASES", "6"))
MIXED = int(os.environ.get("PAST_MIXED", "1"))
WRITES = 30  # tried in each long history
WAYS: dict[Literal["out", "in"], int] = {"out": 0, "in": 2}
NAMES = ("core", "Core", "acc", "edge-1")


class Snapshot:
    """The whole graph as it is read now."""

    def __init__(self, store: BoltStore, at: int | None = None) -> None:
        self.cis = {c.id: told(c) for c in store.scan_cis(at)}
        self.relationships = {(r.source, r.type, r.target): told_of(r) for r in store.scan_relationships(at)}
        self.names = {c.id: (c.name.lower(), c.id) for c in store.scan_cis(at) if c.ci_class != "Requirement"}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and vars(self) == vars(other)


def told(ci: CIRecord) -> tuple[Any, ...]:
    """What a CI is, without sightings, which nobody keeps."""
    gone = {o: (f.gone, f.seen, f.attributes) for o, f in ci.facets.items()}
    head = (ci.ci_class, ci.name, ci.status, ci.revision, ci.first_seen, ci.parent, ci.local_key)
    return (*head, ci.attributes, ci.identifiers, gone)


def told_of(r: RelationshipRecord) -> tuple[Any, ...]:
    return r.attributes, r.facets, r.first_seen, set(r.seen)


def clock() -> Iterator[int]:
    return itertools.count(1_000, 10)


# ---- random histories

_devices = st.sampled_from(["A", "B", "C"])
_ports = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3"]), st.sampled_from(["", "up", "x"]), st.none() | _devices),
    max_size=3,
    unique_by=lambda p: p[0],
)


@st.composite
def _said(draw: st.DrawFn) -> Report:
    """One report of one of three devices: names, classes, keys, ports and cables come and go."""
    which = draw(_devices)
    key = f"serial:x:{which}"
    keys = [key, f"target:{which}", *draw(st.sets(st.sampled_from(["sysname:a", "sysname:b", f"uuid:{which}"])))]
    known: dict[str, object] = {"vendor": v} if (v := draw(st.sampled_from(["", "Cisco", "HP"]))) else {}
    ci_class = draw(st.sampled_from(["NetworkDevice", "Computer"]))
    depends = tuple(Link("DEPENDS_ON", f"serial:x:{d}") for d in draw(st.sets(_devices)) if d != which)
    parts = [said_device(draw(st.sampled_from(NAMES)), *keys, ci_class=ci_class, links=depends, **known)]
    for name, alias, far in draw(_ports):
        cable = (Link("CONNECTED_TO", path(f"serial:x:{far}", "Interface", name)),) if far and far != which else ()
        parts.append(port(key, name, cable, **({"alias": alias} if alias else {})))
    source = draw(st.sampled_from(["snmp", "ssh"]))
    return report(which, draw(st.integers(1, 60)), *parts, source=source, complete=draw(st.booleans()))


def grow(store: BoltStore, model: Model, reports: Iterable[Report]) -> list[tuple[int, int, Snapshot]]:
    """Take reports in one by one; the sequence, the time and the picture after each commit."""
    times, ids = clock(), itertools.count(1)
    ingest = Ingest(store, model, lambda: next(times), lambda: f"{next(ids):04}")
    taken = [(0, 0, Snapshot(store))]
    for one in reports:
        if ingest.run([one], "test", "").committed:
            head = store.head()
            taken.append((head.sequence, head.at, Snapshot(store)))
    return taken


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(reports=st.lists(_said(), min_size=1, max_size=7))
def test_any_history_reads_as_it_was(any_store: BoltStore, model: Model, reports: list[Report]) -> None:
    taken = grow(emptied(any_store), model, reports)

    for (sequence, at, picture), (_, following, _) in zip(
        taken, [*taken[1:], (0, taken[-1][1] + 3, None)], strict=True
    ):
        assert any_store.moment(sequence=sequence) == Moment(sequence, at)
        for time in {at, following - 1}:
            assert any_store.moment(at=time) == Moment(sequence, at)
            assert Snapshot(any_store, time) == picture
        check_pages(any_store, at, picture)
        check_edges(any_store, at, picture)


@settings(max_examples=MIXED, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_any_mix_of_reports_and_decisions_reads_as_it_was(any_store: BoltStore, model: Model, seed: int) -> None:
    """Merges, splits and what takes them back end CIs, bring them back and move their parts; sweeps retire them."""
    store = emptied(any_store)
    to = store.connection.endpoint
    load = Load(LoadOrder(str(seed), to.uri, to.database, to.user, to.password), hasty())
    kinds = load.rng.choices(list(KINDS), list(KINDS.values()), k=WRITES)
    taken = [(0, 0, Snapshot(store))]
    for number, kind in enumerate(kinds):
        with contextlib.suppress(Refused, IndexError):  # there is nothing it could be done to
            load.write(kind, str(number))
        head = store.head()
        if head.sequence != taken[-1][0]:
            taken.append((head.sequence, head.at, Snapshot(store)))
    load.store.close()

    for sequence, at, picture in taken:
        assert store.moment(at=at) == Moment(sequence, at)
        assert Snapshot(store, at) == picture


def check_pages(store: BoltStore, at: int, picture: Snapshot) -> None:
    """Pages, counts and single reads at a time against the whole picture."""
    for where, wanted in filters(picture):
        in_order = [ci for _, ci in sorted(picture.names[ci] for ci in wanted)]

        assert pages(store, where, [Order("name")], at) == in_order, where
        assert pages(store, where, [], at) == sorted(wanted), where
        assert sorted(pages(store, where, [Order("first_seen", True)], at)) == sorted(wanted), where
        assert store.count(where, at=at) == len(wanted)
    read = store.cis(["nobody", *picture.cis], at)
    assert {c.id: told(c) for c in read} == picture.cis
    assert all(time <= at for c in read for time in c.seen.values())


def filters(picture: Snapshot) -> Iterator[tuple[Filter, list[str]]]:
    def those(holds: Any) -> list[str]:
        return [ci for ci in picture.names if holds(picture.cis[ci])]

    yield Filter(), those(lambda c: True)
    yield Filter((Condition("class", "eq", "Interface"),)), those(lambda c: c[0] == "Interface")
    yield Filter((Condition("class", "eq", "Device"),)), those(lambda c: c[0] in ("NetworkDevice", "Computer"))
    kept = Filter(none_of=(Filter((Condition("status", "eq", "missing"),)),))
    yield kept, those(lambda c: c[2] != "missing")
    alias = Condition("alias", "eq", "up", is_attribute=True)
    yield Filter((alias,)), those(lambda c: c[7].get("alias") == "up")
    yield Filter((Condition("name", "eq", "CORE"),)), those(lambda c: c[1].lower() == "core")
    yield Filter((Condition("name", "in", ["Acc", "2"]),)), those(lambda c: c[1].lower() in ("acc", "2"))
    key = Condition("identifier", "eq", "sysname:a")
    yield Filter((key,)), those(lambda c: any(i.key == "sysname:a" for i in c[8]))
    start = Condition("identifier", "starts_with", "uuid:")
    yield Filter(none_of=(Filter((start,)),)), those(lambda c: not any(i.key.startswith("uuid:") for i in c[8]))
    yield Filter((Condition("source", "eq", "ssh"),)), those(lambda c: any(o.startswith("ssh/") for o in c[9]))
    ci = min(picture.cis, default="none")
    near = {a if b == ci else b for a, t, b in picture.relationships if ci in (a, b)}
    yield Filter(related=(ci, (), "both")), those(lambda c: c in [picture.cis[n] for n in near])


def pages(store: BoltStore, where: Filter, order: list[Order], at: int) -> list[str]:
    """All ids of a search, read in pages of two; every page but the last is full."""
    out: list[str] = []
    after = None
    while True:
        page = store.find(where, order, 2, after, at)
        out += [c.id for c in page.cis]
        if not page.more:
            return out
        assert len(page.cis) == 2
        after = page.cursor


def check_edges(store: BoltStore, at: int, picture: Snapshot) -> None:
    """Neighbours and single relationships at a time against the whole picture."""
    ids = list(picture.cis)
    ways = {way: store.neighbours([*ids, "nobody"], ["DEPENDS_ON"], way, 100, at=at) for way in WAYS}
    found = store.neighbours([*ids, "nobody"], first=100, at=at)
    assert found.keys() == set(ids)
    for ci in ids:
        wanted = {tie: r for tie, r in picture.relationships.items() if ci in (tie[0], tie[2])}
        listed = found[ci].neighbours

        assert {tie_of(n): told_of(n.relationship) for n in listed} == wanted
        assert all(told(n.other) == picture.cis[n.other.id] for n in listed)
        assert found[ci].total == len(wanted)
        for way, end in WAYS.items():
            assert {tie_of(n) for n in ways[way][ci].neighbours} == {
                t for t in wanted if t[1] == "DEPENDS_ON" and t[end] == ci
            }
    for ci in ids[:1]:
        assert page_by_page(store, ci, at) == list(found[ci].neighbours)
    for tie, content in list(picture.relationships.items())[:3]:
        one = store.relationship(*tie, at=at)

        assert one is not None
        assert told_of(one) == content
        assert all(time <= at for time in one.seen.values())


def tie_of(n: Neighbour) -> tuple[str, str, str]:
    return n.relationship.source, n.relationship.type, n.relationship.target


def page_by_page(store: BoltStore, ci: str, at: int) -> list[Neighbour]:
    out: list[Neighbour] = []
    after = None
    while True:
        page = store.neighbours([ci], first=2, after=after, at=at)[ci]
        out += page.neighbours
        if not page.more:
            return out
        after = page.cursor


# ---- what reports can't do yet


def test_absorbed_and_moved_cis_are_there_as_they_were(any_store: BoltStore) -> None:
    key = Identifier("serial:cisco:FOC1")
    pictures = {}

    def keep() -> None:
        head = any_store.head()
        pictures[head.at] = Snapshot(any_store)

    commit(
        any_store,
        device("d1"),
        device("d2", identifiers=(key,)),
        interface("i1", "d2", "ge-0"),
        interface("i2", "d2", "ge-1"),
        relationship("i1", "CONNECTED_TO", "d1"),
    )
    keep()
    commit(
        any_store,
        EndRelationship("i1", "CONNECTED_TO", "d1"),
        MoveCI("i1", "Interface", "d1", "ge-0"),
        changed(interface("i2", "d2", "ge-1"), mtu=9000),
        MoveCI("i2", "Interface", "d1", "ge-1"),
        SetCI("d1", "NetworkDevice", "in_service", {}, (), {"name": "d1"}, {ORIGIN: facet()}, (key,), ()),
        EndCI("d2", "d1"),
    )
    keep()
    commit(
        any_store,
        SetCI("d1", "NetworkDevice", "in_service", {}, (), {"name": "d1"}, {ORIGIN: facet()}, (), (key.key,)),
        NewCI("d2", "NetworkDevice", "", "", "in_service", {"name": "d2"}, (key,), {ORIGIN: facet()}, AT, 3),
        MoveCI("i1", "Interface", "d2", "ge-0"),
    )
    keep()
    before, between, after = pictures

    for at, picture in pictures.items():
        assert Snapshot(any_store, at) == picture
        check_pages(any_store, at, picture)
        check_edges(any_store, at, picture)
    assert [any_store.resolve("d2", at) for at in pictures] == [[ref("d2")], [ref("d1")], [ref("d2")]]
    assert [any_store.resolve(key.key, at) for at in pictures] == [[ref("d2")], [ref("d1")], [ref("d2")]]
    assert [c.parent for c in any_store.cis(["i1", "i2"], before)] == ["d2", "d2"]
    assert [c.parent for c in any_store.cis(["i1", "i2"], between)] == ["d1", "d1"]
    assert [c.parent for c in any_store.cis(["i1", "i2"], after)] == ["d2", "d1"]


def ref(ci: str) -> CIRef:
    return CIRef(ci, "NetworkDevice", ci)


def test_names_and_keys_are_those_of_the_time(any_store: BoltStore) -> None:
    old = device("d1", "Old", (Identifier("serial:x:1"), Identifier("sysname:old", False)))
    commit(any_store, old, interface("i1", "d1", "ge-0"))
    first = any_store.head().at
    renamed = SetCI(
        "d1",
        "NetworkDevice",
        "in_service",
        {"name": "New"},
        (),
        {"name": "New"},
        {ORIGIN: facet()},
        (Identifier("sysname:new", False),),
        ("sysname:old",),
    )
    commit(any_store, renamed, device("d2", "Old"))
    then = any_store.head().at

    assert [c.id for c in any_store.resolve("old", first)] == ["d1"]
    assert [c.id for c in any_store.resolve("old", then)] == ["d2"]
    assert any_store.resolve("new", first) == any_store.resolve("d2", first) == []
    assert [c.id for c in any_store.resolve("sysname:old", first)] == ["d1"]
    assert any_store.resolve("sysname:old", then) == any_store.resolve("sysname:new", first) == []
    assert any_store.resolve("d1", 0) == []
    assert any_store.cis(["d1"], 0) == list(any_store.find(Filter(), at=0).cis) == []
    assert [i.key for c in any_store.cis(["d1"], first) for i in c.identifiers] == ["serial:x:1", "sysname:old"]
    assert [i.key for c in any_store.cis(["d1"], then) for i in c.identifiers] == ["serial:x:1", "sysname:new"]


def test_moments_that_are_not_there_are_refused(any_store: BoltStore) -> None:
    assert any_store.moment(sequence=0) == any_store.moment(at=AT) == Moment(0, 0)
    commit(any_store, device("d1"))

    assert any_store.moment(sequence=1) == any_store.moment(at=AT) == any_store.moment(at=AT + 5) == Moment(1, AT)
    assert any_store.moment(at=AT - 1) == Moment(0, 0)
    for wrong in ({"sequence": 2}, {"sequence": -1}, {"at": 2**52}):
        with pytest.raises(Invalid, match=r"the ledger is at (sequence )?1\b"):
            any_store.moment(**wrong)
    for both in ({}, {"sequence": 1, "at": AT}):
        with pytest.raises(Invalid, match="exactly one"):
            any_store.moment(**both)


def test_a_moment_is_found_among_many_commits(any_store: BoltStore) -> None:
    made = "UNWIND range(1, 2500) AS i CREATE (:Commit {seq: i, at: 1000 + i * 10})"
    head = "MERGE (h:Ledger {id: 'head'}) SET h.seq = 2500, h.at = 26000"
    any_store.connection.write(lambda tx: (tx.run(made).consume(), tx.run(head).consume()), lambda: None)
    queries = any_store.connection.queries

    for sequence in (1, 2, 999, 1_000, 1_001, 1_999, 2_499, 2_500):
        for at in (1_000 + sequence * 10, 1_009 + sequence * 10):
            assert any_store.moment(at=at) == Moment(sequence, 1_000 + sequence * 10)
    assert any_store.connection.queries - queries <= 16 * 3
    assert any_store.moment(at=1_009) == Moment(0, 0)


def test_reads_of_the_past_cost_as_many_queries_for_one_as_for_many(any_store: BoltStore) -> None:
    parts = [interface(f"i{n:02}", "d1", f"ge-{n:02}", f"snmp/{n}") for n in range(60)]
    commit(any_store, device("d1"), *parts)
    at = any_store.head().at
    commit(any_store, *(changed(part, alias="x") for part in parts[::2]))
    ids = ["d1", *(part.id for part in parts)]

    def cost(call: Any) -> int:
        before = any_store.connection.queries
        call()
        return any_store.connection.queries - before

    assert cost(lambda: any_store.cis(ids[:1], at)) == cost(lambda: any_store.cis(ids, at)) == 2
    orders: list[list[Order]] = [[Order("name")], []]
    for order in orders:
        few, many = (cost(partial(any_store.find, Filter(), order, n, at=at)) for n in (1, 61))

        assert few == many == 3
    assert cost(lambda: any_store.neighbours(ids[:1], at=at)) == cost(lambda: any_store.neighbours(ids, at=at)) <= 12


def test_what_an_older_program_wrote_is_read_as_it_was(any_store: BoltStore) -> None:
    key = Identifier("serial:x:1")
    first = device("d1", "Old", (key,))
    commit(any_store, first, interface("i1", "d1", "ge-0"))
    then = any_store.head().at
    commit(any_store, changed(first, name="New"))
    own = ("by_class", "by_name", "past_class", "past_name", "named", "keys")
    for label in ("CI", "CIVersion"):
        strip = f"MATCH (c:{label}) SET " + ", ".join(f"c.{name} = null" for name in own)
        any_store.connection.write(lambda tx, s=strip: tx.run(s).consume(), lambda: None)  # type: ignore[misc]
    forget = "MATCH (m:Migration) WHERE m.version >= 4 DELETE m"
    any_store.connection.write(lambda tx: tx.run(forget).consume(), lambda: None)

    assert any_store.migrate()
    for at, name in ((then, "Old"), (None, "New")):
        page = any_store.find(Filter((Condition("class", "eq", "Device"),)), [Order("name")], at=at)

        assert [(c.name, c.identifiers) for c in page.cis] == [(name, (key,))]
        assert [c.id for c in any_store.resolve(name, at)] == ["d1"]


def test_two_ways_of_one_type_between_two_cis_are_both_in_the_pages(any_store: BoltStore) -> None:
    both = [relationship("d1", "DEPENDS_ON", "d2"), relationship("d2", "DEPENDS_ON", "d1")]
    commit(any_store, device("d1"), device("d2"), *both)

    for at in (None, any_store.head().at):
        first = any_store.neighbours(["d1"], first=1, at=at)["d1"]
        second = any_store.neighbours(["d1"], first=1, after=first.cursor, at=at)["d1"]
        found = [n.relationship.source for page in (first, second) for n in page.neighbours]

        assert (found, first.more, second.more) == (["d1", "d2"], True, False)
