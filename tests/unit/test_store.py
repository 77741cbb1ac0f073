"""The parts of the store that need no engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo4j.exceptions import AuthError, ClientError, ConstraintError, ServiceUnavailable, TransientError

from cmdb.changes import Facet, LinkFacet, ManifestEntry, NewCI, Pending
from cmdb.errors import CmdbError, Denied, Invalid, LimitExceeded, Unreachable, UsageError
from cmdb.model.registry import Model, load_model
from cmdb.observation import Identifier
from cmdb.store import prepare, rows
from cmdb.store.connection import Connection
from cmdb.store.cursors import make_cursor, read_cursor
from cmdb.store.cypher import Statements
from cmdb.store.engine import Endpoint
from cmdb.store.open import check_uri

TEXT = st.text(max_size=12)


@pytest.fixture(scope="module")
def statements() -> Statements:
    return Statements(load_model())


@given(st.lists(st.lists(st.one_of(TEXT, st.integers(), st.lists(TEXT, max_size=3)), max_size=4), max_size=30))
def test_chunks_hold_every_row_once_and_keep_the_limit(given_rows: list[list[Any]]) -> None:
    parts = list(rows.chunks(given_rows, 500))

    assert [row for part in parts for row in part] == given_rows
    assert all(part for part in parts)
    assert all(sum(len(str(v).encode()) for row in part for v in row if isinstance(v, str)) <= 500 for part in parts)


def test_a_row_beyond_the_limit_is_named() -> None:
    with pytest.raises(LimitExceeded, match="ci-7"):
        list(rows.chunks([["ci-7", "x" * 600]], 500))


@given(st.binary(max_size=300))
def test_parts_join_to_the_whole(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "MAX_PART_BYTES", 32)
        parts = prepare.parts_of(data)

    assert b"".join(parts) == data
    assert parts
    assert all(len(p) <= 32 for p in parts)


def test_facets_survive_text() -> None:
    own = {"name": "a"}
    said = {"snmp/a": Facet(5, "h", "self", "NetworkDevice", None, (Identifier("k", False),), 9, 7)}
    text, gone = rows.pack_facets(said)

    assert rows.unpack_facets(text, own)["snmp/a"].attributes is own
    assert rows.unpack_gone(gone) == {"snmp/a": 7}
    assert rows.unpack_gone(rows.pack_facets({"a/b": Facet(1, "h")})[1]) == {}
    assert rows.unpack_link_facets(None) == {}


def test_manifests_tell_what_was_carried_over() -> None:
    manifest = {"a": ManifestEntry(b"x", "c1", 5), "b": ManifestEntry(b"y", "c1", 9), "c": ManifestEntry(b"z", "c2")}
    packed, carried = rows.pack_manifest(manifest)

    assert rows.unpack_manifest(packed) == manifest
    assert rows.unpack_carried(carried) == {"c1": 9}
    assert rows.pack_manifest({"c": ManifestEntry(b"z", "c2")})[1] is None


def test_waiting_links_are_told_apart_by_all_but_what_was_said() -> None:
    one = Pending("k", "", "c", "T", "o/t", LinkFacet(1))
    same = Pending("k", "", "c", "T", "o/t", LinkFacet(2, "x"))
    others = [Pending("k", "p", "c", "T", "o/t", one.facet), Pending("k", "", "c", "U", "o/t", one.facet)]

    assert rows.pending_id(one) == rows.pending_id(same)
    assert rows.pending_id(one) not in {rows.pending_id(o) for o in others}


def test_depths_follow_new_parents_in_any_order() -> None:
    def new(ci: str, parent: str) -> NewCI:
        return NewCI(ci, "Interface", parent, ci, "in_service", {}, (), {}, 0)

    assert prepare._depths([new("c", "b"), new("b", "a"), new("x", "known"), new("a", "")]) == {
        "a": 0,
        "b": 1,
        "c": 2,
        "x": 0,
    }
    with pytest.raises(Invalid, match="circle"):
        prepare._depths([new("a", "b"), new("b", "a")])


@given(st.lists(st.one_of(TEXT, st.integers(-(2**60), 2**60)), max_size=4), TEXT)
def test_cursors_come_back_as_they_were(values: list[Any], signature: str) -> None:
    assert read_cursor(make_cursor(values, signature), signature, len(values)) == values


@given(st.text(max_size=60))
def test_no_text_breaks_a_cursor(text: str) -> None:
    with pytest.raises(Invalid, match="page"):
        read_cursor(text, "name", 2)


@pytest.mark.parametrize("name", ["X", "CONNECTED_TO`", "a b", "", "id", "CONNECTED_TO]->() DETACH DELETE n //"])
def test_names_that_are_not_in_the_model_are_not_quoted(statements: Statements, name: str) -> None:
    with pytest.raises(Invalid, match="model"):
        statements.quote(name)


def test_statements_start_at_the_end_with_few(statements: Statements) -> None:
    assert statements.one_relationship("MEMBER_OF", "$a", "$b").startswith("MATCH (a:CI {id: $a})")
    assert statements.one_relationship("CONTAINS", "$a", "$b").startswith("MATCH (b:CI {id: $b})")


def test_every_statement_of_the_model_can_be_made(statements: Statements, model: Model) -> None:
    for name, ci_class in model.classes.items():
        for dependent in {ci_class.inside is not None, not ci_class.independent and ci_class.inside is not None}:
            assert f"class: '{name}'" in statements.new_ci(name, dependent)
    for name in model.relationship_types:
        assert f"`{name}`" in statements.new_relationship(name)
        assert "RelVersion" in statements.set_relationship(name)
        assert "DELETE r" in statements.end_relationship(name)


@pytest.mark.parametrize(
    "uri", ["", "http://x:1", "bolt://", "bolt://u:p@h:1", "bolt://h:nan", "neo4j", "bolt://u@h", "bolt://[::1"]
)
def test_addresses_of_other_things_are_refused(uri: str) -> None:
    with pytest.raises(UsageError, match="address") as caught:
        check_uri(uri)

    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ServiceUnavailable("gone"), Unreachable),
        (OSError(111, "refused"), Unreachable),
        (AuthError("no"), Denied),
        (ConstraintError("double"), Invalid),
        (TransientError("busy"), Unreachable),
        (ClientError("odd"), CmdbError),
    ],
)
def test_driver_errors_become_ours_with_the_address(error: Exception, kind: type[CmdbError]) -> None:
    connection = Connection(Endpoint("bolt://127.0.0.1:1", "x", "me", "s3cret"))
    explained = connection.explain(error)
    connection.close()

    assert type(explained) is kind
    assert "bolt://127.0.0.1:1" in str(explained)
    assert "s3cret" not in str(explained)


@pytest.mark.parametrize(
    "code",
    [
        "Neo.ClientError.Transaction.TransactionTimedOut",
        "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
    ],
)
def test_both_codes_of_a_time_limit_are_understood(code: str) -> None:
    error = ClientError._hydrate_neo4j(code=code, message="too long")
    connection = Connection(Endpoint("bolt://127.0.0.1:1", "x", "me", "s3cret"))
    explained = connection.explain(error)
    connection.close()

    assert type(explained) is LimitExceeded
