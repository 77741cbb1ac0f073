"""What a release meets, and what became of it, as GraphQL shows it."""

from __future__ import annotations

import strawberry

from cmdb_graphql.common import CiRef
from cmdb_graphql.directives import QUARTER, at_most
from cmdb_graphql.enums import VersionVerdict
from cmdb_graphql.history_types import Baseline, FactChange
from cmdb_graphql.record_types import Incident
from cmdb_graphql.scalars import DateTime


@strawberry.type(description="One version on the targets of a release.", directives=QUARTER)
class PresentVersion:
    what: str = strawberry.field(description="An attribute, such as os_version, or product:NAME.")
    version: str | None = strawberry.field(description="The version. Null: it is not known of these CIs.")
    tested: bool = strawberry.field(description="True if the release was tested with it.")
    count: int = strawberry.field(description="CIs that have it.")
    cis: list[CiRef] = strawberry.field(description="The first 50 of them.", directives=at_most(50))


@strawberry.type(description="Versions present on the targets of a release, against those tested.")
class ReleaseCompatibility:
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    targets: int = strawberry.field(description="CIs of the release.")
    untested: int = strawberry.field(description="Of them, those with a version that was not tested.")
    unknown: int = strawberry.field(description="Of the others, those of which a version is not known.")
    gone: int = strawberry.field(description="CIs of the release that are not there any more.")
    versions: list[PresentVersion] = strawberry.field(
        description="The versions, those not tested first, at most 100.", directives=at_most(100)
    )


@strawberry.type(description="A version that a CI should have, and what it has.", directives=QUARTER)
class ReleasedVersion:
    ci: CiRef = strawberry.field(description="The CI.")
    what: str = strawberry.field(description="An attribute, such as os_version, or product:NAME.")
    expected: str = strawberry.field(description="The version that the release brings.")
    found: list[str] = strawberry.field(description="The versions that it has; none: not known.")
    verdict: VersionVerdict = strawberry.field(description="What became of it.")


@strawberry.type(description="A count by verdict.", directives=QUARTER)
class VerdictCount:
    verdict: VersionVerdict = strawberry.field(description="The verdict.")
    count: int = strawberry.field(description="Versions with it.")


@strawberry.type(description="What became of a release since its deployment began.")
class ReleaseOutcome:
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    since: DateTime = strawberry.field(description="When the deployment began.")
    baseline: Baseline = strawberry.field(description="What it is compared with.")
    counts: list[VerdictCount] = strawberry.field(description="How many there are.", directives=at_most(5))
    rows: list[ReleasedVersion] = strawberry.field(
        description="The first 1,000 versions, those that are not done first.", directives=at_most(1_000)
    )
    extra: list[FactChange] = strawberry.field(
        description="Other differences of these CIs and their parts since the baseline, the first 200.",
        directives=at_most(200),
    )
    extra_count: int = strawberry.field(description="How many there are.")
    incidents: list[Incident] = strawberry.field(
        description="Incidents since then on CIs that it touched, the first 50.", directives=at_most(50)
    )
