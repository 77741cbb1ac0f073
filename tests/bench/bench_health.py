"""How long a health check takes beside large answers, and alone in the same run.

    python tests/bench/bench_health.py

The API's design wants an answer within 50 ms while 20,000-object answers are built.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from statistics import quantiles

from tests.program import Running, post

DEVICES, READERS, ANSWERS, LIMIT_MS = 200, 3, 12, 50
QUERY = """{cis(filter: {class: [PowerDevice]}, first: 150) {nodes {id name identifiers {key} origins {source target}
  attributes {name value claims {source target value observedAt precedence verdict}}}}}"""


def items() -> bytes:
    """Devices with some attributes, as pushed items."""
    known = {"vendor": "apc", "model": "AP8853", "os_name": "aos", "os_version": "6.9"}
    lines = (
        {"type": "PowerDevice", "id": {"serial": f"apc:AS{n:05d}"}, "description": {"name": f"pdu-{n}", **known}}
        for n in range(DEVICES)
    )
    return b"\n".join(json.dumps(line).encode() for line in lines)


def check(address: str) -> float:
    """Milliseconds that a health check takes."""
    started = time.perf_counter()
    with urllib.request.urlopen(f"{address}/livez") as answer:  # noqa: S310 - our own server
        answer.read()
    return (time.perf_counter() - started) * 1e3


def read(address: str) -> None:
    """Ask for large answers, one after the other."""
    for _ in range(ANSWERS):
        status, body = post(f"{address}/graphql", json.dumps({"query": QUERY}).encode(), "application/json")
        answer = json.loads(body)
        assert status == 200, body[:500]
        assert len(answer["data"]["cis"]["nodes"]) == 150, body[:500]


def shown(title: str, spent: list[float]) -> float:
    """Print the percentiles and return the 99th."""
    cuts = quantiles(spent, n=100)
    print(f"  {title:<22} {len(spent):5} checks   p50 {cuts[49]:7.1f}   p99 {cuts[98]:7.1f}   max {max(spent):7.1f} ms")
    return cuts[98]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Path(folder), "serve", "--port", "0", "--data-dir", Path(folder) / "data")
        try:
            address = running.address()
            status, body = post(f"{address}/api/v1/ingest/native?source=bench", items(), "application/x-ndjson")
            assert status == 200, body[:500]
            read(address)
            alone = [check(address) for _ in range(300)]
            readers = [threading.Thread(target=read, args=(address,)) for _ in range(READERS)]
            for reader in readers:
                reader.start()
            beside = []
            while any(reader.is_alive() for reader in readers):
                beside.append(check(address))
        finally:
            running.interrupt()
    shown("alone", alone)
    worst = shown(f"beside {READERS} readers", beside)
    print(f"  p99 beside them is {worst / LIMIT_MS:.2f} of the {LIMIT_MS} ms that the design allows")


if __name__ == "__main__":
    main()
