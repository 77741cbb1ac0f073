"""Results of scans that are kept, on the command line."""

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
  - {{class: Computer, key: one, name: web-1, identifiers: ["serial:dell:WEB00001"]}}
  - {{class: Computer, key: two, name: web-2, identifiers: ["serial:dell:WEB00002"]}}
  - class: Service
    key: shop
    name: Shop
    identifiers: ["service:shop"]
    attributes: {{criticality: 4}}
    links: [{links}]
"""
BOTH = (
    "{type: DEPENDS_ON, to: one, attributes: {group_key: w}}, {type: DEPENDS_ON, to: two, attributes: {group_key: w}}"
)


@pytest.fixture
def run(
    store: BoltStore,
    embedded_engine: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    """Commands on an empty store."""
    return Commands(embedded_engine.endpoint, tmp_path, monkeypatch, capsys)


def site(run: Commands, folder: Path, links: str) -> None:
    (folder / "site.yaml").write_text(SITE.format(links=links))

    assert run("otto", "ingest", "push", "site.yaml").code == 0


def test_what_became_a_single_point_since_the_last_scan(run: Commands, tmp_path: Path) -> None:
    site(run, tmp_path, BOTH)
    early = run("ann", "scan", "changes")
    none = run("ann", "scan", "single-points", "--since-last")
    kept = run("ann", "scan", "run", "--reason", "before the fair", "-o", "json")
    same = run("ann", "scan", "single-points", "--since-last", "-o", "ndjson")
    site(run, tmp_path, "{type: DEPENDS_ON, to: one}")
    worse = run("ann", "scan", "single-points", "--since-last", "-o", "ndjson")
    pairs = run("ann", "scan", "pairs", "--since-last", "-o", "json")
    history = run("ann", "scan", "history", "--kind", "pairs", "-o", "ndjson")
    changes = run("ann", "scan", "changes")
    limited = run("ann", "scan", "pairs", "--since-last", "--all")
    unknown = run("ann", "scan", "run", "--kind", "pair", "--reason", "r")
    answer = {one["kind"]: one for one in json.loads(kept.out)}

    assert (early.code, none.code) == (3, 3)
    assert "no result is kept yet; `cmdb scan run` keeps one" in early.err
    assert list(answer) == ["SINGLE_POINTS", "PAIRS", "LAST_LEG", "DEADLOCKS"]
    assert (answer["SINGLE_POINTS"]["latest"]["found"], answer["PAIRS"]["latest"]["found"]) == (0, 1)
    assert [ci["name"] for ci in answer["PAIRS"]["latest"]["entries"][0]["cis"]] == ["web-1", "web-2"]
    assert (same.code, same.out) == (0, "")
    assert [(r["change"], r["names"], r["services"], r["why"]) for r in worse.rows()] == [("new", ["web-1"], 1, "Shop")]
    assert "single_points: 1 found; 1 new, 0 gone, 0 changed since" in worse.err
    assert [[ci["name"] for ci in e["cis"]] for e in json.loads(pairs.out)["gone"]] == [["web-1", "web-2"]]
    assert [(r["found"], r["new"], r["complete"]) for r in history.rows()] == [(1, 0, True)]
    assert "there is no result of another day to compare with" in changes.err
    assert (limited.code, unknown.code) == (2, 5)
    assert "pairs" in unknown.err
