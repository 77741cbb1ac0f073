"""Engines for tests: one embedded engine for the whole run, and a real Neo4j where BOLT_URI names one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmdb.model.registry import Model, load_model
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from cmdb.store.engine import Endpoint

pytest.register_assert_rewrite("tests.e2e.mixed")  # what it asserts should tell what it found


# Two folders that would hide graphql-core from whatever imports it: one clear message beats a hundred errors.
def refuse_traps(root: Path) -> None:
    """Raise UsageError where the layout of the repository hides an installed package."""
    for trap in (root / "graphql" / "__init__.py", root / "tests" / "graphql"):
        if trap.exists():
            raise pytest.UsageError(f"{trap} must not exist: it hides the installed package graphql (graphql-core)")


refuse_traps(Path(__file__).parent.parent)


@pytest.fixture(scope="session")
def model() -> Model:
    """The built-in class catalogue."""
    return load_model()


@pytest.fixture(scope="session")
def class_cache(pytestconfig: pytest.Config) -> Path:
    """A folder for the engine's class cache, kept from run to run: it halves every start."""
    assert pytestconfig.cache is not None
    return pytestconfig.cache.mkdir("engine")


@pytest.fixture(scope="session")
def embedded_engine(tmp_path_factory: pytest.TempPathFactory, class_cache: Path) -> Iterator[EmbeddedEngine]:
    """An embedded engine, shared by all tests."""
    engine = EmbeddedEngine(tmp_path_factory.mktemp("engine"), heap_mb=512, class_cache=class_cache)
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def _embedded_store(embedded_engine: EmbeddedEngine, model: Model) -> Iterator[BoltStore]:
    yield from _opened(embedded_engine.endpoint, model)


@pytest.fixture(scope="session")
def _neo4j_store(model: Model) -> Iterator[BoltStore]:
    uri = os.environ.get("BOLT_URI")
    if not uri:
        pytest.skip("BOLT_URI names no Neo4j: run deploy/neo4j/neo4j.sh start")
    endpoint = Endpoint(uri, os.environ["BOLT_DB"], os.environ["BOLT_USER"], os.environ["BOLT_PASSWORD"])
    yield from _opened(endpoint, model)


@pytest.fixture
def store(_embedded_store: BoltStore) -> BoltStore:
    """An empty store on the embedded engine, schema up to date."""
    return emptied(_embedded_store)


@pytest.fixture
def neo4j_store(_neo4j_store: BoltStore) -> BoltStore:
    """An empty store on a real Neo4j, schema up to date; skipped where there is none."""
    return emptied(_neo4j_store)


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def any_store(request: pytest.FixtureRequest) -> BoltStore:
    """An empty store, once on each engine."""
    name = "store" if request.param == "embedded" else "neo4j_store"
    found: BoltStore = request.getfixturevalue(name)
    return found


def emptied(store: BoltStore) -> BoltStore:
    """The same store without anything in it but its schema; far quicker than another engine."""

    def wipe(limit: int) -> int:
        kept = "n:Migration OR size(keys(n)) = 0 OR coalesce(n.id, '') = 'first slots'"  # see cmdb/store/first_slots.py
        statement = f"MATCH (n) WHERE NOT ({kept}) WITH n LIMIT $limit DETACH DELETE n RETURN count(*)"
        deleted: int = store.connection.write(lambda tx: tx.run(statement, limit=limit).values(), lambda: None)[0][0]
        return deleted

    while wipe(10_000):
        pass
    head = "MERGE (h:Ledger {id: 'head'}) SET h.seq = 0, h.hash = '', h.at = 0, h.lock = ''"
    store.connection.write(lambda tx: tx.run(head).consume(), lambda: None)
    return store


def _opened(endpoint: Endpoint, model: Model) -> Iterator[BoltStore]:
    store = BoltStore(endpoint, model)
    try:
        # A test database may have met a migration that was still being written.
        forget = "MATCH (m:Migration) DETACH DELETE m"
        store.connection.write(lambda tx: tx.run(forget).consume(), lambda: None)
        store.migrate()
        yield store
    finally:
        store.close()
