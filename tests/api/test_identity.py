"""Identity decisions over GraphQL: taken, shown, taken back, refused."""

from __future__ import annotations

from typing import Any

from cmdb_graphql.context import Estate as ReadEstate
from cmdb_graphql.execute import Executor, Question
from tests.api.estate import Estate

DECIDE = """mutation($input: DecideIdentityInput!) { decideIdentity(input: $input) {
  sequence decision { id kind sequence actor explanation undoneAt cis { id name } evidence { key weight cis { id } } }
  cis { id name item { name } } userErrors { field code message } } }"""
UNDO = """mutation($input: UndoIdentityDecisionInput!) { undoIdentityDecision(input: $input) {
  sequence cis { id } userErrors { field code message } } }"""
FIRST, SECOND = "serial:cisco:FOC0000ACCESS1", "serial:cisco:FOC0000ACCESS2"


def ask(executor: Executor, query: str, **given: Any) -> dict[str, Any]:
    answer = executor.answer(Question(query, {"input": given} if "$input" in query else given))
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


def merged(executor: Executor, estate: Estate, **more: Any) -> dict[str, Any]:
    ids = [estate.id_of(FIRST), estate.id_of(SECOND)]
    given = {"kind": "MERGE", "cis": ids, "despite": True, "reason": "one box", **more}
    made: dict[str, Any] = ask(executor, DECIDE, **given)["decideIdentity"]
    return made


def test_a_merge_is_decided_shown_and_taken_back(executor: Executor, estate: Estate) -> None:
    first, second = estate.id_of(FIRST), estate.id_of(SECOND)
    head = estate.store.head().sequence
    done = merged(executor, estate)
    why = "query($id: ID!) { ci(id: $id) { id identityDecisions { id kind undoneAt } identifiers { key } } }"
    shown = ask(executor, why, id=second)["ci"]

    assert (done["userErrors"], done["sequence"]) == ([], head + 1)
    assert done["cis"] == [{"id": first, "name": "access-1", "item": {"name": "access-1"}}]
    assert done["decision"]["explanation"] == "access-2 is access-1: one box"
    assert (done["decision"]["sequence"], done["decision"]["actor"]) == (head + 1, "graphql")
    assert {(e["key"], e["weight"]) for e in done["decision"]["evidence"]} >= {(FIRST, "CONTRADICTS")}
    assert shown["id"] == first  # the old id leads to the one that stands for it
    assert {i["key"] for i in shown["identifiers"]} >= {FIRST, SECOND}
    assert shown["identityDecisions"] == [{"id": done["decision"]["id"], "kind": "MERGE", "undoneAt": None}]

    back = ask(executor, UNDO, decision=done["decision"]["id"], reason="two")["undoIdentityDecision"]
    again = ask(executor, why, id=second)["ci"]
    assert back == {"sequence": head + 2, "cis": [{"id": first}, {"id": second}], "userErrors": []}
    assert again["id"] == second
    assert again["identityDecisions"][0]["undoneAt"] == head + 2


def test_what_cannot_be_is_a_user_error_and_writes_nothing(executor: Executor, estate: Estate) -> None:
    head = estate.store.head().sequence
    refused = merged(executor, estate, despite=False)
    dry = merged(executor, estate, dryRun=True)
    unknown = ask(executor, UNDO, decision="nothing", reason="x")["undoIdentityDecision"]

    assert [(e["field"], e["code"]) for e in refused["userErrors"]] == [(["input", "cis"], "IDENTITY_CONFLICT")]
    assert (refused["sequence"], refused["decision"], refused["cis"]) == (None, None, [])
    assert (dry["userErrors"], dry["sequence"], dry["decision"]) == ([], None, None)
    assert unknown["userErrors"][0]["code"] == "NOT_FOUND"
    assert estate.store.head().sequence == head


def test_a_write_is_done_once_although_others_write_meanwhile(estate: Estate) -> None:
    """Reads are repeated when a commit comes in between; a write must not be."""
    from tests.api.estate import second_opinion

    commits: list[int] = []

    class Busy(type(estate.ingest)):  # type: ignore[misc]  # a class made at run time
        def decide(self, *args: Any, **more: Any) -> Any:
            done = super().decide(*args, **more)
            commits.append(done[0])
            self.run([second_opinion()], "tests", "meanwhile")
            return done

    busy = Busy(estate.store, estate.model, estate.ingest.clock_ms, estate.ingest.new_id)
    executor = Executor(ReadEstate(estate.store, estate.model, estate.topology, estate.catch_up, ingest=busy))
    done = merged(executor, estate)

    assert done["sequence"] == commits[0]
    assert len(commits) == 1


def test_where_nobody_may_write_a_mutation_is_refused(estate: Estate) -> None:
    executor = Executor(ReadEstate(estate.store, estate.model, estate.topology, estate.catch_up))
    answer = executor.answer(Question(UNDO, {"input": {"decision": "x", "reason": "y"}}))

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
