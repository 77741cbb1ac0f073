"""The guard measures hostile documents in no time, and says what would fit."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import get_introspection_query, parse

from cmdb_graphql.context import Estate
from cmdb_graphql.execute import Executor, Question
from cmdb_graphql.guard import Guard, Limits, Measured, operation_of, with_defaults
from cmdb_graphql.schema import prices

CHAIN = (
    '{ci(key:"x"){...f0}} '
    + " ".join(f"fragment f{i} on ConfigurationItem {{...f{i + 1} ...f{i + 1}}}" for i in range(80))
    + " fragment f80 on ConfigurationItem {id}"
)


class NoStore:
    """A store that nobody may ask: whatever reaches it was not refused in time."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the store was asked for {name}")


def measured(text: str, **variables: Any) -> Measured:
    document = parse(text)
    operation = operation_of(document, None)
    return Guard(prices(), Limits()).measure(document, operation, with_defaults(operation, variables))


@pytest.fixture(scope="module")
def executor() -> Executor:
    estate: Any = Estate(NoStore(), None, None)  # type: ignore[arg-type]
    return Executor(estate)


def refused(executor: Executor, text: str, **variables: Any) -> dict[str, Any]:
    answer = executor.answer(Question(text, variables))

    assert answer["data"] is None
    return answer["errors"][0]


def test_chained_fragments_are_refused_in_20_ms(executor: Executor) -> None:
    refused(executor, CHAIN)  # parsing is cached from here on; the guard runs each time
    started = time.perf_counter()
    error = refused(executor, CHAIN)
    spent = time.perf_counter() - started

    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX", "limit": "fields", "maximum": 2000, "requested": 10**9}
    assert spent < 0.02


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("{" + " ".join(f"a{i}:limits{{cost}}" for i in range(31)) + "}", "aliases"),
        ("{" + "limits{cost} " * 11 + "}", "rootFields"),
        ("{limits{" + "cost " * 1500 + "}}", "documentTokens"),
        ("{" + "...f " * 400 + "} fragment f on Query {" + "limits {cost} " * 13 + "}", "fields"),
        ('{ci(key:"x"){' + "relationships{nodes{other{" * 5 + "id" + "}}}" * 5 + "}}", "depth"),
        ("{" + "a{" * 700 + "b" + "}" * 700 + "}", "depth"),
        ("{a(x:" + "[" * 700 + "]" * 700 + ")}", "depth"),
        ("{cis(first:200){nodes{relationships(first:200){nodes{other{id name}}}}}}", "cost"),
    ],
)
def test_limits_are_named(executor: Executor, text: str, limit: str) -> None:
    error = refused(executor, text)

    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert error["extensions"]["limit"] == limit
    assert limit in error["message"]


def test_the_refusal_says_what_would_fit(executor: Executor) -> None:
    text = "query($n: Int!, $m: Int!) {cis(first:$n){nodes{relationships(first:$m){nodes{other{id name}}}}}}"
    error = refused(executor, text, n=200, m=200)
    fits = {f["field"]: f["first"] for f in error["extensions"]["fits"]}

    assert fits.keys() == {"cis", "relationships"}
    assert measured(text, n=fits["cis"], m=fits["relationships"]).cost <= 20_000
    assert measured(text, n=fits["cis"] + 5, m=fits["relationships"] + 5).cost > 20_000


def test_odd_page_sizes_earn_nothing() -> None:
    text = "query($i: ImpactInput!) {impact(input: $i) {nodes {ci {id}}}}"

    def cost(first: object) -> float:
        return measured(text, i={"seeds": [{"key": "x"}], "first": first}).cost

    assert cost(None) == cost(200) == 50 + 1 + 200 * 0.5
    assert cost(-(10**6)) > 50


def test_defaults_of_variables_and_of_arguments_count() -> None:
    assert measured("{cis{nodes{id}}}").cost == 50
    assert measured("query($n: Int! = 7) {cis(first: $n){nodes{id}}}").cost == 7
    assert measured("query($n: Int! = 7) {cis(first: $n){nodes{id}}}", n=9).cost == 9


def test_given_arguments_cost() -> None:
    plain = measured('{cis(filter: {name: {eq: "x"}}){nodes{id}}}').cost

    assert measured('{cis(filter: {name: {contains: "x"}}){nodes{id}}}').cost == plain + 500
    assert measured('{cis(filter: {or: [{name: {contains: "x"}}]}){nodes{id}}}').cost == plain + 500
    assert measured("{cis{nodes{id} totalCount}}").cost == plain + 100


def test_the_query_of_the_contract_costs_what_the_draft_says() -> None:
    text = """query Impact($input: ImpactInput!) { impact(input: $input) { sequence asOf policyVersion truncated
      summary { down degraded atRisk isolated toRetest services { ci { id name } state criticality } severity }
      nodes { ci { id class name } state certainty order severity nMore isService }
      proof { number kind ci { id name } group { id needed total lost { id name } } cites text }
      spared { ci { id name } group { id needed } carriers { id name } margin livePath { id name } }
      findings { ci { id name } kind text } } }"""
    found = measured(text, input={"seeds": [{"key": "x"}]})

    assert (found.cost, found.depth, found.fields) == (4762, 5, 64)


def test_introspection_works_and_stays_shallow(executor: Executor) -> None:
    deep = '{__type(name:"Query"){' + "fields{type{" * 12 + "name" + "}}" * 12 + "}}"

    assert "errors" not in executor.answer(Question(get_introspection_query()))
    assert refused(executor, deep)["extensions"]["code"] in ("QUERY_TOO_COMPLEX", "BAD_INPUT")


def test_without_introspection_no_name_leaks() -> None:
    closed = Executor(Estate(NoStore(), None, None), Limits(introspection=False))  # type: ignore[arg-type]
    error = closed.answer(Question("{limit{cost}}"))["errors"][0]

    assert "limits" not in error["message"]
    assert "errors" in closed.answer(Question("{__schema{types{name}}}"))


def test_fragment_cycles_are_refused(executor: Executor) -> None:
    error = refused(executor, "{...a} fragment a on Query{...b} fragment b on Query{...a}")

    assert error["extensions"]["code"] == "BAD_INPUT"
    assert "spreads itself" in error["message"]


def test_documents_are_validated_once(executor: Executor) -> None:
    before = executor.validate.cache_info().hits
    for _ in range(3):
        executor.answer(Question("{limits{cost depth}}"))

    assert executor.validate.cache_info().hits == before + 2


@pytest.mark.parametrize(
    "text",
    ["{", "{foo}", "{limits}", "query A {limits{cost}} query B {limits{cost}}", "fragment a on Query {limits{cost}}"],
)
def test_bad_documents_are_bad_input(executor: Executor, text: str) -> None:
    assert refused(executor, text)["extensions"]["code"] == "BAD_INPUT"


def test_bad_variables_are_bad_input(executor: Executor) -> None:
    text = "query($n: Int!) {cis(first: $n) {nodes {id}}}"

    for value in (None, "many", 1.5, [1], {"a": 1}, True, 2**40):
        error = refused(executor, text, n=value)

        assert error["extensions"]["code"] in ("BAD_INPUT", "QUERY_TOO_COMPLEX")


def test_heavy_overlaps_end_soon(executor: Executor) -> None:
    started = time.perf_counter()
    refused(executor, "{limits{" + "cost " * 1400 + "}}")

    assert time.perf_counter() - started < 2
