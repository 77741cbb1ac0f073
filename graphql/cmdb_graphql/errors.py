"""Errors of reads, each with the code that clients see."""

from __future__ import annotations

import secrets
import traceback
from typing import Any

import structlog
from graphql import GraphQLError

from cmdb.errors import AmbiguousKey, CmdbError, Denied, Invalid, LimitExceeded, NotFound, Unreachable, UsageError
from cmdb.store.protocol import Conflict

log = structlog.get_logger(__name__)


class BadInput(Invalid):
    """An argument of a read makes no sense; `argument` names it."""

    def __init__(self, argument: str, message: str) -> None:
        self.argument = argument
        super().__init__(message)


class Refused(LimitExceeded):
    """A limit of the document was hit; `extensions` says which, how much was asked and what would fit."""

    def __init__(self, message: str, **extensions: Any) -> None:
        self.extensions = extensions
        super().__init__(message)


class TimedOut(LimitExceeded):
    """The time limit of a request was hit."""


class Moved(CmdbError):
    """A commit came in between: what was read so far belongs to two sequences. Read again."""


def described(error: GraphQLError) -> dict[str, Any]:
    """The error as it is answered: message, place and `extensions.code`; never a stack trace."""
    cause = error.original_error
    code, extensions = _code(error, cause)
    out: dict[str, Any] = {"message": str(cause) if isinstance(cause, CmdbError) else error.message}
    if code == "INTERNAL":
        incident = secrets.token_hex(6)
        # As text: a pretty-printed trace shows local variables, and with them values that are not for the log.
        trace = "".join(traceback.format_exception(cause)) if cause else error.message
        log.error("graphql read failed", incident=incident, trace=trace)
        out["message"] = "The server made a mistake; its log has the details under this incident."
        extensions = {"incident": incident}
    if error.locations:
        out["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        out["path"] = list(error.path)
    out["extensions"] = {"code": code, **extensions}
    return out


def _code(error: GraphQLError, cause: BaseException | None) -> tuple[str, dict[str, Any]]:
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return "BAD_INPUT", {}  # syntax, validation or coercion
    if isinstance(cause, AmbiguousKey):
        listed = [{"id": i, "class": c, "name": n} for i, c, n in cause.candidates]
        return "AMBIGUOUS_KEY", {"candidates": listed}
    if isinstance(cause, BadInput):
        return "BAD_INPUT", {"argument": cause.argument}
    if isinstance(cause, Refused):
        return "QUERY_TOO_COMPLEX", cause.extensions
    if isinstance(cause, TimedOut):
        return "TIMEOUT", {}
    if isinstance(cause, Unreachable | Moved | Conflict):
        return "UNAVAILABLE", {}
    if isinstance(cause, Denied):
        return "FORBIDDEN", {}
    if isinstance(cause, Invalid | UsageError | NotFound | LimitExceeded):
        return "BAD_INPUT", {}
    return "INTERNAL", {}
