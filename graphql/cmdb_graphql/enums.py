"""The enums: their Python values are what the store and the model use, so that answers pass through unchanged."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import strawberry

from cmdb.model.registry import load_model

MODEL = load_model()


def _enum(name: str, description: str, values: Mapping[str, tuple[str, str]]) -> Any:
    """An enum of GraphQL names, each with its Python value and its description."""
    functional: Any = enum.StrEnum
    made = functional(name, {n: value for n, (value, _) in values.items()})
    strawberry.enum(made, description=description)
    for value in made.__strawberry_definition__.values:  # `enum_value` would make the members something else than text
        value.description = values[value.name][1]
    return made


def _same(name: str, description: str, values: Mapping[str, str]) -> Any:
    return _enum(name, description, {n: (n, about) for n, about in values.items()})


def _lower(name: str, description: str, values: Mapping[str, str]) -> Any:
    return _enum(name, description, {n: (n.lower(), about) for n, about in values.items()})


if TYPE_CHECKING:  # the members are made from data; a type checker only needs to know that they are text
    CiClass: TypeAlias = str
    CiStatus: TypeAlias = str
    InterfaceStatus: TypeAlias = str
    OriginRole: TypeAlias = str
    ClaimVerdict: TypeAlias = str
    CiOrderField: TypeAlias = str
    RelationshipType: TypeAlias = str
    Certainty: TypeAlias = str
    OnLoss: TypeAlias = str
    Pass: TypeAlias = str
    RequirementOrigin: TypeAlias = str
    ImpactState: TypeAlias = str
    ProofKind: TypeAlias = str
    ImpactFindingKind: TypeAlias = str
    AlarmEffect: TypeAlias = str
    AlarmFindingKind: TypeAlias = str
    AlarmState: TypeAlias = str
    ScanKind: TypeAlias = str
    VersionVerdict: TypeAlias = str
    KnownErrorBy: TypeAlias = str
    RecordCiRole: TypeAlias = str
    TaskKind: TypeAlias = str
    TaskState: TypeAlias = str
    Role: TypeAlias = str
    ErrorCode: TypeAlias = str
    UserErrorCode: TypeAlias = str
    EvidenceWeight: TypeAlias = str
    IdentityDecisionKind: TypeAlias = str
    FactChangeKind: TypeAlias = str
    CompletenessItem: TypeAlias = str
    CompletenessState: TypeAlias = str
    RecordType: TypeAlias = str
    RecordState: TypeAlias = str
    AuditVerdict: TypeAlias = str
    FindingGrade: TypeAlias = str
    ReviewState: TypeAlias = str
    ChangeCategory: TypeAlias = str

    class Direction(enum.StrEnum):
        OUT, IN, BOTH = "out", "in", "both"

    class SeedKind(enum.StrEnum):
        DOWN, MAINTENANCE, DEGRADED, RELEASE, PINNED_UP = "DOWN", "MAINTENANCE", "DEGRADED", "RELEASE", "PINNED_UP"

else:
    CiClass = _same(
        "CiClass",
        "Classes of CI. Values are written as in the export.",
        {c.name: c.description for c in MODEL.classes.values() if not c.abstract and not c.internal},
    )
    RelationshipType = _same(
        "RelationshipType",
        "Types of relationship, read source → target.",
        {t.name: t.description for t in MODEL.relationship_types.values() if not t.internal},
    )
    CiStatus = _lower(
        "CiStatus",
        "Life of a CI.",
        {
            "PLANNED": "Known, not yet there.",
            "IN_STOCK": "There, not in use: spare or in store.",
            "IN_SERVICE": "In use.",
            "MISSING": "A complete run did not see it any more.",
            "RETIRED": "Gone for good; kept for history.",
        },
    )
    InterfaceStatus = _lower(
        "InterfaceStatus",
        "State of an interface (RFC 2863).",
        {
            "UP": "Passes packets, or is configured to.",
            "DOWN": "Passes none, or is switched off.",
            "TESTING": "In a test mode.",
            "UNKNOWN": "The device cannot tell.",
            "DORMANT": "Waits for an outside event.",
            "NOT_PRESENT": "The hardware is missing.",
            "LOWER_LAYER_DOWN": "Down because of a lower layer.",
        },
    )
    OriginRole = _lower(
        "OriginRole",
        "How a target knows a CI.",
        {
            "SELF": "The CI is the target or a part of it.",
            "REPORTED": "The target told of it: neighbour, ARP or forwarding entry.",
        },
    )
    ClaimVerdict = _same(
        "ClaimVerdict",
        "Why a claim won or lost; rules in this order.",
        {
            "WON": "This is the value.",
            "PLACEHOLDER": 'A placeholder such as "To Be Filled By O.E.M.".',
            "INVALID": "Not a valid value of this attribute.",
            "LOCKED": "A person locked another value.",
            "STALE": "The source has not confirmed it within its time.",
            "LOWER_PRECEDENCE": "Another source has a higher precedence.",
            "OLDER": "Another source of the same precedence is newer.",
            "TIE_BROKEN": "Same precedence and time: the name of the source decided.",
        },
    )
    CiOrderField = _enum(
        "CiOrderField",
        "What CIs can be sorted by; all are indexed.",
        {
            "NAME": ("name", "Name, case ignored."),
            "CLASS": ("class", "Class."),
            "FIRST_SEEN": ("first_seen", "First seen."),
        },
    )
    Direction = _lower(
        "Direction",
        "Direction of a relationship, seen from one CI.",
        {"OUT": "From this CI.", "IN": "To this CI.", "BOTH": "Either."},
    )
    Certainty = _same(
        "Certainty",
        "How sure a statement is.",
        {
            "SURE": "True in every reading of the evidence.",
            "POSSIBLE": "True in some reading: it hangs on stale evidence.",
        },
    )
    OnLoss = _same(
        "OnLoss",
        "What a lost provider does to an owner whose requirement still holds.",
        {"NONE": "Nothing.", "AT_RISK": "The owner is at risk.", "DEGRADED": "The owner is degraded."},
    )
    Pass = _same(
        "Pass",
        "How degradation of providers passes to the owner.",
        {
            "NEVER": "Never.",
            "NEEDED": "If the healthy ones alone do not suffice.",
            "ANY": "As soon as one is degraded.",
        },
    )
    RequirementOrigin = _same(
        "RequirementOrigin",
        "Where a requirement comes from.",
        {
            "DEFAULT": "From a relationship type.",
            "DISCOVERED": "Seen by a collector.",
            "MANUAL": "Stated by a person; replaces a default for the same pair.",
        },
    )
    SeedKind = _same(
        "SeedKind",
        "What can happen to a seed.",
        {
            "DOWN": "It fails.",
            "MAINTENANCE": "It is taken out on purpose.",
            "DEGRADED": "It works badly.",
            "RELEASE": "It gets a new version: who uses it must test again.",
            "PINNED_UP": "It stays up whatever the map says.",
        },
    )
    ImpactState = _same(
        "ImpactState",
        "States an impact gives, worst first. A CI has the worst that applies.",
        {
            "DOWN": "It does not work.",
            "DOWN_PLANNED": "It does not work because of a maintenance seed.",
            "MAINTENANCE": "It is a maintenance seed itself.",
            "ISOLATED": "It works, but has no path to a root of the LAN, or of a plane in which one is needed.",
            "DEGRADED": "It works badly.",
            "AT_RISK": "It works, and has lost redundancy.",
            "TO_RETEST": "It works, and something it uses gets a new version.",
        },
    )
    ProofKind = _same(
        "ProofKind",
        "Kinds of proof step. A reader skips kinds it does not know.",
        {
            "SEED": "Given.",
            "GROUP_BROKEN": "A requirement holds no more: the providers left weigh less than needed.",
            "GROUP_WEAKENED": "A requirement holds with less: explains DEGRADED and AT_RISK.",
            "TRANSIT_LOST": "A forwarding CI is down, and its connectivity with it.",
            "ISOLATED": "A set of forwarding CIs has no root, and its whole border is dead.",
            "USES_RELEASED": "It uses what gets a new version: explains TO_RETEST.",
        },
    )
    ImpactFindingKind = _same(
        "ImpactFindingKind",
        "Kinds of finding.",
        {
            "WAIVED": "A requirement does not hold with everything up; it was waived.",
            "NEEDS_TOO_MUCH": "More is needed than all providers weigh.",
            "PLANE_WITHOUT_ROOT": "A plane has no root; it was not judged.",
            "PROVIDER_GONE": "A provider is retired or missing.",
            "STALE_EVIDENCE": "An answer hangs on evidence older than its time.",
        },
    )
    AlarmEffect = _same(
        "AlarmEffect",
        "What an alarm says of its CI.",
        {
            "DOWN": "It does not work.",
            "DEGRADED": "It works badly.",
            "UNREACHABLE": "It does not answer: it is down, or nothing leads there any more. Evidence, never a seed.",
            "NONE": "Nothing: the alarm is left out.",
        },
    )
    RecordCiRole = _same(
        "RecordCiRole",
        "What a CI is to a record.",
        {
            "SUBJECT": "What failed, is changed, released, covered or audited.",
            "CAUSE": "What caused it.",
            "IMPACTED": "What is hit.",
            "NOT_IMPACTED": "What is not hit, says a person, whatever the map says.",
        },
    )
    KnownErrorBy = _lower(
        "KnownErrorBy",
        "Why a known error fits a CI.",
        {"CI": "It names this CI.", "MODEL": "Class, maker, model or version fit."},
    )
    VersionVerdict = _lower(
        "VersionVerdict",
        "What became of a version that a CI should have.",
        {
            "DONE": "It has it.",
            "DIFFERENT": "It changed to another one.",
            "NOT_DONE": "It did not change.",
            "UNSEEN": "No complete visit saw it since the deployment began.",
            "GONE": "It is not there any more.",
        },
    )
    ScanKind = _lower(
        "ScanKind",
        "Scans of the estate whose results are kept.",
        {
            "SINGLE_POINTS": "CIs that take services down alone.",
            "PAIRS": "Pairs of CIs that take services down together, and not alone.",
            "LAST_LEG": "Requirements that one further failure breaks, because of what is not in service.",
            "DEADLOCKS": "CIs that can't start from dark, because they wait for each other.",
        },
    )
    AlarmState = _lower(
        "AlarmState",
        "Whether an alarm fires.",
        {"FIRING": "It fires.", "ENDED": "It was resolved. It may fire again."},
    )
    AlarmFindingKind = _same(
        "AlarmFindingKind",
        "Why an alarm could not be used.",
        {
            "UNKNOWN": "Nothing is named so.",
            "AMBIGUOUS": "Several CIs are named so.",
            "RETIRED": "The CI is retired: it can't fail.",
        },
    )
    TaskKind = _lower(
        "TaskKind",
        "Kinds of identity task.",
        {
            "DUPLICATE": "Several CIs are probably one thing.",
            "CONFLICT": "Strong identifiers contradict each other.",
            "AMBIGUOUS": "An observation fits several CIs.",
            "RECLASSIFY": "Sources disagree on the class.",
        },
    )
    TaskState = _lower(
        "TaskState",
        "State of an identity task.",
        {
            "OPEN": "Waits for a person.",
            "DECIDED": "A person decided.",
            "OBSOLETE": "Later observations settled it.",
        },
    )
    FactChangeKind = _same(
        "FactChangeKind",
        "Kinds of fact change.",
        {
            "CI_CREATED": "A CI appeared.",
            "CI_CHANGED": "The status, class or parent of a CI changed; `attribute` says which.",
            "ATTRIBUTE_CHANGED": "An attribute changed.",
            "RELATIONSHIP_CREATED": "A relationship appeared.",
            "RELATIONSHIP_CHANGED": "An attribute of a relationship changed.",
            "RELATIONSHIP_ENDED": "A relationship ended.",
            "IDENTIFIER_CHANGED": "An identifier was added or removed.",
            "REQUIREMENT_CHANGED": "A requirement appeared, changed or ended.",
            "IDENTITY_CHANGED": "CIs were merged or split, or that was undone.",
            "RECORD_CHANGED": "A service record appeared, changed or was linked.",
            "SETTING_CHANGED": "A source, plane, baseline, user or token changed.",
        },
    )
    Role = _same(
        "Role",
        "What one may do; each role may read everything but users and ledger, which need AUDITOR or ADMINISTRATOR.",
        {
            "VIEWER": "Read.",
            "OPERATOR": "Also edit CIs, run discovery, settle tasks and quarantine, record incidents and problems.",
            "CHANGE_MANAGER": "Also approve changes and releases.",
            "AUDITOR": "Read everything, record audits and findings; edit nothing else.",
            "ADMINISTRATOR": "Everything.",
            "FEEDER": "Push as one source over REST, and `resolve`; nothing else.",
        },
    )
    RecordType = _lower(
        "RecordType",
        "Kinds of record; they are data, this is the first set.",
        {
            "INCIDENT": "Disturbance of a service, request or complaint.",
            "PROBLEM": "Unknown cause of incidents.",
            "KNOWN_ERROR": "Known cause with a workaround.",
            "CHANGE": "Planned alteration.",
            "RELEASE": "Versions that go live together.",
            "AUDIT": "Check of records against reality.",
            "FINDING": "Deviation found.",
            "PARTY": "Customer, supplier, department, team or person.",
            "SLA": "Service level agreement.",
            "CONTRACT": "Agreement with a customer or supplier.",
            "PART": "Part that is kept in store.",
        },
    )
    RecordState = _lower(
        "RecordState",
        "States of records; each type uses some of them, see `catalogue.recordTypes`.",
        {
            "NEW": "Recorded, not looked at.",
            "ASSIGNED": "Somebody has it.",
            "IN_PROGRESS": "Being worked on.",
            "PENDING": "Waits for somebody else.",
            "RESOLVED": "Works again; to be confirmed.",
            "ANALYSING": "Cause being sought.",
            "KNOWN": "Cause known.",
            "FIX_PLANNED": "Mending is planned.",
            "RISK_ACCEPTED": "Left as it is, on purpose.",
            "DRAFT": "Being written.",
            "ASSESS": "Impact known, to be decided.",
            "APPROVED": "Agreed.",
            "SCHEDULED": "Has its time.",
            "IMPLEMENTING": "Being done.",
            "REVIEW": "Done, being judged.",
            "ACCEPTED": "Tested and accepted.",
            "DEPLOYING": "Going live.",
            "WATCH": "Live, being watched.",
            "PLANNED": "Has a date.",
            "RUNNING": "Going on.",
            "REPORTED": "Result is written.",
            "OPEN": "Found, not settled.",
            "CAUSE_KNOWN": "Cause known, not settled.",
            "ACTIVE": "In force.",
            "INACTIVE": "Not in force, may come back.",
            "CLOSED": "Ended. Final but for a reopening.",
            "REJECTED": "Not agreed. Final.",
            "CANCELLED": "Dropped. Final.",
            "ROLLED_BACK": "Taken back. Final.",
            "ENDED": "No longer in force. Final.",
            "WITHDRAWN": "No longer valid. Final.",
        },
    )
    ChangeCategory = _lower(
        "ChangeCategory",
        "How a change is decided.",
        {
            "STANDARD": "Agreed once for all.",
            "NORMAL": "Agreed each time.",
            "EMERGENCY": "Done first, assessed at once, agreed after.",
        },
    )
    AuditVerdict = _lower(
        "AuditVerdict",
        "What an audit says of a CI that is not as recorded.",
        {
            "DIFFERENT": "Seen, and not as recorded.",
            "MISSING": "Not seen any more by a complete visit.",
            "EXTRA": "Seen in the scope, and not expected.",
        },
    )
    FindingGrade = _lower(
        "FindingGrade",
        "How grave a finding is.",
        {"MINOR": "A fact that is not under control.", "MAJOR": "A fact under control, or a whole CI."},
    )
    ReviewState = _lower(
        "ReviewState",
        "State of a review.",
        {
            "WAITING": "Another person must look at it.",
            "APPROVED": "Another person agreed, and it was written.",
            "REJECTED": "Another person did not agree.",
            "SUPERSEDED": "The same origin said something else since.",
        },
    )
    CompletenessItem = _lower(
        "CompletenessItem",
        "What ISO/IEC 20000-1:2011, 9.1 asks of each CI.",
        {
            "DESCRIPTION": "A description.",
            "RELATIONSHIPS": "Relationships to other CIs.",
            "SERVICES": "Relationships to service components: which services rest on it.",
            "STATUS": "Status, with source and time.",
            "VERSION": "Version, where the class has one.",
            "LOCATION": "Location.",
            "CHANGES": "Related requests for change.",
            "PROBLEMS": "Related problems and known errors.",
        },
    )
    CompletenessState = _lower(
        "CompletenessState",
        "Whether an item is answered.",
        {
            "PRESENT": "Something answers it.",
            "ABSENT": "It applies, and nothing answers it.",
            "NOT_APPLICABLE": "It does not apply to this CI.",
        },
    )
    ErrorCode = _same(
        "ErrorCode",
        "Codes in `errors[].extensions.code`. The enum is published for clients; "
        "no field returns it except `Limits.errorCodes`.",
        {
            "UNAUTHENTICATED": "No valid token or session.",
            "FORBIDDEN": "The role does not allow this.",
            "BAD_INPUT": "An argument of a read is invalid; `extensions.argument` names it.",
            "AMBIGUOUS_KEY": "A key names more than one CI; `extensions.candidates` lists up to 10.",
            "QUERY_TOO_COMPLEX": "A limit of size, depth, fields, aliases or cost was hit; "
            "`extensions.limit` names it and says what would fit.",
            "RATE_LIMITED": "The cost budget of the token is used up; "
            "`extensions.retryAfterSeconds` says for how long.",
            "TIMEOUT": "The time limit was hit.",
            "UNAVAILABLE": "The store is out of reach or the topology is behind the ledger.",
            "INTERNAL": "A defect of the server; `extensions.incident` names the log line.",
        },
    )
    UserErrorCode = _same(
        "UserErrorCode",
        "Kinds of user error.",
        {
            "INVALID": "The value does not fit its type or range.",
            "REQUIRED": "Something required is missing.",
            "NOT_FOUND": "The thing named does not exist.",
            "AMBIGUOUS": "The key names several things.",
            "TAKEN": "Something else already has this identifier or name.",
            "VERSION_CONFLICT": "The object has another version than expected: read again.",
            "WRONG_STATE": "The state does not allow this, for example an illegal step of a record.",
            "IDENTITY_CONFLICT": "Strong identifiers contradict each other: the CIs cannot be one.",
            "NOT_ALLOWED": "The role does not allow this on this object.",
            "TOO_MANY": "A limit was hit; the message names it.",
        },
    )
    EvidenceWeight = _lower(
        "EvidenceWeight",
        "What a piece of evidence says.",
        {
            "SUPPORTS": "It is one thing.",
            "CONTRADICTS": "It is not one thing.",
            "SILENT": "It says nothing, for example a known placeholder or a shared virtual address.",
        },
    )
    IdentityDecisionKind = _lower(
        "IdentityDecisionKind",
        "Kinds of identity decision.",
        {
            "MERGE": "The CIs are one.",
            "SPLIT": "Part of a CI is another one.",
            "KEEP_APART": "The CIs are different; do not ask again.",
            "RECLASSIFY": "The CI has another class.",
            "IGNORE": "The task needs no decision.",
        },
    )
