"""Open the store that the settings name, starting the embedded engine where they name none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from neo4j import GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

from cmdb.errors import UsageError
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.directory import FOLDER
from cmdb.store.embedded import EmbeddedEngine
from cmdb.store.engine import Endpoint

ENDPOINT_FILE = "endpoint.json"
SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")


def open_store(
    store_uri: str | None,
    data_dir: Path,
    model: Model,
    user: str = "neo4j",
    password: str = "",
    database: str = "neo4j",
    heap_mb: int = 1024,
    attach: bool = False,
) -> BoltStore:
    """Open the store at a URI or, where it is None, an embedded one in the data directory; bring its schema up to date.

    `password` is the secret itself, resolved by the caller. With `attach` an embedded engine that another process of
    the same user runs on the directory is used as it is. Closing the store stops what this started, and only that.
    Raises UsageError, Denied, Invalid or Unreachable with what to do.
    """
    if store_uri is not None:
        return _ready(BoltStore(Endpoint(check_uri(store_uri), database, user, password), model))
    running = find_running(data_dir) if attach else None
    if running is not None:
        return _ready(BoltStore(running, model))
    engine = EmbeddedEngine(data_dir, heap_mb)
    try:
        store = BoltStore(engine.endpoint, model, engine)
    except BaseException:
        engine.stop()
        raise
    return _ready(store)


def find_running(data_dir: Path) -> Endpoint | None:
    """The engine that another process runs on a data directory, if that process is there."""
    try:
        noted = json.loads((data_dir / FOLDER / ENDPOINT_FILE).read_text("utf-8"))
        os.kill(noted["owner"], 0)
        user, password = next(iter(noted["users"].items()))
        endpoint = Endpoint(noted["uri"], noted["database"], user, password)
    except (OSError, ValueError, KeyError, StopIteration):
        return None  # nobody runs one, or it ended without leaving: opening the directory will tell
    with GraphDatabase.driver(endpoint.uri, auth=(user, password), connection_timeout=2) as driver:
        try:
            driver.verify_connectivity()
        except (DriverError, Neo4jError, OSError):
            return None
    return endpoint


def check_uri(store_uri: str) -> str:
    """Refuse an address of another kind, or one that holds a password: those end up in logs and process lists."""
    try:
        parts = urlsplit(store_uri)
        host, held = parts.hostname, parts.password
        parts.port  # noqa: B018 - raises ValueError where it is no number
    except ValueError as error:
        raise UsageError(f"the store's address can't be read ({error}): write bolt://HOST:PORT") from error
    if held is not None or parts.username is not None:
        raise UsageError(
            "the store's address holds a user or password: give the user apart, and the password by reference"
        )
    if parts.scheme not in SCHEMES or not host:
        raise UsageError(f"{store_uri!r} is not the address of a store: write bolt://HOST:PORT or neo4j://HOST:PORT")
    return store_uri


def _ready(store: BoltStore) -> BoltStore:
    try:
        store.migrate()
    except BaseException:
        store.close()
        raise
    return store
