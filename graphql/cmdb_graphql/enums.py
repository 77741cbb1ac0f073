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
    TaskKind: TypeAlias = str
    TaskState: TypeAlias = str
    Role: TypeAlias = str
    ErrorCode: TypeAlias = str

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
            "ISOLATED": "It works, but has no path to a root of its plane.",
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
