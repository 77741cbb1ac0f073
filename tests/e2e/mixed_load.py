"""Processes that write a mixed load until they are killed: python -m tests.e2e.mixed_load CONTROL_FD."""

from __future__ import annotations

import dataclasses
import itertools
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from cmdb.errors import CmdbError, Refused
from cmdb.identity.decide import Request, decide
from cmdb.identity.decisions import RECORD
from cmdb.identity.undo import undo
from cmdb.ingest import Ingest
from cmdb.model.absence import HOUR_MS, Absence
from cmdb.model.registry import Model, load_model
from cmdb.observation import LINKS, Identifier, Link, Observation, Report, path
from cmdb.reachability import note_reached
from cmdb.store.bolt import BoltStore
from cmdb.store.engine import Endpoint
from cmdb.store.protocol import CIRecord
from cmdb.sweep import sweep
from tests.reports import device, port, report

DEVICES, PORTS = 8, 4
KINDS = {"visit": 50, "sweep": 15, "silence": 5, "merge": 10, "split": 10, "undo": 10}  # of a hundred writes
SLOWEST_H = 24  # most that passes between two writes: days of a real network go by in a second
What = Literal["begin", "done", "nothing", "lost", "end"]


class Order(msgspec.Struct, frozen=True):
    """What a load is to do: where, and how many writes (0: until it is killed)."""

    seed: str
    uri: str
    database: str
    user: str
    password: str
    patience_s: float = 10.0
    folder: str = ""
    writes: int = 0


class Said(msgspec.Struct, frozen=True):
    """One line of a load. `done`: acknowledged, as commit `sequence` (0: not told); `lost`: an error, it is in doubt.

    `visits` are the origins that describe a switch in this write, with their times; `aside` are those of which
    something was not taken.
    """

    what: What
    mark: str = ""
    sequence: int = 0
    visits: dict[str, int] = {}
    aside: tuple[str, ...] = ()
    text: str = ""


def hasty() -> Model:
    """The model with a policy by which what is not seen is soon missing, and soon retired then."""
    model = load_model()
    return dataclasses.replace(model, absence=dataclasses.replace(model.absence, default=Absence(2, 12, 3), rules=()))


class Load:
    """A writer with a clock of its own that runs ahead, so that sweeps find something to do."""

    def __init__(self, order: Order, model: Model) -> None:
        self.seed, self.rng, self.now = order.seed, Random(order.seed), 0
        folder = Path(order.folder) if order.folder else None
        endpoint = Endpoint(order.uri, order.database, order.user, order.password, order.patience_s, folder)
        self.store = BoltStore(endpoint, model)
        made = itertools.count()
        self.ingest = Ingest(self.store, model, self._tick, lambda: f"{order.seed}-{next(made):05}")

    def _tick(self) -> int:
        self.now += 1
        return self.now

    def run(self, writes: int) -> None:
        """Write and say so; with `writes` 0 to the end of days."""
        for number in range(writes) if writes else itertools.count():
            (kind,) = self.rng.choices(list(KINDS), list(KINDS.values()))
            mark = f"{kind}:{self.seed}-{number}"
            try:
                tell(self.write(kind, mark))
            except (Refused, IndexError):  # there is nothing it could be done to
                tell(Said("nothing", mark))
            except CmdbError as error:
                tell(Said("lost", mark, text=str(error)))
        tell(Said("end"))

    def write(self, kind: str, mark: str) -> Said:
        """One write of a kind; begins with saying so."""
        head = self.store.head()
        self.now = max(self.now, head.at) + self.rng.randrange(SLOWEST_H * HOUR_MS)
        times = self.rng.randint(1, 3) if kind == "visit" else 0
        reports = [r for _ in range(times) for r in self._visit(mark)]
        visits = {r.origin: r.at for r in reports if r.part != LINKS}
        tell(Said("begin", mark, visits=visits))
        if kind == "visit":
            done = self.ingest.run(list({r.origin: r for r in reports}.values()), self.seed, mark)
            aside = tuple({p.origin for p in done.problems})
            return Said("done", mark, done.sequence, visits, aside) if done.committed else Said("nothing", mark)
        if kind == "sweep":
            swept = sweep(self.ingest, self._tick(), self.seed, mark)
            return Said("done", mark, swept.sequence) if swept.commits else Said("nothing", mark)
        if kind == "silence":
            noted = note_reached(self.ingest, self._answering(), mark, self.seed, mark, shrink_percent=100)
            return Said("done", mark) if noted.commits else Said("nothing", mark)
        return Said("done", mark, self._decide(kind, mark))

    def _visit(self, mark: str) -> list[Report]:
        """A switch with some of its ports, often also how they are cabled; now and then the word of some days ago."""
        rng, n = self.rng, self.rng.randrange(DEVICES)
        key, source, whole = f"serial:x:{n}", rng.choice(("snmp", "ssh")), rng.random() < 0.7
        at = self._tick() - (rng.randrange(120 * HOUR_MS) if rng.random() < 0.15 else 0)
        some = range(rng.randint(1, PORTS))
        said = device(f"d{n}", key, f"target:d{n}", model=f"m{rng.randrange(3)}", os_version=mark)
        ports = [port(key, str(p), mtu=rng.choice((1500, 9000))) for p in some]
        found = [report(f"d{n}", at, said, *ports, source=source, complete=whole)]
        if rng.random() < 0.5:
            names = Observation("NetworkDevice", key, {}, (Identifier(key),), role="mentioned")
            tied = [Observation("Interface", str(p), {}, (), key, (self._cable(),), role="mentioned") for p in some]
            found.append(Report(source, f"d{n}", at, (names, *tied), whole, part=LINKS))
        return found

    def _cable(self) -> Link:
        """To some port of some switch, by its forwarding table or by its own word."""
        rng = self.rng
        far = path(f"serial:x:{rng.randrange(DEVICES)}", "Interface", str(rng.randrange(PORTS)))
        return Link("CONNECTED_TO", far, method=rng.choice(("fdb", "lldp")))

    def _answering(self) -> dict[str, Literal["reachable", "unreachable", "access_lost"]]:
        """Some targets with how they answered a run."""
        some = self.rng.sample(range(DEVICES), 3)
        return {f"d{n}": self.rng.choice(("reachable", "unreachable", "access_lost")) for n in some}

    def _decide(self, kind: str, mark: str) -> int:
        """Merge two devices, split one, or take such a decision back; the sequence after it."""
        if kind == "undo":
            standing = [r for r in self.store.records(kinds=(RECORD,)) if r.state in ("stands", "keeps_apart")]
            return undo(self.ingest, self.rng.choice(standing[-3:]).id, self.seed, mark).sequence
        devices = [c for c in self.store.scan_cis() if c.ci_class == "NetworkDevice"]
        if kind == "merge":
            cis = tuple(c.id for c in sorted(devices, key=lambda _: self.rng.random())[:2])
            request = Request(kind="merge", cis=cis, actor=self.seed, reason=mark, despite=True)
        else:
            ci = self.rng.choice([c for c in devices if len(_targets(c)) > 1])
            request = Request(kind="split", cis=(ci.id,), targets=_targets(ci)[:1], actor=self.seed, reason=mark)
        return decide(self.ingest, request).sequence


def _targets(ci: CIRecord) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.partition("/")[2] for name in ci.facets))


def tell(said: Said) -> None:
    """One line on standard output; what is written there outlives a kill."""
    os.write(1, msgspec.json.encode(said) + b"\n")


def main() -> None:
    """Become a load for each order that comes over a socket, with its standard output.

    All has been imported by then, so that a load begins at once after one that was killed.
    """
    model = hasty()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.socket(fileno=int(sys.argv[1])) as control:
        while True:
            order, fds, _, _ = socket.recv_fds(control, 65_536, 1)
            if not order:
                return
            pid = os.fork()
            if not pid:
                control.close()
                os.dup2(fds[0], 1)
                os.close(fds[0])
                _live(msgspec.json.decode(order, type=Order), model)
            os.close(fds[0])
            control.sendall(str(pid).encode())


def _live(order: Order, model: Model) -> None:
    try:
        Load(order, model).run(order.writes)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
