"""Change sets made by hand."""

from __future__ import annotations

from typing import Any

from cmdb.changes import (
    Change,
    ChangeSet,
    Facet,
    LinkFacet,
    ManifestEntry,
    NewCI,
    NewRelationship,
    SetCI,
    SetTarget,
    digest,
)
from cmdb.observation import Identifier
from cmdb.store.protocol import GraphStore

AT = 1_700_000_000_000
ORIGIN = "snmp/core-1"


def facet(attributes: dict[str, Any] | None = None, at: int = AT, **more: Any) -> Facet:
    return Facet(at, digest(attributes).hex(), "self", "NetworkDevice", attributes, **more)


def device(
    ci: str, name: str = "", identifiers: tuple[Identifier, ...] = (), origin: str = ORIGIN, **attributes: Any
) -> NewCI:
    values = {"name": name or ci, **attributes}
    return NewCI(ci, "NetworkDevice", "", "", "in_service", values, identifiers, {origin: facet()}, AT)


def interface(ci: str, parent: str, name: str, origin: str = ORIGIN, **attributes: Any) -> NewCI:
    return NewCI(ci, "Interface", parent, name, "in_service", {"name": name, **attributes}, (), {origin: facet()}, AT)


def changed(before: NewCI | SetCI, unset: tuple[str, ...] = (), status: str = "in_service", **values: Any) -> SetCI:
    attributes = {k: v for k, v in {**before.attributes, **values}.items() if k not in unset}
    return SetCI(before.id, before.ci_class, status, values, unset, attributes, before.facets)


def relationship(source: str, type_: str, target: str, origin: str = ORIGIN, **attributes: Any) -> NewRelationship:
    return NewRelationship(source, type_, target, attributes, {origin: LinkFacet(AT, "lldp", attributes)})


def target(
    origin: str = ORIGIN, was: int = 0, at: int = AT, manifest: dict[str, ManifestEntry] | None = None
) -> SetTarget:
    return SetTarget(origin, digest([origin, at]), at, at, ("ifTable",), manifest or {}, was)


def commit(store: GraphStore, *changes: Change, at: int = AT, **more: Any) -> int:
    """Commit changes behind whatever is there."""
    return store.commit(ChangeSet(at, list(changes), **more), store.head().sequence, "test", "by hand")
