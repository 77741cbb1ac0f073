"""Reads and writes of identity decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cmdb.identity.decisions import RECORD, read
from cmdb.store.protocol import StoredRecord
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.identity_types import IdentityDecision, IdentityEvidence
from cmdb_graphql.prefetch import fill_refs, reference
from cmdb_graphql.selection import Selection

MOST_EVIDENCE = 50


def decision_rows(reading: Reading, records: Sequence[StoredRecord], selection: Selection) -> list[IdentityDecision]:
    """Decisions with the CIs that they are about; of a CI that was absorbed, the one that stands for it."""
    decisions = [(record, read(record)) for record in records]
    named = {ci for _, d in decisions for ci in (*d.cis, *(c for e in d.evidence for c in e.cis))}
    reading.cis(sorted(named))
    stand = reading.store.absorbed(sorted(named - reading.items.keys())) if named - reading.items.keys() else {}
    reading.cis(sorted(set(stand.values())))

    def refs(ids: Iterable[str]) -> list[Any]:
        shown = dict.fromkeys(stand.get(ci, ci) for ci in ids)
        return [reference(reading.items[ci]) for ci in shown if ci in reading.items]

    rows = []
    for record, decision in decisions:
        evidence = [
            make(IdentityEvidence, key=e.key, cis=refs(e.cis), weight=e.weight, strong=e.strong, source=e.source)
            for e in decision.evidence[:MOST_EVIDENCE]
        ]
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
                evidence=evidence,
                undone_at=decision.undone_at or None,
            )
        )
    fill_refs(reading, [r.id for row in rows for r in row.cis], selection.below("cis"))
    return rows


def decisions_of(reading: Reading, cis: Sequence[str], selection: Selection) -> dict[str, list[IdentityDecision]]:
    """The latest decisions about each of some CIs, newest first."""
    records = reading.store.records_about(cis, (RECORD,))
    rows = {str(row.id): row for row in decision_rows(reading, records, selection)}
    newest = sorted(records, key=lambda r: r.at, reverse=True)
    return {ci: [rows[r.id] for r in newest if ci in r.about][:20] for ci in cis}
