"""Requirements of some CIs, from the topology, with the evidence of those that somebody stated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.provenance import EvidenceRow, origins_of
from cmdb_graphql.requirements import Provider, Requirement


def requirement_rows(reading: Reading, ids: Sequence[str], evidence: bool) -> dict[str, list[Requirement]]:
    """The requirements of each CI; with `evidence` one more query tells who stated them."""
    topology = reading.topology
    rows = {ci: list(topology.requirements_of(ci)) for ci in ids}
    stated = [r.id for listed in rows.values() for r in listed if r.origin != "DEFAULT"]
    said = _evidence(reading, stated) if evidence and stated else {}
    return {ci: [requirement_row(r, said.get(r.id, [])) for r in listed] for ci, listed in rows.items()}


def requirement_row(row: object, evidence: list[EvidenceRow]) -> Requirement:
    """A requirement of the topology as GraphQL shows it."""
    providers = [make(Provider, ci=p.ci, weight=p.weight, connected=p.connected) for p in row.providers]  # type: ignore[attr-defined]
    made: Requirement = make(
        Requirement,
        **{n: getattr(row, n) for n in ("id", "owner", "needed", "total", "on_loss", "pass_", "origin", "holds")},
        evidence=evidence,
        ranked_providers=sorted(providers, key=lambda p: (-p.weight, p.ci.name, p.ci.id)),
    )
    return made


def _evidence(reading: Reading, ids: Iterable[str]) -> dict[str, list[EvidenceRow]]:
    """Who stated a requirement: a stated one is a CI of an internal class, so it has origins like any other."""
    records = reading.graph.cis(list(dict.fromkeys(ids)))
    return {
        record.id: [
            EvidenceRow(o.source, o.target, o.source.partition(":")[0], o.last_seen) for o in origins_of(record)
        ]
        for record in records
    }
