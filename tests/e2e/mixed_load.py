"""A process that writes a mixed load until it is killed: python -m tests.e2e.mixed_load SEED."""

from __future__ import annotations

import os
import sys
from random import Random

from cmdb.entrypoints.wiring import clock_ms, new_id
from cmdb.errors import Refused
from cmdb.identity.decide import Request, decide
from cmdb.identity.decisions import RECORD
from cmdb.identity.undo import undo
from cmdb.ingest import Ingest
from cmdb.model.registry import load_model
from cmdb.observation import Link, Report, path
from cmdb.store.bolt import BoltStore
from cmdb.store.engine import Endpoint
from tests.reports import device, port, report

DEVICES, PORTS = 12, 4


def visit(rng: Random) -> Report:
    """A switch with some of its ports, cabled to those of others."""
    n = rng.randrange(DEVICES)
    key = f"serial:x:{n}"
    ports = []
    for number in range(PORTS):
        far = Link("CONNECTED_TO", path(f"serial:x:{rng.randrange(DEVICES)}", "Interface", str(rng.randrange(PORTS))))
        links = (far,) if rng.random() < 0.5 and far.to != path(key, "Interface", str(number)) else ()
        ports.append(port(key, str(number), links, mtu=rng.choice((1500, 9000))))
    said = device(f"d{n}", key, f"target:d{n}", model=f"m{rng.randrange(3)}")
    source = rng.choice(("snmp", "ssh"))
    return report(
        f"d{n}", clock_ms(), said, *ports[: rng.randint(1, PORTS)], source=source, complete=rng.random() < 0.7
    )


def step(ingest: Ingest, rng: Random, mark: str) -> int | None:
    """One write; the sequence after it, None where there was nothing to write."""
    store, kind = ingest.store, rng.random()
    if kind < 0.6:
        done = ingest.run([visit(rng) for _ in range(rng.randint(1, 3))], "load", mark)
        return done.sequence if done.committed else None
    try:
        standing = [r for r in store.records(kinds=(RECORD,)) if r.state in ("stands", "keeps_apart")]
        if kind < 0.8 and standing:
            return undo(ingest, rng.choice(standing).id, "load", mark).sequence
        devices = [c for c in store.scan_cis() if c.ci_class == "NetworkDevice"]
        if kind < 0.95 and len(devices) > 1:
            one, other = rng.sample(devices, 2)
            request = Request(kind="merge", cis=(one.id, other.id), actor="load", reason=mark, despite=True)
            return decide(ingest, request).sequence
        ci = rng.choice(devices)
        targets = tuple({name.partition("/")[2] for name in ci.facets})[:1]
        return decide(ingest, Request(kind="split", cis=(ci.id,), targets=targets, actor="load", reason=mark)).sequence
    except (Refused, IndexError):
        return None


def main() -> None:
    """Write and say so, until the end."""
    endpoint = Endpoint(os.environ["W_URI"], os.environ["W_DB"], os.environ["W_USER"], os.environ["W_PASSWORD"])
    model, rng = load_model(), Random(sys.argv[1])
    ingest = Ingest(BoltStore(endpoint, model), model, clock_ms, new_id)
    number = 0
    while True:
        mark = f"{sys.argv[1]}-{number}"
        print(f"begin {mark}", flush=True)
        if step(ingest, rng, mark) is not None:
            print(f"done {mark}", flush=True)
        number += 1


if __name__ == "__main__":
    main()
