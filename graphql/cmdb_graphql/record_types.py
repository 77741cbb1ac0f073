"""Service records as GraphQL shows them: audits, their plans, findings, and what waits for review."""

from __future__ import annotations

import strawberry

from cmdb_graphql.common import CiRef, Node, PageInfo
from cmdb_graphql.completeness_types import ItemCount
from cmdb_graphql.directives import FREE, QUARTER, Cost, at_most
from cmdb_graphql.enums import (
    AlarmEffect,
    AuditVerdict,
    ChangeCategory,
    CiClass,
    FindingGrade,
    ImpactState,
    KnownErrorBy,
    RecordState,
    RecordType,
    ReviewState,
    SeedKind,
)
from cmdb_graphql.history_types import Baseline
from cmdb_graphql.plan_types import Assessment, Window, WindowInput
from cmdb_graphql.scalars import DateTime

_UNSET = strawberry.UNSET


@strawberry.interface(
    description="A record of service management. It is linked to CIs and to other records; every edit is in the ledger."
)
class Record(Node):
    number: str = strawberry.field(description="Number for people, for example CHG-1042; unique.")
    type: RecordType = strawberry.field(description="What kind of record.")
    title: str = strawberry.field(description="Short text.")
    state: RecordState = strawberry.field(description="State; allowed steps are in `catalogue.recordTypes`.")
    open: bool = strawberry.field(description="True if the state is not a final one.")
    assignee: str | None = strawberry.field(
        description="Who works on it or owns it: user login or group. Null: nobody yet."
    )
    created_at: DateTime = strawberry.field(description="When it was recorded.")
    updated_at: DateTime = strawberry.field(description="When it was last edited.")
    revision: int = strawberry.field(description="Counts the edits; give it back as `expectedVersion`.")


@strawberry.type(description="A condition of a step, evaluated on the graph.", directives=QUARTER)
class Guard:
    name: str = strawberry.field(description="Name, for example no_collision.")
    holds: bool = strawberry.field(description="True if it holds.")
    waivable: bool = strawberry.field(description="True if the reader may waive it with a reason.")
    text: str = strawberry.field(description="Why it holds or not, in English, naming CIs and records.")
    sequence: int = strawberry.field(description="Sequence it was evaluated at.")


@strawberry.type(description="One step that a record has taken.", directives=QUARTER)
class RecordStepDone:
    state: RecordState = strawberry.field(description="State after it.")
    actor: str = strawberry.field(description="Who.")
    at: DateTime = strawberry.field(description="When.")


@strawberry.type(description="A plan of audits at regular intervals.")
class AuditPlan(Node):
    number: str = strawberry.field(description="Number for people; unique.")
    name: str = strawberry.field(description="Name, unique.")
    active: bool = strawberry.field(description="False: it is due no more.")
    classes: list[CiClass] = strawberry.field(description="Classes of its scope; empty: all.")
    name_prefix: str = strawberry.field(description="How names of CIs of its scope start; empty: all.")
    sample_size: int = strawberry.field(description="CIs that are drawn for each audit; 0: all of the scope.")
    period_days: int = strawberry.field(description="Days from one audit to the next.")
    auditor: str = strawberry.field(description="Login of who audits.")
    owner: str = strawberry.field(description="Login of who owns what is audited.")
    next_due_at: DateTime | None = strawberry.field(
        description="When the next audit must be reported. Null: it is not active."
    )
    overdue: bool = strawberry.field(description="True if that is over.")


@strawberry.type(description="What an audit found, counted.")
class AuditResults:
    right: int = strawberry.field(description="Seen by a complete visit, and as recorded.")
    different: int = strawberry.field(description="Seen, and not as recorded.")
    missing: int = strawberry.field(description="Not seen any more by a complete visit.")
    unseen: int = strawberry.field(description="No complete visit since the start: not judged.")
    extra: int = strawberry.field(description="Seen in the scope, and not expected.")
    accuracy: float | None = strawberry.field(
        description="Share of right among right, different and missing, 0 to 1. Null: nothing could be judged."
    )
    sequence: int = strawberry.field(description="Sequence at which it was judged.")
    hash: str = strawberry.field(description="Hash of the ledger's head then, SHA-256 in hex.")
    completeness: float | None = strawberry.field(
        description="Mean completeness of the CIs, 0 to 1. Null: there was none."
    )
    lacking: list[ItemCount] = strawberry.field(
        description="How many CIs lack which item; items that none lacks are left out.", directives=at_most(8)
    )


@strawberry.type(description="Check of records against reality.")
class Audit(Record):
    criterion: str | None = strawberry.field(
        description="What it is checked against, for example ISO/IEC 20000-1 9.1. Null: not said."
    )
    plan: str = strawberry.field(description="Number of its plan.")
    auditor: str | None = strawberry.field(description="Login of who audits. Null: it has not started.")
    started_at: DateTime | None = strawberry.field(description="When it began. Null: it has not started.")
    expected_sequence: int | None = strawberry.field(
        description="Sequence at which the graph is what is expected. Null: it has not started."
    )
    expected_hash: str | None = strawberry.field(
        description="Hash of that commit, SHA-256 in hex. Null: it has not started."
    )
    seed: str | None = strawberry.field(description="Seed of the draw. Null: it has not started.")
    population: int | None = strawberry.field(description="CIs of the scope then. Null: it has not started.")
    sample: list[CiRef] = strawberry.field(
        description="The first 200 CIs that were drawn, by id; empty: all of the scope, or not started.",
        directives=at_most(200),
    )
    results: AuditResults | None = strawberry.field(description="What was found. Null: it is not reported.")
    guards: list[Guard] = strawberry.field(description="Guards of its steps.", directives=at_most(10))
    transitions: list[RecordStepDone] = strawberry.field(
        description="Its steps, the oldest first.", directives=at_most(20)
    )


@strawberry.type(description="One fact that is not as recorded.", directives=QUARTER)
class FindingDifference:
    what: str = strawberry.field(description="Attribute, class, or type of relationship.")
    expected: str | None = strawberry.field(description="What is recorded. Null: nothing, or disposed of.")
    found: str | None = strawberry.field(description="What was found. Null: nothing, or disposed of.")


@strawberry.type(description="Deviation found by an audit or by discovery.")
class Finding(Record):
    due_at: DateTime | None = strawberry.field(description="When it must be settled. Null: no term.")
    overdue: bool = strawberry.field(description="True if that is over and it is not closed.")
    verdict: AuditVerdict = strawberry.field(description="What is wrong.")
    grade: FindingGrade = strawberry.field(description="How grave it is.")
    audit: str = strawberry.field(description="Number of the audit that found it.")
    ci: CiRef | None = strawberry.field(description="The CI. Null: it exists no more.")
    differences: list[FindingDifference] = strawberry.field(
        description="What is not as recorded, the first 100.", directives=at_most(100)
    )
    cause: str | None = strawberry.field(description="What the cause was. Null: not known yet, or disposed of.")
    evidence: str | None = strawberry.field(
        description="What shows that it is settled. Null: it is not, or it was disposed of."
    )
    transitions: list[RecordStepDone] = strawberry.field(
        description="Its steps, the oldest first.", directives=at_most(20)
    )


@strawberry.type(description="A CI of a change or a release.", directives=QUARTER)
class PlannedCi:
    ci: CiRef = strawberry.field(description="The CI.")
    effect: SeedKind | None = strawberry.field(
        description="What happens to it, as a seed of impact. Null: it is no seed."
    )


@strawberry.type(description="Planned alteration of CIs.")
class Change(Record):
    category: ChangeCategory = strawberry.field(description="How it is decided.")
    window: Window | None = strawberry.field(description="When. Null: not planned.")
    lapsed: bool = strawberry.field(description="True if its window passed before anybody began.")
    description: str | None = strawberry.field(description="Long text. Null: none.")
    backout: str | None = strawberry.field(description="How to go back. Null: not written.")
    risk: str | None = strawberry.field(description="What could go wrong. Null: not written.")
    planned: list[PlannedCi] = strawberry.field(
        description="The first 200 of its CIs, and what happens to them.", directives=at_most(200)
    )
    assessments: list[Assessment] = strawberry.field(
        description="Stored assessments, newest first: the evidence of the decision.", directives=at_most(20)
    )
    transitions: list[RecordStepDone] = strawberry.field(
        description="Its latest steps, the oldest first.", directives=at_most(20)
    )


@strawberry.type(description="A version: of an attribute, or of a product that is installed.", directives=QUARTER)
class VersionFact:
    what: str = strawberry.field(description="An attribute, such as os_version, or product:NAME.")
    version: str = strawberry.field(description="The version.")


@strawberry.type(description="Versions that go live together.")
class Release(Record):
    baseline: Baseline | None = strawberry.field(description="Baseline taken before it. Null: none.")
    contents: list[VersionFact] = strawberry.field(
        description="The versions that it brings, see `releaseOutcome`.", directives=at_most(20)
    )
    tested: list[VersionFact] = strawberry.field(
        description="The versions with which it was tested, see `releaseCompatibility`.", directives=at_most(20)
    )
    guards: list[Guard] = strawberry.field(
        description="Conditions of the step that deployed it, as they were evaluated then.", directives=at_most(20)
    )
    window: Window | None = strawberry.field(description="When. Null: not planned.")
    version_name: str | None = strawberry.field(description="Version name. Null: none.")
    description: str | None = strawberry.field(description="Long text. Null: none.")
    planned: list[PlannedCi] = strawberry.field(
        description="The first 200 of its CIs, and what happens to them.", directives=at_most(200)
    )
    transitions: list[RecordStepDone] = strawberry.field(
        description="Its latest steps, the oldest first.", directives=at_most(20)
    )


@strawberry.type(description="Known cause with a workaround.")
class KnownError(Record):
    workaround: str | None = strawberry.field(description="What to do meanwhile. Null: nothing helps.")
    symptom: str | None = strawberry.field(description="What one sees. Null: not written.")
    fix: str | None = strawberry.field(description="Where the fix is, such as a number of the maker. Null: not known.")
    match_class: CiClass | None = strawberry.field(
        description="Class of the CIs that have it, subclasses included. Null: any."
    )
    vendor: str | None = strawberry.field(description="Maker of the model that has it. Null: any.")
    model: str | None = strawberry.field(description="Model that has it. Null: any.")
    versions: list[str] = strawberry.field(description="Versions that have it; none: any.")
    named: list[CiRef] = strawberry.field(description="CIs that it names, the first 200.", directives=at_most(200))
    transitions: list[RecordStepDone] = strawberry.field(
        description="Its latest steps, the oldest first.", directives=at_most(20)
    )


@strawberry.type(description="A known error that fits a CI.", directives=QUARTER)
class KnownErrorFit:
    ci: CiRef = strawberry.field(description="The CI.")
    by: KnownErrorBy = strawberry.field(description="Why it fits.")
    known_error: KnownError = strawberry.field(description="The known error.")


@strawberry.type(description="For how long a CI was affected.", directives=QUARTER)
class Effect:
    ci: CiRef = strawberry.field(description="The CI.")
    effect: AlarmEffect = strawberry.field(description="DOWN or DEGRADED.")
    since: DateTime = strawberry.field(description="From when.")
    until: DateTime | None = strawberry.field(description="Until when. Null: it still is.")
    source: str = strawberry.field(description="Who says so.")


@strawberry.type(description="A service that an incident hits, as computed.", directives=QUARTER)
class HitService:
    ci: CiRef = strawberry.field(description="The service.")
    state: ImpactState = strawberry.field(description="Its state.")
    criticality: int = strawberry.field(description="Its criticality, 1 to 4.")


@strawberry.type(description="Disturbance of a service.")
class Incident(Record):
    computed_priority: int | None = strawberry.field(
        description="Priority from impact and urgency, 1 (highest) to 4. Null: no CI is linked."
    )
    priority: int | None = strawberry.field(
        description="Priority a person set instead, 1 to 4. Null: the computed one holds."
    )
    urgency: int = strawberry.field(description="1: now, and no workaround; 2: soon, or a workaround; 3: neither.")
    impact_level: int | None = strawberry.field(description="1 (worst) to 4. Null: no CI is linked.")
    computed_at: int | None = strawberry.field(description="Sequence at which it was computed. Null: no CI is linked.")
    major: bool = strawberry.field(description="True if handled as a major incident.")
    started_at: DateTime = strawberry.field(description="When the disturbance began.")
    restored_at: DateTime | None = strawberry.field(description="When service was back. Null: not yet.")
    affected: list[Effect] = strawberry.field(
        description="What does not work, or works badly, since when; the first 200. Seeds of its impact.",
        directives=at_most(200),
    )
    reported: list[CiRef] = strawberry.field(
        description="CIs that are only said not to answer, the first 200: evidence for the cause, no seeds.",
        directives=at_most(200),
    )
    services: list[HitService] = strawberry.field(
        description="Services it hits, worst first, the first 200.", directives=at_most(200)
    )
    service_count: int | None = strawberry.field(description="Services it hits in all. Null: no CI is linked.")
    customers: list[str] = strawberry.field(description="Customers of these services, by name.")
    cause: CiRef | None = strawberry.field(description="The CI that a person holds for the cause. Null: not said.")
    known_errors: list[KnownErrorFit] = strawberry.field(
        description="Active known errors of its CIs and of their models, those that name a CI first; the first 20.",
        directives=at_most(20),
    )
    description: str | None = strawberry.field(description="What people said of it. Null: nothing, or disposed of.")
    resolution: str | None = strawberry.field(description="How it was mended. Null: it is not, or disposed of.")
    transitions: list[RecordStepDone] = strawberry.field(
        description="Its last steps, the oldest first.", directives=at_most(20)
    )


@strawberry.type(description="One edit that needs a review.", directives=QUARTER)
class ReviewedEdit:
    path: str = strawberry.field(description="What is edited, as its origin calls it.")
    ci_class: str = strawberry.field(name="class", description="Its class.")
    attribute: str = strawberry.field(
        description="Attribute, `relationships` or `status`; empty: it is new as a whole."
    )


@strawberry.type(description="What a person wrote and another one must approve.")
class Review(Node):
    number: str = strawberry.field(description="Number for people; unique.")
    state: ReviewState = strawberry.field(description="State.")
    origin: str = strawberry.field(description="Source and target whose word it is.")
    author: str = strawberry.field(description="Who wrote it.")
    reason: str | None = strawberry.field(description="Why, as the author said. Null: disposed of.")
    asked_at: DateTime = strawberry.field(description="When it was written.")
    edits: list[ReviewedEdit] = strawberry.field(
        description="What needs the review, the first 20.", directives=at_most(20)
    )
    edit_count: int = strawberry.field(description="How many edits need it.")


@strawberry.input(description="Conditions on records. All that are given must hold.")
class RecordFilter:
    types: list[RecordType] | None = strawberry.field(default=_UNSET, description="Of these types.")
    states: list[RecordState] | None = strawberry.field(
        default=_UNSET, description="In these states. Not given: all that are not final."
    )
    cis: list[strawberry.ID] | None = strawberry.field(
        default=_UNSET, description="Linked to one of these CIs, 1 to 200."
    )
    overlaps: WindowInput | None = strawberry.field(
        default=_UNSET, description="Whose window, or else whose recording, overlaps this period."
    )
    assignee: str | None = strawberry.field(default=_UNSET, description="Assigned to.")


@strawberry.type(description="Page of records.", directives=FREE)
class RecordConnection:
    nodes: list[Record] = strawberry.field(description="The records.")
    page_info: PageInfo = strawberry.field(description="Position of the page.")
    total_count: int | None = strawberry.field(
        description="Number of all matches, counted only when asked for. Null: more than 100,000.",
        directives=[Cost(weight="100")],
    )
