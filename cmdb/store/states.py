"""What held of CIs and relationships at some time, as history reads it."""

from __future__ import annotations

import msgspec

from cmdb.changes import Facet, LinkFacet
from cmdb.observation import Value

LinkKey = tuple[str, str, str]  # source, type, target


class Label(msgspec.Struct, frozen=True):
    """A CI named, not read: also one that is no more. `parent` is the id of what it is part of."""

    id: str
    ci_class: str
    name: str
    parent: str = ""


class State(msgspec.Struct, frozen=True):
    """What holds of a CI at one time. `attributes` includes `name`; `since` is the commit time (ms) that made it so."""

    id: str
    ci_class: str
    parent: str
    local_key: str
    status: str
    attributes: dict[str, Value]
    identifiers: dict[str, bool] = {}
    facets: dict[str, Facet] = {}
    since: int = 0
    revision: int = 1


class LinkState(msgspec.Struct, frozen=True):
    """What holds of a relationship at one time."""

    attributes: dict[str, Value]
    facets: dict[str, LinkFacet]
    since: int = 0


class CommitHead(msgspec.Struct, frozen=True):
    """A commit without what it wrote; `at` is when that was recorded (ms)."""

    sequence: int
    at: int
    actor: str
    reason: str = ""
