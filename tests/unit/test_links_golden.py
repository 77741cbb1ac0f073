"""Each folder below tests/golden/links is a case: recordings of a network and the ties that must come of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cmdb.model.registry import Model
from cmdb.observation import Observation, Report, path_of
from collectors.links.relate import relate
from collectors.snmp.interpret import interpret
from collectors.snmp.read import read_device
from collectors.snmp.surroundings import surroundings
from collectors.transport.replay import find_recordings, open_replay

GOLDEN = Path(__file__).parent.parent / "golden" / "links"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
AT = 1_790_000_000_000


def related(case: str) -> tuple[list[Report], list[Report]]:
    """The reports of the devices, and those of their ties."""
    reports, facts = [], []
    for target in find_recordings([GOLDEN / case]):
        answers = asyncio.run(read_device(open_replay(target)))
        reports.append(interpret(target.name, target.address, answers, AT))
        facts.append(surroundings(target.name, target.address, answers, AT))
    return reports, relate(reports, facts)


def as_json(o: Observation) -> dict[str, Any]:
    """An observation as expected files have it: what is new with its attributes, and each link on a line."""
    entry: dict[str, Any] = {"role": o.role}
    if o.role == "reported":
        entry["attributes"] = o.attributes
        entry["identifiers"] = {i.key: "strong" if i.strong else "weak" for i in o.identifiers}
    if o.links:
        entry["links"] = [
            f"{link.type} {link.to} by {link.method} {json.dumps(link.attributes, sort_keys=True)}" for link in o.links
        ]
    return entry


@pytest.mark.parametrize("case", CASES)
def test_recordings_give_the_expected_ties(case: str, request: pytest.FixtureRequest) -> None:
    _, links = related(case)
    got = {r.target: {f"{o.ci_class} {path_of(o)}": as_json(o) for o in r.observations} for r in links}
    expected = GOLDEN / case / "expected.json"
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(json.dumps(got, indent=1, ensure_ascii=False) + "\n", "utf-8")

    assert got == json.loads(expected.read_text("utf-8"))


@pytest.mark.parametrize("case", CASES)
def test_ties_keep_to_the_model(case: str, model: Model) -> None:
    reports, links = related(case)
    known = {path_of(o) for r in reports for o in r.observations}
    known |= {i.key for r in reports for o in r.observations for i in o.identifiers if i.strong}

    for report in links:
        inside: set[str] = set()
        for o in report.observations:
            assert o.parent is None or o.parent in inside, "parents stand before their dependents"
            assert o.role == "reported" or path_of(o) in known, "what is mentioned is described elsewhere"
            assert o.role == "reported" or not o.attributes
            assert model.check_attributes(o.ci_class, o.attributes)[1] == []
            inside.add(path_of(o))
        ends = {link.to for o in report.observations for link in o.links}
        assert ends <= inside | known
