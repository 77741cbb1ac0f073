"""Reads and writes of identity decisions."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence, Set
from typing import Any

from cmdb.changes import Evidence, PutTask
from cmdb.identity.decisions import RECORD, UNDONE, read
from cmdb.store.protocol import StoredRecord
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.identity_types import IdentityDecision, IdentityEvidence
from cmdb_graphql.prefetch import fill_refs, reference
from cmdb_graphql.selection import Selection

MOST_EVIDENCE = 50
Refs = Callable[[Iterable[str]], list[Any]]


def decision_rows(reading: Reading, records: Sequence[StoredRecord], selection: Selection) -> list[IdentityDecision]:
    """Decisions with the CIs that they are about; of a CI that was absorbed, the one that stands for it."""
    decisions = [(record, read(record)) for record in records]
    refs = standing(reading, {ci for _, d in decisions for ci in (*d.cis, *(c for e in d.evidence for c in e.cis))})
    rows = []
    for record, decision in decisions:
        rows.append(
            make(
                IdentityDecision,
                id=record.id,
                kind=decision.kind,
                sequence=decision.sequence,
                at=record.at,
                actor=decision.actor,
                explanation=f"{record.title}: {record.texts.get('reason', 'the reason was disposed of')}",
                cis=refs(decision.cis),
                evidence=evidence_rows(decision.evidence, refs),
                undone_at=decision.undone_at or None,
            )
        )
    fill_refs(reading, [r.id for row in rows for r in row.cis], selection.below("cis"))
    fill_evidence(reading, rows, selection)
    return rows


def standing(reading: Reading, ids: Set[str]) -> Refs:
    """A function that names CIs; of those that were absorbed, the ones that stand for them."""
    reading.cis(sorted(ids))
    gone = sorted(ids - reading.items.keys())
    stand = reading.store.absorbed(gone) if gone else {}
    reading.cis(sorted(set(stand.values())))

    def refs(ids: Iterable[str]) -> list[Any]:
        shown = dict.fromkeys(stand.get(ci, ci) for ci in ids)
        return [reference(reading.items[ci]) for ci in shown if ci in reading.items]

    return refs


def evidence_rows(found: Iterable[Evidence], refs: Refs) -> list[Any]:
    """Evidence with the fields of the GraphQL type, what would decide alone first."""
    strongest = sorted(found, key=lambda e: not e.strong)[:MOST_EVIDENCE]
    return [
        make(IdentityEvidence, key=e.key, cis=refs(e.cis)[:10], weight=e.weight, strong=e.strong, source=e.source)
        for e in strongest
    ]


def fill_evidence(reading: Reading, rows: Iterable[Any], selection: Selection) -> None:
    """Read the CIs behind the evidence of decisions or tasks, where they are asked for."""
    refs = [r.id for row in rows for e in row.evidence for r in e.cis]
    fill_refs(reading, refs, selection.below("evidence", "cis"))


def decisions_of(reading: Reading, cis: Sequence[str], selection: Selection) -> dict[str, list[IdentityDecision]]:
    """The latest decisions about each of some CIs, newest first."""
    records = reading.store.records_about(cis, (RECORD,))
    rows = {str(row.id): row for row in decision_rows(reading, records, selection)}
    newest = sorted(records, key=lambda r: r.at, reverse=True)
    return {ci: [rows[r.id] for r in newest if ci in r.about][:20] for ci in cis}


def decisions_on(reading: Reading, tasks: Sequence[PutTask], selection: Selection) -> dict[str, IdentityDecision]:
    """The decisions that settled some tasks, by the id of the task; one that was taken back settles none."""
    settled = {t.id: t for t in tasks if t.state == "decided"}
    if not settled:
        return {}
    about = {ci for t in settled.values() for ci in t.cis}
    records = {r.id: r for r in reading.store.records_about(sorted(about), (RECORD,))} if about else {}
    found = _settling(records.values(), settled)
    if found.keys() < settled.keys():  # one that names none of the CIs of its task
        found = _settling(reading.store.records(kinds=(RECORD,)), settled)
    rows = {str(row.id): row for row in decision_rows(reading, list(found.values()), selection)}
    return {task: rows[record.id] for task, record in found.items()}


def _settling(records: Iterable[StoredRecord], tasks: Container[str]) -> dict[str, StoredRecord]:
    return {task: r for r in records if r.state != UNDONE and (task := str(r.body.get("task", ""))) in tasks}
