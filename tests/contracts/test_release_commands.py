"""Releases: what they were tested with, the baseline they are deployed from, and what became of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Link, Observation, Report
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.contracts.commands import Commands

HOUR = 3_600_000


class Site:
    """Three hosts as visits find them."""

    def __init__(self, store: BoltStore, model: Model, clock: list[int]) -> None:
        self.ingest = Ingest(store, model, lambda: clock[0], lambda: f"01K{next(self.numbers):023d}")
        self.numbers, self.clock = iter(range(1, 1_000)), clock

    def visit(self, host: int, os_version: str, openssl: str = "3.0.11", **more: Any) -> None:
        """A complete visit to one host."""
        key = f"serial:dell:WEB0000{host}"
        device = Observation(
            "Computer", key, {"name": f"web-{host}", "os_version": os_version, **more}, (Identifier(key),)
        )
        product = f"product:openssl:openssl:{openssl}"
        link = (Link("INSTALLED_ON", key, {}, "packages"),)
        package = Observation(
            "SoftwareProduct", product, {"name": "openssl", "version": openssl}, (Identifier(product),), links=link
        )
        self.ingest.run([Report("ssh", f"web-{host}", self.clock[0], (device, package))], "tests", "a visit")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Epoch milliseconds, set by hand, for commands as well."""
    now = [1_764_000_000_000]
    monkeypatch.setattr("cmdb.entrypoints.wiring.clock_ms", lambda: now[0])
    return now


@pytest.fixture
def site(store: BoltStore, model: Model, clock: list[int]) -> Site:
    made = Site(store, model, clock)
    made.visit(1, "12.4")
    made.visit(2, "12.5", "3.0.14")
    made.visit(3, "12.4")
    return made


@pytest.fixture
def run(
    site: Site,
    embedded_engine: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    """Commands on three hosts, of which a release is about all."""
    made = Commands(embedded_engine.endpoint, tmp_path, monkeypatch, capsys)
    content = ("--installs", "os_version=12.6", "--installs", "product:openssl=3.0.15")
    tested = ("--tested", "os_version=12.4", "--tested", "product:openssl=3.0.11", "--tested", "product:openssl=3.0.14")
    created = made("rita", "release", "create", "debian", "--class", "Computer", *content, *tested, "--reason", "due")

    assert created.out == "REL-1 draft\n", created.err
    return made


def move(run: Commands, clock: list[int], *steps: str) -> None:
    for step in steps:
        clock[0] += HOUR
        done = run("rita", "release", "move", "REL-1", step, "--reason", "next")

        assert done.code == 0, done.err


def test_what_was_not_tested_is_told(run: Commands) -> None:
    shown = run("rita", "release", "compatibility", "REL-1", "-o", "json")
    table = run("rita", "release", "compatibility", "REL-1")
    run(
        "rita",
        "release",
        "edit",
        "REL-1",
        "--tested",
        "os_version=>=12.4",
        "--reason",
        "r",
    )
    all_tested = run("rita", "release", "compatibility", "REL-1", "-o", "ndjson")
    run("rita", "release", "edit", "REL-1", "--tested", "product:nginx=1.26", "--reason", "r")
    unknown = run("rita", "release", "compatibility", "REL-1")
    found = json.loads(shown.out)

    assert shown.code == table.code == 10
    assert [(v["what"], v["version"], v["tested"], v["count"]) for v in found["versions"]] == [
        ("os_version", "12.5", False, 1),
        ("os_version", "12.4", True, 2),
        ("product:openssl", "3.0.11", True, 2),
        ("product:openssl", "3.0.14", True, 1),
    ]
    assert [ci["name"] for ci in found["versions"][0]["cis"]] == ["web-2"]
    assert "3 CIs: 1 with a version that was not tested, 0 of which it is not known, 0 gone" in table.err
    assert (all_tested.code, len(all_tested.rows())) == (0, 2)
    assert (unknown.code, "3 of which it is not known" in unknown.err) == (0, True)


def test_no_deployment_without_a_baseline_of_its_own(run: Commands, clock: list[int]) -> None:
    run("rita", "baseline", "take", "early", "--reason", "r")
    move(run, clock, "accepted", "approved")
    clock[0] += HOUR
    run("rita", "baseline", "take", "narrow", "--scope", "name=web-1", "--reason", "r")
    without = run("rita", "release", "move", "REL-1", "deploying", "--reason", "go")
    early, narrow = (
        run("rita", "release", "move", "REL-1", "deploying", "--baseline", name, "--reason", "go")
        for name in ("early", "narrow")
    )
    both = run(
        "rita", "release", "move", "REL-1", "deploying", "--baseline", "early", "--take-baseline", "--reason", "r"
    )
    nobody = run("rita", "release", "move", "REL-1", "deploying", "--baseline", "nobody", "--reason", "go")
    before = run("rita", "release", "outcome", "REL-1")
    taken = run("rita", "release", "move", "REL-1", "deploying", "--take-baseline", "--reason", "go")
    shown = json.loads(run("rita", "release", "show", "REL-1", "-o", "json").out)
    late = run("rita", "release", "edit", "REL-1", "--tested", "model=x", "--reason", "r")

    assert "REL-1 can't go to deploying yet: no baseline was taken for it" in without.err
    assert "the baseline early is of before the release was approved" in early.err
    assert "the baseline narrow leaves out 2 of 3 CIs" in narrow.err
    assert [done.code for done in (without, early, narrow, both, nobody, before, late)] == [5, 5, 5, 5, 3, 5, 5]
    assert "there is no outcome before it is deployed" in before.err
    assert taken.out == "REL-1 deploying\n"
    assert [(g["name"], g["holds"]) for g in shown["guards"]] == [("baseline_taken", True)]
    assert "REL-1 is deploying; what it is about is settled" in late.err
    assert "before REL-1" in run("rita", "baseline", "list", "-o", "csv").out


def test_what_became_of_it(run: Commands, site: Site, clock: list[int]) -> None:
    move(run, clock, "accepted", "approved")
    run("rita", "release", "move", "REL-1", "deploying", "--take-baseline", "--reason", "go")
    clock[0] += HOUR
    site.visit(1, "12.6", "3.0.15")
    site.visit(2, "12.5", "3.0.16", model="R650")
    clock[0] += HOUR
    run("ann", "incident", "open", "web-2 is slow", "--degraded", "web-2", "--reason", "called")
    part = run("rita", "release", "outcome", "REL-1", "-o", "json")
    table = run("rita", "release", "outcome", "REL-1")
    site.visit(2, "12.6", "3.0.15")
    site.visit(3, "12.6", "3.0.15")
    whole = run("rita", "release", "outcome", "REL-1", "-o", "json")
    found, end = json.loads(part.out), json.loads(whole.out)

    assert (part.code, whole.code) == (10, 0)
    assert [(r["ci"]["name"], r["what"], r["found"], r["verdict"]) for r in found["rows"]] == [
        ("web-1", "os_version", ["12.6"], "done"),
        ("web-1", "product:openssl", ["3.0.15"], "done"),
        ("web-2", "os_version", ["12.5"], "not_done"),
        ("web-2", "product:openssl", ["3.0.16"], "different"),
        ("web-3", "os_version", ["12.4"], "unseen"),
        ("web-3", "product:openssl", ["3.0.11"], "unseen"),
    ]
    assert [(e["name"], e["attribute"], e["after"]) for e in found["extra"]] == [("web-2", "model", "R650")]
    assert [i["number"] for i in found["incidents"]] == ["INC-1"]
    assert "2 of 6 done since" in table.err
    assert "besides: web-2: model: None → R650" in table.err
    assert "incident: INC-1 new: web-2 is slow" in table.err
    assert {r["verdict"] for r in end["rows"]} == {"done"}
    assert end["extra"] == []
