"""Each folder below tests/golden/snmp is a case: a recording and what must come of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cmdb.errors import Invalid
from cmdb.model import vendor_slug
from cmdb.model.registry import Model
from cmdb.observation import Report, path_of
from collectors.snmp.catalogue import FOLDER, GENERIC, catalogue, enterprises
from collectors.snmp.choose import choose
from collectors.snmp.interpret import interpret
from collectors.snmp.read import read_device
from collectors.snmp.system import facts
from collectors.transport.answers import Answers
from collectors.transport.replay import RecordedTarget, open_replay

GOLDEN = Path(__file__).parent.parent / "golden" / "snmp"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
AT = 1_790_000_000_000


def read(case: str) -> Answers:
    return asyncio.run(read_device(open_replay(RecordedTarget(case, "", GOLDEN / case / "recording.snmprec"))))


def as_json(answers: Answers, report: Report) -> dict[str, Any]:
    """A report in the form of the expected files: names instead of positions, defaults left out."""
    observations = []
    for o in report.observations:
        entry: dict[str, Any] = {"class": o.ci_class, "key": o.key, "attributes": dict(sorted(o.attributes.items()))}
        if o.parent is not None:
            entry["parent"] = o.parent
        if o.identifiers:
            entry["identifiers"] = {i.key: "strong" if i.strong else "weak" for i in o.identifiers}
        if o.links:
            entry["links"] = [msgspec.structs.asdict(link) for link in o.links]
        observations.append(entry)
    profile = choose(catalogue(), facts(answers)).name
    return {
        "profile": profile,
        "complete": report.complete,
        "tables": list(report.tables),
        "observations": observations,
    }


@pytest.mark.parametrize("case", CASES)
def test_recording_gives_the_expected_report(case: str, request: pytest.FixtureRequest) -> None:
    answers = read(case)
    got = as_json(answers, interpret(case, "", answers, AT))
    expected = GOLDEN / case / "expected.json"
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(json.dumps(got, indent=1, ensure_ascii=False) + "\n", "utf-8")

    assert got == json.loads(expected.read_text("utf-8"))


@pytest.mark.parametrize("case", CASES)
def test_report_keeps_to_the_model(case: str, model: Model) -> None:
    report = interpret(case, "192.0.2.9", read(case), AT)
    paths = [path_of(o) for o in report.observations]
    checked = [model.check_attributes(o.ci_class, o.attributes) for o in report.observations]

    assert len(paths) == len(set(paths))
    assert [problems for _, problems in checked if problems] == []
    assert [o.attributes for o in report.observations] == [accepted for accepted, _ in checked]
    assert all(o.parent is None or o.parent in paths[:at] for at, o in enumerate(report.observations))


def test_every_profile_has_a_golden_case() -> None:
    covered = {choose(catalogue(), facts(read(case))).name for case in CASES}

    assert covered == set(catalogue().profiles)


def test_files_are_named_like_their_profiles() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(catalogue().profiles)


def test_roles_are_those_of_the_contract() -> None:
    forwarding = {"switch", "router", "firewall", "access_point", "wireless_controller", "load_balancer"}
    others = {
        "hypervisor",
        "server",
        "workstation",
        "printer",
        "ups",
        "pdu",
        "storage",
        "phone",
        "camera",
        "sensor",
        "bmc",
    }

    assert {role for p in catalogue().profiles.values() for role in p.roles or ()} <= forwarding | others


def test_every_profile_ends_in_the_generic_one() -> None:
    generic = catalogue().generic.rules["serial_number"]

    assert all(p.rules["serial_number"][-len(generic) :] == generic for p in catalogue().profiles.values())


def test_agent_toolkits_name_no_maker() -> None:
    assert not {99, 2021, 8072, 12325} & enterprises().keys()
    assert enterprises()[9] == "Cisco"


GENERIC_FILE = "name: generic\ndescription: base\n"

MISTAKES = [
    ("name: x\n", "x.yaml: Object missing required field `description`"),
    ("name: x\ndescription: d\nmodle: y\n", "x.yaml: Object contains unknown field `modle`"),
    ("name: x\ndescription: d\nclass: Router\n", "x.yaml: Invalid enum value 'Router' - at `$.class`"),
    ("name: x\ndescription: d\nmodel:\n  - entity: colour\n", "at `$.model[0].entity`"),
    ("name: x\ndescription: d\nmodel:\n  - {text: a, scalar: 1.3.6}\n", "x.yaml: model[0]: give exactly one of"),
    ("name: x\ndescription: d\nmodel:\n  - {pattern: a}\n", "x.yaml: model[0]: give exactly one of"),
    (
        "name: x\ndescription: d\nmodel:\n  - {sys_descr: '(a'}\n",
        "x.yaml: model[0]: sys_descr: '(a' is not a regular expression",
    ),
    ("name: x\ndescription: d\nmodel:\n  - {scalar: 1.3.x}\n", "x.yaml: model[0]: scalar: '1.3.x' is not an OID"),
    ("name: x\ndescription: d\nmodel:\n  - {text: a, format: b}\n", "x.yaml: model[0]: format: must have {}"),
    ("name: x\ndescription: d\nmatch:\n  - {}\n", "x.yaml: match[0]: has no condition"),
    ("name: x\ndescription: d\nmatch:\n  - {sys_descr: a, value: b}\n", "x.yaml: match[0].value: needs `answers`"),
    (
        "name: x\ndescription: d\nmatch:\n  - {sys_object_id: iso.3}\n",
        "x.yaml: match[0].sys_object_id: 'iso.3' is not an OID",
    ),
    ("name: x\ndescription: d\nextends: y\n", "x.yaml: extends: there is no profile named 'y'"),
    ("name: x\ndescription: d\nextends: x\n", "x.yaml: extends: goes in a circle: x → x"),
    ("name: generic\ndescription: d\n", "x.yaml: name: 'generic' is taken by generic.yaml"),
    ("name: x\ndescription: d\nparts:\n  - {name: 1.3.a}\n", "x.yaml: parts[0]: name: '1.3.a' is not an OID"),
    ("name: x\ndescription: d\nparts:\n  - {model: 1.3.6}\n", "x.yaml: parts[0]: give exactly one of name, named_by"),
    ("name: x\ndescription: d\nparts:\n  - {named_by: row}\n", "x.yaml: parts[0]: has no column"),
    ("name: x\ndescription: d\nparts:\n  - {name: 1.3.6, format: a}\n", "x.yaml: parts[0]: format: must have {}"),
    ("name: x\ndescription: d\nparts:\n  - {name: 1.3.6, kind: wheel}\n", "x.yaml: Invalid enum value 'wheel'"),
    ("name: x\ndescription: d\nparts:\n  - {name: 1.3.6, kinds: {1: fan}}\n", "x.yaml: parts[0]: kinds: goes with"),
    ("name: x\ndescription: d\nmembers:\n  - {serial_number: a}\n", "x.yaml: members[0]: serial_number: 'a' is not"),
    ("name: x\ndescription: d\ninterfaces:\n  - {alias: 1.3.6}\n", "x.yaml: interfaces[0]: give exactly one of name"),
    ("name: x\ndescription: d\ninterfaces:\n  - {offset: 1}\n", "x.yaml: interfaces[0]: has no column"),
    ("name: [\n", "x.yaml: not YAML"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_mistake_in_a_profile_is_named_with_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "generic.yaml").write_text(GENERIC_FILE, "utf-8")
    (tmp_path / "x.yaml").write_text(text, "utf-8")

    with pytest.raises(Invalid) as caught:
        catalogue(tmp_path)

    assert message in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "generic.yaml").write_text(GENERIC_FILE, "utf-8")
    (tmp_path / "a.yaml").write_text("name: a\n", "utf-8")
    (tmp_path / "b.yaml").write_text("name: b\n", "utf-8")

    with pytest.raises(Invalid) as caught:
        catalogue(tmp_path)

    assert str(caught.value).count(".yaml:") == 2


def test_a_folder_without_the_generic_profile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=GENERIC):
        catalogue(tmp_path)


def test_enterprise_table_with_a_typo_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "enterprises.yaml"
    file.write_text("nine: Cisco\n", "utf-8")

    with pytest.raises(Invalid, match=r"enterprises\.yaml: must map enterprise numbers"):
        enterprises(file)


def test_every_maker_has_a_short_name_for_identifiers() -> None:
    fixed = {rule.text for p in catalogue().profiles.values() for rule in p.rules["vendor"] if rule.text}

    assert {maker for maker in fixed | set(enterprises().values()) if vendor_slug(maker) is None} == set()
