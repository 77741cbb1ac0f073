"""Answers of the running demo, verified from outside the process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.impact.outside import Server, check_all
from tests.program import ROOT, Running, cmdb

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("demo")
    running = Running(home, "demo", "--data-dir", home / "data", "--port", "0")
    address = running.address()
    running.wait_for(lambda line: line.startswith("Ctrl-C"))
    yield f"{address}/graphql"
    running.interrupt()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "tests" / "impact" / "outside.py"
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, timeout=300)


def test_answers_of_the_demo_hold(demo: str) -> None:
    one = command("--url", demo, "--seeds", "ups-a", "core-1")
    many = command("--url", demo, "--all", "120")

    assert one.returncode == 0, one.stderr
    assert "verified: 1 answers" in one.stdout
    assert many.returncode == 0, many.stderr
    assert "verified: 120 answers" in many.stdout


class Liar(Server):
    """A server whose impact answers are changed on their way."""

    change: Callable[[Any], object]

    def ask(self, document: str, **variables: Any) -> Any:
        data = super().ask(document, **variables)
        if "impact" in data and variables["input"]["skip"] == 0:
            type(self).change(data["impact"])
        return data


LIES: dict[str, Callable[[Any], object]] = {
    "forgets who is impacted": lambda impact: impact["nodes"].pop(),
    "forgets a step": lambda impact: impact["proof"].pop(),
    "forgets who is spared": lambda impact: impact["spared"].clear(),
    "finds a cause too much": lambda impact: impact["proof"][-1]["cites"].append(impact["proof"][-1]["number"]),
    "widens a margin": lambda impact: impact["spared"][0].update(margin=99),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_out(demo: str, lie: str, capsys: pytest.CaptureFixture[str]) -> None:
    liar = type("OneLie", (Liar,), {"change": staticmethod(LIES[lie])})(demo)

    assert check_all(liar, "DOWN", ["ups-a"], None) == 1
    assert "REFUTED" in capsys.readouterr().err


def test_who_can_not_be_asked_is_named(tmp_path: Path) -> None:
    done = command("--url", "http://127.0.0.1:9/graphql", "--all", "1")

    assert (done.returncode, done.stdout) == (2, "")
    assert "127.0.0.1:9" in done.stderr


def test_what_is_sure_holds_where_much_is_in_doubt(tmp_path: Path) -> None:
    """A policy that believes nobody alone: each relationship that one witness saw is in doubt."""
    strict = "sightings: {sure_from: 95, default: {period_h: 24, belief: 90}}\n"
    (tmp_path / "absence.yaml").write_text(strict)
    (tmp_path / "cmdb.toml").write_text('absence = "absence.yaml"\n')
    running = Running(tmp_path, "demo", "--data-dir", tmp_path / "data", "--port", "0")
    address = running.address()
    running.wait_for(lambda line: line.startswith("Ctrl-C"))
    done = command("--url", f"{address}/graphql", "--all", "60")
    asked = cmdb(tmp_path, "impact", "ups-a", "--data-dir", tmp_path / "data")
    drawn = cmdb(tmp_path, "impact", "ups-a", "--data-dir", tmp_path / "data", "-o", "svg")
    running.interrupt()

    assert done.returncode == 0, done.stderr
    assert "answers of which only what is sure was checked" in done.stdout
    assert "of them only possibly" in asked.stdout, asked.stderr
    assert "STALE_EVIDENCE" in asked.stdout
    assert 'class="possible"' in drawn.stdout
