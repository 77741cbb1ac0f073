"""Writing the current graph as lines that can each be imported after the lines above them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from cmdb import __version__
from cmdb.exchange.lines import (
    FORMAT,
    Line,
    ci_line,
    encode,
    iso,
    plane_line,
    relationship_line,
    requirement_line,
)
from cmdb.model.registry import Model
from cmdb.reconcile.belief import confidence as confidence_of
from cmdb.store.protocol import CIRecord, Conflict, GraphStore, RelationshipRecord

ATTEMPTS = 3
Confidence = Callable[[RelationshipRecord], float]


def export(
    store: GraphStore,
    model: Model,
    now: int,
    confidence: Confidence,
    defaults: Callable[[], Iterable[Line]] | None = None,
) -> Iterator[bytes]:
    """Yield the lines of the current graph; memory is bounded by the CIs with requirements and by parents that come
    late.

    `defaults` gives the lines of default requirements, which follow from relationships and model and are left out
    otherwise. Raises Conflict if the graph changed meanwhile; what was yielded is then worth nothing.
    """
    head = store.head()
    by_class, by_type = store.totals()
    internal = {n for n, c in model.classes.items() if c.internal}
    hidden = {n for n, t in model.relationship_types.items() if t.internal}
    counts = {
        "ci": sum(n for c, n in by_class.items() if c not in internal),
        "relationship": sum(n for t, n in by_type.items() if t not in hidden),
        "requirement": by_class.get("Requirement", 0),
    }
    yield encode(
        {
            "kind": "header",
            "format": FORMAT,
            "sequence": head.sequence,
            "exported_at": iso(now),
            "product": f"cmdb {__version__}",
            "counts": counts,
        }
    )
    requirements: list[CIRecord] = []
    planes: dict[str, list[str]] = defaultdict(list)
    for ci in parents_first(store.scan_cis()):
        if ci.ci_class in internal:
            requirements.append(ci)
            continue
        for plane in ci.attributes.get("root_of", ()):
            planes[plane].append(ci.id)
        yield encode(ci_line(ci))
    providers: dict[str, list[RelationshipRecord]] = defaultdict(list)
    for rel in in_order(store.scan_relationships()):
        if rel.type == "PROVIDED_BY":
            providers[rel.source].append(rel)
        elif rel.type not in hidden:
            yield encode(relationship_line(rel, confidence(rel)))
    for name in sorted(planes):
        yield encode(plane_line(name, planes[name]))
    for requirement in requirements:
        yield encode(requirement_line(requirement, providers[requirement.id]))
    for line in defaults() if defaults else ():
        yield encode(line)
    if store.head().sequence != head.sequence:
        raise Conflict("the graph changed while it was exported; export again, or stop what writes to it")


def in_order(relationships: Iterable[RelationshipRecord]) -> Iterator[RelationshipRecord]:
    """Bring the relationships of each source, which come together, into an order that only depends on them."""
    for _, group in groupby(relationships, key=lambda r: r.source):
        yield from sorted(group, key=lambda r: (r.type, r.target))


def parents_first(cis: Iterable[CIRecord]) -> Iterator[CIRecord]:
    """Hold a dependent CI back until its parent has come; the order depends on the CIs only."""
    given: set[str] = set()
    waiting: dict[str, list[CIRecord]] = defaultdict(list)

    def release(ci: CIRecord) -> Iterator[CIRecord]:
        stack = [ci]
        while stack:
            current = stack.pop()
            yield current
            given.add(current.id)
            stack += reversed(waiting.pop(current.id, ()))

    for ci in cis:
        if ci.parent and ci.parent not in given:
            waiting[ci.parent].append(ci)
        else:
            yield from release(ci)


def confidence_at(now: int, model: Model) -> Confidence:
    """Belief in relationships as of a time (ms); see `cmdb.reconcile.belief`."""
    return lambda rel: confidence_of(rel.facets, rel.seen, model.policy, now)
