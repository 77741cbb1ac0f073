"""The published schema is what the code makes, keeps the house rules, and is part of the draft."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType, build_schema, find_breaking_changes, get_named_type, print_ast, validate_schema

from cmdb.model.registry import Model
from cmdb_graphql.schema import core_schema, sdl, strawberry_schema

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "graphql/schema.graphql"
DRAFT = ROOT.parent / "shared/design/graphql/schema.graphql"
SCALARS = ("String", "Int", "Float", "Boolean", "ID")

# Fields that the draft does not have: attributes of the class catalogue. Reasons are in graphql/README.md.
BEYOND_THE_DRAFT = {
    *("reachability", "rootOf"),
    *("completeness", "incompleteCis", "auditPlans", "reviews"),  # ISO/IEC 20000-1:2011, 9.1
    *(
        "plan",
        "auditor",
        "startedAt",
        "expectedSequence",
        "expectedHash",
        "seed",
        "population",
        "sample",
    ),  # of an audit
    *("results", "guards", "transitions"),
    *("overdue", "verdict", "grade", "audit", "ci", "differences", "cause", "evidence"),  # of a finding
    *("lifecycle", "line", "rpoMinutes", "rtoMinutes", "testedAt", "watchedBy"),
    *("despite", "observedAt"),
    *("lock", "unlock", "review"),  # of saveCi
    "text",  # of a question of identity
    *("collisionCount", "changed", "unknownCis"),  # of an assessment
    *("lapsed", "risk", "planned"),  # of a change
    *("affected", "computedAt", "impactLevel", "reported", "resolution", "serviceCount", "urgency"),  # of an incident
    *("customers", "services", "effect", "name"),  # of an incident, a service and an alarm
    *("alarms", "asOf", "checks", "complete", "findings", "policyVersion"),  # of causes
    *("contained", "silentCount", "unexplainedCount"),
    *("alarms", "firing"),  # that came in
    "scanResults",
    *("knownErrors", "symptom", "fix", "matchClass", "vendor", "model", "versions", "named"),  # of known errors
    *("releaseCompatibility", "releaseOutcome", "contents", "tested"),  # of a release
    "possible",  # of a summary
    *("addresses", "protocol", "macAddress"),  # of a Cluster of routers
    *("stale", "certainty"),  # of an assessment and its collisions
    *("poeEnabled", "poePowerW", "position"),
    *("ratedInputVoltageV", "ratedOutputVoltageV", "ratedPowerVa", "ratedPowerW"),  # of a PowerDevice
}
VALUES_BEYOND_THE_DRAFT = {"IGNORE", "LOCKED", "IN_VRF"}


def test_the_published_schema_is_up_to_date() -> None:
    published = PUBLISHED.read_text(encoding="utf-8")

    assert published == sdl(), "run: make docs"
    assert find_breaking_changes(build_schema(published), build_schema(sdl())) == []


def test_the_sorted_schema_says_the_same_as_the_code() -> None:
    ours = build_schema(strawberry_schema().as_str())

    assert find_breaking_changes(ours, build_schema(sdl())) == find_breaking_changes(build_schema(sdl()), ours) == []
    assert validate_schema(core_schema()) == []


def named_types() -> dict[str, Any]:
    return {n: t for n, t in build_schema(sdl()).type_map.items() if not n.startswith("__") and n not in SCALARS}


def test_everything_has_a_description_and_nulls_are_explained() -> None:
    problems = []
    for name, type_ in named_types().items():
        problems += [name] * (not type_.description)
        if isinstance(type_, GraphQLEnumType):
            problems += [f"{name}.{v}" for v, value in type_.values.items() if not value.description]
        output = hasattr(type_, "interfaces")
        for field_name, field in getattr(type_, "fields", {}).items():
            nullable = not str(field.type).endswith("!")
            problems += [f"{name}.{field_name}"] * (not field.description)
            problems += [f"{name}.{field_name}: null"] * (output and nullable != ("Null:" in (field.description or "")))
            problems += [
                f"{name}.{field_name}({a})" for a, v in getattr(field, "args", {}).items() if not v.description
            ]

    assert problems == []


def test_lists_hold_no_nulls_and_are_bounded() -> None:
    types, sized = named_types(), set()
    for type_ in types.values():
        for field in getattr(type_, "fields", {}).values():
            for directive in (
                (getattr(field.ast_node, "directives", None) or ()) if hasattr(type_, "interfaces") else ()
            ):
                text = print_ast(directive)
                if "sizedFields" in text:
                    sized |= {
                        (get_named_type(field.type).name, s)
                        for s in types[get_named_type(field.type).name].fields
                        if f'"{s}"' in text
                    }
    problems = []
    for name, type_ in types.items():
        for field_name, field in getattr(type_, "fields", {}).items():
            if "[" not in str(field.type):
                continue
            problems += [f"{name}.{field_name}"] * ("!]" not in str(field.type))
            leaf = not hasattr(get_named_type(field.type), "fields")
            bounded = (
                leaf
                or not hasattr(type_, "interfaces")
                or (name, field_name) in sized
                or "@listSize" in print_ast(field.ast_node)
            )
            problems += [f"{name}.{field_name}: unbounded"] * (not bounded)

    assert problems == []


def test_every_class_and_attribute_of_the_catalogue_is_there(model: Model) -> None:
    types = named_types()
    for ci_class in model.classes.values():
        if ci_class.internal:
            assert ci_class.name not in types["CiClass"].values
            continue
        for attribute in ci_class.attributes.values():
            head, *rest = attribute.name.split("_")

            assert head + "".join(w.capitalize() for w in rest) in types[ci_class.name].fields


def default_of(argument: Any) -> str:
    literal = argument.ast_node.default_value
    return print_ast(literal) if literal else ""


def directives_of(node: Any) -> list[tuple[str, list[str]]]:
    return sorted(
        (d.name.value, sorted(print_ast(a) for a in d.arguments or ())) for d in node.ast_node.directives or ()
    )


CLASSES_BEYOND_THE_DRAFT = ("Filesystem", "FilesystemConnection", "Supply", "SupplyConnection")
TYPES_BEYOND_THE_DRAFT = {
    *CLASSES_BEYOND_THE_DRAFT,
    *(
        "CompletenessItem",
        "CompletenessState",
        "CompletenessAnswer",
        "Completeness",
        "IncompleteCiConnection",
        "ItemCount",
    ),
    *(
        "AuditPlan",
        "AuditResults",
        "AuditVerdict",
        "FindingDifference",
        "FindingGrade",
        "Guard",
        "RecordStepDone",
    ),
    *("Review", "ReviewState", "ReviewedEdit"),
    *("PlannedCi", "RootCauseCheck", "AlarmEffect", "AlarmFinding", "AlarmFindingKind", "Effect", "HitService"),
    *("PresentVersion", "ReleaseCompatibility", "ReleaseOutcome", "ReleasedVersion", "VerdictCount", "VersionFact"),
    *("VersionVerdict", "KnownErrorBy", "KnownErrorFit", "VersionFactInput"),
    *("ScanChanged", "ScanDifference", "ScanEntry", "ScanKind", "ScanResult", "ScanRun"),
    *("Alarm", "AlarmConnection", "AlarmFilter", "AlarmFiring", "AlarmLabel", "AlarmState"),
}


@pytest.mark.shared
@pytest.mark.skipif(not DRAFT.exists(), reason="the draft of the whole schema is not beside the project")
def test_what_we_have_is_as_in_the_draft() -> None:
    draft, differences = build_schema(DRAFT.read_text(encoding="utf-8")).type_map, []
    for name, ours in named_types().items():
        if name in TYPES_BEYOND_THE_DRAFT:
            continue
        theirs: Any = draft[name]
        same = {i.name for i in getattr(ours, "interfaces", ())} == {i.name for i in getattr(theirs, "interfaces", ())}
        differences += [f"{name}: interfaces"] * (not same)
        values = set(getattr(ours, "values", ())) - set(CLASSES_BEYOND_THE_DRAFT) - VALUES_BEYOND_THE_DRAFT
        differences += [f"{name}: values"] * (values != set(getattr(theirs, "values", ())))
        differences += [f"{name}: cost"] * (directives_of(ours) != directives_of(theirs))
        for field_name, field in getattr(ours, "fields", {}).items():
            drafted = theirs.fields.get(field_name)
            if drafted is None:
                differences += [f"{name}.{field_name}"] * (field_name not in BEYOND_THE_DRAFT)
                continue
            differences += [f"{name}.{field_name}: {field.type}"] * (str(field.type) != str(drafted.type))
            differences += [f"{name}.{field_name}: cost"] * (directives_of(field) != directives_of(drafted))
            wanted, got = getattr(drafted, "args", {}), getattr(field, "args", {})
            differences += sorted(f"{name}.{field_name}({a})" for a in wanted.keys() ^ got.keys())
            for argument in wanted.keys() & got.keys():
                a, b = got[argument], wanted[argument]
                if (str(a.type), default_of(a), directives_of(a)) != (str(b.type), default_of(b), directives_of(b)):
                    differences.append(f"{name}.{field_name}({argument}): {a.type}")

    assert differences == []
