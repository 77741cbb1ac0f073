"""Each folder below tests/golden/hosts is a case: a recording of a host and what must come of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cmdb.model.registry import Model
from cmdb.observation import Report, path_of
from collectors.facts import Facts
from collectors.hosts.interpret import interpret
from collectors.hosts.read import SCRIPT, read_host
from collectors.transport.commands_recording import HOST, RecordedCommands
from collectors.transport.host_replay import open_host_replay

GOLDEN = Path(__file__).parent.parent / "golden" / "hosts"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
AT = 1_790_000_000_000
SPOKEN_OF = ("neighbours", "resolved", "sessions", "chassis", "read")


def read(case: str) -> tuple[Report, Facts]:
    session = open_host_replay(RecordedCommands(case, "10.20.0.11", GOLDEN / case / "recording.ssh", HOST))
    return interpret(case, session.address, asyncio.run(read_host(session)), AT)


def as_json(report: Report, facts: Facts) -> dict[str, Any]:
    """Report and facts in the form of the expected files: names instead of positions, defaults left out."""
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
    told = {name: msgspec.to_builtins(getattr(facts, name)) for name in SPOKEN_OF}
    told["read"] = sorted(told["read"])
    told_in_lists = json.loads(json.dumps(told))
    return {
        "complete": report.complete,
        "tables": list(report.tables),
        "observations": observations,
        "facts": {"device": facts.device, **told_in_lists},
    }


@pytest.mark.parametrize("case", CASES)
def test_recording_gives_the_expected_report(case: str, request: pytest.FixtureRequest) -> None:
    got = as_json(*read(case))
    expected = GOLDEN / case / "expected.json"
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(json.dumps(got, indent=1, ensure_ascii=False) + "\n", "utf-8")

    assert got == json.loads(expected.read_text("utf-8"))


@pytest.mark.parametrize("case", CASES)
def test_report_keeps_to_the_model(case: str, model: Model) -> None:
    report, _ = read(case)
    paths = [path_of(o) for o in report.observations]
    checked = [model.check_attributes(o.ci_class, o.attributes) for o in report.observations]

    assert len(paths) == len(set(paths))
    assert [problems for _, problems in checked if problems] == []
    assert [o.attributes for o in report.observations] == [accepted for accepted, _ in checked]
    assert all(o.parent is None or o.parent in paths[:at] for at, o in enumerate(report.observations))


@pytest.mark.parametrize("case", CASES)
def test_recordings_answer_every_section(case: str) -> None:
    lines = (GOLDEN / case / "recording.ssh" / "commands.ndjson").read_text("utf-8").splitlines()

    assert {json.loads(line)["section"] for line in lines} == {command.name for command in SCRIPT}


def test_a_visit_without_rights_names_the_same_instances() -> None:
    keys = {
        case: {o.key for o in read(case)[0].observations if o.ci_class == "SoftwareInstance"}
        for case in ("debian", "debian-unprivileged")
    }

    assert keys["debian"] <= keys["debian-unprivileged"]


def test_a_visit_without_rights_does_not_claim_to_have_read_what_it_may_not_see() -> None:
    missing = set(read("debian")[0].tables) - set(read("debian-unprivileged")[0].tables)

    assert missing == {"listener_processes", "serials"}


@pytest.mark.parametrize("case", CASES)
def test_no_secret_of_a_command_line_comes_out(case: str) -> None:
    assert "hunter2" not in str(read(case))
