"""The doors for pushes: bodies in, results out, jobs, and the quarantine."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cmdb.entrypoints import parameters
from cmdb.entrypoints.bodies import read_body, unpack
from cmdb.entrypoints.flood import Flood
from cmdb.entrypoints.jobs import Jobs
from cmdb.entrypoints.lanes import Lane
from cmdb.entrypoints.metrics import Metrics
from cmdb.entrypoints.payloads import ZLIB_TYPE
from cmdb.entrypoints.problems import Refusal
from cmdb.entrypoints.push import Push, Sender
from cmdb.entrypoints.results import Result
from cmdb.entrypoints.services import Services
from cmdb.entrypoints.spool import Job, Kept, Spool, new_job_id
from cmdb.errors import NotFound
from collectors.push.adapters import ADAPTERS, Adapter, Raw

JOBS = "/api/v1/ingest/jobs"
MAX_PAGE = 200
_SOURCE = re.compile(r"[a-z0-9][a-z0-9:._-]{0,63}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,252}")
_ID = re.compile(r"[0-9a-f]{1,64}")
T = TypeVar("T")


class IngestRoutes:
    """Routes under /api/v1/ingest and /api/v1/quarantine. They share one push, one spool and one lane of threads."""

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self.services, self.metrics = services, metrics
        self.push, self.spool = Push(services), Spool(services.spool, services.clock_ms)
        self.jobs = Jobs(self.push, self.spool, self._count)
        # The queue counts as full at 80 %.
        self.writes = Lane("push", 2, max(1, services.ingest_limits.waiting * 8 // 10))
        self.flood = Flood(services.ingest_limits.per_minute, services.clock_ms)
        self._busy, self._lock = set[str](), threading.Lock()
        self.jobs.wake()

    def close(self) -> None:
        """Let the running job end, and close the file of the others."""
        self.jobs.stop()
        self.spool.close()

    async def ingest(self, request: Request) -> Response:
        """POST /api/v1/ingest/{adapter}."""
        limits = self.services.ingest_limits
        sender = _sender(request)
        key, is_async = _key(request), parameters.prefers_async(request)
        media_type, encoding = parameters.media_type(request), request.headers.get("content-encoding", "")
        if media_type == ZLIB_TYPE:
            media_type, encoding = "application/json", "deflate"
        sent = await read_body(request, limits.compressed_bytes if encoding else limits.decompressed_bytes)

        def work() -> Response:
            body = unpack(sent, encoding, limits.decompressed_bytes, limits.ratio)
            if not key:
                return self._take(body, media_type, sender, is_async)
            with self._alone(key):
                return self._take_once(body, media_type, sender, is_async, key)

        return await self.writes.run(work)

    def _take_once(self, body: bytes, media_type: str, sender: Sender, is_async: bool, key: str) -> Response:
        """Take a body in, or give the answer that its key got before."""
        said = repr((media_type, sender.adapter.name, sender.source, sender.host, sender.dry_run)).encode()
        digest = hashlib.sha256(said + body).digest()
        kept = self.spool.kept(key)
        if kept is None:
            return self._take(body, media_type, sender, is_async, key, digest)
        if kept.digest != digest:
            text = "Idempotency-Key: this key came with another body or other parameters; use a new key."
            raise Refusal(422, "Key used before", text)
        return _answer(kept.status, kept.answer, kept.location)

    def _take(
        self, body: bytes, media_type: str, sender: Sender, is_async: bool, key: str = "", digest: bytes = b""
    ) -> Response:
        raws = self.push.split(body, media_type, sender)
        self.flood.admit(sender.source, len(raws))
        if is_async or len(raws) > self.services.ingest_limits.at_once:
            return self._take_on(raws, body, media_type, sender, key, digest)
        answer = self.push.take(raws, sender)
        self._count(sender.adapter.name, answer)
        out = orjson.dumps(answer)
        if key:
            self.spool.keep(key, Kept(digest, 200, "", out))
        return _answer(200, out)

    def _take_on(
        self, raws: list[Raw], body: bytes, media_type: str, sender: Sender, key: str, digest: bytes
    ) -> Response:
        limits, id_ = self.services.ingest_limits, new_job_id()
        now, name = self.services.clock_ms(), sender.adapter.name
        job = Job(
            id_,
            "waiting",
            name,
            sender.source,
            sender.actor,
            sender.host,
            sender.dry_run,
            media_type,
            now,
            0,
            len(raws),
        )
        out, location = orjson.dumps(_job(job, self.spool.is_durable)), f"{JOBS}/{id_}"
        kept = Kept(digest, 202, location, out) if key else None
        self.spool.add(job, body, limits.jobs, limits.jobs_bytes, key, kept)
        self.jobs.wake()
        return _answer(202, out, location)

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Two requests with one key at the same time: the second comes too early."""
        with self._lock:
            if key in self._busy:
                raise Refusal(
                    409, "Key in use", "Idempotency-Key: a request with this key is being answered right now."
                )
            self._busy.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(key)

    def _count(self, adapter: str, answer: Result) -> None:
        for status, number in answer["totals"].items():
            self.metrics.items.labels(adapter, status).inc(number)

    async def job(self, request: Request) -> Response:
        """GET /api/v1/ingest/jobs/{id}."""
        id_ = request.path_params["id"]

        def work() -> bytes:
            found = self.spool.job(id_)
            if found is None:
                raise Refusal(404, "Not found", "There is no such job; results are kept for 24 hours.")
            job, result = found
            shown = _job(job, self.spool.is_durable)
            return orjson.dumps(shown | ({"result": orjson.Fragment(result)} if result else {}))

        return Response(await self.writes.run(work), media_type="application/json")

    # ---- quarantine
    async def list(self, request: Request) -> Response:
        """GET /api/v1/quarantine."""
        first = parameters.number(request, "first", 50, MAX_PAGE)
        after = parameters.text(request, "after", _ID, "the id of an entry") or None

        def work() -> Response:
            entries, total = self.push.quarantine.page(first, after)
            more = entries[-1]["id"] if len(entries) == first else None
            return JSONResponse({"entries": entries, "total": total, "next": more})

        return await self.writes.run(work)

    async def show(self, request: Request) -> Response:
        """GET /api/v1/quarantine/{id}."""
        id_ = _entry_id(request)
        return await self.writes.run(lambda: JSONResponse(_found(lambda: self.push.quarantine.show(id_))))

    async def retry(self, request: Request) -> Response:
        """POST /api/v1/quarantine/{id}/retry."""
        id_ = _entry_id(request)
        return await self.writes.run(lambda: JSONResponse(_found(lambda: self.push.retry(id_, "push:retry"))))

    async def discard(self, request: Request) -> Response:
        """DELETE /api/v1/quarantine/{id}."""
        id_ = _entry_id(request)
        await self.writes.run(lambda: _found(lambda: self.push.quarantine.discard(id_)))
        return Response(status_code=204)


def _found(work: Callable[[], T]) -> T:
    try:
        return work()
    except NotFound as error:
        raise Refusal(404, "Not found", str(error)) from error


def _entry_id(request: Request) -> str:
    id_: str = request.path_params["id"]
    if not _ID.fullmatch(id_):
        raise Refusal(404, "Not found", "Nothing is in quarantine under this id.")
    return id_


def _sender(request: Request) -> Sender:
    adapter = ADAPTERS.get(request.path_params["adapter"])
    if adapter is None:
        raise Refusal(404, "Not found", f"There is no such adapter; adapters are {', '.join(sorted(ADAPTERS))}.")
    known = "up to 64 of a-z, 0-9, colon, dot, underscore and hyphen"
    source = parameters.text(request, "source", _SOURCE, known, adapter.name)
    check_source(adapter, source)
    host = parameters.text(request, "host", _HOST, "a host name or address")
    return Sender(adapter, source, f"push:{source}", host, parameters.flag(request, "dryRun"))


def check_source(adapter: Adapter, source: str) -> None:
    """Precedence goes by the source: what an adapter reads can't count as the word of another one."""
    if not adapter.is_open and source.partition(":")[0] != adapter.name:
        raise Refusal(400, "Bad source", f"source: {adapter.name}, or {adapter.name}:NAME.")


def _key(request: Request) -> str:
    """The idempotency key with who sent it, "" where there is none: keys of two senders are two keys."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        raise Refusal(400, "Bad key", "Idempotency-Key: 1 to 255 visible ASCII characters.")
    token = request.headers.get("authorization", "")
    return hashlib.sha256(f"{hashlib.sha256(token.encode()).hexdigest()} {key}".encode()).hexdigest()


def _answer(status: int, body: bytes, location: str = "") -> Response:
    headers = {"location": location, "preference-applied": "respond-async"} if location else {}
    return Response(body, status, headers, media_type="application/json")


def _job(job: Job, is_durable: bool) -> Result:
    out: Result = {
        "id": job.id,
        "state": job.state,
        "adapter": job.adapter,
        "source": job.source,
        "items": job.items,
        "received": job.received,
        "durable": is_durable,
    }
    if job.finished:
        out["finished"] = job.finished
    if job.detail:
        out["detail"] = job.detail
    return out
