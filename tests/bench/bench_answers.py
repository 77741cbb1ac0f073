"""How long whole impact answers take over GraphQL, proof included, asked of a real server on loopback.

python -m tests.bench.bench_answers [CIs] [questions]

Each question is the outage of one rack, of which some thousand CIs notice; the first 800 entries of each list come
back. Two columns: what the asker waits for, and what the server's processor worked for it, which other programs on the
machine do not lengthen.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from pathlib import Path
from random import Random
from statistics import mean, quantiles
from urllib.parse import urlsplit

from tests.bench.bench_outside import served

DOCUMENT = Path(__file__).parents[2] / "graphql" / "operations" / "Impact.graphql"
ENTRIES, MOST_WARM = 800, 20  # as many as the limit of the cost of an answer lets through


class Asker:
    """One connection that is kept, as a page or a script has one."""

    def __init__(self, address: str) -> None:
        where = urlsplit(address)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        self._document = DOCUMENT.read_text()

    def ask(self, ci: str) -> tuple[float, int, int]:
        """Seconds until the answer was there, its bytes, and the impacted CIs in it."""
        given = {"input": {"seeds": [{"ci": ci}], "first": ENTRIES}}
        body = json.dumps({"query": self._document, "variables": given})
        start = time.perf_counter()
        self._connection.request("POST", "/graphql", body, {"content-type": "application/json"})
        answer = self._connection.getresponse().read()
        spent = time.perf_counter() - start
        found = json.loads(answer)
        if "errors" in found:
            raise SystemExit(f"the server refuses the question: {found['errors'][0]['message']}")
        return spent, len(answer), len(found["data"]["impact"]["nodes"])


def worked(process: int) -> float:
    """Seconds that the processor worked for a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(size: int, questions: int) -> None:
    with served(size) as (made, server):
        racks = Random(1).sample(made.sorts["rack"], min(questions, len(made.sorts["rack"])))
        asker = Asker(server.address())
        for rack in racks[:MOST_WARM]:
            asker.ask(rack)
        before = worked(server.process.pid)
        answers = [asker.ask(rack) for rack in racks]
        cpu = 1e3 * (worked(server.process.pid) - before) / len(answers)
        cuts = quantiles((1e3 * spent for spent, _, _ in answers), n=20)
        cis, size = mean(n for _, _, n in answers), mean(bytes_ for _, bytes_, _ in answers)
        print(f"{len(made.cis):,} CIs; {len(answers)} outages of a rack, {cis:,.0f} CIs and {size / 1e3:,.0f} kB each")
        print(f"waited: p50 {cuts[9]:.1f}  p95 {cuts[18]:.1f}  max {max(answers)[0] * 1e3:.1f} ms")
        print(f"worked: {cpu:.1f} ms each")


if __name__ == "__main__":
    sizes = [int(text) for text in sys.argv[1:]] + [100_000, 200][len(sys.argv) - 1 :]
    main(*sizes)
