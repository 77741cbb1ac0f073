"""The snapshot of a topology on disk: whole and of this ledger, program and model, or refused."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cmdb.impact.singles import single_points
from cmdb.model.registry import load_model
from cmdb.topology import Topology, kept, snapshot
from cmdb.topology.kept import is_heavy, restore, save
from cmdb.topology.snapshot import Unusable
from cmdb.topology.tables import Numbers, Rows, Table, hashed, packed
from tests.impact.assemble import from_world, world

SITE = (
    "gw:NetworkDevice roles=router root_of=lan",
    "sw:NetworkDevice roles=switch",
    "p1:Interface@gw",
    "p2:Interface@sw",
    "p3:Interface@sw",
    "h:Computer roles=server criticality=3",
    "p4:Interface@h",
    "web:SoftwareInstance@h product=nginx",
    "old:Computer !retired",
    "shop:Service",
)


def hash_of(sequence: int) -> str:
    """The ledger of these tests."""
    return f"hash of {sequence}"


def site() -> Topology:
    return from_world(world(*SITE, CONNECTED_TO="p1-p2 p3-p4", DEPENDS_ON="shop-web/group_key=web shop-old"), 7, 1_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "topology.snapshot"
    save(site(), found, hash_of)
    return found


def opened(file: Path) -> Topology:
    topology = Topology(load_model())
    restore(topology, file, hash_of)
    return topology


def refused(file: Path, match: str) -> None:
    """It is refused, and what was there before stays."""
    topology = from_world(world("a:Computer"), 3)
    with pytest.raises(Unusable, match=match):
        restore(topology, file, hash_of)

    assert (topology.sequence, topology.find("a"), topology.find("gw")) == (3, 0, None)


def test_all_that_can_be_asked_is_as_before(file: Path) -> None:
    before, after = site(), opened(file)

    assert (after.sequence, after.at) == (7, 1_000)
    assert after.requirements() == before.requirements()
    assert after.planes() == before.planes()
    assert after.find_findings() == before.find_findings()
    assert [after.ref(n) for n in range(len(SITE))] == [before.ref(n) for n in range(len(SITE))]
    assert list(after.facts.nodes) == list(before.facts.nodes)
    assert single_points(after, only_services=False) == single_points(before, only_services=False)
    for requirement in before.requirements():
        assert after.requirement(requirement.id) == requirement
    for name in ("req:", "req:h:", "req:h:LOCATED_IN:x", "shop", "nobody"):
        assert after.requirement(name) is None


def test_nothing_is_read_before_somebody_asks(file: Path) -> None:
    topology = opened(file)
    before = len(topology.facts.nodes), sum(1 for _ in topology.facts.nodes.kept())  # type: ignore[attr-defined]

    topology.requirements_of("web")

    assert before == (len(SITE), 0)
    assert 0 < sum(1 for _ in topology.facts.nodes.kept()) < len(SITE)  # type: ignore[attr-defined]


def test_nothing_is_kept_of_an_empty_ledger(tmp_path: Path) -> None:
    assert save(Topology(load_model()), tmp_path / "file", hash_of) == 0
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_may_read_it(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_snapshot_of_a_snapshot_is_the_same(file: Path) -> None:
    before = file.read_bytes()
    topology = opened(file)
    topology.requirements()
    save(topology, file, hash_of)

    assert file.read_bytes() == before


def test_every_flipped_bit_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    places = {*range(120), *Random(1).sample(range(len(whole)), 300), len(whole) - 1}
    for place in sorted(places):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        file.write_bytes(damaged)
        refused(file, "was damaged|has format|no snapshot")


def test_every_length_but_the_whole_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for length in (*range(100), *Random(2).sample(range(len(whole)), 100), len(whole) - 1):
        file.write_bytes(whole[:length])
        refused(file, "cut off")
    file.write_bytes(whole + b"\0")
    refused(file, "damaged")


def test_another_format_is_refused(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    struct.pack_into("<I", whole, 8, snapshot.FORMAT + 1)
    file.write_bytes(whole)

    refused(file, "has format 2; this program reads format 1")


def test_another_program_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "program_mark", lambda: "another")

    refused(file, "another version of the program")


def test_another_model_is_refused(file: Path) -> None:
    topology = Topology(load_model())
    topology.policy.version = "another"

    with pytest.raises(Unusable, match="for model"):
        restore(topology, file, hash_of)


@pytest.mark.parametrize("found", ["", "the hash of another ledger"])
def test_another_ledger_is_refused(file: Path, found: str) -> None:
    with pytest.raises(Unusable, match="of another ledger: commit 7"):
        restore(Topology(load_model()), file, lambda sequence: found)


def test_another_byte_order_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.byteorder", "big" if struct.pack("=H", 1) == b"\1\0" else "little")

    refused(file, "byte order")


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "missing", "there is no snapshot")
    refused(tmp_path, "can't be read")
    (tmp_path / "text").write_text("not a snapshot, but long enough to have the header of one, if it had one\n")
    refused(tmp_path / "text", "no snapshot")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_while_it_is_written_leaves_the_one_before(
    file: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*arguments: object) -> None:
        raise OSError("no space left on the device")

    before = file.read_bytes()
    monkeypatch.setattr(os, step, crash)
    with pytest.raises(OSError, match="no space"):
        save(from_world(world("a:Computer"), 8), file, hash_of)

    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_what_is_large_and_in_memory_is_heavy(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MANY", 2)
    topology = opened(file)

    assert is_heavy(site())
    assert not is_heavy(topology)
    topology.requirements()
    assert is_heavy(topology)


def test_ids_with_the_same_hash_are_told_apart() -> None:
    ids = ["plumless", "buckeroo"]  # the same CRC-32
    assert hashed(ids[0]) == hashed(ids[1])
    table = memoryview(b"".join(struct.pack("=Q", hashed(id_) | n) for n, id_ in enumerate(ids)))
    numbers = Numbers(table, ids.__getitem__)

    assert [numbers.get(id_) for id_ in (*ids, "nobody")] == [0, 1, None]
    del numbers["plumless"]
    numbers["new"] = 2
    assert [id_ in numbers for id_ in (*ids, "new")] == [False, True, True]
    assert sorted(numbers.table()) == sorted([hashed("buckeroo") | 1, hashed("new") | 2])
    with pytest.raises(KeyError):
        del numbers["plumless"]


def test_tables_are_packed_with_what_changed() -> None:
    rng = Random(3)
    rows: dict[int, bytes] = {}
    table = Table(b"", b"")
    for count in (0, 3, 3, 10, 40):
        changed = {n: rng.randbytes(rng.randint(0, 5)) for n in rng.sample(range(count), count // 3)}
        rows |= changed
        ends, pool = packed(count, table, changed)
        table = Table(memoryview(ends).cast("B"), pool)

        assert [bytes(table.row(n)) for n in range(count)] == [rows.get(n, b"") for n in range(count)]


def test_rows_behave_as_a_mapping() -> None:
    ends, pool = packed(5, Table(b"", b""), {1: b"one", 3: b"three"})
    rows = Rows(Table(memoryview(ends).cast("B"), pool), bytes)
    assert (dict(rows.items()), len(rows)) == ({1: b"one", 3: b"three"}, 2)
    assert (1 in rows, 2 in rows, 9 in rows, rows.get(2, b"-"), rows[3]) == (True, False, False, b"-", b"three")

    rows.setdefault(2, b"two")
    rows.setdefault(1, b"other")
    del rows[3]

    assert dict(rows.items()) == {1: b"one", 2: b"two"}
    assert rows.get(3) is None
    with pytest.raises(KeyError):
        del rows[3]
    with pytest.raises(KeyError):
        rows[4]
    assert sorted(rows.keys()) == [1, 2]
    assert sorted(rows.values()) == [b"one", b"two"]


def test_commits_that_come_in_meanwhile_make_it_begin_again_until_they_are_held_off(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topology, real = site(), kept.freeze.sections
    begun: list[int] = []
    waiting: list[threading.Thread] = []

    def commit() -> None:
        topology.apply(topology.sequence + 1, 2_000, [])

    def disturbed(*parts: Any) -> Iterator[Any]:
        begun.append(topology.sequence)
        for part in real(*parts):
            yield part
            if len(begun) < kept.TRIES:
                commit()
            elif not waiting:  # somebody else has to wait now
                waiting.append(threading.Thread(target=commit))
                waiting[0].start()

    monkeypatch.setattr(kept.freeze, "sections", disturbed)
    save(topology, file, hash_of)
    waiting[0].join()

    assert begun == [7, 8, 9, 10]
    assert (opened(file).sequence, topology.sequence) == (10, 11)
