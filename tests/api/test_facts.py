"""What is told of a CI: relationships, provenance, requirements, nodes, commits, impact."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.store.protocol import LedgerCheck
from cmdb_graphql.execute import Executor, Question
from tests.api.estate import Estate, data, error
from tests.contracts.old_form import alter

CORE = "serial:cisco:FOC0000CORE1"


def of_core(executor: Executor, fields: str) -> Any:
    return data(executor, f"query($key: String!) {{ci(key: $key) {{{fields}}}}}", key=CORE)["ci"]


def test_relationships_are_paged_and_read_from_both_ends(executor: Executor) -> None:
    asked = "nodes {id type from {name} to {name} other {name class}} pageInfo {hasNextPage endCursor} totalCount"
    text = f"query($k: String!, $a: String) {{ci(key: $k) {{relationships(first: 2, after: $a) {{{asked}}}}}}}"
    first = data(executor, text, k=CORE)["ci"]["relationships"]
    second = data(executor, text, k=CORE, a=first["pageInfo"]["endCursor"])["ci"]["relationships"]
    found = first["nodes"] + second["nodes"]
    rows = [(r["type"], r["from"]["name"], r["to"]["name"], r["other"]["name"]) for r in found]

    assert rows == [
        ("CONTAINS", "core-1", "Te1", "Te1"),
        ("CONTAINS", "core-1", "Te2", "Te2"),
        ("LOCATED_IN", "core-1", "dc-1", "dc-1"),
    ]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    assert first["totalCount"] == 3


def test_the_same_relationships_twice_under_two_names(executor: Executor) -> None:
    located = "relationships(types: [LOCATED_IN], direction: OUT) {nodes {to {name item {class}}}}"
    found = of_core(executor, f"a: relationships(types: [CONTAINS]) {{nodes {{id}}}} b: {located}")

    assert len(found["a"]["nodes"]) == 2
    assert found["b"]["nodes"] == [{"to": {"name": "dc-1", "item": {"class": "Location"}}}]


def test_claims_say_who_won_and_why(executor: Executor) -> None:
    claims = "claims {source target value verdict}"
    found = of_core(executor, f'attributes(names: ["os_version", "vendor", "name"]) {{name value source {claims}}}')
    versions, vendor, name = found["attributes"]

    assert versions == {
        "name": "os_version",
        "value": "15.2(8)E",
        "source": "manual",
        "claims": [
            {"source": "manual", "target": "inventory", "value": "15.2(8)E", "verdict": "WON"},
            {"source": "snmp", "target": "core-1", "value": "15.2(7)E", "verdict": "LOWER_PRECEDENCE"},
        ],
    }
    assert [(c["source"], c["verdict"]) for c in vendor["claims"]] == [("snmp", "WON")]
    assert name["value"] == "core-1"


def test_identifiers_and_origins(executor: Executor) -> None:
    found = of_core(executor, "identifiers {key strong source} origins {source target role lastSeen}")

    assert found["identifiers"] == [
        {"key": CORE, "strong": True, "source": "manual"},
        {"key": "sysname:core-1", "strong": False, "source": "snmp"},
    ]
    assert [(o["source"], o["target"], o["role"]) for o in found["origins"]] == [
        ("manual", "inventory", "SELF"),
        ("snmp", "core-1", "SELF"),
    ]
    assert found["origins"][0]["lastSeen"] == "2025-11-24T16:00:00.000Z"


def test_parents(executor: Executor) -> None:
    text = '{cis(filter: {name: {eq: "Gi1"}}) {nodes {parent {name class item {status}}}}}'
    ports = data(executor, text)["cis"]["nodes"]

    assert sorted(p["parent"]["name"] for p in ports) == ["access-1", "access-2"]
    assert ports[0]["parent"]["item"] == {"status": "IN_SERVICE"}


def test_requirements_with_their_evidence(executor: Executor) -> None:
    asked = (
        "needed total pass origin holds owner {name} providers {ci {name} weight connected} evidence {source target}"
    )
    text = f'{{ci(key: "service:shop") {{requirements {{{asked}}}}}}}'
    found = {r["origin"]: r for r in data(executor, text)["ci"]["requirements"]}

    assert found["DEFAULT"]["evidence"] == []
    assert sorted(p["ci"]["name"] for p in found["DEFAULT"]["providers"]) == ["web-1", "web-2"]
    assert found["MANUAL"]["evidence"] == [{"source": "manual", "target": "site"}]
    assert (found["MANUAL"]["needed"], found["MANUAL"]["total"], found["MANUAL"]["pass"]) == (1, 2, "NEVER")


def test_nodes_of_every_kind_in_the_order_asked(executor: Executor, estate: Estate) -> None:
    shop, core = estate.id_of("service:shop"), estate.id_of(CORE)
    needs = data(
        executor,
        "query($i: ID!) {ci(id: $i) {requirements {id} relationships(types: [DEPENDS_ON]) {nodes {id}}}}",
        i=shop,
    )["ci"]
    ids = [needs["relationships"]["nodes"][0]["id"], core, "nobody", *(r["id"] for r in needs["requirements"]), shop]
    text = "query($ids: [ID!]!) {nodes(ids: $ids) {__typename id ... on Relationship {type other {id} from {name}}}}"
    found = data(executor, text, ids=ids)["nodes"]

    assert [n["id"] for n in found] == [i for i in ids if i != "nobody"]
    assert [n["__typename"] for n in found] == [
        "Relationship",
        "NetworkDevice",
        "Requirement",
        "Requirement",
        "Service",
    ]
    assert (found[0]["type"], found[0]["other"], found[0]["from"]) == ("DEPENDS_ON", None, {"name": "shop"})
    assert data(executor, '{node(id: "nobody") {id}}')["node"] is None


def test_internal_relationships_are_no_nodes(executor: Executor, estate: Estate) -> None:
    shop = estate.id_of("service:shop")
    power = next(r.id for r in estate.topology.requirements_of(shop) if r.origin == "MANUAL")

    assert data(executor, "query($i: ID!) {node(id: $i) {id}}", i=f"rel:HAS_REQUIREMENT:{shop}:{power}")["node"] is None


def test_commits_newest_first(executor: Executor) -> None:
    asked = "nodes {sequence actor reason size previousHash hash} pageInfo {hasNextPage endCursor} totalCount"
    found = data(executor, f"{{ledger {{head {{sequence hash}}}} commits(first: 1) {{{asked}}}}}")
    page = found["commits"]
    text = "query($a: String) {commits(after: $a) {nodes {sequence hash previousHash} pageInfo {hasNextPage}}}"
    older = data(executor, text, a=page["pageInfo"]["endCursor"])["commits"]

    assert (page["nodes"][0]["sequence"], page["nodes"][0]["reason"], page["totalCount"]) == (2, "second opinion", 2)
    assert page["nodes"][0]["hash"] == found["ledger"]["head"]["hash"]
    assert page["nodes"][0]["previousHash"] == older["nodes"][0]["hash"]
    assert older["nodes"][0]["previousHash"] == "0" * 64
    assert (page["pageInfo"]["hasNextPage"], older["pageInfo"]["hasNextPage"]) == (True, False)
    assert data(executor, "{commit(sequence: 3) {sequence}}")["commit"] is None
    assert data(executor, "{commits(filter: {afterSequence: 1}) {nodes {sequence}}}")["commits"]["nodes"] == [
        {"sequence": 2}
    ]
    assert error(executor, '{commits(after: "x") {nodes {sequence}}}')["extensions"]["argument"] == "after"


def test_the_ledger_is_verified_where_it_is_asked(executor: Executor, estate: Estate) -> None:
    text = "query($f: Int!, $t: Int!) {verifyLedger(from: $f, to: $t) {from to intact replayed firstBad hash}}"
    second = estate.store.commits(1, 1)[0]

    whole = data(executor, text, f=1, t=2)["verifyLedger"]
    assert whole == {"from": 1, "to": 2, "intact": True, "replayed": False, "firstBad": None, "hash": second.hash}
    assert data(executor, text, f=2, t=2)["verifyLedger"]["intact"] is True
    for f, t, wrong in ((0, 1, "from"), (3, 3, "from"), (2, 1, "to"), (1, 3, "to"), (1, 5000, "to")):
        assert error(executor, text, f=f, t=t)["extensions"]["argument"] == wrong
    alter(estate.store, "MATCH (c:Commit {seq: 2}) SET c.actor = 'mallory'")
    assert data(executor, text, f=1, t=2)["verifyLedger"]["firstBad"] == 2
    assert data(executor, text, f=1, t=1)["verifyLedger"]["intact"] is True


def test_the_last_full_verification_is_told(executor: Executor, estate: Estate) -> None:
    text = "{ledger {lastVerification {from to at intact replayed firstBad hash}}}"
    assert data(executor, text)["ledger"]["lastVerification"] is None

    estate.store.save_check(LedgerCheck(1, 2, 1_700_000_000_000, False, False, 2, "ab"))
    estate.store.save_check(LedgerCheck(1, 2, 1_700_000_000_001, True, True, 0, "cd"))
    found = data(executor, text)["ledger"]["lastVerification"]

    assert found["at"].startswith("2023-11-14T22:13:20")
    assert (found["intact"], found["replayed"], found["firstBad"], found["hash"]) == (True, True, None, "cd")


def test_impact_names_the_service_and_proves_it(executor: Executor) -> None:
    text = """query($i: ImpactInput!) {impact(input: $i) {
      sequence truncated summary {down serviceCount services {ci {name} state criticality}}
      nodes {ci {name item {class}} state order}
      proof {number kind ci {name} cites group {lost {name}}} spared {ci {name} carriers {name}}}}"""
    found = data(executor, text, i={"seeds": [{"key": "core-1"}, {"key": "serial:cisco:FOC0000CORE2"}]})["impact"]
    steps = {s["number"]: s for s in found["proof"]}
    nodes = {n["ci"]["name"]: n for n in found["nodes"]}

    assert found["sequence"] == 2
    assert found["summary"]["services"][0] == {"ci": {"name": "shop"}, "state": "DOWN", "criticality": 4}
    assert nodes["shop"]["ci"]["item"] == {"class": "Service"}
    assert steps[nodes["shop"]["order"]]["kind"] == "GROUP_BROKEN"
    assert all(c < s["number"] for s in found["proof"] for c in s["cites"])


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({}, "input.seeds"),
        ({"seeds": []}, "input.seeds"),
        ({"seeds": [{"kind": "DOWN"}]}, "input.seeds[0]"),
        ({"seeds": [{"key": "a", "ci": "b"}]}, "input.seeds[0]"),
        ({"seeds": [{"key": "no such"}]}, "input.seeds[0].key"),
        ({"seeds": [{"ci": "no such"}]}, "input.seeds[0].ci"),
        ({"seeds": [{"key": "core-1"}], "first": 0}, "input.first"),
        ({"seeds": [{"key": "core-1"}], "skip": -1}, "input.skip"),
        ({"seeds": [{"key": "core-1"}], "only": []}, "input.only"),
    ],
)
def test_impact_questions_that_make_no_sense(executor: Executor, given: dict[str, Any], argument: str) -> None:
    found = error(executor, "query($i: ImpactInput!) {impact(input: $i) {sequence}}", i=given)

    assert found["extensions"] == {"code": "BAD_INPUT", "argument": argument}


def test_the_answer_costs_what_was_returned(executor: Executor) -> None:
    relationships = "relationships(types: [CONTAINS], first: 10) {nodes {id}}"
    text = f"{{cis(filter: {{class: [NetworkDevice]}}, first: 200) {{nodes {{id {relationships}}}}}}}"
    answer = executor.answer(Question(text))

    assert answer["extensions"]["cost"] == {"requested": 200 * (1 + 10), "actual": 4 + 10, "limit": 20_000}
