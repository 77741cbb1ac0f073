"""Any object by its id: what an id means tells its form, or the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cmdb.baselines import read_baselines
from cmdb.exchange.lines import relationship_ends
from cmdb.identity.decisions import RECORD
from cmdb_graphql.alarms import alarm_rows
from cmdb_graphql.changes import baseline_row
from cmdb_graphql.common import Node
from cmdb_graphql.context import Reading
from cmdb_graphql.enums import MODEL
from cmdb_graphql.identity import decision_rows
from cmdb_graphql.prefetch import fill, fill_refs, reference, relationship
from cmdb_graphql.records import record_rows
from cmdb_graphql.requirement_rows import requirement_rows
from cmdb_graphql.selection import Selection
from cmdb_graphql.sources import is_source, source_rows
from cmdb_graphql.tasks import task_rows


def find_nodes(reading: Reading, ids: Sequence[str], selection: Selection) -> list[Node]:
    """The objects of these ids in the order asked; an id that names nothing is left out.

    CIs are read in one query. Relationships take one query each: the store keeps no index of them, and they are few.
    """
    found: dict[str, Any] = {}
    ends = {i: e for i in ids if (e := relationship_ends(i)) is not None}
    plain = [i for i in dict.fromkeys(ids) if i not in ends]
    cis = reading.cis(plain)
    fill(reading, cis, selection)
    found.update((i.id, i) for i in cis)
    found.update(_relationships(reading, ends, selection))
    rest = [i for i in plain if i not in found]
    if rest:
        found.update(_requirements(reading, rest, selection))
        found.update(_tasks(reading, [i for i in rest if i not in found], selection))
        found.update(_baselines(reading, [i for i in rest if i not in found]))
        found.update(_sources(reading, [i for i in rest if i not in found]))
        found.update(_records(reading, [i for i in rest if i not in found], selection))
        found.update(_absorbed(reading, [i for i in rest if i not in found], selection))
    return [found[i] for i in ids if i in found]


def _relationships(reading: Reading, ends: dict[str, tuple[str, str, str]], selection: Selection) -> dict[str, Any]:
    public = {i: e for i, e in ends.items() if e[1] in MODEL.relationship_types}
    public = {i: e for i, e in public.items() if not MODEL.relationship_types[e[1]].internal}
    if not public:
        return {}
    reading.cis(dict.fromkeys(end for s, _, t in public.values() for end in (s, t)))
    out: dict[str, Any] = {}
    for id_, (source, type_, target) in public.items():
        near, far = reading.items.get(source), reading.items.get(target)
        record = reading.graph.relationship(source, type_, target) if near and far else None
        if record is not None and near and far:
            out[id_] = relationship(reading, record, (reference(near), reference(far)), None, selection)
    fill_refs(reading, [r.source_end.id for r in out.values()], selection.below("from"))
    fill_refs(reading, [r.target_end.id for r in out.values()], selection.below("to"))
    return out


def _requirements(reading: Reading, ids: Sequence[str], selection: Selection) -> dict[str, Any]:
    """Requirements: a default one names its owner in its id, a stated one is an internal CI below its owner."""
    owners = {i: i.split(":")[1] for i in ids if i.startswith("req:") and i.count(":") >= 2}
    owners.update((r.id, r.parent) for r in reading.graph.cis([i for i in ids if i not in owners]) if r.parent)
    if not owners:
        return {}
    rows = requirement_rows(reading, list(dict.fromkeys(owners.values())), "evidence" in selection)
    wanted: dict[str, Any] = {r.id: r for listed in rows.values() for r in listed if r.id in owners}
    fill_refs(reading, [r.owner.id for r in wanted.values()], selection.below("owner"))
    providers = [p.ci.id for r in wanted.values() for p in r.__dict__["ranked_providers"]]
    fill_refs(reading, providers, selection.below("providers", "ci"))
    return wanted


def _tasks(reading: Reading, ids: Sequence[str], selection: Selection) -> dict[str, Any]:
    return {t.id: t for t in task_rows(reading, reading.store.tasks_by_id(ids), selection)}


def _records(reading: Reading, ids: Sequence[str], selection: Selection) -> dict[str, Any]:
    records = reading.store.records(ids=ids) if ids else []
    decisions = decision_rows(reading, [r for r in records if r.kind == RECORD], selection) if records else []
    alarms = alarm_rows(reading, records, selection)
    return {r.id: r for r in (*decisions, *alarms, *record_rows(reading, records, selection))}


def _absorbed(reading: Reading, ids: Sequence[str], selection: Selection) -> dict[str, Any]:
    """The id of a CI that another one has absorbed leads to that one."""
    stand = reading.store.absorbed(ids) if ids else {}
    fill(reading, reading.cis(dict.fromkeys(stand.values())), selection)
    return {i: reading.items[ci] for i, ci in stand.items() if ci in reading.items}


def _sources(reading: Reading, ids: Sequence[str]) -> dict[str, Any]:
    wanted = set(ids)
    return {r.id: r for r in source_rows(reading) if r.id in wanted} if any(map(is_source, ids)) else {}


def _baselines(reading: Reading, ids: Sequence[str]) -> dict[str, Any]:
    return {b.id: baseline_row(b) for b in read_baselines(reading.store, ids)} if ids else {}
