"""An estate on a real store, read only, shared by the tests of the API; and an empty one to write to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from cmdb.entrypoints.rest import create_app
from cmdb.model.registry import Model
from cmdb.store.protocol import GraphStore
from cmdb_graphql.context import Estate as ReadEstate
from cmdb_graphql.execute import Executor
from tests.api.estate import Estate


@pytest.fixture
def estate(store: GraphStore, model: Model) -> Estate:
    made = Estate(store, model)
    made.fill()
    return made


@pytest.fixture
def executor(estate: Estate) -> Executor:
    return Executor(ReadEstate(estate.store, estate.model, estate.topology, estate.catch_up, ingest=estate.ingest))


@pytest.fixture
def client(estate: Estate) -> Iterator[TestClient]:
    with TestClient(create_app(estate.services()), base_url="http://127.0.0.1:8000") as made:
        yield made
