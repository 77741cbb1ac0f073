"""Reading parameters and headers of requests."""

from __future__ import annotations

import re

from starlette.requests import Request

from cmdb.entrypoints.problems import Refusal


def media_type(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def flag(request: Request, name: str) -> bool:
    """A parameter that is true or false, false where it is not given."""
    value = request.query_params.get(name, "false").lower()
    if value not in ("true", "false"):
        raise Refusal(400, "Bad parameter", f"{name}: true or false, not {value[:40]!r}.")
    return value == "true"


def number(request: Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`."""
    value = request.query_params.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", value, re.ASCII) or not 1 <= int(value) <= most:
        raise Refusal(400, "Bad parameter", f"{name}: a whole number from 1 to {most}, not {value[:40]!r}.")
    return int(value)


def text(request: Request, name: str, pattern: re.Pattern[str], what: str, default: str = "") -> str:
    """A parameter that fits a pattern."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if not pattern.fullmatch(value):
        raise Refusal(400, f"Bad {name}", f"{name}: {what}.")
    return value


def prefers_async(request: Request) -> bool:
    """Whether the sender would rather not wait (RFC 7240)."""
    wishes = ",".join(request.headers.getlist("prefer")).split(",")
    return any(w.partition(";")[0].strip().lower() == "respond-async" for w in wishes)
