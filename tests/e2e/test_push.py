"""The quarantine on the command line, and jobs that outlive a killed server."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.program import TIMEOUT_S, Running, cmdb, post
from tests.unit.push_payloads import alert, notification

pytestmark = pytest.mark.e2e
MANY = 2_000


def test_a_person_works_through_the_quarantine(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (tmp_path / "alerts.json").write_text(json.dumps(notification(alert("core-1"), alert("who-1"))))
    (tmp_path / "device.json").write_text(
        '{"type": "NetworkDevice", "id": {"sysname": "core-1", "serial": "FOC1234X0AB", "vendor": "cisco"}}'
    )

    def run(*arguments: str) -> Any:
        return cmdb(tmp_path, *arguments, "--data-dir", store)

    pushed = run("ingest", "push", "alerts.json", "--adapter", "alertmanager", "--source", "alertmanager:prod")
    wrong = run("ingest", "push", "alerts.json", "--adapter", "alertmanager", "--source", "manual")
    listed = [json.loads(x) for x in run("quarantine", "list", "-o", "ndjson").stdout.splitlines()]
    ids = {e["message"].split(":")[0]: e["id"] for e in listed}
    shown = json.loads(run("quarantine", "show", ids["core-1"]).stdout)
    device = run("ingest", "push", "device.json", "--adapter", "native")
    retried = run("quarantine", "retry", ids["core-1"], ids["who-1"], "-o", "ndjson")
    discarded = run("quarantine", "discard", ids["who-1"])
    missing = run("quarantine", "show", ids["who-1"])
    left = run("quarantine", "list")

    assert pushed.returncode == 6, pushed.stderr
    assert wrong.returncode == 5, wrong.stderr
    assert set(ids) == {"core-1", "who-1"}
    assert shown["item"]["labels"]["instance"] == "core-1"
    assert device.returncode == 0, device.stderr
    assert retried.returncode == 6, "one stays"
    assert [json.loads(x)["released"] for x in retried.stdout.splitlines()] == [True, False]
    assert discarded.returncode == 0
    assert missing.returncode == 3
    assert "0 of 0" in left.stderr


def test_a_job_that_was_taken_on_is_done_after_a_kill(tmp_path: Path) -> None:
    items = b"\n".join(json.dumps({"type": "Service", "id": {"name": f"svc-{n}"}}).encode() for n in range(MANY))
    first = Running(tmp_path, "serve", "--data-dir", tmp_path / "store", "--port", "0")
    status, answer = post(f"{first.address()}/api/v1/ingest/native", items, "application/x-ndjson")
    first.kill()
    second = Running(tmp_path, "serve", "--data-dir", tmp_path / "store", "--port", "0")
    address, until = second.address(), time.monotonic() + TIMEOUT_S
    job: dict[str, Any] = {"state": "waiting"}
    while job["state"] == "waiting" and time.monotonic() < until:
        with urllib.request.urlopen(f"{address}/api/v1/ingest/jobs/{json.loads(answer)['id']}") as response:  # noqa: S310 - our own server
            job = json.load(response)
    second.interrupt()

    assert status == 202
    assert job["state"] == "done", job
    assert sum(job["result"]["totals"].get(s, 0) for s in ("created", "unchanged")) == MANY
