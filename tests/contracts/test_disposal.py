"""Texts that are no longer needed go, wherever they are; the chain still verifies, and a hold beats a rule."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from cmdb.changes import ChangeSet, EndCI, Facet, MoveCI, PutRecord
from cmdb.errors import Invalid, NotFound, UsageError
from cmdb.exchange.restore import restore
from cmdb.ledger import verify
from cmdb.ledger.disposal import Plan, Retention, check_retention, dispose, plan_disposal
from cmdb.ledger.holds import add_hold, holds, release_hold
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import Conflict, RunRecord
from tests.conftest import emptied
from tests.contracts.build import AT, ORIGIN, changed, commit, device, facet, interface
from tests.contracts.old_form import alter, rewrite_as_form_1
from tests.contracts.test_full import full
from tests.program import cmdb

LATER = AT + 1_000_000
EVERYTHING = Retention({"free_text": LATER, "personal": LATER, "reason": LATER})
TEXTS = Retention({"free_text": LATER, "personal": LATER})


def told(store: BoltStore) -> None:
    """A contact that changed twice, a second source that said another, a port with a note, and a CI that retired."""
    born = device("d1", sys_contact="Ada", sys_location="rack 1", vendor="cisco")
    born.facets["manual/site"] = Facet(AT, "feed" * 4, "self", "NetworkDevice", {"name": "d1", "sys_contact": "Eve"})
    commit(store, born, interface("i1", "d1", "ge-0", alias="to Ada's desk"), at=AT)
    twice = changed(born, sys_contact="Bob", vendor="hp")
    twice.facets = {ORIGIN: facet()}
    commit(store, twice, at=AT + 10)
    commit(store, changed(twice, sys_contact="Cleo"), at=AT + 20)
    commit(store, changed(interface("i1", "d1", "ge-0", alias="to Ada's desk"), alias="spare"), at=AT + 30)
    old = device("d2", sys_contact="Dora")
    commit(store, old, device("d3"), at=AT + 40)
    commit(store, changed(old, status="retired"), at=AT + 50)


def gone(store: BoltStore, model: Model, retention: Retention = TEXTS, at: int = LATER) -> Plan:
    numbers = itertools.count(1)
    return dispose(store, model, retention, "they are no longer needed", "test", at, lambda: f"n{next(numbers)}")


def everything_in(store: BoltStore) -> str:
    """All that the store holds, as text, compressed parts opened."""
    nodes = store.connection.rows("MATCH (n) RETURN labels(n), properties(n)")
    texts = [(c.payload, [t.value for t in c.texts.values()], c.reason) for c in store.commits(0)]
    return repr([(labels, {k: v for k, v in p.items() if k != "payload"}) for labels, p in nodes]) + repr(texts)


def test_superseded_texts_go_and_what_is_current_stays(any_store: BoltStore, model: Model) -> None:
    told(any_store)
    there = everything_in(any_store)
    assert all(word in there for word in ("Ada", "Eve", "Bob", "Cleo", "Dora", "desk", "rack 1"))
    facets = [c.changes()[0].facets["manual/site"].hash for c in any_store.commits(0, 1)]  # type: ignore[union-attr]

    plan = gone(any_store, model)
    left = everything_in(any_store)

    assert plan.by_attribute == {"sys_contact": 5, "alias": 1}
    for word in ("Ada", "Eve", "Bob", "Dora", "desk", *facets):
        assert word not in left
    for word in ("Cleo", "spare", "rack 1", "they are no longer needed"):
        assert word in left
    found = verify(any_store, model, deep=True)
    assert found.problems == ()
    assert found.disposed == plan.texts
    assert any_store.cis(["d1"])[0].attributes["sys_contact"] == "Cleo"
    assert "sys_contact" not in any_store.cis(["d2"])[0].attributes


def test_a_second_time_nothing_is_left_to_go(store: BoltStore, model: Model) -> None:
    told(store)
    gone(store, model)
    sequence = store.head().sequence

    again = gone(store, model)

    assert again.texts == 0
    assert store.head().sequence == sequence


def test_a_dry_run_tells_the_same_and_writes_nothing(store: BoltStore, model: Model) -> None:
    told(store)
    before = everything_in(store)

    told_only = plan_disposal(store, model, EVERYTHING, ())

    assert everything_in(store) == before
    assert gone(store, model, EVERYTHING).by_attribute == told_only.by_attribute


def test_a_text_goes_once_its_value_no_longer_holds(store: BoltStore, model: Model) -> None:
    born = device("d1", sys_contact="Ada")
    commit(store, born, at=AT)
    same = changed(born, vendor="cisco")
    commit(store, same, at=AT + 10)
    commit(store, changed(same, sys_contact="Bob"), at=AT + 20)
    early = Retention({"personal": AT + 15, "free_text": AT + 15})
    late = Retention({"personal": AT + 21, "free_text": AT + 21})

    assert gone(store, model, early).texts == 0
    assert gone(store, model, late).by_attribute == {"sys_contact": 2}
    assert verify(store, model, deep=True).problems == ()


def test_a_value_that_came_back_stays(store: BoltStore, model: Model) -> None:
    born = device("d1", sys_contact="Ada")
    commit(store, born, at=AT)
    other = changed(born, sys_contact="Bob")
    commit(store, other, at=AT + 10)
    commit(store, changed(other, sys_contact="Ada"), at=AT + 20)

    assert gone(store, model).by_attribute == {"sys_contact": 1}
    left = everything_in(store)
    assert "Ada" in left
    assert "Bob" not in left
    assert verify(store, model, deep=True).problems == ()


def test_texts_of_what_moved_and_was_absorbed_go(any_store: BoltStore, model: Model) -> None:
    port = interface("i1", "d2", "ge-0", alias="old words")
    commit(any_store, device("d1"), device("d2", sys_contact="Ada"), port, at=AT)
    commit(any_store, MoveCI("i1", "Interface", "d1", "ge-0"), EndCI("d2", "d1"), at=AT + 10)
    commit(any_store, changed(port, alias="new words"), at=AT + 20)

    plan = gone(any_store, model)

    assert plan.by_attribute == {"alias": 1, "sys_contact": 1}
    assert "old words" not in everything_in(any_store)
    assert "Ada" not in everything_in(any_store)
    assert verify(any_store, model, deep=True).problems == ()


def test_reasons_go_and_those_of_runs_with_them(any_store: BoltStore, model: Model) -> None:
    told(any_store)
    any_store.save_run(RunRecord("run", "because of Ada", "test", AT + 1, AT + 2, True))

    plan = gone(any_store, model, Retention({"reason": AT + 15}))

    assert plan.by_attribute == {"reason": 2}
    assert [c.reason for c in any_store.commits(0, 3)] == ["", "", "by hand"]
    assert any_store.runs()[0].reason == ""
    assert verify(any_store, model).disposed == 2
    assert verify(any_store, model, deep=True).problems == ()


def test_a_rule_may_be_narrowed(store: BoltStore, model: Model) -> None:
    told(store)
    rules = {
        "class": (Retention(EVERYTHING.before, "Interface"), {"alias"}),
        "abstract class": (Retention(EVERYTHING.before, "Device"), {"sys_contact"}),
        "attribute": (Retention(EVERYTHING.before, "", "alias"), {"alias"}),
        "reason": (Retention(EVERYTHING.before, "", "reason"), {"reason"}),
        "flag": (Retention({"personal": LATER}), {"sys_contact"}),
        "early": (Retention({"personal": AT + 10, "free_text": AT + 10}), set()),
    }

    for name, (rule, expected) in rules.items():
        assert set(plan_disposal(store, model, rule, ()).by_attribute) == expected, name


def test_texts_of_records_go_with_their_versions(store: BoltStore, model: Model) -> None:
    for n, note in enumerate(("first note", "second note")):
        commit(store, PutRecord("r1", "audit", "open", "May", ("d1",), {}, {"note": note}), at=AT + n)

    assert gone(store, model).by_attribute == {"note": 1}
    left = everything_in(store)
    assert "first note" not in left
    assert "second note" in left
    assert verify(store, model, deep=True).problems == ()


def decide(store: BoltStore, change_set: ChangeSet, reason: str = "a case") -> None:
    store.commit(change_set, store.head().sequence, "counsel", reason)


def test_a_hold_beats_disposal_until_it_is_released(any_store: BoltStore, model: Model) -> None:
    told(any_store)
    decide(any_store, add_hold(any_store, "case 7", "letter of May", ["d1"], AT + 60))

    dry = plan_disposal(any_store, model, TEXTS, holds(any_store))
    plan = gone(any_store, model)
    left = everything_in(any_store)

    assert (plan.by_attribute, plan.held) == (dry.by_attribute, dry.held)
    assert plan.by_attribute == {"sys_contact": 2}  # Dora's, said twice: d2 is not held
    assert plan.held == {"case 7": 4}
    assert all(word in left for word in ("Ada", "Eve", "Bob", "desk"))  # the port is part of the device
    assert "Dora" not in left
    decide(any_store, release_hold(any_store, "case 7", "settled", AT + 70))
    assert holds(any_store) == []
    assert [h.state for h in holds(any_store, released=True)] == ["released"]
    assert gone(any_store, model).texts == plan.held.total()
    assert "Ada" not in everything_in(any_store)
    assert verify(any_store, model, deep=True).problems == ()


def test_a_hold_on_everything_keeps_reasons_too(store: BoltStore, model: Model) -> None:
    told(store)
    decide(store, add_hold(store, "all", "an inquiry", (), AT + 60))

    plan = gone(store, model, EVERYTHING)

    assert plan.texts == 0
    assert plan.held.total() > 6


def test_what_is_no_hold_is_refused(store: BoltStore) -> None:
    commit(store, device("d1", "twin"), device("d2", "twin"))
    decide(store, add_hold(store, "one", "why", ["d1"], AT + 1))

    for keys, name, reason, message in (
        (["nowhere"], "two", "why", "no CI has"),
        (["twin"], "two", "why", "names 2 CIs"),
        ((), "one", "why", "there is a hold 'one' already"),
        ((), "two", " ", "a hold has a name and a reason"),
    ):
        with pytest.raises((Invalid, NotFound), match=message):
            add_hold(store, name, reason, keys, AT + 2)
    with pytest.raises(NotFound, match="those in force: one"):
        release_hold(store, "two", "why", AT + 2)


def test_holds_and_disposals_survive_a_backup(any_store: BoltStore, model: Model, tmp_path: Path) -> None:
    told(any_store)
    decide(any_store, add_hold(any_store, "case 7", "letter of May", ["i1"], AT + 60))
    plan = gone(any_store, model)
    before = full(any_store, model)
    file = tmp_path / "full.ndjson"
    file.write_bytes(b"".join(before))

    restore(emptied(any_store), model, file, "somebody", LATER)

    assert [h.name for h in holds(any_store)] == ["case 7"]
    assert full(any_store, model)[1:] == before[1:]
    found = verify(any_store, model, deep=True)
    assert (found.problems, found.disposed) == ((), plan.texts)


def test_a_text_that_went_without_a_disposal_is_named(store: BoltStore, model: Model) -> None:
    told(store)
    alter(store, "MATCH (c:Commit {seq: 2}) SET c.texts = $none, c.reason = '', c.reason_salt = $none", none=b"")

    found = verify(store, model, deep=True)

    assert any("the reason of commit 2 is gone, and no disposal says so" in p for p in found.problems)
    assert any("of commit 2 is gone, and no disposal says so" in p for p in found.problems if p.startswith("the text"))


def test_texts_in_several_parts_go_as_well(any_store: BoltStore, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("prepare", "write", "dispose"):
        monkeypatch.setattr(f"cmdb.store.{module}.MAX_PART_BYTES", 100)
    born = [
        device(f"d{n:02}", sys_contact=f"somebody {n * 7919}", sys_location=f"room {n * 104729}") for n in range(20)
    ]
    commit(any_store, *born, at=AT)
    commit(any_store, *(changed(b, sys_contact="nobody") for b in born), at=AT + 10)

    assert gone(any_store, model).by_attribute == {"sys_contact": 20}
    assert "somebody" not in everything_in(any_store)
    assert "room 104729" in everything_in(any_store)
    assert verify(any_store, model, deep=True).problems == ()


def test_much_goes_in_several_commits(store: BoltStore, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.ledger.disposal.TEXTS_PER_COMMIT", 2)
    told(store)
    sequence = store.head().sequence

    plan = gone(store, model, EVERYTHING)

    assert store.head().sequence - sequence > 2
    assert verify(store, model, deep=True).disposed == plan.texts
    assert verify(store, model, deep=True).problems == ()


def test_somebody_else_who_commits_is_waited_for(
    store: BoltStore, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(store)
    real, calls = store.commit, []

    def interrupted(change_set: ChangeSet, expected: int, actor: str, reason: str) -> int:
        calls.append(expected)
        if len(calls) == 1:
            real(ChangeSet(AT + 60, [device("d9")]), expected, "other", "")
        return real(change_set, expected, actor, reason)

    monkeypatch.setattr(store, "commit", interrupted)

    assert gone(store, model).texts > 0
    assert len(calls) == 2
    monkeypatch.setattr(store, "commit", lambda *_: (_ for _ in ()).throw(Conflict("again")))
    with pytest.raises(Conflict, match="gave up after 5 attempts"):
        gone(store, model, EVERYTHING)


def test_a_store_of_an_earlier_version(store: BoltStore, model: Model) -> None:
    born = device("d1", sys_contact="Ada")
    commit(store, born, at=AT)
    rewrite_as_form_1(store)
    commit(store, changed(born, sys_contact="Bob"), at=AT + 10)

    plan = gone(store, model, EVERYTHING)

    assert plan.by_attribute == {"sys_contact": 1, "reason": 1}
    assert plan.unsealed == 1
    assert "Ada" not in everything_in(store)
    assert verify(store, model, deep=True).problems == ()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Retention({}), "nothing says how long"),
        (Retention({"personal": 0}), "nothing says how long"),
        (Retention({"personal": LATER + 1}), "must not be in the future"),
        (Retention({"personal": AT}, "NetworkDevise"), "NetworkDevice"),
        (Retention({"personal": AT}, "", "vendor"), "is no attribute with texts"),
    ],
)
def test_a_rule_that_can_not_be_meant_is_refused(model: Model, rule: Retention, message: str) -> None:
    with pytest.raises((UsageError, Invalid), match=message):
        check_retention(rule, model, LATER)


def test_the_command_line(tmp_path: Path) -> None:
    def run(*arguments: str, **options: str) -> Any:
        return cmdb(tmp_path, "ledger", *arguments, "--data-dir", "store", **options)

    held = run("hold", "add", "case 7", "--reason", "letter", "--everything")
    listed = run("hold", "list", "-o", "json")
    dry = run("dispose", "--before", "2026-01-01T00:00:00Z", "--dry-run", "--reason", "old", "-o", "json")
    bad = run("dispose", "--before", "yesterday", "--reason", "old")
    unset = run("dispose", "--reason", "old")
    by_setting = run("dispose", "--reason", "old", CMDB_RETENTION_REASON_DAYS="30")
    neither = run("hold", "add", "x", "--reason", "y")
    ended = run("hold", "release", "case 7", "--reason", "settled")

    assert held.returncode == dry.returncode == ended.returncode == by_setting.returncode == 0, held.stderr
    assert [(h["name"], h["scope"], h["reason"]) for h in json.loads(listed.stdout)] == [
        ("case 7", "everything", "letter")
    ]
    assert json.loads(dry.stdout) == []
    assert (bad.returncode, unset.returncode, neither.returncode) == (2, 2, 2)
    assert "2026-05-01T00:00:00Z" in bad.stderr
    assert "retention_" in unset.stderr
    assert "--everything" in neither.stderr
    assert not any("Traceback" in r.stderr for r in (held, listed, dry, bad, unset, neither, ended))
