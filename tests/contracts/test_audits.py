"""Audits from plan to closure: the draw, what was discovered, findings, guards, and what is refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from cmdb.changes import ChangeSet, EndCI, EndRelationship, MoveCI
from cmdb.errors import CmdbError, Denied, Invalid, NotFound
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import Link
from cmdb.service.audits import PlanRequest
from cmdb.service.due import due_list
from cmdb.service.findings import differences_of
from cmdb.service.report import markdown, report
from cmdb.service.scope import Scope
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import StoredRecord
from tests.contracts.audit_estate import SWITCHES, World, key


@pytest.fixture
def world(any_store: BoltStore, model: Model) -> World:
    made = World(any_store, model)
    made.fill()
    return made


def results(audit: StoredRecord) -> dict[str, int]:
    return {v: n for v, n in audit.body["results"].items() if v in ("right", "different", "missing", "unseen", "extra")}


def test_a_whole_audit(world: World, model: Model) -> None:
    world.plan(due_days=10)
    audit = world.audits.start("switches", "ann@office", "it is time")
    world.later()
    world.visit("sw-1", "Gi1", "Gi2")
    world.visit("sw-2", "Gi1", "Gi2", os_version="17.12")
    world.visit("sw-3", "Gi1", "Gi2", complete=False)
    world.visit("sw-6", "Gi1")
    done = world.finish()

    assert (audit.state, done.state, done.body["population"], done.body["sample"]) == ("running", "reported", 5, None)
    assert results(done) == {"right": 1, "different": 1, "missing": 0, "unseen": 3, "extra": 1}
    assert [u["name"] for u in done.body["unseen"]] == ["sw-3", "sw-4", "sw-5"]
    assert done.body["results"]["accuracy"] == 0.5
    differs, extra = world.audits.findings(done)
    assert (differs.about, differs.body["type"], differs.body["grade"]) == (
        (world.id_of("sw-2"),),
        "different",
        "major",
    )
    assert differences_of(differs) == [("os_version", "17.9", "17.12")]
    assert (extra.about, extra.body["type"]) == ((world.id_of("sw-6"),), "extra")

    with pytest.raises(Invalid, match="AUD-1 has 2 findings not closed: FND-1, FND-2"):
        world.audits.close("AUD-1", "boss@office", "done")
    for number in ("FND-1", "FND-2"):
        world.findings.cause(number, "otto@office", "looked into it", "an update nobody wrote down")
        world.findings.close(number, "ann@office", "looked again", "the record is corrected")

    closed = world.audits.close("AUD-1", "boss@office", "done", "three stood in the store room")
    assert closed.state == "closed"
    (planned,) = world.store.records(kinds=["audit_plan"])
    told = markdown(report(closed, planned, world.audits.findings(closed), world.now))
    assert "Closed although not all was judged: three stood in the store room" in told
    assert verify(world.store, model, deep=True).problems == ()
    told = {(c.actor, c.reason) for c in world.store.commits(0, 1_000)}
    assert {("ann@office", "it is time"), ("otto@office", "looked into it"), ("boss@office", "done")} <= told


def test_the_draw_can_be_repeated_by_anybody(world: World) -> None:
    world.plan(size=2, seed="7")
    audit = world.audits.start("switches", "ann", "it is time")
    ids = [world.id_of(name) for name in SWITCHES]
    expected = sorted(sorted(ids, key=lambda ci: hashlib.sha256(f"7:{ci}".encode()).hexdigest())[:2])

    assert audit.body["sample"] == expected
    assert audit.body["population"] == 5


def test_without_a_seed_the_head_of_the_ledger_draws(world: World) -> None:
    world.plan(size=2)
    audit = world.audits.start("switches", "ann", "it is time")
    (commit,) = world.store.commits(audit.body["expected"]["sequence"] - 1, 1)

    assert audit.body["seed"] == commit.hash[:16]
    assert audit.body["expected"]["hash"] == commit.hash
    assert world.store.head().sequence > commit.sequence


def test_what_a_complete_visit_does_not_see_is_missing(world: World) -> None:
    world.plan(scope=Scope(("Interface",)))
    world.audits.start("switches", "ann", "it is time")
    world.later()
    for name in SWITCHES[:4]:
        world.visit(name, "Gi1", "Gi2")
    world.visit("sw-5", "Gi2", "Gi3")
    done = world.finish()

    assert results(done) == {"right": 9, "different": 0, "missing": 1, "unseen": 0, "extra": 1}
    missing, extra = world.audits.findings(done)
    assert [(f.title, f.body["type"], f.body["grade"]) for f in (missing, extra)] == [
        ("Gi1", "missing", "major"),
        ("Gi3", "extra", "major"),
    ]


def test_what_a_person_wrote_is_held_against_what_the_device_says(world: World) -> None:
    world.say("sw-1", "otto@office", model="C9500")
    world.plan()
    world.audits.start("switches", "ann", "it is time")
    world.later()
    world.visit("sw-1", "Gi1", "Gi2", model="C9300")
    (finding,) = world.audits.findings(world.finish())

    assert world.ci("sw-1").attributes["model"] == "C9500"
    assert differences_of(finding) == [("model", "C9500", "C9300")]


def test_what_nobody_looks_at_and_what_moves_by_itself_is_not_judged(world: World) -> None:
    world.say("sw-1", "otto@office", model="C9500")
    world.plan(scope=Scope(("NetworkDevice", "Interface"), "sw-1"))
    world.audits.start("switches", "ann", "it is time")
    world.visit("sw-1", "Gi1", "Gi2", reachability="unreachable", sys_contact="somebody new")

    assert results(world.finish()) == {"right": 1, "different": 0, "missing": 0, "unseen": 0, "extra": 0}


def test_a_relationship_that_changed_is_a_difference(world: World) -> None:
    def on(name: str) -> tuple[Link, ...]:
        return (Link("POWERED_BY", key(name), {}, "snmp"),)

    world.visit("sw-1", "Gi1", "Gi2", links=on("sw-4"))
    world.plan(scope=Scope(("NetworkDevice",), "SW-1"))
    world.audits.start("switches", "ann", "it is time")
    world.later()
    world.visit("sw-1", "Gi1", "Gi2", links=on("sw-5"))
    (finding,) = world.audits.findings(world.finish())

    assert sorted(differences_of(finding), key=str) == [
        ("POWERED_BY", "→ sw-4", None),
        ("POWERED_BY", None, "→ sw-5"),
    ]


def test_expected_may_be_the_graph_of_an_earlier_sequence(world: World) -> None:
    before = world.store.head().sequence
    world.later(30)
    world.visit("sw-1", "Gi1", "Gi2", os_version="17.12")
    world.visit("sw-7", "Gi1")
    world.plan()
    audit = world.audits.start("switches", "ann", "it is time", expected=before)
    world.later()
    for name in (*SWITCHES[1:], "sw-7"):
        world.visit(name, *(("Gi1", "Gi2") if name != "sw-7" else ("Gi1",)))
    world.visit("sw-1", "Gi1", "Gi2", os_version="17.12")
    done = world.finish()

    assert audit.body["expected"]["sequence"] == before
    assert results(done) == {"right": 4, "different": 1, "missing": 0, "unseen": 0, "extra": 1}
    with pytest.raises(Invalid, match="there is no sequence 999 in the ledger; it goes from 1 to"):
        world.audits.start("switches", "ann", "it is time", expected=999)


def test_private_values_stay_out_of_the_chain(world: World) -> None:
    world.visit("sw-1", "Gi1", "Gi2", sys_contact="Mrs Old")
    world.plan(scope=Scope(("NetworkDevice",), "sw-1"))
    world.audits.start("switches", "ann", "it is time")
    world.visit("sw-1", "Gi1", "Gi2", sys_contact="Mr New")
    sequence = world.store.head().sequence
    (finding,) = world.audits.findings(world.finish())

    assert differences_of(finding) == [("sys_contact", "Mrs Old", "Mr New")]
    assert finding.body["grade"] == "minor"
    assert finding.body["differences"] == [{"what": "sys_contact"}]
    for commit in world.store.commits(sequence):
        assert b"Mrs Old" not in commit.payload


def test_the_auditor_must_be_independent(world: World) -> None:
    with pytest.raises(Invalid, match="auditor must be another person than the owner, not otto for both"):
        world.plan(auditor="Otto@elsewhere")

    world.plan()
    world.say("sw-2", "ann@office", model="C9200")
    with pytest.raises(Denied, match=r"AUD-1 stays planned: ann edited 1 CI of the scope in the last 90 days"):
        world.audits.start("switches", "boss", "it is time")
    assert [a.state for a in world.store.records(kinds=["audit"])] == ["planned"]

    world.later(91)
    audit = world.audits.start("switches", "boss", "it is time")

    assert (audit.body["number"], audit.state) == ("AUD-1", "running")
    assert audit.body["guards"][0]["holds"] is True
    with pytest.raises(Denied, match="otto owns what AUD-1 looks at; somebody else must report it"):
        world.finish(actor="otto@office")


def test_running_discovery_is_no_edit(world: World) -> None:
    world.plan(auditor="robot")

    assert world.audits.start("switches", "boss", "it is time").state == "running"


def test_starting_again_after_a_crash_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.plan()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("cmdb.service.audits.population", die)
        with pytest.raises(KeyboardInterrupt):
            world.audits.start("switches", "ann", "it is time")
    audit = world.audits.start("switches", "ann", "it is time")

    assert [(a.body["number"], a.state) for a in world.store.records(kinds=["audit"])] == [("AUD-1", "running")]
    assert [s["to"] for s in audit.body["steps"]] == ["planned", "running"]


def test_doing_it_twice(world: World) -> None:
    first = world.plan()
    sequence = world.store.head().sequence
    with pytest.raises(Invalid, match="there is a plan 'switches' already, PLN-1; --replace changes it"):
        world.plan()
    same = PlanRequest("Switches", Scope(("NetworkDevice",)), "ann", "otto", 90)
    assert world.audits.plan(same, "boss", "again", replace=True) == first
    assert world.store.head().sequence == sequence

    world.audits.start("switches", "ann", "it is time")
    with pytest.raises(Invalid, match="AUD-1 of this plan is running; finish or cancel it first"):
        world.audits.start("switches", "ann", "it is time")
    world.finish()
    with pytest.raises(Invalid, match="AUD-1 is reported; from there it may go to closed, not to reported"):
        world.finish()
    world.audits.close("AUD-1", "boss", "nothing was found", "the plant was closed")
    with pytest.raises(Invalid, match="AUD-1 is closed; that is where it ends, not to cancelled"):
        world.audits.cancel("AUD-1", "boss", "too late")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": " "}, "the name of the plan is missing"),
        ({"name": "x" * 201}, "201 characters; at most 200"),
        ({"auditor": ""}, "the auditor is missing"),
        ({"period_days": 0}, "the period is 1 to 3,660 days, not 0"),
        ({"due_days": 10_000}, "the term of findings is 1 to 3,660 days, not 10,000"),
        ({"seed": "x" * 201}, "the seed has 201 characters"),
        ({"size": -1}, "a sample has 1 to 10,000 CIs"),
        ({"scope": Scope(("NetworkDevise",))}, "there is no class 'NetworkDevise'; did you mean NetworkDevice"),
        ({"scope": Scope(("Requirement",))}, "is a class of the program itself"),
        ({"scope": Scope(status=("gone",))}, "there is no status 'gone'"),
    ],
)
def test_plans_that_make_no_sense(world: World, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        world.plan(**changed)
    assert world.store.records(kinds=["audit_plan"]) == []


def test_what_is_not_there_or_holds_nothing(world: World) -> None:
    with pytest.raises(NotFound, match="there is no audit plan 'nothing'"):
        world.audits.start("nothing", "ann", "it is time")
    with pytest.raises(NotFound, match="there is no finding 'FND-9'"):
        world.findings.cause("FND-9", "ann", "because", "x")
    world.plan(scope=Scope(("Printer",)))
    with pytest.raises(Invalid, match="AUD-1 stays planned: the scope of PLN-1 held no CI"):
        world.audits.start("switches", "ann", "it is time")
    world.audits.retire("switches", "boss", "no printers here")
    with pytest.raises(Invalid, match="PLN-1 is retired; take another plan"):
        world.audits.start("switches", "ann", "it is time")


def test_closing_a_finding(world: World) -> None:
    world.plan()
    world.audits.start("switches", "ann", "it is time")
    world.later()
    world.visit("sw-2", "Gi1", "Gi2", os_version="17.12")
    world.finish()

    refusals: list[tuple[type[CmdbError], str, tuple[str, str]]] = [
        (Invalid, "FND-1 is open; from there it may go to cause_known, not to closed", ("ann", "shown")),
        (Denied, "otto is responsible for FND-1; another person must see", ("otto@desk", "shown")),
        (Invalid, "the evidence that it is settled is missing", ("ann", "  ")),
    ]
    for n, (kind, message, (who, evidence)) in enumerate(refusals):
        if n == 1:
            world.findings.cause("FND-1", "otto", "looked", "an update")
        with pytest.raises(kind, match=message):
            world.findings.close("FND-1", who, "look", evidence)
    closed = world.findings.close("FND-1", "ann", "look", "17.12 is recorded")

    assert (closed.state, closed.texts["evidence"]) == ("closed", "17.12 is recorded")
    with pytest.raises(Invalid, match="FND-1 is closed; that is where it ends"):
        world.findings.assign("FND-1", "boss", "late", owner="olga")


def test_an_audit_that_judged_nothing_does_not_close_by_itself(world: World) -> None:
    world.plan()
    world.audits.start("switches", "ann", "it is time")
    world.finish()

    with pytest.raises(Invalid, match="AUD-1 judged nothing of 5 CIs that no complete visit saw \\(sw-1, sw-2"):
        world.audits.close("AUD-1", "boss", "done", " ")
    with pytest.raises(Denied, match="otto owns what AUD-1 looks at; somebody else must accept"):
        world.audits.close("AUD-1", "otto@desk", "done", "looks fine")
    with pytest.raises(Invalid, match="the reason why the unseen is accepted has 10,001 characters"):
        world.audits.close("AUD-1", "boss", "done", "x" * 10_001)
    assert world.audits.close("AUD-1", "boss", "done", "all in store").texts == {"unseen_accepted": "all in store"}


def test_an_audit_that_judged_all_has_nothing_to_accept(world: World) -> None:
    world.plan()
    world.audits.start("switches", "ann", "it is time")
    world.later()
    for name in SWITCHES:
        world.visit(name, "Gi1", "Gi2")
    world.finish()

    with pytest.raises(Invalid, match="nothing of AUD-1 was unseen; close it without accepting"):
        world.audits.close("AUD-1", "boss", "done", "just in case")
    assert world.audits.close("AUD-1", "boss", "done").state == "closed"


def test_assigning_a_finding(world: World) -> None:
    world.plan()
    world.audits.start("switches", "ann", "it is time")
    world.visit("sw-2", "Gi1", "Gi2", os_version="17.12")
    world.finish()
    changed = world.findings.assign("FND-1", "boss", "otto is away", owner="olga", due=1_765_000_000_000, grade="minor")
    sequence = world.store.head().sequence
    world.findings.assign("FND-1", "boss", "again", owner="olga")

    assert [changed.body[n] for n in ("owner", "due", "grade")] == ["olga", 1_765_000_000_000, "minor"]
    assert world.store.head().sequence == sequence
    assert [f.id for f in world.findings.list(["open"], "OLGA@x")] == [changed.id]
    assert world.findings.list(owner="otto") == []
    for wrong, message in (({"grade": "awful"}, "no grade 'awful'"), ({}, "nothing to change")):
        with pytest.raises(Invalid, match=message):
            world.findings.assign("FND-1", "boss", "x", **wrong)  # type: ignore[arg-type] # what people type
    with pytest.raises(Invalid, match="there is no state 'shut'"):
        world.findings.list(["shut"])


def test_overdue_is_computed(world: World) -> None:
    def due() -> list[tuple[str, bool]]:
        read = [world.store.records(kinds=[kind]) for kind in ("audit_plan", "audit", "finding")]
        return [(d.number, d.overdue) for d in due_list(*read, world.now)]

    world.plan(due_days=10)
    assert due() == [("PLN-1", False)]
    world.later(91)
    assert due() == [("PLN-1", True)]
    world.audits.start("switches", "ann", "it is time")
    world.visit("sw-2", "Gi1", "Gi2", os_version="17.12")
    world.finish()
    assert due() == [("FND-1", False), ("PLN-1", False)]
    world.later(11)
    sequence = world.store.head().sequence
    assert due() == [("FND-1", True), ("PLN-1", False)]
    assert world.store.head().sequence == sequence


def test_the_report(world: World) -> None:
    planned = world.plan(size=3, seed="7")
    audit = world.audits.start("switches", "ann", "it is time")
    for name in SWITCHES:
        world.visit(name, "Gi1", "Gi2", os_version="17.12 | `x`")
    running = report(audit, planned, [], world.now, world.audits.probe(audit, world.topology()))
    done = world.finish()
    made = report(done, planned, world.audits.findings(done), world.now)
    text = markdown(made)

    assert json.loads(json.dumps(made)) == made
    assert "**Not final: the audit is running.**" in markdown(running)
    assert len(running["deviations"]) == 3
    assert made["results"]["different"] == len(made["findings"]) == 3
    assert made["completeness"]["cis"] == 3
    assert f"hash `{done.body['expected']['hash']}`" in text
    assert f"ledger head `{done.body['judged']['hash']}`" in text
    assert "Of these 3 were drawn with the seed `7`" in text
    assert "os_version `17.12 | 'x'`, recorded `17.9`" in text
    assert "Accuracy: 0.0%" in text
    assert "independent: holds" in text
    assert "Not final" not in text


def test_a_ledger_that_was_altered_is_no_ground_for_an_audit(world: World) -> None:
    world.plan()
    spoil = "MATCH (c:Commit {seq: 2}) SET c.actor = 'somebody else'"
    connection = world.store.connection  # type: ignore[attr-defined] # of the store in the test
    connection.write(lambda tx: tx.run(spoil).consume(), lambda: None)

    with pytest.raises(Invalid, match=r"the ledger can't be relied on: commit 2 was altered"):
        world.audits.start("switches", "ann", "it is time")


def test_many_deviations_are_all_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.service.probe.MOST_LISTED", 2)
    monkeypatch.setattr("cmdb.service.audits.MOST_LISTED", 2)
    monkeypatch.setattr("cmdb.service.probe.SLICE", 2)
    planned = world.plan()
    world.audits.start("switches", "ann", "it is time")
    for name in SWITCHES:
        world.visit(name, "Gi1", "Gi2", os_version="17.12")
    done = world.finish()

    assert results(done)["different"] == 5
    assert len(world.audits.findings(done)) == 2
    text = markdown(report(done, planned, world.audits.findings(done), world.now))
    assert "**5 deviations were counted; only the first 2 are listed.**" in text


def test_a_merged_ci_differs(world: World) -> None:
    world.plan(scope=Scope(("NetworkDevice",), "sw-2"))
    audit = world.audits.start("switches", "ann", "it is time")
    gone, into = world.id_of("sw-2"), world.id_of("sw-1")
    children = [c for c in world.store.scan_cis() if c.parent == gone]
    moves = [MoveCI(c.id, "Interface", into, f"old-{c.local_key}") for c in children]
    rels = [r for r in world.store.scan_relationships() if gone in (r.source, r.target) and r.type != "CONTAINS"]
    ends = [EndRelationship(r.source, r.type, r.target) for r in rels]
    world.ingest.decide(lambda head: ChangeSet(world.clock(), [*moves, *ends, EndCI(gone, into)]), "boss", "one thing")
    world.visit("sw-1", "Gi1", "Gi2")
    (finding,) = world.audits.findings(world.finish())

    assert audit.body["population"] == 1
    assert ("merged", None, f"into sw-1 ({into})") in differences_of(finding)
