"""Reads a subtree by GETBULK or GETNEXT, and notices every way in which agents break it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from operator import lt

from collectors.transport.answers import Oid, Outcome, Varbind, Walk, dotted
from collectors.transport.ber import END_OF_MIB_VIEW, NO_SUCH_INSTANCE, NO_SUCH_OBJECT
from collectors.transport.link import Failure, Fault, Reply

NO_SUCH_NAME, NO_ACCESS, AUTHORIZATION_ERROR = 2, 6, 16
STATUS = {1: "tooBig", 2: "noSuchName", 5: "genErr", 6: "noAccess", 13: "resourceUnavailable", 16: "authorizationError"}

_EXCEPTIONS = frozenset((NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))
_NOTHING_CAME = {
    Fault.SILENCE: Outcome.TIMEOUT,
    Fault.REFUSED: Outcome.TIMEOUT,
    Fault.GARBAGE: Outcome.UNDECODABLE,
    Fault.DENIED: Outcome.DENIED,
    Fault.WRONG_CREDENTIAL: Outcome.DENIED,
}


@dataclass(frozen=True)
class Bounds:
    """Where a walk ends in any case: after so many rows, or when `clock()` reaches `deadline` (seconds)."""

    max_rows: int
    deadline: float
    clock: Callable[[], float]


AskNext = Callable[[Oid, bool], Awaitable[Reply | Failure]]
"""Ask what follows an OID; where the flag is set, by GETNEXT."""


async def read_subtree(root: Oid, ask_next: AskNext, bounds: Bounds) -> Walk:
    """Read all instances below `root`.

    What comes out of order is asked for again with GETNEXT, once, which then takes any order until an OID repeats: some
    agents really sort wrongly. What was read is kept; the outcome is BROKEN.
    """
    walk = await _pass(root, ask_next, bounds, careful=False)
    if walk.outcome is not Outcome.BROKEN:
        return walk
    again = await _pass(root, ask_next, bounds, careful=True)
    if again.outcome is Outcome.COMPLETE or len(again.varbinds) >= len(walk.varbinds):
        return again
    return walk


async def _pass(root: Oid, ask_next: AskNext, bounds: Bounds, careful: bool) -> Walk:
    found = _Found(root, bounds.max_rows, careful)
    while True:
        if bounds.clock() >= bounds.deadline:
            return found.end(Outcome.CUT, "the time for it was used up")
        reply = await ask_next(found.position, careful)
        if isinstance(reply, Failure):
            return found.end(_NOTHING_CAME[reply.fault], reply.detail, stopped=True)
        if reply.status:
            return _refused(found, reply)
        if not reply.varbinds:
            return found.end(Outcome.BROKEN, f"an empty response after {dotted(found.position)}")
        walk = found.take(reply.varbinds)
        if walk:
            return walk


def _refused(found: _Found, reply: Reply) -> Walk:
    if reply.status == NO_SUCH_NAME:  # how version 1 says that nothing follows
        return found.complete()
    name = STATUS.get(reply.status, f"error {reply.status}")
    outcome = Outcome.DENIED if reply.status in (NO_ACCESS, AUTHORIZATION_ERROR) else Outcome.BROKEN
    return found.end(outcome, f"{name} after {dotted(found.position)}", stopped=True)


class _Found:
    """The rows of one pass, and where it stands."""

    def __init__(self, root: Oid, max_rows: int, careful: bool) -> None:
        self.position = root
        self._root, self._max_rows, self._careful = root, max_rows, careful
        self._varbinds: list[Varbind] = []
        self._seen: set[Oid] = {root}
        self._backwards = ""

    def take(self, varbinds: list[Varbind]) -> Walk | None:
        """Add what lies in the subtree; gives the walk if this was its end."""
        root, size, position = self._root, len(self._root), self.position
        if not self._careful and self._is_plain(varbinds):
            self._varbinds += varbinds
            self.position = varbinds[-1].oid
            return None
        for varbind in varbinds:
            oid, tag, _ = varbind
            if tag in _EXCEPTIONS or oid[:size] != root:
                return self.complete()
            if oid <= position:
                problem = f"{dotted(oid)} after {dotted(position)}"
                if not self._careful:
                    return self.end(Outcome.BROKEN, f"OIDs do not increase: {problem}")
                self._backwards = self._backwards or problem
            if self._careful:
                if oid in self._seen:
                    return self.end(Outcome.BROKEN, f"a loop: {dotted(oid)} came twice")
                self._seen.add(oid)
            if len(self._varbinds) >= self._max_rows:
                return self.end(Outcome.CUT, f"more than {self._max_rows} rows")
            self._varbinds.append(varbind)
            self.position = position = oid
        return None

    def _is_plain(self, varbinds: list[Varbind]) -> bool:
        """Whether all of them follow in order and lie in the subtree, as most do: then none needs a look of its own."""
        if len(self._varbinds) + len(varbinds) > self._max_rows:
            return False
        oids = [varbind[0] for varbind in varbinds]
        if not self.position < oids[0] or oids[-1][: len(self._root)] != self._root:
            return False
        return all(map(lt, oids, oids[1:])) and _EXCEPTIONS.isdisjoint([varbind[1] for varbind in varbinds])

    def complete(self) -> Walk:
        """The subtree was read to its end."""
        if self._backwards:
            return self.end(Outcome.BROKEN, f"OIDs do not increase: {self._backwards}")
        return self.end(Outcome.COMPLETE if self._varbinds else Outcome.EMPTY, "")

    def end(self, outcome: Outcome, detail: str, stopped: bool = False) -> Walk:
        """Make the walk; one that `stopped` after some rows is partial, whatever stopped it."""
        if stopped and self._varbinds:
            detail = f"{outcome}{': ' if detail else ''}{detail} after {len(self._varbinds)} rows"
            outcome = Outcome.PARTIAL
        return Walk(self._root, outcome, self._varbinds, detail)
