"""The one way in, on real engines."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import Link, Report, path
from cmdb.store.bolt import BoltStore
from tests.reports import REPORTS, SERIAL, device, port, report


def ids() -> Callable[[], str]:
    """Ids that are the same in every run."""
    numbers: Iterator[int] = itertools.count(1)
    return lambda: f"{next(numbers):026d}"


@pytest.fixture
def ingest(any_store: BoltStore, model: Model) -> Ingest:
    return Ingest(any_store, model, lambda: 1_000, ids())


def picture(store: BoltStore, model: Model) -> object:
    """The graph apart from ids and times."""
    cis = {c.id: c for c in store.scan_cis()}

    def name(ci: str) -> str:
        c = cis[ci]
        if c.parent:
            return f"{name(c.parent)}|{c.ci_class}|{c.local_key}"
        return min((i.key for i in c.identifiers), default=c.name)

    symmetric = {t.name for t in model.relationship_types.values() if t.symmetric}
    listed = sorted(
        (
            name(c.id),
            c.ci_class,
            c.name,
            c.status,
            sorted((k, str(v)) for k, v in c.attributes.items()),
            sorted(c.facets),
        )
        for c in cis.values()
    )
    ties = sorted(
        (
            r.type,
            *(sorted((name(r.source), name(r.target))) if r.type in symmetric else (name(r.source), name(r.target))),
        )
        for r in store.scan_relationships()
    )
    return listed, ties, sorted((name(p.ci), p.type, p.key, p.path) for p in store.scan_pending())


def test_repeating_is_no_commit(ingest: Ingest, any_store: BoltStore) -> None:
    said = [device("core-1", SERIAL), port(SERIAL, "Gi1", alias="uplink"), port(SERIAL, "Gi2")]
    first = ingest.run([report("core-1", 1, *said)], "test", "")

    again = ingest.run([report("core-1", 2, *said)], "test", "")

    assert (first.sequence, first.committed, again.sequence, again.committed) == (1, True, 1, False)
    assert any_store.targets(["snmp/core-1"])["snmp/core-1"].last_seen == 2


def test_one_attribute_is_one_change_and_one_version(ingest: Ingest, any_store: BoltStore) -> None:
    ingest.run([report("core-1", 1, device("core-1", SERIAL), port(SERIAL, "Gi1"), port(SERIAL, "Gi2"))], "test", "")

    done = ingest.run(
        [report("core-1", 2, device("core-1", SERIAL), port(SERIAL, "Gi1", alias="x"), port(SERIAL, "Gi2"))], "test", ""
    )

    assert len(done.change_set.changes) == 1
    changed = [c for c in any_store.scan_cis() if c.revision == 2]
    assert [(c.name, c.attributes["alias"]) for c in changed] == [("Gi1", "x")]


def test_outcomes_tell_what_became_of_each(ingest: Ingest) -> None:
    one = report("a", 1, device("a", "serial:x:A"), port("serial:x:A", "1"))
    created = ingest.run([one], "test", "", explain=True)
    unchanged = ingest.run([report("a", 2, *one.observations)], "test", "", explain=True)
    dry = ingest.run(
        [report("a", 3, device("a", "serial:x:A", vendor="HP"), port("serial:x:A", "1"))],
        "test",
        "",
        dry_run=True,
        explain=True,
    )

    assert [o.status for o in created.outcomes["snmp/a"]] == ["created", "created"]
    assert [o.status for o in unchanged.outcomes["snmp/a"]] == ["unchanged", "unchanged"]
    assert [o.status for o in dry.outcomes["snmp/a"]] == ["updated", "unchanged"]
    assert dry.sequence == 1
    assert created.outcomes["snmp/a"][0].ci == unchanged.outcomes["snmp/a"][0].ci


@pytest.mark.parametrize("seed", range(8))
def test_any_order_and_batching_gives_the_same_graph(any_store: BoltStore, model: Model, seed: int) -> None:
    rng = random.Random(seed)
    order = rng.sample(REPORTS, len(REPORTS))
    ingest = Ingest(any_store, model, lambda: 1_000, ids())
    while order:
        size = rng.randint(1, 3)
        ingest.run(order[:size], "test", "")
        order = order[size:]

    assert picture(any_store, model) == EXPECTED(model)
    assert verify(any_store, model, deep=True).problems == ()


def EXPECTED(model: Model) -> object:  # a constant that needs the model
    """What the reports give in the order in which they are written, by the pure planner alone."""
    from tests.unit.world import World

    world = World()
    for one in REPORTS:
        world.ingest(one)
    cis, links, waiting = world.picture()  # type: ignore[misc]
    ties = [
        ("CONTAINS", name.rpartition("|")[0].rpartition("|")[0], name)
        for name, ci_class, *_ in cis
        if ci_class == "Interface"
    ]
    named = [
        (n, c, dict(a)["name"], s, sorted((k, v) for k, v in a if k != "name"), sorted(o for o, _ in f))
        for n, c, s, a, _, f in cis
    ]
    return sorted(named), sorted([*ties, *((t, *ends) for t, ends, *_ in links)]), [w[:4] for w in waiting]


def test_many_writers_make_no_duplicates(any_store: BoltStore, model: Model) -> None:
    reports = [
        report(
            t,
            1,
            device(t, f"serial:x:{t}"),
            port(f"serial:x:{t}", "1", links=(Link("CONNECTED_TO", path(f"serial:x:{o}", "Interface", "1")),)),
        )
        for t, o in zip("abcdefgh", "badcfehg", strict=True)
    ]

    def write(one: Report) -> None:
        Ingest(any_store, model, lambda: 1_000, lambda: f"{one.source}-{one.target}-{random.random()}").run(
            [one], "test", ""
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, [*reports, *reports]))

    cis = list(any_store.scan_cis())
    assert len(cis) == 16
    assert sum(r.type == "CONNECTED_TO" for r in any_store.scan_relationships()) == 4
    assert list(any_store.scan_pending()) == []
    assert verify(any_store, model, deep=True).problems == ()


def test_a_word_from_the_future_counts_as_now(store: BoltStore, model: Model) -> None:
    now = [1_000_000]
    ingest = Ingest(store, model, lambda: now[0], ids(), future_ms=300_000)
    done = ingest.run([report("a", 9_000_000, device("a", SERIAL, vendor="HP"))], "test", "")
    soon = ingest.run([report("b", 1_299_999, device("b", "serial:x:B"))], "test", "")
    now[0] = 1_000_001
    later = ingest.run([report("a", 1_000_001, device("a", SERIAL, vendor="Cisco"))], "test", "")

    assert [(p.origin, p.field, p.message) for p in done.problems] == [
        ("snmp/a", "at", "it lies 8,000 s in the future; taken as now")
    ]
    assert soon.problems == []
    assert later.committed
    assert store.cis([c.id for c in store.scan_cis() if c.name == "a"])[0].attributes["vendor"] == "Cisco"
    assert store.targets(["snmp/b"])["snmp/b"].last_seen == 1_299_999


def test_what_is_older_than_the_stored_word_takes_nothing_back(store: BoltStore, model: Model) -> None:
    ingest = Ingest(store, model, lambda: 1_000, ids())
    ingest.run([report("a", 50, device("a", SERIAL, vendor="Cisco"), port(SERIAL, "1"))], "test", "")
    late = ingest.run([report("a", 40, device("a", SERIAL, vendor="HP"))], "test", "")

    assert not late.committed
    assert {c.name: c.status for c in store.scan_cis()} == {"a": "in_service", "1": "in_service"}
