"""The description of all HTTP routes for machines (OpenAPI 3.1)."""

from __future__ import annotations

from typing import Any

from cmdb import __version__
from cmdb.entrypoints.payloads import media_types
from collectors.push.adapters import ADAPTERS

Json = dict[str, Any]
STATUSES = ["created", "updated", "unchanged", "ignored", "quarantined", "rejected", "conflict"]
_PROBLEMS = {
    400: "Nothing could be parsed, or a parameter makes no sense",
    404: "There is no such thing",
    409: "A request with this idempotency key is being answered right now",
    413: "A limit of size or number was hit",
    415: "Unknown Content-Type or Content-Encoding",
    422: "The idempotency key came with another body before",
    503: "The store does not answer, or too many stand in line",
}


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cmdb",
            "version": __version__,
            "description": "Reading is GraphQL; writing in bulk is here.",
        },
        "paths": {**_reading(), **_ingest(), **_quarantine(), **_health()},
        "components": {"schemas": _schemas(), "responses": {f"Problem{s}": _problem(s) for s in _PROBLEMS}},
    }


def _reading() -> Json:
    answer = {"type": "object", "properties": {"data": {"type": ["object", "null"]}, "errors": {"type": "array"}}}
    question = {
        "type": "object",
        "required": ["query"],
        "properties": {
            "query": {"type": "string", "minLength": 1},
            "variables": {"type": ["object", "null"]},
            "operationName": {"type": ["string", "null"]},
        },
    }
    kinds = ("application/json", "application/graphql-response+json")
    body = {"required": True, "content": {kind: {"schema": question} for kind in kinds}}
    given = {kind: {"schema": answer} for kind in kinds}
    bad = {
        "description": "Not a request, or a GraphQL error for those that accept the newer media type",
        "content": {**_as_problem(), kinds[1]: {"schema": answer}},
    }
    answers = {"200": {"description": "The answer", "content": given}, "400": bad, **_refusals(413, 415, 503)}
    asked = {"operationId": "graphql", "summary": "Ask with GraphQL", "requestBody": body, "responses": answers}
    return {
        "/graphql": {"post": asked},
        "/schema.graphql": {"get": _text("schema", "The GraphQL schema")},
        "/api/v1/openapi.json": {"get": _get("openapi", "This document", {"type": "object"})},
    }


def _ingest() -> Json:
    kinds = sorted(frozenset().union(*(media_types(a) for a in ADAPTERS.values())))
    body = {"required": True, "content": {kind: {"schema": _payload(kind)} for kind in kinds}}
    parameters = [
        {"name": "adapter", "in": "path", "required": True, "schema": {"type": "string", "enum": sorted(ADAPTERS)}},
        _query("source", {"type": "string", "pattern": "^[a-z0-9][a-z0-9:._-]{0,63}$"}),
        _query("host", {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$"}),
        _query("dryRun", {"type": "boolean"}),
        _header("Idempotency-Key", {"type": "string", "pattern": "^[!-~]{1,255}$"}),
        _header("Prefer", {"type": "string"}),
        _header("Content-Encoding", {"type": "string", "enum": ["gzip", "deflate", "zstd"]}),
    ]
    taken = {"description": "A job was made of it", "headers": {"Location": {"schema": {"type": "string"}}}}
    answers = {
        "200": {"description": "What became of each item", "content": _as_json("Answer")},
        "202": {**taken, "content": _as_json("Job")},
        **_refusals(400, 404, 409, 413, 415, 422, 503),
    }
    pushed = {"operationId": "ingest", "summary": "Push items", "parameters": parameters, "requestBody": body}
    job = _get("job", "A push that was taken on", {"$ref": "#/components/schemas/Job"}, 404, 503)
    job["parameters"] = [_id()]
    return {
        "/api/v1/ingest/{adapter}": {"post": {**pushed, "responses": answers}},
        "/api/v1/ingest/jobs/{id}": {"get": job},
    }


def _payload(kind: str) -> Json:
    return {"type": ["object", "array"]} if kind == "application/json" else {"type": "string"}


def _quarantine() -> Json:
    page = _get("quarantine", "Items that nobody could place", {"$ref": "#/components/schemas/Page"}, 400, 503)
    first = {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    page["parameters"] = [_query("first", first), _query("after", {"type": "string", "pattern": "^[0-9a-f]{1,64}$"})]
    show = _get("quarantined", "One of them", {"$ref": "#/components/schemas/Entry"}, 404, 503)
    retried = {"200": {"description": "What became of it", "content": _as_json("Result")}, **_refusals(404, 503)}
    gone = {"204": {"description": "It is gone"}, **_refusals(404, 503)}
    discard = {"operationId": "discard", "summary": "Throw it away", "parameters": [_id()], "responses": gone}
    retry = {"operationId": "retry", "summary": "Push it again", "parameters": [_id()], "responses": retried}
    return {
        "/api/v1/quarantine": {"get": page},
        "/api/v1/quarantine/{id}": {"get": {**show, "parameters": [_id()]}, "delete": discard},
        "/api/v1/quarantine/{id}/retry": {"post": retry},
    }


def _health() -> Json:
    ready = _text("readyz", "Whether it can answer: store, migrations, topology")
    ready["parameters"] = [_query("verbose", {"type": "string"})]
    ready["responses"]["503"] = {"description": "Not yet", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {
        "/livez": {"get": _text("livez", "Whether the process answers")},
        "/readyz": {"get": ready},
        "/metrics": {"get": _text("metrics", "Counters for Prometheus")},
    }


def _schemas() -> Json:
    text, count, moment = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "integer"}
    note: Json = {"type": "object", "required": ["code", "message", "path"]}
    note["properties"] = {"code": text, "message": text, "path": text}
    result = {
        "type": "object",
        "required": ["index", "sourceRef", "status"],
        "properties": {
            "index": count,
            "sourceRef": {"type": ["string", "null"]},
            "status": {"enum": STATUSES},
            "ciId": text,
            "reason": note,
            "warnings": {"type": "array", "items": note},
            "matchedBy": text,
            "changes": count,
            "quarantineId": text,
            "released": {"type": "boolean"},
        },
    }
    answer = {
        "type": "object",
        "required": ["items", "totals", "sequence", "committed"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}},
            "totals": {"type": "object", "additionalProperties": count},
            "sequence": count,
            "committed": {"type": "boolean"},
            "dryRun": {"type": "boolean"},
            "changes": {"type": "array", "items": {"type": "object"}},
        },
    }
    job = {
        "type": "object",
        "required": ["id", "state", "adapter", "source", "items", "received", "durable"],
        "properties": {
            "id": text,
            "state": {"enum": ["waiting", "done", "failed"]},
            "adapter": text,
            "source": text,
            "items": count,
            "received": moment,
            "finished": moment,
            "durable": {"type": "boolean", "description": "Whether it survives the end of the server."},
            "detail": text,
            "result": {"$ref": "#/components/schemas/Answer"},
        },
    }
    told = {"id": text, "adapter": text, "source": text, "sourceRef": text, "reason": note, "times": count}
    entry: Json = {"type": "object", "required": [*told, "first", "last"]}
    entry["properties"] = {**told, "first": moment, "last": moment, "item": {}}
    page: Json = {"type": "object", "required": ["entries", "total", "next"]}
    page["properties"] = {
        "entries": {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}},
        "total": count,
        "next": {"type": ["string", "null"]},
    }
    problem: Json = {"type": "object", "required": ["title", "status", "detail"]}
    problem["properties"] = {"title": text, "status": count, "detail": text, "limit": text, "maximum": count}
    return {"Result": result, "Answer": answer, "Job": job, "Entry": entry, "Page": page, "Problem": problem}


def _refusals(*statuses: int) -> Json:
    return {str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in statuses}


def _problem(status: int) -> Json:
    return {"description": _PROBLEMS[status], "content": _as_problem()}


def _as_problem() -> Json:
    return {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _as_json(schema: str) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _get(name: str, summary: str, schema: Json, *refusals: int) -> Json:
    answer = {"description": summary, "content": {"application/json": {"schema": schema}}}
    return {"operationId": name, "summary": summary, "responses": {"200": answer, **_refusals(*refusals)}}


def _text(name: str, summary: str) -> Json:
    answer = {"description": summary, "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"operationId": name, "summary": summary, "responses": {"200": answer}}


def _id() -> Json:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{1,64}$"}}


def _query(name: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "schema": schema}


def _header(name: str, schema: Json) -> Json:
    return {"name": name, "in": "header", "schema": schema}
