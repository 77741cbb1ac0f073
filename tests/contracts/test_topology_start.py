"""A server starts from the snapshot of its topology, catches up with the ledger, and reads the graph where it can't."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from cmdb.entrypoints.follower import Follower
from cmdb.entrypoints.keeper import SNAPSHOT, Keeper, ledger_hashes, open_topology
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.wiring import Wired
from cmdb.impact import Seed, evaluate
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.topology import Topology, kept
from cmdb.topology.thaw import Groups
from tests.conftest import emptied
from tests.contracts.test_ingest import ids
from tests.reports import device, port, report

HOUR = 3_600_000


class Site:
    """A store that grows by a switch with two ports at a time."""

    def __init__(self, store: BoltStore, model: Model, file: Path) -> None:
        self.store, self.model, self.file = store, model, file
        self.ingest = Ingest(store, model, lambda: HOUR, ids())

    def grow(self, name: str) -> None:
        key = f"serial:x:{name}"
        told = report(name, HOUR, device(name, key, f"target:{name}"), port(key, "1"), port(key, "2"))
        self.ingest.run([told], "test", "")

    def start(self) -> tuple[Topology, str]:
        topology = Topology(self.model)
        return topology, open_topology(self.store, topology, self.file)

    def keep(self, topology: Topology) -> None:
        kept.save(topology, self.file, ledger_hashes(self.store))


@pytest.fixture
def site(any_store: BoltStore, model: Model, tmp_path: Path) -> Site:
    made = Site(any_store, model, tmp_path / SNAPSHOT)
    for name in "abc":
        made.grow(name)
    return made


def down(topology: Topology, name: str) -> tuple[int, int]:
    """How many CIs fail with a switch, and as of which sequence."""
    (ci,) = [node.id for node in topology.facts.nodes if node.name == name]
    answer = evaluate(topology, [Seed(ci)])
    return answer.summary.down, answer.sequence


def test_start_without_a_snapshot_reads_the_graph(site: Site) -> None:
    topology, why = site.start()

    assert why.startswith("there is no snapshot")
    assert down(topology, "a") == (3, site.store.head().sequence)


def test_start_from_the_snapshot_catches_up(site: Site) -> None:
    first, _ = site.start()
    site.keep(first)
    site.grow("d")
    again, why = site.start()

    assert why == ""
    assert isinstance(again.live.numbered, Groups)
    assert down(again, "d") == down(again, "a") == (3, site.store.head().sequence)
    assert again.requirements() == site_as_read(site).requirements()


def site_as_read(site: Site) -> Topology:
    topology = Topology(site.model)
    topology.load(site.store.scan_cis(), site.store.scan_relationships(), 1)
    return topology


def test_damage_is_mended_by_reading_the_graph(site: Site) -> None:
    site.keep(site.start()[0])
    whole = bytearray(site.file.read_bytes())
    whole[len(whole) // 2] ^= 4
    site.file.write_bytes(whole)
    topology, why = site.start()

    assert "was damaged" in why
    assert down(topology, "a") == (3, site.store.head().sequence)
    site.keep(topology)
    assert site.start()[1] == ""


def test_snapshot_of_another_store_is_refused(site: Site) -> None:
    site.keep(site.start()[0])
    emptied(site.store)
    for name in "xyz":
        site.grow(name)
    topology, why = site.start()

    assert "is of another ledger" in why
    assert {node.name for node in topology.facts.nodes if not node.name.isdigit()} == {"x", "y", "z"}


def test_snapshot_ahead_of_a_store_that_was_put_back_is_refused(site: Site) -> None:
    site.keep(site.start()[0])
    emptied(site.store)
    site.grow("a")
    topology, why = site.start()

    assert "is of another ledger" in why
    assert topology.sequence == site.store.head().sequence


@contextmanager
def keeper(site: Site, topology: Topology, every_s: float = 3_600, is_fresh: bool = False) -> Iterator[Keeper]:
    made = Keeper(site.store, topology, site.file, every_s, is_fresh)
    yield made
    made.stop()


def test_it_is_kept_at_the_end_if_anything_was_committed(site: Site) -> None:
    topology, _ = site.start()
    with keeper(site, topology):
        pass
    before = site.file.stat().st_mtime_ns
    with keeper(site, topology, is_fresh=True):
        pass
    unchanged = site.file.stat().st_mtime_ns
    with keeper(site, topology, is_fresh=True):
        site.grow("d")
        Follower(site.store, topology).catch_up()

    assert before == unchanged
    assert site.start()[0].sequence == site.store.head().sequence == 4


def test_it_is_never_kept_if_so_set(site: Site) -> None:
    with keeper(site, site.start()[0], every_s=0) as made:
        made.start()

    assert not site.file.exists()


def test_a_heavy_topology_is_replaced_and_nothing_is_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MANY", 2)
    topology, _ = site.start()
    assert not isinstance(topology.live.numbered, Groups)
    site.grow("d")
    Follower(site.store, topology).catch_up()
    with keeper(site, topology) as made:
        made.keep()

    assert isinstance(topology.live.numbered, Groups)
    assert down(topology, "d") == (3, site.store.head().sequence)


def test_a_place_that_can_not_be_written_is_told(site: Site) -> None:
    site.file = site.file.parent / "missing" / SNAPSHOT
    topology, _ = site.start()
    with structlog.testing.capture_logs() as lines, keeper(site, topology) as made:
        made.once()

    assert {line["log_level"] for line in lines} == {"warning"}
    assert down(topology, "a")[0] == 3


def test_two_servers_keep_their_own(site: Site, model: Model, tmp_path: Path) -> None:
    """Two topologies over one store: what is written through one is there in the other when it asks."""
    here, _ = site.start()
    settings = Settings(data_dir=tmp_path / "other")
    there = Wired(settings, site.store, model, site.ingest).topology()
    follower = Follower(site.store, there)
    follower.start()
    site.grow("d")
    Follower(site.store, here).catch_up()
    follower.catch_up()
    follower.stop()

    assert down(here, "d") == down(there, "d") == (3, 4)
