"""Who says what about a value and why it won or lost: pure, from the facets."""

from __future__ import annotations

from typing import NamedTuple

from cmdb.changes import LinkFacet
from cmdb.model.registry import Model
from cmdb.observation import Value, split_origin
from cmdb.reconcile.claims import claims_of, names_of
from cmdb.reconcile.merge import STATUS, live_facets
from cmdb.store.protocol import CIRecord, RelationshipRecord


class ClaimRow(NamedTuple):
    """One claim, with the fields of the GraphQL type `Claim`; `observed_at` in epoch ms."""

    source: str
    target: str | None
    value: Value
    observed_at: int
    precedence: int
    verdict: str


class AttributeRow(NamedTuple):
    """One attribute, with the fields of the GraphQL type `Attribute`."""

    name: str
    value: Value
    source: str | None
    claims: list[ClaimRow]


class IdentifierRow(NamedTuple):
    """One identifier, with the fields of the GraphQL type `Identifier`."""

    key: str
    strong: bool
    source: str
    last_seen: int


class OriginRow(NamedTuple):
    """One origin, with the fields of the GraphQL type `Origin`."""

    source: str
    target: str | None
    role: str
    last_seen: int


class EvidenceRow(NamedTuple):
    """One piece of evidence, with the fields of the GraphQL type `Evidence`."""

    source: str
    target: str | None
    method: str
    last_seen: int


def attributes_of(record: CIRecord, model: Model, names: list[str] | None = None) -> list[AttributeRow]:
    """The attributes of a CI by name, with what every origin says of each; `name` only when it is asked for."""
    values = {**record.attributes, "name": record.name, STATUS: record.status}
    said = names_of(record.facets.values())
    wanted = sorted({*record.attributes, *said} - {"name"}) if names is None else names
    return [_attribute(record, model, name, values.get(name)) for name in wanted if name in said or name in values]


def _attribute(record: CIRecord, model: Model, name: str, value: Value) -> AttributeRow:
    rows = []
    for claim in claims_of(record.facets, record.ci_class, name, model.precedence):
        source, target = split_origin(claim.origin)
        at = record.seen.get(claim.origin, record.facets[claim.origin].since)
        rows.append(ClaimRow(source, target or None, claim.value, at, claim.precedence, claim.verdict))
    won = rows[0].source if rows and rows[0].verdict == "WON" else None
    return AttributeRow(name, value, won, rows)


def identifiers_of(record: CIRecord) -> list[IdentifierRow]:
    """The identifiers of a CI with the source that said each last, strong ones first."""
    rows = []
    for identifier in record.identifiers:
        sayers = [o for o, f in record.facets.items() if any(i.key == identifier.key for i in f.identifiers)]
        best = max(sayers or record.seen, key=lambda o: (record.seen.get(o, 0), o), default="")
        at = record.seen.get(best, record.first_seen)
        rows.append(IdentifierRow(identifier.key, identifier.strong, split_origin(best)[0], at))
    return sorted(rows, key=lambda r: (not r.strong, r.key))


def origins_of(record: CIRecord) -> list[OriginRow]:
    """Where a CI was seen, latest first; what is no longer said is left out unless nothing else is known."""
    rows = []
    for origin, facet in live_facets(record.facets).items():
        source, target = split_origin(origin)
        rows.append(OriginRow(source, target or None, facet.role, record.seen.get(origin, facet.since)))
    return sorted(rows, key=lambda r: (-r.last_seen, r.source, r.target or ""))


def link_attributes_of(record: RelationshipRecord, model: Model) -> list[AttributeRow]:
    """The attributes of a relationship; of a list every claim that went into it has won."""
    rows = []
    for name in sorted({*record.attributes, *(n for f in record.facets.values() for n in f.attributes)}):
        claims = {o: f.attributes[name] for o, f in record.facets.items() if name in f.attributes}
        ranks = {o: (model.precedence(split_origin(o)[0], record.type, ""), o) for o in claims}
        ordered = sorted(claims, key=lambda o: ranks[o], reverse=True)
        listed = isinstance(record.attributes.get(name), list)
        out = []
        for place, origin in enumerate(ordered):
            source, target = split_origin(origin)
            tie = ranks[origin][0] == ranks[ordered[0]][0]
            verdict = "WON" if listed or place == 0 else "TIE_BROKEN" if tie else "LOWER_PRECEDENCE"
            at = record.seen.get(origin, record.facets[origin].since)
            out.append(ClaimRow(source, target or None, claims[origin], at, ranks[origin][0], verdict))
        rows.append(AttributeRow(name, record.attributes.get(name), out[0].source if out else None, out))
    return rows


def evidence_of(record: RelationshipRecord) -> list[EvidenceRow]:
    """Who saw a relationship and how, latest first. A tie to a parent is believed because its child is."""
    rows = []
    for origin, at in record.seen.items():
        source, target = split_origin(origin)
        facet: LinkFacet | None = record.facets.get(origin)
        rows.append(EvidenceRow(source, target or None, facet.method if facet and facet.method else source, at))
    return sorted(rows, key=lambda r: (-r.last_seen, r.source, r.target or ""))
