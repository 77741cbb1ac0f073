"""A live session with one agent: GETs and walks that adapt to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from collectors.transport.answers import Oid, Outcome, Varbind, Walk, dotted
from collectors.transport.ber import END_OF_MIB_VIEW, NO_SUCH_INSTANCE, NO_SUCH_OBJECT
from collectors.transport.dialogue import ask
from collectors.transport.link import Failure, Fault, Link, Reply, Request
from collectors.transport.pace import Pace, Timing
from collectors.transport.session import TransportFailure
from collectors.transport.subtree import AUTHORIZATION_ERROR, NO_ACCESS, NO_SUCH_NAME, STATUS, Bounds, read_subtree

SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
TOO_BIG, GEN_ERR = 1, 5
_EXCEPTIONS = frozenset((NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))

log = structlog.get_logger()


@dataclass(frozen=True)
class Limits:
    """What one agent may cost: rows of a walk and of all walks, seconds of a walk, repetitions of a GETBULK."""

    max_rows: int = 500_000
    max_rows_in_all: int = 2_000_000  # some 600 MB; an agent whose tables never end would take far more
    walk_s: float = 120.0
    repetitions: int = 25
    timing: Timing = field(default_factory=Timing)


class Agent:
    """What is known about one agent, whatever the context it is asked in."""

    def __init__(self, target: str, address: str, link: Link, limits: Limits, deadline: float) -> None:
        self.target, self.address, self.link, self.limits = target, address, link, limits
        self.deadline = deadline  # by the loop's clock, in seconds
        self.pace = Pace(limits.timing, limits.repetitions)
        self.dead = False
        self.walked = False  # a GETNEXT or GETBULK was answered
        self.rows: dict[Oid, int] = {}  # rows of the last column of a table, by its entry
        self.read = 0  # rows of all walks

    async def answers(self) -> bool:
        """Ask for sysUpTime; an agent that does not even answer this is given up."""
        result = await ask(self.link, lambda _: Request((SYS_UP_TIME,)), self.pace.waits())
        self.dead = isinstance(result, Failure)
        return not self.dead


class LiveSession:
    """One agent in one context."""

    def __init__(self, agent: Agent, link: Link | None = None) -> None:
        self._agent = agent
        self._link = link or agent.link

    @property
    def target(self) -> str:
        """Name of the target."""
        return self._agent.target

    @property
    def address(self) -> str:
        """IP address that is asked."""
        return self._agent.address

    def context(self, name: str) -> LiveSession:
        """The same agent in another context."""
        return LiveSession(self._agent, self._link.context(name)) if name else self

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Varbind]:
        """Read instances. An instance that the agent fails on alone is left out, and logged."""
        found: dict[Oid, Varbind] = {}
        open_ = [tuple(oids)] if oids else []
        while open_:
            chunk = open_.pop()
            if self._agent.dead:
                raise TransportFailure(self.target, "read", "TIMEOUT", "the agent stopped answering")
            self._check_time()
            reply = await ask(self._link, lambda _, c=chunk: Request(c), self._agent.pace.waits())  # type: ignore[misc]  # mypy can't type a lambda's default
            if isinstance(reply, Reply) and not reply.status:
                self._agent.pace.answered(None, reply.round_trip_s)
                wanted = set(chunk)
                found.update((v.oid, v) for v in reply.varbinds if v.oid in wanted and v.tag not in _EXCEPTIONS)
            else:
                open_ += await self._smaller(chunk, reply)
        return found

    async def _smaller(self, chunk: tuple[Oid, ...], reply: Reply | Failure) -> list[tuple[Oid, ...]]:
        """What to ask instead of a GET that failed; raises TransportFailure where that is pointless."""
        if isinstance(reply, Failure):
            hopeless = reply.fault in (Fault.REFUSED, Fault.WRONG_CREDENTIAL, Fault.DENIED)
            if hopeless or not await self._agent.answers():
                raise TransportFailure(self.target, "read", reply.fault.value, reply.detail or "no answer to a GET")
            problem = reply.fault.value
        else:
            problem = STATUS.get(reply.status, f"error {reply.status}")
            if reply.status in (NO_ACCESS, AUTHORIZATION_ERROR) and len(chunk) == 1:
                raise TransportFailure(self.target, "auth", "DENIED", f"{problem} for {dotted(chunk[0])}")
            if reply.status == NO_SUCH_NAME and 1 <= reply.index <= len(chunk):
                rest = chunk[: reply.index - 1] + chunk[reply.index :]
                return [rest] if rest else []
        if len(chunk) > 1:
            return [chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]]
        if problem != "noSuchName":
            log.warning("instance left out", target=self.target, oid=dotted(chunk[0]), problem=problem)
        return []

    async def walk(self, root: Oid) -> Walk:
        """Read all instances below `root`."""
        agent, loop = self._agent, asyncio.get_running_loop()
        if agent.dead:
            return Walk(root, Outcome.TIMEOUT, [], "the agent stopped answering")
        deadline = min(agent.deadline, loop.time() + agent.limits.walk_s)
        questions = _Questions(self, agent.rows.get(root[:-1]))
        left = agent.limits.max_rows_in_all - agent.read
        bounds = Bounds(min(agent.limits.max_rows, left), deadline, loop.time)
        walk = await read_subtree(root, questions.ask_next, bounds)
        agent.read += len(walk.varbinds)
        agent.rows[root[:-1]] = len(walk.varbinds)
        if walk.outcome is Outcome.CUT and len(walk.varbinds) >= left:
            walk.detail = f"more than {agent.limits.max_rows_in_all} rows of one device"
        if walk.outcome is Outcome.EMPTY:
            return await self._nothing(walk)
        if walk.outcome is Outcome.TIMEOUT or (walk.outcome is Outcome.PARTIAL and questions.silenced):
            await agent.answers()
        return walk

    async def _nothing(self, walk: Walk) -> Walk:
        """Tell a column without rows from one that the agent does not have (RFC 3416 §4.2.1: noSuchObject)."""
        reply = await ask(self._link, lambda _: Request(((*walk.root, 0),)), self._agent.pace.waits())
        if isinstance(reply, Failure):
            walk.detail = "whether the agent has the object is not known"
        elif reply.varbinds and reply.varbinds[0].tag == NO_SUCH_OBJECT and not reply.status:
            walk.outcome = Outcome.NO_SUCH_OBJECT
        return walk

    def _check_time(self) -> None:
        if asyncio.get_running_loop().time() >= self._agent.deadline:
            raise TransportFailure(self.target, "read", "BUDGET", "the time for one device was used up")

    async def ask_next(self, oid: Oid, repetitions: int) -> Reply | Failure:
        """Ask what follows `oid`, with at most so many repetitions, fewer each time nothing comes back."""
        pace = self._agent.pace
        last = 0

        def request(attempt: int) -> Request:
            nonlocal last
            if attempt:
                pace.silent(last)
            last = min(pace.repetitions, repetitions)
            return Request((oid,), True, last)

        result = await ask(self._link, request, pace.waits())
        if isinstance(result, Reply) and not result.status:
            pace.answered(result.request.repetitions, result.round_trip_s)
            self._agent.walked = True
        elif isinstance(result, Failure) and result.fault is Fault.SILENCE and not self._agent.walked:
            return await self._in_older_version(oid, result)
        return result

    async def _in_older_version(self, oid: Oid, failure: Failure) -> Reply | Failure:
        """Some agents answer a GET in version 2c and walks in version 1 only."""
        older = self._link.fallback()
        if older is None or not await self._agent.answers():
            return failure
        result = await ask(older, lambda _: Request((oid,), True), self._agent.pace.waits())
        if isinstance(result, Reply):
            self._link, self._agent.walked = older, True
            log.info("walks work in version 1 only", target=self.target)
        return result


class _Questions:
    """The questions of one walk: smaller ones where this table can't stand more."""

    def __init__(self, session: LiveSession, rows: int | None) -> None:
        self._session, self._pace = session, session._agent.pace
        self._most = self._pace.repetitions
        self._first = (
            rows + 1 if rows else self._most
        )  # columns of a table mostly have as many rows; one more is the end
        self._garbled = 0
        self.silenced = False

    async def ask_next(self, oid: Oid, careful: bool) -> Reply | Failure:
        """Ask what follows `oid`, smaller and smaller where the agent says or shows that it was too much."""
        while True:
            size = 0 if careful else min(self._pace.repetitions, self._most, self._first)
            self._first = max(self._most, self._first)
            result = await self._session.ask_next(oid, size)
            if isinstance(result, Failure):
                self.silenced = result.fault is Fault.SILENCE
                if result.fault is not Fault.GARBAGE or size == 0:
                    return result
                self._garbled, self._most = size, size // 2
                continue
            asked = result.request.repetitions
            if result.status == TOO_BIG and asked:
                self._pace.too_much(asked)
            elif result.status == GEN_ERR and asked:
                self._most = asked // 2
            else:
                self._learn(asked)
                return result

    def _learn(self, asked: int) -> None:
        """Replies that come whole when they are smaller were cut off on the way: so will all large ones be."""
        if self._garbled and asked:
            self._pace.too_much(self._garbled)
        self._garbled = 0
