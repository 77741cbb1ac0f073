"""What a verification against a baseline finds: expected, found, and what nobody has looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cmdb.entrypoints.cli.changes import rows
from cmdb.errors import NotFound

if TYPE_CHECKING:
    from cmdb.baselines import Baseline
    from cmdb.entrypoints.wiring import Wired
    from cmdb.store.protocol import GraphStore

COLUMNS = ("finding", "class", "name", "attribute", "expected", "found", "source", "at", "sequence", "ci")
PAGE = 500
NEW, GONE, NOT_SEEN, DIFFERS = "UNEXPECTED", "MISSING", "NOT_SEEN", "DIFFERS"
START = "start"


def since_of(store: GraphStore, text: str) -> int:
    """The time (ms) that `--seen-since` names. Raises NotFound where `start` is asked for and there was no run."""
    from cmdb.baselines import find_point

    if text.strip().lower() != START:
        return find_point(store, text).moment.at
    runs = store.runs(1)
    if not runs:
        raise NotFound("there was no run of discovery yet: give --seen-since a time")
    return runs[0].started


def findings(parts: Wired, baseline: Baseline, seen_since: int | None) -> Iterator[dict[str, Any]]:
    """All differences of the present from a baseline, then, where asked for, the CIs that nobody has seen since."""
    from cmdb.diff import differences
    from cmdb.scope import in_scope_at
    from cmdb.store.protocol import Moment

    head = parts.store.head()
    moments = baseline.moment, Moment(head.sequence, head.at)
    scope = in_scope_at(parts.store, baseline.scope, moments)
    for row in rows(parts.store, differences(parts.store, parts.model, *moments, scope)):
        yield _finding(row)
    if seen_since is not None:
        yield from _unseen(parts, baseline, seen_since)


def _finding(row: dict[str, Any]) -> dict[str, Any]:
    kind, attribute = DIFFERS, row["attribute"]
    expected, found = row["before"], row["after"]
    if row["kind"] in ("CI_CREATED", "RELATIONSHIP_CREATED"):
        kind = NEW
    elif row["kind"] in ("IDENTITY_CHANGED", "RELATIONSHIP_ENDED") or (attribute, found) == ("status", "retired"):
        kind = GONE
    if row["relationship_type"]:
        attribute = " ".join(filter(None, (row["relationship_type"], row["other"], attribute)))
    head = {"finding": kind, "attribute": attribute, "expected": expected, "found": found}
    return {**head, **{n: row[n] for n in ("class", "name", "source", "at", "sequence", "ci")}}


def _unseen(parts: Wired, baseline: Baseline, since: int) -> Iterator[dict[str, Any]]:
    from cmdb.exchange.lines import iso, last_seen
    from cmdb.scope import in_scope_at
    from cmdb.store.protocol import Filter

    in_scope = in_scope_at(parts.store, baseline.scope, [baseline.moment])
    where, after = baseline.scope.where or Filter(), None
    while True:
        page = parts.store.find(where, first=PAGE, after=after)
        late = [c for c in page.cis if last_seen(c) < since and c.status != "retired"]
        known = in_scope({c.id for c in late}) if late else set()
        for ci in late:
            if ci.id in known:
                seen = iso(last_seen(ci))
                yield {
                    "finding": NOT_SEEN,
                    "class": ci.ci_class,
                    "name": ci.name,
                    "attribute": "last_seen",
                    "expected": f"since {iso(since)}",
                    "found": seen,
                    "at": seen,
                    "ci": ci.id,
                }
        after = page.cursor
        if not page.more:
            return
