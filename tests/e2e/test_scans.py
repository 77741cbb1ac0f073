"""Scans on the command line, over a real store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.program import cmdb, kept_open

pytestmark = pytest.mark.e2e
SITE = """
format: 1
name: services
cis:
  - {class: PowerDevice, key: feed, name: feed-1, identifiers: ["serial:apc:FEED0001"]}
  - {class: PowerDevice, key: old, name: feed-2, identifiers: ["serial:apc:FEED0002"], status: retired}
  - class: Computer
    key: one
    name: web-1
    identifiers: ["serial:dell:WEB00001"]
    links: [{type: POWERED_BY, to: feed}, {type: POWERED_BY, to: old}]
  - {class: Computer, key: two, name: web-2, identifiers: ["serial:dell:WEB00002"]}
  - class: Service
    key: shop
    name: Shop
    identifiers: ["service:shop"]
    attributes: {criticality: 4}
    links:
      - {type: DEPENDS_ON, to: one, attributes: {group_key: web}}
      - {type: DEPENDS_ON, to: two, attributes: {group_key: web}}
  - class: Service
    key: blog
    name: Blog
    identifiers: ["service:blog"]
    links: [{type: DEPENDS_ON, to: two}, {type: DEPENDS_ON, to: wiki}]
  - class: Service
    key: wiki
    name: Wiki
    identifiers: ["service:wiki"]
    links: [{type: DEPENDS_ON, to: blog}]
"""


def test_all_scans(tmp_path: Path) -> None:
    """Push a small site and ask each question, as a table and as JSON; then ask badly."""
    file = tmp_path / "services.yaml"
    file.write_text(SITE)
    data = ["--data-dir", str(tmp_path / "store")]
    with kept_open(tmp_path / "store"):
        pushed = cmdb(tmp_path, "ingest", "push", file, *data)
        start = cmdb(tmp_path, "scan", "cold-start", "-o", "csv", *data)
        stuck = cmdb(tmp_path, "scan", "cold-start", "--deadlocks", "-o", "ndjson", *data)
        cuts = cmdb(tmp_path, "scan", "cuts", "Shop", "-o", "json", *data)
        single = cmdb(tmp_path, "scan", "single-points", "--sequence", "1", "-o", "ndjson", *data)
        double = cmdb(tmp_path, "scan", "pairs", *data)
        leg = cmdb(tmp_path, "scan", "last-leg", *data)
        nobody = cmdb(tmp_path, "scan", "cuts", "nobody", *data)
        large = cmdb(tmp_path, "scan", "cuts", "Shop", "--size", "4", *data)
        few = cmdb(tmp_path, "scan", "cuts", "Shop", "--first", "1", *data)
        future = cmdb(tmp_path, "scan", "last-leg", "--sequence", "99", *data)

    assert pushed.returncode == 0, pushed.stderr
    assert [line.split(",")[:3] for line in start.stdout.splitlines()[1:]] == [
        ["1", "PowerDevice", "feed-1"],
        ["1", "Computer", "web-2"],
        ["2", "Service", "Shop"],
        ["2", "Computer", "web-1"],
    ]
    assert "4 start in 2 stages; 2 never start" in start.stderr
    assert {row["name"]: row["loop"] for row in map(json.loads, stuck.stdout.splitlines())} == {
        "Blog": True,
        "Wiki": True,
    }
    answer = json.loads(cuts.stdout)
    assert ([[m["name"] for m in c["members"]] for c in answer["cuts"]], answer["complete"]) == (
        [["feed-1", "web-2"], ["web-1", "web-2"]],
        True,
    )
    found = {row["name"]: row["of_them"] for row in map(json.loads, single.stdout.splitlines())}
    assert found == {"web-2": ["Blog", "Wiki"], "Blog": ["Wiki"], "Wiki": ["Blog"]}
    assert ("web-1" in double.stdout, "Shop" in double.stdout, double.returncode) == (True, True, 0)
    assert "web-1 runs on its last leg: it needs 1 and has feed-1 left, because feed-2 is retired." in leg.stdout
    assert [r.returncode for r in (nobody, large, few, future)] == [3, 2, 6, 5]
    assert "not complete" in few.stderr
    assert not any("Traceback" in r.stderr for r in (nobody, large, few, future))
