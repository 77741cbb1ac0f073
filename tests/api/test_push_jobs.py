"""Large pushes become jobs; what was promised about them, and answers to keys, survive a restart."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from cmdb.entrypoints.jobs import Jobs
from cmdb.entrypoints.problems import Refusal
from cmdb.entrypoints.push import Push
from cmdb.entrypoints.rest import create_app
from cmdb.entrypoints.services import IngestLimits
from cmdb.entrypoints.spool import KEPT_MS, Job, Kept, Spool
from cmdb.errors import Invalid, Unreachable
from tests.api.estate import NOW, Counting, Estate

PATH = "/api/v1/ingest/native"
ASYNC = {"prefer": "respond-async, wait=10"}


def things(number: int, mark: str = "") -> list[dict[str, Any]]:
    return [{"type": "Service", "id": {"name": f"svc-{mark}{n}"}} for n in range(number)]


def served(estate: Estate, spool: Path | None = None, **limits: Any) -> TestClient:
    services = estate.services(spool=spool, ingest_limits=IngestLimits(**limits))
    return TestClient(create_app(services), base_url="http://localhost")


def finished(client: TestClient, location: str) -> dict[str, Any]:
    """The job once it has ended: its thread is waited for."""
    thread = client.app.state.api.pushes.jobs._thread  # type: ignore[attr-defined]
    if thread is not None:
        thread.join(60)
    found: dict[str, Any] = client.get(location).json()

    assert found["state"] in ("done", "failed"), found
    return found


def test_many_items_become_a_job(estate: Estate, tmp_path: Path) -> None:
    with served(estate, tmp_path / "p", at_once=5) as client:
        few, many = client.post(PATH, json=things(5)), client.post(PATH, json=things(6))
        job = finished(client, many.headers["location"])

        assert few.status_code == 200
        assert (many.status_code, many.json()["state"], many.json()["items"]) == (202, "waiting", 6)
        assert many.json()["durable"] is True
        assert job["state"] == "done"
        assert job["result"]["totals"] == {"created": 1, "unchanged": 5}
        assert len(job["result"]["items"]) == 6
        assert client.get("/api/v1/ingest/jobs/none").status_code == 404


def test_a_sender_may_prefer_not_to_wait(estate: Estate) -> None:
    with served(estate) as client:
        response = client.post(PATH, json=things(1), headers=ASYNC)
        job = finished(client, response.headers["location"])

        assert response.status_code == 202
        assert response.headers["preference-applied"] == "respond-async"
        assert response.json()["durable"] is False, "in memory only: says so"
        assert job["result"]["totals"] == {"created": 1}


def test_what_can_not_be_parsed_is_refused_at_once(estate: Estate) -> None:
    with served(estate) as client:
        assert client.post(PATH, content=b"{", headers={**ASYNC, "content-type": "application/json"}).status_code == 400


def test_a_job_survives_the_end_of_the_server(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Jobs, "wake", lambda self: None)  # the server dies before it starts the job
        with served(estate, tmp_path / "p") as client:
            response = client.post(PATH, json=things(3), headers={**ASYNC, "idempotency-key": "k"})

            assert client.get(response.headers["location"]).json()["state"] == "waiting"
            assert estate.store.resolve("svc-0") == []
    with served(estate, tmp_path / "p") as client:
        job = finished(client, response.headers["location"])
        again = client.post(PATH, json=things(3), headers={**ASYNC, "idempotency-key": "k"})

        assert job["result"]["totals"] == {"created": 3}
        assert (again.status_code, again.headers["location"]) == (202, response.headers["location"])
        assert client.post(PATH, json=things(4), headers={**ASYNC, "idempotency-key": "k"}).status_code == 422


def test_keys_survive_the_end_of_the_server(estate: Estate, tmp_path: Path) -> None:
    with served(estate, tmp_path / "p") as client:
        first = client.post(PATH, json=things(2), headers={"idempotency-key": "k"})
    with served(estate, tmp_path / "p") as client:
        again = client.post(PATH, json=things(2), headers={"idempotency-key": "k"})
        other = client.post(PATH, json=things(3), headers={"idempotency-key": "k"})
        token = client.post(PATH, json=things(3), headers={"idempotency-key": "k", "authorization": "Bearer x"})

        assert first.json()["totals"] == {"created": 2}
        assert again.content == first.content
        assert other.status_code == 422
        assert token.status_code == 200, "a key counts for its sender alone"


def test_a_full_line_of_jobs_is_503(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jobs, "wake", lambda self: None)
    with served(estate, jobs=5) as client:
        statuses = [client.post(PATH, json=things(1, str(n)), headers=ASYNC) for n in range(5)]

        assert [r.status_code for r in statuses] == [202] * 4 + [503], "80 % of 5"
        assert statuses[-1].headers["retry-after"] == "5"


def test_a_store_that_is_away_holds_a_job_up(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.entrypoints.jobs.RETRY_S", 0.0)
    failures = iter([True, True, False])
    real = Push.take

    def take(self: Push, *arguments: Any) -> Any:
        if next(failures, False):
            raise Unreachable("the store is away")
        return real(self, *arguments)

    monkeypatch.setattr(Push, "take", take)
    with served(estate) as client:
        response = client.post(PATH, json=things(1), headers=ASYNC)

        assert finished(client, response.headers["location"])["result"]["totals"] == {"created": 1}


@pytest.mark.parametrize(("error", "detail"), [(Invalid("no good"), "no good"), (RuntimeError("secret"), "mistake")])
def test_a_job_that_fails_does_not_hold_up_the_next(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, error: Exception, detail: str
) -> None:
    real = Push.take

    def take(self: Push, raws: Any, *arguments: Any) -> Any:
        if "bad" in json.dumps(raws):
            raise error
        return real(self, raws, *arguments)

    monkeypatch.setattr(Push, "take", take)
    with served(estate) as client:
        bad = client.post(PATH, json=things(1, "bad"), headers=ASYNC)
        good = client.post(PATH, json=things(1, "good"), headers=ASYNC)
        ended = finished(client, good.headers["location"])
        failed = client.get(bad.headers["location"]).json()

        assert ended["state"] == "done"
        assert failed["state"] == "failed"
        assert detail in failed["detail"]
        assert "secret" not in failed["detail"]


def test_a_failed_commit_is_503_and_leaves_no_key(estate: Estate) -> None:
    def fail(name: str) -> None:
        if name == "commit" and failing:
            raise Unreachable("the disk of the store is full")

    failing = True
    estate.ingest.store = Counting(estate.store, fail)  # type: ignore[assignment]
    with served(estate) as client:
        first = client.post(PATH, json=things(1), headers={"idempotency-key": "k"})
        failing = False
        again = client.post(PATH, json=things(1), headers={"idempotency-key": "k"})

        assert (first.status_code, first.headers["retry-after"]) == (503, "5")
        assert again.json()["totals"] == {"created": 1}


def test_a_full_disk_promises_nothing(estate: Estate, tmp_path: Path) -> None:
    with served(estate, tmp_path / "p") as client:
        spool: Spool = client.app.state.api.pushes.spool  # type: ignore[attr-defined]
        pages = spool.db.execute("PRAGMA page_count").fetchone()[0]
        spool.db.execute(f"PRAGMA max_page_count = {pages}")
        incompressible = [{"type": "Service", "id": {"name": f"s{n * 7919 % 10007}"}} for n in range(2_000)]
        response = client.post(PATH, json=incompressible, headers=ASYNC)
        spool.db.execute("PRAGMA max_page_count = 100000")
        later = client.post(PATH, json=things(1), headers=ASYNC)

        assert response.status_code == 503
        assert "full" in response.json()["detail"]
        assert later.status_code == 202
        assert finished(client, later.headers["location"])["state"] == "done"


def test_one_key_is_answered_once_at_a_time(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go, real = threading.Event(), threading.Event(), Push.take

    def take(self: Push, *arguments: Any) -> Any:
        entered.set()
        go.wait(60)
        return real(self, *arguments)

    monkeypatch.setattr(Push, "take", take)
    with served(estate) as client:
        headers, answers = {"idempotency-key": "k"}, list[Any]()
        first = threading.Thread(target=lambda: answers.append(client.post(PATH, json=things(1), headers=headers)))
        first.start()
        entered.wait(60)
        second = client.post(PATH, json=things(1), headers=headers)
        go.set()
        first.join(60)

        assert second.status_code == 409
        assert answers[0].json()["totals"] == {"created": 1}


# ---- the file
class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def job(number: int) -> Job:
    return Job(f"{number:024x}", "waiting", "native", "native", "push:native", "", False, "application/json", NOW, 0, 1)


def test_keys_are_forgotten_after_a_day_and_beyond_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.entrypoints.spool.MAX_KEYS", 2)
    clock = Clock()
    spool = Spool(None, clock)
    for name in "abc":
        clock.now += 1
        spool.keep(name, Kept(b"d", 200, "", b"{}"))

    assert [spool.kept(n) is not None for n in "abc"] == [False, True, True]
    clock.now += KEPT_MS
    assert spool.kept("c") is None
    spool.keep("d", Kept(b"d", 200, "", b"{}"))
    assert spool.db.execute("SELECT count(*) FROM keys").fetchone() == (1,)
    spool.close()


def test_results_are_bounded_and_waiting_jobs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmdb.entrypoints.spool.MAX_DONE", 2)
    clock = Clock()
    spool = Spool(None, clock)
    for n in range(5):
        spool.add(job(n), b"[]", 100, 10**6)
    for n in range(4):
        spool.finish(job(n).id, "done", b"{}")

    assert [spool.job(job(n).id) is not None for n in range(5)] == [False, False, True, True, True]
    clock.now += KEPT_MS + 1
    found = spool.next()
    assert found is not None
    assert found[0] == job(4)
    spool.finish(job(4).id, "done", b"{}")
    assert spool.job(job(2).id) is None
    spool.close()


def test_bodies_that_wait_are_bounded() -> None:
    spool = Spool(None, lambda: NOW)
    spool.add(job(1), bytes(range(256)) * 4, 100, 100)

    with pytest.raises(Refusal) as caught:
        spool.add(job(2), b"[]", 100, 100)
    assert caught.value.status == 503
    spool.close()


@pytest.mark.parametrize("spoil", [lambda f: f.write_bytes(b"x" * 5_000), lambda f: f.mkdir()])
def test_a_file_that_is_none_is_told(tmp_path: Path, spoil: Callable[[Path], Any]) -> None:
    spoil(tmp_path / "p")

    with pytest.raises(Invalid, match="can't be used for pushes"):
        Spool(tmp_path / "p", lambda: NOW)


def test_the_file_is_for_us_alone_and_not_older_than_the_program(tmp_path: Path) -> None:
    Spool(tmp_path / "p", lambda: NOW).close()
    with sqlite3.connect(tmp_path / "p") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    assert (tmp_path / "p").stat().st_mode & 0o077 == 0
    with pytest.raises(Invalid, match="newer version"):
        Spool(tmp_path / "p", lambda: NOW)
