"""Two servers over one store: each keeps its own topology, and neither answers from the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cmdb.entrypoints.keeper import SNAPSHOT
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.program import Running, post

pytestmark = pytest.mark.e2e
QUESTION = "query($key: String!) {impact(input: {seeds: [{key: $key}]}) {sequence nodes {ci {name} state}}}"


class Server:
    """A server with a data directory of its own, over the store of the tests."""

    def __init__(self, home: Path, engine: EmbeddedEngine) -> None:
        home.mkdir(exist_ok=True)
        self.home, endpoint = home, engine.endpoint
        (home / "password").write_text(endpoint.password)
        (home / "password").chmod(0o600)
        settings = {
            "data_dir": str(home / "data"),
            "store_uri": endpoint.uri,
            "store_user": endpoint.user,
            "store_database": endpoint.database,
            "store_password": f"file:{home / 'password'}",
        }
        (home / "data").mkdir(exist_ok=True)
        (home / "cmdb.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
        self.process = Running(home, "serve", "--port", "0")
        self.address = self.process.address()

    def push(self, *items: dict[str, Any]) -> int:
        """Push items; the sequence after them."""
        body = b"\n".join(json.dumps(item).encode() for item in items)
        status, answer = post(f"{self.address}/api/v1/ingest/native", body, "application/x-ndjson")

        assert status == 200, answer
        return int(json.loads(answer)["sequence"])

    def fallen(self, key: str) -> tuple[int, set[str]]:
        """What fails with a CI, and as of which sequence."""
        body = json.dumps({"query": QUESTION, "variables": {"key": key}}).encode()
        _, answer = post(f"{self.address}/graphql", body, "application/json")
        told = json.loads(answer)

        assert "errors" not in told, told
        return told["data"]["impact"]["sequence"], {node["ci"]["name"] for node in told["data"]["impact"]["nodes"]}


@pytest.fixture
def servers(store: BoltStore, embedded_engine: EmbeddedEngine, tmp_path: Path) -> Iterator[list[Server]]:
    made: list[Server] = []
    try:
        for name in ("one", "two"):
            made.append(Server(tmp_path / name, embedded_engine))
        yield made
    finally:
        for server in made:
            if server.process.process.poll() is None:
                server.process.interrupt()


def service(name: str, *needs: str) -> dict[str, Any]:
    """A service that needs others."""
    links = [{"type": "DEPENDS_ON", "entity": {"type": "Service", "id": {"name": other}}} for other in needs]
    return {"type": "Service", "id": {"name": name}, "relationships": links}


def test_what_is_written_through_one_is_known_to_the_other(
    servers: list[Server], embedded_engine: EmbeddedEngine
) -> None:
    one, two = servers
    sequence = one.push(service("dns"), service("shop", "dns"))
    seen = two.fallen("dns")
    for number in range(5):
        writer, reader = servers[number % 2], servers[1 - number % 2]
        sequence = writer.push(service(f"shop-{number}", "dns"))
        seen = reader.fallen("dns")

        assert seen[0] == sequence
        assert seen == writer.fallen("dns")
    names = {"dns", "shop", *(f"shop-{number}" for number in range(5))}
    two.process.interrupt()
    again = Server(two.home, embedded_engine)
    one.push(service("late", "dns"))
    after = again.fallen("dns")
    again.process.interrupt()

    assert seen[1] == names
    assert after[1] == names | {"late"}
    assert (two.home / "data" / SNAPSHOT).exists()
    assert not any("was read from the store" in line for line in again.process.lines)
