"""Scopes of comparisons, on both engines."""

from __future__ import annotations

from cmdb.changes import EndRelationship, MoveCI, NewCI
from cmdb.diff import differences
from cmdb.model.registry import Model
from cmdb.scope import Scope, in_scope_at
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import Condition, Filter
from tests.contracts.build import AT, changed, commit, device, facet, interface, relationship


def place(ci: str) -> NewCI:
    return NewCI(ci, "Location", "", "", "in_service", {"name": ci}, (), {"manual/site": facet()}, AT)


def told(store: BoltStore, model: Model, scope: Scope, first: int = 1) -> set[tuple[str, str]]:
    moments = store.moment(sequence=first), store.moment(sequence=store.head().sequence)
    facts = differences(store, model, *moments, in_scope_at(store, scope, moments))
    return {(f.kind, f.ci) for f in facts}


def test_a_ci_that_matches_at_either_moment_is_in_the_scope(any_store: BoltStore, model: Model) -> None:
    one, two = device("d1", model="A"), device("d2", model="B")
    commit(any_store, one, two, device("d3", model="C"))
    commit(any_store, changed(one, model="X"), changed(two, model="A"), changed(device("d3"), model="D"))
    scope = Scope(Filter((Condition("model", "eq", "A", is_attribute=True),)))

    assert told(any_store, model, scope) == {("ATTRIBUTE_CHANGED", "d1"), ("ATTRIBUTE_CHANGED", "d2")}


def test_within_follows_parts_and_places_as_they_were(any_store: BoltStore, model: Model) -> None:
    inside, outside = device("d1"), device("d2")
    commit(any_store, place("dc"), place("rack"), inside, outside, relationship("rack", "LOCATED_IN", "dc"))
    commit(
        any_store, relationship("d1", "LOCATED_IN", "rack"), interface("i1", "d1", "e0"), interface("i2", "d2", "e0")
    )
    moved = [MoveCI("i1", "Interface", "d2", "e1"), EndRelationship("d1", "LOCATED_IN", "rack")]
    commit(any_store, *moved, changed(inside, model="X"), changed(outside, model="X"))

    assert told(any_store, model, Scope(within="dc"), 2) == {
        ("CI_CHANGED", "i1"),
        ("RELATIONSHIP_ENDED", "d1"),
        ("ATTRIBUTE_CHANGED", "d1"),
    }
    assert any_store.contents(["dc"], located=True) == ["dc", "rack"]
    assert sorted(any_store.contents(["d2"], located=False)) == ["d2", "i1", "i2"]


def test_a_relationship_is_in_the_scope_where_one_of_its_ends_is(any_store: BoltStore, model: Model) -> None:
    commit(any_store, device("d1"), device("d2"), interface("i1", "d1", "e0"), interface("i2", "d2", "e0"))
    commit(any_store, relationship("i1", "CONNECTED_TO", "i2"))
    found = {d: told(any_store, model, Scope(within=d)) for d in ("d1", "d2")}
    nowhere = told(any_store, model, Scope(within="nothing"))

    assert found == {d: {("RELATIONSHIP_CREATED", "i1")} for d in ("d1", "d2")}
    assert nowhere == set()
