"""Reads of sources: those that the policy names, and those that ever said something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cmdb.errors import LimitExceeded
from cmdb.model.registry import SourceKind
from cmdb.observation import is_aside, origin_name
from cmdb.sources import SourceRow, list_sources
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.source_types import PrecedenceRule, Source

MOST_SOURCES = MOST_RULES = 100
_ID = "source:"


def is_source(id_: str) -> bool:
    """Whether an id is that of a source."""
    return id_.startswith(_ID)


def source_rows(reading: Reading) -> list[Source]:
    """All sources, the strongest first. Raises LimitExceeded for more than 100."""
    known = {row.name: row for row in list_sources(reading.store, reading.model)}
    silent = [
        SourceRow(k.name, k.precedence, k.stale_after_h, 0, 0)
        for k in reading.model.sources.values()
        if k.name not in known
    ]
    found = sorted((*known.values(), *silent), key=lambda r: (-r.precedence, r.name))
    if len(found) > MOST_SOURCES:
        raise LimitExceeded(f"there are {len(found)} sources; at most {MOST_SOURCES} are listed")
    return [_row(row, reading.model.policy.kind(row.name)) for row in found]


def _row(row: SourceRow, kind: SourceKind | None) -> Source:
    made: Source = make(
        Source,
        id=_ID + row.name,
        name=row.name,
        precedence=row.precedence,
        rules=list(_rules(kind))[:MOST_RULES] if kind else [],
        stale_after_hours=row.stale_after_h,
        may_create=not is_aside(origin_name(row.name, "")),
        last_seen=row.last_seen if row.targets else None,
    )
    return made


def _rules(kind: SourceKind) -> Iterator[Any]:
    """Each exception for one class and one attribute; the first that fits is used."""
    for rule in kind.rules:
        for ci_class in rule.classes or (None,):
            for attribute in rule.attributes or (None,):
                yield make(PrecedenceRule, ci_class=ci_class, attribute=attribute, precedence=rule.precedence)
