"""The server as a process: it answers, stays responsive, and ends when told to."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
from httpx2 import Client

from cmdb.entrypoints.server import listen, serve
from cmdb.observation import Identifier, Observation, Report
from tests.api.estate import NOW, Estate


@pytest.fixture
def address(estate: Estate) -> Iterator[str]:
    listening, told = listen("127.0.0.1", 0), Queue[Any]()
    thread = threading.Thread(target=serve, args=(estate.services(), listening, lambda *start: told.put(start)))
    thread.start()
    where, stop = told.get(timeout=20)
    yield where
    stop()
    thread.join(20)

    assert not thread.is_alive()


def test_health_answers_beside_large_answers(address: str, estate: Estate) -> None:
    known = {"vendor": "apc", "model": "AP8853", "os_name": "aos", "os_version": "6.9", "sys_location": "row 3"}
    reports = []
    for n in range(200):
        key = f"serial:apc:AS{n:05d}"
        device = Observation("PowerDevice", key, {"name": key, **known}, (Identifier(key),))
        reports.append(Report("snmp", key, NOW, (device,)))
    estate.ingest.run(reports, "tests", "many")
    query = """{cis(filter: {class: [PowerDevice]}, first: 150) {nodes {
      id name identifiers {key} origins {source target}
      attributes {name value claims {source target value observedAt precedence verdict}}}}}"""
    answers = Queue[Any]()

    def read() -> None:
        with Client(base_url=address, timeout=60) as client:
            for _ in range(4):
                answers.put(client.post("/graphql", json={"query": query}).json())

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    spent = []
    with Client(base_url=address) as client:
        while any(r.is_alive() for r in readers):
            started = time.perf_counter()
            response = client.get("/livez")
            spent.append(time.perf_counter() - started)

            assert response.status_code == 200
    for reader in readers:
        reader.join()
    answer = answers.get()

    assert "errors" not in answer, answer["errors"]
    assert len(answer["data"]["cis"]["nodes"]) == 150
    assert len(spent) > 10
    assert len(spent) > 2 * len(readers), "a health check waited for a large answer to end"


def test_garbage_on_the_socket_does_no_harm(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    for garbage in (
        b"\x00\x01\x02",
        b"GET / HTTP/9\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            raw.recv(1000)
    with Client(base_url=address) as client:
        assert client.get("/livez").status_code == 200


def test_a_signal_ends_it_and_leaves_the_clean_up_to_the_caller(estate: Estate) -> None:
    listening = listen("127.0.0.1", 0)
    before = signal.getsignal(signal.SIGTERM)

    serve(estate.services(), listening, lambda address, stop: signal.raise_signal(signal.SIGTERM))

    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(OSError, match="Bad file descriptor"):
        listening.getsockname()
