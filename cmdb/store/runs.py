"""How runs and verifications ended, and what the graph holds in numbers."""

from __future__ import annotations

import msgspec
from neo4j import Transaction

from cmdb.store.connection import Connection
from cmdb.store.protocol import LedgerCheck, RunRecord, TargetOutcome

MAX_RUNS = 1_000
SAVE = (
    "MERGE (r:Run {id: $id}) SET r.reason = $reason, r.actor = $actor, r.started = $started, r.finished = $finished,"
    " r.complete = $complete, r.outcomes = $outcomes"
)
DROP = "MATCH (r:Run) WHERE r.id IS NOT NULL WITH r ORDER BY r.started DESC, r.id DESC SKIP $keep DETACH DELETE r"
LATEST = (
    "MATCH (r:Run) WHERE r.id IS NOT NULL RETURN r.id, r.reason, r.actor, r.started, r.finished, r.complete, r.outcomes"
    " ORDER BY r.started DESC, r.id DESC LIMIT $first"
)
SAVE_CHECK = "MERGE (h:Ledger {id: 'verification'}) SET h.outcome = $outcome"
LAST_CHECK = "MATCH (h:Ledger {id: 'verification'}) RETURN h.outcome"
CI_TOTALS = "MATCH (c:CI) WHERE c.id IS NOT NULL RETURN c.class, count(*)"
RELATIONSHIP_TOTALS = "MATCH (:CI)-[r]->(:CI) RETURN type(r), count(*)"

_check = msgspec.json.Decoder(LedgerCheck)
_outcomes = msgspec.json.Decoder(tuple[TargetOutcome, ...])


class Runs:
    """Keeps runs as nodes beside the graph."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, run: RunRecord) -> None:
        """Keep a run, and let go of the oldest beyond MAX_RUNS."""
        row = msgspec.structs.asdict(run) | {"outcomes": msgspec.json.encode(run.outcomes).decode()}

        def work(tx: Transaction) -> None:
            tx.run(SAVE, row).consume()
            tx.run(DROP, keep=MAX_RUNS).consume()

        self._connection.write(work, lambda: None)

    def latest(self, first: int) -> list[RunRecord]:
        """The latest runs, newest first."""
        found = self._connection.rows(LATEST, first=first)
        return [
            RunRecord(id_, reason, actor, started, finished, complete, _outcomes.decode(outcomes))
            for id_, reason, actor, started, finished, complete, outcomes in found
        ]

    def save_check(self, check: LedgerCheck) -> None:
        """Keep a verification in place of the one before."""
        outcome = msgspec.json.encode(check).decode()
        self._connection.write(lambda tx: tx.run(SAVE_CHECK, outcome=outcome).consume(), lambda: None)

    def last_check(self) -> LedgerCheck | None:
        """The latest verification that was kept."""
        found = self._connection.rows(LAST_CHECK)
        return _check.decode(found[0][0]) if found else None

    def totals(self) -> tuple[dict[str, int], dict[str, int]]:
        """CIs by class and relationships by type."""
        return dict(self._connection.rows(CI_TOTALS)), dict(self._connection.rows(RELATIONSHIP_TOTALS))
