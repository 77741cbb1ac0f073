"""The types of a ranking of causes."""

from __future__ import annotations

import strawberry

from cmdb_graphql.common import CiRef
from cmdb_graphql.directives import QUARTER, Cost, at_most
from cmdb_graphql.enums import AlarmEffect, AlarmFindingKind
from cmdb_graphql.record_types import KnownErrorFit
from cmdb_graphql.scalars import DateTime


@strawberry.input(description="One alarm. Exactly one of `ci` and `key`.")
class AlarmInput:
    ci: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Id.")
    key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Id, identifier or unique name; one that cannot be resolved is listed, not an error.",
    )
    effect: AlarmEffect | None = strawberry.field(
        default=strawberry.UNSET,
        description="What it says of its CI. Null: what the mapping rules say of `name`, without one UNREACHABLE.",
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Name of the alarm, for example HostDown. Null: not known."
    )


@strawberry.input(description="The alarms to explain.")
class RootCauseInput:
    alarms: list[AlarmInput] = strawberry.field(
        description="1 to 2,000 alarms; none where those that fire are asked about."
    )
    firing: bool = strawberry.field(
        default=False, description="True: also the alarms that came in and fire now. Not together with `sequence`."
    )
    missing: float = strawberry.field(default=0.1, description="Share of alarms that may be missing, 0 to 0.5.")
    false: float = strawberry.field(default=0.05, description="Share of alarms that may be false, 0 to 0.5.")
    sequence: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Judge as it was after this commit. Null: now.",
        directives=[Cost(weight="2000")],
    )
    first: int = strawberry.field(default=3, description="Answers, 1 to 10.")


@strawberry.type(description="One explanation. Feed its roots to `impact` for the proof.")
class RootCauseCandidate:
    roots: list[CiRef] = strawberry.field(description="The CIs that failed by themselves.", directives=at_most(5))
    score: float = strawberry.field(
        description='Log-likelihood gain over "all alarms are false"; compare within one answer only.'
    )
    explained: int = strawberry.field(description="Alarms that follow from the roots.")
    unexplained: list[CiRef] = strawberry.field(description="Alarms that do not.", directives=at_most(20))
    unexplained_count: int = strawberry.field(description="How many alarms do not.")
    silent: list[CiRef] = strawberry.field(
        description="CIs that should have alarmed and did not.", directives=at_most(20)
    )
    silent_count: int = strawberry.field(description="How many CIs should have alarmed and did not.")
    known_errors: list[KnownErrorFit] = strawberry.field(
        description="Active known errors of the roots and of their models, the first 20.", directives=at_most(20)
    )
    contained: list[CiRef] = strawberry.field(
        description="CIs that fail with the roots, and would explain the same alarms had they failed by themselves.",
        directives=at_most(20),
    )


@strawberry.type(description="A CI to look at next, because it tells the candidates apart.", directives=QUARTER)
class RootCauseCheck:
    ci: CiRef = strawberry.field(description="The CI.")
    fails_in: list[int] = strawberry.field(
        description="Positions, from 1, of the candidates in which it has failed; in the others it works."
    )


@strawberry.type(description="An alarm that could not be used; the others are judged without it.", directives=QUARTER)
class AlarmFinding:
    key: str = strawberry.field(description="What it named, at most 80 characters.")
    kind: AlarmFindingKind = strawberry.field(description="What is wrong with it.")
    text: str = strawberry.field(description="The same in English.")


@strawberry.type(description="Likely causes.")
class RootCause:
    sequence: int = strawberry.field(description="Sequence it was computed at.")
    as_of: DateTime = strawberry.field(description="Time of that sequence.")
    policy_version: str = strawberry.field(description="Version of class catalogue and default requirements used.")
    alarms: int = strawberry.field(description="CIs whose alarms were explained; several alarms of one CI count once.")
    candidates: list[RootCauseCandidate] = strawberry.field(
        description="Best explanations, best first, at most 10.", directives=at_most(10)
    )
    checks: list[RootCauseCheck] = strawberry.field(
        description="What to look at next to tell the candidates apart, what tells most first.", directives=at_most(10)
    )
    complete: bool = strawberry.field(
        description="False if the search ran into its limit: there may be better explanations."
    )
    unresolved: list[str] = strawberry.field(description="Alarm keys that name no CI, at most 100.")
    findings: list[AlarmFinding] = strawberry.field(
        description="Alarms that could not be used, and why.", directives=at_most(100)
    )
