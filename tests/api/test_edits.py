"""Edits of CIs over GraphQL: set, taken back, locked, made, refused, held for review; and what they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmdb.service.control import Control, role_of
from cmdb.service.policy import read_policy
from cmdb.service.reviews import Reviews
from cmdb_graphql.execute import Executor, Question
from tests.api.estate import NOW, Estate

SAVE = """mutation($input: SaveCiInput!) { saveCi(input: $input) {
  sequence review userErrors { field code message }
  ci { id class name status revision attributes(names: ["model", "sys_location"]) { name value source } }
  changes { sequence kind source actor attribute before after ci { id name } other { id } } } }"""
CORE = "serial:cisco:FOC0000CORE1"
WHY = "walked the hall"
POLICY = """
sources: [manual]
approve: [administrator]
default: {edit: [operator, administrator], reason: false, level: automatic}
classes:
  NetworkDevice: {attributes: {model: {level: review}, vendor: {edit: [administrator]}}}
  Location: {level: review}
"""


def save(executor: Executor, **given: Any) -> dict[str, Any]:
    answer = executor.answer(Question(SAVE, {"input": {"reason": WHY, **given}}))
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["saveCi"]
    return done


def controlled(estate: Estate, tmp_path: Path, role: str = "operator", policy: str = POLICY) -> Reviews:
    file = tmp_path / "control.yaml"
    file.write_text(policy)
    read, roles = read_policy(file, estate.model), role_of({"graphql": role, "mona": "administrator"})
    estate.ingest.control = Control(estate.store, read, roles, lambda: NOW)
    return Reviews(estate.ingest, read, roles)


def codes(done: dict[str, Any]) -> list[tuple[list[str], str]]:
    assert (done["sequence"], done["ci"], done["changes"]) == (None, None, [])
    return [(e["field"], e["code"]) for e in done["userErrors"]]


def test_a_value_is_set_shown_and_taken_back(executor: Executor, estate: Estate) -> None:
    core, head = estate.id_of(CORE), estate.store.head().sequence
    place = [{"name": "sys_location", "value": "Hall 3"}]
    done = save(executor, id=core, attributes=place, name="core-one", status="RETIRED")
    back = save(executor, id=core, attributes=[{"name": "sys_location", "value": None}], name=None, status=None)

    assert (done["userErrors"], done["sequence"], done["review"]) == ([], head + 1, None)
    assert (done["ci"]["name"], done["ci"]["status"]) == ("core-one", "RETIRED")
    assert {"name": "sys_location", "value": "Hall 3", "source": "manual"} in done["ci"]["attributes"]
    told = {c["attribute"]: (c["kind"], c["source"], c["actor"], c["before"], c["after"]) for c in done["changes"]}
    assert told["sys_location"] == ("ATTRIBUTE_CHANGED", "manual", "graphql", None, "Hall 3")
    assert told["name"][-2:] == ("core-1", "core-one")
    assert told["status"][-2:] == ("in_service", "retired")
    assert {c["sequence"] for c in done["changes"]} == {head + 1}
    assert (back["sequence"], back["ci"]["name"], back["ci"]["status"]) == (head + 2, "core-1", "IN_SERVICE")
    assert {c["attribute"] for c in back["changes"]} == told.keys()


def test_a_dry_run_tells_what_the_write_then_does(executor: Executor, estate: Estate) -> None:
    given = {"id": estate.id_of(CORE), "attributes": [{"name": "sys_location", "value": "Hall 3"}]}
    head = estate.store.head().sequence
    dry = save(executor, **given, dryRun=True)
    still = estate.store.head().sequence
    done = save(executor, **given)
    again = save(executor, **given)

    assert (dry["sequence"], dry["userErrors"], still) == (None, [], head)
    assert dry["changes"] == done["changes"] != []
    assert (again["sequence"], again["userErrors"], again["changes"]) == (None, [], [])


def test_a_lock_holds_and_is_taken_back(executor: Executor, estate: Estate) -> None:
    (port,) = [c for c in estate.store.scan_cis() if c.ci_class == "Interface" and c.name == "Te1"][:1] or [None]
    assert port is not None
    down = [{"name": "oper_status", "value": "down"}]
    weak = save(executor, id=port.id, attributes=down)
    locked = save(executor, id=port.id, lock=["oper_status"])
    free = save(executor, id=port.id, unlock=["oper_status"])
    never = save(executor, id=port.id, unlock=["oper_status"])

    assert weak["changes"] == []
    assert [(c["attribute"], c["before"], c["after"]) for c in locked["changes"]] == [("oper_status", "up", "down")]
    assert [(c["attribute"], c["before"], c["after"]) for c in free["changes"]] == [("oper_status", "down", "up")]
    assert codes(never) == [(["input", "unlock"], "WRONG_STATE")]


def test_a_ci_is_made_and_found_again_by_its_identifier(executor: Executor, estate: Estate) -> None:
    new = {"class": "NetworkDevice", "name": "spare-1", "identifiers": ["serial:cisco:FOC0000SPARE"]}
    head = estate.store.head().sequence
    dry = save(executor, **new, status="IN_STOCK", dryRun=True)
    done = save(executor, **new, status="IN_STOCK", attributes=[{"name": "model", "value": "C9300"}])
    more = save(executor, identifiers=new["identifiers"], attributes=[{"name": "sys_location", "value": "Shelf 2"}])

    assert (dry["ci"], dry["sequence"], dry["userErrors"]) == (None, None, [])
    assert [(c["kind"], c["ci"]) for c in dry["changes"]] == [("CI_CREATED", None)]
    assert (done["sequence"], done["ci"]["status"]) == (head + 1, "IN_STOCK")
    assert [(c["kind"], c["ci"]["id"]) for c in done["changes"]] == [("CI_CREATED", done["ci"]["id"])]
    assert more["ci"]["id"] == done["ci"]["id"]
    assert {a["name"]: a["value"] for a in more["ci"]["attributes"]} == {"model": "C9300", "sys_location": "Shelf 2"}


def test_a_ci_without_an_identifier_is_made_once(executor: Executor) -> None:
    done = save(executor, **{"class": "Location", "name": "dc-9"})
    again = save(executor, **{"class": "Location", "name": "dc-9"})

    assert done["ci"]["name"] == "dc-9"
    assert codes(again) == [(["input", "name"], "TAKEN")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"attributes": [{"name": "vendr", "value": "x"}]}, (["input", "attributes"], "INVALID")),
        ({"attributes": [{"name": "model", "value": "x"}] * 2}, (["input", "attributes"], "INVALID")),
        ({"attributes": [{"name": "model"}]}, (["input", "attributes", "0", "value"], "INVALID")),
        ({"attributes": [{"name": "name", "value": "x"}]}, (["input", "attributes", "0", "name"], "INVALID")),
        (
            {"attributes": [{"name": "model", "value": "x"}, {"name": "mac_addresses", "value": ["x"]}]},
            (["input", "attributes", "1", "value"], "INVALID"),
        ),
        ({"attributes": [{"name": "model", "value": "x"}] * 101}, (["input", "attributes"], "TOO_MANY")),
        ({"attributes": [{"name": "sys_contact", "value": None}]}, (["input", "attributes"], "WRONG_STATE")),
        ({"status": "MISSING"}, (["input", "status"], "INVALID")),
        ({"lock": ["sys_contact"]}, (["input", "lock"], "WRONG_STATE")),
        ({"expectedVersion": 77}, (["input", "expectedVersion"], "VERSION_CONFLICT")),
        ({"reason": " "}, (["input", "reason"], "REQUIRED")),
        ({"class": "Computer"}, (["input", "class"], "INVALID")),
        ({"identifiers": ["serial:cisco:OTHER"]}, (["input", "identifiers"], "INVALID")),
        ({"id": "nobody"}, ([], "NOT_FOUND")),
    ],
)
def test_what_does_not_fit_is_a_user_error_and_writes_nothing(
    executor: Executor, estate: Estate, given: dict[str, Any], expected: tuple[list[str], str]
) -> None:
    head = estate.store.head().sequence
    usual = {"id": estate.id_of(CORE), "attributes": [{"name": "model", "value": "x"}]}

    assert codes(save(executor, **{**usual, **given})) == [expected]
    assert estate.store.head().sequence == head


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "x"}, (["input", "class"], "REQUIRED")),
        ({"class": "Location"}, (["input", "name"], "REQUIRED")),
        ({"class": "Interface", "name": "x"}, (["input", "class"], "INVALID")),
        ({"class": "Location", "name": "x", "identifiers": ["serial:x"]}, (["input", "identifiers"], "INVALID")),
        ({"class": "Location", "name": "x", "unlock": ["kind"]}, (["input", "unlock"], "WRONG_STATE")),
        ({"class": "Location", "name": "x", "lock": ["kind"]}, (["input", "lock"], "WRONG_STATE")),
        ({"class": "Location", "name": "x", "expectedVersion": 1}, (["input", "expectedVersion"], "VERSION_CONFLICT")),
        ({"identifiers": [CORE, CORE.replace("1", "2")]}, (["input", "identifiers"], "AMBIGUOUS")),
    ],
)
def test_what_cannot_be_made_is_a_user_error(
    executor: Executor, given: dict[str, Any], expected: tuple[list[str], str]
) -> None:
    assert codes(save(executor, **given)) == [expected]


def test_an_edit_waits_where_another_person_must_look_at_it(executor: Executor, estate: Estate, tmp_path: Path) -> None:
    reviews = controlled(estate, tmp_path)
    core = estate.id_of(CORE)
    given = {"id": core, "attributes": [{"name": "model", "value": "C9400"}]}
    head = estate.store.head().sequence
    dry = save(executor, **given, dryRun=True)
    still = estate.store.head().sequence
    done = save(executor, **given)
    (waiting,) = reviews.list()

    assert (dry["review"], still) == (waiting.id, head)
    assert (done["userErrors"], done["sequence"], done["review"]) == ([], None, waiting.id)
    assert [(c["attribute"], c["before"], c["after"]) for c in done["changes"]] == [("model", "C9500", "C9400")]
    assert {a["name"]: a["value"] for a in done["ci"]["attributes"]} == {"model": "C9500"}
    reviews.approve(waiting.id, "mona", "it is so")
    assert estate.store.cis([core])[0].attributes["model"] == "C9400"


def test_a_new_ci_waits_too(executor: Executor, estate: Estate, tmp_path: Path) -> None:
    reviews = controlled(estate, tmp_path)
    done = save(executor, **{"class": "Location", "name": "dc-9"})
    (waiting,) = reviews.list()

    assert (done["ci"], done["sequence"], done["review"]) == (None, None, waiting.id)
    assert [(c["kind"], c["ci"]) for c in done["changes"]] == [("CI_CREATED", None)]
    reviews.approve(waiting.id, "mona", "it is so")
    assert [c.name for c in estate.store.scan_cis() if c.name == "dc-9"] == ["dc-9"]


def test_roles_hold_for_edits(executor: Executor, estate: Estate, tmp_path: Path) -> None:
    controlled(estate, tmp_path)
    core = estate.id_of(CORE)
    denied = save(executor, id=core, attributes=[{"name": "vendor", "value": "x"}])
    controlled(estate, tmp_path, "viewer")
    viewer = save(executor, **{"class": "Location", "name": "dc-9"})

    assert codes(denied) == [([], "NOT_ALLOWED")]
    assert codes(viewer) == [([], "NOT_ALLOWED")]
