"""The mixed load as tests see it: start one, hear what it says, kill it, and check what it left."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from cmdb.changes import STALE, EndRelationship, NewCI, SetCI
from cmdb.ledger import verify
from cmdb.observation import origin_of
from cmdb.store.bolt import BoltStore
from cmdb.store.engine import Endpoint
from cmdb.store.protocol import CIRecord, Commit, GraphStore
from tests.contracts.replay import astray
from tests.e2e.mixed_load import Order, Said, hasty
from tests.program import ROOT

SILENCE_S = 120.0  # no line for so long: it hangs
WITHIN_S = 0.15  # of the beginning of a write
PAST = 80  # writes that nothing disturbs, before: what is killed then has something to merge, to miss, to take back


@dataclass
class Heard:
    """What all loads of a test have said."""

    begun: dict[str, dict[str, int]] = field(default_factory=dict)  # visits by mark
    done: dict[str, Said] = field(default_factory=dict)
    nothing: set[str] = field(default_factory=set)  # there was nothing to write
    lost: list[Said] = field(default_factory=list)

    def take(self, said: Said) -> None:
        """Keep one line."""
        if said.what == "begin":
            self.begun[said.mark] = said.visits
        elif said.what == "done":
            self.done[said.mark] = said
        elif said.what == "nothing":
            self.nothing.add(said.mark)
        elif said.what == "lost":
            self.lost.append(said)


class Running:
    """One load: a process of its own."""

    def __init__(self, pid: int, out: int, heard: Heard) -> None:
        self.pid, self.heard, self._out, self._rest, self._lines = pid, heard, out, b"", list[bytes]()

    def line(self) -> Said:
        """The next line; fails where the load ended by itself, or is silent for two minutes."""
        while not self._lines:
            assert select.select([self._out], [], [], SILENCE_S)[0], "the load hangs"
            assert self._read(), "the load ended by itself; its last words are above"
        return self._take()

    def until(self, *what: str, times: int = 1) -> Said:
        """Hear it say one of these so many times; the last of them."""
        while True:
            said = self.line()
            times -= said.what in what
            if not times:
                return said

    def work(self, rng: random.Random, most: int = 12) -> None:
        """Hear it begin some writes, and let it get somewhere in the last."""
        self.until("begin", times=rng.randint(1, most))
        until = time.monotonic() + rng.uniform(0, WITHIN_S)
        while (left := until - time.monotonic()) > 0 and select.select([self._out], [], [], left)[0] and self._read():
            pass

    def kill(self) -> None:
        """Kill it, and hear what it had said by then."""
        if self._out >= 0:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself, and who waited for it says so
                os.kill(self.pid, signal.SIGKILL)
            self._hear_out()

    def end(self) -> None:
        """Hear all that it has to say until it ends by itself."""
        self.until("end")
        self._hear_out()

    def _hear_out(self) -> None:
        while self._read():
            pass
        while self._lines:
            self._take()
        os.close(self._out)
        self._out = -1

    def _read(self) -> bool:
        data = os.read(self._out, 65_536)
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._lines += whole
        return bool(data)

    def _take(self) -> Said:
        said = msgspec.json.decode(self._lines.pop(0), type=Said)
        self.heard.take(said)
        return said


class Loads:
    """Starts loads, and kills at the end what still runs. All of them are heard in one `Heard`."""

    def __init__(self, control: socket.socket) -> None:
        self._control, self.heard, self._started = control, Heard(), list[Running]()

    def start(self, endpoint: Endpoint, seed: str, writes: int = 0) -> Running:
        """One more load on a store, as patient as its endpoint says."""
        where = endpoint.uri, endpoint.database, endpoint.user, endpoint.password, endpoint.patience_s
        reading, writing = os.pipe()
        order = Order(seed, *where, folder=str(endpoint.folder or ""), writes=writes)
        socket.send_fds(self._control, [msgspec.json.encode(order)], [writing])
        os.close(writing)
        self._started.append(Running(int(self._control.recv(64)), reading, self.heard))
        return self._started[-1]

    def stop(self) -> None:
        """Kill those that still run."""
        for one in self._started:
            one.kill()


@contextlib.contextmanager
def loads() -> Iterator[Loads]:
    """A process that becomes loads."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.mixed_load", str(theirs.fileno())],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'graphql'}"},
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    running = Loads(ours)
    try:
        yield running
    finally:
        running.stop()
        ours.close()
        process.wait()


# ---- what must hold after whatever happened


def check(store: BoltStore, heard: Heard) -> list[Commit]:
    """All that was acknowledged is in the chain where it was said to be, nothing is there twice, the chain gives the
    graph, and the newest word of each target is in it. Returns the chain.
    """
    chain = read(store)
    times = Counter(c.reason for c in chain)
    cis = list(store.scan_cis())

    assert heard.done.keys() - times.keys() == set(), "lost"
    assert heard.nothing & times.keys() == set(), "written, and not acknowledged"
    told = {mark: said.sequence for mark, said in heard.done.items() if said.sequence}
    assert {mark: chain[n - 1].reason for mark, n in told.items()} == {mark: mark for mark in told}
    assert [reason for reason, n in times.items() if n > 1] == [], "a write was done twice"
    assert verify(store, hasty(), deep=True).problems == ()
    assert astray(store) == []
    assert twice((r.source, r.type, r.target) for r in store.scan_relationships()) == []
    assert twice((c.parent, c.ci_class, c.local_key) for c in cis if c.parent) == []
    assert twice(i.key for c in cis for i in c.identifiers if i.strong) == []
    words = newest(heard, set(times))
    assert {origin: mark for origin, mark in words.items() if mark not in said_of(cis, origin)} == {}
    assert words, "no origin to look at"
    return chain


def read(store: GraphStore) -> list[Commit]:
    """The whole chain."""
    chain: list[Commit] = []
    while batch := store.commits(len(chain)):
        chain += batch
    return chain


def twice(keys: Iterator[object]) -> list[object]:
    """Those that are there more than once."""
    return [key for key, times in Counter(keys).items() if times > 1]


def newest(heard: Heard, written: set[str]) -> dict[str, str]:
    """Origins -> the mark of what each said last, of visits in the chain that were taken as a whole."""
    last: dict[str, tuple[int, str]] = {}
    for mark, visits in heard.begun.items():
        for origin, at in visits.items() if mark in written else ():
            last[origin] = max(last.get(origin, (0, "")), (at, mark))
    sure = {origin: (mark, heard.done[mark]) for origin, (_, mark) in last.items() if mark in heard.done}
    return {origin: mark for origin, (mark, said) in sure.items() if origin not in said.aside}


def said_of(cis: list[CIRecord], origin: str) -> set[object]:
    """The marks that an origin says of devices now."""
    facets = [(c, f) for c in cis if not c.parent for name, f in c.facets.items() if origin_of(name) == origin]
    return {(c.attributes if f.attributes is None else f.attributes).get("os_version") for c, f in facets if not f.gone}


def kinds(chain: list[Commit]) -> Counter[str]:
    """How many commits there are of each kind of write, and what its sweeps did: stale, missing, retired, ended."""
    found = Counter(c.reason.partition(":")[0] for c in chain)
    status: dict[str, str] = {}
    for commit in chain:
        by_sweep = commit.reason.startswith("sweep:")
        for change in commit.changes():
            if isinstance(change, NewCI | SetCI):
                if by_sweep and status.get(change.id) != change.status:
                    found[change.status] += 1
                status[change.id] = change.status
            if by_sweep and isinstance(change, SetCI):
                found["stale"] += any(STALE in f.marks for f in change.facets.values())
            found["ended"] += by_sweep and isinstance(change, EndRelationship)
    return found
