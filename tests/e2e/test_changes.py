"""History, differences and baselines as people ask for them on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.program import cmdb, kept_open

pytestmark = pytest.mark.e2e
ESTATE = """
format: 1
name: services
cis:
  - {class: PowerDevice, key: pdu, name: pdu-1, identifiers: ["serial:apc:PDU00001"]}
  - class: Computer
    key: web
    name: web-1
    identifiers: ["serial:dell:WEB00001"]
    attributes: {model: R640}
    links: [{type: POWERED_BY, to: pdu}]
  - class: Service
    name: Shop
    identifiers: ["service:shop"]
    attributes: {criticality: 4}
    links: [{type: DEPENDS_ON, to: web}]
"""


class Day:
    """One store and the commands run on it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str | Path) -> CompletedProcess[str]:
        return cmdb(self.home, *arguments, "--data-dir", self.home / "store")

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        found = self(*arguments, "-o", "ndjson")

        assert found.returncode in (0, 10), found.stderr
        return [json.loads(line) for line in found.stdout.splitlines()]

    def push(self, text: str) -> None:
        file = self.home / "services.yaml"
        file.write_text(text)
        pushed = self("ingest", "push", file)

        assert pushed.returncode == 0, pushed.stderr


def test_what_changed_since_the_baseline(tmp_path: Path) -> None:
    day = Day(tmp_path)
    with kept_open(day.home / "store"):
        day.push(ESTATE)
        taken = day("baseline", "take", "before", "--reason", "the disks are replaced tonight")
        again = day("baseline", "take", "Before", "--reason", "once more")
        same = day("baseline", "verify", "before")
        day.push(ESTATE.replace("R640", "R650").replace("    links: [{type: POWERED_BY, to: pdu}]\n", ""))
        history = day.rows("ci", "history", "web-1")
        models = day.rows("ci", "history", "serial:dell:WEB00001", "--attribute", "model")
        compared = day("baseline", "compare", "before", "-o", "ndjson")
        between = day.rows("diff", "1", "now")
        found = day.rows("baseline", "verify", "before")
        listed = day.rows("baseline", "list")
        dropped = day("baseline", "drop", "before", "--reason", "done")
        gone = day("diff", "before", "now")

    assert taken.returncode == 0, taken.stderr
    assert (again.returncode, "Before" in again.stderr or "before" in again.stderr) == (5, True)
    assert (same.returncode, same.stdout) == (0, "")
    assert sorted((r["kind"], str(r["other"])) for r in history[-3:]) == [
        ("CI_CREATED", "None"),
        ("RELATIONSHIP_CREATED", "pdu-1"),
        ("RELATIONSHIP_CREATED", "web-1"),
    ]
    assert {r["kind"] for r in history[:-3]} == {"ATTRIBUTE_CHANGED", "RELATIONSHIP_ENDED"}
    assert [(r["before"], r["after"], r["source"]) for r in models] == [("R640", "R650", "manual")]
    assert compared.returncode == 10
    facts = [json.loads(line) for line in compared.stdout.splitlines()]
    assert facts == between
    assert {(f["kind"], f["name"], f["attribute"], f["relationship_type"], f["other"]) for f in facts} == {
        ("ATTRIBUTE_CHANGED", "web-1", "model", None, None),
        ("RELATIONSHIP_ENDED", "web-1", None, "POWERED_BY", "pdu-1"),
    }
    assert {(f["finding"], f["attribute"], f["expected"], f["found"]) for f in found} == {
        ("DIFFERS", "model", "R640", "R650"),
        ("MISSING", "POWERED_BY pdu-1", None, None),
    }
    assert [(b["name"], b["sequence"], b["reason"]) for b in listed] == [
        ("before", 1, "the disks are replaced tonight")
    ]
    assert dropped.returncode == 0, dropped.stderr
    assert (gone.returncode, "was dropped" in gone.stderr) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("diff", "yesterday", "now"), 3, "no baseline 'yesterday'"),
        (("diff", "now", "0"), 5, "earlier moment first"),
        (("diff", "0", "99"), 5, "no sequence 99 yet"),
        (("diff", "0", "--scope", "class"), 2, "NAME=VALUE"),
        (("diff", "0", "--scope", "smell=red"), 2, "no such condition"),
        (("diff", "0", "--scope", "status=broken"), 2, "no status 'broken'"),
        (("ci", "history", "nobody"), 3, "nothing is known by 'nobody'"),
        (("ci", "history", "web-1", "--attribute", "smell"), 5, "no class has an attribute 'smell'"),
        (("ci", "history", "web-1", "--since", "noon"), 2, "ISO 8601 with a zone"),
        (("baseline", "take", "now", "--reason", "r"), 5, "read as a moment itself"),
        (("baseline", "drop", "nothing"), 3, "no baseline 'nothing'"),
    ],
)
def test_bad_input_is_told_in_a_line(day: Day, arguments: tuple[str, ...], code: int, message: str) -> None:
    answer = day(*arguments)

    assert (answer.returncode, answer.stdout) == (code, "")
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    made = Day(tmp_path_factory.mktemp("day"))
    with kept_open(made.home / "store"):
        made.push(ESTATE)
        yield made
