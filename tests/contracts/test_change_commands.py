"""Changes and releases as their users plan them: written, checked jointly, placed, rolled out in waves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.contracts.commands import Commands

SITE = """
format: 1
name: site
cis:
  - {class: Computer, key: web-1, name: web-1, identifiers: ["serial:dell:WEB00001"]}
  - {class: Computer, key: web-2, name: web-2, identifiers: ["serial:dell:WEB00002"]}
  - class: Service
    name: shop
    identifiers: ["service:shop"]
    attributes: {criticality: 4}
    links:
      - {type: DEPENDS_ON, to: web-1, attributes: {group_key: web}}
      - {type: DEPENDS_ON, to: web-2, attributes: {group_key: web}}
"""
NIGHT = ("--from", "2099-11-28T22:00:00Z", "--to", "2099-11-28T23:00:00Z")


@pytest.fixture
def run(
    store: BoltStore,
    embedded_engine: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    made = Commands(embedded_engine.endpoint, tmp_path, monkeypatch, capsys)
    (tmp_path / "site.yaml").write_text(SITE)
    assert made("otto", "ingest", "push", "site.yaml").code == 0
    created = made("rita", "change", "create", "memory", "--ci", "web-1", *NIGHT, "--reason", "short of it")
    assert (created.code, created.out) == (0, "CHG-1 draft\n")
    return made


def test_a_change_and_what_collides_with_it(run: Commands) -> None:
    assessed = run("rita", "change", "assess", "CHG-1", "--reason", "look")
    free = run(
        "rita", "change", "check", "--ci", "web-2", "--from", "2099-11-28T23:00:00Z", "--to", "2099-11-29T00:00Z"
    )
    draft = ("change", "check", "--ci", "web-2", *NIGHT)
    collides = run("rita", *draft, "--fail-on-collision", "-o", "json")
    drawn = run("rita", *draft)

    assert (assessed.code, free.code, collides.code, drawn.code) == (0, 0, 10, 0)
    assert "significant" in assessed.out
    assert "no collision" in free.out
    said = json.loads(collides.out)
    assert [c["numbers"] for c in said["collisions"]] == [["CHG-1"]]
    assert said["collisions"][0]["overlap"] == {"start": "2099-11-28T22:00:00Z", "end": "2099-11-28T23:00:00Z"}
    assert "CHG-1" in drawn.out
    assert "shop (DOWN_PLANNED)" in drawn.out


def test_the_list_and_one_of_it(run: Commands) -> None:
    run("rita", "change", "assess", "CHG-1", "--reason", "look")
    moved = run("rita", "change", "move", "CHG-1", "approved", "--reason", "agreed")
    (row,) = run("rita", "change", "list", "--ci", "web-1", "-o", "ndjson").rows()
    shown = run("rita", "change", "show", "chg-1", "-o", "json")
    drawn = run("rita", "change", "show", "chg-1")
    others = run("rita", "change", "list", "--ci", "web-2", "-o", "ndjson").rows()
    edited = run("rita", "change", "edit", "CHG-1", "--ci", "web-2", "--reason", "the other one")

    assert moved.out == "CHG-1 approved\n"
    assert (row["state"], row["class"], row["collisions"], row["lapsed"]) == ("approved", "significant", 0, False)
    assert others == []
    told = json.loads(shown.out)
    assert told["cis"] == ["web-1: maintenance"]
    assert [a["severityClass"] for a in told["assessments"]] == ["significant"]
    assert "web-1: maintenance" in drawn.out
    assert edited.out == "CHG-1 draft\n"


def test_an_assessment_of_before_is_shown_as_what_it_is(run: Commands) -> None:
    run("rita", "change", "assess", "CHG-1", "--reason", "look")
    fresh = run("rita", "change", "show", "CHG-1")
    run("rita", "change", "edit", "CHG-1", "--ci", "web-2", "--reason", "the other one")
    drawn, told = run("rita", "change", "show", "CHG-1"), run("rita", "change", "show", "CHG-1", "-o", "json")
    (row,) = run("rita", "change", "list", "-o", "ndjson").rows()

    assert "stale:" not in fresh.err
    assert "what follows is stale: other CIs or another window since; `cmdb change assess CHG-1`" in drawn.err
    assert ([a["stale"] for a in json.loads(told.out)["assessments"]], row["stale"]) == ([True], True)


def test_safe_slots(run: Commands) -> None:
    run("rita", "change", "assess", "CHG-1", "--reason", "look")
    search = ("--from", "2099-11-28T20:00:00Z", "--to", "2099-11-29T00:00:00Z")
    found = run("rita", "change", "windows", "--ci", "web-2", "--minutes", "90", *search, "-o", "json")
    drawn = run("rita", "change", "windows", "--ci", "web-2", "--minutes", "90", *search)
    own = run("rita", "change", "windows", "CHG-1", *search, "-o", "json")

    assert json.loads(found.out)["windows"] == [{"start": "2099-11-28T20:00:00Z", "end": "2099-11-28T22:00:00Z"}]
    assert "together with CHG-1, shop would fail" in drawn.out
    assert [b["numbers"] for b in json.loads(found.out)["blocked"]] == [["CHG-1"]]
    assert len(json.loads(own.out)["windows"]) == 1


def test_assessed_again(run: Commands) -> None:
    run("rita", "change", "assess", "CHG-1", "--reason", "look")
    nothing = run("rita", "change", "recheck", "-o", "ndjson")
    run("rita", "change", "create", "other memory", "--ci", "web-2", *NIGHT, "--reason", "short of it")
    run("rita", "change", "assess", "CHG-2", "--reason", "look")
    changed = run("rita", "change", "recheck", "-o", "ndjson")

    assert nothing.rows() == []
    ((first,)) = changed.rows()
    assert first["number"] == "CHG-1"
    assert "collides with CHG-2" in first["changed"]


def test_a_release_in_waves(run: Commands) -> None:
    created = run("rita", "release", "create", "shop 2.5", "--class", "Computer", "--version", "2.5", "--reason", "new")
    waves = run("rita", "release", "waves", "REL-1", "-o", "json")
    impact = json.loads(run("rita", "impact", "--release", "REL-1", "-o", "json").out)
    nothing = run("rita", "impact", "--change", "CHG-9")
    drawn = run("rita", "release", "waves", "--ci", "web-1", "--ci", "web-2")
    run("rita", "release", "move", "REL-1", "accepted", "--reason", "tested")
    (row,) = run("rita", "release", "list", "-o", "ndjson").rows()

    assert created.out == "REL-1 draft\n"
    assert {n["state"] for n in impact["nodes"] if n["ci"]["name"].startswith("web-")} == {"MAINTENANCE"}
    assert nothing.code == 3
    plan = json.loads(waves.out)
    assert (plan["waves"], plan["lowerBound"], [i["wave"] for i in plan["items"]]) == (2, 2, [1, 2])
    assert "in wave 1, shop would fail: it needs 1 of 2" in drawn.out
    assert (row["state"], row["cis"], row["version"]) == ("accepted", 2, "2.5")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("change", "check"), 2, "name either a change"),
        (("release", "create", "r", "--class", "Printer", "--reason", "r"), 3, "no CI of class Printer is there"),
        (
            ("release", "waves", "--class", "Computer", "--name-prefix", "db"),
            3,
            "no CI of class Computer whose name begins with 'db' is there",
        ),
        (("change", "check", "CHG-1", "--ci", "web-1"), 2, "name either a change"),
        (("change", "check", "CHG-1", *NIGHT), 2, "window of its own"),
        (("change", "check", "--ci", "web-1"), 2, "give --from and --to"),
        (("change", "check", "--ci", "web-1", "--from", "2099-11-28T22:00:00Z"), 2, "give both"),
        (("change", "check", "--ci", "web-1", "--from", "x", "--to", "y"), 2, "--from 'x' is no time"),
        (
            ("change", "check", "--ci", "web-1", *NIGHT[2:], "--from", "2099-11-29T22:00:00Z"),
            5,
            "ends before it starts",
        ),
        (("change", "check", "--ci", "nobody", *NIGHT), 3, "nobody"),
        (("change", "check", "CHG-9"), 3, "there is no change 'CHG-9'"),
        (("change", "windows", "--ci", "web-1", *NIGHT), 2, "give --minutes"),
        (("change", "windows", "CHG-1", "--first", "51", *NIGHT), 5, "first is 51"),
        (("change", "create", "empty", "--reason", "why"), 5, "at least one CI"),
        (("change", "move", "CHG-1", "closed", "--reason", "why"), 5, "CHG-1 is draft"),
        (("release", "create", "empty", "--reason", "why"), 5, "at least one CI"),
        (
            ("release", "create", "r", "--ci", "web-1", "--installs", "os_version", "--reason", "w"),
            5,
            "says no version",
        ),
        (("release", "create", "r", "--ci", "web-1", "--tested", "os_verson=1", "--reason", "w"), 5, "os_version"),
        (("release", "create", "r", "--ci", "web-1", "--tested", "product:=1", "--reason", "w"), 5, "or product:NAME"),
        (
            (
                "release",
                "create",
                "r",
                "--ci",
                "web-1",
                *("--installs", "model=1", "--installs", "model=2"),
                "--reason",
                "w",
            ),
            5,
            "one version of each",
        ),
        (("release", "outcome", "REL-9"), 3, "there is no release 'REL-9'"),
        (("release", "waves"), 2, "name either a release"),
        (("release", "waves", "--name-prefix", "web", "--ci", "web-1"), 2, "goes with --class"),
        (("release", "waves", "--ci", "web-1", "--size", "0"), 5, "a wave of 0"),
        (("release", "waves", "REL-9"), 3, "there is no release 'REL-9'"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Commands, arguments: tuple[str, ...], code: int, text: str) -> None:
    done = run("rita", *arguments)

    assert (done.code, text in done.err) == (code, True), done.err
