"""What a session needs from a protocol version: send a request, and be told what came back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from collectors.transport.answers import Oid, Varbind


@dataclass(frozen=True, slots=True)
class Request:
    """A GET of `oids`, or, where `next` is set, GETBULK (GETNEXT where `repetitions` is 0) of the one OID."""

    oids: tuple[Oid, ...]
    next: bool = False
    repetitions: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A response PDU. `status` is 0, or an error of RFC 3416 that concerns varbind `index` (from 1)."""

    request: Request
    status: int
    index: int
    varbinds: list[Varbind]
    round_trip_s: float | None = None


class Fault(StrEnum):
    """Why an attempt brought no response."""

    SILENCE = "TIMEOUT"
    REFUSED = "REFUSED"
    GARBAGE = "UNDECODABLE"
    WRONG_CREDENTIAL = "WRONG_CREDENTIAL"
    DENIED = "DENIED"


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed, and what is known about it."""

    fault: Fault
    detail: str = ""


@dataclass(slots=True)
class Step:
    """One question, however often it is repeated: an answer to any of its attempts counts."""

    future: asyncio.Future[Reply | Failure]
    sent: dict[int, tuple[Request, float]] = field(default_factory=dict)  # by request id, with the loop's time
    strays: int = 0  # responses that came meanwhile and answer another question

    def settle(self, result: Reply | Failure) -> None:
        """End the wait of the current attempt, if it still waits."""
        if not self.future.done():
            self.future.set_result(result)


class Link(Protocol):
    """The way to one agent with one credential in one context."""

    def send(self, step: Step, request: Request) -> None:
        """Send once more for `step`; whatever comes back settles it."""

    def finish(self, step: Step) -> None:
        """Forget `step`: late answers no longer count."""

    def context(self, name: str) -> Link:
        """The same way into another context."""

    def fallback(self) -> Link | None:
        """The same way in an older version of the protocol, if there is one."""
