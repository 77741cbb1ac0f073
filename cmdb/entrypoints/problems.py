"""Errors of REST as documents (RFC 9457), never a stack trace."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

RETRY_AFTER_S = "5"


class Refusal(Exception):
    """A request that is answered with a status other than 2xx."""

    def __init__(self, status: int, title: str, detail: str, **members: Any) -> None:
        self.status, self.title, self.detail, self.members = status, title, detail, members
        super().__init__(detail)

    def response(self) -> JSONResponse:
        """The refusal as it goes out; one that may pass by itself says when to come back."""
        body = {"title": self.title, "status": self.status, "detail": self.detail, **self.members}
        headers = {"retry-after": RETRY_AFTER_S} if self.status in (429, 503) else {}
        return JSONResponse(body, self.status, headers, media_type="application/problem+json")


def unavailable(detail: str) -> Refusal:
    """Something behind the server does not answer, or too many stand in line."""
    return Refusal(503, "Unavailable", detail)
