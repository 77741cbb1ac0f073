"""Export and import: the graph goes out and comes back as it was, on and between both engines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmdb.edit import Edit, save
from cmdb.errors import Invalid, NotFound
from cmdb.exchange.defaults import default_lines
from cmdb.exchange.export import confidence_at, export
from cmdb.exchange.restore import restore
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.absence import HOUR_MS
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Link, Observation, Report, path
from cmdb.store.bolt import BoltStore
from cmdb.sweep import sweep
from cmdb.topology import Topology
from tests.conftest import emptied
from tests.contracts.test_ingest import ids
from tests.reports import REPORTS, device, port, report


def fill(store: BoltStore, model: Model) -> Ingest:
    """A graph with everything an export can hold."""
    ingest = Ingest(store, model, lambda: 1_700_000_000_123, ids())
    ingest.run(REPORTS, "test", "")
    need = Observation(
        "Requirement",
        "uplinks",
        {"name": "uplinks", "needed": 1, "on_loss": "at_risk", "pass": "needed"},
        parent="serial:x:B",
        links=(
            Link("PROVIDED_BY", path("serial:x:A", "Interface", "1"), {"weight": 1, "connected": "lan"}, "file"),
            Link("PROVIDED_BY", "serial:x:A", {"weight": 2}, "file"),
        ),
    )
    manual = report("site", 40, device("b", "serial:x:B", root_of=["lan"]), need, source="manual", tables=("file",))
    weak = report(
        "c",
        50,
        device("Bürö", "target:c", "sysname:c", sys_contact="ops@example.net"),
        port("target:c", "eth|0%1"),
        complete=False,
    )
    ingest.run([manual, weak], "test", "")
    ingest.run([report("c", 60, device("Bürö", "target:c", "sysname:c"), complete=False)], "test", "")
    ingest.run([tied("b", 70)], "test", "")
    return ingest


def tied(target: str, at: int) -> Report:
    """What a target says of its surroundings: a cable of a port that it described, and a silent end point."""
    named = Observation("NetworkDevice", "serial:x:B", {}, (Identifier("serial:x:B"),), role="mentioned")
    cable = Link("CONNECTED_TO", path("serial:x:A", "Interface", "1"), {"protocols": ["lldp"]}, "lldp")
    near = Observation("Interface", "9", {}, parent="serial:x:B", links=(cable,), role="mentioned")
    seen = Link("SEEN_ON", path("serial:x:B", "Interface", "9"), {"vlan_id": [10]}, "fdb")
    mac = Identifier("mac:00:1d:e5:84:98:c0", False)
    silent = Observation("Endpoint", mac.key, {"name": "silent"}, (mac,), links=(seen,), role="reported")
    return Report("snmp", target, at, (named, near, silent), complete=False, part="links")


def lines(store: BoltStore, model: Model) -> list[bytes]:
    now = 1_700_000_000_999
    return list(export(store, model, now, confidence_at(now, model)))


def test_export_after_import_is_identical(any_store: BoltStore, model: Model, tmp_path: Path) -> None:
    fill(any_store, model)
    before = lines(any_store, model)
    file = tmp_path / "graph.ndjson"
    file.write_bytes(b"".join(before))

    done = restore(emptied(any_store), model, file, "test", 2_000_000_000_000)
    after = lines(any_store, model)

    assert after[1:] == before[1:]
    assert (done.cis, done.requirements) == (sum(b'"kind":"ci"' in line for line in before), 1)
    assert verify(any_store, model, deep=True).problems == ()
    kinds = [json.loads(line)["kind"] for line in before]
    assert set(kinds) == {"header", "ci", "relationship", "plane", "requirement"}


def test_what_follows_from_the_rest_is_exported_where_asked_and_found_again(
    store: BoltStore, model: Model, tmp_path: Path
) -> None:
    router = device("r", "serial:x:R", ci_class="NetworkDevice", roles=["router"])
    shown: list[Observation] = [router]
    for n in (1, 2):
        subnet = Identifier(f"subnet::10.0.{n}.0/24")
        inside = (Link("IN_SUBNET", subnet.key, {}, "snmp"),)
        shown.append(Observation("Subnet", subnet.key, {"name": f"10.0.{n}.0/24"}, (subnet,)))
        shown.append(port("serial:x:R", f"{n}"))
        on = path("serial:x:R", "Interface", f"{n}")
        shown.append(Observation("IPAddress", f"10.0.{n}.1", {"name": f"10.0.{n}.1"}, (), on, inside))
        far = Identifier(f"address::10.0.{n}.9")
        shown.append(Observation("IPAddress", far.key, {"name": f"10.0.{n}.9"}, (far,), links=inside))
    Ingest(store, model, lambda: 1_000, ids()).run([report("r", 1, *shown)], "test", "")

    def topology() -> Topology:
        made = Topology(model)
        made.load(store.scan_cis(), store.scan_relationships(), 1)
        return made

    before = list(export(store, model, 5_000, confidence_at(5_000, model), lambda: default_lines(topology())))
    file = tmp_path / "graph.ndjson"
    file.write_bytes(b"".join(before))
    restore(emptied(store), model, file, "test", 2_000)
    after = list(export(store, model, 5_000, confidence_at(5_000, model), lambda: default_lines(topology())))
    planes = [line for line in map(json.loads, before) if line["kind"] == "plane"]

    assert [(p["name"], len(p["roots"]), p["origin"]) for p in planes] == [("lan", 1, "found")]
    assert after[1:] == before[1:]


def test_what_is_observed_again_after_an_import_changes_no_value(
    any_store: BoltStore, model: Model, tmp_path: Path
) -> None:
    fill(any_store, model)
    file = tmp_path / "graph.ndjson"
    file.write_bytes(b"".join(lines(any_store, model)))
    restore(emptied(any_store), model, file, "test", 2_000_000_000_000)
    before = {c.id: (c.ci_class, c.name, c.status, c.attributes) for c in any_store.scan_cis()}

    latest = [r for r in REPORTS if r.at in (20, 30, 12, 5)]
    done = Ingest(any_store, model, lambda: 6, ids()).run(latest, "test", "")

    assert {c.id: (c.ci_class, c.name, c.status, c.attributes) for c in any_store.scan_cis()} == before
    assert Ingest(any_store, model, lambda: 7, ids()).run(latest, "test", "").committed is False
    assert not done.problems


@pytest.mark.neo4j
def test_embedded_to_neo4j_and_back(store: BoltStore, neo4j_store: BoltStore, model: Model, tmp_path: Path) -> None:
    fill(store, model)
    first = lines(store, model)
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"".join(first))

    restore(neo4j_store, model, one, "test", 2_000_000_000_000)
    there = lines(neo4j_store, model)
    two.write_bytes(b"".join(there))
    restore(emptied(store), model, two, "test", 2_000_000_000_001)

    assert there[1:] == first[1:]
    assert lines(store, model)[1:] == first[1:]


def damaged(good: list[bytes]) -> dict[str, tuple[list[bytes], str]]:
    """Files that must be refused, with what the message must say."""
    ci = next(i for i, line in enumerate(good) if b'"kind":"ci"' in line)
    rel = next(i for i, line in enumerate(good) if b'"kind":"relationship"' in line)
    return {
        "empty": ([], "is empty"),
        "no header": (good[1:], "begins with its header"),
        "cut off between lines": (good[:-2], "cut off"),
        "cut off in a line": ([*good[:-1], good[-1][:40]], "was cut off here"),
        "not JSON": ([*good[:ci], b"{nonsense}\n", *good[ci:]], f"line {ci + 1}: not JSON"),
        "unknown class": ([good[0], good[ci].replace(b'"class":"', b'"class":"No')], "there is no class"),
        "id twice": ([*good[: ci + 1], *good[ci:]], "occurs twice"),
        "unknown kind": ([good[0], b'{"kind":"thing"}\n'], "expected an object with kind"),
        "end not above": ([good[0], good[rel]], "is named before its own line"),
        "other format": ([good[0].replace(b'"format":1', b'"format":99')], "format 99"),
        "missing key": ([good[0], good[ci].replace(b'"origins"', b'"origin"')], "has no 'origins'"),
    }


@pytest.mark.parametrize("kind", damaged([b'{"kind":"ci"}', b'{"kind":"relationship"}']))
def test_damaged_file_leaves_the_graph_empty(store: BoltStore, model: Model, tmp_path: Path, kind: str) -> None:
    fill(store, model)
    content, message = damaged(lines(store, model))[kind]
    file = tmp_path / "damaged.ndjson"
    file.write_bytes(b"".join(content))
    emptied(store)

    with pytest.raises(Invalid, match=message):
        restore(store, model, file, "test", 2_000_000_000_000)

    assert store.head().sequence == 0
    assert list(store.scan_cis()) == []


def test_import_into_a_graph_with_content_is_refused(store: BoltStore, model: Model, tmp_path: Path) -> None:
    fill(store, model)

    with pytest.raises(Invalid, match="not empty"):
        restore(store, model, tmp_path / "any", "test", 2_000_000_000_000)


def test_missing_file(store: BoltStore, model: Model, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        restore(store, model, tmp_path / "none", "test", 2_000_000_000_000)


def test_identifiers_keep_their_strength(store: BoltStore, model: Model, tmp_path: Path) -> None:
    fill(store, model)
    file = tmp_path / "graph.ndjson"
    file.write_bytes(b"".join(lines(store, model)))
    before = {c.name: set(c.identifiers) for c in store.scan_cis()}

    restore(emptied(store), model, file, "test", 2_000_000_000_000)

    assert {c.name: set(c.identifiers) for c in store.scan_cis()} == before
    assert Identifier("target:c", False) in before["Bürö"]


def test_marks_locks_and_claims_survive(store: BoltStore, model: Model, tmp_path: Path) -> None:
    """What decides about a status comes back with it, so that the next change does not undo it."""
    ingest = Ingest(store, model, lambda: 1_000, ids())
    said = device("a", "serial:x:A"), port("serial:x:A", "1"), port("serial:x:A", "2")
    ingest.run([report("a", HOUR_MS, *said)], "test", "")
    for hour in (2, 3, 40):
        ingest.run([report("a", hour * HOUR_MS, *said[:2])], "test", "")
    ingest.run([report("f", 1, device("b", "serial:x:B", status="in_stock"), source="manual")], "test", "")
    sweep(ingest, 41 * HOUR_MS, "test")
    (port_1,) = (c.id for c in store.scan_cis() if c.name == "1")
    save(ingest, port_1, Edit(set={"alias": "up"}, lock=("alias",)), "eve", "because")
    before = lines(store, model)
    file = tmp_path / "whole.ndjson"
    file.write_bytes(b"".join(before))
    emptied(store)
    restore(store, model, file, "test", 1)
    again = lines(store, model)
    sweep(ingest, 41 * HOUR_MS, "test")

    assert again[1:] == before[1:]
    assert {c.name: c.status for c in store.scan_cis()} == {
        "a": "in_service",
        "1": "in_service",
        "2": "missing",
        "b": "in_stock",
    }
