"""The questions about one release: what it meets, and what became of it."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from cmdb.diff import labels_of
from cmdb.errors import Invalid
from cmdb.service.compatibility import compatibility
from cmdb.service.lifecycle import RELEASE
from cmdb.service.rollout import outcome
from cmdb_graphql.changes import baseline_row, fact_row
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.directives import Cost
from cmdb_graphql.errors import BadInput
from cmdb_graphql.prefetch import fill_refs
from cmdb_graphql.record_keys import asked_record
from cmdb_graphql.records import record_rows
from cmdb_graphql.release_types import (
    PresentVersion,
    ReleaseCompatibility,
    ReleasedVersion,
    ReleaseOutcome,
    VerdictCount,
)
from cmdb_graphql.selection import Selection, asked

MOST_ROWS, MOST_VERSIONS, MOST_NAMED, MOST_INCIDENTS = 1_000, 100, 50, 50
_Id = Annotated[strawberry.ID, strawberry.argument(description="Id or number of the release.")]


@strawberry.type
class ReleaseQuery:
    """The part of the query type that is about releases."""

    @strawberry.field(
        description="The versions on the targets of a release against those it was tested with.",
        directives=[Cost(weight="500")],
    )
    def release_compatibility(self, info: Info, release: _Id) -> ReleaseCompatibility:
        return _compatibility(info.context, str(release), asked(info._raw_info))

    @strawberry.field(
        description="What the CIs of a release have since it was deployed, what else changed on them, and incidents.",
        directives=[Cost(weight="2000")],
    )
    def release_outcome(self, info: Info, release: _Id) -> ReleaseOutcome:
        return _outcome(info.context, str(release), asked(info._raw_info))


def _compatibility(reading: Reading, id_: str, selection: Selection) -> ReleaseCompatibility:
    found = compatibility(reading.store, reading.topology, asked_record(reading, id_, RELEASE, "release"))
    shown = found.versions[:MOST_VERSIONS]
    fill_refs(
        reading, [ci.id for version in shown for ci in version.cis[:MOST_NAMED]], selection.below("versions", "cis")
    )
    counts = {name: getattr(found, name) for name in ("targets", "untested", "unknown", "gone")}
    row: ReleaseCompatibility = make(
        ReleaseCompatibility,
        sequence=reading.head.sequence,
        **counts,
        versions=[
            make(
                PresentVersion,
                what=version.what,
                version=version.version or None,
                tested=version.tested,
                count=version.count,
                cis=list(version.cis[:MOST_NAMED]),
            )
            for version in shown
        ],
    )
    return row


def _outcome(reading: Reading, id_: str, selection: Selection) -> ReleaseOutcome:
    record = asked_record(reading, id_, RELEASE, "release")
    try:
        found = outcome(reading.store, reading.model, reading.topology, record)
    except Invalid as error:
        raise BadInput("release", f"release: {error}") from error
    reading.at(found.sequence)
    shown = sorted(found.rows, key=lambda row: row.verdict == "done")[:MOST_ROWS]
    fill_refs(reading, [row.ci.id for row in shown], selection.below("rows", "ci"))
    labels = labels_of(reading.store, found.extra)
    extra: list[Any] = [fact_row(fact, labels) for fact in found.extra]
    for end in ("ci", "other"):
        refs = [fact.__dict__[end].id for fact in extra if fact.__dict__[end] is not None]
        fill_refs(reading, refs, selection.below("extra", end))
    counts = Counter(row.verdict for row in found.rows)
    row: ReleaseOutcome = make(
        ReleaseOutcome,
        sequence=found.sequence,
        since=found.since,
        baseline=baseline_row(found.baseline),
        counts=[make(VerdictCount, verdict=verdict, count=count) for verdict, count in sorted(counts.items())],
        rows=[
            make(
                ReleasedVersion,
                ci=one.ci,
                what=one.what,
                expected=one.expected,
                found=list(one.found),
                verdict=one.verdict,
            )
            for one in shown
        ],
        extra=extra,
        extra_count=found.extra_count,
        incidents=record_rows(reading, found.incidents[:MOST_INCIDENTS], selection.below("incidents")),
    )
    return row
