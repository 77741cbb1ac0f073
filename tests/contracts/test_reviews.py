"""Control of updates on a store: refused, waiting, approved, rejected, out of date; nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cmdb.edit import Edit, save
from cmdb.errors import Denied, Invalid, NotFound, Refused
from cmdb.identity.decide import Request, decide
from cmdb.ingest import Automatic, Ingested
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Observation, Report
from cmdb.service.control import Control, role_of
from cmdb.service.policy import ControlPolicy, read_policy
from cmdb.service.reviews import Reviews
from cmdb.store.bolt import BoltStore
from tests.contracts.audit_estate import World, key

POLICY = """
sources: [manual]
approve: [change_manager, administrator]
default: {edit: [operator, change_manager, administrator], reason: false, level: automatic}
classes:
  NetworkDevice:
    attributes:
      model: {level: review}
      os_version: {reason: true}
      vendor: {edit: [administrator]}
"""
ROLES = {"otto": "operator", "mona": "change_manager", "carl": "change_manager", "vera": "viewer"}


@pytest.fixture
def policy(tmp_path: Path, model: Model) -> ControlPolicy:
    file = tmp_path / "control.yaml"
    file.write_text(POLICY)
    return read_policy(file, model)


@pytest.fixture
def world(any_store: BoltStore, model: Model, policy: ControlPolicy) -> World:
    made = World(any_store, model)
    made.ingest.control = Control(any_store, policy, role_of(ROLES), made.clock)
    made.fill()
    return made


@pytest.fixture
def reviews(world: World, policy: ControlPolicy) -> Reviews:
    return Reviews(world.ingest, policy, role_of(ROLES))


@pytest.fixture
def say(world: World) -> Callable[..., Ingested]:
    """A person writes something down about sw-1."""

    def write(actor: str = "otto@desk", reason: str = "", target: str = "sheet", **values: Any) -> Ingested:
        said = Observation("NetworkDevice", key("sw-1"), {"name": "sw-1", **values}, (Identifier(key("sw-1")),))
        report = Report("manual", target, world.clock(), (said,))
        return world.ingest.run([report], actor, reason, explain=True)

    return write


def model_of(world: World) -> object:
    return world.ci("sw-1").attributes.get("model")


def test_what_must_be_reviewed_waits_and_is_written_once_it_is_approved(
    world: World, reviews: Reviews, say: Callable[..., Ingested], model: Model
) -> None:
    done = say(model="C9500", reason="a new label")
    (outcome,) = done.outcomes["manual/sheet"]
    (waiting,) = reviews.list()

    assert (outcome.status, outcome.held and outcome.held.code, outcome.held and outcome.held.record) == (
        "quarantined",
        "REVIEW",
        waiting.id,
    )
    assert [p.message for p in done.problems] == ["waits as REV-1 until another person approves it"]
    assert (waiting.body["author"], waiting.texts["reason"]) == ("otto@desk", "a new label")
    assert [e["attribute"] for e in waiting.body["edits"]] == ["model"]
    assert model_of(world) is None

    _, preview = reviews.preview("REV-1")
    assert [c.set for c in preview.change_set.changes] == [{"model": "C9500"}]  # type: ignore[union-attr] # one SetCI
    settled, written = reviews.approve("rev-1", "mona@desk", "right, I saw it")

    assert (settled.state, written.committed, model_of(world)) == ("approved", True, "C9500")
    assert reviews.list() == []
    commits = {c.sequence: c for c in world.store.commits(0, 1_000)}
    assert (commits[written.sequence].actor, commits[written.sequence].reason) == (
        "mona@desk",
        "REV-1 by otto@desk: right, I saw it",
    )
    assert all(b"C9500" not in c.payload for n, c in commits.items() if n < written.sequence)
    assert verify(world.store, model, deep=True).problems == ()


def test_what_needs_no_review_goes_through(world: World, reviews: Reviews, say: Callable[..., Ingested]) -> None:
    assert say(sys_contact="noc").committed
    assert say(sys_contact="noc", os_name="IOS", reason="seen").committed
    world.visit("sw-1", "Gi1", "Gi2", model="C9300")  # discovery is not under control here

    assert (reviews.list(), model_of(world)) == ([], "C9300")


def test_only_what_changes_counts(world: World, reviews: Reviews, say: Callable[..., Ingested]) -> None:
    say(model="C9500")
    reviews.approve("REV-1", "mona", "right")
    done = say(model="C9500", sys_contact="noc")

    assert done.committed
    assert reviews.list() == []


def test_asking_twice_asks_once(world: World, reviews: Reviews, say: Callable[..., Ingested]) -> None:
    say(model="C9500")
    sequence = world.store.head().sequence
    again = say(model="C9500")

    assert not again.committed
    assert again.held["manual/sheet"].record == reviews.list()[0].id
    assert world.store.head().sequence == sequence


def test_a_later_word_of_the_same_origin_replaces_what_waits(
    world: World, reviews: Reviews, say: Callable[..., Ingested]
) -> None:
    say(model="C9500")
    say(model="C9600")
    say(target="other sheet", model="C9700")

    assert sorted((r.body["number"], r.state) for r in reviews.list([])) == [
        ("REV-1", "superseded"),
        ("REV-2", "waiting"),
        ("REV-3", "waiting"),
    ]
    with pytest.raises(Invalid, match="REV-1 is superseded; from there it may go to waiting, not to approved"):
        reviews.approve("REV-1", "mona", "right")


def test_an_approval_never_overwrites_what_is_newer(
    world: World, reviews: Reviews, say: Callable[..., Ingested]
) -> None:
    say(model="C9500")
    say(sys_contact="noc")  # the same sheet, later, without the model

    with pytest.raises(Invalid, match="REV-1 is out of date: manual/sheet has said something newer since"):
        reviews.approve("REV-1", "mona", "right")
    assert reviews.reject("REV-1", "mona", "out of date").state == "rejected"
    assert model_of(world) is None


def test_what_was_rejected_may_be_asked_again(world: World, reviews: Reviews, say: Callable[..., Ingested]) -> None:
    say(model="C9500")
    with pytest.raises(Invalid, match="the reason is missing"):
        reviews.reject("REV-1", "mona", " ")
    rejected = reviews.reject("REV-1", "mona", "I see a C9300 there")

    assert rejected.texts["decision"] == "I see a C9300 there"
    assert "C9500" in rejected.texts["report"]
    say(model="C9500")
    (waiting,) = reviews.list()
    assert (waiting.id, waiting.body["number"]) == (rejected.id, "REV-1")
    assert [s["to"] for s in waiting.body["steps"]] == ["waiting", "rejected", "waiting"]


def test_who_may_settle(world: World, reviews: Reviews, say: Callable[..., Ingested]) -> None:
    say("mona@desk", model="C9500")
    for who, message in (
        ("Mona@home", "mona wrote REV-1; another person must look at it"),
        ("otto", "otto is operator; reviews are settled by administrator, change_manager only"),
    ):
        for settle in (reviews.approve, reviews.reject):
            with pytest.raises(Denied, match=message):
                settle("REV-1", who, "because")
    assert reviews.approve("REV-1", "carl", "right")[0].state == "approved"
    with pytest.raises(Invalid, match="REV-1 is approved; from there it may go to waiting, not to rejected"):
        reviews.reject("REV-1", "carl", "no")
    with pytest.raises(NotFound, match="there is no review 'REV-9'"):
        reviews.approve("REV-9", "carl", "no")
    with pytest.raises(Invalid, match="there is no state 'open'"):
        reviews.list(["open"])


def test_who_may_edit_and_why(world: World, say: Callable[..., Ingested]) -> None:
    sequence = world.store.head().sequence
    refused = {
        say("vera", sys_contact="noc").held["manual/sheet"].text,
        say("otto", vendor="Other").held["manual/sheet"].text,
        say("otto", os_version="17.12").held["manual/sheet"].code,
        say("otto", os_version="17.12", reason=Automatic("push of sheet")).held["manual/sheet"].code,
    }

    assert refused == {
        f"vera is viewer, and a new CI of NetworkDevice ({key('sw-1')}) may be edited by"
        " administrator, change_manager, operator only",
        f"otto is operator, and vendor of NetworkDevice ({key('sw-1')}) may be edited by administrator only",
        "REASON_REQUIRED",
    }
    assert world.store.head().sequence == sequence
    assert say("otto", os_version="17.12", reason="updated last night").committed


def test_a_dry_run_asks_nobody(world: World, reviews: Reviews) -> None:
    said = Observation("NetworkDevice", key("sw-1"), {"name": "sw-1", "model": "C1"}, (Identifier(key("sw-1")),))
    report = Report("manual", "sheet", world.clock(), (said,))
    done = world.ingest.run([report], "otto", "", dry_run=True, explain=True)

    assert done.held["manual/sheet"].code == "REVIEW"
    assert reviews.list() == []


def test_other_reports_of_the_same_write_go_through(world: World, reviews: Reviews) -> None:
    def said(name: str, target: str, **values: Any) -> Report:
        thing = Observation("NetworkDevice", key(name), {"name": name, **values}, (Identifier(key(name)),))
        return Report("manual", target, world.clock(), (thing,))

    done = world.ingest.run([said("sw-1", "a", model="C1"), said("sw-2", "b", sys_contact="noc")], "otto", "")

    assert done.committed
    assert list(done.held) == ["manual/a"]
    assert world.ci("sw-2").attributes["sys_contact"] == "noc"
    assert len(reviews.list()) == 1


def test_two_words_of_one_origin_in_one_write_are_both_kept(world: World, reviews: Reviews) -> None:
    def said(**values: Any) -> Report:
        thing = Observation("NetworkDevice", key("sw-1"), {"name": "sw-1", **values}, (Identifier(key("sw-1")),))
        return Report("manual", "sheet", world.clock(), (thing,))

    world.ingest.run([said(model="C1"), said(sys_contact="noc")], "otto", "")

    assert sorted(r.body["number"] for r in reviews.list()) == ["REV-1", "REV-2"]
    assert model_of(world) is None
    assert "sys_contact" not in world.ci("sw-1").attributes


def test_what_a_person_takes_out_is_an_edit(world: World, say: Callable[..., Ingested]) -> None:
    assert say("otto", sys_contact="noc").committed
    empty = world.ingest.run([Report("manual", "sheet", world.clock(), ())], "vera", "")

    assert empty.held["manual/sheet"].code == "NOT_ALLOWED"
    assert "status of NetworkDevice" in empty.held["manual/sheet"].text


def test_ending_between_the_two_steps_of_an_approval_is_harmless(
    world: World, reviews: Reviews, say: Callable[..., Ingested], monkeypatch: pytest.MonkeyPatch
) -> None:
    say(model="C9500")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(world.ingest, "decide", die)
        with pytest.raises(KeyboardInterrupt):
            reviews.approve("REV-1", "mona", "right")
    assert (model_of(world), reviews.list()[0].state) == ("C9500", "waiting")
    settled, done = reviews.approve("REV-1", "mona", "right")

    assert (settled.state, done.committed) == ("approved", False)


def test_a_report_that_is_too_large_to_wait(
    world: World, reviews: Reviews, say: Callable[..., Ingested], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmdb.service.control.MAX_REPORT", 50)
    held = say(model="C9500").held["manual/sheet"]

    assert (held.status, held.code) == ("rejected", "TOO_LARGE")
    assert "at most 50 bytes" in held.text
    assert reviews.list() == []


def test_without_control_everything_goes_through(any_store: BoltStore, model: Model) -> None:
    world = World(any_store, model)
    world.say("sw-1", "vera", model="C9500")

    assert model_of(world) == "C9500"


def test_an_edit_of_one_ci_waits_like_any_other_word_and_is_written_once_it_is_approved(
    world: World, reviews: Reviews, model: Model
) -> None:
    ci = world.ci("sw-1")
    before = model_of(world)
    told = save(world.ingest, ci.id, Edit(set={"model": "C9500"}), "otto@desk", "a new label", dry_run=True)
    held = save(world.ingest, ci.id, Edit(set={"model": "C9500"}), "otto@desk", "a new label")
    again = save(world.ingest, ci.id, Edit(set={"model": "C9500"}), "otto@desk", "a new label")
    (waiting,) = reviews.list()

    assert [d.held and d.held.record for d in (told, held, again)] == [waiting.id] * 3
    assert [d.committed for d in (told, held, again)] == [False, True, False]
    assert told.change_set is not None
    assert model_of(world) == before
    assert waiting.body["edits"] == [{"path": f"ci:{ci.id}", "class": "NetworkDevice", "attribute": "model"}]

    _, previewed = reviews.preview(waiting.id)
    _, done = reviews.approve(waiting.id, "mona@desk", "looked at it")
    assert [o.ci for o in previewed.outcomes[f"manual/ci:{ci.id}"]] == [ci.id]
    assert [o.ci for o in done.outcomes[f"manual/ci:{ci.id}"]] == [ci.id]
    assert model_of(world) == "C9500"
    assert verify(world.store, model).problems == ()


def test_taking_back_what_was_said_of_one_ci_waits_too(world: World, reviews: Reviews) -> None:
    ci = world.ci("sw-1")
    save(world.ingest, ci.id, Edit(set={"model": "C9500"}), "otto@desk", "a new label")
    reviews.approve(reviews.list()[0].id, "mona@desk", "looked at it")
    held = save(world.ingest, ci.id, Edit(unset=("model",)), "otto@desk", "the label fell off")
    (waiting,) = reviews.list()

    assert held.held is not None
    assert [e["attribute"] for e in waiting.body["edits"]] == ["model"]
    reviews.approve(waiting.id, "mona@desk", "so it did")
    assert model_of(world) != "C9500"


def test_an_edit_that_a_role_does_not_allow_is_refused(world: World) -> None:
    ci = world.ci("sw-1").id
    head = world.store.head().sequence

    with pytest.raises(Denied, match="vera is viewer"):
        save(world.ingest, ci, Edit(set={"sys_contact": "Ann"}), "vera@desk", "because")
    with pytest.raises(Denied, match="vendor of NetworkDevice"):
        save(world.ingest, ci, Edit(lock=("vendor",)), "otto@desk", "because")
    with pytest.raises(Refused, match="a reason must be given"):
        save(world.ingest, ci, Edit(set={"os_version": "2"}), "otto@desk", Automatic("nobody said why"))
    assert world.store.head().sequence == head


def test_a_part_is_edited_by_the_rules_of_its_own_class(world: World) -> None:
    """The report of an edit names what the part is in; that is no edit of it."""
    (port,) = [c for c in world.store.scan_cis() if c.ci_class == "Interface"][:1]
    done = save(world.ingest, port.id, Edit(set={"alias": "spare"}), "otto@desk", "labelled")

    assert done.held is None
    assert world.store.cis([port.id])[0].attributes["alias"] == "spare"


def test_an_edit_that_waited_until_its_ci_was_no_more_is_not_written(world: World, reviews: Reviews) -> None:
    ci, other = world.ci("sw-1"), world.ci("sw-2")
    save(world.ingest, ci.id, Edit(set={"model": "C9500"}), "otto@desk", "a new label")
    merge = Request(kind="merge", cis=(other.id, ci.id), actor="mona", reason="one box", despite=True)
    decide(world.ingest, merge)

    with pytest.raises(NotFound, match=f"there is no CI '{ci.id}'"):
        reviews.approve(reviews.list()[0].id, "mona@desk", "looked at it")
    assert [r.state for r in reviews.list()] == ["waiting"]
