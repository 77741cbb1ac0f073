"""Every published example is valid, within the limits, and answered without an error on a real store."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse
from graphql.execution.executor import Executor as CoreExecutor

from cmdb.baselines import Wanted, take_baseline
from cmdb.requirements import ProviderAsked, RequirementAsked, save_requirement
from cmdb.service.alarm_records import Alarms, Heard
from cmdb.service.scans import Scans, scan
from cmdb_graphql import execute
from cmdb_graphql.execute import Executor, Question
from tests.api.estate import Estate
from tests.api.test_tasks import question as ask_who_is_who

FOLDER = Path(__file__).parents[2] / "graphql/operations"
OPERATIONS = sorted(FOLDER.glob("*.graphql"))
HEAD = re.compile(r"# (?P<question>.+[?.])\n(?:# variables: (?P<variables>\{.*\})\n)?")
EXAMPLES = {  # ids of the examples, and what has them here
    "01JD5Z3K8Q0000000000000001": "serial:cisco:FOC0000CORE1",
    "01JD5Z3K8Q0000000000000002": "serial:cisco:FOC0000CORE2",
    "01JD5Z3K8Q0000000000000003": "service:shop",
}
BASELINE = "01JD5Z3K8Q0000000000000005"
REQUIREMENT = "01JD5Z3K8Q0000000000000007"
ABOUT_RECORDS = ("AuditFile", "AuditsDue", "FindingsToSettle", "WaitsForReview")
ABOUT_REQUIREMENTS = ("StateRequirement", "DropRequirement", "SetPlaneRoots", "SaveRecord", "StepRecord")
ABOUT_PLANS = (
    "AssessChange",
    "StepRecord",
    "ChangeCalendar",
    "ChangeFile",
    "FindSafeWindow",
    "ImpactOfRelease",
    "ReleaseWaves",
    "ReleaseCompatibility",
)
TELL_THE_TIME = ("AssessChange", "VerifyLedger")
CHANGE, RELEASE = "01JD5Z3K8Q0000000000000004", "01JD5Z3K8Q0000000000000006"
LINK = "rel:CONNECTED_TO:01JD5Z3K8Q0000000000000005:01JD5Z3K8Q0000000000000006"


def question(path: Path, estate: Estate) -> Question:
    text = path.read_text(encoding="utf-8")
    head = HEAD.match(text)
    assert head is not None
    variables = head["variables"] or "{}"
    if LINK in variables:
        (record, *_) = [r for r in estate.store.scan_relationships() if r.type == "CONNECTED_TO"]
        variables = variables.replace(LINK, f"rel:CONNECTED_TO:{record.source}:{record.target}")
    if f'"baseline": "{BASELINE}"' in variables:
        taken = take_baseline(estate.ingest, Wanted("before CHG-1042", moment=estate.store.moment(sequence=1)), "tests")
        assert taken.baseline is not None
        variables = variables.replace(BASELINE, taken.baseline.id)
    if REQUIREMENT in variables:
        core, shop = estate.id_of(EXAMPLES["01JD5Z3K8Q0000000000000001"]), estate.id_of("service:shop")
        asked = RequirementAsked(shop, "by hand", 1, (ProviderAsked(core),))
        done = save_requirement(estate.ingest, asked, "tests", "an example", {"lan"})
        variables = variables.replace(REQUIREMENT, done.ci)
    for record, kind in ((CHANGE, "change"), (RELEASE, "release")):
        if f'"{kind}": "{record}"' in variables or f'"record": "{record}"' in variables:
            variables = variables.replace(record, estate.store.records(kinds=(kind,))[-1].id)
    for example, key in EXAMPLES.items():
        if example in variables:
            variables = variables.replace(example, estate.id_of(key))
    return Question(text, json.loads(variables))


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda p: p.stem)
def test_the_example_is_answered(
    path: Path, executor: Executor, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path.stem in ABOUT_RECORDS:
        estate.audit()
    if path.stem in ("IncidentFile", "OnTopOfWhatIsOpen"):
        estate.disturb()
    if path.stem == "FiringAlarms":
        Alarms(estate.ingest).hear([Heard("alarm", "f1", "CoreDown", "DOWN", True, {})], "tests")
    if path.stem == "ScansOfTheDay":
        found = scan(estate.topology, "single_points", 1_764_000_000_000)
        Scans(estate.ingest).keep({"single_points": found}, "tests", "the scan of the day")
    if path.stem == "DuplicatesToReview":
        ask_who_is_who(estate)
    if path.stem in (*ABOUT_PLANS, "ReleaseOutcome"):
        estate.plan()
    if path.stem == "ReleaseOutcome":
        estate.deploy()
    asked = question(path, estate)
    answer = executor.answer(asked)
    cost = answer["extensions"]["cost"]

    assert "errors" not in answer, answer["errors"]
    assert cost["actual"] <= cost["requested"] <= cost["limit"]
    assert any(value not in (None, []) for value in answer["data"].values())
    if path.stem in ABOUT_REQUIREMENTS:
        assert [value["userErrors"] for value in answer["data"].values()] == [[]]
    assert path.stem != "DuplicatesToReview" or answer["data"]["identityTasks"]["nodes"]
    if "\nmutation" not in asked.query and path.stem not in TELL_THE_TIME:
        monkeypatch.setattr(execute, "PlainExecutor", CoreExecutor)
        assert executor.answer(asked) == answer  # field by field it is the same


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda p: p.stem)
def test_the_file_begins_with_its_question_and_holds_one_operation(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    (operation,) = parse(text).definitions

    assert HEAD.match(text)
    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name is not None
    assert operation.name.value == path.stem


def test_every_root_field_has_an_example() -> None:
    from cmdb_graphql.schema import core_schema

    shown = " ".join(p.read_text(encoding="utf-8") for p in OPERATIONS)
    fields = core_schema().query_type.fields  # type: ignore[union-attr]  # the schema has queries

    assert [f for f in fields if not re.search(rf"\b{f}\b *[({{]", shown)] == []
