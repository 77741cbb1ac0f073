"""Asking for the past on the command line."""

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
  - class: Computer
    key: web
    name: {host}
    identifiers: ["serial:dell:WEB00001"]
  - class: Service
    name: Shop
    identifiers: ["service:shop"]
    links: [{links}]
"""


def test_reads_and_impact_of_an_earlier_commit(tmp_path: Path) -> None:
    """Push, rename and untie, then ask how it was; moments that make no sense are refused."""
    file = tmp_path / "services.yaml"
    data = ["--data-dir", str(tmp_path / "store")]
    file.write_text(SITE.format(host="web-1", links="{type: DEPENDS_ON, to: web}"))
    with kept_open(tmp_path / "store"):
        pushed = cmdb(tmp_path, "ingest", "push", file, *data)
        file.write_text(SITE.format(host="web-2", links=""))
        cmdb(tmp_path, "ingest", "push", file, *data)
        listed = cmdb(tmp_path, "ci", "list", "--sequence", "1", "-o", "name", *data)
        before = cmdb(tmp_path, "ci", "list", "--as-of", "2001-01-01T00:00:00Z", "-o", "name", *data)
        got = cmdb(tmp_path, "ci", "get", "web-1", "--sequence", "1", "-o", "json", *data)
        gone = cmdb(tmp_path, "ci", "get", "web-1", *data)
        then = cmdb(tmp_path, "impact", "web-1", "--sequence", "1", "-o", "json", *data)
        now = cmdb(tmp_path, "impact", "web-2", "-o", "json", *data)

        assert pushed.returncode == 0, pushed.stderr
        assert (len(listed.stdout.split()), before.stdout.strip(), gone.returncode) == (2, "", 3)
        assert [r["type"] for r in json.loads(got.stdout)["relationships"]] == ["DEPENDS_ON"]
        assert {n["ci"]["name"] for n in json.loads(then.stdout)["nodes"]} == {"web-1", "Shop"}
        assert {n["ci"]["name"] for n in json.loads(now.stdout)["nodes"]} == {"web-2"}
        for options, code, word in (
            (["--sequence", "9"], 5, "the ledger is at 2"),
            (["--as-of", "2999-01-01T00:00:00Z"], 5, "future"),
            (["--as-of", "last tuesday"], 2, "ISO 8601"),
            (["--as-of", "2026-01-01T00:00:00"], 2, "zone"),
            (["--as-of", "2026-01-01T00:00:00Z", "--sequence", "1"], 2, "one of them"),
        ):
            refused = cmdb(tmp_path, "ci", "list", *options, *data)

            assert (refused.returncode, word in refused.stderr) == (code, True), refused.stderr
            assert "Traceback" not in refused.stderr
