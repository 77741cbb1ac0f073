"""What searches, pages and streams give, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from cmdb.changes import NewCI
from cmdb.errors import Invalid, LimitExceeded
from cmdb.observation import Identifier
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import CIRecord, Condition, Filter, Neighbour, Order
from tests.contracts.build import AT, ORIGIN, commit, device, facet, interface, relationship, target

MODELS = ("C9300", "c9400", "EX4300")


def estate(store: BoltStore, rng: Random) -> None:
    """Forty devices with an interface each, some attributes missing, several names equal but for case."""
    changes: list[Any] = []
    for n in range(40):
        attributes: dict[str, Any] = {"model": rng.choice(MODELS)} if rng.random() < 0.8 else {}
        if rng.random() < 0.7:
            attributes["roles"] = rng.sample(["switch", "router", "Firewall"], rng.randint(1, 3))
        origin = rng.choice(["snmp/core-1", "ssh/core-1", "snmp/x/core-1", "ssh/edge"])
        keys = (Identifier(f"serial:cisco:{n}", True), Identifier(f"sysname:{n % 5}", False))
        changes.append(
            device(f"d{n:02}", rng.choice(["Core", "core", "édge", "acc", "ACC-2"]), keys, origin, **attributes)
        )
        changes.append(interface(f"i{n:02}", f"d{n:02}", f"ge-{n % 7}", origin, if_index=n, speed_bps=n % 3 * 1000))
    changes.append(
        NewCI("r1", "Requirement", "d00", "power", "in_service", {"name": "power"}, (), {ORIGIN: facet()}, AT)
    )
    commit(store, *changes)


def everything(store: BoltStore) -> list[CIRecord]:
    return [c for c in store.scan_cis() if c.ci_class != "Requirement"]


def attribute(field: str, operator: str, value: Any) -> Condition:
    return Condition(field, operator, value, is_attribute=True)


CASES: list[tuple[Condition, Callable[[CIRecord], bool]]] = [
    (Condition("name", "eq", "CORE"), lambda c: c.name.lower() == "core"),
    (Condition("name", "in", ["ACC", "Édge"]), lambda c: c.name.lower() in ("acc", "édge")),
    (Condition("name", "starts_with", "Acc"), lambda c: c.name.lower().startswith("acc")),
    (Condition("name", "contains", "C"), lambda c: "c" in c.name.lower()),
    (Condition("name", "lt", "b"), lambda c: c.name.lower() < "b"),
    (Condition("class", "eq", "Interface"), lambda c: c.ci_class == "Interface"),
    (Condition("class", "in", ["Device"]), lambda c: c.ci_class == "NetworkDevice"),
    (Condition("id", "gte", "d30"), lambda c: c.id >= "d30"),
    (Condition("first_seen", "lt", AT), lambda c: False),
    (Condition("status", "eq", "in_service"), lambda c: True),
    (Condition("identifier", "eq", "sysname:3"), lambda c: any(i.key == "sysname:3" for i in c.identifiers)),
    (Condition("identifier", "in", ["serial:cisco:4", "no:such"]), lambda c: c.id == "d04"),
    (Condition("identifier", "starts_with", "sysname:"), lambda c: any(i.key.startswith("sys") for i in c.identifiers)),
    (Condition("source", "eq", "snmp"), lambda c: any(o.startswith("snmp/") for o in c.facets)),
    (Condition("target", "eq", "core-1"), lambda c: any(o in ("snmp/core-1", "ssh/core-1") for o in c.facets)),
    (Condition("target", "in", ["edge", "x/core-1"]), lambda c: bool({"ssh/edge", "snmp/x/core-1"} & c.facets.keys())),
    (attribute("model", "eq", "C9400"), lambda c: c.attributes.get("model", "").lower() == "c9400"),
    (attribute("model", "contains", "93"), lambda c: "93" in c.attributes.get("model", "")),
    (attribute("model", "known", True), lambda c: "model" in c.attributes),
    (attribute("model", "known", False), lambda c: "model" not in c.attributes),
    (attribute("roles", "eq", "firewall"), lambda c: "Firewall" in c.attributes.get("roles", ())),
    (attribute("roles", "in", ["router"]), lambda c: "router" in c.attributes.get("roles", ())),
    (attribute("if_index", "gte", 30), lambda c: c.attributes.get("if_index", -1) >= 30),
    (attribute("speed_bps", "in", [1000, 2000]), lambda c: c.attributes.get("speed_bps", 0) in (1000, 2000)),
]  # fmt: skip


def test_every_comparison_agrees_with_plain_python(any_store: BoltStore) -> None:
    estate(any_store, Random(1))
    commit(any_store, targets=[target(o) for o in ("snmp/core-1", "ssh/core-1", "snmp/x/core-1", "ssh/edge")])
    all_cis = everything(any_store)

    for condition, holds in CASES:
        for where, wanted in (
            (Filter((condition,)), {c.id for c in all_cis if holds(c)}),
            (Filter(none_of=(Filter((condition,)),)), {c.id for c in all_cis if not holds(c)}),
        ):
            found = any_store.find(where, first=200)

            assert {c.id for c in found.cis} == wanted, where
            assert any_store.count(where) == len(wanted)


def test_nested_filters_agree_with_plain_python(any_store: BoltStore) -> None:
    rng = Random(2)
    estate(any_store, rng)
    commit(any_store, targets=[target(o) for o in ("snmp/core-1", "ssh/core-1", "snmp/x/core-1", "ssh/edge")])
    all_cis = everything(any_store)

    def grow(depth: int) -> tuple[Filter, Callable[[CIRecord], bool]]:
        conditions = rng.sample(CASES, rng.randint(0, 2))
        parts = (
            {kind: [grow(depth + 1) for _ in range(rng.randint(0, 2))] for kind in ("all", "any", "none")}
            if depth < 2
            else {}
        )
        wants = {kind: [want for _, want in found] for kind, found in parts.items()}

        def holds(ci: CIRecord) -> bool:
            return (
                all(want(ci) for _, want in conditions)
                and all(want(ci) for want in wants.get("all", ()))
                and (not wants.get("any") or any(want(ci) for want in wants["any"]))
                and not any(want(ci) for want in wants.get("none", ()))
            )

        filters = {kind: tuple(f for f, _ in found) for kind, found in parts.items()}
        own = tuple(condition for condition, _ in conditions)
        return Filter(own, filters.get("all", ()), filters.get("any", ()), filters.get("none", ())), holds

    for _ in range(20):
        where, holds = grow(0)

        assert {c.id for c in any_store.find(where, first=200).cis} == {c.id for c in all_cis if holds(c)}, where


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ((), lambda c: c.id),
        ((Order("name"),), lambda c: (c.name.lower(), c.id)),
        ((Order("class"), Order("name")), lambda c: (c.ci_class, c.name.lower(), c.id)),
        ((Order("first_seen"), Order("name")), lambda c: (c.first_seen, c.name.lower(), c.id)),
    ],
)
def test_pages_hold_everything_once_and_in_order(
    any_store: BoltStore, order: tuple[Order, ...], key: Callable[[CIRecord], Any]
) -> None:
    estate(any_store, Random(3))
    seen: list[CIRecord] = []
    after = None
    while True:
        page = any_store.find(Filter(), order, first=7, after=after)
        seen += page.cis
        after = page.cursor
        if not page.more:
            break

    assert after is None
    assert [c.id for c in seen] == [c.id for c in sorted(everything(any_store), key=key)]


def test_descending_pages_turn_the_order_round(any_store: BoltStore) -> None:
    estate(any_store, Random(3))
    order = (Order("name", descending=True),)
    first = any_store.find(Filter(), order, first=50)
    rest = any_store.find(Filter(), order, first=50, after=first.cursor)

    names = [c.name.lower() for c in (*first.cis, *rest.cis)]

    assert names == sorted(names, reverse=True)
    assert len({c.id for c in (*first.cis, *rest.cis)}) == 80


def test_bad_cursors_and_filters_are_refused(any_store: BoltStore) -> None:
    estate(any_store, Random(4))
    cursor = any_store.find(Filter(), first=1).cursor
    deep = Filter()
    for _ in range(5):
        deep = Filter(all_of=(deep,))

    for bad in ("?", "AAAA", "x" * 100_000):
        with pytest.raises(Invalid, match="cursor"):
            any_store.find(Filter(), after=bad)
    with pytest.raises(Invalid, match="another order"):
        any_store.find(Filter(), (Order("name"),), after=cursor)
    with pytest.raises(LimitExceeded, match="deeper than 3"):
        any_store.find(deep)
    with pytest.raises(LimitExceeded, match="page"):
        any_store.find(Filter(), first=100_000)
    with pytest.raises(LimitExceeded, match="conditions"):
        any_store.find(Filter(tuple(Condition("name", "eq", "a") for _ in range(500))))
    for condition in (
        Condition("owner", "eq", "x"),
        attribute("no_such", "eq", "x"),
        attribute("model`) //", "eq", "x"),
        Condition("name", "like", "x"),
        Condition("class", "eq", "Toaster"),
        Condition("name", "in", "x"),
        Condition("first_seen", "starts_with", 5),
        Condition("source", "contains", "x"),
    ):
        with pytest.raises(Invalid):
            any_store.find(Filter((condition,)))


def test_a_count_beyond_its_limit_is_unknown(any_store: BoltStore) -> None:
    estate(any_store, Random(5))

    assert any_store.count(Filter(), limit=79) is None
    assert any_store.count(Filter(), limit=80) == 80


def test_related_starts_from_the_one_named(any_store: BoltStore) -> None:
    estate(any_store, Random(6))
    commit(any_store, relationship("d01", "DEPENDS_ON", "d02"), relationship("i03", "CONNECTED_TO", "i04"))

    def related(ci: str, types: tuple[str, ...], direction: Any) -> set[str]:
        return {c.id for c in any_store.find(Filter(related=(ci, types, direction)), first=200).cis}

    assert related("d01", ("DEPENDS_ON",), "out") == {"d02"}
    assert related("d01", ("DEPENDS_ON",), "in") == set()
    assert related("d02", (), "in") == {"d01"}
    assert related("d02", (), "both") == {"d01", "i02"}
    assert related("i04", ("CONNECTED_TO",), "out") == {"i03"}
    assert related("d00", ("HAS_REQUIREMENT",), "out") == set(), "internal classes never match"
    nested = Filter(any_of=(Filter(related=("d01", (), "out")), Filter((Condition("id", "eq", "d05"),))))
    assert {c.id for c in any_store.find(nested).cis} == {"d02", "i01", "d05"}
    without = Filter((Condition("id", "in", ["d01", "d02", "d03"]),), none_of=(Filter(related=("d01", (), "out")),))
    assert {c.id for c in any_store.find(without).cis} == {"d01", "d03"}


def test_resolve_prefers_ids_then_identifiers_then_names(any_store: BoltStore) -> None:
    commit(
        any_store,
        device("d1", "d2", (Identifier("Core", True),)),
        device("d2", "core"),
        *(device(f"x{n:02}", "Twin") for n in range(15)),
        NewCI("r1", "Requirement", "d1", "power", "in_service", {"name": "power"}, (), {ORIGIN: facet()}, AT),
    )

    assert [c.id for c in any_store.resolve("d2")] == ["d2"]
    assert [c.id for c in any_store.resolve("Core")] == ["d1"]
    assert [c.id for c in any_store.resolve("CORE")] == ["d2"]
    assert len(any_store.resolve("twin")) == 11
    assert any_store.resolve("power") == any_store.resolve("r1") == any_store.resolve("") == []


def test_neighbours_come_in_pages_and_in_few_queries(any_store: BoltStore) -> None:
    changes: list[Any] = [device("hub", "hub"), device("lone", "lone")]
    changes += [interface(f"i{n:03}", "hub", f"ge-{(n * 37) % 100:03}") for n in range(100)]
    changes += [device(f"s{n}", f"Server {n}") for n in range(5)]
    changes += [relationship(f"s{n}", "DEPENDS_ON", "hub") for n in range(5)]
    changes += [relationship("i001", "CONNECTED_TO", "i002"), relationship("i000", "CONNECTED_TO", "i001")]
    commit(any_store, *changes, targets=[target()])

    seen: list[Neighbour] = []
    after = None
    while True:
        page = any_store.neighbours(["hub"], first=30, after=after)["hub"]
        seen += page.neighbours
        after = page.cursor
        assert page.total == 105
        if not page.more:
            break
    few, many = (
        queries(any_store, ["hub"]),
        queries(any_store, ["hub", "lone", "i001", *(f"i{n:03}" for n in range(50))]),
    )

    assert [(n.relationship.type, n.other.name) for n in seen] == [
        *(("CONTAINS", f"ge-{n:03}") for n in range(100)),
        *(("DEPENDS_ON", f"Server {n}") for n in range(5)),
    ]
    assert all(n.relationship.seen == {ORIGIN: AT} and n.other.seen == {ORIGIN: AT} for n in seen)
    assert few == many <= 4
    pages = any_store.neighbours(["lone", "i001", "gone"], ["CONNECTED_TO"], "out")
    assert set(pages) == {"lone", "i001"}
    assert pages["lone"].neighbours == ()
    assert [(n.relationship.source, n.other.id) for n in pages["i001"].neighbours] == [
        ("i000", "i000"),
        ("i001", "i002"),
    ]
    assert any_store.neighbours(["hub"], direction="in", first=10)["hub"].total == 5
    assert any_store.neighbours(["hub"], ["DEPENDS_ON"], "out")["hub"].total == 0


def queries(store: BoltStore, ids: list[str]) -> int:
    before = store.connection.queries
    store.neighbours(ids, first=20)
    return store.connection.queries - before


def test_internal_relationships_are_no_neighbours_unless_named(any_store: BoltStore) -> None:
    commit(
        any_store,
        device("d1"),
        NewCI("r1", "Requirement", "d1", "power", "in_service", {"name": "power"}, (), {ORIGIN: facet()}, AT),
    )

    assert any_store.neighbours(["d1"])["d1"].total == 0
    assert any_store.neighbours(["d1"], ["HAS_REQUIREMENT"])["d1"].total == 1


def test_reads_cost_as_many_queries_for_one_as_for_many(any_store: BoltStore) -> None:
    estate(any_store, Random(7))

    def cost(call: Callable[[], object]) -> int:
        before = any_store.connection.queries
        call()
        return any_store.connection.queries - before

    ids = [c.id for c in any_store.scan_cis()]
    assert cost(lambda: any_store.cis(ids[:1])) == cost(lambda: any_store.cis(ids)) == 2
    assert cost(lambda: any_store.find(Filter(), first=1)) == cost(lambda: any_store.find(Filter(), first=200)) == 2
    assert cost(lambda: any_store.known(ids)) == 1


def test_streams_give_parents_before_dependents_whatever_the_ids(any_store: BoltStore) -> None:
    rng = Random(8)
    names = [f"{n:04}" for n in range(600)]
    rng.shuffle(names)
    changes: list[NewCI] = []
    for number, ci in enumerate(names):
        if number < 20:
            changes.append(device(ci))
        elif number < 200:
            changes.append(interface(ci, names[rng.randrange(20)], ci))
        else:
            parent = names[rng.randrange(20, 200)]
            changes.append(NewCI(ci, "IPAddress", parent, ci, "in_service", {"name": ci}, (), {ORIGIN: facet()}, AT))
    rng.shuffle(changes)
    commit(any_store, *changes)

    out = [c.id for c in any_store.scan_cis()]
    parents = {c.id: c.parent for c in any_store.cis(out)}
    place = {ci: n for n, ci in enumerate(out)}

    assert sorted(out) == sorted(names)
    assert all(place[parent] < place[ci] for ci, parent in parents.items() if parent)
    assert len(list(any_store.scan_relationships())) == 580


def test_streams_go_over_page_boundaries(any_store: BoltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAGE", "SOURCES_PAGE", "TARGET_PAGE"):
        monkeypatch.setattr(f"cmdb.store.scan.{name}", 3)
    estate(any_store, Random(9))
    commit(any_store, targets=[target(f"snmp/{n}") for n in range(10)])

    assert len({c.id for c in any_store.scan_cis()}) == 81
    assert len({(r.source, r.target) for r in any_store.scan_relationships()}) == 41
    assert len(dict(any_store.scan_targets())) == 10
