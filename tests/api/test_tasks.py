"""Questions of identity over GraphQL, what settled them, and the CIs that were absorbed."""

from __future__ import annotations

from typing import Any

from cmdb.observation import Identifier, Observation, Report
from cmdb_graphql.execute import Executor, Question
from tests.api.estate import NOW, Estate, data
from tests.api.test_identity import FIRST, SECOND, UNDO, ask, merged

TASKS = """query($states: [TaskState!]) { identityTasks(states: $states, first: 10) { nodes {
  id kind state text proposal createdAt cis { id name } evidence { key strong weight source cis { id item { name } } }
  decision { id kind explanation cis { id } evidence { key } } } } }"""
CHANGES = """changes { sequence kind actor attribute after ci { id } other { id name } relationshipType }"""


def question(estate: Estate) -> None:
    """A report that has strong identifiers of both access switches."""
    keys = tuple(Identifier(k) for k in (FIRST, SECOND))
    said = Observation("NetworkDevice", FIRST, {"name": "access"}, keys)
    estate.ingest.run([Report("stock", "shelf", NOW, (said,))], "tests", "seen twice")


def test_a_question_shows_what_speaks_for_and_against(executor: Executor, estate: Estate) -> None:
    question(estate)
    (task,) = data(executor, TASKS, states=None)["identityTasks"]["nodes"]
    ids = [estate.id_of(FIRST), estate.id_of(SECOND)]
    shown = {e["key"]: (e["strong"], e["weight"], [c["id"] for c in e["cis"]]) for e in task["evidence"]}

    assert (task["kind"], task["state"], task["decision"]) == ("CONFLICT", "OPEN", None)
    assert task["text"] == "strong identifiers of 2 CIs that contradict"
    assert task["createdAt"].startswith("2025-11-24T")
    assert {c["id"] for c in task["cis"]} > set(ids), "and the CI that was made for the report meanwhile"
    assert shown.keys() == {FIRST, SECOND}
    assert [e["strong"] for e in task["evidence"]] == sorted((e["strong"] for e in task["evidence"]), reverse=True)


def test_a_decided_question_shows_the_decision_until_that_is_taken_back(executor: Executor, estate: Estate) -> None:
    question(estate)
    (task,) = data(executor, TASKS, states=None)["identityTasks"]["nodes"]
    gone = estate.id_of(SECOND)
    done = merged(executor, estate, task=task["id"])
    (settled,) = data(executor, TASKS, states=["DECIDED"])["identityTasks"]["nodes"]
    node = """query($id: ID!) { node(id: $id) {
      id ... on IdentityDecision { kind cis { id } } ... on IdentityTask { state } } }"""
    decision = data(executor, node, id=done["decision"]["id"])["node"]
    asked = data(executor, node, id=task["id"])["node"]

    assert settled["decision"]["id"] == done["decision"]["id"]
    assert estate.id_of(FIRST) in {c["id"] for c in settled["cis"]}
    assert gone not in {c["id"] for c in settled["cis"]}, "what was absorbed is named by what stands for it"
    assert decision == {"id": done["decision"]["id"], "kind": "MERGE", "cis": [{"id": estate.id_of(FIRST)}]}
    assert asked == {"id": task["id"], "state": "DECIDED"}

    ask(executor, UNDO, decision=done["decision"]["id"], reason="two")
    (again,) = data(executor, TASKS, states=["OPEN"])["identityTasks"]["nodes"]
    assert (again["id"], again["decision"]) == (task["id"], None)


def test_a_question_that_needs_no_decision_shows_who_said_so(executor: Executor, estate: Estate) -> None:
    question(estate)
    (task,) = data(executor, TASKS, states=None)["identityTasks"]["nodes"]
    merged(executor, estate, kind="IGNORE", cis=[], task=task["id"], reason="a label that was printed twice")
    (settled,) = data(executor, TASKS, states=["DECIDED"])["identityTasks"]["nodes"]

    assert settled["decision"]["kind"] == "IGNORE"
    assert settled["decision"]["explanation"].endswith("a label that was printed twice")


def decided(executor: Executor, estate: Estate, **more: Any) -> list[dict[str, Any]]:
    text = f"mutation($input: DecideIdentityInput!) {{ decideIdentity(input: $input) {{ sequence {CHANGES} }} }}"
    ids = [estate.id_of(FIRST), estate.id_of(SECOND)]
    given = {"kind": "MERGE", "cis": ids, "despite": True, "reason": "one box", **more}
    changes: list[dict[str, Any]] = ask(executor, text, **given)["decideIdentity"]["changes"]
    return changes


def test_a_decision_tells_what_it_changes_before_and_after(executor: Executor, estate: Estate) -> None:
    first, second = estate.id_of(FIRST), estate.id_of(SECOND)
    dry, done = decided(executor, estate, dryRun=True), decided(executor, estate)

    def told(changes: list[dict[str, Any]]) -> list[Any]:  # the record of the decision has an id of its own each time
        return sorted((c["sequence"], c["kind"], c["attribute"] or "", str(c["ci"]), str(c["other"])) for c in changes)

    absorbed = [c for c in done if c["attribute"] == "absorbed_by"]
    assert told(dry) == told(done)
    assert [(c["ci"]["id"], c["other"]["id"]) for c in absorbed if c["ci"]["id"] == second] == [(second, first)]

    (record,) = estate.store.records(kinds=("identity_decision",))
    text = f"mutation($input: UndoIdentityDecisionInput!) {{ undoIdentityDecision(input: $input) {{ {CHANGES} }} }}"
    given = {"decision": record.id, "reason": "two"}
    dry = ask(executor, text, **given, dryRun=True)["undoIdentityDecision"]["changes"]
    back = ask(executor, text, **given)["undoIdentityDecision"]["changes"]
    returned = [c["ci"] for c in back if c["attribute"] == "returned"]
    assert {"id": second} in returned
    assert len(dry) == len(back)


def test_a_merge_of_three_tells_of_both_commits(executor: Executor, estate: Estate) -> None:
    third = estate.id_of("serial:cisco:FOC0000CORE1")
    head = estate.store.head().sequence
    changes = decided(executor, estate, cis=[estate.id_of(FIRST), estate.id_of(SECOND), third])

    assert {c["sequence"] for c in changes} == {head + 1, head + 2}


def test_an_absorbed_ci_is_shown_as_it_was(executor: Executor, estate: Estate) -> None:
    first, second = estate.id_of(FIRST), estate.id_of(SECOND)
    merged(executor, estate)
    merge = estate.store.head().sequence
    (record,) = estate.store.records(kinds=("identity_decision",))
    text = """query($id: ID!, $s: Int) { ci(id: $id, sequence: $s) { id name identifiers { key }
      relationships(types: [CONTAINS]) { nodes { other { name } } } } }"""

    def at(sequence: int | None) -> dict[str, Any]:
        found: dict[str, Any] = data(executor, text, id=second, s=sequence)["ci"]
        return found

    assert (at(merge - 1)["id"], at(merge - 1)["name"]) == (second, "access-2")
    assert SECOND in {i["key"] for i in at(merge - 1)["identifiers"]}
    assert at(merge)["id"] == at(None)["id"] == first
    assert at(0) is None
    node = data(executor, "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }", id=second)
    assert node == {"node": {"id": first}, "nodes": [{"id": first}]}

    ask(executor, UNDO, decision=record.id, reason="two")
    assert at(None)["id"] == second
    assert at(merge)["id"] == first, "at that time the other one stood for it, whatever was undone since"
    assert at(merge - 1)["id"] == second


def test_what_is_no_decision_has_no_node(executor: Executor) -> None:
    answer = executor.answer(Question('{ node(id: "source:nobody") { id } nodes(ids: ["x", "source:snmp"]) { id } }'))

    assert answer["data"] == {"node": None, "nodes": [{"id": "source:snmp"}]}
