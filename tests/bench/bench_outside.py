"""Impact answers of a running server, verified from outside the process, on an estate of any size.

The estate is imported into an embedded store by the program itself, which then serves it; `tests/impact/outside.py`
reads requirements, cables and roots over GraphQL and checks the proof of every answer.

python -m tests.bench.bench_outside [CIs] [questions]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from cmdb.changes import LinkFacet
from cmdb.entrypoints.wiring import clock_ms
from cmdb.exchange.lines import ci_line, iso, relationship_line
from cmdb.observation import Identifier
from tests.bench.estate import TIES, Made, make
from tests.impact.outside import Server, check_all
from tests.program import Running

ORIGIN = "snmp/bench"


def lines(made: Made, now: int) -> Iterator[str]:
    """The estate as an export writes it, all of it seen just now."""
    yield json.dumps({"kind": "header", "format": 1, "sequence": 1, "exported_at": iso(now), "product": "bench"})
    for ci in made.cis:
        own = () if ci.ci_class in TIES else (Identifier(f"bench:{ci.id}"),)
        yield json.dumps(ci_line(replace(ci, identifiers=own, seen={ORIGIN: now}, first_seen=now)))
    parents = {ci.id: ci.parent for ci in made.cis}
    for tie in made.relationships:
        if tie.source == parents.get(tie.target) or tie.target == parents.get(tie.source):
            continue
        facets = {ORIGIN: LinkFacet(now, "lldp")}
        yield json.dumps(relationship_line(replace(tie, facets=facets, seen={ORIGIN: now}, first_seen=now), 0.9))


@contextmanager
def served(size: int) -> Iterator[tuple[Made, Running]]:
    """An estate of so many CIs, and the program that serves it."""
    with tempfile.TemporaryDirectory() as folder:
        home, made = Path(folder), make(size)
        with (home / "estate.ndjson").open("w") as file:
            file.writelines(f"{line}\n" for line in lines(made, clock_ms()))
        start = time.perf_counter()
        importing = Running(home, "import", home / "estate.ndjson", "--data-dir", home / "data")
        print(importing.wait_for(lambda line: "restored" in line), f"in {time.perf_counter() - start:.0f} s")
        importing.end()
        serving = Running(home, "serve", "--data-dir", home / "data", "--port", "0")
        try:
            yield made, serving
        finally:
            serving.interrupt()


def main(size: int, questions: int) -> int:
    with served(size) as (_, serving):
        return check_all(Server(f"{serving.address()}/graphql"), "DOWN", None, questions)


if __name__ == "__main__":
    sizes = [int(text) for text in sys.argv[1:]] + [100_000, 200][len(sys.argv) - 1 :]
    sys.exit(main(*sizes))
