"""The HTTP interface: GraphQL, pushes, health, metrics."""

from __future__ import annotations

import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import orjson
import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from cmdb.entrypoints import parameters
from cmdb.entrypoints.bodies import read_body
from cmdb.entrypoints.doors import Doors
from cmdb.entrypoints.ingest_routes import IngestRoutes
from cmdb.entrypoints.lanes import Lane
from cmdb.entrypoints.metrics import Metrics
from cmdb.entrypoints.openapi import document
from cmdb.entrypoints.problems import Refusal, unavailable
from cmdb.entrypoints.services import Services
from cmdb.errors import CmdbError, Unreachable
from cmdb.store.protocol import Conflict
from cmdb_graphql.context import Estate
from cmdb_graphql.execute import Executor, Question
from cmdb_graphql.schema import sdl

log = structlog.get_logger(__name__)
RESPONSE_TYPE = "application/graphql-response+json"
_GRACE_S = 1.0  # a reading thread notices the deadline by itself; this is for one that is stuck in the store


class Api:
    """The routes of reading, health and metrics; those of pushes are beside it. All share what is behind them."""

    def __init__(self, services: Services) -> None:
        self.services, self.metrics = services, Metrics()
        s = services
        estate = Estate(s.store, s.model, s.topology, s.catch_up, s.hold, s.ingest, s.clock_ms, s.alarm_rules)
        self.executor = Executor(estate, services.limits)
        self.reads = Lane("read", services.readers, services.readers * 8)
        self.pushes = IngestRoutes(services, self.metrics)

    async def graphql(self, request: Request) -> Response:
        """POST /graphql."""
        if parameters.media_type(request) not in ("application/json", RESPONSE_TYPE):
            raise Refusal(415, "Unsupported media type", "Content-Type: send application/json.")
        body = await read_body(request, self.services.limits.body_bytes, "bodyBytes")
        question = _question(body)
        try:
            limit = self.services.limits.timeout_s + _GRACE_S
            answer = await self.reads.run(lambda: self._answer(question), limit)
        except TimeoutError:
            return _graphql_error(
                request, "TIMEOUT", f"the answer took longer than {self.services.limits.timeout_s:g} s"
            )
        return _graphql_response(request, answer)

    def _answer(self, question: Question) -> tuple[bytes, bool]:
        answer = self.executor.answer(question)
        codes = [e["extensions"]["code"] for e in answer.get("errors", ())]
        self.metrics.graphql(answer["extensions"]["cost"]["actual"], codes)
        return orjson.dumps(answer), not codes  # encoded here: a large answer would hold up the event loop

    async def schema(self, request: Request) -> Response:
        """GET /schema.graphql."""
        return PlainTextResponse(sdl())

    async def openapi(self, request: Request) -> Response:
        """GET /api/v1/openapi.json."""
        return JSONResponse(document())

    # ---- health
    async def livez(self, request: Request) -> Response:
        """GET /livez: the process answers."""
        return PlainTextResponse("ok\n")

    async def readyz(self, request: Request) -> Response:
        """GET /readyz: store, migrations, topology; with `?verbose` the reasons."""
        checks = await anyio.to_thread.run_sync(self._checks)
        ready = all(not reason for reason in checks.values())
        lines = [
            f"{'ok ' if not reason else 'not'} {name}{': ' + reason if reason else ''}"
            for name, reason in checks.items()
        ]
        text = "\n".join([*lines, ""]) if "verbose" in request.query_params else ""
        return PlainTextResponse(f"{text}{'ready' if ready else 'not ready'}\n", 200 if ready else 503)

    def _checks(self) -> dict[str, str]:
        checks = {"store": "", "migrations": "", "topology": ""}
        try:
            self.services.store.ping()
            head = self.services.store.head().sequence
        except CmdbError as error:
            return {"store": str(error), "migrations": "not known", "topology": "not known"}
        if not self.services.migrated():
            checks["migrations"] = "the store's schema is not current"
        if self.services.topology.sequence < head:
            self.services.catch_up()
        if (have := self.services.topology.sequence) < head:
            checks["topology"] = f"at sequence {have}, the ledger at {head}"
        return checks

    async def prometheus(self, request: Request) -> Response:
        """GET /metrics."""

        def work() -> tuple[bytes, str]:
            try:
                self.metrics.ledger.set(self.services.store.head().sequence)
                self.metrics.quarantine.set(self.services.store.quarantine_total())
                self.metrics.jobs.set(self.pushes.spool.waiting())
                self.metrics.up.set(1)
            except (CmdbError, Refusal):
                self.metrics.up.set(0)
            self.metrics.topology.set(self.services.topology.sequence)
            return self.metrics.text()

        text, media_type = await anyio.to_thread.run_sync(work)
        return Response(text, headers={"content-type": media_type})


def _question(body: bytes) -> Question:
    """The question in a body; raises Refusal 400 for anything that is not one."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "Not JSON", f"The body is not valid JSON: {error}") from None
    if not isinstance(given, dict):
        raise Refusal(400, "Not a request", 'Send one object: {"query": "…", "variables": {…}}. Batches are not taken.')
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Refusal(400, "Not a request", "query: the GraphQL document, as text.")
    if variables is not None and not isinstance(variables, dict):
        raise Refusal(400, "Not a request", "variables: an object.")
    if name is not None and not isinstance(name, str):
        raise Refusal(400, "Not a request", "operationName: text.")
    return Question(query, variables or {}, name)


def _graphql_response(request: Request, answer: tuple[bytes, bool]) -> Response:
    """The answer in the media type that is accepted; only the newer one uses the status (GraphQL over HTTP)."""
    body, good = answer
    if RESPONSE_TYPE in request.headers.get("accept", ""):
        return Response(body, 200 if good else 400, media_type=RESPONSE_TYPE)
    return Response(body, media_type="application/json")


def _graphql_error(request: Request, code: str, message: str) -> Response:
    answer = {"data": None, "errors": [{"message": message, "extensions": {"code": code}}]}
    return _graphql_response(request, (orjson.dumps(answer), False))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - registered for it
    return error.response()


async def _failed(request: Request, error: Exception) -> Response:
    """An expected error that reached the edge: the store is away, or another writer won."""
    if isinstance(error, Unreachable | Conflict):
        return unavailable(str(error)).response()
    return Refusal(400, "Refused", str(error)).response()


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    title = {404: "Not found", 405: "Method not allowed"}.get(error.status_code, "Refused")
    detail = f"{request.method} {request.url.path}: {title.lower()}."
    response = Refusal(error.status_code, title, detail).response()
    response.headers.update(error.headers or {})
    return response


async def _defect(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, trace="".join(traceback.format_exception(error)))
    body = {"title": "Server error", "status": 500, "detail": "The server made a mistake; its log has the details."}
    return JSONResponse(body, 500, media_type="application/problem+json")


def create_app(services: Services) -> FastAPI:
    """The application over these services."""
    api = Api(services)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        await anyio.to_thread.run_sync(api.pushes.close)

    app = FastAPI(title="cmdb", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    app.state.api = api
    routes: list[tuple[str, str, Callable[[Request], Awaitable[Any]]]] = [
        ("POST", "/graphql", api.graphql),
        ("GET", "/schema.graphql", api.schema),
        ("POST", "/api/v1/ingest/{adapter}", api.pushes.ingest),
        ("GET", "/api/v1/ingest/jobs/{id}", api.pushes.job),
        ("GET", "/api/v1/quarantine", api.pushes.list),
        ("GET", "/api/v1/quarantine/{id}", api.pushes.show),
        ("DELETE", "/api/v1/quarantine/{id}", api.pushes.discard),
        ("POST", "/api/v1/quarantine/{id}/retry", api.pushes.retry),
        ("GET", "/api/v1/openapi.json", api.openapi),
        ("GET", "/livez", api.livez),
        ("GET", "/readyz", api.readyz),
        ("GET", "/metrics", api.prometheus),
    ]
    for method, path, endpoint in routes:
        app.add_route(path, _measured(api.metrics, path, endpoint), methods=[method])
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(CmdbError, _failed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)
    app.add_middleware(Doors, hosts=services.hosts)
    return app


def _measured(
    metrics: Metrics, route: str, endpoint: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """Count and time a route, whatever comes of it."""

    async def run(request: Request) -> Response:
        started, status = time.perf_counter(), 500
        try:
            response = await endpoint(request)
            status = response.status_code
            return response
        except Refusal as refusal:
            status = refusal.status
            raise
        except CmdbError:
            status = 503
            raise
        finally:
            metrics.requests.labels(route, str(status)).inc()
            metrics.seconds.labels(route).observe(time.perf_counter() - started)

    return run
