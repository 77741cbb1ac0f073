"""The short cut for plain attributes says what graphql-core says, errors and their places included."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import strawberry
from graphql import execute_sync, parse
from graphql.execution.executor import Executor as CoreExecutor
from hypothesis import given
from hypothesis import strategies as st

from cmdb_graphql.enums import ImpactState
from cmdb_graphql.plain import PlainExecutor


@strawberry.type
class Leaf:
    name: str
    state: ImpactState
    is_on: bool | None
    tags: list[str]


@strawberry.type
class Tree:
    count: int
    size_mb: float | None
    id: strawberry.ID
    leaf: Leaf | None
    leaves: list[Leaf]
    spare: list[Leaf | None] | None

    @strawberry.field
    def twice(self) -> int:
        return 2 * self.count


@strawberry.type
class Query:
    trees: list[Tree | None]


SCHEMA = strawberry.Schema(Query)._schema
PLAIN = "{ count sizeMb id leaf { n: name state isOn tags __typename } leaves { name } spare { state tags } }"
WORDS = st.sampled_from(["a", "", "DOWN"])
ODD = st.sampled_from([None, 1, 2**40, -5, 0.5, True, "x", "7", b"b", [], ("y",), {}, ValueError("odd")])


def leaves(odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    state = st.sampled_from(["DOWN", "AT_RISK"]) | odd
    tags = st.lists(WORDS | odd, max_size=2).map(tuple) | odd
    return st.builds(SimpleNamespace, name=WORDS | odd, state=state, is_on=st.none() | st.booleans() | odd, tags=tags)


def trees(odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    leaf = leaves(odd)
    many = st.lists(leaf | odd, max_size=2) | odd
    numbers = st.integers(-5, 5) | odd
    return st.builds(
        SimpleNamespace,
        count=numbers,
        size_mb=st.none() | st.floats(0, 1) | odd,
        id=WORDS | odd,
        leaf=st.none() | leaf | odd,
        leaves=many,
        spare=st.none() | st.lists(st.none() | leaf, max_size=2) | odd,
    )


def both(query: str, found: Any) -> None:
    root = SimpleNamespace(trees=found)
    plain, usual = (
        execute_sync(SCHEMA, parse(query), root, executor_class=executor) for executor in (PlainExecutor, CoreExecutor)
    )
    assert plain.data == usual.data
    assert [e.formatted for e in plain.errors or ()] == [e.formatted for e in usual.errors or ()]


@given(st.lists(st.none() | trees(st.nothing()), max_size=3))
def test_what_fits_is_the_same(found: list[Any]) -> None:
    both(f"{{ trees {PLAIN} }}", found)


@given(st.lists(trees(ODD), max_size=2))
def test_what_does_not_fit_is_the_same_error_in_the_same_place(found: list[Any]) -> None:
    both(f"{{ trees {PLAIN} }}", found)


def test_what_is_computed_is_left_to_graphql_core() -> None:
    leaf = SimpleNamespace(name="a", state="DOWN", is_on=None, tags=())
    tree = Tree(count=2, size_mb=None, id=strawberry.ID("1"), leaf=leaf, leaves=[leaf], spare=None)  # type: ignore[arg-type]

    both(
        "query ($no: Boolean = false) { trees { twice leaves { name state @include(if: $no) ...on Leaf { tags } } } }",
        [tree],
    )


def test_what_can_be_walked_once_is_walked_once() -> None:
    tree = SimpleNamespace(leaves=iter([SimpleNamespace(name="a"), SimpleNamespace(name="b")]))
    answer = execute_sync(
        SCHEMA, parse("{ trees { leaves { name } } }"), SimpleNamespace(trees=[tree]), executor_class=PlainExecutor
    )

    assert answer.data == {"trees": [{"leaves": [{"name": "a"}, {"name": "b"}]}]}
