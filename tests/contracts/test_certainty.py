"""What is in doubt, from what a store knows of who said what when."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from cmdb.entrypoints.follower import reload_topology
from cmdb.entrypoints.keeper import ledger_hashes
from cmdb.impact import Impact, Seed, evaluate
from cmdb.model.registry import load_model
from cmdb.reconcile.belief import sure_by
from cmdb.store.protocol import GraphStore, Moment
from cmdb.topology import Topology
from cmdb.topology.kept import restore, save
from cmdb.topology.past import PastTopologies
from tests.api.estate import HOUR, NOW, Estate, host, reports

MODEL = load_model()
IS_SURE = sure_by(MODEL.policy)
LATER = NOW + 60 * HOUR


def filled(store: GraphStore) -> Estate:
    made = Estate(store, MODEL)
    made.ingest.run(reports(), "tests", "first load")
    made.catch_up()
    return made


def found(topology: Topology, name: str = "access-1") -> dict[str, str]:
    """Name and certainty of all that is impacted when a switch fails."""
    return {node.ci.name: node.certainty for node in answer(topology, name).nodes}


def answer(topology: Topology, name: str = "access-1") -> Impact:
    ci = next(node.id for node in topology.facts.nodes if node.name == name)
    return evaluate(topology, [Seed(ci)])


def judged(store: GraphStore, topology: Topology, now: int) -> Topology:
    silent = {due.origin: due.last_seen for due in store.targets_due(now - MODEL.policy.first_unsure())}
    topology.judge_words(IS_SURE, now, silent)
    return topology


def loaded(store: GraphStore, now: int) -> Topology:
    topology = Topology(MODEL)
    reload_topology(store, topology)
    topology.judge_words(IS_SURE, now)
    return topology


def test_what_nobody_repeats_comes_into_doubt(any_store: GraphStore) -> None:
    topology = filled(any_store).topology
    for of in (judged(any_store, topology, NOW), loaded(any_store, NOW)):
        assert set(found(of).values()) == {"SURE"}

    for of in (judged(any_store, topology, LATER), loaded(any_store, LATER)):
        assert found(of)["access-1"] == "SURE"
        assert found(of)["web-1"] == "POSSIBLE"  # its only cable
        head = any_store.head()
        of.load(any_store.scan_cis(), any_store.scan_relationships(), head.sequence, head.at)
        assert found(of)["web-1"] == "POSSIBLE"  # read anew, it is judged as before at once
        stale = [f for f in answer(of).findings if f.kind == "STALE_EVIDENCE" and f.ci.name == "web-1"]
        assert "CONNECTED_TO" in stale[0].text


def test_a_word_without_a_commit_settles_the_doubt(any_store: GraphStore) -> None:
    estate = filled(any_store)
    judged(any_store, estate.topology, LATER)
    before = any_store.head().sequence
    again = [replace(report, at=LATER - HOUR) for report in reports()]
    estate.ingest.run(again, "tests", "the same again")

    assert any_store.head().sequence == before
    assert set(found(judged(any_store, estate.topology, LATER)).values()) == {"SURE"}
    assert set(found(loaded(any_store, LATER)).values()) == {"SURE"}


def test_a_new_word_in_the_feed_settles_the_doubt(any_store: GraphStore) -> None:
    estate = filled(any_store)
    judged(any_store, estate.topology, LATER)
    doubtful = set(estate.topology.doubt.ties)
    report = host(1)
    ports = tuple(
        replace(o, links=tuple(replace(link, attributes={"protocols": ["lldp"]}) for link in o.links))
        for o in report.observations
    )
    estate.ingest.run([replace(report, at=LATER - HOUR, observations=ports)], "tests", "new")
    estate.catch_up()

    assert estate.topology.doubt.ties < doubtful
    assert found(estate.topology)["web-1"] == "SURE"
    assert found(judged(any_store, estate.topology, LATER))["web-1"] == "SURE"


def test_the_past_is_in_doubt_as_it_was_then(any_store: GraphStore) -> None:
    filled(any_store)
    head = any_store.head()
    then = PastTopologies(any_store, MODEL, is_sure=IS_SURE)

    assert set(found(then.at(Moment(head.sequence, NOW))).values()) == {"SURE"}


def test_what_is_in_doubt_survives_a_snapshot(any_store: GraphStore, tmp_path: Path) -> None:
    filled(any_store)
    topology = loaded(any_store, LATER)
    save(topology, tmp_path / "topology.snapshot", ledger_hashes(any_store))
    again = Topology(MODEL)
    restore(again, tmp_path / "topology.snapshot", ledger_hashes(any_store))

    assert set(found(again).values()) == {"SURE"}  # until somebody judges it
    assert found(judged(any_store, again, LATER)) == found(judged(any_store, topology, LATER))
    assert found(again)["web-1"] == "POSSIBLE"
    assert {id_: group.counts for id_, group in again.live.groups.items()} == {
        id_: group.counts for id_, group in topology.live.groups.items()
    }
