"""Rows of incidents, and of what all records have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cmdb.service.lifecycle import is_open, number_of
from cmdb.store.protocol import CIRef, StoredRecord
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.prefetch import reference
from cmdb_graphql.record_types import Effect, HitService, Incident, RecordStepDone

MOST_SHOWN = 200


def common_fields(record: StoredRecord) -> dict[str, Any]:
    """The fields of any record."""
    steps = [make(RecordStepDone, state=s["to"], actor=s["by"], at=s["at"]) for s in record.body["steps"][-20:]]
    return {
        "id": record.id,
        "number": number_of(record),
        "type": record.kind,
        "title": record.title,
        "state": record.state,
        "open": is_open(record),
        "created_at": record.at,
        "updated_at": record.changed,
        "revision": record.revision,
        "transitions": steps,
    }


def incident_row(reading: Reading, record: StoredRecord) -> Incident:
    """An incident; what it names of CIs is put in by `fill_incident`, once they are read."""
    body, computed = record.body, record.body["computed"] or {}
    named = [e["ci"] for e in body["affected"][:MOST_SHOWN]] + body["reported"][:MOST_SHOWN]
    named += [s["ci"] for s in computed.get("services", ())]
    row: Incident = make(
        Incident,
        **common_fields(record),
        assignee=body.get("assignee"),
        computed_priority=computed.get("priority"),
        priority=body.get("priority"),
        urgency=body["urgency"],
        impact_level=computed.get("impact_level"),
        computed_at=computed.get("sequence"),
        major=body["major"],
        started_at=body["started"],
        restored_at=body.get("restored"),
        service_count=computed.get("service_count"),
        customers=computed.get("customers", []),
        description=record.texts.get("description"),
        resolution=record.texts.get("resolution"),
        body=body,
        known_errors=[],
        wanted=[ci for ci in (body.get("cause"), *named) if ci],
    )
    return row


def fill_incident(reading: Reading, row: Incident) -> None:
    """Put the CIs that an incident names into its row; those that exist no more are left out."""
    body = row.__dict__["body"]

    def known(cis: Iterable[str]) -> dict[str, CIRef]:
        return {ci: reference(reading.items[ci]) for ci in cis if ci in reading.items}

    refs = known(row.__dict__["wanted"])
    row.affected = [
        make(Effect, ci=refs[e["ci"]], effect=e["effect"].upper(), since=e["from"], until=e["to"], source=e["source"])
        for e in body["affected"][:MOST_SHOWN]
        if e["ci"] in refs
    ]
    row.reported = list(known(body["reported"][:MOST_SHOWN]).values())  # type: ignore[arg-type]  # fields of CiRef
    row.services = [
        make(HitService, ci=refs[s["ci"]], state=s["state"].upper(), criticality=s["criticality"])
        for s in (body["computed"] or {}).get("services", ())
        if s["ci"] in refs
    ]
    row.cause = refs.get(body.get("cause"))  # type: ignore[assignment]  # fields of CiRef
