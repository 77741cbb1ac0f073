"""Service records written over GraphQL: one commit each, or none and why."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.service.lifecycle import is_open
from cmdb_graphql.execute import Executor, Question
from cmdb_graphql.scalars import iso
from tests.api.estate import HOUR, NOW, Estate
from tests.api.test_requirements import CORES, WHY

ROW = "id number type title state revision assignee"
SAVE = f"""mutation($input: SaveRecordInput!) {{ saveRecord(input: $input) {{
  sequence userErrors {{ field code message }}
  record {{ {ROW} ... on Incident {{ priority major cause {{name}} affected {{ci {{name}} effect until}} }}
    ... on Change {{ category backout risk window {{start}} planned {{ci {{name}} effect}} }}
    ... on Release {{ versionName contents {{what version}} baseline {{name}} planned {{ci {{name}}}} }}
    ... on KnownError {{ workaround vendor model versions named {{name}} }} }} }} }}"""
STEP = f"""mutation($input: TransitionInput!) {{ transition(input: $input) {{
  sequence userErrors {{ field code message }}
  guards {{ name holds waivable text }}
  record {{ {ROW} ... on Incident {{ resolution }} ... on Change {{ assessments {{ storedBy }} }} }} }} }}"""
WINDOW = {"start": iso(NOW + HOUR), "end": iso(NOW + 2 * HOUR)}


def run(executor: Executor, text: str, **given: Any) -> dict[str, Any]:
    answer = executor.answer(Question(text, {"input": {"reason": WHY, **given}}))
    assert "errors" not in answer, answer
    (value,) = answer["data"].values()
    found: dict[str, Any] = value
    return found


def codes(done: dict[str, Any]) -> list[tuple[list[str], str]]:
    assert (done["sequence"], done["record"]) == (None, None)
    return [(e["field"], e["code"]) for e in done["userErrors"]]


def test_an_incident_is_recorded_edited_and_resolved(executor: Executor, estate: Estate) -> None:
    core, web = estate.id_of(CORES[0]), estate.id_of("web-1")
    head = estate.store.head().sequence
    opened = run(executor, SAVE, title="dark", addCis=[{"ci": core}], details={"incident": {}}, assignee="otto")
    incident = opened["record"]
    more = [{"ci": web, "effect": "DEGRADED"}, {"ci": core, "role": "CAUSE"}]
    edited = run(
        executor, SAVE, id=incident["id"], title="very dark", addCis=more, details={"incident": {"priority": 1}}
    )
    works = run(
        executor, SAVE, id=incident["id"], removeCis=[web], details={"incident": {"priority": None, "major": True}}
    )
    steps = {"record": incident["id"], "to": "IN_PROGRESS", "expectedVersion": works["record"]["revision"]}
    going = run(executor, STEP, **steps)
    early = run(executor, STEP, record=incident["id"], to="RESOLVED", expectedVersion=going["record"]["revision"])
    whole = run(executor, SAVE, id=incident["id"], removeCis=[core])
    end = run(executor, STEP, record=incident["id"], to="RESOLVED", expectedVersion=whole["record"]["revision"])

    assert (opened["sequence"], incident["number"], incident["state"]) == (head + 1, "INC-1", "ASSIGNED")
    assert incident["affected"] == [{"ci": {"name": "core-1"}, "effect": "DOWN", "until": None}]
    assert (edited["sequence"], edited["record"]["title"], edited["record"]["priority"]) == (head + 2, "very dark", 1)
    assert edited["record"]["cause"] == {"name": "core-1"}
    assert {a["ci"]["name"]: a["effect"] for a in edited["record"]["affected"]} == {
        "core-1": "DOWN",
        "web-1": "DEGRADED",
    }
    assert (works["record"]["priority"], works["record"]["major"]) == (None, True)
    assert [a["ci"]["name"] for a in works["record"]["affected"] if a["until"]] == ["web-1"]
    assert (early["sequence"], early["record"], early["guards"][0]["name"]) == (None, None, "intervals_closed")
    assert "it still affects 1 CIs (core-1)" in early["guards"][0]["text"]
    assert (end["record"]["state"], end["record"]["resolution"], end["guards"][0]["holds"]) == ("RESOLVED", WHY, True)


def test_a_change_is_drawn_written_edited_and_assessed(executor: Executor, estate: Estate) -> None:
    one, other = map(estate.id_of, CORES)
    head = estate.store.head().sequence
    given = {"title": "memory", "addCis": [{"ci": one}, {"ci": other, "effect": "RELEASE"}]}
    details = {"change": {"category": "NORMAL", "window": WINDOW, "backout": "back", "risk": "none"}}
    drawn = run(executor, SAVE, **given, details=details, dryRun=True)
    made = run(executor, SAVE, **given, details=details)
    id_ = made["record"]["id"]
    would = run(executor, SAVE, id=id_, removeCis=[other], dryRun=True)
    edited = run(executor, SAVE, id=id_, removeCis=[other], expectedVersion=1)
    late = run(executor, SAVE, id=id_, title="x", expectedVersion=1)
    same = run(executor, SAVE, id=id_, title="memory")
    dry = run(executor, STEP, record=id_, to="ASSESS", expectedVersion=2, dryRun=True)
    assessed = run(executor, STEP, record=id_, to="ASSESS", expectedVersion=2)
    jump = run(executor, STEP, record=id_, to="CLOSED", expectedVersion=3)
    stale = run(executor, STEP, record=id_, to="APPROVED", expectedVersion=2)

    assert (drawn["userErrors"], drawn["record"], drawn["sequence"]) == ([], None, None)
    assert made["sequence"] == head + 1
    assert [(p["ci"]["name"], p["effect"]) for p in made["record"]["planned"]] == [
        ("core-1", "MAINTENANCE"),
        ("core-2", "RELEASE"),
    ]
    assert [p["ci"]["name"] for p in would["record"]["planned"]] == ["core-1"]
    assert (would["sequence"], edited["sequence"], edited["record"]["revision"]) == (None, head + 2, 2)
    assert codes(late) == [(["input", "expectedVersion"], "VERSION_CONFLICT")]
    assert (same["sequence"], same["userErrors"]) == (None, [])
    assert (dry["sequence"], dry["record"]["state"]) == (None, "ASSESS")
    assert (assessed["record"]["state"], len(assessed["record"]["assessments"])) == ("ASSESS", 1)
    assert codes(jump) == [(["input", "to"], "WRONG_STATE")]
    assert codes(stale) == [(["input", "expectedVersion"], "VERSION_CONFLICT")]


def test_nobody_is_assigned_to_without_a_name(executor: Executor, estate: Estate) -> None:
    opened = run(executor, SAVE, title="dark", addCis=[{"ci": estate.id_of("web-1")}], details={"incident": {}})[
        "record"
    ]
    asked = {"record": opened["number"], "to": "ASSIGNED", "expectedVersion": opened["revision"]}
    refused = run(executor, STEP, **asked)

    assert codes(refused) == [(["input", "to"], "WRONG_STATE")]
    assert "`assignee` of saveRecord" in refused["userErrors"][0]["message"]


def test_a_release_needs_its_baseline(executor: Executor, estate: Estate) -> None:
    cis = [{"ci": estate.id_of(core)} for core in CORES]
    details = {"release": {"versionName": "16", "contents": [{"what": "os_version", "version": "16.1"}]}}
    made = run(executor, SAVE, title="new system", addCis=cis, details=details)["record"]
    for n, state in enumerate(("ACCEPTED", "APPROVED"), 1):
        run(executor, STEP, record=made["id"], to=state, expectedVersion=n)
    dry = run(executor, STEP, record=made["id"], to="DEPLOYING", expectedVersion=3, dryRun=True)
    refused = run(executor, STEP, record=made["id"], to="DEPLOYING", expectedVersion=3)
    waived = run(
        executor,
        STEP,
        record=made["id"],
        to="DEPLOYING",
        expectedVersion=3,
        waive=[{"guard": "baseline_taken", "reason": "x"}],
    )
    take = """mutation($r: ID!) {createBaseline(input: {name: "before", reason: "go", record: $r}) {
      baseline {id} userErrors {code field}}}"""
    nobody = executor.answer(Question(take, {"r": "01NOSUCH"}))["data"]["createBaseline"]["userErrors"]
    answer = executor.answer(Question(take, {"r": made["id"]}))
    baseline = answer["data"]["createBaseline"]["baseline"]["id"]
    run(executor, SAVE, id=made["id"], details={"release": {"baseline": baseline}})
    done = run(executor, STEP, record=made["id"], to="DEPLOYING", expectedVersion=4)

    assert nobody == [{"code": "NOT_FOUND", "field": ["input", "record"]}]
    assert made["contents"] == [{"what": "os_version", "version": "16.1"}]
    for answer in (dry, refused):
        assert codes(answer) == [(["input", "to"], "WRONG_STATE")]
        assert [(g["name"], g["holds"]) for g in answer["guards"]] == [("baseline_taken", False)]
    assert codes(waived) == [(["input", "waive", "0", "guard"], "NOT_ALLOWED")]
    assert (done["record"]["state"], done["guards"][0]["holds"]) == ("DEPLOYING", True)


def test_a_known_error_is_written_and_made_active(executor: Executor, estate: Estate) -> None:
    details = {"knownError": {"vendor": "cisco", "versions": ["15.2(7)E"], "workaround": "reload"}}
    made = run(executor, SAVE, title="leak", details=details)["record"]
    edited = run(
        executor,
        SAVE,
        id=made["id"],
        addCis=[{"ci": estate.id_of(CORES[0])}],
        details={"knownError": {"model": "C9300"}},
    )
    active = run(executor, STEP, record=made["id"], to="ACTIVE", expectedVersion=2)

    assert (made["number"], made["workaround"], made["versions"]) == ("KE-1", "reload", ["15.2(7)E"])
    assert (edited["record"]["vendor"], edited["record"]["model"]) == ("cisco", "C9300")
    assert edited["record"]["named"] == [{"name": "core-1"}]
    assert active["record"]["state"] == "ACTIVE"


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"title": "x"}, ["input", "details"], "REQUIRED"),
        ({"id": "01NOSUCH", "title": "x"}, ["input", "id"], "NOT_FOUND"),
        ({"title": None, "details": {"change": {}}}, ["input", "title"], "INVALID"),
        ({"details": {"change": {}}, "expectedVersion": 1}, ["input", "expectedVersion"], "VERSION_CONFLICT"),
        ({"title": "x", "details": {"change": {}}}, [], "INVALID"),
        ({"title": "x", "details": {"incident": {}}, "addCis": [{"ci": "01NOSUCH"}]}, [], "NOT_FOUND"),
        (
            {"title": "x", "details": {"incident": {}}, "addCis": [{"ci": "a", "effect": "RELEASE"}]},
            ["input", "addCis", "0", "effect"],
            "INVALID",
        ),
        (
            {"title": "x", "details": {"change": {}}, "addCis": [{"ci": "a", "role": "IMPACTED"}]},
            ["input", "addCis", "0", "role"],
            "INVALID",
        ),
        (
            {"title": "x", "details": {"incident": {}}, "addCis": [{"ci": "a"}, {"ci": "a", "effect": "DEGRADED"}]},
            ["input", "addCis", "1", "effect"],
            "INVALID",
        ),
        ({"title": "x", "details": {"release": {}}, "removeCis": ["a"]}, ["input", "removeCis"], "NOT_FOUND"),
        ({"title": "x", "details": {"change": {}}, "addCis": [{"ci": "a"}] * 1_001}, ["input", "addCis"], "TOO_MANY"),
        ({"title": "x", "details": {"incident": {}}, "reason": " "}, [], "INVALID"),
    ],
)
def test_what_can_not_be_is_refused(
    executor: Executor, estate: Estate, given: dict[str, Any], field: list[str], code: str
) -> None:
    head = estate.store.head().sequence

    assert codes(run(executor, SAVE, **given)) == [(field, code)]
    assert estate.store.head().sequence == head


def test_records_of_other_kinds_are_not_written_here(executor: Executor, estate: Estate) -> None:
    estate.audit()
    (finding, *_) = [r for r in estate.store.records(kinds=("finding",)) if is_open(r)]
    saved = run(executor, SAVE, id=finding.id, title="x")
    stepped = run(executor, STEP, record=finding.id, to="CLOSED", expectedVersion=1)
    nobody = run(executor, STEP, record="01NOSUCH", to="CLOSED", expectedVersion=1)

    assert codes(saved) == [(["input", "id"], "INVALID")]
    assert codes(stepped) == [(["input", "record"], "INVALID")]
    assert codes(nobody) == [([], "NOT_FOUND")]
