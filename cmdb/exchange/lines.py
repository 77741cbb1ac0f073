"""The lines of an export: what a CI, a relationship, a plane and a requirement look like to the outside world."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

import msgspec

from cmdb.observation import is_aside, part_of, split_origin
from cmdb.store.protocol import CIRecord, RelationshipRecord

FORMAT = 1
Line = dict[str, Any]
COUNTS = frozenset(("runs", "confidence"))  # marks of facets that are no times
FOUND = "found"  # the origin of a plane whose roots nobody stated
LISTS_OF_SEVERAL = frozenset(("port", "vlan_id"))  # attributes of relationships, as the contract has them


def iso(ms: int) -> str:
    """Epoch milliseconds as ISO 8601 UTC with `Z`; fractions only where there are any."""
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


def from_iso(text: str) -> int:
    """Epoch milliseconds of an ISO 8601 time; raises ValueError."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write UTC with Z")
    return round((moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) / datetime.timedelta(milliseconds=1))


def encode(line: Line) -> bytes:
    """One line with sorted keys and a line feed."""
    return msgspec.json.encode(line, order="sorted") + b"\n"


def last_seen(ci: CIRecord) -> int:
    """When any source last said anything of a CI (ms); its beginning where nobody does."""
    return max(ci.seen.values(), default=ci.first_seen)


def origins(ci: CIRecord) -> list[Line]:
    """Who saw a CI, and through which target."""
    out = []
    for origin in sorted(ci.facets):
        facet = ci.facets[origin]
        source, target = split_origin(origin)
        seen = iso(ci.seen.get(origin, facet.since))
        line: Line = {"source": source, "target": target, "role": facet.role, "last_seen": seen}
        if facet.gone is not None:
            line["gone"] = iso(facet.gone)
        if part := part_of(origin):
            line["part"] = part
        if facet.marks:
            line["marks"] = {n: v if n in COUNTS else iso(v) for n, v in facet.marks.items()}
        if facet.locks:
            line["locks"] = list(facet.locks)
        if is_aside(origin):  # a few words about a CI, not a description of it
            line["said"] = facet.attributes or {}
        elif claimed := (facet.attributes or {}).get("status"):
            line["status"] = claimed
        out.append(line)
    return out


def ci_line(ci: CIRecord) -> Line:
    """The line of a CI."""
    line: Line = {
        "kind": "ci",
        "id": ci.id,
        "class": ci.ci_class,
        "name": ci.name,
        "status": ci.status,
        "attributes": ci.attributes,
        "identifiers": sorted(i.key for i in ci.identifiers),
        "origins": origins(ci),
        "first_seen": iso(ci.first_seen),
        "last_seen": iso(last_seen(ci)),
        "revision": ci.revision,
    }
    if weak := sorted(i.key for i in ci.identifiers if not i.strong):
        line["weak_identifiers"] = weak
    if ci.parent:
        line["parent"], line["local_key"] = ci.parent, ci.local_key
    return line


def relationship_id(source: str, type_: str, target: str) -> str:
    """The id of a relationship: it tells its type and its ends, so that it can be read by id without an index."""
    return f"rel:{type_}:{source}:{target}"


def relationship_ends(id_: str) -> tuple[str, str, str] | None:
    """Source, type and target of a relationship's id; None where it is the id of something else."""
    parts = id_.split(":")
    return (parts[2], parts[1], parts[3]) if len(parts) == 4 and parts[0] == "rel" and all(parts) else None


def evidence(rel: RelationshipRecord) -> list[Line]:
    """Who says a relationship, how, and when last."""
    out = []
    for origin in sorted(rel.seen):
        source, target = split_origin(origin)
        facet = rel.facets.get(origin)
        line: Line = {
            "source": source,
            "target": target,
            "method": facet.method if facet else "",
            "part": part_of(origin),
            "last_seen": iso(rel.seen[origin]),
        }
        out.append({k: v for k, v in line.items() if v != ""})
    return out


def as_lists(attributes: Line) -> Line:
    """Undo what an export does with lists of one value."""
    return {n: [v] if n in LISTS_OF_SEVERAL and not isinstance(v, list) else v for n, v in attributes.items()}


def relationship_line(rel: RelationshipRecord, confidence: float) -> Line:
    """The line of a relationship; what is a list only where there are several is a single value otherwise."""
    attributes = {
        name: value[0] if name in LISTS_OF_SEVERAL and isinstance(value, list) and len(value) == 1 else value
        for name, value in rel.attributes.items()
    }
    return {
        "kind": "relationship",
        "id": relationship_id(rel.source, rel.type, rel.target),
        "type": rel.type,
        "from": rel.source,
        "to": rel.target,
        "attributes": attributes,
        "confidence": confidence,
        "evidence": evidence(rel),
        "first_seen": iso(rel.first_seen),
    }


def requirement_line(ci: CIRecord, providers: Iterable[RelationshipRecord]) -> Line:
    """The line of a requirement that somebody stated or a collector saw."""
    given = []
    for rel in sorted(providers, key=lambda r: (r.target, str(r.attributes.get("connected", "")))):
        provider: Line = {"ci": rel.target}
        if "connected" in rel.attributes:
            provider["connected"] = rel.attributes["connected"]
        if "connected" not in rel.attributes or rel.attributes.get("weight", 1) != 1:
            provider["weight"] = rel.attributes.get("weight", 1)
        given.append(provider)
    manual = any(split_origin(o)[0].partition(":")[0] == "manual" for o in ci.facets)
    line = ci_line(ci)
    extra = {
        k: line[k] for k in ("id", "name", "status", "origins", "first_seen", "last_seen", "revision", "local_key")
    }
    return {
        "kind": "requirement",
        "owner": ci.parent,
        "needed": ci.attributes.get("needed", 1),
        "on_loss": ci.attributes.get("on_loss", "at_risk"),
        "pass": ci.attributes.get("pass", "needed"),
        "origin": "manual" if manual else "discovered",
        "providers": given,
        "evidence": [{k: v for k, v in o.items() if k in ("source", "target", "last_seen")} for o in line["origins"]],
        **extra,
    }


def plane_line(name: str, roots: Iterable[str]) -> Line:
    """The line of a plane; its roots also say so themselves in the attribute `root_of`."""
    return {"kind": "plane", "name": name, "roots": sorted(roots)}
