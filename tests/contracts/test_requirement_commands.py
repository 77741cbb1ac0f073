"""Requirements as a person at a terminal reads and states them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.contracts.commands import Commands

SITE = """
format: 1
name: site
cis:
  - class: Service
    key: shop
    name: Shop
    identifiers: ["service:shop"]
    links:
      - {type: DEPENDS_ON, to: web-1, attributes: {group_key: web}}
      - {type: DEPENDS_ON, to: web-2, attributes: {group_key: web}}
    requirements:
      - {name: internet, needed: 1, providers: [{to: core, connected: lan}]}
      - {name: storage, needed: 1, providers: [{to: nas, connected: san}]}
  - {class: Computer, key: web-1, name: web-1, identifiers: ["serial:dell:WEB00001"]}
  - {class: Computer, key: web-2, name: web-2, identifiers: ["host:3b5f@00:1d:e5:84:98:c0"]}
  - {class: StorageDevice, key: nas, name: nas, identifiers: ["serial:dell:NAS00001"]}
  - class: NetworkDevice
    key: core
    name: core
    identifiers: ["serial:cisco:FOC1234X0AB"]
    attributes: {roles: [switch], root_of: [lan]}
"""
WHY = ("--reason", "asked the owner")
WEB = "host:3b5f@00:1d:e5:84:98:c0"


@pytest.fixture
def run(
    store: BoltStore,
    embedded_engine: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    """Commands on an estate that otto has written down."""
    made = Commands(embedded_engine.endpoint, tmp_path, monkeypatch, capsys)
    (tmp_path / "site.yaml").write_text(SITE)
    assert made("otto", "ingest", "push", "site.yaml").code == 0
    return made


def listed(run: Commands, *arguments: str) -> list[tuple[str, str | None, int, list[str]]]:
    rows = run("ann", "requirement", "list", *arguments, "-o", "ndjson").rows()
    return sorted((r["origin"], r["name"], r["needed"], r["providers"]) for r in rows)


def test_requirements_are_listed_and_shown(run: Commands) -> None:
    rows = run("ann", "requirement", "list", "Shop", "-o", "json")
    (default,) = [r for r in json.loads(rows.out) if r["origin"] == "default"]
    shown = run("ann", "requirement", "show", default["id"])
    nobody = run("ann", "requirement", "show", "req:x")
    value = yaml.safe_load(shown.out)

    assert listed(run, "--origin", "manual") == [
        ("manual", "internet", 1, ["core@lan"]),
        ("manual", "storage", 1, ["nas@san"]),
    ]
    assert listed(run, "Shop", "--origin", "default") == [("default", None, 1, ["web-1", "web-2"])]
    assert listed(run, "Shop", "--origin", "discovered") == []
    assert (value["owner"]["name"], value["needed"], value["on_loss"], value["holds"]) == ("Shop", 1, "at_risk", True)
    assert [(p["name"], p["weight"], p["connected"]) for p in value["providers"]] == [
        ("web-1", 1, None),
        ("web-2", 1, None),
    ]
    assert (nobody.code, "there is no requirement 'req:x'" in nobody.err) == (3, True)


def test_findings_and_planes(run: Commands) -> None:
    found = run("ann", "requirement", "findings", "-o", "ndjson").rows()
    planes = run("ann", "requirement", "planes", "-o", "ndjson").rows()

    assert [(f["kind"], f["name"]) for f in found] == [("PLANE_WITHOUT_ROOT", "Shop"), ("WAIVED", "Shop")]
    assert "plane san has no root, so the paths that Shop needs are not judged" in found[0]["text"]
    assert [(p["plane"], p["root"], p["by"]) for p in planes] == [("lan", "core", "stated"), ("san", None, None)]
    assert "has no root" in planes[1]["why"]


def test_the_roots_of_a_plane_are_set(run: Commands) -> None:
    drawn = run("ann", "requirement", "roots", "san", "nas", "--dry-run", *WHY)
    still = run("ann", "requirement", "planes", "-o", "ndjson").rows()
    done = run("ann", "requirement", "roots", "san", "nas", *WHY)
    again = run("ann", "requirement", "roots", "san", "nas", *WHY)
    planes = run("ann", "requirement", "planes", "-o", "ndjson").rows()
    nobody = run("ann", "requirement", "roots", "san", "nobody", *WHY)
    service = run("ann", "requirement", "roots", "san", "Shop", *WHY)
    back = run("ann", "requirement", "roots", "san", *WHY)
    end = run("ann", "requirement", "planes", "-o", "ndjson").rows()

    assert "san would be grounded at 1 CI" in drawn.err
    assert "san is grounded at 1 CI" in done.err
    assert "nothing changes" in again.err
    assert [(p["plane"], p["root"]) for p in planes] == [("lan", "core"), ("san", "nas")]
    assert (nobody.code, service.code, back.code) == (3, 5, 0)
    assert still == end == [p for p in end if p["root"] != "nas"]


def test_a_requirement_is_stated_and_dropped(run: Commands) -> None:
    before = listed(run, "Shop")
    given = ("Shop", "web", "--needed", "3", "--provider", "web-1=2", "--provider", f"{WEB}=1", *WHY)
    dry = run("ann", "requirement", "set", *given, "--dry-run", "-o", "ndjson")
    still = listed(run, "Shop")
    done = run("ann", "requirement", "set", *given, "--on-loss", "degraded", "--pass", "any")
    stated = listed(run, "Shop")
    connected = run("ann", "requirement", "set", "web-1", "net", "--needed", "1", "--provider", "core=1@lan", *WHY)
    would = run("ann", "requirement", "drop", "Shop", "web", *WHY, "--dry-run", "-o", "ndjson")
    (row,) = [r for r in run("ann", "requirement", "list", "-o", "ndjson").rows() if r["name"] == "web"]
    dropped = run("ann", "requirement", "drop", row["id"], *WHY)
    again = run("ann", "requirement", "drop", "Shop", "web", *WHY)

    assert before == still
    assert ([(r["name"], r["needed"]) for r in dry.rows()], "nothing was written" in dry.err) == ([("web", 3)], True)
    assert (done.code, connected.code, dropped.code) == (0, 0, 0)
    assert [r for r in stated if r not in before] == [("manual", "web", 3, ["web-1=2", "web-2"])]
    assert ("default", None, 1, ["web-1", "web-2"]) not in stated
    assert listed(run, "web-1") == [("manual", "net", 1, ["core@lan"])]
    assert ("default" in [r["origin"] for r in would.rows()], "nothing was written" in would.err) == (True, True)
    assert listed(run, "Shop") == before
    assert again.code == 3


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("Shop", "x", "--needed", "2", "--provider", "web-1"), 5, "needed is from 0 to 1"),
        (("Shop", "x", "--needed", "1", "--provider", "web-1=-4"), 5, "a weight is from 1 to 1,000,000, not -4"),
        (("Shop", "x", "--needed", "1", "--provider", "web-1@moon"), 3, "there is no plane 'moon'"),
        (("Shop", "x", "--needed", "1", "--provider", "web-9"), 3, "nothing is known by 'web-9'"),
        (
            ("Shop", "x", "--needed", "1", "--provider", "web-1=heavy"),
            2,
            "--provider web-1=heavy: 'heavy' is no weight",
        ),
        (("Shop", " ", "--needed", "1", "--provider", "web-1"), 2, "the name is empty"),
        (("Shop", "x", "--needed", "1", "--provider", "Shop"), 5, "a CI can't be its own provider"),
        (("Shop", "internet", "--needed", "1", "--provider", "web-1"), 5, "is stated by manual/site: change it there"),
        (("Shap", "x", "--needed", "1", "--provider", "web-1"), 3, "nothing is known by 'Shap'"),
    ],
)
def test_bad_input_says_what_is_wrong(run: Commands, arguments: tuple[str, ...], code: int, text: str) -> None:
    before = listed(run)
    refused = run("ann", "requirement", "set", *arguments, *WHY)

    assert (refused.code, text in refused.err) == (code, True), refused.err
    assert listed(run) == before
