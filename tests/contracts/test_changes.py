"""Changes and releases as records: written, assessed jointly, assessed again when something changes the answer."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.changes import ChangeSet, PutRecord
from cmdb.entrypoints.rechecker import Rechecker
from cmdb.errors import Invalid, LimitExceeded, NotFound, Refused, Unreachable
from cmdb.impact.work import Window
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Link, Observation, Report
from cmdb.service.calendar import read_calendar
from cmdb.service.changes import ChangeRequest, Changes
from cmdb.service.releases import ReleaseRequest, Releases, targets_of
from cmdb.service.statements import Statement, Statements, is_stale, statements_of
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import StoredRecord
from cmdb.topology import Topology
from tests.contracts.audit_estate import START, World

HOUR = 3_600_000


class Office(World):
    """Three machines of which the shop needs one, and people who plan."""

    def __init__(self, store: BoltStore, model: Model) -> None:
        super().__init__(store, model)
        self.changes, self.releases = Changes(self.ingest), Releases(self.ingest)

    def open(self, *machines: str) -> None:
        hosts = [Observation("Computer", f"host:{m}", {"name": m}, (Identifier(f"host:{m}"),)) for m in machines]
        links = tuple(Link("DEPENDS_ON", f"host:{m}", {"group_key": "web"}, "file") for m in machines)
        shop = Observation(
            "Service", "service:shop", {"name": "shop", "criticality": 4}, (Identifier("service:shop"),), links=links
        )
        self.ingest.run([Report("manual", "site", self.clock(), (*hosts, shop))], "boss", "the site")

    def id_of(self, name: str) -> str:
        (found,) = self.store.resolve(f"host:{name}" if name != "shop" else "service:shop")
        return found.id

    def change(self, *machines: str, start: float = 24, hours: float = 1, **asked: Any) -> StoredRecord:
        window = Window(START + round(start * HOUR), START + round((start + hours) * HOUR))
        items = tuple((self.id_of(m), "MAINTENANCE") for m in machines)
        request = ChangeRequest(**{"title": f"work on {machines}", "items": items, "window": window, **asked})
        return self.changes.create(request, "rita@office", "memory is short")

    def statements(self) -> Statements:
        return Statements(self.ingest, self.topology())

    def topology(self) -> Topology:
        return super().topology()

    def assess(self, change: StoredRecord) -> Statement:
        return statements_of(self.statements().assess(change.id, "rita@office", "please look"))[0]


@pytest.fixture
def office(any_store: BoltStore, model: Model) -> Office:
    made = Office(any_store, model)
    made.open("web-1", "web-2", "web-3")
    return made


def test_three_changes_each_pair_harmless(office: Office, model: Model) -> None:
    one, two, three = (office.change(f"web-{n}", start=24 + n / 4) for n in (1, 2, 3))
    first, second, third = (office.assess(change) for change in (one, two, three))

    assert [len(said.collisions) for said in (first, second, third)] == [0, 0, 1]
    assert (one.body["number"], one.state, one.body["requester"]) == ("CHG-1", "draft", "rita@office")
    (found,) = third.collisions
    assert set(found.records) == {one.id, two.id}
    assert (found.overlap.start - START, found.overlap.end - START) == (24.75 * HOUR, 25.25 * HOUR)
    assert [(s.ci.name, s.state) for s in found.breaks] == [("shop", "DOWN_PLANNED")]
    assert (third.severity_class, third.alone.at_risk, third.together.down_planned) == ("significant", 1, 1)
    assert third.by == "rita@office"
    assert [s.ci.name for s in third.notify] == ["shop"]
    assert 0 <= third.oldest_evidence_days < 1
    assert verify(office.store, model, deep=True).problems == ()


def test_a_change_goes_its_way(office: Office) -> None:
    change = office.change("web-1", backout="put the old memory back", risk="may not boot")
    office.assess(change)
    for to in ("approved", "scheduled", "implementing", "review", "closed"):
        change = office.changes.step("chg-1", to, "cm@office", "it is time")

    assert [s["to"] for s in change.body["steps"]] == [
        "draft",
        "assess",
        "approved",
        "scheduled",
        "implementing",
        "review",
        "closed",
    ]
    assert change.body["actual"]["from"] < change.body["actual"]["to"]
    assert change.texts == {"backout": "put the old memory back", "risk": "may not boot"}
    with pytest.raises(Invalid, match="that is where it ends"):
        office.changes.step("CHG-1", "draft", "cm@office", "again")


def test_what_no_step_is_and_what_only_some_may(office: Office) -> None:
    normal, standard, emergency = (office.change("web-1", type=t) for t in ("", "standard", "emergency"))
    with pytest.raises(Invalid, match="only standard ones"):
        office.changes.step(normal.id, "approved", "cm", "quick")
    with pytest.raises(Invalid, match="only emergency ones"):
        office.changes.step(standard.id, "implementing", "cm", "quick")
    with pytest.raises(Invalid, match="use `cmdb change assess`"):
        office.changes.step(normal.id, "assess", "cm", "look")

    assert office.changes.step(standard.id, "approved", "cm", "as always").state == "approved"
    assert office.changes.step(emergency.id, "implementing", "cm", "it burns").state == "implementing"


def test_what_was_assessed_and_then_edited_is_a_draft_again(office: Office) -> None:
    change = office.change("web-1")
    office.assess(change)
    kept = office.changes.edit(change.id, ChangeRequest(risk="none"), "rita", "said")
    moved = office.changes.edit(change.id, ChangeRequest(window=Window(START, START + HOUR)), "rita", "earlier")

    assert (kept.state, moved.state) == ("assess", "draft")
    assert (moved.title, moved.about) == (change.title, change.about)


def test_an_assessment_of_other_cis_or_another_window_is_stale(office: Office) -> None:
    change = office.change("web-1")
    said = office.assess(change)
    (assessed,) = office.store.records(ids=[change.id])
    kept = office.changes.edit(change.id, ChangeRequest(risk="none"), "rita", "said")
    moved = office.changes.edit(change.id, ChangeRequest(items=((office.id_of("web-2"), "MAINTENANCE"),)), "rita", "no")
    again = office.assess(moved)
    (after,) = office.store.records(ids=[change.id])

    assert [is_stale(record, said) for record in (assessed, kept, moved)] == [False, False, True]
    assert (is_stale(after, again), is_stale(after, said)) == (False, True)


def test_a_change_whose_window_is_over_goes_no_further(office: Office) -> None:
    over, urgent = office.change("web-1", start=-3), office.change("web-2", start=-3, type="emergency")
    office.assess(over)
    for change, to in ((over, "approved"), (urgent, "implementing")):
        with pytest.raises(Refused, match=r"the window of CHG-\d is over; give it another one") as refused:
            office.changes.step(change.id, to, "cm", "late")
        assert (refused.value.code, refused.value.field) == ("WRONG_STATE", "to")

    assert office.changes.step(over.id, "rejected", "cm", "too late").state == "rejected"
    office.changes.edit(urgent.id, ChangeRequest(window=Window(START, START + 900 * HOUR)), "rita", "now")
    assert office.changes.step(urgent.id, "implementing", "cm", "it burns").state == "implementing"


def test_an_open_outage_counts_and_one_that_ended_does_not(office: Office) -> None:
    change = office.change("web-1")
    affected = [
        {"ci": office.id_of("web-2"), "effect": "down", "from": START, "to": None},
        {"ci": office.id_of("web-3"), "effect": "down", "from": START, "to": None},
    ]

    def outage(state: str) -> None:
        body = {"number": "INC-1", "affected": affected, "steps": []}
        put = PutRecord("incident-1", "incident", state, "smoke", (affected[0]["ci"],), body)  # type: ignore[arg-type]
        office.ingest.decide(lambda head: ChangeSet(office.clock(), [put]), "desk", "smoke")

    outage("in_progress")
    with_outage = office.assess(change)
    outage("closed")
    (changed,) = office.statements().recheck("system:policy")

    assert [c.records for c in with_outage.collisions] == [("incident-1",)]
    record, said = changed
    assert (record.id, said.collisions) == (change.id, ())
    assert "no collision with INC-1 any more" in said.changed
    assert "together, shop: DOWN_PLANNED → AT_RISK" in said.changed


def test_assessed_again_when_the_graph_changes_the_answer(office: Office, model: Model) -> None:
    change = office.change("web-1")
    office.assess(change)
    before = office.store.head().sequence
    assert office.statements().recheck("system:policy") == []
    assert office.store.head().sequence == before

    office.open("web-1")  # the shop does with one machine
    ((_, said),) = office.statements().recheck("system:policy")
    kept = statements_of(office.store.records(ids=[change.id])[0])

    assert said.severity_class == "major"
    assert "alone, shop: AT_RISK → DOWN_PLANNED" in said.changed
    assert [s.by for s in kept] == ["system:policy", "rita@office"]
    assert kept[0].changed == said.changed
    assert office.statements().recheck("system:policy") == []
    assert verify(office.store, model, deep=True).problems == ()


def test_a_server_assesses_again_by_itself(office: Office) -> None:
    change = office.change("web-1")
    office.assess(change)
    topology = office.topology()
    rechecker = Rechecker(Statements(office.ingest, topology), lambda: follow(office, topology), 60)
    rechecker.once()
    office.open("web-1")
    rechecker.once()
    kept = statements_of(office.store.records(ids=[change.id])[0])

    assert [(s.by, s.severity_class) for s in kept] == [("system:policy", "major"), ("rita@office", "significant")]


def test_a_store_that_does_not_answer_stops_nothing(office: Office) -> None:
    def broken() -> None:
        raise Unreachable("nobody there")

    before = office.store.head()
    Rechecker(office.statements(), broken, 60).once()

    assert office.store.head() == before


def follow(office: Office, topology: Topology) -> None:
    for commit in office.store.commits(topology.sequence):
        topology.apply(commit.sequence, commit.at, commit.changes())


def test_what_has_lapsed_counts_no_more_and_what_is_late_does(office: Office) -> None:
    lapsed, late = office.change("web-2", start=1), office.change("web-3", start=1)
    for change in (lapsed, late):
        office.assess(change)
        office.changes.step(change.id, "approved", "cm", "yes")
        office.changes.step(change.id, "scheduled", "cm", "yes")
    office.changes.step(late.id, "implementing", "cm", "now")
    works = read_calendar(office.store, START + 90 * HOUR).works

    assert [(w.key, w.end) for w in works] == [(late.id, None)]


def test_a_draft_and_what_is_done_count_not(office: Office) -> None:
    office.change("web-2")

    assert read_calendar(office.store, START).works == []


def test_what_makes_no_sense_is_refused(office: Office) -> None:
    web = office.id_of("web-1")
    with pytest.raises(Invalid, match="ends before it starts"):
        office.change("web-1", window=Window(5, 4))
    with pytest.raises(Invalid, match="at least one CI"):
        office.change()
    with pytest.raises(NotFound, match="no CI with the id 'nobody'"):
        office.change(items=(("nobody", "MAINTENANCE"),))
    with pytest.raises(LimitExceeded, match="50,000 CIs"):
        office.change(items=((web, "MAINTENANCE"),) * 50_000)
    with pytest.raises(Invalid, match="named twice"):
        office.change(items=((web, "MAINTENANCE"), (web, "RELEASE")))
    with pytest.raises(Invalid, match="did you mean MAINTENANCE"):
        office.change(items=((web, "MAINTENACE"),))
    with pytest.raises(Invalid, match="no type 'fast'"):
        office.change("web-1", type="fast")
    with pytest.raises(Invalid, match="the title is missing"):
        office.change("web-1", title=" ")
    with pytest.raises(NotFound, match="there is no change 'CHG-7'"):
        office.changes.step("CHG-7", "approved", "cm", "yes")
    with pytest.raises(Invalid, match="there is no state 'planed'"):
        office.changes.list(["planed"])
    with pytest.raises(Invalid, match="there is nothing to assess"):
        office.assess(office.change(items=((web, "NONE"),)))
    assert office.store.records(kinds=("change",), states=("assess",)) == []


def test_a_release(office: Office) -> None:
    ids = tuple(office.id_of(f"web-{n}") for n in (1, 2, 3))
    asked = ReleaseRequest("shop 2.5", (*ids, ids[0]), "2.5", Window(START, START + HOUR))
    release = office.releases.create(asked, "rita", "new prices")
    accepted = office.releases.step("REL-1", "accepted", "rita", "tested")

    assert (release.body["number"], accepted.state, targets_of(office.store, accepted)) == (
        "REL-1",
        "accepted",
        list(ids),
    )
    assert [r.id for r in office.releases.list(["accepted"])] == [release.id]
    with pytest.raises(Invalid, match="at least one CI"):
        office.releases.create(ReleaseRequest("empty", ()), "rita", "why")
    with pytest.raises(NotFound, match="'nobody'"):
        office.releases.create(ReleaseRequest("gone", ("nobody",)), "rita", "why")
    with pytest.raises(Invalid, match="REL-1 is accepted"):
        office.releases.step("REL-1", "closed", "rita", "done")


def test_a_doubt_that_comes_up_is_a_difference_and_so_is_its_end(office: Office) -> None:
    change = office.change("web-1")
    sure = office.assess(change)
    topology = office.topology()
    numbers = topology.facts.numbers
    of_shop = [(numbers[office.id_of("shop")], "DEPENDS_ON", numbers[office.id_of(f"web-{n}")]) for n in (2, 3)]
    topology.doubt.set_ties(of_shop)
    ((_, said),) = Statements(office.ingest, topology).recheck("system:policy")
    ((_, settled),) = office.statements().recheck("system:policy")

    assert [(s.ci.name, s.state, s.certainty) for s in sure.notify] == [("shop", "AT_RISK", "SURE")]
    assert [(s.ci.name, s.state, s.certainty) for s in said.notify] == [("shop", "DOWN_PLANNED", "POSSIBLE")]
    assert "alone, shop: AT_RISK → DOWN_PLANNED (possible)" in said.changed
    assert "alone, shop: DOWN_PLANNED (possible) → AT_RISK" in settled.changed
