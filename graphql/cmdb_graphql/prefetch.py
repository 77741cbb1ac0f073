"""Reads what a selection asks of some CIs, level by level: the number of store queries never depends on the rows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from cmdb.exchange.lines import relationship_id
from cmdb.reconcile.belief import confidence, is_sure
from cmdb.store.protocol import CIRef as StoredRef
from cmdb.store.protocol import NeighbourPage, RelationshipRecord
from cmdb_graphql.common import PageInfo, make
from cmdb_graphql.context import Reading
from cmdb_graphql.enums import MODEL
from cmdb_graphql.errors import BadInput
from cmdb_graphql.items import ConfigurationItem, page_key
from cmdb_graphql.provenance import evidence_of, identifiers_of, link_attributes_of, origins_of
from cmdb_graphql.relationships import Relationship, RelationshipConnection
from cmdb_graphql.requirement_rows import requirement_rows
from cmdb_graphql.selection import Selection

PUBLIC_TYPES = tuple(t.name for t in MODEL.relationship_types.values() if not t.internal)


def check_first(first: int, most: int = 200) -> int:
    """Refuse a page size that makes no sense."""
    if not 1 <= first <= most:
        raise BadInput("first", f"first: from 1 to {most:,}, not {first:,}")
    return first


def reference(item: ConfigurationItem) -> StoredRef:
    """A CI named."""
    return StoredRef(item.id, item.ci_class, item.name)


def fill(reading: Reading, items: Iterable[ConfigurationItem], selection: Selection) -> None:
    """Read what is asked of these CIs and put it on them as plain attributes."""
    cis = list({i.id: i for i in items}.values())
    if not cis or not selection.fields:
        return
    if "identifiers" in selection:
        for item in cis:
            item.__dict__["identifiers"] = identifiers_of(item.__dict__["record"])
    if "origins" in selection:
        for item in cis:
            item.__dict__["origins"] = origins_of(item.__dict__["record"])
    if "parent" in selection:
        _parents(reading, cis, selection.below("parent"))
    if "requirements" in selection:
        _requirements(reading, cis, selection.below("requirements"))
    if "identityDecisions" in selection:
        _decisions(reading, cis, selection.below("identityDecisions"))
    if "completeness" in selection:
        from cmdb_graphql.completeness import fill_completeness  # it reads CIs as well

        fill_completeness(reading, [i for i in cis if "completeness" not in i.__dict__])
    definition = _field(selection, "relationships")
    for arguments, below in selection.uses("relationships", definition):
        _relationships(reading, cis, arguments, below)


def fill_refs(reading: Reading, ids: Iterable[str], selection: Selection) -> None:
    """Read the CIs behind references, where `item` is asked of them."""
    if "item" in selection:
        fill(reading, reading.cis(dict.fromkeys(ids)), selection.below("item"))


def _field(selection: Selection, name: str) -> Any:
    interface: Any = selection.info.schema.type_map["ConfigurationItem"]
    return interface.fields[name]


def _parents(reading: Reading, cis: Sequence[ConfigurationItem], selection: Selection) -> None:
    parents = {i.id: i.__dict__["record"].parent for i in cis}
    reading.cis(dict.fromkeys(p for p in parents.values() if p))
    for item in cis:
        parent = reading.items.get(parents[item.id])
        item.__dict__["parent"] = reference(parent) if parent else None
    fill_refs(reading, [p for p in parents.values() if p], selection)


def _requirements(reading: Reading, cis: Sequence[ConfigurationItem], selection: Selection) -> None:
    rows = requirement_rows(reading, [i.id for i in cis], "evidence" in selection)
    for item in cis:
        item.__dict__["requirements"] = rows[item.id]
    fill_refs(reading, [i.id for i in cis], selection.below("owner"))
    providers = [p.ci.id for row in rows.values() for r in row for p in r.__dict__["ranked_providers"]]
    fill_refs(reading, providers, selection.below("providers", "ci"))


def _decisions(reading: Reading, cis: Sequence[ConfigurationItem], selection: Selection) -> None:
    from cmdb_graphql.identity import decisions_of  # it fills references with what is here

    found = decisions_of(reading, [i.id for i in cis], selection)
    for item in cis:
        item.__dict__["identity_decisions"] = found[item.id]


def _relationships(
    reading: Reading, cis: Sequence[ConfigurationItem], arguments: dict[str, Any], selection: Selection
) -> None:
    types, direction = arguments.get("types"), arguments["direction"]
    first, after = check_first(arguments["first"]), arguments.get("after")
    key = page_key(types, direction, first, after)
    waiting = [i for i in cis if key not in i.__dict__["pages"]]
    if isinstance(types, list) and not types:
        raise BadInput("types", "types: at least one type, or null for all")
    if waiting:
        found = reading.graph.neighbours([i.id for i in waiting], key[0] or PUBLIC_TYPES, key[1], first, after)  # type: ignore[arg-type]  # the enum has the three directions
        reading.take(n.other for page in found.values() for n in page.neighbours)  # the rows below find them in `items`
        nodes = selection.below("nodes")
        for item in waiting:
            item.__dict__["pages"][key] = _page(reading, item, found.get(item.id), nodes)
    below = selection.below("nodes")
    rows = [r for i in cis for r in i.__dict__["pages"][key].nodes]
    fill(reading, [r.other for r in rows if r.other], below.below("other"))
    fill_refs(reading, [r.source_end.id for r in rows], below.below("from"))
    fill_refs(reading, [r.target_end.id for r in rows], below.below("to"))


def _page(
    reading: Reading, item: ConfigurationItem, page: NeighbourPage | None, selection: Selection
) -> RelationshipConnection:
    neighbours = page.neighbours if page else ()
    rows = []
    for neighbour in neighbours:
        other = reading.items.get(neighbour.other.id)
        far = StoredRef(neighbour.other.id, neighbour.other.ci_class, neighbour.other.name)
        near = reference(item)
        ends = (near, far) if neighbour.relationship.source == item.id else (far, near)
        rows.append(relationship(reading, neighbour.relationship, ends, other, selection))
    more = page.more if page else False
    position = make(PageInfo, has_next_page=more, end_cursor=page.cursor if page else None)
    made: RelationshipConnection = make(
        RelationshipConnection, nodes=rows, page_info=position, total_count=page.total if page else 0
    )
    return made


def relationship(
    reading: Reading,
    record: RelationshipRecord,
    ends: tuple[StoredRef, StoredRef],
    other: ConfigurationItem | None,
    selection: Selection,
) -> Relationship:
    """A relationship ready to be answered, with what is asked of it."""
    now, policy = time.time_ns() // 1_000_000, reading.model.policy
    made: Relationship = make(
        Relationship,
        id=relationship_id(record.source, record.type, record.target),
        type=record.type,
        source_end=ends[0],
        target_end=ends[1],
        other=other,
        certainty="SURE" if is_sure(record.facets, record.seen, policy, now) else "POSSIBLE",
        confidence=confidence(record.facets, record.seen, policy, now),
        first_seen=record.first_seen,
        last_seen=max(record.seen.values(), default=record.first_seen),
    )
    if "attributes" in selection:
        made.__dict__["attributes"] = link_attributes_of(record, reading.model)
    if "evidence" in selection:
        made.__dict__["evidence"] = evidence_of(record)
    return made
