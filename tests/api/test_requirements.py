"""Requirements over GraphQL: stated, replaced, dropped, refused, held for review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmdb_graphql.execute import Executor, Question
from tests.api.estate import Estate
from tests.api.test_edits import POLICY, controlled

SHOWN = "id needed total onLoss pass origin holds owner {name} providers {ci {id name} weight connected}"
SAVE = f"""mutation($input: SaveRequirementInput!) {{ saveRequirement(input: $input) {{
  sequence review userErrors {{ field code message }} requirement {{ {SHOWN} evidence {{ source target }} }} }} }}"""
DROP = f"""mutation($input: DeleteRequirementInput!) {{ deleteRequirement(input: $input) {{
  sequence review userErrors {{ field code message }} requirements {{ {SHOWN} }} }} }}"""
CORES = ("serial:cisco:FOC0000CORE1", "serial:cisco:FOC0000CORE2")
WEB = "uuid:4c4c4544-0042-3510-8052-b4c04f4d3531"
WHY = "asked the owner"


def done(executor: Executor, text: str, **given: Any) -> dict[str, Any]:
    answer = executor.answer(Question(text, {"input": {"reason": WHY, **given}}))
    assert "errors" not in answer, answer
    (value,) = answer["data"].values()
    found: dict[str, Any] = value
    return found


def asked(estate: Estate, **more: Any) -> dict[str, Any]:
    providers = [{"ci": estate.id_of(core)} for core in CORES]
    return {"owner": estate.id_of("service:shop"), "needed": 1, "providers": providers, **more}


def told(requirement: dict[str, Any]) -> tuple[Any, ...]:
    providers = [(p["ci"]["name"], p["weight"], p["connected"]) for p in requirement["providers"]]
    return requirement["origin"], requirement["needed"], requirement["onLoss"], requirement["pass"], providers


def test_a_requirement_is_stated_replaced_and_dropped(executor: Executor, estate: Estate) -> None:
    head = estate.store.head().sequence
    given = asked(estate, onLoss="DEGRADED")
    given["providers"][1] |= {"weight": 2, "connected": "lan"}
    first = done(executor, SAVE, **given)
    again = done(executor, SAVE, **given)
    taken = done(executor, SAVE, **{**given, "needed": 3})
    second = done(executor, SAVE, **asked(estate, id=first["requirement"]["id"], needed=2, **{"pass": "NEVER"}))
    gone = done(executor, DROP, id=first["requirement"]["id"])
    twice = done(executor, DROP, id=first["requirement"]["id"])

    assert (first["userErrors"], first["sequence"], first["review"]) == ([], head + 1, None)
    providers = [("core-2", 2, "lan"), ("core-1", 1, None)]
    assert told(first["requirement"]) == ("MANUAL", 1, "DEGRADED", "NEEDED", providers)
    assert (first["requirement"]["total"], first["requirement"]["holds"]) == (3, True)
    assert first["requirement"]["evidence"][0]["source"] == "manual"
    assert (again["sequence"], again["userErrors"], again["requirement"]) == (None, [], first["requirement"])
    assert [(e["field"], e["code"]) for e in taken["userErrors"]] == [(["input", "id"], "TAKEN")]
    assert second["requirement"]["id"] == first["requirement"]["id"]
    assert told(second["requirement"]) == ("MANUAL", 2, "AT_RISK", "NEVER", [("core-1", 1, None), ("core-2", 1, None)])
    assert (gone["userErrors"], gone["sequence"]) == ([], head + 3)
    assert sorted(r["origin"] for r in gone["requirements"]) == ["DEFAULT", "MANUAL"]  # one is stated in a file
    assert [(e["field"], e["code"]) for e in twice["userErrors"]] == [([], "NOT_FOUND")]


def test_a_dry_run_tells_what_would_be(executor: Executor, estate: Estate) -> None:
    head, web = estate.store.head().sequence, {"ci": estate.id_of(WEB)}
    given = asked(estate, providers=[web], onLoss="NONE")
    dry = done(executor, SAVE, **given, dryRun=True)
    still = estate.store.head().sequence
    made = done(executor, SAVE, **given)
    would = done(executor, DROP, id=made["requirement"]["id"], dryRun=True)
    gone = done(executor, DROP, id=made["requirement"]["id"])

    assert (dry["sequence"], dry["userErrors"], still) == (None, [], head)
    assert (
        told(dry["requirement"]) == told(made["requirement"]) == ("MANUAL", 1, "NONE", "NEEDED", [("web-1", 1, None)])
    )
    assert would["sequence"] is None
    assert would["requirements"] == gone["requirements"]
    assert "DEFAULT" not in [r["origin"] for r in dry_needs(executor, estate, given)]


def dry_needs(executor: Executor, estate: Estate, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The requirements of the shop once one is stated whose provider it depends on by default."""
    done(executor, SAVE, **given)
    answer = executor.answer(Question("query($i: ID!) {ci(id: $i) {requirements {origin}}}", {"i": given["owner"]}))
    rows: list[dict[str, Any]] = answer["data"]["ci"]["requirements"]
    return rows


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"needed": 3}, ["needed"], "INVALID"),
        ({"needed": -1}, ["needed"], "INVALID"),
        ({"providers": []}, ["providers"], "REQUIRED"),
        ({"providers": [{"ci": "nobody"}]}, ["providers", "0", "ci"], "NOT_FOUND"),
        ({"providers": [{"ci": "x", "weight": -1}]}, ["providers", "0", "weight"], "INVALID"),
        ({"providers": [{"ci": "x", "connected": "moon"}]}, ["providers", "0", "connected"], "NOT_FOUND"),
        ({"providers": [{"ci": f"x{n}"} for n in range(1_001)]}, ["providers"], "TOO_MANY"),
        ({"owner": "nobody"}, [], "NOT_FOUND"),
        ({"id": "req:x:y:z"}, ["id"], "NOT_FOUND"),
        ({"id": "nobody"}, ["id"], "NOT_FOUND"),
        ({"reason": ""}, ["reason"], "REQUIRED"),
        ({"expectedVersion": 99}, ["expectedVersion"], "VERSION_CONFLICT"),
    ],
)
def test_what_makes_no_sense_is_a_user_error(
    executor: Executor, estate: Estate, wrong: dict[str, Any], field: list[str], code: str
) -> None:
    head = estate.store.head()
    refused = done(executor, SAVE, **asked(estate, **wrong))

    assert [(e["field"], e["code"]) for e in refused["userErrors"]] == [(["input", *field] if field else [], code)]
    assert (refused["sequence"], refused["requirement"], estate.store.head()) == (None, None, head)


def test_a_statement_that_waits_names_its_review(executor: Executor, estate: Estate, tmp_path: Path) -> None:
    reviews = controlled(estate, tmp_path, policy=POLICY + "  Service: {level: review}\n")
    held = done(executor, SAVE, **asked(estate, needed=2))
    waiting = reviews.list()[0].id
    reviews.approve(waiting, "mona", "fine")
    estate.catch_up()
    stated = [r for r in estate.topology.requirements_of(estate.id_of("service:shop")) if r.needed == 2]
    dropped = done(executor, DROP, id=stated[0].id)

    assert (held["sequence"], held["userErrors"], held["review"]) == (None, [], waiting)
    assert told(held["requirement"])[:2] == ("MANUAL", 2)
    assert (dropped["sequence"], dropped["review"] is not None) == (None, True)
    assert stated[0].id not in [r["id"] for r in dropped["requirements"]]
